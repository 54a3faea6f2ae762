"""Functions within a tolerance: no further from Spark's than was said, on groups and windows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.differential import engines
from tests.differential.comparison import difference

from headwater.errors import EngineError
from headwater.sql.functions.table import functions
from headwater.sql.portable.raising import NOT_PORTABLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

NUMBERS = ["score", "latency_ms", "n_tokens", "amount", "big", "tiny", "score_f", "threshold"]
KEYS = ["country", "is_fallback", "dt", "prediction_id", "tiny"]
ROWS = ["true", "score BETWEEN 0 AND 1", "n_tokens < 50", "score IS NULL", "false"]
AGGREGATES = [f.name for f in functions().values() if f.kind == "aggregate" and f.entry("equal")]
SCALARS = [f.name for f in functions().values() if f.kind == "scalar" and f.entry("equal")]


@pytest.fixture
def near(embedded: Embedded) -> Iterator[Embedded]:
    """The embedded engine with a tolerance as large as the comparison's."""
    embedded.tolerance = 1e-9
    yield embedded
    embedded.tolerance = None


def compared(sql: str, near: Embedded, spark: SparkSession) -> bool:
    """Compare a query; return whether the embedded engine answered."""
    try:
        answer = near(sql)
    except EngineError as error:
        if error.code != NOT_PORTABLE:
            raise
        return False
    assert difference(engines.on_spark(spark, sql), answer, rounded=True) is None, sql
    return True


def called(name: str, number: str, index: int) -> str:
    two = functions()[name].forms[0].needed == 2
    return f"{name}({number}, {NUMBERS[index - 1]})" if two else f"{name}({number})"


@pytest.mark.parametrize("name", AGGREGATES)
def test_groups_and_windows(name: str, near: Embedded, spark: SparkSession) -> None:
    answered = 0
    for index, number in enumerate(NUMBERS):
        call, key = called(name, number, index), KEYS[index % len(KEYS)]
        for where in ROWS:
            sql = f"SELECT {key} AS g, {call} AS v FROM predictions WHERE {where} GROUP BY {key}"
            answered += compared(sql, near, spark)
        rows = "ORDER BY prediction_id ROWS BETWEEN 20 PRECEDING AND CURRENT ROW"
        sql = f"SELECT prediction_id AS id, {call} OVER (PARTITION BY {key} {rows}) AS v"
        answered += compared(f"{sql} FROM predictions WHERE score < 2", near, spark)
    assert answered > len(NUMBERS)


@pytest.mark.parametrize("name", SCALARS)
def test_values(name: str, near: Embedded, spark: SparkSession) -> None:
    for index, number in enumerate(NUMBERS):
        sql = f"SELECT prediction_id AS id, {called(name, number, index)} AS v FROM predictions"
        assert compared(sql, near, spark)
