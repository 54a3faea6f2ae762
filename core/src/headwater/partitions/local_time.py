"""Local time: which hours, days or months on a zone's clock a stretch of time touches.

Clocks are set back and forward: a local hour may happen twice, not at all, or in part. Instants are
whole microseconds since 1970 in UTC, so that nothing overflows at the ends of the calendar.
"""

# What a clock shows is a naive datetime: that is the subject here.
# ruff: noqa: DTZ001, DTZ901

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError
from headwater.partitions.patterns import Unit

_EPOCH: Final = datetime(1970, 1, 1)
_TICK: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_STEPS: Final = {Unit.DAY: _DAY, Unit.HOUR: timedelta(hours=1), Unit.MINUTE: timedelta(minutes=1)}


@lru_cache(maxsize=256)
def zone_named(name: str) -> tzinfo:
    """Return a zone of the IANA database.

    Raises:
        ConfigError: If there is none of that name; suggests names.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"unknown time zone {name!r}",
            hint=hint_for(name, sorted(available_timezones()), what="zones of the IANA database"),
        ) from None


class LocalPeriods:
    """The local periods that the instants `[start, end + lateness)` touch.

    Args:
        zone: Whose clock.
        start: First instant, aware.
        end: First instant after, aware.
        lateness: How much longer it lasts.
    """

    def __init__(
        self, zone: tzinfo, start: datetime, end: datetime, lateness: timedelta = timedelta(0)
    ) -> None:
        self._zone = zone
        self._start = _ticks(start.astimezone(UTC).replace(tzinfo=None))
        self._end = _ticks(end.astimezone(UTC).replace(tzinfo=None)) + lateness // _TICK

    def touch(self, begin: datetime, end: datetime) -> bool:
        """Return whether the clock showed a time in `[begin, end)` (naive) in that stretch."""
        low, high = _ticks(begin), _ticks(end)
        # Two offsets where the clock shows that time twice, or never.
        at_begin, at_end = self._offsets(begin), self._offsets(end)
        if high - min(at_end) <= self._start or low - max(at_begin) >= self._end:
            return False
        if at_begin[0] == at_begin[1] and at_end[0] == at_end[1]:
            return True
        # The period was shown in several pieces. One of them lies in the stretch if either end of
        # the stretch does, or if an end of the piece does: it begins or ends with the period.
        moments = [self._start, self._end - 1]
        moments += [low - offset for offset in (*at_begin, *at_end)]
        moments += [high - offset - 1 for offset in (*at_begin, *at_end)]
        return any(
            self._start <= moment < self._end and low <= self._local_ticks(moment) < high
            for moment in moments
        )

    def each(self, unit: Unit) -> Iterator[datetime]:
        """Yield the beginnings (naive) of the periods touched, as the clock orders them."""
        # No clock is ever set back by more than a day, so it never shows anything earlier.
        begin = floor(_moment(self._local_ticks(self._start) - _DAY // _TICK), unit)
        last = _moment(self._local_ticks(self._end - 1) + _DAY // _TICK)
        while begin <= last:
            following = after(begin, unit)
            if self.touch(begin, following):
                yield begin
            if following == datetime.max:
                return
            begin = following

    def last(self, unit: Unit) -> datetime:
        """Return the beginning (naive) of the period touched that the clock orders last."""
        begin = floor(_moment(self._local_ticks(self._end - 1) + _DAY // _TICK), unit)
        while begin > datetime.min and not self.touch(begin, after(begin, unit)):
            begin = floor(begin - _TICK, unit)
        return begin

    def _offsets(self, local: datetime) -> tuple[int, int]:
        first = local.replace(tzinfo=self._zone, fold=0).utcoffset() or timedelta(0)
        second = local.replace(tzinfo=self._zone, fold=1).utcoffset() or timedelta(0)
        return first // _TICK, second // _TICK

    def _local_ticks(self, instant: int) -> int:
        """Return what the clock shows at an instant."""
        # Within a day of the calendar's ends no offset can be asked for; none ever changed there.
        moment = min(max(_moment(instant), datetime.min + _DAY), datetime.max - _DAY)
        local = moment.replace(tzinfo=UTC).astimezone(self._zone)
        return instant + (local.utcoffset() or timedelta(0)) // _TICK


def instants(zone: tzinfo, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
    """Return the first instant at which a clock may show `[begin, end)` (naive), and the one after.

    What lies between may not all be shown as that, where the clock is set back or forward.
    """
    low, high = (
        [local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0) for fold in (0, 1)]
        for local in (begin, end)
    )
    first, after = _ticks(begin) - max(low) // _TICK, _ticks(end) - min(high) // _TICK
    return _moment(first).replace(tzinfo=UTC), _moment(after).replace(tzinfo=UTC)


def is_shown_once(zone: tzinfo, local: datetime) -> bool:
    """Return whether a clock shows a naive time once: not twice, and not never."""
    first, second = (local.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first == second


def first_shown(zone: tzinfo, local: datetime) -> datetime:
    """Return the first instant at which a clock shows a naive time, or the next one after it.

    It is never shown where the clock is set forward over it.

    Raises:
        OverflowError: At the ends of the calendar.
    """
    tries = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    for moment in tries:
        if _shows(zone, moment) == local:
            return moment
    before, after = sorted(tries)
    while after - before > _TICK:
        middle = before + (after - before) // 2
        if _shows(zone, middle) < local:
            before = middle
        else:
            after = middle
    return after


def last_shown(zone: tzinfo, local: datetime) -> datetime | None:
    """Return the last instant at which a clock shows a time (naive); None if it never does.

    Raises:
        OverflowError: At the ends of the calendar.
    """
    moment = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return moment if _shows(zone, moment) == local else None


def _shows(zone: tzinfo, moment: datetime) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def first_moment(units: Mapping[Unit, int]) -> datetime | None:
    """Return the beginning of the period that a year, month ... name; None for 30 February."""
    try:
        return datetime(
            units[Unit.YEAR],
            units.get(Unit.MONTH, 1),
            units.get(Unit.DAY, 1),
            units.get(Unit.HOUR, 0),
            units.get(Unit.MINUTE, 0),
        )
    except ValueError:
        return None


def floor(moment: datetime, unit: Unit) -> datetime:
    """Return the beginning of the period that a local time lies in."""
    return datetime(
        moment.year,
        moment.month if unit >= Unit.MONTH else 1,
        moment.day if unit >= Unit.DAY else 1,
        moment.hour if unit >= Unit.HOUR else 0,
        moment.minute if unit >= Unit.MINUTE else 0,
    )


def after(begin: datetime, unit: Unit) -> datetime:
    """Return the beginning of the period after the one that begins there; at most datetime.max."""
    try:
        if unit is Unit.YEAR:
            return begin.replace(year=begin.year + 1)
        if unit is Unit.MONTH:
            return floor(begin + 31 * _DAY, Unit.MONTH)
        return begin + _STEPS[unit]
    except (ValueError, OverflowError):
        return datetime.max


def _ticks(local: datetime) -> int:
    return (local - _EPOCH) // _TICK


def _moment(ticks: int) -> datetime:
    """Return the time of so many ticks, or the end of the calendar that it lies beyond."""
    return _EPOCH + min(max(ticks, _FIRST), _LAST) * _TICK


_FIRST: Final = _ticks(datetime.min)
_LAST: Final = _ticks(datetime.max)
