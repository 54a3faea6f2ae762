"""What other programs write, files and lakes, read on Spark to the writers' own values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from core.tests.engines.embedded.test_writers import REFUSED, by_duckdb, by_pandas, by_polars
from core.tests.engines.spark.plans import table
from plugins.aws.tests.test_lake_writers import HELD, by_delta_rs, by_pyiceberg
from tests.spark_reads import planned_sql

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError

pytestmark = [pytest.mark.slow, pytest.mark.spark]


@pytest.mark.parametrize("writer", [by_pandas, by_polars, by_duckdb])
def test_every_column_of_a_file_is_the_writers_own(
    spark_engine: SparkEngine, tmp_path: Path, writer: Any
) -> None:
    expected = writer(tmp_path / "log.parquet")
    source = hw.FileDataSource(tables={"t": str(tmp_path / "log.parquet")})
    readable = [n for n, values in expected.items() if values is not REFUSED]
    query = f"SELECT {', '.join(f'`{n}`' for n in readable)} FROM t"
    found = planned_sql(source, query, spark_engine).to_arrow().to_pydict()
    assert found == {n: expected[n] for n in readable}
    for name in expected.keys() - set(readable):
        with pytest.raises(HeadwaterError):
            planned_sql(source, f"SELECT `{name}` FROM t", spark_engine).to_arrow()


@pytest.mark.parametrize("writer", [by_delta_rs, by_pyiceberg])
def test_every_column_of_a_lake_is_the_writers_own(
    spark_engine: SparkEngine, tmp_path: Path, writer: Any
) -> None:
    found = table(spark_engine, "SELECT * FROM `hw`.`t0` AS t", writer(tmp_path)).to_pydict()
    expected = {n: values for n, (_, values) in HELD.items() if n in found}
    assert len(expected) >= len(HELD) - 2
    if writer is by_pyiceberg:  # version 0.12 writes a list of structs that is NULL as an empty one
        expected["deep"] = [expected["deep"][0], []]
    assert found == expected
