"""What Spark's own comparison keeps, no statistics of a file throw away."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from core.tests.engines.spark.plans import columns, files, physical, plan, rows
from deltalake import write_deltalake
from tests.iceberg import file_catalog

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine, streams
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import TableName

ROWS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "same": [5.0, math.nan, 5.0],
        "zero": pa.array([-0.0, -0.0, -0.0], pa.float32()),
        "deep": pa.array(
            [{"x": 0.1}, {"x": math.nan}, {"x": 0.2}], pa.struct([("x", pa.float64())])
        ),
    }
)
COLUMNS = columns(id="bigint", same="double", zero="float", deep="struct<x:double>")
FLAT = ROWS.drop_columns(["deep"])

CONDITIONS = {
    "same > 5.0D": [2],
    "same = CAST('NaN' AS DOUBLE)": [2],
    "same <> 5.0D": [2],
    "same NOT IN (5.0D, 6.0D)": [2],
    "zero = 0.0F": [1, 2, 3],
    "zero IN (0.0F, 1.0F)": [1, 2, 3],
    "CAST(zero AS DOUBLE) >= 0.0D": [1, 2, 3],
}


def read(engine: SparkEngine, relation: Relation, condition: str) -> list[int]:
    found = rows(engine, f"SELECT id FROM `hw`.`t0` AS t WHERE {condition} ORDER BY id", relation)
    return [row["id"] for row in found]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Relation]:
    """Gives the rows in a format, written once: the first read of a lake's table is a long one."""
    made = {"parquet": parquet, "orc": orc, "delta": delta, "iceberg": iceberg}
    return cache(lambda name: made[name](tmp_path_factory.mktemp(name)))


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("format", ["parquet", "orc", "delta", "iceberg"])
def test_no_row_is_lost_to_statistics(
    engine: SparkEngine, written: Callable[[str], Relation], format: str, condition: str
) -> None:
    assert read(engine, written(format), condition) == CONDITIONS[condition]


def test_nor_by_a_field_of_a_struct(engine: SparkEngine, tmp_path: Path) -> None:
    assert read(engine, parquet(tmp_path), "deep.x > 0.5D") == [2]


def test_nor_in_a_frame_of_the_callers_session(engine: SparkEngine, tmp_path: Path) -> None:
    own = SparkEngine(engine.opened().session)
    sql = "SELECT id FROM `hw`.`t0` AS t WHERE deep.x > 0.5D"
    frame = own.to_spark(plan(sql, parquet(tmp_path)), lambda: nullcontext(Access()))
    assert streams.rows(frame) == [{"id": 2}]
    own.close()


def test_other_columns_still_choose_row_groups(engine: SparkEngine, tmp_path: Path) -> None:
    sql = "SELECT id FROM `hw`.`t0` AS t WHERE id > 2 AND same > 0.5D AND zero < 1.0F"
    plan = physical(engine, sql, parquet(tmp_path))
    (pushed,) = [line for line in plan.splitlines() if line.startswith("PushedFilters")]
    assert "GreaterThan(id,2)" in pushed
    assert "same" not in pushed
    assert "zero" not in pushed


def parquet(folder: Path) -> Relation:
    path = folder / "a.parquet"
    pq.write_table(ROWS, path)
    return files([path], COLUMNS)


def orc(folder: Path) -> Relation:
    path = folder / "a.orc"
    pyarrow.orc.write_table(FLAT, path)
    return files([path], COLUMNS[:3], format="orc")


def delta(folder: Path) -> Relation:
    write_deltalake(str(folder / "delta"), FLAT)
    return DeltaRelation(TableName("db", "t"), COLUMNS[:3], str(folder / "delta"), 0)


def iceberg(folder: Path) -> Relation:
    catalog = file_catalog(folder, f"file://{folder}/w")
    try:
        made = catalog.create_table("db.t", schema=FLAT.schema)
        made.append(FLAT)
        pinned = made.current_snapshot()
        assert pinned is not None
        place = made.metadata_location
    finally:
        catalog.close()
    return IcebergRelation(TableName("db", "t"), COLUMNS[:3], place, pinned.snapshot_id)
