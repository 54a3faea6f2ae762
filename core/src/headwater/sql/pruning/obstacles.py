"""What in one query block stands between a window and the tables below it.

A block may be passed where rows of different times never meet in it: then rows outside the window
can be left out below without changing a row inside. See `windows` for the whole proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Span
from headwater.sql.analysis import Analysis, Binding, Output, Scope
from headwater.sql.binding.from_clause import same_column
from headwater.sql.functions import called, is_aggregate, name_of
from headwater.sql.syntax.nodes import named_window, own_nodes, span_of
from headwater.sql.typing.literals import position

ELSE: Final = "or choose partitions in the query itself, by WHERE on their keys"


@dataclass(frozen=True, slots=True)
class Blocked:
    """The window does not reach a scan.

    Args:
        reason: What is in the way, for a person, without a full stop.
        span: Where it stands in the user's text.
        hint: What to do about it.
    """

    reason: str
    span: Span | None = None
    hint: str | None = None


_SELECT_PARTS: Final = frozenset(
    {
        "expressions", "from_", "joins", "laterals", "where", "group", "having", "qualify",
        "windows", "distinct", "order", "sort", "cluster", "distribute", "hint", "with_",
    }
)  # fmt: skip
_SET_PARTS: Final = frozenset(
    {"this", "expression", "distinct", "with_", "order", "sort", "cluster", "distribute"}
)
_WRAPPER_PARTS: Final = frozenset({"this", "alias", "with_", "order"})
_SETS: Final = {exp.Rollup: "ROLLUP", exp.Cube: "CUBE", exp.GroupingSets: "GROUPING SETS"}


def bare(analysis: Analysis, node: exp.Expr | None) -> Binding | None:
    """Return the column that an expression is: as it is, aliased, or cast to its own type."""
    while isinstance(node, (exp.Alias, exp.Paren, exp.Cast)):
        if type(node) is exp.Cast:
            type_ = analysis.type_of(node)
            if not type_.is_known or type_ != analysis.type_of(node.this):
                return None
        elif isinstance(node, exp.Cast):  # TRY_CAST
            return None
        node = node.this
    return analysis.binding_of(node) if isinstance(node, exp.Column) else None


def place_of(node: exp.Expr | None) -> Span | None:
    """Return where a node stands, if there is one."""
    return span_of(node) if node is not None else None


def origin_of(analysis: Analysis, output: Output) -> Binding | None:
    """Return the column that an output is, unchanged, or None where it is computed."""
    return output.origin or bare(analysis, output.node)


def computed(output: Output) -> Blocked:
    """Return the verdict on an output that is no bare column.

    Example: `SELECT ts + INTERVAL 1 DAY AS ts FROM t`
        -> `'ts' is computed, not a column of a table`
    """
    node = output.node
    while isinstance(node, (exp.Alias, exp.Paren)):
        node = node.this
    name = name_of(node) if node is not None else None
    hint = f"select the table's time column as it is, and let the window be on that, {ELSE}"
    if output.origin is not None:
        if output.origin.fields:
            what = f"a field inside {output.origin.column!r}"
        else:
            what = f"{output.origin.column!r} of the query around it"
    elif node is not None and is_aggregate(node):
        what = f"what {name}() makes of rows of many times"
    elif name is not None:
        what = f"what {name}() makes of other values"
    elif isinstance(node, exp.Cast):
        what = "a cast to another type"
    elif isinstance(node, exp.Column) or node is None:
        what = "merged from both sides of a join"
    else:
        what = "computed"
    return Blocked(f"{output.name!r} is {what}, not a column of a table", place_of(node), hint)


def in_block(analysis: Analysis, scope: Scope, origin: Binding | None) -> Blocked | None:
    """Return the first thing in a block that lets rows of different times meet, or None.

    Example: `SELECT ts FROM t LIMIT 3` -> `LIMIT takes its rows before the window does`

    Args:
        analysis: The query.
        scope: A SELECT or a set operation.
        origin: The column of its sources that the window is on; None for a set operation.
    """
    node = scope.node
    obstacle = _cut(node, _SELECT_PARTS if isinstance(node, exp.Select) else _SET_PARTS)
    wrapper = node.parent
    while obstacle is None and isinstance(wrapper, exp.Subquery):
        obstacle = _cut(wrapper, _WRAPPER_PARTS)
        wrapper = wrapper.parent
    if obstacle is not None or origin is None:
        return obstacle
    return (
        _grouping(analysis, scope, origin)
        or _windows(analysis, scope, origin)
        or _unstable(scope.node)
    )


def _cut(node: exp.Expr, admitted: frozenset[str]) -> Blocked | None:
    """Return what takes some rows of a block by their place among all rows."""
    for part, word in (("limit", "LIMIT"), ("offset", "OFFSET"), ("sample", "TABLESAMPLE")):
        if cut := node.args.get(part):
            return Blocked(
                f"{word} takes its rows before the window does",
                span_of(cut),
                f"filter by time below the {word}, or leave it out: the window limits the rows",
            )
    if pivots := node.args.get("pivots"):
        return pivoted(pivots[0])
    distinct = node.args.get("distinct")
    if isinstance(distinct, exp.Distinct) and distinct.args.get("on"):
        return Blocked("DISTINCT ON keeps one row of many", span_of(distinct), "use QUALIFY")
    strange = [k for k, v in node.args.items() if v and k not in admitted]
    if strange:
        word = strange[0].strip("_").upper()
        return Blocked(f"{word} is not looked through", span_of(node), f"leave it out, {ELSE}")
    return None


def pivoted(pivot: exp.Expr) -> Blocked:
    """Return the verdict on what PIVOT or UNPIVOT reads.

    Example: `SELECT ts FROM (SELECT ts, s, i FROM t) PIVOT (sum(i) FOR s IN ('x'))`
        -> `PIVOT makes new rows of its input`
    """
    word = "UNPIVOT" if pivot.args.get("unpivot") else "PIVOT"
    return Blocked(
        f"{word} makes new rows of its input", span_of(pivot), f"filter by time below it, {ELSE}"
    )


def _grouping(analysis: Analysis, scope: Scope, origin: Binding) -> Blocked | None:
    group, having = scope.node.args.get("group"), scope.node.args.get("having")
    if not isinstance(group, exp.Group):
        whole = next((n for n in own_nodes(scope.node, ["with_"]) if _makes_one_group(n)), having)
        if whole is None:
            return None
        return Blocked(
            "an aggregate without GROUP BY counts rows of all times",
            span_of(whole),
            f"group by {origin.column!r}, {ELSE}",
        )
    sets = next(group.find_all(*_SETS), None)
    if sets is not None:
        return Blocked(
            f"{_SETS[type(sets)]} also makes groups of many times",
            span_of(sets) or span_of(group),
            f"use a plain GROUP BY with {origin.column!r} in it, {ELSE}",
        )
    # GROUP BY ALL groups by every output without an aggregate: a bare column is one.
    if group.args.get("all") or any(
        _is_key(analysis, scope, key, origin) for key in group.expressions
    ):
        return None
    return Blocked(
        f"GROUP BY puts rows of different {origin.column!r} together",
        span_of(group),
        f"group by the bare column {origin.column!r} as well, {ELSE}",
    )


def _is_key(analysis: Analysis, scope: Scope, key: exp.Expr, origin: Binding) -> bool:
    if (number := position(key)) is not None:
        place = number - 1
        outputs = scope.outputs
        return 0 <= place < len(outputs) and same_column(
            origin_of(analysis, outputs[place]), origin
        )
    return same_column(bare(analysis, key), origin)


def _makes_one_group(node: exp.Expr) -> bool:
    if not is_aggregate(node):
        return False
    parent = node.parent
    while isinstance(parent, (exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.WithinGroup)):
        parent = parent.parent
    return not isinstance(parent, exp.Window)


def _windows(analysis: Analysis, scope: Scope, origin: Binding) -> Blocked | None:
    for window in own_nodes(scope.node, ["with_"]):
        if not isinstance(window, exp.Window) or window.arg_key == "windows":
            continue
        defined = named_window(scope.node, window)
        keys = defined.args.get("partition_by") if defined is not None else None
        if not any(same_column(bare(analysis, key), origin) for key in keys or []):
            over = window.this
            word = "QUALIFY" if window.find_ancestor(exp.Qualify) else "a window function"
            return Blocked(
                f"{word} compares rows of different {origin.column!r}",
                span_of(window) or span_of(over),
                f"put {origin.column!r} into its PARTITION BY if each time stands alone, {ELSE}",
            )
    return None


def _unstable(select: exp.Expr) -> Blocked | None:
    for node in own_nodes(select, ["with_"]):
        function = called(node)
        if function.varies == "rows":
            return Blocked(
                f"{function.name}() numbers the rows that are read",
                span_of(node),
                f"take a column of the table that tells rows apart, {ELSE}",
            )
        # Without a seed no two reads agree anyway.
        if function.seed is not None and len(node.expressions) > function.seed:
            name = function.name
            return Blocked(
                f"{name}() with a seed gives each row its value by its place among all rows",
                span_of(node),
                f"take a hash of a column, e.g. xxhash64(id), {ELSE}",
            )
    return None
