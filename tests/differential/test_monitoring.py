"""The shapes of monitoring queries: all of them run on the embedded engine, with Spark's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.differential import engines
from tests.differential.comparison import difference
from tests.differential.queries import ends_in_order, load

from headwater.diagnostics import render_all
from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUERIES = load("monitoring.sql")

# Spark 4.1 has no QUALIFY (4.2 and Databricks do): the subquery that it stands for is asked.
SAME_AS = {"the latest label of each prediction, by QUALIFY": "the same by a subquery"}


def test_there_are_forty_shapes() -> None:
    assert len(QUERIES) >= 40


@pytest.mark.parametrize("name", QUERIES)
def test_shape_is_in_the_portable_subset(name: str, relations: dict[str, FileRelation]) -> None:
    found = engines.refusals(QUERIES[name], relations)
    assert not found, render_all(found)


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("name", QUERIES)
def test_shape_has_sparks_answer(
    name: str, relations: dict[str, FileRelation], spark: SparkSession
) -> None:
    sql = QUERIES[name]
    answer = engines.on_embedded(sql, relations)
    reference = engines.on_spark(spark, QUERIES[SAME_AS.get(name, name)])
    assert difference(reference, answer, ordered=ends_in_order(sql)) is None
