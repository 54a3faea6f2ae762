"""The query's own conditions on partition keys: `WHERE dt >= '2024-01-01' AND region IN ('eu')`.

Whatever else happens in a query, rows that its WHERE drops need not be read. A condition counts
where it stands as a conjunct of

    WHERE              always: it drops rows that an outer join filled with NULLs as well
    ON of JOIN, SEMI   for both sides
    ON of LEFT, ANTI   for the right side: left rows stay when nothing matches
    ON of RIGHT        for the left side
    ON of FULL         never

in the SELECT that reads the table, or in one around it where it commutes down (see `windows`) and
the table is read for no other use.

Only conditions that mean the same for text in a catalog are taken: a string key against a string,
an integer key against an integer, a date key against a date. The others stay with the engine; the
conditions here are a superset, so that nothing is lost.

Source: Apache Spark, ANSI Compliance, "Type coercion": a string literal takes the type of the
integer or date that it is compared with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from sqlglot import exp

from headwater.partitions.time_partitions import matches
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
from headwater.tables.table import KeyCondition
from headwater.types import DataType

__all__ = ["conditions", "matches"]

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


def conditions(analysis: Analysis, reference: TableReference) -> tuple[KeyCondition, ...]:
    """Return what a query says of a table's partition keys, at one place where it names the table.

    Example: `SELECT i FROM t WHERE dt >= '2026-01-01' AND o` -> `dt >= 2026-01-01`

    Args:
        analysis: The query.
        reference: One of `analysis.parsed.references`.

    Returns:
        Conditions that hold for every partition with a row that the query may use.
    """
    table = analysis.tables.get(reference.name)
    if analysis.root is None or table is None or not table.partition_keys:
        return ()
    keys = {c.name.casefold(): c.name for c in table.partition_columns if _is_plain(c.type)}
    padded = {c.name for c in table.partition_columns if c.type.name == "char"}
    once = times_scanned(analysis.root, reference) == 1
    key_conditions: list[KeyCondition] = []
    for scope in scopes_within(analysis.root):
        items = read_from(analysis, scope) if isinstance(scope.node, exp.Select) else ()
        if isinstance(items, Unclear):
            continue
        for item in items:
            if item.source is reference:
                key_conditions += _conditions_on(
                    analysis, scope, items, item, lambda c: keys.get(c.casefold())
                )
            elif once and isinstance(item.source, Scope):
                inner = item.source
                key_conditions += _conditions_on(
                    analysis,
                    scope,
                    items,
                    item,
                    lambda c, inner=inner: _carried(analysis, inner, c, reference, keys),  # type: ignore[misc]
                )
    # A char equals what differs from it by spaces at the end, padded or not. Its order is another
    # where it is padded, and where it is not (BETWEEN, LIKE, whatever computes).
    return tuple(
        dict.fromkeys(c for c in key_conditions if c.operator == "in" or c.key not in padded)
    )


def _is_plain(type_: DataType) -> bool:
    """Return whether a key's text says its value."""
    return type_.name in ("string", "varchar", "char", "date") or type_.is_integer


def _carried(
    analysis: Analysis,
    scope: Scope,
    column: str,
    reference: TableReference,
    keys: dict[str, str],
) -> str | None:
    """Return the key that a subquery's output is, if a condition on the output commutes down."""
    places = [i for i, o in enumerate(scope.outputs) if o.name.casefold() == column.casefold()]
    if len(places) != 1:
        return None
    verdict = below(analysis, scope, places[0]).get(id(reference))
    return keys.get(verdict.table_column.casefold()) if isinstance(verdict, Reaches) else None


def _conditions_on(
    analysis: Analysis,
    scope: Scope,
    items: tuple[Item, ...],
    item: Item,
    key_of: Callable[[str], str | None],
) -> Iterator[KeyCondition]:
    """Yield what a SELECT says of the keys that one item of its FROM clause brings in."""
    if item.node.args.get("sample") or item.node.args.get("pivots"):
        return
    types = {name.casefold(): type_ for name, type_ in columns_of(analysis, item.source)}
    for node in _conjuncts_for(scope, items, item):
        for condition in _conditions_in(analysis, scope, item, node, types):
            key = key_of(condition.key)
            if key is not None:
                yield replace(condition, key=key)


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


def _conditions_in(
    analysis: Analysis,
    scope: Scope,
    item: Item,
    node: exp.Expr,
    types: dict[str, DataType],
) -> Iterator[KeyCondition]:
    """Yield what one conjunct says of a column of an item; `key` is the column's name."""

    def column(side: exp.Expr) -> tuple[str, DataType] | None:
        while isinstance(side, exp.Paren):
            side = side.this
        binding = analysis.binding_of(side) if isinstance(side, exp.Column) else None
        if binding is None or binding.scope is not scope or binding.fields:
            return None
        type_ = types.get(binding.column.casefold())
        return (binding.column, type_) if binding.source == item.key and type_ else None

    if type(node) in _OPERATORS:
        operator = _OPERATORS[type(node)]
        for one, other, word in (
            (node.this, node.expression, operator),
            (node.expression, node.this, _FLIPPED[operator]),
        ):
            match = column(one)
            value = _value(other, match[1]) if match else None
            if match and value is not None:
                yield KeyCondition(match[0], word, (value,))
    elif isinstance(node, exp.Between) and _has_only(node, "this", "low", "high"):
        if match := column(node.this):
            for word, part in ((">=", "low"), ("<=", "high")):
                if (value := _value(node.args[part], match[1])) is not None:
                    yield KeyCondition(match[0], word, (value,))
    elif isinstance(node, exp.In) and _has_only(node, "this", "expressions"):
        if match := column(node.this):
            # `x IN (..., NULL)` is never true because of the NULL.
            listed = [e for e in node.expressions if not isinstance(e, exp.Null)]
            values = [_value(e, match[1]) for e in listed]
            if values and all(v is not None for v in values):
                yield KeyCondition(match[0], "in", tuple(v for v in values if v is not None))
    elif isinstance(node, exp.Like) and _has_only(node, "this", "expression"):
        match = column(node.this)
        literal = node.expression
        prefix = _PREFIX.fullmatch(literal.this) if isinstance(literal, exp.Literal) else None
        if match and prefix and match[1].name in ("string", "varchar") and prefix[1].isascii():
            yield KeyCondition(match[0], ">=", (prefix[1],))
            after = prefix[1][:-1] + chr(ord(prefix[1][-1]) + 1)
            yield KeyCondition(match[0], "<", (after,))
    elif isinstance(node, exp.Or):
        yield from _either(
            [
                list(_conditions_in(analysis, scope, item, side, types))
                for side in spread(node, exp.Or)
            ]
        )


def _has_only(node: exp.Expr, *parts: str) -> bool:
    """Return whether a node has no other parts; one of them would change what it means.

    sqlglot writes `x NOT LIKE y` as a LIKE with `negate`, and `NOT x LIKE y` as a NOT.
    """
    return all(part in parts for part, value in node.args.items() if value)


def _either(sides: list[list[KeyCondition]]) -> Iterator[KeyCondition]:
    """Yield what holds whichever side does: lists of values of one key."""
    if all(len(s) == 1 and s[0].operator == "in" for s in sides):
        keys = {s[0].key.casefold() for s in sides}
        if len(keys) == 1:
            yield KeyCondition(sides[0][0].key, "in", tuple(v for s in sides for v in s[0].values))


def _value(node: exp.Expr, type_: DataType) -> str | None:
    """Return a literal as a key's text, or None where comparing texts could mean something else."""
    while isinstance(node, exp.Paren):
        node = node.this
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
