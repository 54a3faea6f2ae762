"""Arithmetic with Spark's result types and ANSI errors."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from headwater import types as t
from headwater.sql.portable.casts import cast
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.typing import rules as typing
from headwater.types import DataType

_NAMED: Final = {"+": "add", "-": "subtract", "*": "multiply"}
"""DuckDB's optimizer turns `i + 1 < 5` into `i < 4`, which overflows nowhere; under these names it
leaves the sum, which raises where Spark's does."""
_SAFE_DIGITS = 37
"""Digits that 128 bits hold twice."""


def binary(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    """Return `left operator right` on numbers.

    Example: `i + b` -> `CAST(add(CAST("i" AS BIGINT), "b") AS BIGINT)`

    Args:
        operator: `+ - * / % div`.
        left: Left operand.
        right: Right operand.
        type_: The result's type, as the analysis computes it.

    Raises:
        Refusal: If the operands or the result are of types for which it is not proven.
    """
    if not (left.type.is_numeric and right.type.is_numeric and type_.is_numeric):
        raise Refusal(f"{left.type} {operator} {right.type}: only numbers are proven")
    if operator == "div":
        return _whole_division(left, right)
    if type_.name == "decimal":
        return _decimal(operator, left, right, type_)
    if type_.is_floating:
        return _floating(operator, left, right, type_)
    return _integer(operator, left, right, type_)


def _divided(left: Piece, right: Piece, sql: str, type_: DataType) -> Piece:
    """Return a quotient or remainder, guarded against zero where the divisor may be it."""
    raises = left.raises or right.raises
    if isinstance(right.literal, int | Decimal) and right.literal not in (0, -1):
        return Piece(sql, type_, raises)
    failure = spark_error("DIVIDE_BY_ZERO", "division by zero", type_)
    zero = f"{right.sql} = 0 AND {left.sql} IS NOT NULL"
    return Piece(f"CASE WHEN {zero} THEN {failure} ELSE {sql} END", type_, raises=True)


def _integer(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = _in_type(left, type_), _in_type(right, type_)
    a, b = first.sql, second.sql
    if operator == "%":
        # The smallest number % -1 overflows in DuckDB, and is 0 in Spark.
        sql = f"CASE WHEN {b} = -1 THEN 0 * {a} ELSE {a} % {b} END"
        return _divided(first, second, spell(sql, type_), type_)
    return Piece(spell(f"{_NAMED[operator]}({a}, {b})", type_), type_, raises=True)


def _floating(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = _in_type(left, type_), _in_type(right, type_)
    sql = f"({first.sql} {operator} {second.sql})"
    if operator in "+-*":
        return Piece(sql, type_, first.raises or second.raises)
    return _divided(first, second, sql, type_)


def _in_type(piece: Piece, type_: DataType) -> Piece:
    """Return an operand in the type of the operation, still known to be a literal."""
    wide = widened(piece, type_)
    return Piece(wide.sql, type_, wide.raises, piece.literal)


def _whole_division(left: Piece, right: Piece) -> Piece:
    if not (left.type.is_integer and right.type.is_integer):
        raise Refusal(f"{left.type} DIV {right.type}: only whole numbers are proven")
    first, second = _in_type(left, t.BIGINT), _in_type(right, t.BIGINT)
    return _divided(first, second, f"({first.sql} // {second.sql})", t.BIGINT)


def _decimal(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = _as_decimal(left), _as_decimal(right)
    p1, s1 = _digits(first.type)
    p2, s2 = _digits(second.type)
    if operator == "/":
        return _decimal_division(first, second, type_)
    raises = first.raises or second.raises
    if operator == "*":
        if p1 + p2 + 1 > 38:
            raise Refusal(f"{first.type} * {second.type}: its digits go beyond 38")
        sql = _product(first, second)
        return Piece(spell(sql, type_), type_, raises)
    scale, whole = max(s1, s2), max(p1 - s1, p2 - s2)
    if whole + scale + 1 > 38:
        raise Refusal(f"{first.type} {operator} {second.type}: its digits go beyond 38")
    wide = t.decimal(whole + scale + 1, scale)
    sql = spell(f"({spell(first.sql, wide)} {operator} {spell(second.sql, wide)})", type_)
    return _divided(first, second, sql, type_) if operator == "%" else Piece(sql, type_, raises)


def _product(first: Piece, second: Piece) -> str:
    p1, s1 = _digits(first.type)
    p2, _ = _digits(second.type)
    a = first.sql
    if p1 < 19 and p2 < 19:
        # Up to 18 digits DuckDB multiplies in 64 bits; one wider side makes it 128.
        a = spell(a, t.decimal(19, s1))
    return f"({a} * {second.sql})"


def _decimal_division(first: Piece, second: Piece, type_: DataType) -> Piece:
    """Divide the unscaled digits as whole numbers, rounding half up; too many digits raise."""
    s1, s2, scale = _digits(first.type)[1], _digits(second.type)[1], type_.scale or 0
    shift = scale + s2 - s1
    if not 0 <= shift <= 37 or scale > 37:
        raise Refusal(f"{first.type} / {second.type}: its digits go beyond 38")
    dividend = f"sp_unscaled({first.sql}) * {10**shift}::HUGEINT"
    quotient = f"sp_hdiv({dividend}, sp_unscaled({second.sql}))"
    sql = spell(f"sp_scaled({quotient}, {10**scale}::HUGEINT, {scale})", type_)
    if _digits(first.type)[0] + shift > _SAFE_DIGITS or _digits(second.type)[0] > _SAFE_DIGITS:
        most, half = (2**127 - 1) // 10**shift, 2**126
        large = f"abs(sp_unscaled({first.sql})) > {most}::HUGEINT"
        large += f" OR abs(sp_unscaled({second.sql})) > {half}::HUGEINT"
        other = not_portable("a decimal division beyond 38 digits", type_)
        sql = f"CASE WHEN {large} THEN {other} ELSE {sql} END"
    quotient_ = _divided(first, second, sql, type_)
    return Piece(quotient_.sql, type_, raises=True)


def _as_decimal(piece: Piece) -> Piece:
    if isinstance(piece.literal, int) and piece.type.is_integer:
        # A whole-number literal next to a decimal has just its own digits.
        digits = max(len(str(abs(piece.literal))), 1)
        sql = f"CAST({piece.literal} AS DECIMAL({digits},0))"
        return Piece(sql, t.decimal(digits, 0), literal=piece.literal)
    type_ = typing.as_decimal(piece.type)
    if type_ is None:
        raise Refusal(f"{piece.type} in decimal arithmetic: not proven")
    return cast(piece, type_)


def _digits(type_: DataType) -> tuple[int, int]:
    return type_.precision or 0, type_.scale or 0


def negated(piece: Piece) -> Piece:
    """Return `-piece`.

    Example: `-i` -> `(-"i")`

    Raises:
        Refusal: For what is not a number, and for decimals of more than 34 digits.
    """
    type_ = piece.type
    if not type_.is_numeric or (type_.name == "decimal" and (type_.precision or 0) > 34):
        raise Refusal(f"-{type_}: not proven")
    return Piece(f"(-{piece.sql})", type_, piece.raises or type_.is_integer)
