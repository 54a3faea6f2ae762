"""Arithmetic in conditions of joins, computed before them, for each row of its table.

Spark evaluates `a.ts + INTERVAL 1 DAY` of `JOIN a ON b.ts < a.ts + INTERVAL 1 DAY` on rows of `a`,
on which ones is its optimizer's choice. Computed in a subquery around `a` it raises at least where
Spark does. What raises only on the largest numbers and the last days is treated so; casts of
texts and divisions are not, for they would end reads that Spark answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Binding, Scope
from headwater.sql.binding.from_clause import Item, JoinKind, Unclear, read_from, same_column
from headwater.sql.portable import clauses
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.scopes import FENCE, FromTable, Query

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_COMPUTED: Final = (exp.Add, exp.Sub, exp.Mul, exp.Neg)
_PARTS: Final = (
    *_COMPUTED, exp.Paren, exp.Column, exp.Identifier, exp.Literal, exp.Interval, exp.Var,
    exp.IntervalSpan,
)  # fmt: skip
_ABOVE: Final = (
    *_COMPUTED, exp.Paren, exp.And, exp.Not, exp.Between, exp.EQ, exp.NEQ, exp.LT, exp.LTE,
    exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ,
)  # fmt: skip
"""What evaluates its operands on every row."""


def condition(
    e: Expressions, node: exp.Expr, items: Iterable[Item], conditions: Iterable[exp.Expr]
) -> Piece:
    """Return a condition whose arithmetic is computed before the joins, as far as it may be.

    Args:
        e: Compiles it.
        node: The condition.
        items: What was joined where it stands, in order.
        conditions: All conditions of the SELECT: what they say is equal, Spark may take for it.
    """
    listed = [x for x in items if not x.nested]
    equal = list(_equal(e, conditions))
    for part in _computed(node):
        source = _source(e, part, listed, equal)
        if source is None:
            continue
        try:
            piece = e.piece(part)
        except Refusal:
            continue
        if piece.risky:
            e.early[id(part)] = _named(e, *source, piece)
    return e.boolean(node)


def comes_last(
    e: Expressions, node: exp.Expr, items: Iterable[Item], conditions: Iterable[exp.Expr]
) -> bool:
    """Return whether Spark surely evaluates a condition where all others are true, and only there.

    So it does where it needs both of two tables, and the others are about one of them each, or
    compare the two for equality, which pairs their rows.

    Example: `FROM a, b WHERE a.k = b.k AND a.year = 2002 AND a.n / b.n < 0.9`: the division
    """
    kinds = [item.kind for item in items]
    if kinds != [JoinKind.INNER, JoinKind.INNER] or len(_keys(e, node)) != 2:
        return False
    if any(isinstance(item.node, exp.Lateral) or item.nested for item in items):
        return False
    for condition_ in conditions:
        pairs = isinstance(condition_, (exp.EQ, exp.NullSafeEQ))
        parts = [condition_.this, condition_.expression] if pairs else [condition_]
        if condition_ is node:
            continue
        # What a column is said to be equal to, Spark may take for it, and evaluate it elsewhere.
        told = [e.analysis.binding_of(p.unnest()) for p in parts] if pairs else []
        named = [e.analysis.binding_of(c) for c in node.find_all(exp.Column)]
        if any(len(_keys(e, p)) > 1 for p in parts):
            return False
        if any(same_column(a, b) for a in told for b in named):
            return False
    return True


def _keys(e: Expressions, node: exp.Expr) -> set[str]:
    """Return the sources that an expression names, and one more if it looks elsewhere."""
    bound = [e.analysis.binding_of(c) for c in node.find_all(exp.Column)]
    own = {b.source for b in bound if b is not None and b.scope is e.query.scope}
    elsewhere = any(b is None or b.scope is not e.query.scope for b in bound)
    return own | ({"", "elsewhere"} if elsewhere or node.find(exp.Query) is not None else set())


def wrapped(query: Query, text: str) -> str:
    """Return a FROM clause whose sources compute what conditions ask of them."""
    for key, columns in query.early.items():
        item, alias = query.items[key], query.sources[key].alias
        listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        inner = f"(\nSELECT {alias}.*, {listed} FROM {item} {FENCE}\n) AS {alias}"
        before, after = text.split(f"{item}\x00", 1)
        text = f"{before}{inner}\x00{after}"
    return text.replace("\x00", "")


def _computed(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the topmost sums, differences and products in a condition that are always evaluated."""
    todo = [node]
    while todo:
        here = todo.pop()
        if isinstance(here, _COMPUTED) and all(isinstance(x, _PARTS) for x in here.walk()):
            yield here
        if isinstance(here, _ABOVE):
            todo += here.iter_expressions()


def _source(
    e: Expressions, node: exp.Expr, items: list[Item], equal: list[Binding]
) -> tuple[Query, str] | None:
    """Return the one source that an expression is about, if its rows are all there.

    It may be one of a query around, which this one asks about each of its rows.

    Returns:
        The query that has it in FROM, and its key there.
    """
    bound = [e.analysis.binding_of(c) for c in node.find_all(exp.Column)]
    named: dict[tuple[int, str], Scope] = {}
    for binding in bound:
        if binding is None or binding.type == t.STRING:
            return None
        if any(same_column(binding, x) for x in equal):
            return None
        named[id(binding.scope), binding.source] = binding.scope
    if len(named) != 1:
        return None
    (((_, key), scope),) = named.items()
    query = e.query
    if scope is not query.scope:
        around = e.queries.query_around(scope)
        if around is None or not _asks_of_rows(node, scope.node):
            return None
        query = around
        read = read_from(e.analysis, scope, whole=True)
        items = [] if isinstance(read, Unclear) else list(read)
    places = [i for i, item in enumerate(items) if item.key == key]
    if query.closed or len(places) != 1:
        return None
    (place,) = places
    if isinstance(items[place].node, exp.Lateral) or items[place].nested:
        return None
    padded = items[place].kind in (JoinKind.LEFT, JoinKind.FULL)
    padded |= any(x.kind in (JoinKind.RIGHT, JoinKind.FULL) for x in items[place + 1 :])
    return None if padded else (query, key)


def _asks_of_rows(node: exp.Expr, select: exp.Expr) -> bool:
    """Return whether a part of a SELECT stands where it has rows, and no groups."""
    here = node
    while here.parent is not None and here.parent is not select:
        here = here.parent
    grouped = any(select.args.get(k) for k in ("group", "having")) or any(
        map(clauses.aggregated, select.expressions)
    )
    return here.arg_key in ("where", "joins") or (here.arg_key == "expressions" and not grouped)


def _equal(e: Expressions, conditions: Iterable[exp.Expr]) -> Iterator[Binding]:
    """Yield the columns that are compared for equality with other columns."""
    for condition_ in conditions:
        if isinstance(condition_, (exp.EQ, exp.NullSafeEQ)):
            sides = [e.analysis.binding_of(x) for x in (condition_.this, condition_.expression)]
            if None not in sides:
                yield from (x for x in sides if x is not None)


def _named(e: Expressions, query: Query, key: str, piece: Piece) -> Piece:
    """Return the column of a source that a value is computed as."""
    source = query.sources[key]
    columns = query.early.setdefault(key, {})
    name = next((n for n, sql in columns.items() if sql == piece.sql), None)
    if name is None:
        names = set(columns)
        if isinstance(source, FromTable):
            table = e.analysis.tables[source.reference.name]
            names |= {c.name.casefold() for c in table.columns}
        numbers = iter(range(len(names) + 1))
        name = next(n for i in numbers if (n := f"early{i}") not in names)
        columns[name] = piece.sql
    return Piece(f"{source.alias}.{name}", piece.type, range=piece.range)
