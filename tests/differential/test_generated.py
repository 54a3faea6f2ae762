"""Random queries of a grammar: what is admitted is answered as by Spark."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from tests.differential import engines, grammar
from tests.differential.outcomes import compare

from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_ADMITTED = 0.5


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(1800)
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(sql=grammar.queries())
def test_random_queries_are_answered_as_by_spark(
    sql: str, relations: dict[str, FileRelation], spark: SparkSession
) -> None:
    note(sql)
    outcome = compare(sql, relations, spark)
    assert outcome.kind != "broken", f"{sql}\n{outcome.detail}"


def test_most_random_queries_are_admitted(relations: dict[str, FileRelation]) -> None:
    seen: Counter[bool] = Counter()

    @settings(
        max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(sql=grammar.queries())
    def look(sql: str) -> None:
        found = engines.refusals(sql, relations)
        # The gate neither crashes nor refuses without a reason.
        assert all(d.code == "not-portable" and d.message for d in found), (sql, found)
        seen[not found] += 1

    look()
    assert seen[True] / seen.total() >= LEAST_ADMITTED, seen
