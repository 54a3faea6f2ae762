"""Literals: numbers, texts, times, as typed DuckDB constants."""

from __future__ import annotations

import re
from datetime import date, datetime
from fractions import Fraction
from typing import Final

from headwater import types as t
from headwater.sql.portable import ranges
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.spelling import cast, text
from headwater.sql.typing import typed_texts
from headwater.types import DataType
from headwater.untrusted.texts import decimal_number

_NUMBER: Final = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z]*)")
_LEAST_FLOAT: Final = 1e-44


def number(literal: str, type_: DataType) -> Piece:
    """Return the constant for a number as written, with its suffix.

    Example: `1.5` -> `CAST('1.5' AS DECIMAL(2,1))`

    Args:
        literal: e.g. `1`, `1L`, `1.5`, `1e3`, `-1`.
        type_: The type that Spark gives it.
    """
    match = _NUMBER.fullmatch(literal)
    if match is None or not type_.is_numeric:
        raise Refusal(f"the number {literal}: its type can't be told")
    digits = match[1]
    exact = decimal_number(digits)
    if exact is None:
        raise Refusal(f"the number {literal[:40]}...: it has too many digits")
    if type_.is_integer:
        value = int(exact)
        return Piece(cast(digits, type_), type_, literal=value, range=ranges.constant(value))
    if type_.name == "decimal":
        sql, values = cast(text(f"{exact:f}"), type_), ranges.constant(Fraction(exact))
        return Piece(sql, type_, literal=exact, range=values)
    # Both engines read the nearest double (or float) of a decimal text.
    return Piece(cast(text(digits), type_), type_, range=_nearest(digits, type_))


def string(value: str) -> Piece:
    """Return the constant for a text."""
    if "\0" in value:
        raise Refusal("a text with a NUL character: DuckDB ends it there")
    return Piece(text(value), t.STRING, literal=value)


def binary(digits: str) -> Piece:
    """Return the constant for `X'0fA'`: a first digit that stands alone is a byte, too."""
    padded = digits if len(digits) % 2 == 0 else f"0{digits}"
    return Piece(f"unhex({text(padded)})", t.BINARY)


def typed(value: str, type_: DataType) -> Piece:
    """Return the constant that Spark makes of a text where a value of another type is needed.

    Only texts that both engines read alike are taken; the others are refused at plan time.

    Example: `day = '2026-01-31'` -> `("day" = CAST('2026-01-31' AS DATE))`

    Raises:
        Refusal: If the text has another shape, or is no value of that type.
    """
    canonical = typed_texts.canonical(value, type_)
    if canonical is None:
        raise Refusal(
            f"the text {value!r} where {type_} is needed: the two engines may read it differently"
        )
    return Piece(cast(text(canonical), type_), type_, range=_value(canonical, type_))


def _nearest(digits: str, type_: DataType) -> ranges.Range | None:
    """Whether a floating literal is 0, which the smallest ones become."""
    nonzero = float(digits) != 0 and (type_ == t.DOUBLE or abs(float(digits)) > _LEAST_FLOAT)
    return ranges.Range(nonzero=True) if nonzero else None


def _value(canonical: str, type_: DataType) -> ranges.Range | None:
    """Return the range of one value, where it is a number or a time."""
    if type_ == t.DATE:
        return ranges.day(date.fromisoformat(canonical))
    if type_ in (t.TIMESTAMP, t.TIMESTAMP_NTZ):
        return ranges.moment(datetime.fromisoformat(canonical))
    if type_.is_integer:
        return ranges.constant(int(canonical))
    if type_.is_floating and typed_texts.PLAIN.fullmatch(canonical):
        return _nearest(canonical, type_)
    return None
