"""Calendar: a stretch of time, cut where a zone's clock begins an hour, a day, a week or a month.

A day is what the zone's clock calls one: 23 or 25 hours where it is set forward or back, none where
the zone left it out. An hour that the clock shows twice is two windows; so every window of an hour
is one hour long, but where a clock is set by half of one.

Steps of several hours begin at midnight, those of several months in January. Steps of several days
or weeks are counted from a Monday, so that where a step begins never depends on what is asked for.
"""

# What a clock shows is a naive datetime: that is the subject here.
# ruff: noqa: DTZ001

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Final

from headwater.errors import ConfigError
from headwater.partitions.local_time import first_shown, last_shown, zone_named
from headwater.tables.window import Window

MOST: Final = 100_000
"""Windows that one stretch of time is cut into, at most."""
_DAY: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)
_HINT: Final = "write '1 hour', '1 day', '1 week', '1 month', or a number of them"
_WRITTEN: Final = re.compile(r"(?:(\d{1,4})\s*)?([a-z]+)", re.IGNORECASE)


class Unit(StrEnum):
    """What a calendar counts in."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_WORDS: Final = {
    **{unit.value: unit for unit in Unit},
    **{f"{unit.value}s": unit for unit in Unit},
    "h": Unit.HOUR,
    "d": Unit.DAY,
    "w": Unit.WEEK,
    "mo": Unit.MONTH,
}
_SHORT: Final = {Unit.HOUR: "h", Unit.DAY: "d", Unit.WEEK: "w", Unit.MONTH: "mo"}
_MOST: Final = {Unit.HOUR: 12, Unit.DAY: 366, Unit.WEEK: 52, Unit.MONTH: 12}
_WITHIN: Final = {Unit.HOUR: (24, "day"), Unit.MONTH: (12, "year")}
"""Steps of these start anew with each day or year: only what divides it evenly is one step."""
_AT_LEAST: Final = {
    Unit.HOUR: timedelta(hours=1),
    Unit.DAY: _DAY,
    Unit.WEEK: 7 * _DAY,
    Unit.MONTH: 28 * _DAY,
}


@dataclass(frozen=True, slots=True)
class Step:
    """How long each window is: some hours, days, weeks or months of a calendar.

    Args:
        count: How many.
        unit: Of what.

    Raises:
        ConfigError: If a day can't be cut evenly into so many hours, a year into so many months, or
            the step is longer than a year.
    """

    count: int
    unit: Unit

    def __post_init__(self) -> None:
        most, within = _MOST[self.unit], _WITHIN.get(self.unit)
        if 1 <= self.count <= most and (within is None or within[0] % self.count == 0):
            return
        hint = f"from 1 to {most} {self.unit}s"
        if within is not None:
            even = ", ".join(str(n) for n in range(1, most + 1) if within[0] % n == 0)
            hint = f"{even} {self.unit}s make up a {within[1]} evenly"
        raise ConfigError(f"windows of {self} are none of a calendar", hint=hint)

    @classmethod
    def of(cls, every: str | Step) -> Step:
        """Return a step as people write it: `1 day`, `6 hours`, `week`, `3 months`, `1d`, `1mo`.

        Raises:
            ConfigError: If it is none.
        """
        if isinstance(every, Step):
            return every
        match = _WRITTEN.fullmatch(str(every).strip())
        unit = None if match is None else _WORDS.get(match[2].casefold())
        if match is None or unit is None:
            raise ConfigError(f"every={str(every)[:40]!r} is no step of a calendar", hint=_HINT)
        return cls(int(match[1] or 1), unit)

    @property
    def short(self) -> str:
        """The step in two or three characters: `1d`, `6h`, `1mo`."""
        return f"{self.count}{_SHORT[self.unit]}"

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Calendar:
    """Steps on a zone's clock.

    Args:
        step: How long a window is.
        timezone: Whose clock, by its name in the IANA database.

    Raises:
        ConfigError: If there is no such zone.
    """

    step: Step
    timezone: str = "UTC"
    _zone: tzinfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        name: object = self.timezone
        if not isinstance(name, str):
            raise ConfigError(f"{name!r} is no zone's name", hint="write e.g. 'Europe/Berlin'")
        object.__setattr__(self, "_zone", zone_named(name))

    @classmethod
    def of(cls, every: str | Step, timezone: str = "UTC") -> Calendar:
        """Return a calendar whose step is given as people write it (`Step.of`).

        Raises:
            ConfigError: If the step or the zone is none.
        """
        return cls(Step.of(every), timezone)

    @property
    def name(self) -> str:
        """Its step and zone, in a word each: `1d Europe/Berlin`."""
        return f"{self.step.short} {self.timezone}"

    def cut(self, window: Window) -> tuple[Window, ...]:
        """Return a window cut at every step; its first and last part may be less than a step.

        Example: `1 week` cuts [2026-01-01, 2026-01-14) at Monday the 5th and Monday the 12th.

        Raises:
            ConfigError: If these are more than 100,000, or the calendar ends before they do.
        """
        steps = self.steps(window)
        return tuple(
            Window(max(s.start, window.start), min(s.end, window.end)) if _cuts(window, s) else s
            for s in steps
        )

    def steps(self, window: Window) -> tuple[Window, ...]:
        """Return the whole steps that a window touches, in order, none of them cut.

        Raises:
            ConfigError: As `cut`.
        """
        count = window.duration / (self.step.count * _AT_LEAST[self.step.unit])
        if count > MOST:
            raise ConfigError(
                f"{window} cut every {self.step} makes {count:,.0f} windows, and {MOST:,} are most",
                hint="name a shorter time, or longer steps",
            )
        try:
            edges = sorted(set(self._edges(window)))
        except OverflowError:
            raise ConfigError(
                f"{window} can't be cut every {self.step}: the calendar ends there",
                hint="name a time between the years 2 and 9998",
            ) from None
        first = max(i for i, edge in enumerate(edges) if edge <= window.start)
        last = min(i for i, edge in enumerate(edges) if edge >= window.end)
        inside = edges[first : last + 1]
        return tuple(Window(a, b) for a, b in pairwise(inside))

    def even(self, window: Window) -> bool:
        """Return whether the zone's clock was not set between a window's start and its end.

        Whatever the zone, two such windows of one step that start together end together.
        """
        return self._offset(window.start) == self._offset(window.end)

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self._zone).utcoffset()

    def whole(self, window: Window) -> bool:
        """Return whether a window is exactly one step."""
        return self.steps(window) == (window,)

    def widened(self, window: Window) -> Window:
        """Return a window from the beginning of its first step to the end of its last."""
        steps = self.steps(window)
        return Window(steps[0].start, steps[-1].end)

    def _edges(self, window: Window) -> Iterator[datetime]:
        """Yield the instants at which steps begin, around a window and in it; some twice."""
        # No clock is ever set by more than a day.
        begin = self._floor(self._local(window.start) - _DAY)
        last = self._local(window.end) + _DAY
        begin = self._floor(begin - _TICK)
        twice = self.step == Step(1, Unit.HOUR)
        while True:
            yield first_shown(self._zone, begin)
            if twice and (second := last_shown(self._zone, begin)) is not None:
                yield second
            if begin > last:
                return
            begin = self._after(begin)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None)

    def _floor(self, local: datetime) -> datetime:
        """Return the beginning of the step that a local time lies in."""
        count, unit = self.step.count, self.step.unit
        if unit is Unit.HOUR:
            return datetime(local.year, local.month, local.day, local.hour // count * count)
        if unit is Unit.MONTH:
            return datetime(local.year, (local.month - 1) // count * count + 1, 1)
        days = count * (7 if unit is Unit.WEEK else 1)
        # The first day of the calendar, 0001-01-01, is a Monday.
        passed = (local.toordinal() - 1) % days
        return datetime(local.year, local.month, local.day) - passed * _DAY

    def _after(self, begin: datetime) -> datetime:
        """Return the beginning of the step after the one that begins there."""
        count, unit = self.step.count, self.step.unit
        if unit is Unit.HOUR:
            return begin + timedelta(hours=count)
        if unit is Unit.MONTH:
            months = begin.year * 12 + begin.month - 1 + count
            if months // 12 > 9999:
                raise OverflowError
            return datetime(months // 12, months % 12 + 1, 1)
        return begin + timedelta(weeks=count) if unit is Unit.WEEK else begin + count * _DAY


def _cuts(window: Window, step: Window) -> bool:
    return window.start > step.start or window.end < step.end
