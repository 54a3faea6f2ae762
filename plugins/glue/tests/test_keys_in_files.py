"""A partition key that a table lists among its columns as well: the partition's value counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from tests.spark_reads import planned_sql

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

COLUMNS = {"a": "string", "dt": "string", "b": "bigint"}
ROWS = [{"a": "x", "dt": "inside", "b": 1}, {"a": "y", "dt": "inside", "b": 2}]
EXPECTED = [{"a": r["a"], "b": r["b"], "dt": "2026-01-02"} for r in ROWS]
TEXT = {
    "lazy-simple": ("txt", "x,inside,1\ny,inside,2\n", {"field.delim": ","}),
    "openx-json": ("json", "".join(f"{json.dumps(r)}\n" for r in ROWS), {}),
}
PROJECTED = {
    "projection.enabled": "true",
    "projection.dt.type": "enum",
    "projection.dt.values": "2026-01-02",
}


@pytest.fixture(scope="module")
def lake() -> Iterator[GlueLake]:
    with Emulator() as aws:
        filled = GlueLake(aws)
        for serde in ("parquet", *TEXT):
            for way, parameters in (("registered", {}), ("projected", PROJECTED)):
                table = f"{serde.replace('-', '_')}_{way}"
                suffix, content, told = TEXT.get(serde, ("parquet", pa.Table.from_pylist(ROWS), {}))
                filled.table(table, COLUMNS, keys={"dt": "string"}, serde=serde,
                             parameters=parameters, serde_parameters=told)  # fmt: skip
                filled.write(f"{table}/dt=2026-01-02/0.{suffix}", content)
                if way == "registered":
                    filled.partition(table, ("2026-01-02",))
        yield filled


def tables() -> list[str]:
    return [
        f"{s.replace('-', '_')}_{w}"
        for s in ("parquet", *TEXT)
        for w in ("registered", "projected")
    ]


def read(lake: GlueLake, engine: Any, query: str) -> tuple[list[dict[str, Any]], list[str]]:
    with hw.Workspace(engine=engine) as workspace:
        data = workspace.sql(query, lake.source(query=query))
        return data.to_arrow().to_pylist(), [d.code for d in data.plan.warnings]


@pytest.mark.parametrize("table", tables())
def test_the_value_is_the_partitions_and_the_plan_says_so(lake: GlueLake, table: str) -> None:
    rows, warnings = read(lake, "embedded", f"SELECT * FROM {table} ORDER BY a")
    assert rows == EXPECTED
    assert "key-in-files" in warnings
    found, _ = read(lake, "embedded", f"SELECT count(*) AS n FROM {table} WHERE dt = 'inside'")
    assert found == [{"n": 0}]
    found, _ = read(lake, "embedded", f"SELECT b FROM {table} WHERE dt = '2026-01-02' AND a = 'y'")
    assert found == [{"b": 2}]


@pytest.mark.spark
@pytest.mark.parametrize("table", tables())
def test_on_spark_too(lake: GlueLake, spark_engine: SparkEngine, table: str) -> None:
    query = f"SELECT * FROM {table} ORDER BY a"
    assert planned_sql(lake.source(query=query), query, spark_engine).to_arrow().to_pylist() == (
        EXPECTED
    )
