"""Literals: numbers, texts, times, as typed DuckDB constants."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Final

from headwater import types as t
from headwater.sql.portable import ranges
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.spelling import cast, text
from headwater.types import INTEGER_BITS, DataType
from headwater.untrusted.texts import decimal_number, whole_number

_SPACES: Final = " \t\n\v\f\r"
_DATE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?(Z|[+-](?:0\d|1[0-7]):[0-5]\d)?)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"(-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z]*)")
_WORDS: Final = {
    "nan": "nan",
    "inf": "inf",
    "+inf": "inf",
    "-inf": "-inf",
    "infinity": "inf",
    "+infinity": "inf",
    "-infinity": "-inf",
}
_LEAST_FLOAT: Final = 1e-44
_PLAIN: Final = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)


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
    canonical = _typed(value.strip(_SPACES), type_)
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
    if type_.is_floating and _PLAIN.fullmatch(canonical):
        return _nearest(canonical, type_)
    return None


def _typed(value: str, type_: DataType) -> str | None:
    try:
        if type_ == t.STRING:
            return value
        if type_ == t.DATE and (match := _DATE.fullmatch(value)):
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        if type_ in (t.TIMESTAMP, t.TIMESTAMP_NTZ):
            return _moment(value, zoned=type_ == t.TIMESTAMP)
        if type_.is_integer and (number := whole_number(value)) is not None:
            half = 2 ** (INTEGER_BITS[type_.name] - 1)
            return str(number) if -half <= number < half else None
        if type_ in (t.DOUBLE, t.FLOAT):
            return value if _PLAIN.fullmatch(value) else _WORDS.get(value.lower())
        if type_ == t.BOOLEAN and value.lower() in ("true", "false"):
            return value.lower()
    except ValueError:
        return None
    return None


def _moment(value: str, *, zoned: bool) -> str | None:
    match = _TIMESTAMP.fullmatch(value)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(g or 0) for g in match.groups()[:6])
    micros = int((match[7] or "0").ljust(6, "0"))
    moment = datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)
    zone = match[8]
    if not zoned:
        return None if zone else moment.replace(tzinfo=None).isoformat(sep=" ")
    if zone and zone != "Z":
        moment = datetime.fromisoformat(f"{moment.replace(tzinfo=None).isoformat()}{zone}")
    return moment.astimezone(UTC).isoformat(sep=" ")
