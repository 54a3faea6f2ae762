"""What a read counts, it counts over all of its batches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from headwater.diagnostics import Diagnostic, Severity
from headwater.interfaces.mapping import Mapping, map_fields
from headwater.interfaces.plan import Plan
from headwater.interfaces.schema import Schema
from headwater.partitions import missing_partitions
from headwater.reading.dataset import Dataset, EmptyReadWarning, rows_within
from headwater.sql.private_names import CONFLICT
from headwater.tables.table import Column
from headwater.tables.window import Window
from headwater.types.arrow import data_type

TYPES: dict[str, pa.DataType] = {
    "id": pa.string(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "p": pa.float64(),
    "actual_p": pa.float64(),
    CONFLICT: pa.int64(),
}
COLUMNS = pa.schema(TYPES)
WINDOW = Window.of("2026-01-01", "2026-02-01")


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


def batch(*rows: tuple[str | None, int, float | None, int]) -> pa.RecordBatch:
    """Return rows of id, day, actual and conflicts."""
    columns: list[list[Any]] = [
        [r[0] for r in rows],
        [day(r[1]) for r in rows],
        [0.5 for _ in rows],
        [r[2] for r in rows],
        [r[3] for r in rows],
    ]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, COLUMNS, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=COLUMNS)


class Reading:
    """Stands for what opens reads: it gives the batches that it was made with."""

    def __init__(self, *batches: pa.RecordBatch, warnings: tuple[Diagnostic, ...] = ()) -> None:
        schema = Schema.define("regression", predictions={"p": "numeric"})
        mapping, found = map_fields(
            Mapping("id", "timestamp", labels={"p": "actual_p"}),
            schema,
            [Column(f.name, data_type(f.type)) for f in COLUMNS],
        )
        assert not found
        self.plan = Plan(
            "m/v1 serving", "", "", (), mapping, WINDOW, "embedded", "asked for", warnings=warnings
        )
        self.batches = batches

    @contextmanager
    def open(self) -> Iterator[Any]:
        yield _Stream(self.batches)

    def finished(self, stats: Any, error: BaseException | None) -> None:
        assert error is None

    def why_empty(self) -> Diagnostic:
        return Diagnostic("no-rows", "there is nothing")


class _Stream(SimpleNamespace):
    schema = COLUMNS
    notes = ()

    def __init__(self, batches: tuple[pa.RecordBatch, ...]) -> None:
        super().__init__(batches=batches)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return iter(self.batches)


def test_counts_are_those_of_all_batches() -> None:
    reading = Reading(
        batch(("a", 5, 1.0, 1), (None, 9, math.nan, 0), (None, 6, None, 2)),
        batch(),
        batch(("b", 2, None, 0), ("c", 7, 2.0, 1)),
        batch(("d", 6, math.nan, 0)),
    )
    dataset = Dataset(reading)  # type: ignore[arg-type]  # it is asked for no more than that
    assert dataset.to_arrow().num_rows == 6
    stats = dataset.stats
    assert (stats.rows, stats.batches, stats.null_ids) == (6, 3, 2)
    assert (stats.actuals, stats.nan_actuals, stats.conflicts) == ({"actual_p": 4}, 2, 4)
    assert (stats.first, stats.last) == (day(2), day(9))
    assert stats.finished


def test_a_table_says_what_it_is_of() -> None:
    table = Dataset(Reading(batch(("a", 5, 1.0, 0)))).to_arrow()  # type: ignore[arg-type]
    assert table.schema.metadata == {
        b"headwater.connection": b"m/v1 serving",
        b"headwater.window": str(WINDOW).encode(),
    }


def test_a_read_without_rows_says_why() -> None:
    dataset = Dataset(Reading(batch()))  # type: ignore[arg-type]
    with pytest.warns(EmptyReadWarning, match="there is nothing"):
        assert dataset.to_arrow().num_rows == 0
    assert dataset.stats.verdict is not None


def test_the_end_of_a_window_is_not_in_it() -> None:
    rows = batch(("a", 1, None, 0), ("b", 2, None, 0), ("c", 3, None, 0))
    assert rows_within(rows, Window(day(1), day(3))) == 2
    assert rows_within(rows, Window(day(2), day(3))) == 1
    assert rows_within(rows, None) == 3
    assert rows_within(rows.drop_columns(["timestamp"]), Window(day(1), day(3))) == 0
    assert rows_within(rows.drop_columns(["timestamp"]), None) == 3


def test_partitions_that_are_missing_are_told_with_the_rows() -> None:
    missing, other = (
        Diagnostic(code, "", Severity.WARNING) for code in (min(missing_partitions.CODES), "wide")
    )
    reading = Reading(batch(("a", 5, 1.0, 0)), warnings=(missing, other))
    dataset = Dataset(reading)  # type: ignore[arg-type]
    dataset.to_arrow()
    assert dataset.stats.notes == (missing,)


def test_digests_are_told_where_they_were_asked_for_and_all_was_read() -> None:
    first, second = batch(("a", 5, 1.0, 1)), batch(("b", 6, None, 0))
    dataset = Dataset(Reading(first, second), digests=True)  # type: ignore[arg-type]
    for _ in dataset:
        break
    assert (dataset.stats.rows_digest, dataset.stats.labels_digest) == (None, None)
    dataset.to_arrow()
    told = dataset.stats
    assert told.labelled == 1
    other = Dataset(Reading(second, first), digests=True)  # type: ignore[arg-type]
    other.to_arrow()
    assert other.stats.to_dict()["content"] == {
        "rows": told.rows_digest,
        "labels": told.labels_digest,
    }
    plain = Dataset(Reading(first))  # type: ignore[arg-type]
    plain.to_arrow()
    assert "content" not in plain.stats.to_dict()


def test_a_read_without_rows_has_digests() -> None:
    dataset = Dataset(Reading(batch()), digests=True)  # type: ignore[arg-type]
    with pytest.warns(EmptyReadWarning):
        dataset.to_arrow()
    assert dataset.stats.rows_digest == dataset.stats.labels_digest == "0" * 16
