"""What both engines make of a query, and whether the embedded engine kept its promise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from tests.differential import engines
from tests.differential.comparison import difference
from tests.differential.queries import adds_floats, ends_in_order

from headwater.errors import EngineError
from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

REFUSED = "refused"
EQUAL = "equal"
BOTH_RAISE = "both raise"
ONLY_EMBEDDED_RAISES = "only embedded raises"


@dataclass(frozen=True)
class Outcome:
    """How a query ended.

    Args:
        kind: One of the constants above, or `broken`: another answer, or an answer where Spark
            raises.
        detail: What was seen.
    """

    kind: str
    detail: str = ""


def compare(
    sql: str,
    relations: Mapping[str, FileRelation],
    spark: SparkSession,
    reference: str | None = None,
) -> Outcome:
    """Run a query on both engines and return how they compare.

    Args:
        sql: The query.
        relations: Its tables.
        spark: The reference.
        reference: What the reference is asked instead, where it can't read the query itself.
    """
    refused = engines.refusals(sql, relations)
    if refused:
        return Outcome(REFUSED, refused[0].message)
    expected = _on_spark(spark, reference or sql)
    try:
        answer = engines.on_embedded(sql, relations)
    except EngineError as error:
        if isinstance(expected, str):
            return Outcome(BOTH_RAISE, f"{expected} / {error.message}")
        return Outcome(ONLY_EMBEDDED_RAISES, f"{error.code}: {error.message}")
    if isinstance(expected, str):
        return Outcome("broken", f"Spark raises {expected}, embedded answers {answer.slice(0, 3)}")
    found = difference(expected, answer, ordered=ends_in_order(sql), rounded=adds_floats(sql))
    return Outcome(EQUAL) if found is None else Outcome("broken", found)


def _on_spark(spark: SparkSession, sql: str) -> pa.Table | str:
    try:
        return engines.on_spark(spark, sql)
    except engines.SparkError as error:
        return str(error)
