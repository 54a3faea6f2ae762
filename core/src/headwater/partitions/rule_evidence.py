"""Evidence for or against a declared time partition, from the statistics of files. Pure.

A rule that is not true loses rows in silence: they lie in partitions that a window does not open.
A file contradicts it where the rows that it holds, by its statistics, are of another time than its
partition's keys name:

    wholly outside    the rule is broken: an error
    partly outside    told, with how far; late rows, another zone
    strays            ends that lie more than a year off: times that are wrong in themselves
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import ConfigError
from headwater.partitions.patterns import Pattern, TimePart, Unit, parse_pattern
from headwater.partitions.time_partitions import Periods, check_rule
from headwater.partitions.values import canonical
from headwater.tables.table import Column, Partition, Table, TimePartition
from headwater.tables.window import Window

BROKEN = "rule-broken"
"""Code of whatever says that a declared rule is not true of a table."""
UNREAD = "partition-unread"
"""Code of a warning about key values that a declared pattern does not read."""

_WHOLE: Final = (
    "yyyy-MM-dd",
    "yyyyMMdd",
    "yyyy-MM-dd-HH",
    "yyyy-MM-dd HH:00:00",
    "yyyyMMddHH",
    "yyyy-MM",
    "yyyyMM",
    "yyyy/MM/dd",
    "yyyy/MM/dd/HH",
    "yyyy_MM_dd",
    "yyyy-M-d",
    "dd-MM-yyyy",
    "MM-dd-yyyy",
    "dd.MM.yyyy",
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
_ZONES: Final = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Helsinki",
    "Europe/Moscow",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Pacific/Honolulu",
)
"""Zones that are tried on files: one of each usual offset, the likeliest first."""
_LETTERS: Final = {
    Unit.YEAR: "y",
    Unit.MONTH: "M",
    Unit.DAY: "d",
    Unit.HOUR: "H",
    Unit.MINUTE: "m",
}
_RANGES: Final = {
    Unit.YEAR: (1970, 2200),
    Unit.MONTH: (1, 12),
    Unit.DAY: (1, 31),
    Unit.HOUR: (0, 23),
    Unit.MINUTE: (0, 59),
}
_TICK: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_STRAY: Final = timedelta(days=366)
"""How far off an end is that tells of a wrong time rather than of a wrong rule."""
_OFTEN: Final = timedelta(days=31)
"""How late rows may be where another pattern or zone would do as well."""
_UNKNOWN: Final = datetime(1970, 1, 2, tzinfo=UTC)
"""Times before it are an unknown time that was written as 0."""
_PLACES: Final = 5
"""Partitions that a message names, of those whose rows were counted."""
_TRIED: Final = 24
"""Files on which other rules are tried, at most."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """What is known of a file's rows: the least and greatest value of the time column.

    Args:
        partition: Where the file lies.
        path: The file.
        first: Its least value; aware.
        last: Its greatest.
        whole: Whether all its rows lie between; False where part of its statistics is missing.
    """

    partition: Partition
    path: str
    first: datetime
    last: datetime
    whole: bool = True

    def __str__(self) -> str:
        values = "/".join(v or "NULL" for v in self.partition.values)
        return f"{values} holds {_moment_text(self.first)} to {_moment_text(self.last)} UTC"

    def meets(self, window: Window) -> bool:
        """Return whether the file is known to hold a row of a window."""
        return self.first in window or self.last in window


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A file whose rows are of another time than its partition's keys name.

    Args:
        file: The file.
        begin: First instant that its partition may hold, by the rule.
        end: The instant after the last.
        early: How far before `begin` its rows reach; strays do not count.
        late: How far after `end`.
        outside: Whether all its rows lie outside.
        stray: How far off its strays are; zero where it has none.
    """

    file: TimeRange
    begin: datetime
    end: datetime
    early: timedelta
    late: timedelta
    outside: bool
    stray: timedelta

    @property
    def real(self) -> bool:
        """Whether the file contradicts the rule itself, not only by a few stray times."""
        return self.outside or bool(self.early or self.late)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A rule, and what files say of it.

    Args:
        rule: The rule.
        table: The table that it was declared for.
        ranges: The files that were compared.
        against: Those that contradict it.
    """

    rule: TimePartition
    table: Table
    ranges: tuple[TimeRange, ...] = ()
    against: tuple[Contradiction, ...] = ()

    @property
    def outside(self) -> tuple[Contradiction, ...]:
        """The files that lie wholly outside."""
        return tuple(c for c in self.against if c.outside)

    @property
    def broken(self) -> bool:
        """Whether any file contradicts the rule."""
        return any(c.real for c in self.against)

    def refuted(self, forgiving: bool) -> bool:
        """Return whether files that lie wholly outside stand in the way of a read.

        Args:
            forgiving: Whether they do not where as many files speak for the rule.
        """
        outside = len(self.outside)
        return bool(outside) and not (forgiving and 2 * outside <= len(self.ranges))

    def joined(self, other: Evidence) -> Evidence:
        """Return this evidence and more of the same rule."""
        return replace(
            self, ranges=self.ranges + other.ranges, against=self.against + other.against
        )

    def error(self) -> ConfigError:
        """Return the error of a rule that files contradict."""
        finding = self._finding(Severity.ERROR)
        return ConfigError(finding.message, code=BROKEN, hint=finding.hint)

    def finding(self) -> Diagnostic | None:
        """Return the warning for a reader; None where no file contradicts the rule."""
        return self._finding(Severity.WARNING) if self.against else None

    def counted(self, rows: Iterable[tuple[int, int, datetime, datetime]]) -> Diagnostic:
        """Return the warning for a reader, with the numbers of rows that lie outside.

        Args:
            rows: Index of a file in `against`, how many of its rows lie outside, and their first
            and last time.
        """
        by_place: dict[str, tuple[int, datetime, datetime]] = {}
        for number, count, first, last in rows:
            if not count:
                continue
            place = self._place(self.against[number].file)
            before = by_place.get(place, (0, first, last))
            by_place[place] = before[0] + count, min(before[1], first), max(before[2], last)
        parts = []
        for place, (count, first, last) in sorted(by_place.items())[:_PLACES]:
            days = list(dict.fromkeys(f"{t.astimezone(UTC):%Y-%m-%d}" for t in (first, last)))
            what = "row" if count == 1 else "rows"
            parts.append(f"{count:,} {what} of {' to '.join(days)} lie in {place}")
        if len(by_place) > _PLACES:
            parts.append(f"others in {len(by_place) - _PLACES:,} more partitions")
        finding = self._finding(Severity.WARNING)
        lateness = self.rule.lateness
        lateness_text = f"lateness is {_span(lateness)}" if lateness else "no lateness is declared"
        message = (
            f"table {self.table.name}: {'; '.join(parts)}; {lateness_text}: their windows miss them"
        )
        return replace(finding, message=message)

    def _finding(self, severity: Severity) -> Diagnostic:
        worst = max(self.against, key=lambda c: (c.outside, c.real, max(c.early, c.late), c.stray))
        real = [c for c in self.against if c.real] or self.against
        others = f" ({len(real)} of the {len(self.ranges)} files that were compared contradict it)"
        message = (
            f"table {self.table.name}: its files contradict its time partition "
            f"({rule_text(self.rule)}): {self._contradiction_text(worst)}"
        )
        return Diagnostic(
            BROKEN,
            message + (others if len(self.ranges) > 1 and self.broken else ""),
            severity,
            hint=self._hint(worst),
        )

    def _place(self, time_range: TimeRange) -> str:
        return "/".join(
            f"{k}={'NULL' if v is None else v}"
            for k, v in zip(self.table.partition_keys, time_range.partition.values, strict=False)
        )

    def _contradiction_text(self, one: Contradiction) -> str:
        time_range = one.file
        place = self._place(time_range)
        how = "all its rows lie outside"
        if not one.outside:
            distances = [
                (one.early or (one.stray if time_range.first < one.begin else one.early), "before")
            ]
            distances.append(
                (one.late or (one.stray if time_range.last >= one.end else one.late), "after")
            )
            how = "rows lie " + " and ".join(
                f"up to {_span(d)} {what}" for d, what in distances if d
            )
        return (
            f"{time_range.path} holds {self.rule.column} from {_moment_text(time_range.first)} to "
            f"{_moment_text(time_range.last)} UTC, and {place} means {_moment_text(one.begin)} to "
            f"{_moment_text(one.end)} UTC: {how}"
        )

    def _hint(self, worst: Contradiction) -> str:
        if not worst.real:
            covering = f"a lateness of {_span(_rounded(worst.stray))} would cover it; " * (
                worst.file.first < worst.begin
            )
            return f"{covering}most likely these times are wrong in themselves: correct the data"
        fits = list(self.remedies())
        if fits:
            return f"these files fit {'; or '.join(fits)}"
        return (
            f"no usual zone, pattern or lateness makes them fit: do the keys follow from "
            f"{self.rule.column!r} at all? without the declaration a window reads all partitions"
        )

    def remedies(self) -> Iterator[str]:
        """Yield changes of the rule, each of which would make it fit all these files."""
        contradicting = [c.file for c in self.against if c.real][:_TRIED]
        strays = {id(c.file) for c in self.against}
        rest = [r for r in self.ranges if id(r) not in strays]
        files = [*contradicting, *rest[: max(_TRIED - len(contradicting), _TRIED // 3)]]
        if not contradicting:
            return
        remedied = False
        for keys in self._patterns(files):
            if self._fits(replace(self.rule, keys=keys), files):
                yield f"keys={keys!r}"
                remedied = True
                break
        zones = (z for z in _ZONES if z != self.rule.timezone)
        zone = next((z for z in zones if self._fits(replace(self.rule, timezone=z), files)), None)
        if zone is not None:
            also = "" if zone == "UTC" else " (or another zone of that offset)"
            yield f"timezone={zone!r}{also}"
            remedied = True
        needed = self.rule.lateness + max((c.early for c in self.against if c.real), default=_TICK)
        lateness = _rounded(needed)
        if lateness <= (_OFTEN if remedied else _STRAY) and self._fits(
            replace(self.rule, lateness=lateness), files
        ):
            yield f"a lateness of {_span(lateness)}"

    def _fits(self, rule: TimePartition, files: Sequence[TimeRange]) -> bool:
        try:
            periods = Periods(rule, self.table)
        except ConfigError:
            return False
        if any(periods.unread(r.partition) for r in files):
            return False
        return not any(c.real for c in _contradictions(periods, files))

    def _patterns(self, files: Sequence[TimeRange]) -> Iterator[dict[str, str]]:
        """Yield other patterns: what the values look like, then parts that changed places."""
        guess = rule_of(self.table, self.rule.column, [r.partition for r in files])
        if guess is not None and dict(guess.keys) != dict(self.rule.keys):
            yield dict(guess.keys)
        patterns = {key: parse_pattern(text) for key, text in self.rule.keys.items()}
        parts = [p for pattern in patterns.values() for p in pattern.parts]
        small = [p.unit for p in parts if p.unit is not Unit.YEAR]
        for order in permutations(small):
            units = iter(order)
            keys = {
                key: "".join(
                    _piece_text(p)
                    if isinstance(p, str) or p.unit is Unit.YEAR
                    else _piece_text(TimePart(next(units), p.width))
                    for p in pattern.pieces
                )
                for key, pattern in patterns.items()
            }
            if keys != dict(self.rule.keys):
                yield keys


def judged(rule: TimePartition, table: Table, ranges: Iterable[TimeRange]) -> Evidence:
    """Compare a rule with the time ranges of files.

    Args:
        rule: The rule.
        table: The table that it was declared for.
        ranges: What is known of its files; those whose partition names no time say nothing.

    Raises:
        ConfigError: If the rule does not fit the table.
    """
    periods = Periods(rule, table)
    compared = tuple(ranges)
    return Evidence(rule, table, compared, tuple(_contradictions(periods, compared)))


def _contradictions(periods: Periods, ranges: Iterable[TimeRange]) -> Iterator[Contradiction]:
    stretches: dict[tuple[str | None, ...], tuple[datetime, datetime] | None] = {}
    for one in ranges:
        values = one.partition.values
        if values not in stretches:
            stretches[values] = periods.stretch(one.partition)
        stretch = stretches[values]
        if stretch is None:
            continue
        begin, end = stretch
        early = max(begin - one.first, timedelta(0))
        late = max(one.last - end + _TICK, timedelta(0))
        if not early and not late:
            continue
        outside = one.whole and (one.last < begin or one.first >= end)
        if outside and one.last < _UNKNOWN:
            yield Contradiction(one, begin, end, timedelta(0), timedelta(0), False, early)
            continue
        strays = [d for d in (early, late) if d > _STRAY]
        if not outside:
            early, late = (timedelta(0) if d > _STRAY else d for d in (early, late))
        yield Contradiction(
            one, begin, end, early, late, outside, max(strays, default=timedelta(0))
        )


@dataclass(frozen=True, slots=True)
class Unread:
    """How many of a table's key values a rule's patterns read.

    Args:
        rule: The rule.
        table: The table.
        partitions: Partitions with values that were looked at.
        unread: Those whose values name no time by the rule.
        lost: How many of these a window does not read.
        suggested: What the values look like; None where that can't be told.
    """

    rule: TimePartition
    table: Table
    partitions: int
    unread: tuple[Partition, ...]
    lost: int = 0
    suggested: TimePartition | None = None

    @property
    def fails(self) -> bool:
        """Whether there are values, and the patterns read none of them."""
        return bool(self.partitions) and len(self.unread) == self.partitions

    def error(self) -> ConfigError:
        """Return the error of patterns that read no value."""
        return ConfigError(
            f"table {self.table.name}: none of its {_partitions_text(self.partitions)} can be read "
            f"by its time partition ({rule_text(self.rule)}): a value is {self._example}",
            code=BROKEN,
            hint=self._hint,
        )

    def finding(self) -> Diagnostic | None:
        """Return what a plan says of values that are not read; None where all are."""
        if not self.unread:
            return None
        count = len(self.unread)
        outcome = (
            "no row of theirs is read" if self.lost == count else "they are read by any window"
        )
        if 0 < self.lost < count:
            outcome = f"no row of {self.lost} of them is read"
        return Diagnostic(
            UNREAD,
            f"table {self.table.name}: {count} of {_partitions_text(self.partitions)} that were "
            f"looked at can't be read by its time partition ({rule_text(self.rule)}), e.g. "
            f"{self._example}: {outcome}",
            Severity.WARNING,
            hint=self._hint,
        )

    @property
    def _example(self) -> str:
        return "/".join(
            f"{k}={v!r}"
            for k, v in zip(self.table.partition_keys, self.unread[0].values, strict=False)
        )

    @property
    def _hint(self) -> str:
        if self.suggested is None:
            return "declare the pattern that the values are written by: yyyy, MM, dd, HH, mm"
        return f"these values look like keys={dict(self.suggested.keys)!r}"


def unread(
    rule: TimePartition,
    table: Table,
    partitions: Iterable[Partition],
    read: Iterable[Partition] = (),
) -> Unread:
    """Return how many key values a rule's patterns read.

    Args:
        rule: The rule.
        table: The table.
        partitions: Its partitions, or some of them; a NULL among the rule's keys does not count.
        read: Those that are read.

    Raises:
        ConfigError: If the rule does not fit the table.
    """
    periods = Periods(rule, table)
    by_values = {p.values: p for p in partitions}
    failing = {v: p for v, p in by_values.items() if periods.unread(p)}
    count = sum(
        1 for p in by_values.values() if p.values in failing or periods.local(p) is not None
    )
    guess = rule_of(table, rule.column, tuple(failing.values())) if failing else None
    return Unread(
        rule,
        table,
        count,
        tuple(failing.values()),
        len(failing.keys() - {p.values for p in read}),
        guess if guess is not None and dict(guess.keys) != dict(rule.keys) else None,
    )


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


def rule_text(rule: TimePartition) -> str:
    """Return a rule in a line, for messages."""
    keys = ", ".join(f"{k}: {p!r}" for k, p in rule.keys.items())
    lateness_text = f", up to {_span(rule.lateness)} late" if rule.lateness else ""
    return f"{keys} from {rule.column}, {rule.timezone}{lateness_text}"


def _pattern(key: Column, values: Sequence[str]) -> str | None:
    candidates = (*_NAMED.get(key.name.casefold(), ()), *_WHOLE)
    return next((text for text in candidates if values and _writes_all(text, key, values)), None)


def _writes_all(text: str, key: Column, values: Sequence[str]) -> bool:
    pattern = parse_pattern(text)
    return all(_is_time(pattern, canonical(v, pattern, key.type)) for v in values)


def _is_time(pattern: Pattern, value: str | None) -> bool:
    units = None if value is None else pattern.parse(value)
    if units is None:
        return False
    return all(_RANGES[unit][0] <= n <= _RANGES[unit][1] for unit, n in units.items())


def _piece_text(piece: TimePart | str) -> str:
    """Return a piece of a pattern as it is written."""
    if isinstance(piece, TimePart):
        return _LETTERS[piece.unit] * piece.width
    plain = not any(c.isalpha() or c in "[]{}#'" for c in piece)
    return piece if plain else "'" + piece.replace("'", "''") + "'"


def _partitions_text(partitions: int) -> str:
    return f"{partitions} partition{'' if partitions == 1 else 's'}"


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _rounded(lateness: timedelta) -> timedelta:
    """Return a lateness that a person declares: whole hours, or whole days beyond one."""
    step = _HOUR if lateness <= _DAY else _DAY
    return -(-lateness // step) * step


def _span(length: timedelta) -> str:
    days, rest = divmod(length, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes = -(-rest // timedelta(minutes=1))
    named = ((days, "day"), (hours, "hour"), (minutes, "minute"))
    parts = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in named if n][:2]
    return " ".join(parts) or "0 minutes"
