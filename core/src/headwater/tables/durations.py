"""Durations as people write them: `6 hours`, `1 day`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from headwater.errors import ConfigError

_UNITS: Final = {"s": "seconds", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WRITTEN: Final = re.compile(
    r"(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week|s|min|h|d|w)s?", re.IGNORECASE
)


def duration(value: object, what: str) -> timedelta:
    """Parse a duration: a timedelta, seconds, or a text such as `90 minutes`, `1 day`, `7d`.

    A month is none: months are not of one length.

    Args:
        value: As it was given.
        what: What it is, for messages.

    Raises:
        ConfigError: If it can't be read.
    """
    if isinstance(value, timedelta):
        return value
    try:
        return _parse(value, what)
    except (OverflowError, ValueError):
        raise ConfigError(
            f"{what} {str(value)[:40]!r} is longer than any time", hint="write e.g. '1 day'"
        ) from None


def _parse(value: object, what: str) -> timedelta:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    match = _WRITTEN.fullmatch(str(value).strip())
    if match is None:
        raise ConfigError(
            f"{what} {str(value)[:40]!r} is no duration",
            hint="write seconds, or e.g. '6 hours' or '1 day'",
        )
    unit = match[2].casefold()
    return timedelta(**{_UNITS.get(unit, f"{unit}s"): float(match[1])})
