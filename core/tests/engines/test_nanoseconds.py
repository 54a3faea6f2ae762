"""Timestamps in nanoseconds in Arrow: whole microseconds, or refused by row, or cut."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from headwater.engines.nanoseconds import CODE, holds, whole
from headwater.errors import DataError

NS = pa.timestamp("ns", "UTC")
SHAPES: dict[str, tuple[pa.DataType, Any]] = {
    "bare": (NS, lambda n: n),
    "list": (pa.list_(NS), lambda n: [n, None]),
    "large list": (pa.large_list(NS), lambda n: [n]),
    "fixed list": (pa.list_(NS, 2), lambda n: [0, n]),
    "struct": (pa.struct([("a", pa.string()), ("at", NS)]), lambda n: {"a": "x", "at": n}),
    "map": (pa.map_(pa.string(), NS), lambda n: [("k", n)]),
    "deep": (pa.list_(pa.struct([("m", pa.map_(NS, NS))])), lambda n: [{"m": [(0, n)]}, None]),
}


def array(shape: str, *numbers: int | None) -> Any:
    type_, value = SHAPES[shape]
    return pa.array([None if n is None else value(n) for n in numbers], type_)


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_microseconds_stay(shape: str) -> None:
    given = array(shape, 1000, None, -2000)
    assert whole(given, "t", "c", truncate=False).equals(given)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chunked", [False, True])
def test_another_one_is_told_with_its_row(shape: str, chunked: bool) -> None:
    given = array(shape, 7, 1000, None, -1)[1:]
    if chunked:
        given = pa.chunked_array([given[:2], given[2:]])
    with pytest.raises(DataError, match=r"row 103: column .c. holds 1969-12-31 23:59:59.9+,") as e:
        whole(given, "t", "c", truncate=False, first=100)
    assert e.value.code == CODE


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chunked", [False, True])
def test_cut_it_is_the_microsecond_in_which_it_lies(shape: str, chunked: bool) -> None:
    given, expected = array(shape, 7, 1999, None, -1)[1:], array(shape, 1000, None, -1000)
    if chunked:
        given, expected = pa.chunked_array([given[:2], given[2:]]), pa.chunked_array([expected])
    cut = whole(given, "t", "c", truncate=True)
    cut.validate(full=True)
    assert cut.type == given.type
    assert cut.equals(expected)


def test_a_value_below_a_null_is_nobodys() -> None:
    inner = pa.array([1, 1000], NS)
    given = pa.StructArray.from_arrays([inner], names=["at"], mask=pa.array([True, False]))
    assert whole(given, "t", "c", truncate=False).equals(given)


def test_what_has_none_is_left_alone() -> None:
    assert not holds(pa.list_(pa.timestamp("us")))
    assert holds(pa.dictionary(pa.int8(), NS))
    given = pa.array([1, 2])
    assert whole(given, "t", "c", truncate=True) is given


def test_the_first_microsecond_of_all_has_no_beginning() -> None:
    given = pa.array([-(2**63) + 1], NS)
    with pytest.raises(DataError, match="1677-09-21"):
        whole(given, "t", "c", truncate=True)
