"""Partition projection: partitions that Athena computes and Glue does not list.

Of a table with `projection.enabled=true`, `GetPartitions` returns what somebody once registered,
which is usually nothing: read by it, the table is silently empty. Here they are computed. They say
what may exist; a place without files is an empty partition.

A key has a type, and paths have a way to write it: `projection.dt.format=yyyyMMdd` puts the date
2026-01-31 into `dt=20260131/`. Conditions and engines are given the value, places are made of what
is written.

Source: AWS Athena User Guide, "Supported types for partition projection" and "Set up partition
projection".
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from headwater.display.language import hint_wording
from headwater.errors import PlanError
from headwater.partitions.local_time import after, first_moment
from headwater.partitions.patterns import Pattern, Unit
from headwater.partitions.values import comparable
from headwater.tables.table import KeyCondition, Partition
from headwater.types import DataType
from headwater.untrusted import limits
from headwater.untrusted.texts import whole_number
from headwater_glue.conditions import accepts
from headwater_glue.entry import GlueColumn
from headwater_glue.hive_types import column_type
from headwater_glue.partition_path import path_of

MILLISECONDS: Final = {
    "MILLIS": 1,
    "SECONDS": 1_000,
    "MINUTES": 60_000,
    "HOURS": 3_600_000,
    "DAYS": 86_400_000,
    "WEEKS": 604_800_000,
}


_TEXTS: Final = ("string", "varchar")
_MOMENTS: Final = ("date", "timestamp", "timestamp_ntz")
_EXAMPLES: Final = {**dict.fromkeys(_TEXTS, "'...'"), "int": "7", "date": "DATE'2026-01-31'"}
"""Types of injected keys whose values are written in one way, with a value of each."""


@dataclass(frozen=True, slots=True)
class EnumAxis:
    """Values that are listed one by one; white space is part of a value."""

    listed: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.listed)

    def values(self) -> Iterator[str]:
        """Yield them as they are listed."""
        yield from self.listed

    def spelled(self, text: str) -> str | None:
        """Return the value that a text means, or None if it is not one of them."""
        return text if text in self.listed else None

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last of them; there must be one."""
        return self.listed[0], self.listed[-1]


@dataclass(frozen=True, slots=True)
class IntegerAxis:
    """Whole numbers from `first` to `last`, both included, padded with zeros to `digits`."""

    first: int
    last: int
    interval: int = 1
    digits: int = 0

    @property
    def size(self) -> int:
        """How many there are."""
        return max(0, (self.last - self.first) // self.interval + 1)

    def values(self) -> Iterator[str]:
        """Yield them in rising order."""
        return map(self._text, self._numbers)

    def spelled(self, text: str) -> str | None:
        """Return the value that a text means (`7` for `07`), or None if it is not one of them."""
        number = whole_number(text)
        return self._text(number) if number is not None and number in self._numbers else None

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last of them; there must be one."""
        return self._text(self._numbers[0]), self._text(self._numbers[-1])

    @property
    def _numbers(self) -> range:
        return range(self.first, self.last + 1, self.interval)

    def _text(self, number: int) -> str:
        return f"{'-' if number < 0 else ''}{abs(number):0{self.digits}d}"


@dataclass(frozen=True, slots=True)
class DateAxis:
    """Moments from `first` to `last`, both included, in UTC."""

    first: datetime
    last: datetime
    pattern: Pattern
    interval: int
    unit: str

    @property
    def size(self) -> int:
        """How many there are, at most."""
        if self.last < self.first:
            return 0
        if self.unit in MILLISECONDS:
            step = self.interval * MILLISECONDS[self.unit]
            return (self.last - self.first) // timedelta(milliseconds=1) // step + 1
        years, months = self.last.year - self.first.year, self.last.month - self.first.month
        return (years * 12 + months) // (self.interval * (12 if self.unit == "YEARS" else 1)) + 1

    def values(self) -> Iterator[str]:
        """Yield them in rising order, each text once."""
        before = None
        for step in itertools.count():
            try:
                moment = shifted(self.first, step * self.interval, self.unit)
            except (OverflowError, ValueError):  # beyond the years that there are
                return
            if moment > self.last:
                return
            text = self.pattern.format(moment)
            if text != before:
                yield text
            before = text

    @property
    def ends(self) -> tuple[str, str]:
        """The first and the last moment, as the pattern writes them."""
        return self.pattern.format(self.first), self.pattern.format(self.last)

    def spelled(self, text: str) -> str | None:
        """Return the value that a text means, or None if it is not one of them."""
        moment = parse_moment(self.pattern, text)
        if moment is None:
            return None
        if not self.first <= moment <= self.last:
            # The first value may begin inside the period that its text names.
            return text if text == self.pattern.format(self.first) else None
        near = DateAxis(self.first, moment, self.pattern, self.interval, self.unit).size
        for number in range(near - 1, near + 1):
            try:
                step = shifted(self.first, number * self.interval, self.unit)
            except (OverflowError, ValueError):  # beyond the years that there are
                return None
            if step <= self.last and self.pattern.format(step) == text:
                return text
        return None

    def within(self, begin: datetime, end: datetime) -> Iterator[str]:
        """Yield the values of the moments in `[begin, end)`, in rising order."""
        before = DateAxis(self.first, begin, self.pattern, self.interval, self.unit).size
        for step in itertools.count(max(before - 2, 0)):
            moment = shifted(self.first, step * self.interval, self.unit)
            if moment >= end or moment > self.last:
                return
            if moment >= begin:
                yield self.pattern.format(moment)


@dataclass(frozen=True, slots=True)
class InjectedAxis:
    """Any value: the query must name those it wants."""


Axis: TypeAlias = EnumAxis | IntegerAxis | DateAxis | InjectedAxis


@dataclass(frozen=True, slots=True)
class Projection:
    """A table's partitions, as a rule.

    Args:
        table: The table, for messages.
        keys: Its partition keys.
        axes: What each of them may be, in the same order.
        location: The table's location.
        template: `storage.location.template`, or None for `location/key=value/...`.
    """

    table: str
    keys: tuple[GlueColumn, ...]
    axes: tuple[Axis, ...]
    location: str
    template: str | None = None

    def partitions(self, where: Sequence[KeyCondition] = ()) -> Iterator[Partition]:
        """Yield the partitions whose keys satisfy all conditions.

        Raises:
            PlanError: If an injected key has no condition that lists its values, or the
                conditions leave more than `bounds.PROJECTED_PARTITIONS`.
        """
        choices = [self._choices(k, a, where) for k, a in zip(self.keys, self.axes, strict=True)]
        count = math.prod(len(c) for c in choices)
        if count > limits.PROJECTED_PARTITIONS:
            widths = ", ".join(
                f"{k.name}: {len(c):,}" for k, c in zip(self.keys, choices, strict=True)
            )
            raise self._too_many(f"{count:,} partitions ({widths})")
        for chosen in itertools.product(*choices):
            place = self.place([text for _, text in chosen])
            yield Partition(tuple(value for value, _ in chosen), place, computed=True)

    def some(self, at_most: int) -> list[Partition]:
        """Return the first `at_most` partitions; of more, the last one in the place of the last.

        Raises:
            PlanError: If a key is injected.
        """
        if self.total() is None:
            next(self.partitions())  # says which key, and what to do
        first = [list(itertools.islice(axis.values(), at_most)) for axis, _ in self._bounded]
        combinations = list(itertools.islice(itertools.product(*first), at_most))
        if (self.total() or 0) > at_most:
            combinations[-1] = tuple(axis.ends[1] for axis, _ in self._bounded)
        types = self._bounded
        return [
            Partition(
                tuple(_value(a, t, text) for (a, t), text in zip(types, texts, strict=True)),
                self.place(texts),
                computed=True,
            )
            for texts in combinations
        ]

    def total(self) -> int | None:
        """Return how many partitions there may be; None where a key is injected."""
        sizes = [None if isinstance(a, InjectedAxis) else a.size for a in self.axes]
        bounded = [s for s in sizes if s is not None]
        return math.prod(bounded) if len(bounded) == len(sizes) else None

    def place(self, texts: Sequence[str]) -> str:
        """Return the location of the partition whose keys are written so."""
        if self.template is None:
            return f"{self.location.rstrip('/')}/{path_of([k.name for k in self.keys], texts)}/"
        by_name = {k.name.lower(): t for k, t in zip(self.keys, texts, strict=True)}
        return re.sub(r"\$\{([^}]*)\}", lambda m: by_name[m[1].strip().lower()], self.template)

    @property
    def _bounded(self) -> list[tuple[EnumAxis | IntegerAxis | DateAxis, DataType]]:
        pairs = zip(self.axes, self.keys, strict=True)
        return [(a, column_type(k.type)) for a, k in pairs if not isinstance(a, InjectedAxis)]

    def _choices(
        self, key: GlueColumn, axis: Axis, where: Sequence[KeyCondition]
    ) -> list[tuple[str, str]]:
        """Return the values of a key that meet all conditions, each with how paths write it."""
        own = [c for c in where if c.key.lower() == key.name.lower()]
        type_ = column_type(key.type)
        listed = next((c.values for c in own if c.operator == "in"), None)
        candidates: Iterable[str]
        if isinstance(axis, InjectedAxis):
            if listed is None:
                raise self._injected(key, type_)
            candidates = listed
        elif listed is not None and (matching := _matching(axis, type_, listed)) is not None:
            candidates = matching
        elif axis.size > limits.PROJECTED_VALUES:
            raise self._too_many(f"{axis.size:,} values of {key.name!r}")
        else:
            candidates = axis.values()
        written = ((_value(axis, type_, text), text) for text in candidates)
        # Filtered as they come: a million values are not kept for the few that are meant.
        return list(dict.fromkeys(w for w in written if all(accepts(c, type_, w[0]) for c in own)))

    def _injected(self, key: GlueColumn, type_: DataType) -> PlanError:
        about = f"table {self.table}: partition key {key.name!r} is injected: it may be anything"
        if example := _EXAMPLES.get("int" if type_.is_integer else type_.name):
            return PlanError(
                f"{about}, so the query must name the values it wants",
                code="injected-partition",
                hint=f"add to the query: WHERE {key.name} = {example}",
            )
        return PlanError(
            f"{about}, and a value of its type, {type_}, can be written in more than one way, so "
            "where its files lie is not known",
            code="injected-partition",
            hint="declare the key as string in Glue: what the query names is then what paths have",
        )

    def _too_many(self, count: str) -> PlanError:
        return PlanError(
            f"table {self.table}: its partition projection gives {count}, more than one read lists",
            code="too-many-partitions",
            hint="declare how the keys follow from time, "
            + hint_wording(
                "with a TimePartition in the source's partitions", "with partitions: {...}"
            )
            + ", or name their values in the query's WHERE",
        )


def _matching(axis: Axis, type_: DataType, listed: Sequence[str]) -> Iterator[str] | None:
    """Yield how paths write the listed values, without trying all; None where that can't be told.

    Conditions name values of the key's type. A date is found by its moment, however the axis
    writes it; a text only by its spelling.
    """
    match axis:
        case IntegerAxis() if type_.is_integer or type_.name in _TEXTS:
            return (text for v in listed if (text := axis.spelled(v)) is not None)
        case DateAxis() if type_.name in _TEXTS:
            return (text for v in listed if (text := axis.spelled(v)) is not None)
        case DateAxis() if type_.name in _MOMENTS:
            moments = [_moment(v, type_) for v in listed]
            if None not in moments:
                units = (Unit.DAY, max(axis.pattern.units))
                return (
                    text
                    for moment in moments
                    if moment is not None
                    for text in axis.within(moment, max(_after(moment, u) for u in units))
                )
    return None


def _value(axis: Axis, type_: DataType, text: str) -> str:
    """Return the value of a key that paths write so: one of its type, where it has a type."""
    if not isinstance(axis, DateAxis) or type_.name not in _MOMENTS:
        return text
    moment = parse_moment(axis.pattern, text)
    assert moment is not None, "the pattern wrote it, and names a year"
    return f"{moment:%Y-%m-%d}" if type_.name == "date" else f"{moment:%Y-%m-%d %H:%M:%S}"


def _moment(value: str, type_: DataType) -> datetime | None:
    parsed = comparable(value, type_)
    if isinstance(parsed, datetime):
        return parsed.replace(tzinfo=UTC)
    return None if parsed is None else datetime(parsed.year, parsed.month, parsed.day, tzinfo=UTC)


def _after(moment: datetime, unit: Unit) -> datetime:
    return after(moment.replace(tzinfo=None), unit).replace(tzinfo=UTC)


def parse_moment(pattern: Pattern, text: str) -> datetime | None:
    """Return the beginning, in UTC, of the period that a value names; None if it names none."""
    units = pattern.parse(text)
    moment = None if units is None or Unit.YEAR not in units else first_moment(units)
    return None if moment is None else moment.replace(tzinfo=UTC)


def shifted(moment: datetime, amount: int, unit: str) -> datetime:
    """Return a moment moved by a signed number of units; a day that its month lacks is its last."""
    if unit in MILLISECONDS:
        return moment + timedelta(milliseconds=amount * MILLISECONDS[unit])
    months = moment.year * 12 + moment.month - 1 + amount * (12 if unit == "YEARS" else 1)
    year, month = divmod(months, 12)
    following = datetime(year + (month == 11), (month + 1) % 12 + 1, 1, tzinfo=UTC)
    last_day = (following - timedelta(days=1)).day
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last_day))
