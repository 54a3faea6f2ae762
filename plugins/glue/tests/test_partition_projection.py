"""Partition projection: the partitions that Athena computes, computed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.glue.tests.raw import glue_table

from headwater.errors import PlanError, SourceError
from headwater.partitions.patterns import parse_pattern
from headwater.tables.table import KeyCondition
from headwater.untrusted import limits
from headwater_glue.partition_path import escape
from headwater_glue.partition_projection.partitions import DateAxis, IntegerAxis, shifted
from headwater_glue.partition_projection.properties import projection_of

NOW = datetime(2026, 3, 31, 14, 30, tzinfo=UTC)


def project(keys: Any, properties: Any, **told: Any) -> Any:
    parameters = {"projection.enabled": "true"}
    for name, value in properties.items():
        parameters[name if name.startswith("storage.") else f"projection.{name}"] = value
    table = glue_table(keys=keys, parameters=parameters, **told)
    return projection_of(table, now=lambda: NOW)


def values(keys: Any, properties: Any, where: Any = ()) -> list[Any]:
    return [p.values[0] for p in project(keys, properties).partitions(where)]


DT = {"dt": "string"}
DAY = {"dt.type": "date", "dt.format": "yyyy-MM-dd"}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"dt.type": "enum", "dt.values": "a, b,c"}, ["a", " b", "c"]),
        ({"dt.type": "integer", "dt.range": "8,11"}, ["8", "9", "10", "11"]),
        (
            {"dt.type": "integer", "dt.range": "0,10", "dt.interval": "5", "dt.digits": "3"},
            ["000", "005", "010"],
        ),
        ({"dt.type": "integer", "dt.range": "-1,1"}, ["-1", "0", "1"]),
        (DAY | {"dt.range": "2026-02-27,2026-03-01"}, ["2026-02-27", "2026-02-28", "2026-03-01"]),
        (DAY | {"dt.range": "NOW-2DAYS,NOW"}, ["2026-03-29", "2026-03-30", "2026-03-31"]),
        (
            DAY | {"dt.range": " NOW - 1 DAY , NOW + 1 days "},
            ["2026-03-30", "2026-03-31", "2026-04-01"],
        ),
        (DAY | {"dt.range": "2026-03-30,NOW"}, ["2026-03-30", "2026-03-31"]),
        (
            DAY | {"dt.range": "2026-03-01,NOW", "dt.interval": "2", "dt.interval.unit": "WEEKS"},
            ["2026-03-01", "2026-03-15", "2026-03-29"],
        ),
        # Months and days step by themselves; the 31st of a short month is its last day.
        (
            {"dt.type": "date", "dt.format": "yyyyMM", "dt.range": "202512,202602"},
            ["202512", "202601", "202602"],
        ),
        (
            DAY | {"dt.range": "NOW-1MONTH,NOW", "dt.interval": "1", "dt.interval.unit": "MONTHS"},
            ["2026-02-28", "2026-03-28"],
        ),
        (
            {
                "dt.type": "date",
                "dt.format": "yyyy",
                "dt.range": "2023,NOW",
                "dt.interval": "1",
                "dt.interval.unit": "YEARS",
            },
            ["2023", "2024", "2025", "2026"],
        ),
        (
            {
                "dt.type": "date",
                "dt.format": "yyyy/MM/dd/HH",
                "dt.range": "NOW-2HOURS,NOW",
                "dt.interval": "1",
                "dt.interval.unit": "HOURS",
            },
            ["2026/03/31/12", "2026/03/31/13", "2026/03/31/14"],
        ),
        (DAY | {"dt.range": "2026-03-02,2026-03-01"}, []),
    ],
)
def test_values(properties: Any, expected: Any) -> None:
    assert values(DT, properties) == expected


def test_keys_multiply_and_lie_where_hive_puts_them() -> None:
    projection = project(
        {"country": "string", "hour": "int"},
        {
            "country.type": "enum",
            "country.values": "a/b,c",
            "hour.type": "integer",
            "hour.range": "0,1",
            "hour.digits": "2",
        },
    )
    assert [(p.values, p.location) for p in projection.partitions()] == [
        (("a/b", "00"), "s3://lake/t/country=a%2Fb/hour=00/"),
        (("a/b", "01"), "s3://lake/t/country=a%2Fb/hour=01/"),
        (("c", "00"), "s3://lake/t/country=c/hour=00/"),
        (("c", "01"), "s3://lake/t/country=c/hour=01/"),
    ]
    assert projection.total() == 4


def test_a_template_places_them() -> None:
    projection = project(
        DT,
        DAY
        | {
            "dt.range": "2026-01-01,2026-01-01",
            "storage.location.template": "s3://lake/logs/${dt}/x/",
        },
    )
    assert [p.location for p in projection.partitions()] == ["s3://lake/logs/2026-01-01/x/"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (KeyCondition("dt", "in", ("2026-01-02", "2020-01-01")), ["2026-01-02"]),
        (KeyCondition("dt", ">=", ("2026-01-03",)), ["2026-01-03", "2026-01-04"]),
        (KeyCondition("dt", "<", ("2026-01-02",)), ["2026-01-01"]),
        (KeyCondition("other", "in", ("x",)), [f"2026-01-0{d}" for d in range(1, 5)]),
    ],
)
def test_conditions_choose(condition: Any, expected: Any) -> None:
    assert values(DT, DAY | {"dt.range": "2026-01-01,2026-01-04"}, [condition]) == expected


@pytest.mark.parametrize("type_", ["string", "date"])
def test_a_date_between_two_steps_is_no_value(type_: str) -> None:
    properties = DAY | {"dt.range": "2026-01-01,2026-01-07", "dt.interval": "2"}
    properties["dt.interval.unit"] = "DAYS"
    where = [KeyCondition("dt", "in", ("2026-01-03", "2026-01-04"))]
    assert values({"dt": type_}, properties, where) == ["2026-01-03"]


def test_the_dates_within_a_stretch_leave_out_its_end() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 4, tzinfo=UTC)
    axis = DateAxis(first, last, parse_pattern("yyyy-MM-dd"), 1, "DAYS")
    begin, end = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 4, tzinfo=UTC)
    assert list(axis.within(begin, end)) == ["2026-01-02", "2026-01-03"]
    assert list(axis.within(last, datetime(2026, 1, 9, tzinfo=UTC))) == ["2026-01-04"]


def test_a_number_is_found_however_it_is_written() -> None:
    properties = {"hour.type": "integer", "hour.range": "0,23", "hour.digits": "2"}
    assert values({"hour": "int"}, properties, [KeyCondition("hour", "in", ("7",))]) == ["07"]
    assert values({"hour": "string"}, properties, [KeyCondition("hour", "in", ("7",))]) == []


def test_an_injected_key_needs_its_values() -> None:
    keys, properties = {"device": "string"}, {"device.type": "injected"}
    assert values(keys, properties, [KeyCondition("device", "in", ("d1", "d1", "d2"))]) == [
        "d1",
        "d2",
    ]
    assert project(keys, properties).total() is None
    with pytest.raises(PlanError, match=r"'device' is injected.*\n.*WHERE device ="):
        values(keys, properties)


def test_too_many_partitions_are_refused_with_their_widths() -> None:
    keys = {"a": "int", "b": "int"}
    properties = {
        "a.type": "integer",
        "a.range": "1,1000",
        "b.type": "integer",
        "b.range": "1,1000",
    }
    with pytest.raises(PlanError, match=r"1,000,000 partitions \(a: 1,000, b: 1,000\)"):
        list(project(keys, properties).partitions())
    assert limits.PROJECTED_PARTITIONS < 1_000_000
    kept = project(keys, properties).partitions([KeyCondition("a", "in", ("5",))])
    assert len(list(kept)) == 1000


def test_a_key_too_wide_to_try_is_found_by_its_values() -> None:
    keys, properties = {"n": "bigint"}, {"n.type": "integer", "n.range": "1,99999999999"}
    assert values(keys, properties, [KeyCondition("n", "in", ("12345678901", "0"))]) == [
        "12345678901"
    ]
    with pytest.raises(PlanError, match="99,999,999,999 values of 'n'"):
        values(keys, properties, [KeyCondition("n", "<", ("3",))])


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({}, "projection.dt.type is missing"),
        ({"dt.type": "enumm"}, "did you mean 'enum'"),
        ({"dt.type": "enum"}, "projection.dt.values is missing"),
        ({"dt.type": "integer", "dt.range": "1"}, "not two values with a comma between"),
        ({"dt.type": "integer", "dt.range": "1,x"}, "'x' is not a whole number"),
        ({"dt.type": "integer", "dt.range": "1,2", "dt.interval": "0"}, "not a positive number"),
        ({"dt.type": "date", "dt.range": "NOW,NOW"}, "projection.dt.format is missing"),
        (DAY | {"dt.range": "2026-1-1,NOW"}, "does not follow the date pattern"),
        (DAY | {"dt.range": "NOW-1FORTNIGHT,NOW"}, "does not follow the date pattern"),
        ({"dt.type": "date", "dt.format": "MM-dd", "dt.range": "01-01,NOW"}, "names no year"),
        ({"dt.type": "date", "dt.format": "MMM", "dt.range": "NOW,NOW"}, "'MMM'"),
        (
            {"dt.type": "date", "dt.format": "yyyy-MM-dd HH", "dt.range": "NOW,NOW"},
            "interval.unit is missing",
        ),
        (DAY | {"dt.range": "NOW,NOW", "dt.interval.unit": "EONS"}, "interval.unit is 'EONS'"),
        (
            DAY | {"dt.range": "NOW,NOW", "storage.location.template": "s3://x/${d}"},
            "names 'd', which is not a partition key",
        ),
        (
            DAY | {"dt.range": "NOW,NOW", "storage.location.template": "s3://x/"},
            "does not name the key 'dt'",
        ),
    ],
)
def test_a_broken_declaration_names_its_parameter(properties: Any, says: str) -> None:
    with pytest.raises(SourceError, match="declares partition projection") as caught:
        project(DT, properties)
    assert str(caught.value).startswith("table db.t declares")
    assert says in str(caught.value)


def test_no_projection_no_rule() -> None:
    assert projection_of(glue_table(keys=DT)) is None
    off = glue_table(keys=DT, parameters={"projection.enabled": "false"})
    assert projection_of(off) is None


PERIODS = {
    "DAYS": ["yyyy-MM-dd", "yyyyMMdd", "dd.MM.yyyy", "d/M/yyyy", "MMddyyyy", "yyyy-dd-MM"],
    "HOURS": ["yyyy-MM-dd-HH", "yyyyMMddHH", "dd-MM-yyyy HH", "yyyy/MM/dd/HH"],
    "MONTHS": ["yyyy-MM", "MM.yyyy"],
    "YEARS": ["yyyy"],
}
FORMATS = [(unit, text) for unit, texts in PERIODS.items() for text in texts]


@pytest.mark.parametrize("type_", ["date", "timestamp"])
@pytest.mark.parametrize(("unit", "text"), FORMATS)
def test_a_typed_key_has_values_and_a_format_only_for_paths(
    unit: str, text: str, type_: str
) -> None:
    """A condition keeps exactly the partitions whose value meets it, whatever paths look like."""
    first, last = datetime(2025, 12, 30, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    pattern = parse_pattern(text)
    made = project(
        {"dt": type_},
        {
            "dt.type": "date",
            "dt.format": text,
            "dt.range": f"{pattern.format(first)},{pattern.format(last)}",
            "dt.interval": "1",
            "dt.interval.unit": unit,
        },
    )
    shape = "%Y-%m-%d" if type_ == "date" else "%Y-%m-%d %H:%M:%S"
    everything = list(made.partitions())
    assert len({p.location for p in everything}) == len(everything) == made.total()
    for partition in everything:
        moment = datetime.strptime(partition.values[0], shape).replace(tzinfo=UTC)  # type: ignore[arg-type]
        if type_ == "timestamp" or unit != "HOURS":
            assert partition.location == f"s3://lake/t/dt={escape(pattern.format(moment))}/"
    wanted = datetime(2026, 1, 2 if unit in ("DAYS", "HOURS") else 1, tzinfo=UTC).strftime(shape)
    for operator, compare in {
        "in": str.__eq__,
        ">=": str.__ge__,
        "<": str.__lt__,
        "<=": str.__le__,
        ">": str.__gt__,
    }.items():
        kept = list(made.partitions([KeyCondition("dt", operator, (wanted,))]))
        assert kept == [p for p in everything if compare(p.values[0], wanted)]
        assert operator != "in" or kept
    assert not list(made.partitions([KeyCondition("dt", "in", ("2031-07-07",))]))


def test_a_number_written_as_a_date_is_found_by_its_value() -> None:
    """02012026 is the number 2012026: its zero is of the path."""
    properties = {"dt.type": "date", "dt.format": "ddMMyyyy", "dt.range": "02012026,04012026"}
    where = [KeyCondition("dt", "in", ("3012026",))]
    assert values({"dt": "int"}, properties, where) == ["03012026"]


@pytest.mark.parametrize(
    ("type_", "hint"),
    [("date", "WHERE dt = DATE'2026-01-31'"), ("bigint", "WHERE dt = 7"), ("char(4)", "as string")],
)
def test_the_hint_for_an_injected_key_fits_its_type(type_: str, hint: str) -> None:
    with pytest.raises(PlanError, match="'dt' is injected") as caught:
        values({"dt": type_}, {"dt.type": "injected"})
    assert hint in str(caught.value.hint)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2021, 1, 1)),  # noqa: DTZ001
    st.integers(0, 400),
    st.integers(1, 5),
    st.sampled_from(
        [
            ("yyyy-MM-dd", "DAYS"),
            ("yyyyMM", "MONTHS"),
            ("yyyy/MM/dd/HH", "HOURS"),
            ("yyyy-MM-dd", "WEEKS"),
            ("yyyy", "YEARS"),
        ]
    ),
)
def test_a_date_is_found_by_its_text_wherever_it_is_listed(
    first: Any, length: Any, interval: Any, layout: Any
) -> None:
    pattern, unit = layout
    start = first.replace(tzinfo=UTC)
    axis = DateAxis(
        start,
        shifted(start, length, "HOURS" if unit == "HOURS" else "DAYS"),
        parse_pattern(pattern),
        interval,
        unit,
    )
    listed = list(axis.values())
    assert [axis.spelled(v) for v in listed] == listed
    assert len(listed) == len(set(listed)) <= axis.size


@given(st.integers(-50, 50), st.integers(0, 60), st.integers(1, 7), st.integers(0, 3))
def test_an_integer_is_found_by_its_text_wherever_it_is_listed(
    first: Any, length: Any, interval: Any, digits: Any
) -> None:
    axis = IntegerAxis(first, first + length, interval, digits)
    listed = list(axis.values())
    assert [axis.spelled(v) for v in listed] == listed
    assert len(listed) == axis.size
    assert axis.spelled(str(first - 1)) is None


@pytest.mark.parametrize("unit", ["MILLIS", "DAYS", "WEEKS", "MONTHS", "YEARS"])
@pytest.mark.parametrize("interval", [1, 2**31, 2**40, 2**62])
def test_a_step_beyond_all_years_leaves_the_first_value(unit: str, interval: int) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    axis = DateAxis(start, shifted(start, 20, "DAYS"), parse_pattern("yyyy-MM-dd"), interval, unit)
    listed = list(axis.values()) if interval > 1 or unit != "MILLIS" else ["2026-01-01"]
    assert listed[0] == "2026-01-01"
    assert interval == 1 or (len(listed) == axis.size == 1)


def test_the_values_of_a_wide_key_are_not_kept() -> None:
    properties = {"n.type": "integer", "n.range": "0,999999", "n.digits": "12"}
    where = [KeyCondition("n", ">=", ("999990",))]
    assert len(values({"n": "int"}, properties, where)) == 10


@pytest.mark.parametrize("count", ["1000000000000", "9223372036854775806"])
def test_a_range_of_more_numbers_than_can_be_counted(count: str) -> None:
    with pytest.raises(PlanError, match="partition projection gives"):
        values({"n": "bigint"}, {"n.type": "integer", "n.range": f"0,{count}"})
