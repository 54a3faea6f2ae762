"""Paths as people write them: globs, dates, regular expressions, and what is wrong with some."""

from __future__ import annotations

import pytest

from headwater.errors import ConfigError
from headwater_s3.location import parse_location


@pytest.mark.parametrize(
    ("path", "prefix", "matching", "others"),
    [
        ("s3://b/a/", "a/", ["a/x", "a/b/x.parquet"], ["b/x"]),
        ("s3://b", "", ["x", "a/x"], []),
        ("s3://b/a", "a", ["a", "a/x"], ["ab", "a.txt"]),
        ("s3://b/a/x.csv", "a/x.csv", ["a/x.csv"], ["a/x.csvx", "a/xzcsv"]),
        ("s3a://b/a/*.csv", "a/", ["a/x.csv", "a/.csv"], ["a/b/x.csv", "a/x.csv.gz"]),
        ("s3://b/a/**/x", "a/", ["a/x", "a/b/x", "a/b/c/x"], ["a/yx"]),
        ("s3://b/a/**", "a/", ["a/x", "a/b/c"], ["b/a/x"]),
        ("s3://b/a/p?.csv", "a/", ["a/p1.csv"], ["a/p.csv", "a/p/.csv", "a/p12.csv"]),
        ("s3://b/a[0-9]x", "", ["a1x"], ["aax", "a[0-9]x"]),
        ("s3://b/a/[!0-9]x", "a/", ["a/ax"], ["a/1x", "a//x"]),
        ("s3://b/a/[^0]x", "a/", ["a/1x"], ["a/0x"]),
        ("s3://b/a/[\\d]x", "a/", ["a/dx", "a/\\x"], ["a/1x"]),
        ("s3://b/a/{x,y.}/z", "a/", ["a/x/z", "a/y./z"], ["a/yz/z", "a/{x,y.}/z"]),
        ("s3://b/a/{x}/z", "a/{x}/z", ["a/{x}/z"], ["a/x/z"]),
        ("s3://b/100%%/", "100%/", ["100%/x"], ["100%%/x"]),
        ("s3://b/a.b/(c)+/", "a.b/(c)+/", ["a.b/(c)+/x"], ["aXb/cc/x"]),
        ("s3://b/a/new\nline/*", "a/new\nline/", ["a/new\nline/x"], []),
    ],
)
def test_a_path(path: str, prefix: str, matching: list[str], others: list[str]) -> None:
    found = parse_location(path)
    assert (found.bucket, found.prefix) == ("b", prefix)
    assert [k for k in matching if not found.pattern.fullmatch(k)] == []
    assert [k for k in others if found.pattern.fullmatch(k)] == []
    assert found.date_keys == ()


def test_dates_become_keys_in_the_order_of_the_path() -> None:
    found = parse_location("s3://b/logs/%d.%m.%Y/%H-*.json")
    assert found.date_keys == ("day", "month", "year", "hour")
    match = found.pattern.fullmatch("logs/24.12.2025/07-x.json")
    assert match is not None
    assert match.groupdict() == {"day": "24", "month": "12", "year": "2025", "hour": "07"}
    assert found.date_patterns() == {"year": "yyyy", "month": "MM", "day": "dd", "hour": "HH"}
    assert found.root == "s3://b/logs/"


def test_a_date_that_is_written_twice_is_one_key_and_must_agree() -> None:
    found = parse_location("s3://b/%Y/x-%Y-%m.csv")
    assert found.date_keys == ("year", "month")
    assert found.pattern.fullmatch("2026/x-2026-01.csv")
    assert not found.pattern.fullmatch("2026/x-2025-01.csv")


@pytest.mark.parametrize(
    ("path", "dates", "expected"),
    [
        ("s3://b/%Y/%m/%d/*", {"year": "2026"}, "s3://b/2026/"),
        ("s3://b/%Y/%m/%d/*", {"year": "2026", "month": "01"}, "s3://b/2026/01/"),
        ("s3://b/y=%Y/x/*", {"year": "2026"}, "s3://b/y=2026/x/"),
        ("s3://b/%Y%m-*.json", {"year": "2026", "month": "01"}, "s3://b/"),
        ("s3://b/*/%Y/", {"year": "2026"}, "s3://b/"),
        ("s3://b/100%%/%Y/", {"year": "2026"}, "s3://b/100%/2026/"),
        ("s3://b/%d/%Y/", {"year": "2026"}, "s3://b/"),
    ],
)
def test_what_all_files_of_a_date_begin_with(
    path: str, dates: dict[str, str], expected: str
) -> None:
    assert parse_location(path).within(dates) == expected


@pytest.mark.parametrize(
    ("path", "regex", "prefix", "matching", "others"),
    [
        ("s3://b/a/", r"\d+\.csv", "a/", ["a/12.csv"], ["a/x.csv", "a/12.csv.gz", "x/a/12.csv"]),
        ("s3://b/a/part-", r"\d+", "a/", ["a/part-7"], ["a/part-x"]),
        ("s3://b/a/", "x|y", "a/", ["a/x", "a/y"], ["a/xy", "y"]),
    ],
)
def test_a_regex_is_about_the_rest_of_the_key(
    path: str, regex: str, prefix: str, matching: list[str], others: list[str]
) -> None:
    found = parse_location(path, regex)
    assert found.prefix == prefix
    assert [k for k in matching if not found.pattern.fullmatch(k)] == []
    assert [k for k in others if found.pattern.fullmatch(k)] == []


@pytest.mark.parametrize(
    ("path", "regex", "message"),
    [
        ("/local/file", None, "is not an S3 location"),
        ("s3://", None, "is not an S3 location"),
        ("s3://b/%Q/", None, r"unknown date directive %Q(?s:.*)known: %Y, %m, %d, %H, %%"),
        ("s3://b/a/", "[", r"s3://b/a/: regex '\[' can't be read"),
        ("s3://b/[z-a]x", None, r"the path can't be read: bad character range"),
        ("s3://b/%Y/", "(?P<year>.*)", "the path with its regex can't be read: redefinition"),
    ],
)
def test_a_wrong_path_is_refused(path: str, regex: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_location(path, regex)
