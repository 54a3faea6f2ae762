"""Functions with rules of their own, argument by argument, over rows full of edges.

What one expression equals is in the table of functions, and `test_cells` makes calls of it. A rule
reads patterns, formats and other constants: here stand the calls, and what is refused of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.differential.cells import broken, judge

from headwater.sql.functions.table import functions

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

CALLS: dict[tuple[str, str], list[str]] = {
    ("upper", "characters"): ["upper(s)", "ucase(s)", "upper(lower(s))"],
    ("upper", "edges"): ["upper(s)", "upper(i)", "upper(bo)", "upper(upper(s))", "upper(NULL)"],
    ("lower", "characters"): ["lower(s)", "lcase(s)", "lower(upper(s))"],
    ("lower", "edges"): ["lower(s)", "lower(b)", "lower(da)", "lower(trim(s))"],
    ("initcap", "characters"): ["initcap(s)", "initcap(concat('x', s))", "initcap(lower(s))"],
    ("initcap", "edges"): ["initcap(s)", "initcap(i)"],
}
"""Calls, by the function and the table whose columns they name."""


@pytest.mark.parametrize(("name", "table"), CALLS)
def test_calls_by_rules_are_those_of_spark(
    name: str, table: str, embedded: Embedded, spark: SparkSession
) -> None:
    assert functions()[name].rule, f"{name} has no rule"
    verdicts = judge(CALLS[name, table], embedded, spark, table)
    assert not broken(verdicts)
    assert not [text for text, v in verdicts.items() if v.refused]
