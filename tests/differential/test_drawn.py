"""Every function of the table that the gate may admit, called with every type that Spark takes.

The lines `duckdb` of a row say what is admitted; here calls are drawn from the entry `takes`, which
says what Spark takes, so that a line that admits too much is seen.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import pytest
from tests.differential import drawn, engines
from tests.differential.cells import broken, judge
from tests.differential.comparison import difference

from headwater.errors import EngineError
from headwater.sql.functions.table import Function, functions
from headwater.sql.portable.raising import NOT_PORTABLE

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

CALLS = 8
COMPILED = [
    f
    for f in functions().values()
    if f.kind == "scalar" and f.forms and (f.equals or f.rule) and f.name not in drawn.BY_HAND
]


@pytest.mark.parametrize("function", COMPILED, ids=lambda f: f.name)
def test_drawn_calls_are_those_of_spark(
    function: Function, embedded: Embedded, spark: SparkSession
) -> None:
    texts = list(drawn.calls(function, random.Random(function.name), CALLS))
    verdicts = judge(texts, embedded, spark, "cells")
    admitted = [text for text, v in verdicts.items() if not v.refused]
    raising = sum(len(v.raising) for v in verdicts.values())
    sys.stdout.write(f"{function.name}: {len(texts)} calls, {len(admitted)} admitted,")
    sys.stdout.write(f" {len(admitted) * drawn.ROWS} cells, {raising} of them raise\n")
    assert not broken(verdicts)


def test_drawn_windows_are_those_of_spark(embedded: Embedded, spark: SparkSession) -> None:
    texts = list(drawn.over(random.Random(15), 160))
    verdicts = judge(texts, embedded, spark, "cells")
    admitted = [text for text, v in verdicts.items() if not v.refused]
    sys.stdout.write(f"{len(verdicts)} windows, {len(admitted)} admitted\n")
    assert not broken(verdicts)
    assert len(admitted) > 0.8 * len(verdicts)


GROUPED = [
    *(f"percentile_cont({p}) WITHIN GROUP (ORDER BY {c})" for p in (0, 0.3, 0.95, 1) for c in "ij"),
    *(f"percentile_disc({p}) WITHIN GROUP (ORDER BY {c} DESC)" for p in (0, 0.5, 1) for c in "ij"),
    *(f"percentile_approx({c}, {p})" for p in (0, 0.05, 0.5, 0.99, 1) for c in "ij"),
    "percentile_approx(i, 0.5, 1000)", "percentile_approx(i, 0.5, 20)", "mode(s)", "mode(h)",
    "try_sum(i)", "try_avg(j)", "max_by(s, k)", "size(collect_set(s))", "median(j)",
]  # fmt: skip
"""Aggregates over numbers i and j, texts s, a column h of few values and the key k."""


@pytest.mark.parametrize("call", GROUPED)
def test_groups_are_those_of_spark(call: str, embedded: Embedded, spark: SparkSession) -> None:
    columns = "g, k, sm_a AS i, CAST(in_a AS DOUBLE) / 8 AS j, st_a AS s, ti_a % 3 AS h"
    rows = f"(SELECT {columns} FROM cells) AS t"
    answered = 0
    for where in ["true", "i <> 0", "k < 60", "h = 1", "false", *(f"g = {n}" for n in range(9))]:
        for group in (" GROUP BY g", ""):
            sql = f"SELECT {call} AS v, count(*) AS n FROM {rows} WHERE {where}{group}"
            assert not embedded.refuses(sql), sql
            try:
                answer = embedded(sql)
            except EngineError as error:
                if error.code != NOT_PORTABLE:
                    raise
                continue
            assert difference(engines.on_spark(spark, sql), answer) is None, sql
            answered += 1
    assert answered > 4
