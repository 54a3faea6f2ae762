"""Texts of typed values: those that every engine reads alike, as Spark casts them in UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Final

from headwater.types import (
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INTEGER_BITS,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DataType,
)
from headwater.untrusted.texts import whole_number

_SPACES: Final = " \t\n\v\f\r"
_DATE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,6}))?(Z|[+-](?:0\d|1[0-7]):[0-5]\d)?)?",
    re.ASCII,
)
_WORDS: Final = {
    "nan": "nan",
    "inf": "inf",
    "+inf": "inf",
    "-inf": "-inf",
    "infinity": "inf",
    "+infinity": "inf",
    "-infinity": "-inf",
}
PLAIN: Final = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
"""Numbers as they are written without an exponent."""


def canonical(value: str, type_: DataType) -> str | None:
    """Return a text as one that says the same value of a type everywhere; None where it may not.

    >>> canonical(" 2026-1-31 ", DATE), canonical("2026-01-31T01:00:00+01:00", TIMESTAMP)
    ('2026-01-31', '2026-01-31 00:00:00+00:00')

    Args:
        value: The text.
        type_: The type that it is cast to.
    """
    value = value.strip(_SPACES)
    try:
        if type_ == STRING:
            return value
        if type_ == DATE and (match := _DATE.fullmatch(value)):
            return date(int(match[1]), int(match[2]), int(match[3])).isoformat()
        if type_ in (TIMESTAMP, TIMESTAMP_NTZ):
            return _moment(value, zoned=type_ == TIMESTAMP)
        if type_.is_integer and (number := whole_number(value)) is not None:
            half = 2 ** (INTEGER_BITS[type_.name] - 1)
            return str(number) if -half <= number < half else None
        if type_ in (DOUBLE, FLOAT):
            return value if PLAIN.fullmatch(value) else _WORDS.get(value.lower())
        if type_ == BOOLEAN and value.lower() in ("true", "false"):
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
