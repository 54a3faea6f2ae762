"""Partition values: texts in a catalog that stand for a typed key.

Catalogs keep every key value as text, in more than one spelling: `3` and `03`, `2024-3-9` and
`2024-03-09`. What can't be read as its type gives None, and the caller keeps the partition.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any, Final

from headwater.partitions.local_time import first_moment
from headwater.partitions.patterns import Pattern, Unit
from headwater.types import DataType

_INTEGER: Final = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)
_DATE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.0+)?)?)?", re.ASCII
)


def comparable(text: str, type_: DataType) -> Any:
    """Return a value as its key's type compares it; None if it can't be read as that type.

    Returns:
        A str, int, date or naive datetime: two results for one type can be ordered.
    """
    match type_.name:
        case "string" | "varchar":
            return text
        case "tinyint" | "smallint" | "int" | "bigint":
            return int(text) if _INTEGER.fullmatch(text) else None
        case "date":
            moment = _moment(_DATE.fullmatch(text))
            return None if moment is None else moment.date()
        case "timestamp" | "timestamp_ntz":
            return _moment(_TIMESTAMP.fullmatch(text))
        case "char":  # is equal to what differs by spaces at the end; its order is another
            return text.rstrip(" ")
        case _:  # other types have many spellings
            return None


def canonical(text: str, pattern: Pattern, type_: DataType) -> str | None:
    """Return a value as its pattern would write it, or None where its type can't be read.

    Only the spelling changes: leading zeros of numbers, the digits of dates and timestamps. A
    text that the pattern does not read (`2024-3-9` under `yyyy-MM-dd`) comes back as it is.
    """
    value = comparable(text, type_)
    if type_.is_integer:
        return None if value is None else str(value).zfill(_width(pattern))
    if isinstance(value, date):
        moment = value if isinstance(value, datetime) else datetime.combine(value, time.min)
        written = pattern.format(moment)
        if _first(pattern, written) == moment:
            return written
        # It is finer than what the pattern can say.
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if not type_.is_text:
        return None
    written = text.zfill(_width(pattern)) if _is_number(pattern) and text.isdigit() else text
    return pattern.spellings(written)[0]


def spellings(text: str, pattern: Pattern, type_: DataType) -> tuple[str, ...]:
    """Return how a value that its pattern wrote may stand in a catalog, likeliest first.

    A key of type string that is one number (`{"month": "MM"}`) is often written both ways in one
    table, by different jobs, and `yyyy-M-d` reads `2024-03-09` too; a typed key is compared as its
    type, so that one spelling will do.
    """
    if type_.is_integer:
        return (str(int(text)),)
    if type_.name in ("date", "timestamp", "timestamp_ntz"):
        moment = _first(pattern, text)
        if moment is None or is_spelled(text, pattern, type_):
            return (text,)
        return (moment.date().isoformat() if type_.name == "date" else moment.isoformat(" "),)
    if type_.is_text and _is_number(pattern):
        return tuple(dict.fromkeys((text, str(int(text)), text.zfill(2))))
    return pattern.spellings(text)


def is_spelled(text: str, pattern: Pattern, type_: DataType) -> bool:
    """Return whether a pattern writes dates or timestamps as texts of these types are written.

    Args:
        text: A time as the pattern writes it.
        pattern: The pattern.
        type_: Of the key.
    """
    value, units = comparable(text, type_), pattern.parse(text)
    if not isinstance(value, date) or units is None:
        return False
    full = value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return pattern.parse(full) == units and all(
        getattr(value, unit.name.lower()) == number for unit, number in units.items()
    )


def _first(pattern: Pattern, text: str) -> datetime | None:
    """Return the beginning of the period that a text names; None if it names none by itself."""
    units = pattern.parse(text)
    return None if units is None or Unit.YEAR not in units else first_moment(units)


def _moment(match: re.Match[str] | None) -> datetime | None:
    if match is None:
        return None
    year, month, day, hour, minute, second = (*(int(g or 0) for g in match.groups()), 0, 0, 0)[:6]
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  a local time
    except ValueError:  # 30 February
        return None


def _is_number(pattern: Pattern) -> bool:
    return len(pattern.pieces) == 1


def _width(pattern: Pattern) -> int:
    """Return the width of all values, or 0 where it varies."""
    if any(p.width == 1 for p in pattern.parts):
        return 0
    return sum(len(p) if isinstance(p, str) else p.width for p in pattern.pieces)
