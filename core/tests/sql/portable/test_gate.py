"""What the gate refuses, and what it says; and what the compiler makes of what it admits."""

from __future__ import annotations

from pathlib import Path

import pytest

from headwater.diagnostics import Severity
from headwater.sql import portable
from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

COLUMNS = {
    "id": "string",
    "ts": "timestamp",
    "i": "int",
    "b": "bigint",
    "d": "double",
    "f": "float",
    "dec": "decimal(10,2)",
    "s": "string",
    "o": "boolean",
    "day": "date",
    "a": "array<int>",
    "st": "struct<x:int,y:double>",
    "m": "map<string,double>",
}
PADDED = {"c3": "char(3)", "c5": "char(5)", "s": "string"}
FIXTURES = Path(__file__).parent / "fixtures"


def analysed(sql: str) -> Analysis:
    known = {}
    for name, listed in {"t": COLUMNS, "u": COLUMNS, "padded": PADDED}.items():
        table = TableName("hw", name)
        known[table] = Table(table, tuple(Column(n, parse_type(x)) for n, x in listed.items()))
    return bind(parse(sql, database="hw"), known)


def cases(name: str) -> list[tuple[str, str]]:
    """Return the pairs of a fixture file: what stands above `=>`, and below it."""
    text = (FIXTURES / name).read_text(encoding="utf-8")
    parts = [p.strip() for p in text.split("\n---\n") if p.strip()]
    return [(a.strip(), b.strip()) for a, _, b in (p.partition("\n=>\n") for p in parts)]


@pytest.mark.parametrize(("sql", "expected"), cases("compiled.sql"))
def test_compiled(sql: str, expected: str) -> None:
    analysis = analysed(sql)
    assert analysis.ok, analysis.diagnostics
    assert portable.refusals(analysis) == ()
    assert portable.compile(analysis, lambda table: f'"{table.name}"') == expected


def test_a_refusal_says_how_to_get_spark() -> None:
    (found,) = portable.refusals(analysed("SELECT stddev(d) FROM t"))
    assert found.code == "not-portable"
    assert found.severity is Severity.ERROR
    assert "pip install headwater[spark]" in (found.hint or "")
    assert "^^^^^^^^" in found.render()


def test_what_is_refused_is_not_compiled() -> None:
    with pytest.raises(ValueError, match="not in the portable subset: stddev"):
        portable.compile(analysed("SELECT stddev(d) FROM t"), str)


HALVES = [
    r"SELECT '\ud800' AS a FROM t",
    r"SELECT '\ud83d\ude00' AS a FROM t",
    r"SELECT id FROM t WHERE s LIKE '\U0000D800'",
    r"SELECT named_struct('\ud800', 1) AS a FROM t",
    r"SELECT named_struct('\000', 1) AS a FROM t",
    r"SELECT map('\udfff', 1) AS a FROM t",
]


@pytest.mark.parametrize("sql", HALVES)
def test_texts_that_duckdb_can_not_be_given_are_refused(sql: str) -> None:
    found = portable.refusals(analysed(sql))
    assert [d.code for d in found] == ["not-portable"]
    assert "character" in found[0].message


@pytest.mark.parametrize(
    ("divisor", "guarded"),
    [
        ("b", True),
        ("(b % 5)", True),  # from -4 to 4
        ("length(s)", True),  # from 0
        ("nullif(b, 5)", True),
        ("nullif(b, 0)", False),
        ("7", False),
    ],
)
def test_only_a_divisor_that_may_be_zero_is_guarded(divisor: str, guarded: bool) -> None:
    text = portable.compile(analysed(f"SELECT 1 % {divisor} AS v FROM t"), lambda t: t.name)
    assert ("DIVIDE_BY_ZERO" in text) is guarded


@pytest.mark.parametrize(
    ("condition", "guarded"), [("d <= 0", False), ("d > 1 OR 0 >= d", False), ("d < 0", True)]
)
def test_what_is_no_case_says_what_a_divisor_is_not(condition: str, guarded: bool) -> None:
    sql = f"SELECT CASE WHEN {condition} THEN 0D ELSE 1 / d END AS v FROM t"
    text = portable.compile(analysed(sql), lambda t: t.name)
    assert ("DIVIDE_BY_ZERO" in text) is guarded


def test_a_place_0_is_none_of_those_that_raise_nothing() -> None:
    text = portable.compile(analysed("SELECT slice(a, 0, 2) AS v FROM t"), lambda t: t.name)
    assert "INVALID_PARAMETER_VALUE.START" in text


@pytest.mark.parametrize(("digits", "guarded"), [(19, False), (20, True)])
def test_only_a_product_beyond_38_digits_is_guarded(digits: int, guarded: bool) -> None:
    factors = f"CAST(d AS DECIMAL(19,2)) * CAST(d AS DECIMAL({digits},2))"
    text = portable.compile(analysed(f"SELECT {factors} AS v FROM t"), lambda t: t.name)
    assert ("a product of decimals beyond 38 digits" in text) is guarded


@pytest.mark.parametrize("name", ["", " AS x"])
def test_a_part_of_a_value_is_no_filter(name: str) -> None:
    found = portable.refusals(analysed(f"SELECT o OR i IN (SELECT i FROM u){name} FROM t"))
    assert any("IN (SELECT ...) beyond a plain WHERE" in d.message for d in found)
