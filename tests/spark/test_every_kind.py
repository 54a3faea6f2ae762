"""Every kind of table of a Glue catalog on Spark: the rows that the embedded engine reads too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plugins.glue.tests.every_kind import EXPECTED, READABLE, seed
from plugins.glue.tests.test_every_kind import query_of
from tests.spark_reads import planned_sql

from headwater.engines.spark import SparkEngine
from headwater.workspace.workspace import Workspace
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

pytestmark = [pytest.mark.slow, pytest.mark.spark]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlueLake]:
    with Emulator() as aws:
        filled = GlueLake(aws)
        seed(filled, Path(tmp_path_factory.mktemp("lakes")))
        yield filled


def read(lake: GlueLake, query: str, *, spark: SparkEngine | None = None) -> pa.Table:
    source = lake.source(table="t", databases=["eu"])
    if spark is not None:
        return planned_sql(source, query, spark).to_arrow()
    with Workspace() as workspace:
        return workspace.sql(query, source=source, engine="embedded").to_arrow()


def sorted_rows(found: pa.Table) -> list[tuple[Any, ...]]:
    return sorted((tuple(row.values()) for row in found.to_pylist()), key=lambda row: str(row[0]))


@pytest.mark.parametrize("name", READABLE)
def test_its_rows_are_exactly_those_that_were_written(
    lake: GlueLake, spark_engine: SparkEngine, name: str
) -> None:
    on_spark = read(lake, query_of(name), spark=spark_engine)
    assert sorted_rows(on_spark) == EXPECTED
    embedded = read(lake, query_of(name))
    assert on_spark.schema.types == embedded.schema.types
    assert sorted_rows(embedded) == EXPECTED


def test_odd_partition_values_are_the_same_on_both(
    lake: GlueLake, spark_engine: SparkEngine
) -> None:
    query = "SELECT id, place, day FROM hive_partitioned"
    assert sorted_rows(read(lake, query, spark=spark_engine)) == sorted_rows(read(lake, query))
