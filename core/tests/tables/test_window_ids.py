"""Ids of windows: none of them is missed, few others are taken for them, damage costs a read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.reading.content_digests import id_words
from headwater.tables import window_ids
from headwater.tables.file_facts import FileFacts
from headwater.tables.window_ids import WindowIds

END = datetime(2026, 1, 2, tzinfo=UTC)
KEY, ROWS, FORM = "m/v1/serving/1d/2026-01-01T00:00Z", "5be1" * 4, "07c2"


def kept(*arrays: pa.Array) -> WindowIds:
    ids = WindowIds()
    for number, array in enumerate(arrays):
        ids.learn(f"{KEY}{number}", ROWS, FORM, END + timedelta(days=number), id_words(array))
    return ids


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 30_000])
def test_each_id_is_found_and_hardly_any_other(count: int) -> None:
    mine = pa.array([f"id-{n}" for n in range(count)], pa.string())
    ids = kept(pa.concat_arrays([mine, mine]))
    assert ids.knows(f"{KEY}0", ROWS, FORM)
    assert not ids.knows(f"{KEY}0", "0" * 16, FORM)
    assert not ids.knows(f"{KEY}0", ROWS, "a form that they have not")
    assert not ids.knows(f"{KEY}1", ROWS, FORM)
    for word in id_words(mine)[:200]:
        assert ids.found(f"{KEY}0", np.array([word]))
    others = id_words(pa.array([f"other-{n}" for n in range(1000)]))
    assert not ids.found(f"{KEY}0", others)
    assert not ids.found(f"{KEY}0", others[:0])


def test_an_id_is_found_however_wide_its_column_is() -> None:
    ids = kept(pa.array([7, -7, 2**62]))
    for type_ in (pa.int8(), pa.int32(), pa.int64()):
        assert ids.found(f"{KEY}0", id_words(pa.array([-7], type_)))
    texts = kept(pa.array(["ü" * 200, ""]))
    for text in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        assert texts.found(f"{KEY}0", id_words(pa.array(["ü" * 200]).cast(text)))


@given(
    numbers=st.lists(
        st.one_of(
            st.integers(-(2**63), 2**63 - 1),
            st.integers(-300, 300),
            st.integers(0, 40).map(lambda n: 10**12 + n * 70_000),
        ),
        max_size=60,
    ),
    others=st.lists(st.integers(-310, 310), max_size=20),
)
def test_integers_are_found_as_they_lie(numbers: list[int], others: list[int]) -> None:
    """Close together they are kept as they are, and no other is taken for one of them."""
    facts = FileFacts()
    facts.ids = kept(pa.array(numbers, pa.int64()))
    ids = FileFacts.from_bytes(facts.to_bytes()).ids
    for number in numbers:
        assert ids.found(f"{KEY}0", id_words(pa.array([number])))
    if max(numbers, default=0) - min(numbers, default=0) < 2**15 and min(numbers, default=0) >= 0:
        for other in others:
            word = id_words(pa.array([other]))
            assert ids.found(f"{KEY}0", word) == (other in numbers)


def test_integers_in_a_row_take_three_bits_each() -> None:
    rows = np.arange(10_000)
    for array, bits in (
        (pa.array(rows), 2.1),
        (pa.array(rows[::-1] * 7 + 10**15), 9),
        (pa.array(np.random.default_rng(1).integers(0, 2**62, 10_000)), 27.1),
        (pa.array([f"{n:x}" for n in rows]), 27.1),
    ):
        facts, few = FileFacts(), FileFacts()
        facts.ids, few.ids = kept(array), kept(array[:1])
        assert (len(facts.to_bytes()) - len(few.to_bytes())) * 8 < bits * len(array)


def test_they_are_kept_beside_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = FileFacts()
    mine = [pa.array(range(n * 10, n * 10 + 10)) for n in range(3)]
    facts.ids = kept(*mine)
    facts.learn_columns("s3://lake/a", "e", [("id", "BIGINT")])
    again = FileFacts.from_bytes(facts.to_bytes())
    assert again.to_bytes() == facts.to_bytes()
    assert again.columns("s3://lake/a", "e") == (("id", "BIGINT"),)
    assert all(again.ids.found(f"{KEY}{n}", id_words(mine[n][:1])) for n in range(3))
    monkeypatch.setattr(window_ids, "ALL", 8)
    newest = FileFacts.from_bytes(facts.to_bytes()).ids
    assert [newest.knows(f"{KEY}{n}", ROWS, FORM) for n in range(3)] == [False, True, True]
    monkeypatch.setattr(window_ids, "MOST", 9)
    assert not kept(mine[0]).knows(f"{KEY}0", ROWS, FORM)


def test_what_is_damaged_takes_every_label_for_one_of_the_window() -> None:
    ids = WindowIds()
    line = [KEY, ROWS, FORM, 1, 64, 2, 0, 9, 0, 2]
    for content in (b"\0\0", b"\xff\xff"):
        assert ids.take(line, memoryview(content)) == 2
        assert ids.found(KEY, id_words(pa.array([1])))
    for place, value in ((1, 1), (3, "x"), (4, 99), (5, -1), (6, 10), (7, 2**64), (8, 4), (9, 3)):
        with pytest.raises((TypeError, ValueError)):
            ids.take([*line[:place], value, *line[place + 1 :]], memoryview(b"\0\0"))
    with pytest.raises(ValueError, match="unpack"):
        ids.take([], memoryview(b""))
