"""Text that others wrote: read, or refused as what it is, never by one of Python's accidents."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from typing import Any

import pytest

from headwater.untrusted import limits
from headwater.untrusted.texts import (
    ForeignTextError,
    decimal_number,
    is_whole,
    json_value,
    packed_json,
    unzipped,
    whole_number,
)

LONG = "9" * 4301


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-12", -12), ("+7", 7), ("007", 7), ("9" * 309, int("9" * 309))],
)
def test_whole_numbers(text: str, value: int) -> None:
    assert whole_number(text) == value


@pytest.mark.parametrize("text", [LONG, "0" * 4300 + "1", "²", "٣", "1_0", " 1", "1.0", "", "-"])
def test_what_is_no_whole_number(text: str) -> None:
    assert whole_number(text) is None


@pytest.mark.parametrize("text", ["²", "٣", LONG, "", "-1"])
def test_digits_are_those_that_int_reads(text: str) -> None:
    assert not is_whole(text)


def test_exact_numbers() -> None:
    assert decimal_number("1.50") == Decimal("1.50")
    assert decimal_number("-.5e2") == Decimal(-50)
    assert decimal_number("1e9999") is not None


@pytest.mark.parametrize(
    "text", [f"1e{LONG}", "1e99999", f"0.{LONG}", "NaN", "Infinity", "1_0", "٣"]
)
def test_what_is_no_exact_number(text: str) -> None:
    assert decimal_number(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[" * 100_000, "nests deeper"),
        ('{"a":' * 100_000, "nests deeper"),
        (f"[{LONG}]", "4,301 digits"),
        ("[NaN]", "NaN"),
        ("[-Infinity]", "Infinity"),
        ("[1e999]", "1e999"),
        ('["\\ud800"]', "half of a character"),
        ('{"\\udc00": 1}', "half of a character"),
        ('["\ud800"]', "half of a character"),
        (b'["\xff"]', "not UTF-8"),
    ],
)
def test_json_that_other_programs_do_not_take(text: str | bytes, why: str) -> None:
    with pytest.raises(ForeignTextError, match=why):
        json_value(text)


@pytest.mark.parametrize("value", [{"a": [1, -2.5, "x", None, True]}, "\N{WATER WAVE}", [[]] * 500])
def test_plain_json(value: Any) -> None:
    assert json_value(json.dumps(value)) == value
    assert packed_json(gzip.compress(json.dumps(value).encode())) == value


def test_brackets_inside_of_texts_do_not_nest() -> None:
    text = json.dumps(["[" * 1000, '"[[' * 300])
    assert json_value(text) == json.loads(text)


def test_a_bomb_of_gzip_is_not_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (limits.METADATA_BYTES + 1))
    assert len(bomb) < 100_000
    with pytest.raises(ForeignTextError, match="unpacked it has more than"):
        packed_json(bomb)


@pytest.mark.parametrize(
    "content", [b"\x1f\x8bnonsense", gzip.compress(b"{}" * 999)[:-9]], ids=["nonsense", "cut"]
)
def test_broken_gzip(content: bytes) -> None:
    with pytest.raises(ForeignTextError, match="gzip file"):
        unzipped(content, 1000_000)
