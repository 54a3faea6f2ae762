from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import types as t
from headwater.errors import ConfigError
from headwater.partitions.patterns import parse_pattern
from headwater.partitions.time_partitions import (
    Periods,
    check_rule,
    expected_keys,
    keeps,
    keys_for,
    matches,
    widened,
)
from headwater.tables.table import Column, KeyCondition, Partition, Table, TableName, TimePartition
from headwater.tables.window import Window
from headwater.types import DataType

DAY = timedelta(days=1)

# Near each of these instants a clock does something odd.
TURNS = {
    "UTC": "2024-02-29T00:00",
    "America/New_York": "2024-11-03T06:00",  # an hour twice
    "Europe/Berlin": "2024-03-31T01:00",  # an hour never
    "Australia/Lord_Howe": "2024-10-05T15:30",  # half an hour never
    "America/Sao_Paulo": "2018-11-04T03:00",  # the day begins at 01:00
    "America/Havana": "2024-11-03T05:00",  # 00:00-01:00 twice
    "America/St_Johns": "2010-11-07T02:31",  # back from 00:01 to 23:01 of the day before
    "Antarctica/Troll": "2024-10-27T01:00",  # two hours twice
    "Pacific/Apia": "2011-12-30T10:00",  # a whole day never
    "Asia/Kathmandu": "2024-01-01T00:00",  # +05:45
}


def table(
    keys: Mapping[str, DataType], *, column: str = "ts", type_: DataType = t.TIMESTAMP
) -> Table:
    columns = [Column(column, type_), *(Column(k, v) for k, v in keys.items())]
    return Table(TableName("db", "logs"), tuple(columns), tuple(keys))


def strings(*keys: str) -> Table:
    return table(dict.fromkeys(keys, t.STRING))


def part(*values: str | None) -> Partition:
    return Partition(values, "s3://bucket/somewhere/")


def kept(rule: TimePartition, window: Window, of: Table, *values: str | None) -> bool:
    return keeps(rule, window, of)(part(*values))


def instants(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    moment = start
    while moment < end:
        yield moment
        moment += step
    yield end - timedelta(microseconds=1)


def written(rule: TimePartition, moment: datetime) -> tuple[str, ...]:
    local = moment.astimezone(ZoneInfo(rule.timezone)).replace(tzinfo=None)
    return tuple(parse_pattern(p).format(local) for p in rule.keys.values())


DAILY = TimePartition("ts", {"dt": "yyyy-MM-dd"})
SHAPES = (
    {"dt": "yyyy-MM-dd"},
    {"dt": "yyyyMMddHH"},
    {"dt": "d.M.yyyy"},
    {"year": "yyyy"},
    {"year": "yyyy", "month": "MM"},
    {"year": "yyyy", "month": "M", "day": "d"},
    {"year": "yyyy", "month": "MM", "day": "dd", "hour": "HH"},
    {"dt": "yyyy/MM/dd", "hour": "H"},
    {"dt": "yyyy-MM-dd-HH-mm"},
)


@settings(max_examples=50, deadline=None)
@given(
    zone=st.sampled_from(sorted(TURNS)),
    shape=st.sampled_from(SHAPES),
    offset=st.integers(-40 * 60, 40 * 60),
    minutes=st.integers(1, 50 * 60),
    late=st.sampled_from((0, 0, 1, 30, 26 * 60)),
)
def test_the_keys_of_a_window_are_those_of_its_rows(
    zone: str, shape: dict[str, str], offset: int, minutes: int, late: int
) -> None:
    """Brute force, both ways: each minute's key is kept; no key is kept without a minute."""
    rule = TimePartition("ts", shape, zone, timedelta(minutes=late))
    start = datetime.fromisoformat(TURNS[zone]).replace(tzinfo=UTC) + timedelta(minutes=offset)
    window = Window(start, start + timedelta(minutes=minutes))
    of = strings(*shape)

    there = {
        written(rule, moment)
        for moment in instants(window.start, window.end + rule.lateness, timedelta(minutes=1))
    }
    assert set(expected_keys(rule, window)) == there

    around = instants(
        window.start - 3 * DAY, window.end + rule.lateness + 3 * DAY, timedelta(minutes=7)
    )
    candidates = there | {written(rule, moment) for moment in around}
    test = keeps(rule, window, of)
    assert {c for c in candidates if test(part(*c))} == there

    conditions = keys_for(rule, window, of)
    pushed = {c for c in candidates if all(matches(k, of, part(*c)) for k in conditions)}
    assert there <= pushed
    if len(shape) == 1 and parse_pattern(next(iter(shape.values()))).sortable:
        assert pushed == there


@settings(max_examples=30, deadline=None)
@given(
    zone=st.sampled_from(sorted(TURNS)),
    shape=st.sampled_from(SHAPES[:-1]),
    days=st.integers(1, 3000),
    moment=st.integers(-2 * 86400, 3002 * 86400),
)
def test_a_long_window_loses_no_row(
    zone: str, shape: dict[str, str], days: int, moment: int
) -> None:
    rule = TimePartition("ts", shape, zone)
    start = datetime(2012, 1, 1, tzinfo=UTC)
    window = Window(start, start + days * DAY)
    at = start + timedelta(seconds=moment)
    partition, of = part(*written(rule, at)), strings(*shape)
    if at in window:
        assert keeps(rule, window, of)(partition)
        assert all(matches(c, of, partition) for c in keys_for(rule, window, of))


def test_a_day_keeps_its_day_only() -> None:
    window, of = Window.of("2024-03-09", "2024-03-10"), strings("dt")
    assert keys_for(DAILY, window, of) == (KeyCondition("dt", "in", ("2024-03-09",), or_null=True),)
    assert kept(DAILY, window, of, "2024-03-09")
    assert not kept(DAILY, window, of, "2024-03-08")
    assert not kept(DAILY, window, of, "2024-03-10")


def test_lateness_keeps_later_partitions_not_earlier_ones() -> None:
    rule = TimePartition("ts", {"dt": "yyyy-MM-dd"}, lateness=DAY)
    window = Window.of("2024-03-09T12:00", "2024-03-10T12:00")
    assert list(expected_keys(rule, window)) == [("2024-03-09",), ("2024-03-10",), ("2024-03-11",)]


def test_the_rows_of_a_partition_may_be_as_much_older_as_the_rule_allows() -> None:
    rule = TimePartition("ts", {"dt": "yyyy-MM-dd"}, lateness=timedelta(hours=2))
    periods = Periods(rule, strings("dt"))
    begin, end = datetime(2024, 3, 9, tzinfo=UTC), datetime(2024, 3, 10, tzinfo=UTC)
    assert periods.stretch(part("2024-03-09")) == (begin - timedelta(hours=2), end)
    first = datetime(1, 1, 1, tzinfo=UTC)
    assert periods.stretch(part("0001-01-01")) == (first, first + DAY)
    assert periods.stretch(part(None)) is None


def test_a_key_without_a_value_is_not_one_that_is_unread() -> None:
    periods = Periods(DAILY, strings("dt"))
    unread = {None: False, "2024-03-09": False, "2024-02-30": True, "unknown": True}
    assert {value: periods.unread(part(value)) for value in unread} == unread


def test_a_wider_window_has_a_partition_more_at_each_end() -> None:
    window = Window.of("2024-03-09", "2024-03-10")
    assert widened(DAILY, window) == Window.of("2024-03-08", "2024-03-11")
    hourly = TimePartition("ts", {"dt": "yyyyMMddHH"})
    assert widened(hourly, window) == Window.of("2024-03-08T23:00", "2024-03-10T01:00")
    ends = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    assert widened(DAILY, ends) == ends


def test_a_clock_that_goes_back_into_the_day_before() -> None:
    """St. John's, 7 November 2010: at 00:01 it was 23:01 of the 6th again."""
    rule = TimePartition("ts", {"dt": "yyyy-MM-dd", "hour": "HH"}, "America/St_Johns")
    window = Window.of("2010-11-07T02:30Z", "2010-11-07T02:40Z")
    assert list(expected_keys(rule, window)) == [("2010-11-06", "23"), ("2010-11-07", "00")]
    before = Window.of("2010-11-07T02:30Z", "2010-11-07T02:31Z")
    assert list(expected_keys(rule, before)) == [("2010-11-07", "00")]


def test_the_end_of_a_window_is_not_in_it() -> None:
    hourly = TimePartition("ts", {"dt": "yyyy-MM-dd", "hour": "HH"})
    window = Window.of("2024-03-09T22:00", "2024-03-10T00:00")
    assert list(expected_keys(hourly, window)) == [("2024-03-09", "22"), ("2024-03-09", "23")]


@pytest.mark.parametrize(
    "values",
    [
        (None,),
        ("",),
        ("unknown",),
        ("2020-02-30",),
        ("2020-3-9",),
        ("__HIVE_DEFAULT_PARTITION__",),
        (),
    ],
)
def test_what_can_not_be_read_is_kept(values: tuple[str | None, ...]) -> None:
    assert kept(DAILY, Window.of("2024-03-09", "2024-03-10"), strings("dt"), *values)


def test_a_value_that_says_more_than_its_pattern_writes_is_kept() -> None:
    """Of a month, the pattern writes the first: the ninth of one is nothing that it reads."""
    rule, of = TimePartition("ts", {"k": "yyyy-MM-01"}), table({"k": t.DATE})
    may = Window.of("2024-05-03", "2024-05-04")
    assert not kept(rule, may, of, "2024-03-01")
    assert kept(rule, may, of, "2024-03-09")


def test_keys_that_contradict_each_other_are_kept() -> None:
    rule = TimePartition("ts", {"dt": "yyyy-MM-dd", "month": "MM"})
    window, of = Window.of("2024-03-09", "2024-03-10"), strings("dt", "month")
    assert not kept(rule, window, of, "2020-05-01", "05")
    assert kept(rule, window, of, "2020-05-01", "06")


def test_keys_are_found_by_name_in_any_case_among_other_keys() -> None:
    rule = TimePartition("TS", {"DT": "yyyy-MM-dd"})
    of = table({"region": t.STRING, "dt": t.STRING})
    window = Window.of("2024-03-09", "2024-03-10")
    assert kept(rule, window, of, "eu", "2024-03-09")
    assert not kept(rule, window, of, "2024-03-09", "2024-03-08")
    assert keys_for(rule, window, of)[0].key == "dt"


@pytest.mark.parametrize(
    ("type_", "pattern", "inside", "outside"),
    [
        (t.DATE, "yyyy-MM-dd", ["2024-03-09", "2024-3-9"], ["2024-03-10", "2024-4-9"]),
        (t.DATE, "yyyy-MM-01", ["2024-03-01", "2024-3-1"], ["2024-02-01"]),
        (t.INT, "yyyyMMdd", ["20240309", "020240309", "+20240309"], ["20240310"]),
        (t.BIGINT, "yyyyMM", ["202403"], ["202404"]),
        (t.STRING, "yyyyMMdd", ["20240309"], ["20240310"]),
        (t.DataType("varchar", precision=10), "yyyy/MM/dd", ["2024/03/09"], ["2024/03/08"]),
        (
            t.TIMESTAMP,
            "yyyy-MM-dd HH:00:00",
            ["2024-03-09 05:00:00", "2024-03-09 05:00:00.0", "2024-03-09T05:00"],
            ["2024-03-10 00:00:00", "2024-03-08"],
        ),
    ],
)
def test_keys_are_read_as_their_type(
    type_: DataType, pattern: str, inside: list[str], outside: list[str]
) -> None:
    rule, of = TimePartition("ts", {"k": pattern}), table({"k": type_})
    window = Window.of("2024-03-09", "2024-03-10")
    check_rule(rule, of)
    assert [v for v in inside + outside if kept(rule, window, of, v)] == inside
    conditions = keys_for(rule, window, of)
    assert conditions
    for value in inside:
        assert all(matches(c, of, part(value)) for c in conditions), value


@pytest.mark.parametrize("type_", [t.STRING, t.INT, t.TINYINT])
@pytest.mark.parametrize("pattern", ["MM", "M"])
def test_a_month_is_a_month_with_or_without_its_zero(type_: DataType, pattern: str) -> None:
    rule = TimePartition("ts", {"year": "yyyy", "month": pattern})
    of, window = table({"year": t.STRING, "month": type_}), Window.of("2024-03-09", "2024-03-10")
    conditions = keys_for(rule, window, of)
    for month, wanted in {"3": True, "03": True, "4": False, "04": False}.items():
        assert kept(rule, window, of, "2024", month) is wanted
        assert all(matches(c, of, part("2024", month)) for c in conditions) is wanted


@pytest.mark.parametrize("value", ["2024-3-9", "2024-03-09", "2024-3-09", "2024-03-9"])
def test_a_key_is_found_by_all_that_its_pattern_reads(value: str) -> None:
    rule, of = TimePartition("ts", {"dt": "yyyy-M-d"}), strings("dt")
    for window, wanted in (("2024-03-09", True), ("2024-03-10", False)):
        day = Window.of(window, f"{window}T12:00Z")
        assert kept(rule, day, of, value) is wanted
        assert all(matches(c, of, part(value)) for c in keys_for(rule, day, of)) is wanted


def test_the_conditions_of_year_month_and_day() -> None:
    rule = TimePartition("ts", {"year": "yyyy", "month": "MM", "day": "dd"})
    of = table({"year": t.INT, "month": t.INT, "day": t.INT})
    found = keys_for(rule, Window.of("2023-12-30", "2024-01-02"), of)
    assert [(c.key, c.values) for c in found] == [
        ("year", ("2023", "2024")),
        ("month", ("12", "1")),
        ("day", ("30", "31", "1")),
    ]


def test_a_key_that_takes_all_its_values_gives_no_condition() -> None:
    rule = TimePartition("ts", {"year": "yyyy", "month": "MM", "day": "dd"})
    of = strings("year", "month", "day")
    assert [c.key for c in keys_for(rule, Window.of("2023-06-01", "2024-06-01"), of)] == ["year"]


def test_a_long_window_becomes_a_range_where_text_has_the_order_of_time() -> None:
    window = Window.of("2010-01-01", "2024-03-10")
    assert keys_for(DAILY, window, strings("dt")) == (
        KeyCondition("dt", ">=", ("2010-01-01",), or_null=True),
        KeyCondition("dt", "<=", ("2024-03-09",), or_null=True),
    )
    number = TimePartition("ts", {"k": "yyyyMMddHH"})
    assert [c.values for c in keys_for(number, window, table({"k": t.BIGINT}))] == [
        ("2010010100",),
        ("2024030923",),
    ]
    reversed_ = TimePartition("ts", {"dt": "dd-MM-yyyy"})
    assert keys_for(reversed_, window, strings("dt")) == ()


def test_few_values_of_a_long_window_are_listed_only_if_all_of_it_was_looked_at() -> None:
    """The days of months that are keys of their own: the first three years have 93 of them."""
    rule = TimePartition("ts", {"month": "MM", "day": "yyyy-dd"})
    window, of = Window.of("2020-01-01", "2026-01-01"), strings("month", "day")
    late = part("09", "2025-05")
    assert keeps(rule, window, of)(late)
    assert all(matches(c, of, late) for c in keys_for(rule, window, of))


def test_all_of_time_is_no_work() -> None:
    window, of = Window.of("0001-01-01", "9999-12-31"), strings("dt")
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        rule = TimePartition("ts", {"dt": "yyyy-MM-dd"}, zone, timedelta(days=400))
        assert all(kept(rule, window, of, v) for v in ("0001-01-01", "2024-03-09", "9999-12-31"))
        assert [c.operator for c in keys_for(rule, window, of)] == [">=", "<="]
    minutes = TimePartition("ts", {"dt": "yyyy-MM-dd-HH-mm"})
    assert len(keys_for(minutes, window, of)) == 2


def test_the_ends_of_the_calendar() -> None:
    window, of = Window.of("2024-03-09", "2024-03-10"), strings("dt")
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        rule = TimePartition("ts", {"dt": "yyyy-MM-dd"}, zone)
        assert not kept(rule, window, of, "9999-12-31")
        assert not kept(rule, window, of, "0001-01-01")
    last = Window.of("9999-12-30", "9999-12-31T23:00")
    assert list(expected_keys(DAILY, last)) == [("9999-12-30",), ("9999-12-31",)]


def test_expected_keys_are_lazy() -> None:
    minutes = TimePartition("ts", {"dt": "yyyyMMddHHmm"})
    found = expected_keys(minutes, Window.of("1900-01-01", "2100-01-01"))
    assert next(found) == ("190001010000",)


@pytest.mark.parametrize(
    ("rule", "of", "message", "hint"),
    [
        (TimePartition("tss", {"dt": "yyyy"}), strings("dt"), "no column 'tss'", "mean 'ts'"),
        (TimePartition("ts", {"dtt": "yyyy"}), strings("dt"), "no partition key 'dtt'", "'dt'"),
        (TimePartition("ts", {"dt": "yyyy"}), strings(), "not partitioned", "remove"),
        (TimePartition("ts", {"dt": "yyyy-mm-dd"}), strings("dt"), "no month", "write MM"),
        (TimePartition("ts", {"dt": "MM-dd"}), strings("dt"), "and no year", "'yyyy'"),
        (TimePartition("ts", {"dt": "'x'"}), strings("dt"), "holds no time", "yyyy-MM-dd"),
        (TimePartition("ts", {"dt": "yyyy"}, "Europe/Berln"), strings("dt"), "zone", "Berlin"),
        (TimePartition("ts", {"dt": "yyyy"}, "../etc/passwd"), strings("dt"), "zone", "IANA"),
        (
            TimePartition("ts", {"dt": "yyyy-MM-dd"}),
            table({"dt": t.INT}),
            "'dt' is int, and 'yyyy-MM-dd'",
            "yyyyMMdd",
        ),
        (
            TimePartition("ts", {"dt": "yyyyMM"}),
            table({"dt": t.DATE}),
            "'dt' is date, and 'yyyyMM'",
            "yyyy-MM-dd",
        ),
        (TimePartition("ts", {"dt": "yyyy"}), table({"dt": t.DOUBLE}), "double", "string"),
        (
            TimePartition("ts", {"dt": "yyyy"}),
            table({"dt": t.STRING}, type_=t.STRING),
            "'ts' is string, not a timestamp",
            "timestamp",
        ),
    ],
)
def test_a_rule_that_does_not_fit_says_why(
    rule: TimePartition, of: Table, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_rule(rule, of)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    with pytest.raises(ConfigError):
        keeps(rule, Window.of("2024-01-01", "2024-01-02"), of)


@pytest.mark.parametrize(
    ("type_", "condition", "met", "unmet"),
    [
        (t.STRING, KeyCondition("k", "in", ("a", "b")), ["a", "b"], ["c", "A", ""]),
        (t.STRING, KeyCondition("k", ">=", ("2",)), ["2", "3", "21"], ["10", ""]),
        (t.INT, KeyCondition("k", ">", ("9",)), ["10", "010", "x"], ["9", "09", "-10"]),
        (t.INT, KeyCondition("k", "in", ("7",)), ["7", "07", " 7 "], ["70"]),
        (t.DATE, KeyCondition("k", "<", ("2024-03-10",)), ["2024-3-9", "?"], ["2024-03-10"]),
        (t.DATE, KeyCondition("k", "<=", ("2024-03-10",)), ["2024-03-10"], ["2024-3-11"]),
        (t.STRING, KeyCondition("k", "like", ("a%",)), ["a", "b"], []),
        (
            t.DataType("char", precision=3),
            KeyCondition("k", "in", ("a",)),
            ["a", "a  "],
            ["b", " a"],
        ),
    ],
)
def test_a_condition_compares_as_the_keys_type(
    type_: DataType, condition: KeyCondition, met: list[str], unmet: list[str]
) -> None:
    of = table({"k": type_})
    assert [v for v in met + unmet if matches(condition, of, part(v))] == met


def test_null_meets_a_condition_only_if_it_says_so_and_what_is_not_there_meets_all() -> None:
    of = strings("k")
    assert not matches(KeyCondition("k", "in", ("a",)), of, part(None))
    assert matches(KeyCondition("k", "in", ("a",), or_null=True), of, part(None))
    assert matches(KeyCondition("other", "in", ("a",)), of, part("b"))
    assert matches(KeyCondition("k", "in", ("a",)), of, part())


DATES = [
    "yyyy-MM-dd",
    "yyyyMMdd",
    "dd.MM.yyyy",
    "d/M/yyyy",
    "MM-dd-yyyy",
    "yyyy-dd-MM",
    "'d='yyyyMMdd",
]
HOURS = ["yyyy-MM-dd HH:00:00", "yyyyMMddHH", "dd-MM-yyyy HH", "H'h' yyyy-dd-MM", "yyyy-MM-dd-HH"]


@pytest.mark.parametrize(
    ("type_", "pattern", "step"),
    [(t.DATE, p, DAY) for p in DATES]
    + [(type_, p, DAY / 24) for p in HOURS for type_ in (t.TIMESTAMP, t.TIMESTAMP_NTZ)],
)
def test_a_typed_key_is_a_time_however_its_pattern_writes_it(
    type_: DataType, pattern: str, step: timedelta
) -> None:
    """A projection writes dates into paths in a format of its own; their values are dates."""
    rule, of = TimePartition("ts", {"k": pattern}), table({"k": type_})
    window = Window.of("2026-01-31T22:00", "2026-02-03T01:00")
    conditions = keys_for(rule, window, of)
    begin = datetime(2026, 1, 25, tzinfo=UTC)
    for moment in instants(begin, begin + 20 * DAY, step):
        if moment.minute:  # the last instant is no partition's
            continue
        text = f"{moment:%Y-%m-%d}" if type_ == t.DATE else f"{moment:%Y-%m-%d %H:%M:%S}"
        inside = moment < window.end and moment + step > window.start
        assert kept(rule, window, of, text) is inside, text
        assert all(matches(c, of, part(text)) for c in conditions) is inside, text


@pytest.mark.parametrize(
    ("type_", "pattern"),
    [
        (t.DATE, "yyyy"),
        (t.DATE, "yyyy/MM"),
        (t.DATE, "yyyy-MM-dd-HH"),
        (t.TIMESTAMP, "yyyy-MM-dd"),
        (t.TIMESTAMP, "yyyyMMdd"),
    ],
)
def test_a_pattern_that_says_less_than_a_time_or_more_does_not_fit_it(
    type_: DataType, pattern: str
) -> None:
    with pytest.raises(ConfigError, match="does not write one"):
        check_rule(TimePartition("ts", {"k": pattern}), table({"k": type_}))
