"""Queries of many kinds: what the embedded engine admits, it answers as Spark does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.differential import engines
from tests.differential.outcomes import ONLY_EMBEDDED_RAISES, compare
from tests.differential.queries import load

from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

QUERIES = load("corpus.sql")
LEAST_ADMITTED = 0.85

# The embedded engine raises on these where Spark answers: it can't promise the answer, and says so.
KNOWN_TO_RAISE = {
    "cast 9": "time zones by name, nanoseconds",
    "cast 16": "doubles that Java writes with an exponent",
    "arith 9": "a sum of bigints that may overflow",
    "date 7": "texts of several shapes",
    "date 19": "New York before 1900",
    "found 4": "numbers as only Java writes them",
    "found 6": "control characters around a number",
    "found 7": "chr() beyond 255",
    "array 18": "a lambda in whose order NULL has no place",
}


def test_most_queries_are_in_the_portable_subset(relations: dict[str, FileRelation]) -> None:
    admitted = [n for n, sql in QUERIES.items() if not engines.refusals(sql, relations)]
    assert len(admitted) / len(QUERIES) >= LEAST_ADMITTED


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("name", QUERIES)
def test_what_is_admitted_is_answered_as_by_spark(
    name: str, relations: dict[str, FileRelation], spark: SparkSession
) -> None:
    outcome = compare(QUERIES[name], relations, spark)
    assert outcome.kind != "broken", outcome.detail
    if outcome.kind == ONLY_EMBEDDED_RAISES:
        assert name in KNOWN_TO_RAISE, outcome.detail
