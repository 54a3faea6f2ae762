"""Proposing how a table's partitions follow from its time column, and checking it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.errors import ConfigError
from headwater.partition_patterns import Pattern, Unit, parse_pattern
from headwater.partition_values import canonical
from headwater.partitions import check_rule, keeps
from headwater.table import Column, Partition, Table, TimePartition
from headwater.window import Window

_WHOLE: Final = (
    "yyyy-MM-dd",
    "yyyyMMdd",
    "yyyy-MM-dd-HH",
    "yyyy-MM-dd HH:00:00",
    "yyyyMMddHH",
    "yyyy-MM",
    "yyyyMM",
)
"""Patterns of keys that say a date by themselves."""
_NAMED: Final = {
    "year": ("yyyy",),
    "yyyy": ("yyyy",),
    "y": ("yyyy",),
    "month": ("MM", "M"),
    "mm": ("MM", "M"),
    "m": ("MM", "M"),
    "day": ("dd", "d"),
    "dd": ("dd", "d"),
    "d": ("dd", "d"),
    "hour": ("HH", "H"),
    "hh": ("HH", "H"),
    "h": ("HH", "H"),
}
"""Patterns of keys whose name says which part of a time they are."""
_RANGES: Final = {
    Unit.YEAR: (1970, 2200),
    Unit.MONTH: (1, 12),
    Unit.DAY: (1, 31),
    Unit.HOUR: (0, 23),
    Unit.MINUTE: (0, 59),
}
_LATE: Final = timedelta(days=1)
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """What a file's statistics say of the time column.

    Args:
        partition: Where the file lies.
        path: The file.
        first: Its least value; aware.
        last: Its greatest.
    """

    partition: Partition
    path: str
    first: datetime
    last: datetime

    def __str__(self) -> str:
        values = "/".join(v or "NULL" for v in self.partition.values)
        first, last = (t.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") for t in self._ends)
        return f"{values} holds {first} to {last} UTC"

    @property
    def _ends(self) -> tuple[datetime, datetime]:
        return self.first, self.last


@dataclass(frozen=True, slots=True)
class RuleProposal:
    """A rule, and whether what was looked at agrees with it.

    Args:
        rule: The rule.
        checked: How many files agree with it.
        against: A file that does not; None if all do.
    """

    rule: TimePartition
    checked: int
    against: TimeRange | None = None

    @property
    def proven(self) -> bool:
        """Whether there were files to check, and all agree."""
        return self.against is None and self.checked > 0


def rule_of(table: Table, column: str, partitions: Sequence[Partition]) -> TimePartition | None:
    """Return the rule that key names and values suggest, or None.

    Args:
        table: The table.
        column: Its time column.
        partitions: Registered ones; the more, the surer.
    """
    keys = {}
    for index, key in enumerate(table.partition_columns):
        values = [p.values[index] for p in partitions]
        written = [v for v in values if v is not None]
        if pattern := _pattern(key, written):
            keys[key.name] = pattern
    if not keys:
        return None
    rule = TimePartition(column, keys)
    try:
        check_rule(rule, table)
    except ConfigError:
        return None
    return rule


def proposal(rule: TimePartition, table: Table, found: Sequence[TimeRange]) -> RuleProposal:
    """Return a rule with what files say about it; with a day's lateness if they agree only then."""
    against = _against(rule, table, found)
    if against is not None:
        late = replace(rule, lateness=_LATE)
        if _against(late, table, found) is None:
            return RuleProposal(late, len(found))
    return RuleProposal(rule, len(found), against)


def _pattern(key: Column, values: Sequence[str]) -> str | None:
    known = _NAMED.get(key.name.casefold(), _WHOLE)
    return next((text for text in known if values and _writes_all(text, key, values)), None)


def _writes_all(text: str, key: Column, values: Sequence[str]) -> bool:
    pattern = parse_pattern(text)
    return all(_is_time(pattern, canonical(v, pattern, key.type)) for v in values)


def _is_time(pattern: Pattern, value: str | None) -> bool:
    found = None if value is None else pattern.read(value)
    if found is None:
        return False
    return all(_RANGES[unit][0] <= n <= _RANGES[unit][1] for unit, n in found.items())


def _against(rule: TimePartition, table: Table, found: Sequence[TimeRange]) -> TimeRange | None:
    """Return a file whose first or last row the rule would not look for where it lies."""
    for one in found:
        for moment in (one.first, one.last):
            if not keeps(rule, Window(moment, moment + _TICK), table)(one.partition):
                return one
    return None
