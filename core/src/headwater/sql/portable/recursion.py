"""WITH RECURSIVE, as far as Spark goes: so many levels, so many rows.

Source: Apache Spark 4.1, `UnionLoopExec`, `spark.sql.cteRecursionLevelLimit` and
`spark.sql.cteRecursionRowLimit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Analysis, Scope
from headwater.sql.binding.from_clause import JoinKind, Unclear, read_from, reads, scopes_within
from headwater.sql.functions import called
from headwater.sql.portable import clauses
from headwater.sql.portable.pieces import Refusal, refuse_unless
from headwater.sql.portable.raising import spark_error
from headwater.sql.portable.scopes import Compiled
from headwater.sql.portable.spelling import cast, has_type
from headwater.sql.syntax.lexer import lex
from headwater.sql.syntax.nodes import span_of
from headwater.sql.typing.rules import wider

if TYPE_CHECKING:
    from headwater.sql.portable.queries import Queries

_LEVELS: Final = 100
_ROWS: Final = 1_000_000
_STEP_PARTS: Final = frozenset({"expressions", "from_", "joins", "where", "distinct"})
_HINT: Final = (
    "let the second part be SELECT ... FROM the query itself, perhaps joined to others, WHERE ..."
)


def names_itself(scope: Scope) -> bool:
    """Return whether a set operation of WITH RECURSIVE reads itself."""
    of_with = isinstance(scope.node.parent, exp.CTE)
    return of_with and any(reads(branch, scope) for branch in scope.branches)


def compiled(queries: Queries, scope: Scope) -> Compiled:
    """Return a recursive query.

    It runs before the whole query, too: there it raises where Spark does, whatever becomes of its
    rows; where they are cut off Spark may stop before. Each step carries how many levels and rows
    there were.

    Raises:
        Refusal: If it is not of the plain form for which that is proven.
    """
    node = scope.node
    anchor, step = scope.branches
    _check(queries.analysis, scope, node, step)
    types = tuple(o.type for o in scope.outputs)
    first = queries.from_subquery(anchor)
    name = f"r{queries.alias()}"
    queries.working[id(scope)] = name
    try:
        second = queries.from_subquery(step)
    finally:
        del queries.working[id(scope)]
    for made, type_ in zip((*first.types, *second.types), types * 2, strict=True):
        # Spark keeps the types of the first part, and fails where those of the second are wider.
        if made != type_ and not (made.is_integer and wider([type_, made]) == type_):
            hint = f"cast it in the second part, CAST(... AS {type_})"
            raise Refusal(f"WITH RECURSIVE with {made} where {type_} began", node, hint)
    refuse_unless(all(map(has_type, types)), "WITH RECURSIVE of such types", node)
    columns = ", ".join(f"{cast(f's.c{i}', x)} AS c{i}" for i, x in enumerate(types))
    most = _level_limit(queries.analysis, scope)
    refuse_unless(most > 0, "MAX RECURSION LEVEL 0", node)
    levels = _too_many("RECURSION_LEVEL_LIMIT_EXCEEDED", f"{most} levels")
    rows = _too_many("RECURSION_ROW_LIMIT_EXCEEDED", f"{_ROWS:,} rows")
    depth = f"CASE WHEN k.depth + 1 >= {most} THEN {levels} ELSE k.depth + 1 END"
    counted = "count(*) OVER ()"
    first_size, size = (
        f"CASE WHEN {n} >= {_ROWS} THEN {rows} ELSE {n} END"
        for n in (counted, f"k.size + {counted}")
    )
    sql = (
        f"WITH RECURSIVE {name} AS (\n"
        f"SELECT {columns}, 0 AS depth, {first_size} AS size FROM (\n{first.sql}\n) AS s\n"
        f"UNION ALL\n"
        f"SELECT {columns}, {depth} AS depth, {size} AS size FROM (\n{second.sql}\n) AS s "
        f"CROSS JOIN (SELECT max(depth) AS depth, max(size) AS size FROM {name}) AS k\n)\n"
        f"SELECT {', '.join(f'c{i}' for i in range(len(types)))} FROM {name}"
    )
    cut = scope.node.root().find(exp.Limit, exp.Fetch, exp.Exists) is not None
    spared = cut or clauses.may_be_spared(node)
    queries.ask_first(f"SELECT count(*) FROM (\n{sql}\n) AS s", spared=spared)
    surely = (False,) * len(types)
    return Compiled(sql, types, surely, surely, plain=False)


def _too_many(condition: str, what: str) -> str:
    return spark_error(condition, f"a recursive query goes beyond {what}", t.BIGINT)


def _check(analysis: Analysis, scope: Scope, node: exp.Expr, step: Scope) -> None:
    plain = isinstance(node, exp.Union) and not node.args.get("distinct")
    refuse_unless(plain, "WITH RECURSIVE without UNION ALL", node)
    more = any(node.args.get(k) for k in ("order", "limit", "offset", "with_"))
    refuse_unless(not more, "WITH RECURSIVE with ORDER BY, LIMIT or WITH of its own", node)
    if not _is_plain(analysis, scope, step):
        raise Refusal("this second part of WITH RECURSIVE", step.node, _HINT)


def _is_plain(analysis: Analysis, scope: Scope, step: Scope) -> bool:
    """Return whether a part reads the recursive query once, in FROM, in a form that is proven."""
    select, items = step.node, read_from(analysis, step)
    odd = [k for k, v in select.args.items() if v and k not in _STEP_PARTS]
    if not isinstance(select, exp.Select) or odd or isinstance(items, Unclear):
        return False
    looks = any(
        clauses.aggregated(x) or x.find(exp.Window) or called(clauses.bare(x)).kind == "generator"
        for x in select.expressions
    )
    sources = [item.source for item in items]
    reading = [i for i, source in enumerate(sources) if reads(source, scope)]
    if looks or len(reading) != 1 or any(reads(s, scope) for s in step.subqueries):
        return False
    (place,) = reading
    others = [s for s in (*sources, *step.subqueries) if isinstance(s, Scope) and s is not scope]
    if any(names_itself(x) for s in others for x in scopes_within(s) if x is not scope):
        return False
    kinds = {item.kind for item in items} <= {JoinKind.INNER, JoinKind.LEFT, JoinKind.SEMI}
    if not kinds or any(item.kind is not JoinKind.INNER for item in items[: place + 1]):
        return False
    inner = sources[place]
    return inner is scope or (isinstance(inner, Scope) and _is_plain(analysis, scope, inner))


def _level_limit(analysis: Analysis, scope: Scope) -> int:
    """Return what MAX RECURSION LEVEL says, which the parser reads past."""
    cte = scope.node.find_ancestor(exp.CTE)
    alias = cte.args["alias"] if cte is not None else scope.node
    last = span_of(alias)
    words = [x for x in lex(analysis.text)[0] if last is not None and x.start >= last.end]
    if words and words[0].symbol == ")":
        del words[0]
    said = [x.word for x in words[:3]] == ["MAX", "RECURSION", "LEVEL"]
    return int(words[3].text) if said else _LEVELS
