"""Timestamps in nanoseconds on Spark: the rows, and the refusals, of the embedded engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.spark.plans import columns, files, memory, rows

from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.errors import DataError, HeadwaterError

DAY = 1_767_225_600 * 10**9
UTC, LOCAL = pa.timestamp("ns", "UTC"), pa.timestamp("ns")


def written(path: Path, moment: int, unit: Literal["ns", "us"] = "ns") -> Path:
    """Write a file as pandas does, or one in other units; return where."""
    utc, local = pa.timestamp(unit, "UTC"), pa.timestamp(unit)
    step = 1 if unit == "ns" else 1000
    a, b = DAY // step, moment // step
    held: dict[str, Any] = {
        "id": ["a", "b"],
        "u": pa.array([a, b], utc),
        "l": pa.array([None, b], local),
        "n": pa.array([[{"at": b, "x": 1}, None], None],
                      pa.list_(pa.struct([("at", utc), ("x", pa.int64())]))),
        "m": pa.array([[("k", b)], None], pa.map_(pa.string(), local)),
        "s": pa.array([{"At": b}, None], pa.struct([("At", utc)])),
        "odd": pa.array([1, 2], UTC),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(held), path)
    return path


DECLARED = columns(
    id="string", u="timestamp", l="timestamp_ntz", n="array<struct<at:timestamp,x:bigint>>",
    m="map<string,timestamp_ntz>", s="struct<at:timestamp>", odd="timestamp",
)  # fmt: skip


def outcome(engine: Any, sql: str, relation: Any) -> Any:
    try:
        return rows(engine, sql, relation)
    except HeadwaterError as error:
        return error.code, "'" + error.message.partition("'")[2].partition("'")[0] + "'"


@pytest.mark.spark
@pytest.mark.parametrize("moment", [DAY + 1000, -2000, DAY + 1, -1])
@pytest.mark.parametrize("truncates", [False, True])
def test_both_engines_read_alike(
    engine: SparkEngine, lake: Path, moment: int, truncates: bool
) -> None:
    relation = replace(
        files([written(lake / "one.parquet", moment)], DECLARED), truncates=truncates
    )
    for sql in (
        "SELECT id, u FROM hw.t0 ORDER BY id",
        "SELECT id, l FROM hw.t0 ORDER BY id",
        "SELECT n, m FROM hw.t0 ORDER BY id",
        "SELECT s FROM hw.t0 ORDER BY id",
        "SELECT count(*) AS n FROM hw.t0",
    ):
        expected = outcome(EmbeddedEngine(), sql, relation)
        assert outcome(engine, sql, relation) == expected, sql
        exact = truncates or moment % 1000 == 0 or "count" in sql
        assert isinstance(expected, list) is exact, sql
    assert len(rows(engine, "SELECT id FROM hw.t0", relation)) == 2


@pytest.mark.spark
def test_the_error_names_file_column_and_value(engine: SparkEngine, lake: Path) -> None:
    relation = files([written(lake / "one.parquet", DAY + 7)], DECLARED)
    with pytest.raises(DataError) as caught:
        rows(engine, "SELECT u FROM hw.t0", relation)
    assert caught.value.code == "nanoseconds"
    for told in ("one.parquet", "'u'", "2026-01-01 00:00:00.000000007"):
        assert told in caught.value.message
    assert 'nanoseconds="truncate"' in (caught.value.hint or "")


@pytest.mark.spark
@pytest.mark.parametrize("first", ["ns", "us"])
def test_files_of_several_units_and_partitions_are_one_table(
    engine: SparkEngine, lake: Path, first: Literal["ns", "us"]
) -> None:
    second: Literal["ns", "us"] = "us" if first == "ns" else "ns"
    parts: dict[tuple[str | None, ...], list[Path]] = {
        ("x",): [written(lake / "k=x" / "1.parquet", DAY + 1000, first)],
        ("y",): [written(lake / "k=y" / "2.parquet", DAY + 2000, second)],
    }
    relation = files(parts, (*DECLARED, *columns(k="string")), ("k",))
    sql = "SELECT k, max(u) AS u, max(l) AS l FROM hw.t0 GROUP BY k ORDER BY k"
    expected = rows(EmbeddedEngine(), sql, relation)
    assert [r["u"].microsecond for r in expected] == [1, 2]
    assert rows(engine, sql, relation) == expected


@pytest.mark.spark
def test_numbers_are_no_times(engine: SparkEngine, lake: Path) -> None:
    pq.write_table(pa.table({"u": [1]}), lake / "one.parquet")
    relation = files([lake / "one.parquet"], columns(u="timestamp"))
    for each in (engine, EmbeddedEngine()):
        with pytest.raises(HeadwaterError, match=r"'?u'?.*(INT64|bigint)"):
            rows(each, "SELECT u FROM hw.t0", relation)


@pytest.mark.spark
def test_rows_in_memory_stop_nothing_that_does_not_use_them(engine: SparkEngine) -> None:
    relation = memory(id=["a"], u=pa.array([1], UTC))
    assert rows(engine, "SELECT id FROM (SELECT * FROM hw.t0)", relation) == [{"id": "a"}]
    with pytest.raises(DataError, match="row 1: column 'u'"):
        rows(engine, "SELECT u FROM hw.t0", relation)
    cut = replace(relation, truncates=True)
    assert rows(engine, "SELECT u FROM hw.t0", cut)[0]["u"].microsecond == 0
