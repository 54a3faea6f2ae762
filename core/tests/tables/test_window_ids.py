"""Ids of windows: none of them is missed, few others are taken for them, damage costs a read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from headwater.reading.content_digests import hashed
from headwater.tables import window_ids
from headwater.tables.file_facts import FileFacts
from headwater.tables.window_ids import WindowIds

END = datetime(2026, 1, 2, tzinfo=UTC)
KEY, ROWS = "m/v1/serving/1d/2026-01-01T00:00Z", "5be1" * 4


def kept(*arrays: pa.Array) -> WindowIds:
    ids = WindowIds()
    for number, array in enumerate(arrays):
        ids.learn(f"{KEY}{number}", ROWS, END + timedelta(days=number), hashed(array))
    return ids


@pytest.mark.parametrize("count", [0, 1, 2, 3, 100, 30_000])
def test_each_id_is_found_and_hardly_any_other(count: int) -> None:
    mine = pa.array([f"id-{n}" for n in range(count)], pa.string())
    ids = kept(pa.concat_arrays([mine, mine]))
    assert ids.knows(f"{KEY}0", ROWS)
    assert not ids.knows(f"{KEY}0", "0" * 16)
    assert not ids.knows(f"{KEY}1", ROWS)
    for hash_ in hashed(mine)[:200]:
        assert ids.has_any(f"{KEY}0", np.array([hash_]))
    others = hashed(pa.array([f"other-{n}" for n in range(1000)]))
    assert not ids.has_any(f"{KEY}0", others)
    assert not ids.has_any(f"{KEY}0", others[:0])


def test_an_id_is_found_however_wide_its_column_is() -> None:
    ids = kept(pa.array([7, -7, 2**62]))
    for type_ in (pa.int8(), pa.int32(), pa.int64()):
        assert ids.has_any(f"{KEY}0", hashed(pa.array([-7], type_)))
    texts = kept(pa.array(["ü" * 200, ""]))
    for text in (pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())):
        assert texts.has_any(f"{KEY}0", hashed(pa.array(["ü" * 200]).cast(text)))


def test_they_are_kept_beside_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = FileFacts()
    mine = [pa.array(range(n * 10, n * 10 + 10)) for n in range(3)]
    facts.ids = kept(*mine)
    facts.learn_columns("s3://lake/a", "e", [("id", "BIGINT")])
    again = FileFacts.from_bytes(facts.to_bytes())
    assert again.to_bytes() == facts.to_bytes()
    assert again.columns("s3://lake/a", "e") == (("id", "BIGINT"),)
    assert all(again.ids.has_any(f"{KEY}{n}", hashed(mine[n][:1])) for n in range(3))
    monkeypatch.setattr(window_ids, "ALL", 25)
    newest = FileFacts.from_bytes(facts.to_bytes()).ids
    assert [newest.knows(f"{KEY}{n}", ROWS) for n in range(3)] == [False, True, True]
    monkeypatch.setattr(window_ids, "MOST", 9)
    assert not kept(mine[0]).knows(f"{KEY}0", ROWS)


def test_what_is_damaged_takes_every_label_for_one_of_the_window() -> None:
    ids = WindowIds()
    for steps in ("%%%", "AAA", "AAAAAAA="):
        ids.take([KEY, ROWS, 1, 40, steps])
        assert ids.has_any(KEY, hashed(pa.array([1])))
    for line in ([], [KEY, 1, 1, 40, ""], [KEY, ROWS, "x", 40, ""], [KEY, ROWS, 1, 99, ""]):
        with pytest.raises((TypeError, ValueError)):
            ids.take(line)
