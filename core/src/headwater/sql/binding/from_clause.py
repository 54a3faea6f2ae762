"""What a SELECT reads from: its tables and subqueries in the order in which they are joined.

    a JOIN b ON ... LEFT JOIN c ON ...      ((a join b) left join c), item by item

What moves a predicate down (`pruning.windows`, `pruning.key_conditions`) decides join by join; what
it can't see through comes back as an `Unclear` with the node that is in the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sqlglot import exp

from headwater.sql.analysis import Analysis, Binding, Generated, Scope, Source, TableReference
from headwater.types import DataType


class JoinKind(StrEnum):
    """How an item is joined to those before it; a comma and CROSS JOIN are `INNER`."""

    INNER = "JOIN"
    LEFT = "LEFT JOIN"
    RIGHT = "RIGHT JOIN"
    FULL = "FULL JOIN"
    SEMI = "LEFT SEMI JOIN"
    ANTI = "LEFT ANTI JOIN"


KEEPS_LEFT: Final = frozenset({JoinKind.INNER, JoinKind.LEFT, JoinKind.SEMI, JoinKind.ANTI})
"""Joins whose rows are rows of the left side: none is made up, none stands for several."""
KEEPS_RIGHT: Final = frozenset({JoinKind.INNER, JoinKind.RIGHT})
"""Joins whose rows are rows of the right side."""

_KINDS: Final = {
    ("", ""): JoinKind.INNER,
    ("", "INNER"): JoinKind.INNER,
    ("", "CROSS"): JoinKind.INNER,
    ("LEFT", ""): JoinKind.LEFT,
    ("LEFT", "OUTER"): JoinKind.LEFT,
    ("RIGHT", ""): JoinKind.RIGHT,
    ("RIGHT", "OUTER"): JoinKind.RIGHT,
    ("FULL", ""): JoinKind.FULL,
    ("FULL", "OUTER"): JoinKind.FULL,
    ("LEFT", "SEMI"): JoinKind.SEMI,
    ("", "SEMI"): JoinKind.SEMI,
    ("LEFT", "ANTI"): JoinKind.ANTI,
    ("", "ANTI"): JoinKind.ANTI,
}
_JOIN_PARTS: Final = frozenset({"this", "on", "side", "kind", "using", "method"})


@dataclass(frozen=True, slots=True)
class Item:
    """One table or subquery of a FROM clause.

    Args:
        key: Its key in `scope.sources`.
        source: What it is.
        node: Where it stands: `exp.Table`, `exp.Subquery`, `exp.Lateral` ...
        kind: How it is joined to the items before it; `INNER` for the first.
        on: Conjuncts of its ON.
        using: Columns of its USING; of a NATURAL join, those that both sides have.
        join: The join, None for the first.
        nested: What `(a JOIN b ON ...)` joins, where it is joined as a whole; key and source are
            those of its first item then.
    """

    key: str
    source: Source
    node: exp.Expr
    kind: JoinKind = JoinKind.INNER
    on: tuple[exp.Expr, ...] = ()
    using: tuple[str, ...] = ()
    join: exp.Expr | None = None
    nested: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Unclear:
    """A part of a FROM clause that is not understood well enough to look through it."""

    node: exp.Expr


def read_from(
    analysis: Analysis, scope: Scope, *, whole: bool = False
) -> tuple[Item, ...] | Unclear:
    """Return the items of a SELECT's FROM clause, in the order in which they are joined.

    LATERAL VIEWs are no items: they make rows of rows, one by one, after all joins.

    Args:
        analysis: The query.
        scope: The SELECT.
        whole: Whether what a PIVOT or UNPIVOT makes of a table is an item, too, and what an outer
            join has in brackets on its right.
    """
    select = scope.node
    from_ = select.args.get("from_")
    joins = select.args.get("joins") or []
    if not isinstance(from_, exp.From):
        return Unclear(select) if joins or scope.sources else ()
    items: list[Item] = []
    for join in (None, *joins):
        found = _joined(analysis, scope, join or from_.this, items, whole)
        if found is None:
            return Unclear(join or from_.this)
        items += found
    views = [lateral.this for lateral in select.args.get("laterals") or []]
    keys = [key for item in items for key in _keys_within(item)]
    others = [s for k, s in scope.sources.items() if k not in keys]
    if len(set(keys)) != len(keys) or len(others) != len(views):
        return Unclear(from_)
    if not all(isinstance(s, Generated) for s in others):
        return Unclear(from_)
    return tuple(items)


def _keys_within(item: Item) -> Iterator[str]:
    if not item.nested:
        yield item.key
    for part in item.nested:
        yield from _keys_within(part)


def spread(node: exp.Expr | None, kind: type[exp.And] | type[exp.Or]) -> Iterator[exp.Expr]:
    """Yield the conditions that AND (or OR) joins, however they are bracketed, in order."""
    todo = [node] if node is not None else []
    while todo:
        here = todo.pop()
        while isinstance(here, exp.Paren):
            here = here.this
        if isinstance(here, kind):
            todo += [here.expression, here.this]
        else:
            yield here


def conditions_of(clause: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield the conjuncts of a WHERE."""
    yield from spread(clause.this if clause is not None else None, exp.And)


def reads(source: Source, scope: Scope) -> bool:
    """Return whether a query is another one, or reads it somewhere."""
    return isinstance(source, Scope) and any(s is scope for s in scopes_within(source))


def read_by(source: Source) -> tuple[Source, ...]:
    """Return what a source reads, in FROM and in subqueries, each as often as it is named."""
    if isinstance(source, Scope):
        return (*source.sources.values(), *source.branches, *source.subqueries)
    return tuple(source.inputs.values()) if isinstance(source, Generated) else ()


def times_scanned(root: Scope, reference: TableReference) -> int:
    """Return how often a place is scanned, at most 2: a WITH counts each time it is named."""
    visits: dict[int, int] = {}
    todo: list[Source] = [root]
    while todo:
        source = todo.pop()
        visits[id(source)] = visits.get(id(source), 0) + 1
        if visits[id(source)] <= 2:
            todo += read_by(source)
    return min(visits.get(id(reference), 0), 2)


def scopes_within(root: Scope) -> Iterator[Scope]:
    """Yield all scopes of a query, each once, however often a WITH is named."""
    visited: set[int] = set()
    todo: list[Source] = [root]
    while todo:
        source = todo.pop()
        if id(source) not in visited:
            visited.add(id(source))
            todo += read_by(source)
            if isinstance(source, Scope):
                yield source


def columns_of(analysis: Analysis, source: Source) -> tuple[tuple[str, DataType], ...]:
    """Return the names and types of the columns that a source brings in."""
    if isinstance(source, TableReference):
        return tuple((c.name, c.type) for c in analysis.tables[source.name].columns)
    if isinstance(source, Scope):
        return tuple((o.name, o.type) for o in source.outputs)
    return tuple((c.name, c.type) for c in source.columns)


def same_column(a: Binding | None, b: Binding | None) -> bool:
    """Return whether two names mean one column, whole (no struct field of it)."""
    return (
        a is not None
        and b is not None
        and a.scope is b.scope
        and a.source == b.source
        and a.column.casefold() == b.column.casefold()
        and not a.fields
        and not b.fields
    )


def _item(scope: Scope, node: exp.Expr, whole: bool) -> Item | None:
    if node.args.get("laterals"):
        return None
    if pivots := node.args.get("pivots"):
        made = [k for k, s in scope.sources.items() if s.node is pivots[-1]] if whole else []
        return Item(made[0], scope.sources[made[0]], node) if made else None
    inner = node.this if isinstance(node, (exp.Subquery, exp.Lateral)) else node
    while isinstance(inner, exp.Subquery):
        inner = inner.this
    for key, source in scope.sources.items():
        if source.node is node or (source.node is inner and not isinstance(inner, exp.Table)):
            return Item(key, source, node)
    key = node.alias_or_name.casefold()
    named = scope.sources.get(key)
    # A CTE's scope has the node of its definition, so it is found by name.
    if isinstance(node, exp.Table) and isinstance(named, Scope) and not node.args.get("db"):
        return Item(key, named, node)
    return None


def _joined(
    analysis: Analysis,
    scope: Scope,
    node: exp.Expr,
    before: Sequence[Item],
    whole: bool,
    *,
    opened: bool = False,
) -> list[Item] | None:
    """Return the items of what comes first in FROM, or of a join; of brackets those in them.

    Brackets on the right change nothing where theirs and the join before them are inner ones.

    Args:
        analysis: The query.
        scope: The SELECT.
        node: A table, or a join.
        before: What it is joined to.
        whole: See `read_from`.
        opened: Whether it stands first in brackets, and its joins are looked at there.
    """
    join = node if isinstance(node, exp.Join) else None
    table = join.this if join is not None else node
    if table.args.get("joins") and not opened:
        return None
    if (joined := _how(join)) is None:
        return None
    kind, on = joined
    inner = _in_brackets(table)
    if inner is None:
        item = _item(scope, table, whole)
        if item is None:
            return None
        using = _using(analysis, join, item, before) if join is not None else ()
        return [replace(item, kind=kind, on=on, using=using, join=join)]
    first = _joined(analysis, scope, inner, (), whole, opened=True)
    items = list(first or ())
    for part in inner.args.get("joins") or ():
        more = _joined(analysis, scope, part, items, whole) if items else None
        if more is None:
            return None
        items += more
    if not items or join is None:
        return items or None
    plain = all(i.kind is JoinKind.INNER and not i.using for i in items)
    if join.args.get("using") or join.args.get("method"):
        return None
    if kind is not JoinKind.INNER or not plain:
        first_item = items[0]
        nested = replace(first_item, kind=kind, on=on, using=(), join=join, nested=tuple(items))
        return [nested] if whole else None
    items[0] = replace(items[0], join=join)
    items[-1] = replace(items[-1], on=(*items[-1].on, *on))
    return items


def _in_brackets(node: exp.Expr) -> exp.Expr | None:
    """Return the table `a` of `(a JOIN b ON ...)`, on which the joins hang; None of a subquery."""
    more = {k for k, v in node.args.items() if v} - {"this", "joins"}
    if not isinstance(node, exp.Subquery) or more:
        return None
    inner = node.this
    nested = isinstance(inner, exp.Subquery) and (inner.args.get("joins") or _in_brackets(inner))
    return inner if isinstance(inner, exp.Table) or nested else None


def _how(join: exp.Join | None) -> tuple[JoinKind, tuple[exp.Expr, ...]] | None:
    """Return how a join joins, and its conditions; None if there is more to it."""
    if join is None:
        return JoinKind.INNER, ()
    method = str(join.args.get("method") or "").upper()
    kind = _KINDS.get((join.side.upper(), join.kind.upper()))
    strange = [k for k, v in join.args.items() if v and k not in _JOIN_PARTS]
    if kind is None or strange or method not in ("", "NATURAL"):
        return None
    return kind, tuple(spread(join.args.get("on"), exp.And))


def _using(
    analysis: Analysis, join: exp.Join, item: Item, before: Sequence[Item]
) -> tuple[str, ...]:
    if str(join.args.get("method") or "").upper() == "NATURAL":
        there = {c.casefold() for i in before for c, _ in columns_of(analysis, i.source)}
        return tuple(c for c, _ in columns_of(analysis, item.source) if c.casefold() in there)
    return tuple(u.name for u in join.args.get("using") or [])
