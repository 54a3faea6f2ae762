"""FROM: tables, subqueries, joins, made rows and LATERAL VIEWs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Binding, Generated, Scope, TableReference
from headwater.sql.binding.char_columns import length_of_binding
from headwater.sql.binding.from_clause import (
    Item,
    JoinKind,
    Unclear,
    columns_of,
    conditions_of,
    read_from,
)
from headwater.sql.binding.relations import values_of
from headwater.sql.functions import called, name_of
from headwater.sql.portable import chars, early, generators, pivots
from headwater.sql.portable.comparing import compare, widened
from headwater.sql.portable.expressions import Expressions
from headwater.sql.portable.pieces import Cascade, Piece, Refusal, refuse_unless
from headwater.sql.portable.raising import doubted
from headwater.sql.portable.scopes import FENCE, Compiled, FromQuery, FromTable, Query
from headwater.sql.portable.spelling import name as quoted
from headwater.sql.portable.spelling import text as literal
from headwater.sql.typing.literals import position
from headwater.sql.typing.rules import read_as

if TYPE_CHECKING:
    from headwater.sql.portable.queries import Queries

_JOINS: Final = {
    JoinKind.INNER: "JOIN",
    JoinKind.LEFT: "LEFT JOIN",
    JoinKind.RIGHT: "RIGHT JOIN",
    JoinKind.FULL: "FULL JOIN",
    JoinKind.SEMI: "SEMI JOIN",
    JoinKind.ANTI: "ANTI JOIN",
}
_ITEM_PARTS: Final = frozenset({"this", "alias", "db", "catalog", "expressions", "pivots", "joins"})
"""What is looked at elsewhere, or here."""
_OF_A_JOIN: Final = "put the join into a subquery: FROM (SELECT ... FROM a JOIN b ...) PIVOT (...)"
_Text: TypeAlias = tuple[str, bool]
"""What stands in FROM, and whether making its last rows may raise."""
_MAY_RAISE: Final = "a join condition that may raise: the two engines may evaluate other rows"


def from_clause(queries: Queries, query: Query, *, reduces: bool, joins: bool) -> Compiled:
    """Return what stands after FROM, and fill `query.sources`.

    Args:
        queries: Compiles the subqueries.
        query: The SELECT.
        reduces: Whether the SELECT keeps fewer rows than FROM gives.
        joins: Whether it has several sources.
    """
    items = read_from(queries.analysis, query.scope, whole=True)
    if isinstance(items, Unclear):
        joined = query.scope.node.args.get("joins") or ()
        pivot = next((p for j in joined for p in j.args.get("pivots") or ()), None)
        if pivot is not None:
            raise Refusal("PIVOT and UNPIVOT of a join", pivot, _OF_A_JOIN)
        hint = "of joins in brackets write (SELECT ... FROM a JOIN b ON ...) AS name"
        raise Refusal("this part of FROM: not proven to mean the same", items.node, hint)
    made_of = _joined(queries, query, items, reduces=reduces, joins=joins)
    text, hidden, plain = made_of.sql, made_of.hidden, made_of.plain
    laterals = query.scope.node.args.get("laterals") or []
    for lateral in laterals:
        last = lateral is laterals[-1]
        text, may_raise = _lateral_view(queries, query, lateral, text, last)
        hidden = hidden or may_raise
    return Compiled(text, (), (), (), hidden, plain)


def _joined(
    queries: Queries, query: Query, items: Sequence[Item], *, reduces: bool, joins: bool
) -> Compiled:
    """Return items, joined from the left to the right."""
    text, hidden, plain = "", False, True
    laterals = query.scope.node.args.get("laterals")
    for index, item in enumerate(items):
        subquery: Compiled | None
        if isinstance(item.source, Generated) and isinstance(item.node, exp.Lateral):
            last = item is items[-1] and not laterals
            text, may_raise = _lateral_rows(queries, query, item, item.source, text, last)
            hidden = hidden or may_raise
            continue
        if item.nested:
            subquery = _joined(queries, query, item.nested, reduces=reduces, joins=joins)
            sql = f"({subquery.sql})"
        else:
            last = item is items[-1] and not laterals
            sql, subquery = _item(queries, query, item, reduces=reduces, joins=joins, last=last)
            query.items[item.key] = sql
            sql += "\0"  # the end of it; see `early`
        if subquery is not None:
            hidden, plain = hidden or subquery.hidden, plain and subquery.plain
        before = items[: index + 1]
        first = item.join is None or index == 0
        text = sql if first else f"{text}\n{_join(queries, query, before, sql)}"
    return Compiled(text, (), (), (), hidden, plain)


def _item(
    queries: Queries, query: Query, item: Item, *, reduces: bool, joins: bool, last: bool = True
) -> tuple[str, Compiled | None]:
    hint = "keep rows by a hash: WHERE pmod(hash(id), 10) = 0"
    refuse_unless(not item.node.args.get("sample"), "TABLESAMPLE", item.node, hint)
    strange = [k for k, v in item.node.args.items() if v and k not in _ITEM_PARTS]
    refuse_unless(not strange, f"{', '.join(strange)} in FROM", item.node)
    alias, source = queries.alias(), item.source
    if isinstance(source, TableReference):
        query.sources[item.key] = FromTable(alias, source)
        return f"{queries.table(source.name)} AS {alias}", None
    names = tuple(c for c, _ in columns_of(queries.analysis, source))
    if isinstance(source, Generated) and isinstance(source.node, exp.Pivot):
        subquery = _pivoted(queries, query, item.node, source)
    elif isinstance(source, Scope) and id(source) in queries.working:
        names = tuple(_alias_columns(item.node)) or names
        types = tuple(o.type for o in source.outputs)
        query.sources[item.key] = FromQuery(alias, names, types, *_no_risk(names))
        return f"{queries.working[id(source)]} AS {alias}", None
    elif isinstance(source, Generated):
        types = tuple(c.type for c in source.columns)
        query.sources[item.key] = FromQuery(alias, names, types, *_no_risk(names))
        return f"({_generated_rows(queries, query, source)}) AS {alias}", None
    else:
        lateral = isinstance(item.node, exp.Lateral)
        # A lateral one sees what stands before it.
        subquery = (queries.compiled if lateral else queries.from_subquery)(source)
        if lateral:
            _check_lateral(queries, query, item, subquery, last)
        names = tuple(_alias_columns(item.node)) or names
    query.sources[item.key] = FromQuery(
        alias, names, subquery.types, subquery.raises, subquery.declines
    )
    if isinstance(item.node, exp.Lateral):
        return f"LATERAL (\n{doubted(subquery.sql)}\n) AS {alias}", subquery
    if subquery.risky and reduces and (joins or subquery.hidden or not subquery.plain):
        return f"(\nSELECT * FROM (\n{subquery.sql}\n) AS s {FENCE}\n) AS {alias}", subquery
    return f"(\n{subquery.sql}\n) AS {alias}", subquery


def _check_lateral(queries: Queries, query: Query, item: Item, rows: Compiled, last: bool) -> None:
    """Refuse a LATERAL subquery that the two engines may evaluate for other rows."""
    assert isinstance(item.source, Scope)
    if rows.risky:
        # Spark computes it of the rows that stand before it, or of fewer.
        hint = "give out the columns, and compute in the SELECT around it"
        apart = last and not rows.hidden and _always(item) and not _asks(query)
        refuse_unless(apart, "a LATERAL subquery that may raise", item.node, hint)
    hint = "name it in the SELECT, or in a join's condition"
    refuse_floats(queries.named_around(item.source), "a LATERAL subquery", item.node, hint)


def refuse_floats(
    around: Iterable[Binding], what: str, node: exp.Expr, hint: str | None = None
) -> None:
    """Refuse a subquery that gives out a float of a row around it.

    DuckDB asks once for all rows with the same values: of two zeros it keeps one.
    """
    floats = any(x.is_floating for b in around for x in b.type.walk())
    refuse_unless(not floats, f"{what} that names a float of a row around it", node, hint)


def _always(item: Item) -> bool:
    """Return whether an item is joined to each row, by ON true or without a condition."""
    return all(isinstance(c, exp.Boolean) and c.this for c in item.on)


def _asks(query: Query) -> bool:
    """Return whether a WHERE asks a subquery, which filters rows where an engine likes."""
    where = query.scope.node.args.get("where")
    return where is not None and where.find(exp.Query) is not None


def _pivoted(queries: Queries, query: Query, node: exp.Expr, source: Generated) -> Compiled:
    """Return what a PIVOT or UNPIVOT makes of a table, a subquery, or another of them."""
    inputs = list(source.inputs.items())
    refuse_unless(len(inputs) == 1, "PIVOT and UNPIVOT of a join", source.node, _OF_A_JOIN)
    ((key, below),) = inputs
    inner = Query(query.scope)
    text, made_of = _item(queries, inner, Item(key, below, node), reduces=True, joins=False)
    e = Expressions(queries.analysis, queries, inner)
    with queries.opened(inner):
        return pivots.compiled(e, source, text, hidden=made_of is not None and made_of.hidden)


def _no_risk(columns: Sequence[object]) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Return the `raises` and `declines` of columns that raise on no row."""
    return (False,) * len(columns), (False,) * len(columns)


def _alias_columns(node: exp.Expr) -> list[str]:
    alias = node.args.get("alias")
    return [c.name for c in (alias.args.get("columns") or [])] if alias is not None else []


def _join(queries: Queries, query: Query, items: Sequence[Item], sql: str) -> str:
    """Return the last item with how it is joined to those before it."""
    item = items[-1]
    e = Expressions(queries.analysis, queries, query)
    # Spark parts CASE WHEN a THEN b ELSE false END into a AND b, and takes its key from b.
    e.learns = item.kind is JoinKind.INNER
    on = [queries.attempt(partial(_on, e, items), c) for c in item.on]
    on += [queries.attempt(partial(_using, queries, query, items, item), c) for c in item.using]
    refuse_unless(not any(p.risky for p in on), _MAY_RAISE, item.join)
    names = [queries.analysis.binding_of(c) for o in item.on for c in o.find_all(exp.Column)]
    around = any(b is not None and not b.scope.is_within(query.scope) for b in names)
    inner = item.kind is JoinKind.INNER
    reason = "an outer join whose condition names columns around its query"
    refuse_unless(inner or not around, reason, item.join)
    if on:
        return f"{_JOINS[item.kind]} {sql} ON {' AND '.join(p.sql for p in on)}"
    refuse_unless(inner, "an outer join without a condition", item.join)
    return f"CROSS JOIN {sql}"


def _on(e: Expressions, items: Sequence[Item], node: exp.Expr) -> Piece:
    """Return a condition of a join; its item's own rows are all there."""
    piece = e.boolean(node)
    if not piece.risky:
        return piece
    joined = [*items[:-1], replace(items[-1], kind=JoinKind.INNER)]
    return early.condition(e, node, joined, conditions_within(e.query.scope, items))


def conditions_within(scope: Scope, items: Iterable[Item]) -> Iterator[exp.Expr]:
    """Yield all conditions of a SELECT's WHERE and joins."""
    yield from conditions_of(scope.node.args.get("where"))
    for item in items:
        yield from item.on


def _using(queries: Queries, query: Query, items: Iterable[Item], item: Item, column: str) -> Piece:
    """Return the equality of a USING column."""
    hint = "write ON a.k = b.k, and coalesce(a.k, b.k) for the column"
    refuse_unless(item.kind is not JoinKind.FULL, "FULL JOIN ... USING", item.join, hint)
    nested = any(other.nested for other in items)
    refuse_unless(not nested, f"USING ({column}) beside joins in brackets", item.join)
    before = []
    for other in items:
        if other is item:
            break
        if other.kind not in (JoinKind.SEMI, JoinKind.ANTI):
            before += [b for b in [_named(queries, query, other.key, column)] if b is not None]
    here = _named(queries, query, item.key, column)
    # With several candidates on the left, which one Spark compares depends on the joins.
    if len(before) != 1 or here is None:
        raise Refusal(f"USING ({column}): its left side can't be told", item.join)
    sides = [queries.column_of(before[0]), queries.column_of(here)]
    if any(side.type == t.UNKNOWN for side in sides):
        raise Cascade(f"column {column!r}", item.join)
    for binding in (before[0], here):
        chars.refuse_within(queries.analysis, binding, item.join)
    lengths = [length_of_binding(queries.analysis, b) for b in (before[0], here)]
    if None not in lengths:
        sides = chars.widest(sides, [n or 0 for n in lengths])
    return compare("=", *sides)


def _named(queries: Queries, query: Query, key: str, column: str) -> Binding | None:
    source = query.sources[key]
    if isinstance(source, FromTable):
        match = queries.analysis.tables[source.reference.name].column(column)
        if match is None:
            return None
        return Binding(query.scope, key, match.name, read_as(match.type))
    indexes = source.find(column)
    if len(indexes) != 1:
        return None
    return Binding(query.scope, key, column, source.types[indexes[0]])


# -- rows that are made --------------------------------------------------------------------------


def _generated_rows(queries: Queries, query: Query, source: Generated) -> str:
    if isinstance(source.node, exp.Values):
        return _values(queries, query, source)
    if isinstance(source.node, exp.Table) and called(source.node.this).rule == "range":
        return _range(source.node.this)
    # `FROM explode(...)` names nothing that stands beside it.
    call = source.node.this
    rows = _rows(queries, Query(query.scope), source, call)
    refuse_unless(not rows.risky, f"{name_of(call)}() in FROM of what may raise", call)
    # DuckDB asks once for all rows around it with the same values: of two zeros it keeps one.
    refuse_unless(not rows.floats, f"{name_of(call)}() in FROM of a float around it", call)
    if not rows.outer:
        return rows.sql
    return f"SELECT r.* FROM (SELECT 1) AS one LEFT JOIN LATERAL ({rows.sql}) AS r ON true"


def _values(queries: Queries, query: Query, source: Generated) -> str:
    e = Expressions(queries.analysis, queries, Query(query.scope))
    rows = []
    for row in source.node.expressions:
        pairs = zip(values_of(row), source.columns, strict=True)
        pieces = [widened(e.piece(n), c.type) for n, c in pairs]
        refuse_unless(not any(p.risky for p in pieces), "VALUES that may raise", source.node)
        rows.append(f"({', '.join(p.sql for p in pieces)})")
    names = ", ".join(f"c{i}" for i in range(len(source.columns)))
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS v({names})"


def _range(call: exp.Expr) -> str:
    numbers = [a.name for a in call.expressions]
    plain = all(position(a) is not None for a in call.expressions)
    refuse_unless(plain and 1 <= len(numbers) <= 3, "range() without plain numbers", call)
    refuse_unless(len(numbers) < 3 or numbers[2] != "0", "range() by 0", call)
    return f"SELECT CAST(range AS BIGINT) AS c0 FROM range({', '.join(numbers)})"


# -- generators ----------------------------------------------------------------------------------


def _lateral_view(
    queries: Queries, query: Query, lateral: exp.Expr, text: str, last: bool
) -> _Text:
    call = lateral.this
    candidates = [
        (key, source)
        for key, source in query.scope.sources.items()
        if isinstance(source, Generated) and (source.node is lateral or source.node is call)
    ]
    if len(candidates) != 1:
        raise Refusal("a LATERAL VIEW: its columns can't be told", lateral)
    outer = bool(lateral.args.get("outer"))
    return _beside(queries, query, *candidates[0], call, text, outer=outer, last=last)


def _beside(
    queries: Queries,
    query: Query,
    key: str,
    source: Generated,
    call: exp.Expr,
    text: str,
    *,
    outer: bool,
    last: bool,
) -> _Text:
    """Return FROM with the rows that a generator makes of its rows, and whether that may raise.

    Args:
        queries: Compiles subqueries.
        query: The SELECT.
        key: The generator's key in `query.scope.sources`.
        source: The generator.
        call: Its call.
        text: What stands before it in FROM.
        outer: Whether a row of which it makes none is kept.
        last: Whether nothing more is joined to its rows.
    """
    rows = _rows(queries, query, source, call)
    if rows.risky:
        # Spark makes rows of those that the filters leave which it moves below: of these at most.
        reason = f"{name_of(call)}() of what may raise, before what filters its rows"
        refuse_unless(
            last and not _asks(query), reason, call, "make the rows in a subquery of FROM"
        )
        rows = rows.doubted()
    kept = kept_columns(queries, query) if rows.floats else {}
    query.closed = query.closed or rows.floats
    alias = queries.alias()
    names = tuple(c.name for c in source.columns)
    query.sources[key] = FromQuery(alias, names, rows.types, *_risk(rows))
    rows = replace(rows, outer=rows.outer or outer)
    return rows.beside(text, alias, queries.alias(), kept), rows.risky


def _rows(queries: Queries, query: Query, source: Generated, call: exp.Expr) -> generators.Rows:
    rows = generators.rows_of(Expressions(queries.analysis, queries, query), call)
    types = tuple(c.type for c in source.columns)
    refuse_unless(types == rows.types, f"{name_of(call)}(): its types can't be told", call)
    return rows


def _lateral_rows(
    queries: Queries, query: Query, item: Item, source: Generated, text: str, last: bool
) -> _Text:
    """Return FROM with `LATERAL explode(...)` behind what it names."""
    hint = "write the condition behind WHERE"
    kinds = (JoinKind.INNER, JoinKind.LEFT)
    plain = _always(item) and not item.using and item.kind in kinds
    refuse_unless(plain, "LATERAL rows that a condition joins", item.join, hint)
    outer = item.kind is JoinKind.LEFT
    call = source.node.this
    return _beside(queries, query, item.key, source, call, text, outer=outer, last=last)


def kept_columns(queries: Queries, query: Query) -> dict[str, str]:
    """Return what a SELECT asks of each of its sources, as a struct, by the source's name."""
    scope, analysis = query.scope, queries.analysis
    bound = [analysis.binding_of(c) for c in scope.node.find_all(exp.Column)]
    bound += [o.origin for o in scope.outputs]
    columns: dict[str, dict[str, str]] = {key: {} for key in query.sources}
    for binding in bound:
        if binding is None or binding.scope is not scope or binding.source not in columns:
            continue
        source = query.sources[binding.source]
        if isinstance(source, FromTable):
            names = {binding.column: quoted(binding.column)}
        else:
            names = {f"c{i}": f"c{i}" for i in source.find(binding.column)}
        columns[binding.source] |= {n: f"{source.alias}.{sql}" for n, sql in names.items()}
    structs = {}
    for key, fields in columns.items():
        fields |= {n: f"{query.sources[key].alias}.{n}" for n in query.early.get(key, ())}
        listed = ", ".join(f"{literal(n)}: {sql}" for n, sql in fields.items())
        structs[query.sources[key].alias] = f"{{{listed}}}" if listed else "1"
    return structs


def _risk(rows: generators.Rows) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Return the `raises` and `declines` of the columns of a generator."""
    return (rows.raises,) * len(rows.types), (rows.declines,) * len(rows.types)
