"""Rows of CSV and JSON lines are in time order, whatever is sorted at once."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater.reading.time_order import in_time_order

START = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", "UTC")


def shuffled(count: int, nulls: int) -> list[pa.RecordBatch]:
    times: list[Any] = [START + timedelta(seconds=n // 2) for n in range(count)] + [None] * nulls
    ids = [f"{n:06}" for n in range(count + nulls)]
    rows = list(zip(ids, times, strict=True))
    random.Random(7).shuffle(rows)
    table = pa.table(
        {
            "id": [i for i, _ in rows],
            "timestamp": pa.array([t for _, t in rows], TIME),
            "more": [[n] for n in range(len(rows))],
        }
    )
    return table.to_batches(max_chunksize=997)


@pytest.mark.parametrize("run", [10**9, 60_000, 1], ids=["at once", "some runs", "many runs"])
def test_rows_of_all_runs_are_in_order(run: int) -> None:
    batches = shuffled(20_000 if run > 1 else 3_000, 40)
    given = pa.Table.from_batches(batches)
    ordered = pa.Table.from_batches(list(in_time_order(batches, given.schema, run)), given.schema)
    assert ordered.num_rows == given.num_rows
    times = ordered.column("timestamp").to_pylist()
    known = [t for t in times if t is not None]
    assert known == sorted(known)
    assert times[: len(known)] == known, "rows without a time come last"
    assert ordered.sort_by("id").equals(given.sort_by("id")), "each row is whole"
    if run > 60_000:
        assert (
            ordered.column("id").to_pylist()[: len(known)]
            == sorted(given.column("id").to_pylist())[: len(known)]
        )


def test_without_rows_or_time_they_are_as_they_come() -> None:
    fields: list[Any] = [("id", pa.string()), ("timestamp", TIME)]
    schema = pa.schema(fields)
    assert pa.Table.from_batches(in_time_order([], schema), schema).num_rows == 0
    batch = pa.record_batch({"x": [2, 1]})
    assert list(in_time_order([batch], batch.schema)) == [batch]


def serving(tmp_path: Path, query: str) -> hw.Dataset:
    """Two files, of which the later one is called first."""
    (tmp_path / "log").mkdir(exist_ok=True)
    for name, day in (("a", 2), ("b", 1)):
        times = [datetime(2026, 1, day, hour, tzinfo=UTC) for hour in (5, 3)]
        rows = pa.table(
            {"k": [f"{day}-5", f"{day}-3"], "ts": pa.array(times, TIME), "y": [1.5, 2.5]}
        )
        pq.write_table(rows, tmp_path / "log" / f"{name}.parquet")
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
    source = hw.FileDataSource(tables={"log": str(tmp_path / "log")}, query=query)
    return version.connect_serving(source, "k", "ts").read()


def ids(path: Path) -> list[Any]:
    return pyarrow.csv.read_csv(path).column("id").to_pylist()


def test_a_query_that_names_an_order_keeps_it(tmp_path: Path) -> None:
    path = serving(tmp_path, "SELECT * FROM log").write(tmp_path / "o.csv", format="csv")
    assert ids(path) == ["1-3", "1-5", "2-3", "2-5"]
    query = "SELECT * FROM log ORDER BY ts DESC"
    data = serving(tmp_path, query)
    path = data.write(tmp_path / "d.csv", format="csv")
    assert ids(path) == data.to_arrow().column("id").to_pylist()
