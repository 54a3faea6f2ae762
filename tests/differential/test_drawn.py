"""Every function of the table that the gate may admit, called with every type that Spark takes.

The lines `duckdb` of a row say what is admitted; here calls are drawn from the entry `takes`, which
says what Spark takes, so that a line that admits too much is seen.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.differential import drawn, engines
from tests.differential.cells import MADE_LONG, broken, judge
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
TOGETHER = [COMPILED[start : start + 8] for start in range(0, len(COMPILED), 8)]
"""Functions whose calls go to Spark together: most of a small query is its compilation."""


def _calls(function: Function) -> list[str]:
    texts = drawn.calls(function, random.Random(function.name), CALLS)
    # The largest int as a length is a text of 2 GB for each row.
    texts = (x for x in texts if function.name not in MADE_LONG or not re.search("in_|bi_", x))
    # The engines are asked for the time one after the other.
    return [x for x in texts if not function.may_vary(0) or not x.endswith("()")]


@pytest.mark.parametrize("some", TOGETHER, ids=lambda some: f"{some[0].name}-{some[-1].name}")
def test_drawn_calls_are_those_of_spark(
    some: list[Function], embedded: Embedded, spark: SparkSession
) -> None:
    texts = [text for f in some for text in _calls(f)]
    verdicts = judge(texts, embedded, spark, "cells", strict=False)
    admitted = [text for text, v in verdicts.items() if not v.refused]
    raising = sum(len(v.raising) for v in verdicts.values())
    sys.stdout.write(f"{len(some)} functions: {len(texts)} calls, {len(admitted)} admitted,")
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
    *(f"approx_count_distinct({c})" for c in "ijskqth"), "approx_count_distinct(s, 0.05)",
    "approx_count_distinct(k, 0.02)", "approx_count_distinct(s, 0.1)",
    "approx_count_distinct(k % 7) FILTER (WHERE h = 1)", "avg(DISTINCT i)", "avg(DISTINCT j)",
    "bit_and(i)", "bit_or(i)", "bit_xor(k)", "first(h)", "last(h, true)", "first_value(h)",
    "percentile(q, 0.3)", "median(q)", "percentile(i, 0.9) FILTER (WHERE h = 1)",
    "percentile_cont(0.4) WITHIN GROUP (ORDER BY q DESC)", "max_by(s, CAST(k AS DOUBLE) / 7)",
    "percentile_disc(0.4) WITHIN GROUP (ORDER BY q)", "min_by(k, k / 3)",
    "mode() WITHIN GROUP (ORDER BY s)", "mode() WITHIN GROUP (ORDER BY q DESC)",
    "mode(h) FILTER (WHERE i > 0)", "percentile_approx(k, 0.5) FILTER (WHERE h = 1)",
    "median(x)", "percentile_disc(0.3) WITHIN GROUP (ORDER BY x)", "percentile_approx(x, 0.9)",
    "sort_array(collect_list(j), false)", "array_max(collect_list(CAST(x AS DOUBLE)))",
    "regr_count(i, j)", "regr_avgx(j, k)", "regr_avgy(j, k)",
    "CAST(sum(t - u) AS BIGINT)", "CAST(avg(t - u) AS INT)",
    "CAST(avg(make_ym_interval(0, i)) AS INT)", "CAST(max(t - u) AS BIGINT)",
]  # fmt: skip
"""Aggregates over numbers i, j, q and x, texts s, few values h, times t and u, and the key k."""


LISTED = [
    "listagg(s, ',') WITHIN GROUP (ORDER BY s)", "string_agg(i) WITHIN GROUP (ORDER BY i DESC)",
    "listagg(s, '; ') WITHIN GROUP (ORDER BY h, k DESC)",
]  # fmt: skip
LISTED_ONCE = ["listagg(DISTINCT s, '|') WITHIN GROUP (ORDER BY s DESC)"]
"""Spark 4.1 breaks off where these stand beside aggregates of DISTINCT values."""

ROWS = ["true", "i <> 0", "k < 60", "h = 1", "false", *(f"g = {n}" for n in range(9))]


@pytest.mark.parametrize("calls", [GROUPED, LISTED, LISTED_ONCE], ids=["all", "lists", "once"])
@pytest.mark.parametrize("group", ["", " GROUP BY g"])
def test_groups_are_those_of_spark(
    group: str, calls: list[str], embedded: Embedded, spark: SparkSession
) -> None:
    columns = "g, k, sm_a AS i, CAST(in_a AS DOUBLE) / 8 AS j, st_a AS s, ti_a % 3 AS h, "
    columns += "de_a AS q, ts_a AS t, ts_b AS u, fl_a AS x"
    every = ", ".join(f"{call} AS v{n}" for n, call in enumerate(calls))
    answered = Counter[str]()
    for where in ROWS if calls is GROUPED else ROWS[:5]:
        rest = f"count(*) AS n FROM (SELECT {columns} FROM cells) AS t WHERE {where}{group}"
        reference = engines.on_spark(spark, f"SELECT {every}, {rest}")
        for n, call in enumerate(calls):
            sql = f"SELECT {call} AS v{n}, {rest}"
            assert not embedded.refuses(sql), sql
            try:
                answer = embedded(sql)
            except EngineError as error:
                if error.code != NOT_PORTABLE:
                    raise
                continue
            assert difference(reference.select([f"v{n}", "n"]), answer) is None, sql
            answered[call] += 1
    assert min(answered[call] for call in calls) > 2, answered
