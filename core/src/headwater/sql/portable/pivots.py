"""PIVOT: rows into columns. UNPIVOT: columns into rows.

Spark computes a PIVOT in one of two ways, which differ in what a value gets that no row has: NULL
where it groups twice, 0 of a `count` where it groups once.

Source: Apache Spark 4.1, `ResolvePivot`, `PivotFirst`, `ResolveUnpivot`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Generated
from headwater.sql.binding.pivots import each, parts_of
from headwater.sql.functions import called
from headwater.sql.portable import aggregates, clauses, literals
from headwater.sql.portable.comparing import comparable, widened
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.scopes import Compiled
from headwater.sql.portable.spelling import cast, null, text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_TWICE: Final = frozenset(
    {"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal"}
)
"""Types of aggregates for which Spark groups twice. Source: `PivotFirst.supportsDataType`."""
_ONCE: Final = frozenset(
    {"count", "count_if", "min", "max", "sum", "avg", "bool_and", "bool_or", "max_by", "min_by"}
)
"""Rules of aggregates that pass over the NULLs which Spark puts for rows of other values."""


def compiled(e: Expressions, source: Generated, from_: str, *, hidden: bool) -> Compiled:
    """Return what a PIVOT or UNPIVOT makes.

    Args:
        e: Compiles its expressions, over what it is made of.
        source: What comes out.
        from_: What it is made of, as it stands after FROM.
        hidden: Whether something in that may raise.
    """
    make = _unpivoted if source.node.args.get("unpivot") else _pivoted
    return make(e, source, from_, hidden)


def _kept(e: Expressions, source: Generated) -> list[Piece]:
    """Return the columns that stay as they are; of one table or subquery they are all bound."""
    return [e.bound(binding) for binding in source.kept if binding is not None]


# -- PIVOT ---------------------------------------------------------------------------------------


def _pivoted(e: Expressions, source: Generated, from_: str, hidden: bool) -> Compiled:
    node = source.node
    (field,) = node.args["fields"]
    axis = [e.piece(c) for c in each(field.this)]
    for piece in axis:
        exact = comparable(piece.type) and not piece.type.is_floating
        hint = "write sum(CASE WHEN column = value THEN ... END) and the like, with GROUP BY"
        refuse_unless(exact, f"PIVOT by {piece.type}", field.this, hint)
    values = _values(e, axis, field.expressions)
    groups = []
    for column, piece in zip(source.columns, _kept(e, source), strict=False):
        hint = "select the columns that are needed in a subquery below it: it groups by the others"
        if not comparable(piece.type):
            raise Refusal(f"PIVOT of a table with {column.name}: {piece.type}", node, hint)
        groups.append(clauses.grouped(piece, "PIVOT", node))
    e.keys = {}
    types = [e.type_of(clauses.bare(a)) for a in node.expressions]
    make = _grouped_twice if all(x.name in _TWICE for x in types) else _grouped_once
    sql, cells = make(e, [clauses.bare(a) for a in node.expressions], from_, groups, axis, values)
    columns = [*groups, *(cell for _ in values for cell in cells)]
    hidden = hidden or any(p.risky for p in axis)
    return _compiled(sql, columns, hidden)


def _compiled(sql: str, columns: Sequence[Piece], hidden: bool) -> Compiled:
    return Compiled(
        sql,
        tuple(c.type for c in columns),
        tuple(c.raises for c in columns),
        tuple(c.declines for c in columns),
        hidden or any(c.risky for c in columns),
        plain=False,
    )


def _values(
    e: Expressions, axis: Sequence[Piece], nodes: Sequence[exp.Expr]
) -> list[tuple[str, ...]]:
    """Return the values of each item of IN, as SQL of the types of the columns that have them."""
    values: list[tuple[str, ...]] = []
    for node in nodes:
        parts = parts_of(node)
        refuse_unless(len(parts) == len(axis), "PIVOT by values of another number", node)
        row = tuple(_value(e, p, c.type) for p, c in zip(parts, axis, strict=True))
        # Of two that are equal Spark fills the last one, and leaves the other NULL.
        hint = "name it once, and select its column twice"
        refuse_unless(row not in values, "PIVOT by a value that is named twice", node, hint)
        values.append(row)
    return values


def _value(e: Expressions, node: exp.Expr, type_: DataType) -> str:
    """Return a literal, cast as Spark does; equal values have equal texts."""
    piece = e.piece(node)
    number = piece.literal
    if piece.type == t.VOID:
        return null(type_)
    if piece.type == type_ == t.BOOLEAN and isinstance(node, exp.Boolean):
        return piece.sql
    if isinstance(number, str) and piece.type == t.STRING:
        if type_ == t.STRING:
            return piece.sql
        if type_ in (t.DATE, t.TIMESTAMP):
            return literals.typed(number, type_).sql
    written = node.this if isinstance(node, exp.Cast) else None
    text_ = isinstance(written, exp.Literal) and written.is_string
    if text_ and piece.type == type_ and type_ in (t.DATE, t.TIMESTAMP):
        return piece.sql
    if isinstance(number, int | Decimal) and not isinstance(number, bool):
        written = _number(Decimal(number), type_)
        if written is not None:
            return cast(text(written), type_)
    raise Refusal(f"PIVOT of {type_} by this value: write a literal of its type", node)


def _number(value: Decimal, type_: DataType) -> str | None:
    """Return a number as a type writes it, None where it has no such number."""
    if type_.is_integer:
        half = 2 ** (t.INTEGER_BITS[type_.name] - 1)
        return str(int(value)) if value == int(value) and -half <= value < half else None
    if type_.name != "decimal":
        return None
    scale = type_.scale or 0
    units = value.scaleb(scale)
    fits = units == int(units) and abs(units) < 10 ** (type_.precision or 0)
    return f"{value:.{scale}f}" if fits else None


def _grouped_twice(
    e: Expressions,
    nodes: Sequence[exp.Expr],
    from_: str,
    groups: Sequence[Piece],
    axis: Sequence[Piece],
    values: Sequence[tuple[str, ...]],
) -> tuple[str, list[Piece]]:
    """Group by the values, too, and take of each group what stands for the value, if any does."""
    cells = [e.piece(n) for n in nodes]
    keys = [
        f"{p.sql} AS {c}{i}" for c, ps in (("g", groups), ("p", axis)) for i, p in enumerate(ps)
    ]
    listed = ", ".join([*keys, *(f"{p.sql} AS a{i}" for i, p in enumerate(cells))])
    by = ", ".join(p.sql for p in (*groups, *axis))
    inner = f"SELECT {listed}\nFROM {from_}\nGROUP BY {by}"
    grouped = [f"g{i}" for i in range(len(groups))]
    columns = list(grouped)
    for value in values:
        filter_ = _of_rows([f"p{i}" for i in range(len(axis))], value)
        columns += [f"any_value(a{i}) {filter_}" for i in range(len(cells))]
    sql = f"SELECT {_numbered(columns)} FROM (\n{inner}\n) AS p"
    return sql + _group_by(grouped), cells


def _grouped_once(
    e: Expressions,
    nodes: Sequence[exp.Expr],
    from_: str,
    groups: Sequence[Piece],
    axis: Sequence[Piece],
    values: Sequence[tuple[str, ...]],
) -> tuple[str, list[Piece]]:
    """Aggregate the rows of each value; Spark has NULL for those of the others."""
    columns, cells = [p.sql for p in groups], []
    for value in values:
        filter_ = _of_rows([p.sql for p in axis], value)
        cells = [_of_value(e, n, filter_) for n in nodes]
        columns += [p.sql for p in cells]
    sql = f"SELECT {_numbered(columns)}\nFROM {from_}"
    return sql + _group_by([p.sql for p in groups]), cells


def _of_rows(axis: Sequence[str], value: Sequence[str]) -> str:
    """Return the FILTER that leaves an aggregate the rows of one value."""
    pairs = zip(axis, value, strict=True)
    return f"FILTER (WHERE {' AND '.join(f'{p} IS NOT DISTINCT FROM {v}' for p, v in pairs)})"


def _of_value(e: Expressions, node: exp.Expr, filter_: str) -> Piece:
    rule = called(node).rule if isinstance(node, exp.Anonymous) else ""
    hint = "take count, min, max, sum or avg, and compute on their columns outside"
    reason = "PIVOT with what is not a plain aggregate, beside a text"
    refuse_unless(rule in _ONCE, reason, node, hint)
    cell = aggregates.aggregate(e, node, lambda sql: f"{sql} {filter_}")
    hint = "pivot it apart, and join both"
    reason = "PIVOT with an aggregate that may raise, beside a text"
    refuse_unless(not cell.risky, reason, node, hint)
    return e.checked(cell, node)


def _numbered(columns: Sequence[str]) -> str:
    return ", ".join(f"{c} AS c{i}" for i, c in enumerate(columns))


def _group_by(keys: Sequence[str]) -> str:
    return f"\nGROUP BY {', '.join(dict.fromkeys(keys))}" if keys else ""


# -- UNPIVOT -------------------------------------------------------------------------------------


def _unpivoted(e: Expressions, source: Generated, from_: str, hidden: bool) -> Compiled:
    node = source.node
    (field,) = node.args["fields"]
    kept = _kept(e, source)
    types = [c.type for c in source.columns[len(kept) + 1 :]]
    # Spark drops rows whose coalesce(value, other) is NULL, which casts one to the other's type.
    alike = len(set(types)) < 2 or all(x.is_numeric for x in types)
    reason = "UNPIVOT of values of several types that leaves out NULLs"
    hint = "write UNPIVOT INCLUDE NULLS, and WHERE ... IS NOT NULL"
    refuse_unless(alike or bool(node.args.get("include_nulls")), reason, node, hint)
    cells: list[list[Piece]] = []
    mixed = [
        item
        for item in field.expressions
        for c, x in zip(parts_of(item), types, strict=True)
        if x != e.type_of(c) and t.STRING in (x, e.type_of(c))
    ]
    hint = "cast them to text in a subquery below"
    refuse_unless(not mixed, "UNPIVOT of texts and other values in one column", node, hint)
    rows = []
    for item in field.expressions:
        columns = parts_of(item)
        made_of = [
            widened(e.piece(c), type_, texts=True) for c, type_ in zip(columns, types, strict=True)
        ]
        name = item.alias if isinstance(item, exp.PivotAlias) else "_".join(c.name for c in columns)
        fields = ", ".join(f"v{i}: {p.sql}" for i, p in enumerate(made_of))
        rows.append(f"{{n: {text(name)}, {fields}}}")
        cells.append(made_of)
    made_rows = f"unnest([{', '.join(rows)}]) AS e"
    listed = ", ".join([*(f"{p.sql} AS k{i}" for i, p in enumerate(kept)), made_rows])
    inner = f"SELECT {listed}\nFROM {from_}"
    read = [f"struct_extract(e, 'v{i}')" for i in range(len(types))]
    columns_sql = [*(f"k{i}" for i in range(len(kept))), "struct_extract(e, 'n')", *read]
    sql = f"SELECT {_numbered(columns_sql)} FROM (\n{inner}\n) AS u"
    if not node.args.get("include_nulls"):
        sql += f"\nWHERE {' OR '.join(f'{r} IS NOT NULL' for r in read)}"
    given = [*kept, Piece("", t.STRING)]
    given += [made("", x, part) for x, part in zip(types, zip(*cells, strict=True), strict=True)]
    return _compiled(sql, given, hidden or any(p.risky for row in cells for p in row))
