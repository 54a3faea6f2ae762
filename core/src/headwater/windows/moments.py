"""Moments as people say them: `yesterday`, `now`, `7 days ago`, a time on a zone's clock."""

# What a clock shows is a naive datetime: that is the subject here.
# ruff: noqa: DTZ001

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeAlias

from headwater.errors import ConfigError
from headwater.partitions.local_time import first_shown, zone_named
from headwater.tables import window as windows
from headwater.tables.durations import duration
from headwater.tables.window import Window

Moment: TypeAlias = str | date | datetime

_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
"""Words for a day: as a moment, its beginning."""
_AGO: Final = re.compile(r"(.+?)\s+ago", re.IGNORECASE)
_LENGTH: Final = re.compile(r"\d+(\.\d+)?\s*[a-z]+", re.IGNORECASE)
_COUNTED: Final = re.compile(r"(\d{1,5})\s*(d|days?|w|weeks?|mo|months?)", re.IGNORECASE)
"""What a clock counts in days: it shows the same time at both ends."""


def instant(value: Moment, zone: str = "UTC", now: datetime | None = None) -> datetime:
    """Return an aware UTC datetime of a moment as people write it.

    `now`; `today`, `yesterday` and `tomorrow`, whose beginning is meant; `7 days ago`, `6h ago`; or
    ISO 8601, a date being its beginning.

    Args:
        value: The moment.
        zone: The zone of what has none: whose clock, and whose days.
        now: The present; default: the system's.

    Raises:
        ConfigError: If it is none.
    """
    now = now or datetime.now(UTC)
    if isinstance(value, str):
        word = value.strip().casefold()
        if word == "now":
            return now
        if word in _DAYS:
            return _midnight(zone, now, _DAYS[word])
        if match := _AGO.fullmatch(word):
            return before(match[1], zone, now)
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ConfigError(
                f"{value!r} is not a time",
                hint="use ISO 8601, e.g. 2026-01-31 or 2026-01-31T12:00:00Z, or now, today, "
                "yesterday, '7 days ago'",
            ) from None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if value.tzinfo is not None or zone == "UTC":
        return windows.instant(value)
    try:
        return first_shown(zone_named(zone), value)
    except OverflowError:
        return windows.instant(value)


def asked_for(
    start: Moment | None,
    end: Moment | None,
    zone: str = "UTC",
    *,
    last: str | timedelta | None = None,
    since: Moment | None = None,
    now: datetime | None = None,
) -> Window | None:
    """Return the window that is asked for, in one of the ways in which one can be; None for none.

    Args:
        start: Its start; the word for a day is that day where no end is given.
        end: Its end, exclusive.
        zone: The zone of what has none.
        last: Instead of both, how long it is, until now.
        since: Instead of both, its start; it ends now.
        now: The present; default: the system's.

    Raises:
        ConfigError: If it is asked for in two ways, by half, or is empty.
    """
    words = [name for name, v in (("last", last), ("since", since)) if v is not None]
    if words and (len(words) > 1 or start is not None or end is not None):
        others = "since" if len(words) > 1 else "start and end"
        raise ConfigError(
            f"{words[0]} says what the window is, and so do {others}", hint="give one of them"
        )
    now = now or datetime.now(UTC)
    if last is not None:
        return until_now(last, zone, now)
    if since is not None:
        return from_then(since, zone, now)
    if start is None and end is None:
        return None
    if end is None and isinstance(start, str) and (whole := day(start, zone, now)) is not None:
        return whole
    if start is None or end is None:
        raise ConfigError(
            "a window needs both start and end",
            hint="or neither, for all rows; last and since say both at once",
        )
    return Window(instant(start, zone, now), instant(end, zone, now))


def day(word: str, zone: str = "UTC", now: datetime | None = None) -> Window | None:
    """Return the whole day that a word names (`yesterday`); None if it names none.

    Args:
        word: The word.
        zone: Whose days.
        now: The present; default: the system's.
    """
    number = _DAYS.get(word.strip().casefold())
    if number is None:
        return None
    now = now or datetime.now(UTC)
    return Window(_midnight(zone, now, number), _midnight(zone, now, number + 1))


def until_now(length: str | timedelta, zone: str = "UTC", now: datetime | None = None) -> Window:
    """Return the stretch of time that ends now, e.g. of `7d`, `6 hours`, `1 month`.

    Args:
        length: How long it is. Days, weeks and months are counted on the zone's clock.
        zone: Whose clock.
        now: The present; default: the system's.

    Raises:
        ConfigError: If it is no length of time.
    """
    now = now or datetime.now(UTC)
    start = before(length, zone, now)
    if start >= now:
        raise ConfigError(f"last={str(length)!r} is no time at all", hint="write e.g. '7d'")
    return Window(start, now)


def from_then(
    value: str | date | datetime, zone: str = "UTC", now: datetime | None = None
) -> Window:
    """Return the stretch of time from a moment until now; `7d` is the moment so long ago.

    Args:
        value: The moment.
        zone: The zone of what has none.
        now: The present; default: the system's.

    Raises:
        ConfigError: If it is none, or not before now.
    """
    now = now or datetime.now(UTC)
    if isinstance(value, str) and re.fullmatch(
        r"\d+(\.\d+)?\s*[a-z]+", value.strip(), re.IGNORECASE
    ):
        return until_now(value, zone, now)
    return Window(instant(value, zone, now), now)


def before(length: str | timedelta, zone: str, now: datetime) -> datetime:
    """Return the moment so long before now.

    Args:
        length: How long.
        zone: On whose clock days, weeks and months are counted.
        now: The present.

    Raises:
        ConfigError: If it is no length of time.
    """
    match = _COUNTED.fullmatch(length.strip()) if isinstance(length, str) else None
    try:
        if match is None:
            return now - duration(length, "length of time")
        count, unit = int(match[1]), match[2].casefold()
        clock = zone_named(zone)
        local = now.astimezone(clock).replace(tzinfo=None)
        if unit.startswith("mo"):
            months = local.year * 12 + local.month - 1 - count
            local = _in_month(local, months)
        else:
            local -= timedelta(days=count * (7 if unit.startswith("w") else 1))
        return first_shown(clock, local)
    except (OverflowError, ValueError):
        raise ConfigError(
            f"{length!r} ago is before all time", hint="write a shorter one, e.g. '7d'"
        ) from None


def _in_month(local: datetime, months: int) -> datetime:
    """Return the same day of another month, or its last one where it is shorter."""
    begin = datetime(months // 12, months % 12 + 1, 1)
    following = datetime((months + 1) // 12, (months + 1) % 12 + 1, 1)
    return local.replace(
        year=begin.year, month=begin.month, day=min(local.day, (following - begin).days)
    )


def _midnight(zone: str, now: datetime, days: int) -> datetime:
    clock = zone_named(zone)
    local = now.astimezone(clock).replace(tzinfo=None)
    day = datetime(local.year, local.month, local.day) + timedelta(days=days)
    return first_shown(clock, day)
