"""Arithmetic with Spark's result types and ANSI errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from headwater import types as t
from headwater.sql.portable import ranges
from headwater.sql.portable.casts import cast
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, Refusal, made
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import decimal_text, text, type_name
from headwater.sql.typing import rules as typing
from headwater.types import INTEGER_BITS, DataType

_NAMED: Final = {"+": "add", "-": "subtract", "*": "multiply"}
"""DuckDB's optimizer turns `i + 1 < 5` into `i < 4`, which overflows nowhere; under these names it
leaves the sum, which raises where Spark's does."""
_SAFE_DIGITS = 37
"""Digits that 128 bits hold twice."""
_NEGATED_DIGITS: Final = 34
"""Spark rounds the opposite of a decimal to so many digits."""


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


def _divided(
    left: Piece, right: Piece, sql: str, type_: DataType, *, declines: bool = False
) -> Piece:
    """Return a quotient or remainder, guarded against zero where the divisor may be it."""
    if right.values.excludes_zero:
        return made(sql, type_, (left, right), declines=declines)
    failure = spark_error("DIVIDE_BY_ZERO", "division by zero", type_)
    zero = f"{right.sql} = 0 AND {left.sql} IS NOT NULL"
    guarded = f"CASE WHEN {zero} THEN {failure} ELSE {sql} END"
    return made(guarded, type_, (left, right), raises=True, declines=declines)


def _integer(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = _in_type(left, type_), _in_type(right, type_)
    a, b = first.sql, second.sql
    if operator == "%":
        # The smallest number % -1 overflows in DuckDB, and is 0 in Spark.
        sql = f"CASE WHEN {b} = -1 THEN 0 * {a} ELSE {a} % {b} END"
        return _divided(first, second, spell(sql, type_), type_)
    values = ranges.arithmetic(operator, first.values, second.values)
    overflows = not ranges.holds(type_, values)
    sql = spell(f"{_NAMED[operator]}({a}, {b})", type_)
    return made(sql, type_, (first, second), raises=overflows, range_=None if overflows else values)


def _floating(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = _in_type(left, type_), _in_type(right, type_)
    sql = f"({first.sql} {operator} {second.sql})"
    if operator in "+-*":
        return made(sql, type_, (first, second))
    return _divided(first, second, sql, type_)


def _in_type(piece: Piece, type_: DataType) -> Piece:
    """Return an operand in the type of the operation, still known to be a literal."""
    return replace(widened(piece, type_), literal=piece.literal)


def _whole_division(left: Piece, right: Piece) -> Piece:
    if not (left.type.is_integer and right.type.is_integer):
        raise Refusal(f"{left.type} DIV {right.type}: only whole numbers are proven")
    first, second = _in_type(left, t.BIGINT), _in_type(right, t.BIGINT)
    quotient = _divided(first, second, f"({first.sql} // {second.sql})", t.BIGINT)
    least, by = first.values, second.values
    overflows = (
        least.low == ranges.of_type(t.BIGINT).low
        and not (by.low is not None and by.low > -1)
        and not (by.high is not None and by.high < -1)
    )
    return replace(quotient, raises=True, declines=False) if overflows else quotient


def _decimal(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    first, second = _as_decimal(left), _as_decimal(right)
    if operator == "/":
        return _decimal_division(first, second, type_)
    if operator == "*":
        return _decimal_product(first, second, type_)
    return _decimal_sum(operator, first, second, type_)


def _decimal_sum(operator: str, first: Piece, second: Piece, type_: DataType) -> Piece:
    (p1, s1), (p2, s2) = _digits(first.type), _digits(second.type)
    scale, whole = max(s1, s2), max(p1 - s1, p2 - s2)
    beyond = whole + scale + 1 > t.MOST_DIGITS
    wide = t.decimal(min(whole + scale + 1, t.MOST_DIGITS), scale)
    sql = spell(f"({spell(first.sql, wide)} {operator} {spell(second.sql, wide)})", type_)
    if operator == "%":
        if beyond:
            raise Refusal(f"{first.type} % {second.type}: its digits go beyond 38")
        return _divided(first, second, sql, type_)
    values = ranges.arithmetic(operator, first.values, second.values)
    if not beyond:
        return made(sql, type_, (first, second), range_=values)
    # Added in 38 digits where each side leaves room for the other, then rounded as Spark does.
    most = Fraction(4 * 10**37, 10**scale)
    return _within((first, second), (most, most), sql, type_, values, "a sum")


def _decimal_product(first: Piece, second: Piece, type_: DataType) -> Piece:
    (p1, s1), (p2, s2) = _digits(first.type), _digits(second.type)
    values = ranges.arithmetic("*", first.values, second.values)
    if p1 + p2 <= t.MOST_DIGITS:
        return made(spell(_product(first, second), type_), type_, (first, second), range_=values)
    d1, d2 = _shared_digits(p1, p2)
    if d1 < s1 or d2 < s2:
        raise Refusal(f"{first.type} * {second.type}: its digits go beyond 38")
    # Multiplied in 38 digits where both sides leave room, then rounded as Spark does.
    narrow = t.decimal(d1, s1), t.decimal(d2, s2)
    factors = (spell(p.sql, x) for p, x in zip((first, second), narrow, strict=True))
    sql = spell(f"({' * '.join(factors)})", type_)
    most = Fraction(10**d1 - 1, 10**s1), Fraction(10**d2 - 1, 10**s2)
    return _within((first, second), most, sql, type_, values, "a product")


def _within(
    parts: tuple[Piece, Piece],
    most: tuple[Fraction, Fraction],
    sql: str,
    type_: DataType,
    values: ranges.Range,
    what: str,
) -> Piece:
    """Return a result of decimals where neither side is beyond its bound; elsewhere it raises."""
    values = ranges.rounded(values, type_.scale or 0)
    rooms = []
    for piece, bound in zip(parts, most, strict=True):
        own = piece.values
        if own.low is None or own.high is None or max(-own.low, own.high) > bound:
            scale = piece.type.scale or 0
            literal = spell(text(decimal_text(int(bound * 10**scale), scale)), piece.type)
            rooms.append(f"{piece.sql} BETWEEN -{literal} AND {literal}")
    if not rooms:
        return made(sql, type_, parts, range_=values)
    missing = " OR ".join(f"{p.sql} IS NULL" for p in parts)
    far = not_portable(f"{what} of decimals beyond 38 digits", type_)
    sql = f"CASE WHEN {missing} THEN NULL WHEN {' AND '.join(rooms)} THEN {sql} ELSE {far} END"
    return made(sql, type_, parts, raises=not ranges.holds(type_, values), declines=True)


def _shared_digits(p1: int, p2: int) -> tuple[int, int]:
    """Return how many digits each of two factors may have in a product of 38."""
    half = t.MOST_DIGITS // 2
    if p1 <= half:
        return p1, t.MOST_DIGITS - p1
    return (t.MOST_DIGITS - p2, p2) if p2 <= half else (half, half)


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
    (p1, s1), (p2, s2) = _digits(first.type), _digits(second.type)
    scale = type_.scale or 0
    shift = scale + s2 - s1
    if not 0 <= shift <= 37 or scale > 37:
        raise Refusal(f"{first.type} / {second.type}: its digits go beyond 38")
    dividend = f"sp_unscaled({first.sql}) * {10**shift}::HUGEINT"
    quotient = f"sp_hdiv({dividend}, sp_unscaled({second.sql}))"
    sql = spell(f"sp_scaled({quotient}, {10**scale}::HUGEINT, {scale})", type_)
    beyond = p1 + shift > _SAFE_DIGITS or p2 > _SAFE_DIGITS
    if beyond:
        most, half = (2**127 - 1) // 10**shift, 2**126
        large = f"abs(sp_unscaled({first.sql})) > {most}::HUGEINT"
        large += f" OR abs(sp_unscaled({second.sql})) > {half}::HUGEINT"
        other = not_portable("a decimal division beyond 38 digits", type_)
        sql = f"CASE WHEN {large} THEN {other} ELSE {sql} END"
    quotient_ = _divided(first, second, sql, type_, declines=beyond)
    # The smallest divisor makes the largest quotient.
    overflows = p1 - s1 + s2 > t.MOST_DIGITS - scale
    return replace(quotient_, raises=True, declines=False) if overflows else quotient_


def _as_decimal(piece: Piece) -> Piece:
    if isinstance(piece.literal, int) and piece.type.is_integer:
        # A whole-number literal next to a decimal has just its own digits.
        digits = max(len(str(abs(piece.literal))), 1)
        sql = f"CAST({piece.literal} AS DECIMAL({digits},0))"
        return Piece(
            sql, t.decimal(digits, 0), literal=piece.literal, range=ranges.constant(piece.literal)
        )
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
    if not type_.is_numeric or _is_rounded(type_):
        raise Refusal(f"-{type_}: not proven")
    values = ranges.negated(piece.values)
    overflows = type_.is_integer and not ranges.holds(type_, values)
    return made(
        f"(-{piece.sql})", type_, [piece], raises=overflows, range_=None if overflows else values
    )


def _is_rounded(type_: DataType) -> bool:
    """Return whether Spark rounds the opposites of a type's values."""
    return type_.name == "decimal" and (type_.precision or 0) > _NEGATED_DIGITS


def magnitude(arguments: list[Piece], _: DataType) -> Piece | None:
    """Refuse `abs` of decimals of more than 34 digits, of which Spark rounds the others away."""
    type_ = arguments[0].type
    if _is_rounded(type_):
        raise Refusal(f"abs({type_}): not proven")
    return None


def positive_remainder(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `pmod(a, n)`: the remainder, which is made positive where `n` is.

    Example: `pmod(d, 3)` -> `CASE WHEN ("d" % ...) < 0 THEN ... END`

    Raises:
        Refusal: As `binary` does.
    """
    left, right = arguments
    remainder = binary("%", left, right, type_)
    by, r = widened(right, type_).sql, remainder.sql
    if type_.is_floating:
        sql = f"CASE WHEN {r} < 0 THEN ({r} + {by}) % {by} ELSE {r} END"
        return Piece(sql, type_, remainder.raises)
    if type_.name == "decimal":
        sql = f"CASE WHEN {r} < 0 AND {by} > 0 THEN {spell(f'({r} + {by})', type_)} ELSE {r} END"
        return Piece(sql, type_, remainder.raises)
    # Spark's sum of two negative numbers turns around where it leaves the type.
    least = -(2 ** (INTEGER_BITS[type_.name] - 1))
    other = not_portable("pmod() by so small a number", type_)
    sql = (
        f"CASE WHEN {r} >= 0 THEN {r} WHEN {by} > 0 THEN {spell(f'({r} + {by})', type_)} "
        f"WHEN CAST({r} AS HUGEINT) + {by} < {least} THEN {other} ELSE {r} END"
    )
    return Piece(sql, type_, raises=True)


def trying(operator: str) -> Callable[[list[Piece], DataType], Piece | None]:
    """Return the rule of `try_add` and its kin for decimals: NULL where a divisor is 0."""

    def build(arguments: list[Piece], type_: DataType) -> Piece | None:
        left, right = arguments
        if type_.name != "decimal" or left.raises or right.raises:
            return None
        left, right = _as_decimal(left), _as_decimal(right)
        if operator in "/%":
            values = right.values.narrowed(ranges.Range(nonzero=True))
            right = made(f"nullif({right.sql}, 0)", right.type, [right], range_=values)
        piece = binary(operator, left, right, type_)
        if piece.raises:
            raise Refusal(f"{left.type} {operator} {right.type} that may overflow")
        return piece

    return build


HALF_DIGITS: Final = 34
"""Digits of decimals that are rounded to even."""


def rounded_to_even(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `bround(x, digits)`: what lies in the middle goes to the even digit.

    Example: `bround(d, 1)` -> `CASE WHEN isnan("d") OR ... END`

    Raises:
        Refusal: For what is not a number, and other digits than a literal from 0 to 6.
    """
    value, digits = arguments[0], arguments[1].literal if len(arguments) > 1 else 0
    if not isinstance(digits, int) or isinstance(digits, bool) or not 0 <= digits <= 6:
        raise Refusal("bround() to digits that are not a literal from 0 to 6")
    if value.type.is_integer:
        return value
    if value.type.name == "decimal" and (value.type.precision or 0) <= HALF_DIGITS:
        if digits >= (value.type.scale or 0):
            return cast(value, type_)
        whole = (value.type.precision or 0) - (value.type.scale or 0) + 1
        # What is rounded up may have a digit more, and is compared with what it was.
        wide = t.decimal((value.type.precision or 0) + 1, value.type.scale or 0)
        exact = _to_even(spell(value.sql, wide), whole, digits)
        return Piece(spell(exact, type_), type_, value.raises)
    if value.type != t.DOUBLE:
        raise Refusal(f"bround({value.type})")
    x = value.sql
    exact = _to_even(f"CAST(CAST({x} AS VARCHAR) AS DECIMAL(38,22))", 16, digits)
    sql = (
        f"CASE WHEN isnan({x}) OR abs({x}) >= 4503599627370496 THEN {x} "
        f"WHEN abs({x}) < 1e-12::DOUBLE THEN CAST(0 AS DOUBLE) "
        f"ELSE CAST(CAST({exact} AS VARCHAR) AS DOUBLE) + CAST(0 AS DOUBLE) END"
    )
    return Piece(sql, type_, value.raises)


def _to_even(sql: str, whole: int, digits: int) -> str:
    """Return a decimal rounded half to even, as a decimal of so many digits before and behind."""
    step = spell(text(f"{Decimal(1).scaleb(-digits):f}"), t.decimal(digits + 1, digits))
    rounded = f"CAST(round(d, {digits}) AS {type_name(t.decimal(whole + digits, digits))})"
    middle = f"abs(d - r) * 2 = {step} AND sp_unscaled(r) % 2 <> 0"
    even = f"CASE WHEN r > d THEN r - {step} ELSE r + {step} END"
    chosen = f"CASE WHEN {middle} THEN {even} ELSE r END"
    return (
        f"list_transform([{sql}], lambda d: list_transform([{rounded}], lambda r: {chosen})[1])[1]"
    )
