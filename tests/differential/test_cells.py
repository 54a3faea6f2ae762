"""Every entry of the gate's lists, over every edge: calls, casts, operators."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from tests.differential.cells import MADE_LONG, broken, judge

from headwater.sql.functions.table import functions
from headwater.sql.portable.constructs import Construct, constructs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from tests.differential.engines import Embedded

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

COLUMNS = {
    "string": ["s", "o"],
    "integer": ["t", "sm", "i", "b"],
    "narrow": ["t", "sm", "i"],
    "numeric": ["i", "b", "d", "dec"],
    "number": ["d", "e", "i", "dec"],
    "floating": ["f", "d", "e"],
    "temporal": ["da", "ts", "ntz", "tz"],
    "scalar": ["i", "s"],
    "any": ["i", "s", "ai", "m", "st", "ts"],
    "boolean": ["bo"],
    "tinyint": ["t"],
    "smallint": ["sm"],
    "int": ["i"],
    "bigint": ["b"],
    "double": ["d", "e"],
    "decimal": ["dec", "wide"],
    "date": ["da"],
    "timestamp": ["ts", "tz"],
    "timestamp_ntz": ["ntz"],
    "array": ["ai", "`as`", "ad"],
    "map": ["m"],
    "binary": ["CAST(s AS BINARY)"],
    "text": ["'a'", "'xy'", "''", "'é'"],
    "text+": ["'a'", "','", "'é'"],
    "#": ["3"],
    "#+": ["1", "3"],
    "#0+": ["0", "2"],
    "#0-6": ["0", "1", "2", "3", "4", "5", "6"],
    "true": ["true"],
    "false": ["false"],
    "array<exact>": ["ai", "`as`"],
    "array<string>": ["`as`"],
    "array<integer>": ["ai"],
    "array<double>": ["ad"],
    "array<array>": ["aa"],
    "map<string>": ["m"],
    "map<exact>": ["m"],
}
INNER = {"ai": "1", "`as`": "'b'", "ad": "1.5D", "m": "'k'"}
SCALARS = ["bo", "t", "sm", "i", "b", "f", "d", "dec", "wide", "s", "da", "ts", "ntz"]
TARGETS = ["boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)",
           "decimal(18,4)", "decimal(38,10)", "string", "date", "timestamp", "timestamp_ntz",
           "binary"]  # fmt: skip
COMPARISONS = ["=", "<>", "<", "<=", ">", ">=", "<=>"]
ARITHMETIC = ["+", "-", "*", "/", "%", "DIV"]


def calls(row: Construct) -> list[str]:
    """Return calls that a row of the table is about."""
    patterns = [p.removesuffix("...") for p in row.args]
    if row.args and row.args[-1].endswith("..."):
        patterns.append(patterns[-1])
    long = row.name in MADE_LONG
    choices = [["t"] if long and p == "int" else _choices(p) for p in patterns]
    found = []
    for chosen in itertools.islice(itertools.product(*choices), 12):
        made = list(chosen)
        for position, pattern in enumerate(patterns):
            if pattern in ("=0", "key"):
                made[position] = INNER.get(made[0], "NULL")
            if pattern == "same":
                made[position] = made[0]
        found.append(f"{row.name}({', '.join(made)})")
    return found


def _choices(pattern: str) -> list[str]:
    if pattern.startswith("'"):
        return pattern.split("|")
    if pattern.startswith("#") and pattern not in COLUMNS:
        return [pattern[1:]]
    return ["?"] if pattern in ("=0", "key", "same") else COLUMNS[pattern]


EXACT = [f.name for f in functions().values() if f.equals and not f.entry("equal")]
"""Those that answer to the bit; `test_tolerance.py` has the others."""


@pytest.mark.parametrize("name", EXACT)
def test_calls_of_the_table_are_those_of_spark(
    name: str, embedded: Embedded, spark: SparkSession
) -> None:
    for row in constructs(name):
        verdicts = judge(calls(row), embedded, spark)
        assert not broken(verdicts)
        assert any(not v.refused for v in verdicts.values()), f"no call of {row} is admitted"
        if row.raises is None:
            assert not any(v.raising for v in verdicts.values()), f"{row} raises unsaid"


@pytest.mark.parametrize("source", [*SCALARS, "e", "num", "day", "bool", "tz"])
def test_casts_are_those_of_spark(source: str, embedded: Embedded, spark: SparkSession) -> None:
    texts = [f"{word}({source} AS {target})" for target in TARGETS for word in ("CAST", "TRY_CAST")]
    assert not broken(judge(texts, embedded, spark))


@pytest.mark.parametrize("left", SCALARS)
def test_comparisons_are_those_of_spark(left: str, embedded: Embedded, spark: SparkSession) -> None:
    texts = [f"{left} {operator} {right}" for right in SCALARS for operator in COMPARISONS]
    assert not broken(judge(texts, embedded, spark))


@pytest.mark.parametrize("left", ["t", "sm", "i", "b", "f", "d", "dec", "wide", "e"])
def test_arithmetic_is_that_of_spark(left: str, embedded: Embedded, spark: SparkSession) -> None:
    others = ["t", "i", "b", "f", "d", "dec", "wide", "2", "0.5", "100L", "0", "-1", "1.5D"]
    texts = [f"{left} {operator} {right}" for right in others for operator in ARITHMETIC]
    assert not broken(judge([*texts, f"-{left}"], embedded, spark))
