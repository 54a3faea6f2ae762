from __future__ import annotations

from datetime import datetime

import pytest

from headwater.errors import ConfigError
from headwater.partitions.patterns import Unit, parse_pattern

MOMENT = datetime(2024, 3, 9, 5, 7)  # noqa: DTZ001  a local time


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        ("yyyy-MM-dd", "2024-03-09"),
        ("uuuu/MM/dd/HH", "2024/03/09/05"),
        ("yyyyMMddHHmm", "202403090507"),
        ("yyyy-M-d H:m", "2024-3-9 5:7"),
        ("yyyyM", "20243"),
        ("yyyy-MM-dd'T'HH", "2024-03-09T05"),
        ("yyyy-MM-01", "2024-03-01"),
        ("'day='yyyy-MM-dd", "day=2024-03-09"),
        ("yyyy'y''s'MM", "2024y's03"),
        ("''yyyy", "'2024"),
    ],
)
def test_what_a_pattern_writes_it_reads(pattern: str, written: str) -> None:
    parsed = parse_pattern(pattern)
    assert parsed.format(MOMENT) == written
    said = parsed.parse(written)
    assert said is not None
    values = (MOMENT.year, MOMENT.month, MOMENT.day, MOMENT.hour, MOMENT.minute)
    assert said == {unit: values[unit] for unit in parsed.units}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd", "2024-3-9"),
        ("yyyy-MM-dd", "2024-03-09 "),
        ("yyyy-MM-dd", "x2024-03-09"),
        ("yyyy-MM-dd", "２０２４-03-09"),
        ("yyyy.MM", "2024x03"),
        ("MM", "3"),
        ("yyyy/yyyy-MM", "2023/2024-03"),
    ],
)
def test_what_it_would_not_write_it_does_not_read(pattern: str, text: str) -> None:
    assert parse_pattern(pattern).parse(text) is None


def test_a_unit_written_twice_must_agree() -> None:
    assert parse_pattern("yyyy/yyyy-MM").parse("2024/2024-03") == {Unit.YEAR: 2024, Unit.MONTH: 3}


@pytest.mark.parametrize(
    ("pattern", "sortable"),
    [
        ("yyyy-MM-dd", True),
        ("yyyy", True),
        ("yyyyMMddHHmm", True),
        ("'dt='yyyy/MM", True),
        ("yyyy-M", False),
        ("dd-MM-yyyy", False),
        ("MM", False),
        ("yyyy-dd", False),
        ("yyyy/yyyy-MM", False),
    ],
)
def test_sortable_is_fixed_width_and_coarsest_first(pattern: str, sortable: bool) -> None:
    assert parse_pattern(pattern).sortable is sortable


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("YYYY-MM-dd", "unknown 'YYYY'", "year of the week"),
        ("yyyy-MM-DD", "unknown 'DD'", "day of the year"),
        ("yyyy-MM-dd-hh", "unknown 'hh'", "12-hour clock"),
        ("yy-MM-dd", "'yy' is not supported for the year", "write yyyy"),
        ("yyyy-MMM", "'MMM' is not supported for the month", "write MM or M"),
        ("yyyy-MM-ddTHH", "unknown 'T'", "single quotes"),
        ("yyyy-MM-dd'T", "a single quote is not closed", "single quotes"),
        ("yyyy[-MM]", "'[' is reserved", "'['"),
        ("'static'", "holds no time", "yyyy-MM-dd"),
        ("", "holds no time", "yyyy-MM-dd"),
        ("yyyyMd", "can't be read back", "leading zeros"),
        ("yyyy-M0", "can't be read back", "leading zeros"),
    ],
)
def test_a_bad_pattern_says_what_to_write(pattern: str, message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_pattern(pattern)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
