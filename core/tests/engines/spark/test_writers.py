"""Parquet files as other programs write them, read on Spark to the writers' own values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core.tests.engines.embedded.test_writers import REFUSED, by_duckdb, by_pandas, by_polars
from tests.spark_reads import planned_sql

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError


@pytest.mark.parametrize("writer", [by_pandas, by_polars, by_duckdb])
def test_every_column_is_the_writers_own(engine: SparkEngine, tmp_path: Path, writer: Any) -> None:
    expected = writer(tmp_path / "log.parquet")
    source = hw.FileDataSource(tables={"t": str(tmp_path / "log.parquet")})
    readable = [n for n, values in expected.items() if values is not REFUSED]
    query = f"SELECT {', '.join(f'`{n}`' for n in readable)} FROM t"
    found = planned_sql(source, query, engine).to_arrow().to_pydict()
    assert found == {n: expected[n] for n in readable}
    for name in expected.keys() - set(readable):
        with pytest.raises(HeadwaterError):
            planned_sql(source, f"SELECT `{name}` FROM t", engine).to_arrow()
