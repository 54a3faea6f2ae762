"""Arithmetic with Spark's result types and ANSI errors."""

from __future__ import annotations

from headwater import types as t
from headwater.sql import types as typing
from headwater.sql.portable.casts import cast
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.raising import spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.types import DataType


def binary(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    """Return `left operator right` on numbers.

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


def _zero_guard(left: str, right: str, made: str, type_: DataType) -> str:
    failure = spark_error("DIVIDE_BY_ZERO", "division by zero", type_)
    return f"CASE WHEN {right} = 0 AND {left} IS NOT NULL THEN {failure} ELSE {made} END"


def _integer(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    a, b = cast(left, type_).sql, cast(right, type_).sql
    if operator == "%":
        # The smallest number % -1 overflows in DuckDB, and is 0 in Spark.
        made = f"CASE WHEN {b} = -1 THEN 0 * {a} ELSE {a} % {b} END"
        return Piece(_zero_guard(a, b, spell(made, type_), type_), type_, raises=True)
    return Piece(spell(f"({a} {operator} {b})", type_), type_, raises=True)


def _floating(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = widened(left, type_), widened(right, type_)
    raises = first.raises or second.raises
    a, b = first.sql, second.sql
    if operator in "+-*":
        return Piece(f"({a} {operator} {b})", type_, raises)
    return Piece(_zero_guard(a, b, f"({a} {operator} {b})", type_), type_, raises=True)


def _whole_division(left: Piece, right: Piece) -> Piece:
    if not (left.type.is_integer and right.type.is_integer):
        raise Refusal(f"{left.type} DIV {right.type}: only whole numbers are proven")
    a, b = cast(left, t.BIGINT).sql, cast(right, t.BIGINT).sql
    return Piece(_zero_guard(a, b, f"({a} // {b})", t.BIGINT), t.BIGINT, raises=True)


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
        made = _product(first, second)
        return Piece(spell(made, type_), type_, raises)
    scale, whole = max(s1, s2), max(p1 - s1, p2 - s2)
    if whole + scale + 1 > 38:
        raise Refusal(f"{first.type} {operator} {second.type}: its digits go beyond 38")
    wide = t.decimal(whole + scale + 1, scale)
    a, b = spell(first.sql, wide), spell(second.sql, wide)
    if operator == "%":
        return Piece(_zero_guard(a, b, spell(f"({a} % {b})", type_), type_), type_, raises=True)
    return Piece(spell(f"({a} {operator} {b})", type_), type_, raises)


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
    made = spell(f"sp_scaled({quotient}, {10**scale}::HUGEINT, {scale})", type_)
    return Piece(_zero_guard(first.sql, second.sql, made, type_), type_, raises=True)


def _as_decimal(piece: Piece) -> Piece:
    if isinstance(piece.literal, int) and piece.type.is_integer:
        # A whole-number literal next to a decimal has just its own digits.
        digits = max(len(str(abs(piece.literal))), 1)
        return Piece(f"CAST({piece.literal} AS DECIMAL({digits},0))", t.decimal(digits, 0))
    type_ = typing.as_decimal(piece.type)
    if type_ is None:
        raise Refusal(f"{piece.type} in decimal arithmetic: not proven")
    return cast(piece, type_)


def _digits(type_: DataType) -> tuple[int, int]:
    return type_.precision or 0, type_.scale or 0


def negated(piece: Piece) -> Piece:
    """Return `-piece`.

    Raises:
        Refusal: For what is not a number, and for decimals of more than 34 digits.
    """
    type_ = piece.type
    if not type_.is_numeric or (type_.name == "decimal" and (type_.precision or 0) > 34):
        raise Refusal(f"-{type_}: not proven")
    return Piece(f"(-{piece.sql})", type_, piece.raises or type_.is_integer)
