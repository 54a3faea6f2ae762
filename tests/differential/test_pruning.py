"""Pruning on Spark itself: what `commute` says of each fixture query holds on the reference.

The core's tests try generated queries on DuckDB; here are the constructs that only Spark has.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from core.tests.sql.cases import Case, cases
from core.tests.sql.test_commute import COLUMNS, analysed

from headwater.sql.pruning.windows import Reaches, reach
from headwater.sql.rewriting import Edit, apply

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow]

FIRST, END = datetime(2024, 1, 2), datetime(2024, 1, 4)  # noqa: DTZ001  the session is in UTC
NOT_REPEATABLE = {"chance"}
"""Titles of queries whose answers differ from run to run."""
UNKNOWN_TO_SPARK = "QUALIFY"
"""Spark 4.1 has no QUALIFY (the core tries it on DuckDB); delete when the pinned Spark has it."""
SEEDS = (1, 2)


def prunable() -> list[Case]:
    return [
        case
        for case in cases("commute.sql")
        if case.title not in NOT_REPEATABLE
        and UNKNOWN_TO_SPARK not in case.sql
        and any("reaches" in line for line in case.expected)
    ]


def value(kind: str, chance: Random) -> Any:
    time = FIRST + timedelta(hours=12 * chance.randint(-2, 6))
    return {
        "bigint": chance.randint(1, 4),
        "string": chance.choice("ab"),
        "double": chance.choice([-1.0, 0.5, 2.0, 3.0]),
        "boolean": chance.choice([True, False]),
        "timestamp": chance.choice([None, time, time, time]),
        "date": date(2024, 1, chance.randint(1, 5)),
        "array<string>": [chance.choice("xyz") for _ in range(chance.randint(0, 2))],
        "array<timestamp>": [time],
        "struct<at:timestamp>": (time,),
    }[kind]


@pytest.fixture(scope="module")
def tables(spark: SparkSession) -> None:
    """Each table whole, once for every seed: `logs_1`, `logs_2` ..."""
    for seed in SEEDS:
        chance = Random(seed)
        for name, columns in COLUMNS.items():
            rows = [tuple(value(kind, chance) for kind in columns.values()) for _ in range(14)]
            schema = ", ".join(f"`{column}` {kind}" for column, kind in columns.items())
            frame = spark.createDataFrame(rows, schema).coalesce(1)
            frame.createOrReplaceTempView(f"{name}_{seed}")


def inside(frame: DataFrame, column: str) -> DataFrame:
    """Return the rows whose column, a time or a text, lies in a window of its type."""
    kind = frame.select(column).dtypes[0][1]
    first, end = (
        ("'a'", "'b'") if kind == "string" else (f"TIMESTAMP '{FIRST}'", f"TIMESTAMP '{END}'")
    )
    return frame.where(f"`{column}` >= {first} AND `{column}` < {end}")


def answer(spark: SparkSession, sql: str, column: str) -> Counter[str]:
    return Counter(map(repr, inside(spark.sql(sql), column).collect()))


def both(spark: SparkSession, case: Case, seed: int) -> tuple[str, str]:
    """Return the query over the whole tables, and over pruned ones where the window reaches."""
    analysis = analysed(case.sql)
    whole, pruned = [], []
    for index, verdict in reach(analysis, case.argument).items():
        reference = analysis.parsed.references[index]
        name = f"{reference.name.name.lower()}_{seed}"
        whole.append(Edit.replace(reference.span, name))
        if isinstance(verdict, Reaches):
            kept = inside(spark.table(name), verdict.table_column)
            name = f"pruned_{index}"
            kept.createOrReplaceTempView(name)
        pruned.append(Edit.replace(reference.span, name))
    return apply(case.sql, whole), apply(case.sql, pruned)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("case", prunable(), ids=str)
def test_a_pruned_read_is_the_unpruned_one(spark: SparkSession, case: Case) -> None:
    for seed in SEEDS:
        whole, pruned = both(spark, case, seed)
        assert whole != pruned
        assert answer(spark, whole, case.argument) == answer(spark, pruned, case.argument), pruned
