"""Which nodes of sqlglot's tree a query may be made of, and why others are refused. Data.

What is on no list is refused: sqlglot reads far more than Spark's queries, and grows with each
release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Span
from headwater.sql.syntax.words import words

ALLOWED: Final = frozenset(
    {
        # queries
        exp.Select, exp.Union, exp.Intersect, exp.Except, exp.Subquery, exp.Values, exp.With,
        exp.CTE, exp.TableAlias, exp.From, exp.Join, exp.Lateral,
        exp.Table, exp.TableSample, exp.Pivot, exp.PivotAlias,
        # clauses
        exp.Where, exp.Group, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Having, exp.Qualify,
        exp.Order, exp.Ordered, exp.Sort, exp.Distribute, exp.Cluster, exp.Limit, exp.Offset,
        exp.Distinct, exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup,
        exp.IgnoreNulls, exp.RespectNulls,
        # names
        exp.Identifier, exp.Column, exp.Star, exp.Dot, exp.Alias, exp.Aliases, exp.Var,
        # values
        exp.Literal, exp.HexString, exp.Boolean, exp.Null, exp.Interval, exp.IntervalSpan,
        exp.DataType, exp.DataTypeParam, exp.ColumnDef, exp.Tuple, exp.Paren,
        # conditions
        exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE,
        exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike,
        exp.RegexpLike, exp.Escape, exp.Any, exp.All, exp.Exists,
        # operators
        exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv, exp.Neg, exp.DPipe,
        exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.BitwiseNot,
        exp.BitwiseLeftShift, exp.BitwiseRightShift,
        exp.Bracket, exp.JSONExtract, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey,
        exp.JSONPathSubscript, exp.JSONPathWildcard, exp.Collate,
        # calls with their own syntax; every other call is `exp.Anonymous`
        exp.Anonymous, exp.Cast, exp.TryCast, exp.Case, exp.If, exp.Extract, exp.Trim,
        exp.Substring, exp.StrPosition, exp.Overlay, exp.Lambda, exp.Kwarg,
        exp.CurrentDate, exp.CurrentTimestamp,
    }
)  # fmt: skip

CHAINS: Final = frozenset(
    {
        exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv, exp.DPipe,
        exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor, exp.Union, exp.Intersect, exp.Except,
    }
)  # fmt: skip
"""Nodes that lean to the left in long rows; what walks trees walks along these, not down."""

REFUSED: Final[dict[type[exp.Expr], tuple[str, str, str]]] = {
    exp.QueryTransform: (
        "script-transform",
        "TRANSFORM ... USING runs a program on the engine",
        "use SQL functions, or TRANSFORM(array, x -> ...) for arrays",
    ),
    exp.Placeholder: ("parameter", "parameters have no values here", "write the value itself"),
    exp.Parameter: ("parameter", "variables have no values here", "write the value itself"),
    exp.SessionParameter: ("parameter", "variables have no values here", "write the value itself"),
    exp.Version: (
        "time-travel",
        "a table's past versions are not read",
        "leave out VERSION AS OF and TIMESTAMP AS OF",
    ),
    exp.Into: ("not-a-query", "SELECT ... INTO writes a table", "leave out INTO"),
    exp.Insert: ("not-a-query", "INSERT writes a table", "only read"),
    exp.Delete: ("not-a-query", "DELETE changes a table", "only read"),
    exp.Update: ("not-a-query", "UPDATE changes a table", "only read"),
    exp.Merge: ("not-a-query", "MERGE changes a table", "only read"),
    exp.Create: ("not-a-query", "CREATE changes the catalog", "only read"),
    exp.Drop: ("not-a-query", "DROP changes the catalog", "only read"),
    exp.Command: ("not-a-query", "this is a command, not a query", "only read"),
    exp.Array: (
        "unsupported-syntax",
        "Spark has no arrays in square brackets",
        "write array(...)",
    ),
    exp.CurrentUser: (
        "forbidden-function",
        "current_user is not admitted: it answers about the engine's session, not about the data",
        "name a column; if one is called current_user, qualify it: t.current_user",
    ),
    exp.SessionUser: (
        "forbidden-function",
        "session_user is not admitted: it answers about the engine's session, not about the data",
        "name a column; if one is called session_user, qualify it: t.session_user",
    ),
}
"""Nodes that are refused with a code, a message and a hint of their own."""


EXTRACT_UNITS: Final = words(
    """
    y year years yr yrs yearofweek qtr quarter mon mons month months w week weeks d day days
    dayofweek dow dayofweek_iso dow_iso doy h hour hours hr hrs m min mins minute minutes
    s sec secs second seconds
    """
)
"""What EXTRACT and date_part can take out of a time. Source: Spark, `parseExtractField`."""


def own_nodes(root: exp.Expr, without: Sequence[str] = ()) -> Iterator[exp.Expr]:
    """Yield a node and those below it, breadth first, but not the queries within.

    Args:
        root: The node; it may be a query itself.
        without: Clauses of it that are left out, as sqlglot calls them.
    """
    left_out = {id(root.args.get(clause)) for clause in without}
    found = [root]
    for node in found:  # which grows meanwhile
        yield node
        found += [
            child
            for child in node.iter_expressions()
            if not isinstance(child, exp.Query) and id(child) not in left_out
        ]


def span_of(node: exp.Expr) -> Span | None:
    """Return a node's place in the text: from the first to the last of its parts that have one."""
    starts: list[int] = []
    ends: list[int] = []
    for part in node.walk():
        start, end = part.meta.get("start"), part.meta.get("end")
        if isinstance(start, int) and isinstance(end, int):
            starts.append(start)
            ends.append(end + 1)
    return Span(min(starts), max(ends)) if starts else None


def named_window(select: exp.Expr, window: exp.Expr) -> exp.Expr | None:
    """Return where a window is defined: in its OVER, or by its name in the WINDOW clause.

    Names of windows are case-sensitive in Spark, which follows `w AS v` once.

    Args:
        select: The SELECT around the window.
        window: An OVER, or one of the WINDOW clause.

    Returns:
        The node with PARTITION BY, ORDER BY and frame; None if there is none.
    """
    by_name = {w.name: w for w in select.args.get("windows") or ()}
    steps = 1 if window.arg_key == "windows" else 2
    here: exp.Expr | None = window
    for _ in range(steps):
        alias = here.args.get("alias") if here is not None else None
        if alias is None:
            return here
        here = by_name.get(alias.name)
    return here if here is not None and here.args.get("alias") is None else None
