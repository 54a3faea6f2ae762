"""Through joins: which items of a FROM clause a window on a column of one of them reaches.

A join's rows whose column `c` lies in the window must not change when rows outside the window are
left out of an item. For `left JOIN right ON ...`, where `c` comes from

    left    true of `left` for JOIN, LEFT, SEMI and ANTI; and of `right` too where ON says that its
            column `d` equals `c`: what matches a row in the window is in the window
    right   likewise with RIGHT for LEFT; SEMI and ANTI bring in no column of `right`

A side whose rows an outer join may replace by NULLs, and both sides of a FULL JOIN, are left alone:
much of it could be proved, but a time that may be missing is seldom the time of a row.
Where all joins are inner, WHERE says as much as ON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from sqlglot import exp

from headwater.diagnostics import Span
from headwater.sql.analysis import Analysis, Binding, Scope
from headwater.sql.binding.from_clause import (
    KEEPS_LEFT,
    KEEPS_RIGHT,
    Item,
    JoinKind,
    columns_of,
    conditions_of,
)
from headwater.sql.pruning.obstacles import ELSE, Blocked
from headwater.sql.syntax.nodes import span_of

_Column: TypeAlias = "tuple[str, str]"  # key of an item, column in lower case

_ORDERED_ALIKE: Final = frozenset(
    {"timestamp", "timestamp_ntz", "date", "tinyint", "smallint", "int", "bigint"}
)
"""Types whose equal values lie in the same windows, and nothing about case, blanks or NaN."""


def columns_reached(
    analysis: Analysis, scope: Scope, items: Sequence[Item], origin: Binding
) -> list[str | Blocked]:
    """Return for each item its column that the window may go down to, or what is in the way.

    Example: `SELECT t.ts FROM t JOIN u ON t.ts = u.ts` -> `t.ts, u.ts`

    Args:
        analysis: The query.
        scope: The SELECT whose FROM clause it is.
        items: That clause.
        origin: The column of one of the items that the window is on.
    """
    equal = [list(_equalities(analysis, scope, items, i)) for i in range(len(items))]
    if all(item.kind is JoinKind.INNER for item in items):
        from_where = list(_pairs(analysis, scope, conditions_of(scope.node.args.get("where"))))
        equal = [pairs + from_where for pairs in equal]
    reached: dict[str, str] = {}
    barred: dict[str, Blocked] = {}
    start = (origin.source, origin.column.casefold())
    _carry(items, equal, len(items) - 1, start, reached, barred, set())
    return [
        reached.get(item.key) or barred.get(item.key) or _other_side(item, origin) for item in items
    ]


def _carry(
    items: Sequence[Item],
    equal: Sequence[Sequence[tuple[_Column, _Column]]],
    last: int,
    column: _Column,
    reached: dict[str, str],
    barred: dict[str, Blocked],
    visited: set[tuple[int, _Column]],
) -> None:
    """Carry a window on a column into the join of `items[: last + 1]`."""
    if (last, column) in visited:
        return
    visited.add((last, column))
    key, name = column
    item = items[last]
    if last == 0:
        reached.setdefault(key, name)
        return
    left = {i.key for i in items[:last]}
    partners = [other for pair in equal[last] for one, other in (pair, pair[::-1]) if one == column]
    if item.key == key:
        if item.kind not in KEEPS_RIGHT:
            barred.setdefault(key, _null_extended(item, key))
            return
        reached.setdefault(key, name)
        for partner in partners:
            if partner[0] in left:
                _carry(items, equal, last - 1, partner, reached, barred, visited)
    elif item.kind not in KEEPS_LEFT:
        barred.setdefault(key, _null_extended(item, key))
    else:
        for partner in partners:
            if partner[0] == item.key:
                reached.setdefault(*partner)
        _carry(items, equal, last - 1, column, reached, barred, visited)


def _equalities(
    analysis: Analysis, scope: Scope, items: Sequence[Item], index: int
) -> Iterator[tuple[_Column, _Column]]:
    """Yield the pairs of columns that a join's ON, USING or NATURAL makes equal."""
    item = items[index]
    yield from _pairs(analysis, scope, item.on)
    for name in item.using:
        folded = name.casefold()
        right = {c.casefold(): t for c, t in columns_of(analysis, item.source)}
        holders = [
            (other.key, type_)
            for other in items[:index]
            for column, type_ in columns_of(analysis, other.source)
            if column.casefold() == folded
        ]
        # Of several columns of that name, USING takes one, or what a FULL JOIN makes of two.
        if len(holders) == 1 and folded in right:
            key, type_ = holders[0]
            if type_ == right[folded] and type_.name in _ORDERED_ALIKE:
                yield (key, folded), (item.key, folded)


def _pairs(
    analysis: Analysis, scope: Scope, conditions: Iterable[exp.Expr]
) -> Iterator[tuple[_Column, _Column]]:
    for condition in conditions:
        if type(condition) not in (exp.EQ, exp.NullSafeEQ):
            continue
        one, other = (analysis.binding_of(side) for side in (condition.this, condition.expression))
        if (
            one is not None
            and other is not None
            and one.scope is scope is other.scope
            and not one.fields
            and not other.fields
            and one.type == other.type
            and one.type.name in _ORDERED_ALIKE
        ):
            yield (one.source, one.column.casefold()), (other.source, other.column.casefold())


def _null_extended(item: Item, key: str) -> Blocked:
    return Blocked(
        f"{item.kind} may put NULLs in the place of {key!r}",
        _at(item),
        f"take the time of the side that keeps all its rows, or use JOIN, {ELSE}",
    )


def _other_side(item: Item, origin: Binding) -> Blocked:
    return Blocked(
        f"{item.key!r} is joined to the rows of {origin.source!r}, whatever its own times",
        _at(item),
        f"if both have the same time, say so in ON, {ELSE}",
    )


def _at(item: Item) -> Span | None:
    return span_of(item.node.this if isinstance(item.node, exp.Table) else item.node)
