"""Every function of the table that the gate may admit, called with every type that Spark takes.

The lines `duckdb` of a row say what is admitted; here calls are drawn from the entry `takes`, which
says what Spark takes, so that a line that admits too much is seen.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING

import pytest
from tests.differential import drawn
from tests.differential.cells import broken, judge

from headwater.sql.functions.table import Function, functions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

CALLS = 24
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
