"""Which partitions may hold the rows of a window, by a declared `TimePartition`.

The rule says: a row with time `t` lies in the partition whose keys are `t` as the patterns write it
(on the clock of the rule's zone), or in one up to `lateness` later. So a partition is of interest
where the stretch of time that its keys name touches `[start, end + lateness)`.

    check_rule      does the rule fit the table? explains where it does not
    keys_for        conditions that a catalog may use to list less: a superset
    keeps           the exact test of one partition
    widened         a window with the partitions beside it
    Periods         which time a partition's keys name
    expected_keys   the key values themselves, for tables whose partitions are computed
    matches         whether a partition meets a condition, typed

Nothing here loses a row: what can't be read or decided is kept.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from typing import Final

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError
from headwater.partitions.intervals import Intervals
from headwater.partitions.local_time import (
    LocalPeriods,
    after,
    first_moment,
    instants,
    is_shown_once,
    zone_named,
)
from headwater.partitions.patterns import Pattern, Unit, parse_pattern
from headwater.partitions.values import canonical, comparable, is_spelled, spellings
from headwater.tables.table import Column, KeyCondition, Partition, Table, TimePartition
from headwater.tables.window import Window
from headwater.types import STRING, DataType

_LISTED: Final = 100
"""Most values of an `in` condition: catalogs bound the length of an expression."""
_TRIED: Final = 1000
"""Most periods looked at to find them."""
_SAMPLE: Final = datetime(2024, 11, 10, 12, 40)  # noqa: DTZ001  a local time
_EXAMPLES: Final = {
    **dict.fromkeys(("string", "varchar", "char"), "yyyy-MM-dd"),
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "yyyyMMdd"),
    "date": "yyyy-MM-dd",
    **dict.fromkeys(("timestamp", "timestamp_ntz"), "yyyy-MM-dd HH:mm:00"),
}
"""Types of keys that can follow from time, with a pattern for each."""
_DAY: Final = frozenset({Unit.YEAR, Unit.MONTH, Unit.DAY})
_HOUR: Final = _DAY | {Unit.HOUR}
_TIMES: Final = (_HOUR, _HOUR | {Unit.MINUTE})
_UNITS: Final = {"date": (_DAY,), "timestamp": _TIMES, "timestamp_ntz": _TIMES}
"""What a pattern says that may write a date or a timestamp otherwise than as text: one that says
less would take most of their values for none of its own, one that says more would cut them short.
"""
_COMPARISONS: Final = {">=": operator.ge, ">": operator.gt, "<=": operator.le, "<": operator.lt}
_LONGEST: Final = {
    Unit.YEAR: timedelta(days=366),
    Unit.MONTH: timedelta(days=31),
    Unit.DAY: timedelta(days=1),
    Unit.HOUR: timedelta(hours=1),
    Unit.MINUTE: timedelta(minutes=1),
}
_ALL_VALUES: Final = {Unit.MONTH: 12, Unit.DAY: 31, Unit.HOUR: 24, Unit.MINUTE: 60}


@dataclass(frozen=True, slots=True)
class _Layout:
    """A rule that was read.

    Args:
        zone: Its time zone.
        patterns: Key, as the rule spells it, to pattern.
        unit: How fine its keys are.
    """

    zone: tzinfo
    patterns: dict[str, Pattern]
    unit: Unit


def check_rule(rule: TimePartition, table: Table) -> None:
    """Refuse a rule that does not fit its table.

    Args:
        rule: What was declared.
        table: The table it was declared for.

    Raises:
        ConfigError: If its time zone, its patterns or its combination of them can't be understood,
            the table has no such columns, the time column is not a time, or a key's type can't be
            written that way.
    """
    where = f"the time partition of table {table.name}"
    layout = _layout(rule)
    column = table.column(rule.column)
    if column is None:
        raise ConfigError(
            f"{where}: no column {rule.column!r}",
            hint=hint_for(rule.column, [c.name for c in table.columns], what="columns"),
        )
    if column.type.name not in ("timestamp", "timestamp_ntz", "date"):
        raise ConfigError(
            f"{where}: column {column.name!r} is {column.type}, not a timestamp",
            hint="name the timestamp or date column that the keys follow from; keys can't be "
            "derived from a time that is kept as text or as a number",
        )
    if not table.partition_keys:
        raise ConfigError(
            f"{where}: the table is not partitioned", hint="remove the declaration for this table"
        )
    for name, pattern in layout.patterns.items():
        key = _key(table, name)
        if key is None:
            raise ConfigError(
                f"{where}: no partition key {name!r}",
                hint=hint_for(name, table.partition_keys, what="partition keys"),
            )
        if problem := _misfit(key, pattern):
            raise ConfigError(f"{where}: {problem[0]}", hint=problem[1])


def keys_for(rule: TimePartition, window: Window, table: Table) -> tuple[KeyCondition, ...]:
    """Return conditions that hold for all partitions that may have rows of a window.

    They may hold for others too: filter what the catalog returns by `keeps`. At most one or two
    conditions a key; none for a key that tells nothing (all twelve months), or whose values are
    too many to list and have no order as text. NULL partitions meet them (`or_null`); values
    that do not follow the pattern at all do not: the declaration says that there are none.

    Args:
        rule: How keys follow from time.
        window: The rows that are wanted.
        table: The table, for the types of its keys.

    Raises:
        ConfigError: If the rule does not fit the table.
    """
    check_rule(rule, table)
    layout = _layout(rule)
    periods = LocalPeriods(layout.zone, window.start, window.end, rule.lateness)
    conditions: list[KeyCondition] = []
    for name, pattern in layout.patterns.items():
        key = _key(table, name)
        assert key is not None, "check_rule looked"
        conditions += _conditions(key, pattern, periods)
    return tuple(conditions)


def keeps(rule: TimePartition, window: Window, table: Table) -> Callable[[Partition], bool]:
    """Return the test whether a partition may have rows of a window.

    A partition with a key that is NULL, does not follow its pattern, names no time (30 February)
    or contradicts another key is kept.

    Args:
        rule: How keys follow from time.
        window: The rows that are wanted.
        table: The table, for the order and types of its keys.

    Raises:
        ConfigError: If the rule does not fit the table.
    """
    named = Periods(rule, table)
    periods = LocalPeriods(named.zone, window.start, window.end, rule.lateness)

    def may_hold(partition: Partition) -> bool:
        local = named.local(partition)
        return local is None or periods.touch(*local)

    return may_hold


class Periods:
    """Which time each partition's keys name, by a rule.

    Args:
        rule: How keys follow from time.
        table: The table, for the order and types of its keys.

    Raises:
        ConfigError: If the rule does not fit the table.
    """

    def __init__(self, rule: TimePartition, table: Table) -> None:
        check_rule(rule, table)
        layout = _layout(rule)
        self.zone = layout.zone
        self._lateness = rule.lateness
        self._unit = layout.unit
        folded = [k.casefold() for k in table.partition_keys]
        self._readers = [
            (folded.index(name.casefold()), pattern, _type(table, name))
            for name, pattern in layout.patterns.items()
        ]

    def local(self, partition: Partition) -> tuple[datetime, datetime] | None:
        """Return the stretch of local time (naive, half-open) that a partition's keys name.

        None where a key is NULL, does not follow its pattern, names no time (30 February) or
        contradicts another key.
        """
        units: dict[Unit, int] = {}
        for index, pattern, type_ in self._readers:
            value = partition.values[index] if index < len(partition.values) else None
            written = None if value is None else canonical(value, pattern, type_)
            numbers = None if written is None else pattern.parse(written)
            if numbers is None:
                return None
            if any(units.setdefault(unit, number) != number for unit, number in numbers.items()):
                return None
        begin = first_moment(units)
        return None if begin is None else (begin, after(begin, self._unit))

    def stretch(self, partition: Partition) -> tuple[datetime, datetime] | None:
        """Return the instants (aware, half-open) of the rows that a partition may hold.

        Lateness reaches back before what its keys name. None as for `local`.
        """
        local = self.local(partition)
        return None if local is None else self.instants(*local)

    def instants(self, begin: datetime, end: datetime) -> tuple[datetime, datetime]:
        """Return the instants of the rows that a partition of some local time may hold."""
        begin, end = instants(self.zone, begin, end)
        earliest = datetime.min.replace(tzinfo=UTC)
        lateness = self._lateness
        return (begin - lateness if begin - earliest > lateness else earliest), end

    def unread(self, partition: Partition) -> bool:
        """Return whether a partition's keys have values, and these name no time."""
        values = [partition.values[i] for i, _, _ in self._readers if i < len(partition.values)]
        return None not in values and self.local(partition) is None


class Dated:
    """Partitions of a table, indexed by time: finds those that `keeps` keeps for a window.

    Args:
        rule: How keys follow from time.
        table: The table, for the order and types of its keys.
        partitions: Its partitions.

    Raises:
        ConfigError: If the rule does not fit the table.
    """

    def __init__(self, rule: TimePartition, table: Table, partitions: Sequence[Partition]) -> None:
        named = Periods(rule, table)
        self._zone, self._lateness = named.zone, rule.lateness
        self._undated: list[int] = []
        # Of most partitions the clock shows each end once: then the instants between tell all.
        self._unclear: dict[int, tuple[datetime, datetime]] = {}
        stretches = []
        for place, partition in enumerate(partitions):
            local = named.local(partition)
            if local is None:
                self._undated.append(place)
                continue
            if not all(is_shown_once(named.zone, end) for end in local):
                self._unclear[place] = local
            first, end = named.instants(*local)
            stretches.append((place, first, end - datetime.resolution))
        self._intervals = Intervals(stretches)

    def overlapping(self, window: Window) -> list[int]:
        """Return the indices of the partitions that may have rows of a window, in order."""
        periods = LocalPeriods(self._zone, window.start, window.end, self._lateness)
        places = list(self._undated)
        for place in self._intervals.touching(window.start, window.end):
            local = self._unclear.get(place)
            if local is None or periods.touch(*local):
                places.append(place)
        return sorted(places)


def widened(rule: TimePartition, window: Window) -> Window:
    """Return a window with the partition before its first and the one after its last.

    Args:
        rule: How keys follow from time.
        window: The rows that are wanted.

    Raises:
        ConfigError: If the rule can't be understood.
    """
    step = _LONGEST[_layout(rule).unit]
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    start = window.start - step if window.start - first > step else first
    return Window(start, window.end + step if last - window.end > step else last)


def expected_keys(rule: TimePartition, window: Window) -> Iterator[tuple[str, ...]]:
    """Yield the key values, in the order of `rule.keys`, of all partitions of a window.

    Local periods that never happened (the hour that a clock skips) are left out; one that happened
    twice comes once. Lazy, in the order of the local clock: a huge window costs what is taken.

    Args:
        rule: How keys follow from time.
        window: The rows that are wanted.

    Raises:
        ConfigError: If the rule can't be understood.
    """
    layout = _layout(rule)
    periods = LocalPeriods(layout.zone, window.start, window.end, rule.lateness)
    for begin in periods.each(layout.unit):
        yield tuple(pattern.format(begin) for pattern in layout.patterns.values())


def matches(condition: KeyCondition, table: Table, partition: Partition) -> bool:
    """Return whether a partition meets a condition, or can't be said not to.

    Values are compared as the key's declared type: `2024-3-9` is the date `2024-03-09`, `07` is the
    integer 7, strings are compared by their characters' code points, as Spark does by UTF-8 bytes.

    Args:
        condition: On one of the table's partition keys; a key that the table lacks is not decided.
        table: The table, for the order and types of its keys.
        partition: One of its partitions.
    """
    folded = [k.casefold() for k in table.partition_keys]
    name = condition.key.casefold()
    if name not in folded or folded.index(name) >= len(partition.values):
        return True
    text = partition.values[folded.index(name)]
    if text is None:
        return condition.or_null
    type_ = _type(table, condition.key)
    value = comparable(text, type_)
    values = [comparable(v, type_) for v in condition.values]
    if value is None or not values or any(w is None for w in values):
        return True
    if condition.operator == "in":
        return value in values
    compare = _COMPARISONS.get(condition.operator)
    return compare is None or bool(compare(value, values[0]))


def _layout(rule: TimePartition) -> _Layout:
    where = f"the time partition on {rule.column!r}"
    patterns: dict[str, Pattern] = {}
    for key, text in rule.keys.items():
        try:
            patterns[key] = parse_pattern(text)
        except ConfigError as error:
            raise ConfigError(f"{where}: key {key!r}: {error.message}", hint=error.hint) from None
    units = frozenset[Unit]().union(*(p.units for p in patterns.values()))
    finest = max(units)
    if missing := [u for u in Unit if u < finest and u not in units]:
        units_given = ", ".join(u.name.lower() for u in sorted(units))
        lacking = " and ".join(u.name.lower() for u in missing)
        raise ConfigError(
            f"{where}: its keys give {units_given}, and no {lacking}",
            hint="mm is the minute; write MM for the month"
            if Unit.MINUTE in units and Unit.MONTH not in units
            else "declare all keys down to the finest, e.g. "
            "{'year': 'yyyy', 'month': 'MM', 'day': 'dd'}",
        )
    try:
        return _Layout(zone_named(rule.timezone), patterns, finest)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", hint=error.hint) from None


def _key(table: Table, name: str) -> Column | None:
    folded = name.casefold()
    spelled = next((k for k in table.partition_keys if k.casefold() == folded), None)
    if spelled is None:
        return None
    return table.column(spelled) or Column(spelled, STRING)


def _type(table: Table, name: str) -> DataType:
    key = _key(table, name)
    return key.type if key is not None else STRING


def _misfit(key: Column, pattern: Pattern) -> tuple[str, str] | None:
    """Return why a pattern can't be how a key is written, and what to do; None where it can."""
    named = f"key {key.name!r} is {key.type}"
    if key.type.name not in _EXAMPLES:
        return (
            f"{named}: no time can be read from it",
            "keys of type string, an integer, date or timestamp can follow from time",
        )
    text = pattern.format(_SAMPLE)
    spelled = text if key.type.is_integer else spellings(text, pattern, key.type)[0]
    written = canonical(spelled, pattern, key.type)
    fits = pattern.units in _UNITS.get(key.type.name, (pattern.units,)) or is_spelled(
        text, pattern, key.type
    )
    if fits and written is not None and pattern.parse(written) is not None:
        return None
    return (
        f"{named}, and {pattern.text!r} does not write one",
        f"its values look like {_EXAMPLES[key.type.name]}",
    )


def _conditions(key: Column, pattern: Pattern, periods: LocalPeriods) -> Iterator[KeyCondition]:
    """Yield the conditions on one key: its values if they are few, else their bounds."""
    unit = max(pattern.units)
    texts = [pattern.format(p) for p in islice(periods.each(unit), _TRIED + 1)]
    values = list(dict.fromkeys(texts))
    if len(texts) <= _TRIED and len(values) <= _LISTED:
        alone = pattern.units == {unit}
        if not (alone and len(values) == _ALL_VALUES.get(unit)):
            listed = dict.fromkeys(s for v in values for s in spellings(v, pattern, key.type))
            yield KeyCondition(key.name, "in", tuple(listed), or_null=True)
    elif pattern.sortable:
        for comparison, moment in ((">=", texts[0]), ("<=", pattern.format(periods.last(unit)))):
            bound = spellings(moment, pattern, key.type)[0]
            yield KeyCondition(key.name, comparison, (bound,), or_null=True)
