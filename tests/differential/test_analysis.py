"""What headwater says of a query without running it, against Spark's own parser and analyser."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from core.tests.sql.cases import FIXTURES, Case, cases
from tests.differential import engines
from tests.differential.engines import SparkError, told
from tests.differential.mutations import texts
from tests.differential.queries import load

from headwater.sql import validate
from headwater.sql.parser import parse
from headwater.tables.relation import FileRelation

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from headwater.engines.spark import SparkEngine

DATABASE = "lake"
CATALOG: dict[str, dict[str, dict[str, str]]] = json.loads(
    (FIXTURES / "tables.json").read_text(encoding="utf-8")
)
FUZZED = 1_000
NUMBERS = (
    *("128Y", "127Y", "40000S", "9223372036854775808L", "1.5L", "1e3L", "1e400", "1e-400D"),
    *("1e39F", "1e38BD", "1e20BD", "9" * 38, "9" * 39, ".5F"),
)
_RELATION = re.compile(r"'UnresolvedRelation \[([^\]]+)\]")
_CTE = re.compile(r"\bCTE \[([^\]]*)\]")

NEWER_THAN_SPARK = {"QUALIFY"}
"""Words that the guard admits and the pinned Spark does not know yet."""


@pytest.fixture(scope="module")
def lake(
    spark_engine: SparkEngine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SparkSession]:
    """A session in whose catalog the fixtures' tables are, all of them empty."""
    session = engines.reference(spark_engine)
    folder = tmp_path_factory.mktemp("lake")
    for database, tables in CATALOG.items():
        session.sql(f"CREATE DATABASE `{database}` LOCATION 'file://{folder}/{database}'")
        for table, columns in tables.items():
            listed = ", ".join(f"`{name}` {type_}" for name, type_ in columns.items())
            session.sql(f"CREATE TABLE `{database}`.`{table}` ({listed}) USING parquet")
    session.sql(f"USE `{DATABASE}`")
    yield session
    for database in CATALOG:
        session.sql(f"DROP DATABASE `{database}` CASCADE")
    session.sql("USE default")


def analysed(session: SparkSession, sql: str) -> list[tuple[str, str]] | str:
    """Return the names and types that Spark gives to a query's columns, or its refusal."""
    try:
        with told():
            return [(f.name, f.dataType.simpleString()) for f in session.sql(sql).schema]
    except SparkError as error:
        return str(error)


def agree(sql: str, catalog: dict[str, dict[str, dict[str, str]]], session: SparkSession) -> None:
    """Fail unless headwater's names and types of a query's columns are Spark's."""
    found = validate(sql, catalog=catalog, database=next(iter(catalog)))
    expected = analysed(session, sql)
    if isinstance(expected, str):
        newer = any(word in sql.upper() for word in NEWER_THAN_SPARK)
        assert not found.ok or newer, f"Spark refuses it: {expected}"
        return
    assert found.ok, found.render()
    assert [c.name for c in found.columns] == [name for name, _ in expected]
    for (_, ours), (name, theirs) in zip(found.columns, expected, strict=True):
        assert ours in (theirs, "unknown"), name


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("case", cases("everyday.sql"), ids=str)
def test_columns_of_everyday_queries_are_those_of_spark(case: Case, lake: SparkSession) -> None:
    agree(case.sql, CATALOG, lake)


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["corpus.sql", "monitoring.sql"])
def test_columns_of_the_corpus_are_those_of_spark(
    name: str, relations: dict[str, FileRelation], spark: SparkSession
) -> None:
    tables = {n: {c.name: str(c.type) for c in r.columns} for n, r in relations.items()}
    wrong = []
    for title, sql in load(name).items():
        try:
            agree(sql, {"db": tables}, spark)
        except AssertionError as error:
            wrong.append(f"{title}: {str(error)[:400]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("before", ["", "-", "1 -", "1 * -"])
def test_a_number_is_one_where_it_is_one_to_spark(
    before: str, number: str, lake: SparkSession
) -> None:
    agree(f"SELECT {before}{number} AS v", CATALOG, lake)


def test_no_text_crashes_the_guard() -> None:
    admitted = 0
    for sql in texts(seed=1, count=300):
        parsed = parse(sql, database=DATABASE)
        admitted += parsed.ok
        assert parsed.ok or all(d.message for d in parsed.diagnostics)
        validate(sql, catalog=CATALOG, database=DATABASE)
    assert admitted >= 30, "too few texts are admitted for the test to say much"


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.timeout(900)
def test_what_the_guard_admits_is_one_query_over_the_tables_that_it_names(
    spark: SparkSession, record_testsuite_property: Callable[[str, object], None]
) -> None:
    parser = spark._jsparkSession.sessionState().sqlParser()
    parsed_by_spark = admitted = 0
    wrong = []
    for sql in texts(seed=2, count=FUZZED):
        plan = _plan(parser, sql)
        parsed_by_spark += plan is not None
        parsed = parse(sql, database=DATABASE)
        found = validate(sql, catalog=CATALOG, database=DATABASE)
        if not parsed.ok or any(word in sql.upper() for word in NEWER_THAN_SPARK):
            continue
        admitted += 1
        if not found.ok:
            continue  # what names nothing that exists is never run
        if plan is None:
            wrong.append(f"Spark does not parse it:\n{sql}")
            continue
        ours = {(t.database.lower(), t.name.lower()) for t in parsed.table_names}
        theirs = {_name(m[1]) for m in _RELATION.finditer(plan)}
        ctes = {(DATABASE, n.strip().lower()) for m in _CTE.finditer(plan) for n in m[1].split(",")}
        if not (ours <= theirs and theirs - ours <= ctes):
            wrong.append(f"Spark reads {theirs - ctes}, headwater says {ours}:\n{sql}")
    shares = f"{FUZZED} texts: Spark parses {parsed_by_spark}, the guard admits {admitted}"
    record_testsuite_property("fuzzed", shares)
    sys.stdout.write(f"{shares}\n")
    assert parsed_by_spark >= 0.4 * FUZZED
    assert admitted >= 0.1 * FUZZED
    assert not wrong, "\n\n".join(wrong[:20])


def _plan(parser: object, sql: str) -> str | None:
    try:
        with told():
            return str(parser.parsePlan(sql).toString())  # type: ignore[attr-defined]
    except SparkError:
        return None


def _name(parts: str) -> tuple[str, str]:
    *database, table = (p.strip().strip("`").lower() for p in parts.split(","))
    return (database[-1] if database else DATABASE), table
