"""What `validate` says of calls, against Spark's analyser: numbers, types and values of arguments.

The table of functions was asked from Spark with some sample types; here other types stand in the
same places, in thousands of calls that are made by chance.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import pytest
from tests.differential import engines
from tests.differential.ask_functions import Analyser, written

from headwater.sql import validate
from headwater.sql.functions.arguments import accepts
from headwater.sql.functions.table import LAMBDA, UNIT, Function, functions
from headwater.types import DataType
from headwater.types.text import parse_type

if TYPE_CHECKING:
    from headwater.engines.spark import SparkEngine

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1200)]

TYPES = [
    "boolean",
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "float",
    "double",
    "decimal(5,5)",
    "decimal(10,0)",
    "decimal(38,10)",
    "decimal(38,0)",
    "string",
    "binary",
    "date",
    "timestamp",
    "timestamp_ntz",
    "array<tinyint>",
    "array<smallint>",
    "array<int>",
    "array<bigint>",
    "array<double>",
    "array<decimal(20,4)>",
    "array<string>",
    "array<boolean>",
    "array<date>",
    "array<timestamp>",
    "array<timestamp_ntz>",
    "array<array<string>>",
    "array<array<double>>",
    "array<map<string,double>>",
    "map<string,double>",
    "map<string,string>",
    "map<int,int>",
    "map<date,string>",
    "map<string,array<int>>",
    "struct<a:int>",
    "struct<a:int,b:string>",
    "struct<x:double,y:array<int>>",
    "array<struct<k:string,v:double>>",
    "array<struct<a:int,b:int,c:int>>",
    "struct<m:map<string,int>>",
]
COLUMNS = {f"k{number}": text for number, text in enumerate(TYPES)}
ORDER_BY = next(iter(COLUMNS))
LITERALS = {
    "NULL": "void", "1": "int", "-3": "int", "2.5": "decimal(2,1)", "'5'": "string",
    "'a b'": "string", "true": "boolean", "7L": "bigint", "1.5D": "double", "X'3132'": "binary",
    "DATE '2024-01-31'": "date", "TIMESTAMP '2024-01-31 10:00:00'": "timestamp",
    "array()": "array<void>", "array(1, 2)": "array<int>", "map('a', 1)": "map<string,int>",
    "INTERVAL 1 DAY": "interval day", "INTERVAL '2-1' YEAR TO MONTH": "interval year to month",
}  # fmt: skip
CODES = {"argument-count", "argument-types", "argument-value"}
CALLS_OF_EACH = 16
MISSED_AT_MOST = 0.06
"""Share of the calls that Spark refuses and `validate` passes: of values, types not asked for."""

NOT_ASKED = {
    *("window", "session_window", "window_time", "grouping", "grouping_id", "extract", "position"),
}
"""Functions of a syntax of their own; sqlglot forgets a fourth argument of `position`."""
ZONES = ("convert_timezone", "from_utc_timestamp", "to_utc_timestamp", "make_timestamp")
"""Functions that fail in the first row that they read, where their time zone is unknown."""


@pytest.fixture(scope="module")
def analyser(spark_engine: SparkEngine) -> Iterator[Analyser]:
    import py4j.java_gateway

    kept = py4j.java_gateway.get_return_value
    session = engines.reference(spark_engine)
    found = Analyser(session)
    nulls = ", ".join(f"CAST(NULL AS {text}) AS {name}" for name, text in COLUMNS.items())
    session.sql(f"SELECT {nulls}").createOrReplaceTempView("samples")
    yield found
    py4j.java_gateway.get_return_value = kept


def refused(expression: str) -> set[str]:
    """Return the codes with which `validate` refuses an expression over the columns."""
    sql = f"SELECT {expression} AS v FROM samples"
    found = validate(sql, catalog={"db": {"samples": COLUMNS}}, database="db")
    return {d.code for d in found.diagnostics if d.severity == "error"}


def calls(function: Function, chance: random.Random) -> Iterator[list[str]]:
    """Yield arguments: half of them of types that the table says are taken."""
    pool: dict[str, DataType] = {
        text: parse_type(type_) for text, type_ in {**COLUMNS, **LITERALS}.items()
    }
    for number in range(CALLS_OF_EACH):
        form = chance.choice(function.forms)
        count = chance.randint(form.needed, len(form.parameters) + 2 * bool(form.repeated))
        if not form.fits(count):
            continue
        arguments = []
        for place in range(count):
            parameter = form.parameter(place)
            if LAMBDA in parameter.takes:
                arguments.append("")
                continue
            fitting = [
                text
                for text, type_ in pool.items()
                if UNIT in parameter.takes or accepts(parameter.takes, type_)
                if not (parameter.only_constant and text in COLUMNS)
            ]
            other = number % 2 and chance.random() < 0.4
            arguments.append(chance.choice(list(pool) if other or not fitting else fitting))
        if "" not in arguments:
            yield arguments


@pytest.mark.parametrize("seed", [1])
def test_generated_calls(
    seed: int, analyser: Analyser, record_testsuite_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(seed)
    asked: dict[str, bool] = {}
    for function in functions().values():
        if function.kind == "table" or not function.forms or function.name in NOT_ASKED:
            continue
        texts = list(dict.fromkeys(written(function, a, ORDER_BY) for a in calls(function, chance)))
        alone = function.kind == "generator"
        asked.update(zip(texts, analyser.takes(texts, alone=alone), strict=True))
    found = {text: refused(text) for text in asked}
    wrongly = {
        t: found[t]
        for t, takes in asked.items()
        if takes and found[t] & (CODES - {"argument-value" if t.startswith(ZONES) else ""})
    }
    missed = [t for t, takes in asked.items() if not takes and not found[t]]
    no = sum(not takes for takes in asked.values())
    shares = (
        f"{len(asked)} calls: Spark takes {len(asked) - no}, of which {len(wrongly)} are refused;"
        f" it refuses {no}, of which {len(missed)} pass"
    )
    record_testsuite_property("calls", shares)
    sys.stdout.write(f"{shares}\n" + "\n".join(missed[:400]) + "\n")
    assert not wrongly, "\n".join(f"{t}: {codes}" for t, codes in wrongly.items())
    assert len(asked) > 3_000
    assert no > 500
    assert len(missed) <= MISSED_AT_MOST * no, "\n".join(missed)


def test_numbers_of_arguments(analyser: Analyser) -> None:
    """With as many NULLs as may be: what has another number is refused, and nothing else is."""
    wrong = []
    for function in functions().values():
        if not function.forms or function.kind == "table" or function.name in NOT_ASKED:
            continue
        for count in range(9):
            text = written(function, ["NULL"] * count, ORDER_BY)
            condition = analyser.condition(text) or ""
            ours = refused(text)
            if "argument-count" in ours and not condition:
                wrong.append(f"Spark takes {text}")
            if condition.startswith("WRONG_NUM_ARGS.WITH") and not ours:
                wrong.append(f"Spark does not take {text}")
    assert not wrong, "\n".join(wrong)


VALUES: Mapping[str, Sequence[str]] = {
    "INTERVAL '{}' DAY": ("1", "x", "1.5", " 1 ", "-1", "", "1 day", "1e1"),
    "INTERVAL '{}' SECOND": ("1", "x", "1.5", "+1"),
    "INTERVAL '{}' YEAR TO MONTH": ("1-1", "1", "1-12", "-1-1", "a-b"),
    "INTERVAL '{}' DAY TO SECOND": ("1 1:1:1", "1 01:01:01.5", "1", "1 25:00:00"),
    "INTERVAL '{}' HOUR TO SECOND": ("1:1:1", "25:00:00", "1:61:00"),
    "INTERVAL '{}'": ("1 day 2 hours", "1 day2 hours", "interval 1 day", "1", "1.5 seconds"),
    "TIMESTAMP '2024-01-01 00:00:00 {}'": (
        *("UTC", "utc", "Mars/Phobos", "Europe/Berlin", "EST", "Z", "GMT+1", "+02:00", "+19:00"),
    ),
    "k18 = {}": ("array(1)", "array(1L)", "array('a')", "array(1.5)", "array(1D)", "array(NULL)"),
    "struct(1) = {}": ("struct(2)", "struct('a')", "struct(1.5)", "struct(1L)", "struct(1, 2)"),
    "k18 IN ({})": ("array(1)", "array('a')", "array(1.5)"),
    "date_part('{}', k14)": [
        "year",
        "YEARS",
        "qtr",
        "week",
        "d",
        "dow",
        "doy",
        "hour",
        "hrs",
        "m",
        "s",
        "seconds",
        "foo",
        "day_of_week",
        "epoch",
        "century",
        "msec",
        "us",
    ],
    "to_number('1', '{}')": [
        "999",
        "99.9",
        "S999",
        "999S",
        "MI999",
        "999MI",
        "$999",
        "999$",
        "999PR",
        "9,999",
        "9G999",
        "9D9",
        ".99",
        "99.",
        "S$99",
        "xx",
        "9x",
        "B9",
        "V9",
        "S",
        "$",
        "L99",
    ],
    "percentile(k6, {})": ("0", "1", "0.5", "1.5", "-0.1", "array(0.1, 0.9)", "array(0.1, 9)"),
    "percentile_approx(k6, 0.5, {})": ("1", "100", "0", "-1"),
    "ntile({}) OVER (ORDER BY k3)": ("1", "0", "-1"),
    "nth_value(k3, {}) OVER (ORDER BY k3)": ("1", "2", "0", "-1"),
    "timestampadd({}, 1, k14)": [
        "YEAR",
        "QUARTER",
        "MONTH",
        "WEEK",
        "DAY",
        "DAYOFYEAR",
        "HOUR",
        "MINUTE",
        "SECOND",
        "MILLISECOND",
        "MICROSECOND",
        "FOO",
        "DAYS",
        "NANOSECOND",
    ],
}


@pytest.mark.parametrize("call", VALUES)
def test_values(call: str, analyser: Analyser) -> None:
    for value in VALUES[call]:
        text = call.format(value)
        assert bool(refused(text)) == (analyser.condition(text) is not None), text
