"""Comparisons and what they need: both sides in the type in which Spark compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import casts, literals
from headwater.sql.portable.pieces import Piece, Refusal, made
from headwater.sql.portable.ranges import Range
from headwater.sql.portable.spelling import cast, in_months, is_span, null, text
from headwater.sql.typing import rules as typing
from headwater.types import DataType

_ORDERED: Final = frozenset(
    {"boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "string"}
    | {"date", "timestamp", "timestamp_ntz"}
)

_OF_NULLS: Final = frozenset({"IS NOT DISTINCT FROM", "IS DISTINCT FROM"})


def compare(operator: str, left: Piece, right: Piece) -> Piece:
    """Return `left operator right`.

    Example: `d = 1.5` -> `("d" = CAST('1.5' AS DOUBLE))`

    Args:
        operator: DuckDB's: `= <> < <= > >=`, `IS NOT DISTINCT FROM`, `IS DISTINCT FROM`.
        left: Left side.
        right: Right side.

    Raises:
        Refusal: If the two engines may compare values of these types differently.
    """
    if (
        operator[0] in "<>"
        and operator != "<>"
        and (_literal_decides(left, right) or _literal_decides(right, left))
    ):
        raise Refusal(
            "comparing whole numbers with a literal beyond 64 bits: Spark says the same of NULL"
        )
    if left.type.children and _alike(left.type, right.type) and orderable(left.type):
        return _compared_nested(operator, left, right)
    first, second = aligned([left, right])
    compared = f"({first.sql} {operator} {second.sql})"
    if second.risky and first.literal is None and operator not in _OF_NULLS:
        # Spark looks at the right side only where the left one is not NULL.
        compared = f"CASE WHEN {first.sql} IS NOT NULL THEN {compared} END"
    return made(compared, t.BOOLEAN, (first, second))


def _alike(one: DataType, other: DataType) -> bool:
    """Return whether two types are the same, whatever their fields are called."""
    if not one.children or not other.children:
        return one == other
    pairs = zip(one.children, other.children, strict=False)
    same = one.name == other.name and len(one.children) == len(other.children)
    return same and all(_alike(a, b) for a, b in pairs)


def _compared_nested(operator: str, left: Piece, right: Piece) -> Piece:
    """Compare arrays or structs: NULLs in them are equal to each other, and before all others."""
    keys = [order_key(p.sql, p.type) for p in (left, right)]
    missing = f"{left.sql} IS NULL OR {right.sql} IS NULL"
    both = f"{left.sql} IS NULL AND {right.sql} IS NULL"
    if operator in _OF_NULLS:
        equal = operator == "IS NOT DISTINCT FROM"
        without = f"({both})" if equal else f"NOT ({both})"
        word = "=" if equal else "<>"
    else:
        without, word = "NULL", operator
    sql = f"CASE WHEN {missing} THEN {without} ELSE {keys[0]} {word} {keys[1]} END"
    return made(sql, t.BOOLEAN, (left, right))


def groups(type_: DataType) -> bool:
    """Return whether both engines make the same groups of values of a type, and show the same."""
    plain = not any(part.is_floating for part in type_.walk())
    return comparable(type_) or (plain and orderable(type_))


def _literal_decides(piece: Piece, literal: Piece) -> bool:
    """Whether Spark decides by the literal alone, NULL or not.

    Source: Apache Spark 4.1, `DecimalPrecisionTypeCoercion.integralAndDecimalLiteral`.
    """
    value = literal.literal
    if not isinstance(value, int | Decimal) or literal.type.name != "decimal":
        return False
    return piece.type.is_integer and not -(2**63) <= value < 2**63


def aligned(pieces: Sequence[Piece]) -> list[Piece]:
    """Return pieces in the one type in which Spark compares them.

    Example: `i = b` -> `(CAST("i" AS BIGINT) = "b")`

    Raises:
        Refusal: If there is no such type, or it is not one that both engines order alike.
    """
    type_ = typing.wider(p.type for p in pieces)
    if not comparable(type_):
        types = " and ".join(dict.fromkeys(str(p.type) for p in pieces))
        raise Refusal(f"comparing {types}: the two engines may compare them differently")
    return [widened(p, type_, texts=True) for p in pieces]


def comparable(type_: DataType) -> bool:
    """Return whether both engines order and group values of a type alike."""
    return type_.name in _ORDERED or is_span(type_)


def orderable(type_: DataType) -> bool:
    """Return whether both engines order values of a type alike, where needed by `order_key`."""
    return all(comparable(part) or part.name in ("array", "struct") for part in type_.walk())


def order_key(sql: str, type_: DataType, depth: int = 0) -> str:
    """Return what DuckDB orders as Spark orders values of an `orderable` type.

    Spark has NULL elements and fields before all others, and equal to each other; DuckDB has them
    last. So each stands behind a mark that it is not NULL.
    """
    if type_.name == "array":
        item = f"k{depth}"
        return f"list_transform({sql}, lambda {item}: {_marked(item, type_.element, depth + 1)})"
    if type_.name == "struct":
        parts = [
            f"f{i}: {_marked(f'struct_extract({sql}, {text(n)})', c, depth)}"
            for i, (n, c) in enumerate(type_.fields)
        ]
        return f"{{{', '.join(parts)}}}"
    return sql


def _marked(sql: str, type_: DataType, depth: int) -> str:
    return f"{{n: {sql} IS NOT NULL, v: {order_key(sql, type_, depth)}}}"


def widened(piece: Piece, type_: DataType, *, texts: bool = False) -> Piece:
    """Return a piece in a wider type, as Spark's implicit casts make it.

    Example: `coalesce(i, b)` -> `coalesce(CAST("i" AS BIGINT), "b")`

    Args:
        piece: What is cast.
        type_: To what.
        texts: Whether Spark casts a text there, which raises where it says no such value.

    Raises:
        Refusal: If it is a text of another shape, or a decimal that would lose digits.
    """
    if piece.type == type_:
        return piece
    if piece.type == t.VOID:
        return Piece(null(type_), type_)
    if is_span(piece.type) and is_span(type_) and in_months(piece.type) == in_months(type_):
        return replace(piece, type=type_)
    if piece.type == t.STRING:
        if isinstance(piece.literal, str):
            return literals.typed(piece.literal, type_)
        if texts:
            return casts.cast(piece, type_)
        raise Refusal(
            f"a string where {type_} is needed: cast it in the query, CAST(... AS {type_})"
        )
    if type_ == t.DOUBLE and isinstance(piece.literal, Decimal):
        # By its text: both engines then take the nearest double.
        nonzero = Range(nonzero=True) if piece.literal else None
        return Piece(cast(text(f"{piece.literal:f}"), type_), type_, range=nonzero)
    if type_.name == "decimal" and piece.type.name == "decimal":
        whole = (piece.type.precision or 0) - (piece.type.scale or 0)
        digits = (type_.precision or 0) - (type_.scale or 0)
        if digits < whole or (type_.scale or 0) < (piece.type.scale or 0):
            raise Refusal(f"{piece.type} as {type_}: digits would be lost beyond 38")
    return casts.cast(piece, type_)


def direction(item: exp.Expr) -> str:
    """Return ASC or DESC with NULLS FIRST or LAST written out: the engines' defaults differ.

    Example: `rank() OVER (ORDER BY i)`
        -> `CAST(rank() OVER (ORDER BY "i" ASC NULLS FIRST) AS INTEGER)`
    """
    ordered = item if isinstance(item, exp.Ordered) else None
    down = bool(ordered and ordered.args.get("desc"))
    first = bool(ordered.args.get("nulls_first")) if ordered else True
    return f"{'DESC' if down else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
