"""Every kind of table, read to the exact rows or refused with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugins.glue.tests.every_kind import COLUMNS, EXPECTED, READABLE, REFUSED, seed

from headwater.errors import HeadwaterError
from headwater.tables.table import Table, TableName
from headwater.workspace.workspace import Workspace
from headwater_aws.testing import Emulator
from headwater_glue.source import GlueDataSource
from headwater_glue.testing import GlueLake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GlueLake]:
    with Emulator() as aws:
        filled = GlueLake(aws)
        seed(filled, Path(tmp_path_factory.mktemp("lakes")))
        yield filled


def where(name: str) -> str:
    return f"eu.{name}" if name == "linked_database" else name


@pytest.fixture(scope="module")
def source(lake: GlueLake) -> GlueDataSource:
    return lake.source(table="t", databases=["eu"])


def query_of(name: str) -> str:
    """Return a query whose rows are `EXPECTED`."""
    columns = ", ".join(COLUMNS)
    if name == "hive_csv":  # OpenCSVSerde gives texts, whatever the table declares
        columns = "id, CAST(nullif(n, '') AS int) AS n, CAST(nullif(score, '') AS double) AS score"
    return f"SELECT {columns} FROM {where(name)}"


def rows(source: Any, query: str, engine: str = "embedded") -> list[tuple[Any, ...]]:
    with Workspace() as workspace:
        found = workspace.sql(query, source=source, engine=engine).to_arrow()
    return sorted((tuple(r.values()) for r in found.to_pylist()), key=lambda r: str(r[0]))


def described(source: GlueDataSource, name: str) -> Table:
    database, _, bare = where(name).rpartition(".")
    with source.access() as access:
        return source.catalog(access).table(TableName(database or "ml", bare))


@pytest.mark.parametrize("name", READABLE)
def test_its_rows_are_exactly_those_that_were_written(source: GlueDataSource, name: str) -> None:
    assert rows(source, query_of(name)) == EXPECTED


@pytest.mark.parametrize(("name", "kind"), READABLE.items())
def test_it_is_told_what_it_is(source: GlueDataSource, name: str, kind: str) -> None:
    table = described(source, name)
    assert table.kind == kind
    assert table.unqueryable is None


@pytest.mark.parametrize(("name", "says"), REFUSED.items())
def test_what_cannot_be_read_says_why(source: GlueDataSource, name: str, says: str) -> None:
    with pytest.raises(HeadwaterError) as caught:
        rows(source, f"SELECT * FROM {name}")
    assert says in str(caught.value).lower() or says in str(caught.value)


def test_all_of_them_are_listed(source: GlueDataSource) -> None:
    with source.access() as access:
        listed = set(source.catalog(access).tables("ml"))
    assert listed == ({*READABLE, *REFUSED} - {"linked_database"})


def test_odd_partition_values_come_out_as_they_are(source: GlueDataSource) -> None:
    found = rows(source, "SELECT id, place, day FROM hive_partitioned")
    assert [(r[0], r[1], str(r[2])) for r in found] == [
        ("a", "a/b c%", "2026-01-01"),
        ("b", None, "2026-01-02"),
        ("c", "\u00e9t\u00e9 'x'", "2026-01-02"),
    ]


def test_a_spark_table_keeps_the_case_of_its_names(source: GlueDataSource) -> None:
    table = described(source, "spark_json")
    assert [c.name for c in table.columns] == ["Id", "N", "Score"]
