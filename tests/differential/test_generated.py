"""Random queries of a grammar: what is admitted is answered as by Spark."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from core.tests.depth import examples
from hypothesis import HealthCheck, Phase, given, note, settings
from tests.differential import edges, engines, grammar, shapes
from tests.differential.outcomes import compare

from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LEAST_ADMITTED = 0.5
LEAST_OF_A_SHAPE = 0.25
LEAST_AT_THE_EDGE = 0.3
"""Share of the queries of `edges` that has to be admitted, and that has to be refused."""


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(1800)
@settings(
    max_examples=examples(80),
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


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(1800)
@settings(
    max_examples=examples(100),
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
@given(sql=edges.queries())
def test_queries_at_the_edge_are_answered_as_by_spark(
    sql: str, relations: dict[str, FileRelation], spark: SparkSession
) -> None:
    note(sql)
    outcome = compare(sql, relations, spark)
    assert outcome.kind != "broken", f"{sql}\n{outcome.detail}"


def test_the_edge_goes_both_ways(relations: dict[str, FileRelation]) -> None:
    seen: Counter[bool] = Counter()

    @settings(
        max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(sql=edges.queries())
    def look(sql: str) -> None:
        found = engines.refusals(sql, relations)
        assert all(d.code == "not-portable" and d.message and d.hint for d in found), (sql, found)
        seen[not found] += 1

    look()
    assert min(seen[True], seen[False]) / seen.total() >= LEAST_AT_THE_EDGE, seen


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_shapes_of_queries_are_answered_as_by_spark(
    shape: str, relations: dict[str, FileRelation], spark: SparkSession
) -> None:
    @settings(
        max_examples=examples(30),
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(sql=shapes.SHAPES[shape]())
    def look(sql: str) -> None:
        note(sql)
        outcome = compare(sql, relations, spark)
        assert outcome.kind != "broken", f"{sql}\n{outcome.detail}"

    look()


@pytest.mark.parametrize("shape", shapes.SHAPES)
def test_most_queries_of_a_shape_are_admitted(
    shape: str, relations: dict[str, FileRelation]
) -> None:
    seen: Counter[bool] = Counter()

    @settings(
        max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(sql=shapes.SHAPES[shape]())
    def look(sql: str) -> None:
        seen[not engines.refusals(sql, relations)] += 1

    look()
    assert seen[True] / seen.total() >= LEAST_OF_A_SHAPE, seen
