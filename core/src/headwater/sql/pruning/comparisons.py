"""Comparisons: what a query says of a table's columns, `WHERE dt >= '2024-01-01' AND n IN (1, 2)`.

Whatever else happens in a query, rows that its WHERE drops need not be read. A comparison counts
where it stands as a conjunct of

    WHERE              always: it drops rows that an outer join filled with NULLs as well
    ON of JOIN, SEMI   for both sides
    ON of LEFT, ANTI   for the right side: left rows stay when nothing matches
    ON of RIGHT        for the left side
    ON of FULL         never

in the SELECT that reads the table, or in one around it where it commutes down (see `windows`) and
the table is read for no other use. NULL meets none of them but `dt IS NULL OR dt >= ...`, which
counts only where nothing is joined: an outer join would find rows for what was left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain
from typing import Any, Final, TypeAlias

from sqlglot import exp

from headwater.sql.analysis import Analysis, Scope, TableReference
from headwater.sql.binding.from_clause import (
    Item,
    JoinKind,
    Unclear,
    columns_of,
    conditions_of,
    read_from,
    scopes_within,
    spread,
    times_scanned,
)
from headwater.sql.functions import name_of
from headwater.sql.pruning.windows import Reaches, below
from headwater.types import DataType


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column, compared with values.

    Args:
        column: Its name.
        operator: `in`, `>`, `>=`, `<`, `<=`.
        values: As `value_of` gave them.
        or_null: Whether NULL meets it, too.
    """

    column: str
    operator: str
    values: tuple[Any, ...]
    or_null: bool = False


ValueOf: TypeAlias = "Callable[[exp.Expr, DataType], Any]"
"""Gives what an expression says for a column of a type; None where it can't be told."""
Bare: TypeAlias = "Callable[[exp.Expr], exp.Expr]"
"""Gives the column that an expression compares as; itself where it is none."""

_OPERATORS: Final[dict[type[exp.Expr], str]] = {
    exp.EQ: "in",
    exp.NullSafeEQ: "in",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
_FLIPPED: Final = {"in": "in", ">": "<", ">=": "<=", "<": ">", "<=": ">="}
_BOTH: Final = frozenset({JoinKind.INNER, JoinKind.SEMI})
_RIGHT_ONLY: Final = frozenset({JoinKind.LEFT, JoinKind.ANTI})
_INTEGER: Final = re.compile(r"([+-]?\d{1,18})[LSYlsy]?", re.ASCII)
_PREFIX: Final = re.compile(r"([^%_\\]+)%", re.DOTALL)


def unwrapped(node: exp.Expr) -> exp.Expr:
    """Return what stands in brackets."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def comparisons(
    analysis: Analysis,
    reference: TableReference,
    columns: Mapping[str, str],
    value_of: ValueOf,
    bare: Bare = unwrapped,
) -> tuple[Comparison, ...]:
    """Return the comparisons of a query on a table's columns, at one place of its text.

    Args:
        analysis: The query.
        reference: One of `analysis.parsed.references`.
        columns: Names of the columns that are asked for, by their casefolded names.
        value_of: Gives the values that columns are compared with.
        bare: Gives the column that one side compares as.

    Returns:
        Comparisons that hold for every row that the query may use, each once.
    """
    if analysis.root is None:
        return ()
    once = times_scanned(analysis.root, reference) == 1
    collected: list[Comparison] = []
    for scope in scopes_within(analysis.root):
        items = read_from(analysis, scope) if isinstance(scope.node, exp.Select) else ()
        if isinstance(items, Unclear):
            continue
        for item in items:
            if item.source is reference:
                collected += _on_item(
                    _Block(analysis, scope, item, value_of, bare),
                    items,
                    lambda c: columns.get(c.casefold()),
                )
            elif once and isinstance(item.source, Scope):
                inner = item.source
                collected += _on_item(
                    _Block(analysis, scope, item, value_of, bare),
                    items,
                    lambda c, inner=inner: _carried(analysis, inner, c, reference, columns),  # type: ignore[misc]
                )
    return tuple(dict.fromkeys(collected))


@dataclass(frozen=True, slots=True)
class _Block:
    """One SELECT, an item of its FROM clause, and how comparisons are read in it."""

    analysis: Analysis
    scope: Scope
    item: Item
    value_of: ValueOf
    bare: Bare


def _carried(
    analysis: Analysis,
    scope: Scope,
    column: str,
    reference: TableReference,
    columns: Mapping[str, str],
) -> str | None:
    """Return the column that a subquery's output is, if a condition on the output commutes down."""
    places = [i for i, o in enumerate(scope.outputs) if o.name.casefold() == column.casefold()]
    if len(places) != 1:
        return None
    verdict = below(analysis, scope, places[0]).get(id(reference))
    return columns.get(verdict.table_column.casefold()) if isinstance(verdict, Reaches) else None


def _on_item(
    block: _Block, items: tuple[Item, ...], named: Callable[[str], str | None]
) -> Iterator[Comparison]:
    """Yield the comparisons of a SELECT on the columns of one item of its FROM clause."""
    item = block.item
    if item.node.args.get("sample") or item.node.args.get("pivots"):
        return
    types = {name.casefold(): t for name, t in columns_of(block.analysis, item.source)}
    for node in _conjuncts_for(block.scope, items, item):
        candidates = _compared(block, node, types)
        if len(items) == 1 and isinstance(node, exp.Or):
            candidates = chain(candidates, _or_null(block, node, types))
        for comparison in candidates:
            name = named(comparison.column)
            if name is not None:
                yield replace(comparison, column=name)


def _conjuncts_for(scope: Scope, items: tuple[Item, ...], item: Item) -> Iterator[exp.Expr]:
    """Yield the conjuncts that rows of an item must meet to be of any use."""
    yield from conditions_of(scope.node.args.get("where"))
    place = items.index(item)
    for later, join in enumerate(items):
        right = later == place
        if later >= place and (
            join.kind in _BOTH
            or (right and join.kind in _RIGHT_ONLY)
            or (not right and join.kind is JoinKind.RIGHT)
        ):
            yield from join.on


def _compared(block: _Block, node: exp.Expr, types: Mapping[str, DataType]) -> Iterator[Comparison]:
    """Yield the comparisons of one conjunct on a column of an item."""
    value_of = block.value_of

    def column(side: exp.Expr) -> tuple[str, DataType] | None:
        return _column(block, side, types)

    if type(node) in _OPERATORS:
        operator = _OPERATORS[type(node)]
        for one, other, word in (
            (node.this, node.expression, operator),
            (node.expression, node.this, _FLIPPED[operator]),
        ):
            match = column(one)
            value = value_of(other, match[1]) if match else None
            if match and value is not None:
                yield Comparison(match[0], word, (value,))
    elif isinstance(node, exp.Between) and _has_only(node, "this", "low", "high"):
        if match := column(node.this):
            for word, part in ((">=", "low"), ("<=", "high")):
                if (value := value_of(node.args[part], match[1])) is not None:
                    yield Comparison(match[0], word, (value,))
    elif isinstance(node, exp.In) and _has_only(node, "this", "expressions"):
        if match := column(node.this):
            # `x IN (..., NULL)` is never true because of the NULL.
            listed = [e for e in node.expressions if not isinstance(e, exp.Null)]
            values = [value_of(e, match[1]) for e in listed]
            if values and all(v is not None for v in values):
                yield Comparison(match[0], "in", tuple(v for v in values if v is not None))
    elif isinstance(node, exp.Like) and _has_only(node, "this", "expression"):
        match = column(node.this)
        literal = node.expression
        prefix = _PREFIX.fullmatch(literal.this) if isinstance(literal, exp.Literal) else None
        if match and prefix and match[1].name in ("string", "varchar") and prefix[1].isascii():
            yield Comparison(match[0], ">=", (prefix[1],))
            after = prefix[1][:-1] + chr(ord(prefix[1][-1]) + 1)
            yield Comparison(match[0], "<", (after,))
    elif isinstance(node, exp.Or):
        yield from _either([list(_compared(block, side, types)) for side in spread(node, exp.Or)])


def _column(
    block: _Block, side: exp.Expr, types: Mapping[str, DataType]
) -> tuple[str, DataType] | None:
    """Return the column of the item that an expression is, and its type."""
    side = block.bare(side)
    binding = block.analysis.binding_of(side) if isinstance(side, exp.Column) else None
    if binding is None or binding.scope is not block.scope or binding.fields:
        return None
    type_ = types.get(binding.column.casefold())
    return (binding.column, type_) if binding.source == block.item.key and type_ else None


def _or_null(block: _Block, node: exp.Or, types: Mapping[str, DataType]) -> Iterator[Comparison]:
    """Yield the comparisons of `x IS NULL OR (x >= 1 AND x < 9)` on x."""
    sides = list(map(unwrapped, spread(node, exp.Or)))
    nulls = [s for s in sides if isinstance(s, exp.Is) and isinstance(s.expression, exp.Null)]
    if len(nulls) != 1 or len(sides) != 2:
        return
    match = _column(block, nulls[0].this, types)
    for conjunct in spread(next(s for s in sides if s is not nulls[0]), exp.And):
        for comparison in _compared(block, conjunct, types):
            if match and comparison.column == match[0]:
                yield replace(comparison, or_null=True)


def _has_only(node: exp.Expr, *parts: str) -> bool:
    """Return whether a node has no other parts; one of them would change what it means.

    sqlglot writes `x NOT LIKE y` as a LIKE with `negate`, and `NOT x LIKE y` as a NOT.
    """
    return all(part in parts for part, value in node.args.items() if value)


def _either(sides: list[list[Comparison]]) -> Iterator[Comparison]:
    """Yield the comparisons that hold for both sides of an OR: lists of values of one column."""
    if all(len(s) == 1 and s[0].operator == "in" for s in sides):
        names = {s[0].column.casefold() for s in sides}
        if len(names) == 1:
            yield Comparison(sides[0][0].column, "in", tuple(v for s in sides for v in s[0].values))


def plain_value(node: exp.Expr, type_: DataType) -> str | None:
    """Return a literal as the text of a text, an integer or a date; None where it may mean another.

    Args:
        node: The literal.
        type_: Of the column that it is compared with.
    """
    node = unwrapped(node)
    sign = ""
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        node, sign = node.this, "-"
    if type_.name == "date":
        if type(node) is exp.Cast and node.to.is_type("date"):
            node = node.this
        elif name_of(node) in ("date", "to_date") and len(node.expressions) == 1:
            node = node.expressions[0]
        return _iso(node.this) if isinstance(node, exp.Literal) and node.is_string else None
    if not isinstance(node, exp.Literal):
        return None
    if type_.is_text:
        return str(node.this) if node.is_string else None
    if type_.is_integer:
        match = _INTEGER.fullmatch(f"{sign}{node.this}")
        return str(int(match[1])) if match else None
    return None


def _iso(text: str) -> str | None:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None
