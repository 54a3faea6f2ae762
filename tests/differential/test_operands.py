"""Which types an operator takes: headwater's findings against Spark's analyser, pair by pair."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from tests.differential import engines
from tests.differential.engines import SparkError, told

from headwater.sql import validate

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from headwater.engines.spark import SparkEngine

pytestmark = [pytest.mark.slow, pytest.mark.spark]

COLUMNS = {
    "b": "boolean",
    "i": "int",
    "x": "double",
    "n": "decimal(10,2)",
    "s": "string",
    "y": "binary",
    "d": "date",
    "ts": "timestamp",
    "a": "array<int>",
    "a2": "array<string>",
    "m": "map<string,int>",
    "st": "struct<p:int>",
}
LITERALS = ("'5'", "5", "NULL", "INTERVAL 1 DAY")
OPERATORS = ("+", "-", "*", "div", "&", "||", "=", "AND", "LIKE")
PAIRS = {
    **{op: f"SELECT {{l}} {op} {{r}} AS v FROM t" for op in OPERATORS},
    "IN": "SELECT {l} IN ({r}) AS v FROM t",
    "BETWEEN": "SELECT {l} BETWEEN {r} AND {r} AS v FROM t",
    "CASE": "SELECT CASE WHEN b THEN {l} ELSE {r} END AS v FROM t",
    "CASE of": "SELECT CASE {l} WHEN {r} THEN 1 END AS v FROM t",
    "coalesce": "SELECT coalesce({l}, {r}) AS v FROM t",
    "if": "SELECT if(b, {l}, {r}) AS v FROM t",
    "UNION ALL": "SELECT {l} AS v FROM t UNION ALL SELECT {r} FROM t",
}
SINGLE = {
    "minus": "SELECT -{l} AS v FROM t",
    "~": "SELECT ~{l} AS v FROM t",
    "NOT": "SELECT NOT {l} AS v FROM t",
    "if": "SELECT if({l}, 1, 2) AS v FROM t",
    "WHERE": "SELECT i FROM t WHERE {l}",
    "ORDER BY": "SELECT i FROM t ORDER BY {l}",
    "DISTINCT": "SELECT DISTINCT {l} AS v FROM t",
    "OVER": "SELECT row_number() OVER (PARTITION BY {l} ORDER BY {l}) AS v FROM t",
}


@pytest.fixture(scope="module")
def table(spark_engine: SparkEngine) -> SparkSession:
    session = engines.reference(spark_engine)
    nulls = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in COLUMNS.items())
    session.sql(f"SELECT {nulls}").createOrReplaceTempView("t")
    return session


def resolved_by_spark(session: SparkSession, sql: str) -> bool:
    """Whether Spark's analyser types all of a query; ten times sooner than it raises an error."""
    state = session._jsparkSession.sessionState()
    analysed = state.analyzer().execute(state.sqlParser().parsePlan(sql))
    return bool(analysed.resolved())


def accepted_by_spark(session: SparkSession, sql: str) -> bool:
    try:
        with told():
            _ = session.sql(sql).schema
    except SparkError:
        return False
    return True


def findings(sql: str) -> list[str]:
    found = validate(sql, catalog={"db": {"t": COLUMNS}}, database="db")
    return [d.code for d in found.diagnostics if d.severity == "error"]


@pytest.mark.parametrize("operator", PAIRS)
def test_spark_refuses_what_is_refused(table: SparkSession, operator: str) -> None:
    wrong, refused = [], 0
    pairs = [*product(COLUMNS, COLUMNS), *product(COLUMNS, LITERALS), *product(LITERALS, COLUMNS)]
    for pair in pairs:
        sql = PAIRS[operator].format(l=pair[0], r=pair[1])
        found = findings(sql)
        refused += bool(found)
        if not {*found} <= {"operand-types", "not-a-condition", "argument-types"}:
            wrong.append(f"{sql}: {found}")
        elif found and resolved_by_spark(table, sql):
            wrong.append(f"Spark takes it: {sql}: {found}")
    assert not wrong, "\n".join(wrong)
    assert refused > 20, "the operator is hardly looked at"


@pytest.mark.parametrize("operator", SINGLE)
def test_single_operands(table: SparkSession, operator: str) -> None:
    for name in COLUMNS:
        sql = SINGLE[operator].format(l=name)
        assert accepted_by_spark(table, sql) == (not findings(sql)), sql


@pytest.mark.parametrize("operator", ["=", "IN", "CASE", "UNION ALL", "*"])
def test_what_spark_refuses_is_refused(table: SparkSession, operator: str) -> None:
    missed = []
    for pair in product(COLUMNS, COLUMNS):
        sql = PAIRS[operator].format(l=pair[0], r=pair[1])
        if not findings(sql) and {*pair} != {"a", "a2"} and not resolved_by_spark(table, sql):
            missed.append(sql)
    assert not missed, "\n".join(missed)
