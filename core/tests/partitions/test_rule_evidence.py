"""What files say of a rule: true ones are never contradicted, wrong ones are, the hint is true.

Partitions are written here by the standard library's clock, independently of the code under test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from headwater import types as t
from headwater.errors import ConfigError
from headwater.partitions.rule_evidence import BROKEN, Evidence, TimeRange, judged, unread
from headwater.tables.table import Column, Partition, Table, TableName, TimePartition
from headwater.tables.window import Window

LAYOUTS: dict[str, dict[str, tuple[str, str]]] = {
    # key: (our pattern, strftime's)
    "day": {"dt": ("yyyy-MM-dd", "%Y-%m-%d")},
    "digits": {"dt": ("yyyyMMdd", "%Y%m%d")},
    "path": {"dt": ("yyyy/MM/dd", "%Y/%m/%d")},
    "month": {"ym": ("yyyy-MM", "%Y-%m")},
    "hour": {"h": ("yyyy-MM-dd-HH", "%Y-%m-%d-%H")},
    "quoted": {"h": ("yyyy-MM-dd'T'HH", "%Y-%m-%dT%H")},
    "split": {"year": ("yyyy", "%Y"), "month": ("MM", "%m"), "day": ("dd", "%d")},
    "split-hour": {
        "year": ("yyyy", "%Y"),
        "month": ("MM", "%m"),
        "day": ("dd", "%d"),
        "hour": ("HH", "%H"),
    },
}
ZONES = ("UTC", "America/Los_Angeles", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland")
STARTS = (
    datetime(2026, 1, 12, tzinfo=UTC),
    # Clocks are set forward and back: New York's, Berlin's.
    datetime(2026, 3, 7, 12, tzinfo=UTC),
    datetime(2026, 10, 24, 12, tzinfo=UTC),
)


def table(keys: Iterable[str]) -> Table:
    columns = (Column("at", t.TIMESTAMP), *(Column(k, t.STRING) for k in keys))
    return Table(TableName("db", "log"), columns, tuple(keys))


def written(
    layout: Mapping[str, tuple[str, str]],
    zone: str,
    start: datetime,
    *,
    late: timedelta = timedelta(0),
    hours: int = 72,
) -> list[TimeRange]:
    """Return what the footers say of a row every 20 minutes, each in the partition of its time."""
    found: dict[tuple[str, ...], list[datetime]] = {}
    for n in range(hours * 3):
        at = start + timedelta(minutes=20 * n)
        landed = (at + late).astimezone(ZoneInfo(zone))
        found.setdefault(tuple(landed.strftime(f) for _, f in layout.values()), []).append(at)
    return [
        TimeRange(Partition(values, ""), "/".join(values), min(times), max(times))
        for values, times in found.items()
    ]


def rule_for(layout: str, zone: str = "UTC", late: timedelta = timedelta(0)) -> TimePartition:
    keys = {k: pattern for k, (pattern, _) in LAYOUTS[layout].items()}
    return TimePartition("at", keys, zone, late)


def evidence(layout: str, rule: TimePartition, ranges: Sequence[TimeRange]) -> Evidence:
    return judged(rule, table(LAYOUTS[layout]), ranges)


@pytest.mark.parametrize("start", STARTS, ids=lambda s: f"{s:%m-%d}")
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_true_rule_is_never_contradicted(layout: str, zone: str, start: datetime) -> None:
    for late in (timedelta(0), timedelta(hours=2), timedelta(days=1)):
        ranges = written(LAYOUTS[layout], zone, start, late=late)
        assert not evidence(layout, rule_for(layout, zone, late), ranges).against


@pytest.mark.parametrize("start", STARTS, ids=lambda s: f"{s:%m-%d}")
@pytest.mark.parametrize(("zone", "declared"), [z for z in product(ZONES, ZONES) if z[0] != z[1]])
@pytest.mark.parametrize("layout", [n for n in LAYOUTS if n != "month"])
def test_another_zone_is_found_and_named(
    layout: str, zone: str, declared: str, start: datetime
) -> None:
    ranges = written(LAYOUTS[layout], zone, start)
    found = evidence(layout, rule_for(layout, declared), ranges)
    assert found.broken
    named = [r for r in found.remedies() if r.startswith("timezone=")]
    assert named
    proposed = named[0].partition("'")[2].partition("'")[0]
    assert not evidence(layout, rule_for(layout, proposed), ranges).against


@pytest.mark.parametrize("layout", ["day", "digits", "path", "split"])
def test_months_and_days_that_changed_places_are_found_and_named(layout: str) -> None:
    ranges = written(LAYOUTS[layout], "UTC", datetime(2026, 1, 3, tzinfo=UTC), hours=24 * 9)
    right = rule_for(layout)
    swapped = str.maketrans({"M": "d", "d": "M"})
    wrong = replace(right, keys={k: p.translate(swapped) for k, p in right.keys.items()})
    found = evidence(layout, wrong, ranges)
    assert found.outside
    assert f"keys={dict(right.keys)!r}" in list(found.remedies())
    error = found.error()
    assert isinstance(error, ConfigError)
    assert error.code == BROKEN
    assert "MSCK" not in str(error)


@pytest.mark.parametrize("late", [timedelta(minutes=20), timedelta(hours=5), timedelta(days=2)])
@pytest.mark.parametrize("layout", ["day", "hour", "split"])
def test_late_rows_are_told_with_the_lateness_that_covers_them(
    layout: str, late: timedelta
) -> None:
    ranges = written(LAYOUTS[layout], "UTC", STARTS[0], late=late)
    # A row in time beside each late one: no zone explains these partitions.
    ranges = [
        replace(r, last=r.first + late + timedelta(hours=23 if layout != "hour" else 0))
        for r in ranges[1:-1]
    ]
    found = evidence(layout, rule_for(layout), ranges)
    assert found.broken
    named = [r for r in found.remedies() if "lateness" in r]
    assert named, list(found.remedies())
    number, unit = named[0].removeprefix("a lateness of ").split()[:2]
    told = timedelta(**{unit.rstrip("s") + "s": int(number)})
    assert not evidence(layout, rule_for(layout, late=told), ranges).against


def day(first: str, last: str, dt: str = "2026-01-05", whole: bool = True) -> TimeRange:
    begin, end = (datetime.fromisoformat(m).replace(tzinfo=UTC) for m in (first, last))
    return TimeRange(Partition((dt,), ""), f"{dt}.parquet", begin, end, whole)


@pytest.mark.parametrize(
    ("found", "outside", "broken"),
    [
        (day("2026-01-05", "2026-01-05T23:59:59.999999"), False, False),
        (day("2026-01-04T23:59:59.999999", "2026-01-05T01:00"), False, True),
        (day("2026-01-05T10:00", "2026-01-06T00:00"), False, True),
        (day("2026-01-06T00:00", "2026-01-06T01:00"), True, True),
        (day("2026-01-04T00:00", "2026-01-04T23:59:59.999999"), True, True),
        # One time that is wrong in itself is no reason not to read a table.
        (day("1970-01-01", "2026-01-05T01:00"), False, False),
        (day("1970-01-01", "1970-01-01T00:00:00"), False, False),
        (day("2026-01-05T10:00", "2262-04-11"), False, False),
        (day("1970-01-01", "2026-01-06T05:00"), False, True),
        # What part of a file's statistics do not tell may lie inside.
        (day("2026-01-06T00:00", "2026-01-06T01:00", whole=False), False, True),
        # Nobody knows when a partition of NULL or of another spelling is.
        (day("2026-01-06T00:00", "2026-01-06T01:00", dt="unknown"), False, False),
    ],
)
def test_how_a_file_lies(found: TimeRange, outside: bool, broken: bool) -> None:
    seen = evidence("day", rule_for("day"), [found])
    assert (bool(seen.outside), seen.broken) == (outside, broken)


def test_strays_are_told_and_blamed_on_the_data() -> None:
    seen = evidence("day", rule_for("day"), [day("1970-01-01", "2026-01-05T01:00")])
    note = seen.finding()
    assert note is not None
    assert "up to 20458 days before" in note.message
    assert "a lateness of 20458 days would cover it" in (note.hint or "")
    assert "correct the data" in (note.hint or "")


def test_the_time_that_is_told_is_how_far_the_worst_file_reaches() -> None:
    files = [
        day("2026-01-04T20:30", "2026-01-05T10:00"),
        day("2026-01-05T01:00", "2026-01-05T02:00"),
    ]
    note = evidence("day", rule_for("day"), files).finding()
    assert note is not None
    assert "rows lie up to 3 hours 30 minutes before" in note.message
    assert "1 of the 2 files that were compared contradict it" in note.message
    assert "a lateness of 4 hours" in (note.hint or "")


def test_nothing_is_proposed_where_nothing_fits() -> None:
    files = [
        day("2026-06-01", "2026-06-02", "2026-01-05"),
        day("2025-06-01", "2025-06-02", "2026-01-06"),
    ]
    assert "no usual zone, pattern or lateness" in (
        evidence("day", rule_for("day"), files).error().hint or ""
    )


@pytest.mark.parametrize("first", ["0001-01-01T00:00", "9999-12-31T23:00"])
def test_the_ends_of_the_calendar(first: str) -> None:
    at = datetime.fromisoformat(first).replace(tzinfo=UTC)
    found = TimeRange(Partition((f"{at:%Y-%m-%d}".zfill(10),), ""), "f", at, at)
    rule = TimePartition("at", {"dt": "yyyy-MM-dd"}, "Asia/Tokyo", timedelta(days=400))
    judged(rule, table(["dt"]), [found])
    assert not evidence("day", rule_for("day"), [found]).outside


def test_values_that_no_pattern_reads() -> None:
    known = [Partition((v,), "") for v in ("2026-01-05", "2026-01-06", None)]
    of = table(["dt"])
    wrong = unread(TimePartition("at", {"dt": "yyyyMMdd"}), of, known)
    assert wrong.fails
    error = wrong.error()
    assert error.code == BROKEN
    assert "none of its 2 partitions" in error.message
    assert error.hint == "these values look like keys={'dt': 'yyyy-MM-dd'}"
    right = unread(TimePartition("at", {"dt": "yyyy-MM-dd"}), of, known)
    assert not right.fails
    assert right.finding() is None
    # A NULL partition is no value, and no partitions are no evidence.
    for nothing in ([], [Partition((None,), "")]):
        assert not unread(TimePartition("at", {"dt": "yyyyMMdd"}), of, nothing).fails


def test_values_that_are_not_read_are_counted_with_what_becomes_of_them() -> None:
    of = table(["dt"])
    known = [Partition((v,), "") for v in ("2026-01-05", "20260106", "2026-01-32")]
    rule = TimePartition("at", {"dt": "yyyy-MM-dd"})
    lost = unread(rule, of, known, known[:1]).finding()
    assert lost is not None
    assert "2 of 3 partitions" in lost.message
    assert "no row of theirs is read" in lost.message
    kept = unread(rule, of, known, known).finding()
    assert kept is not None
    assert "read by any window" in kept.message
    some = unread(rule, of, known, known[:2]).finding()
    assert some is not None
    assert "no row of 1 of them is read" in some.message


def test_a_file_is_known_to_meet_a_window_by_its_ends() -> None:
    file = day("2026-01-05T10:00", "2026-01-05T20:00")
    assert file.meets(Window.of("2026-01-05T09:00", "2026-01-05T10:01"))
    assert not file.meets(Window.of("2026-01-05T11:00", "2026-01-05T12:00"))
