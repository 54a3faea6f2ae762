"""Athena's views as Spark SQL: each construct carried over or refused, and rows to prove it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plugins.glue.tests.query.athena_tables import TABLES, lookup
from plugins.glue.tests.registered import athena_view, stored

from headwater.errors import QueryError
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, TableName
from headwater.types import BIGINT, INT, STRING
from headwater.workspace.workspace import Workspace
from headwater_glue.query.athena.constructs import constructs
from headwater_glue.query.athena.queries import Queries
from headwater_glue.query.athena.reading import parse_trino
from headwater_glue.query.athena.stored import AthenaView, spark_sql, unpack
from headwater_glue.query.athena.values import UntranslatableError
from headwater_glue.testing import GlueLake

FIXTURES = Path(__file__).parent / "fixtures" / "athena.sql"


def pairs() -> Iterator[tuple[str, str, str]]:
    trino = ""
    for line in FIXTURES.read_text().splitlines():
        if line[:4] in ("=>  ", "!!  "):
            yield trino, line[:2], line[4:]
        elif line and not line.startswith("--"):
            trino = line


@pytest.mark.parametrize(("trino", "sign", "expected"), list(pairs()), ids=lambda v: str(v)[:60])
def test_a_construct_carries_over_or_says_why_not(trino: str, sign: str, expected: str) -> None:
    if sign == "!!":
        with pytest.raises(UntranslatableError) as caught:
            Queries("ml", lookup)(parse_trino(trino))
        assert caught.value.reason == expected
        return
    found = Queries("ml", lookup)(parse_trino(trino))
    assert " ".join(found.text.split()) == expected
    # Core reads the result by itself, and agrees about every type.
    analysis = bind(parse(found.text), TABLES)
    assert [d.message for d in analysis.diagnostics if d.severity == "error"] == []
    assert [(c.name, c.type) for c in analysis.columns] == [(c.name, c.type) for c in found.columns]


def test_what_is_on_the_list_stands_in_the_fixtures_or_is_a_part_of_a_date() -> None:
    text = FIXTURES.read_text().lower()
    called = [c for c in constructs() if c.group in ("function", "aggregate", "window function")]
    missing = {c.name for c in called if f"{c.name}(" not in text}
    assert missing <= {
        "quarter", "month", "week_of_year", "day", "day_of_month", "dow", "day_of_year", "doy",
        "hour", "minute", "second", "count_if", "bool_or", "every", "min_by", "max", "rank",
        "dense_rank", "lead", "first_value", "last_value",
    }  # fmt: skip
    assert all(c.rests_on for c in constructs())


def test_a_stored_view_is_unpacked() -> None:
    assert unpack(stored("SELECT 1", "s"), "db") == AthenaView("SELECT 1", "s")


@pytest.mark.parametrize(
    "text",
    ["SELECT 1", "/* Presto View: e30= */", "/* Presto View: ??? */", "/* Presto View */", ""],
)
def test_what_is_not_stored_so_is_told(text: str) -> None:
    with pytest.raises(UntranslatableError, match=r"stored text can't be unpacked|in the form"):
        unpack(text, "db")


def test_columns_come_out_as_declared() -> None:
    view = AthenaView("SELECT id, n, count(*) FROM t GROUP BY 1, 2", "ml")
    declared = (Column("ident", STRING), Column("n", BIGINT), Column("c", BIGINT))
    sql = spark_sql(view, declared, lookup)
    assert sql.startswith(
        "SELECT `v`.`id` AS `ident`, CAST(`v`.`n` AS bigint) AS `n`, `v`.`_col2` AS `c` FROM"
    )


@pytest.mark.parametrize(
    ("sql", "columns", "says"),
    [
        ("SELECT id, n FROM t", [Column("id", STRING)], "gives 2 columns, and it declares 1"),
        ("SELECT id FROM t", [Column("id", INT)], "'id' is string, and declared int"),
        ("SELECT\n  x % 2\nFROM t", [Column("x", INT)], r"floating numbers \(line 2, column 3"),
        ("SELECT 1 FROM gone", [Column("x", INT)], "no table 'gone'"),
    ],
)
def test_a_view_that_does_not_fit_is_told(sql: str, columns: list[Column], says: str) -> None:
    with pytest.raises(UntranslatableError, match=says):
        spark_sql(AthenaView(sql, "ml"), columns, lookup)


NAN = math.nan
ROWS = pa.table(
    {
        "id": ["a", "a", "b", "c", "d"],
        "n": pa.array([1, 2, 3, None, -7], pa.int32()),
        "x": [0.5, NAN, None, math.inf, -1.0],
        "p": pa.array([Decimal("1.50"), Decimal("2.25"), None, Decimal("0.00"), Decimal("9.99")],
                      pa.decimal128(10, 2)),
        "d": pa.array([date(2026, 1, 31), date(2026, 2, 1), None, date(2026, 3, 1),
                       date(2025, 12, 29)]),
        "ts": pa.array([datetime(2026, 1, 31, h, 30, tzinfo=UTC) for h in range(5)],
                       pa.timestamp("us", tz="UTC")),
        "dt": ["1", "1", "1", "1", "1"],
    }
)  # fmt: skip
COLUMNS = {
    "id": "string",
    "n": "int",
    "x": "double",
    "p": "decimal(10,2)",
    "d": "date",
    "ts": "timestamp",
}


@pytest.fixture
def seeded(lake: GlueLake) -> GlueLake:
    lake.table("t", COLUMNS, keys={"dt": "string"})
    lake.partition("t", ["1"])
    lake.partition("t", ["2"])
    lake.write("t/dt=1/x.parquet", ROWS.drop(["dt"]))
    return lake


def rows(lake: GlueLake, query: str) -> list[tuple[Any, ...]]:
    with Workspace() as workspace:
        found = workspace.sql(query, source=lake.source(query=query)).to_arrow()
    return sorted((tuple(r.values()) for r in found.to_pylist()), key=str)


def test_a_spark_query_over_an_athena_view(seeded: GlueLake) -> None:
    athena_view(
        seeded,
        "v",
        """
        -- the newest row of each id
        SELECT id, n / 2 AS half, day_of_week(d) AS weekday, dt
        FROM (SELECT t.*, row_number() OVER (PARTITION BY id ORDER BY ts DESC) AS rn FROM t)
        WHERE rn = 1 AND dt = '1'
        """,
        {"id": "string", "half": "int", "weekday": "bigint", "dt": "string"},
    )
    assert rows(seeded, "SELECT id, half, weekday FROM v WHERE half IS NOT NULL") == [
        ("a", 1, 7),
        ("b", 1, None),
        ("d", -3, 1),
    ]


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        # Of NaN, every comparison but <> is false; of NULL, none is true.
        ("x > 0", ["a", "c"]),
        ("x < 0", ["d"]),
        ("x <> 0.5", ["a", "c", "d"]),
        ("NOT (x > 0)", ["a", "d"]),
        ("x BETWEEN 0 AND 1", ["a"]),
        ("x = x", ["a", "c", "d"]),
    ],
)
def test_nan_is_compared_as_trino_does(seeded: GlueLake, condition: str, ids: list[str]) -> None:
    athena_view(seeded, "v", f"SELECT id FROM t WHERE {condition}", {"id": "string"})
    assert [r[0] for r in rows(seeded, "SELECT id FROM v")] == ids


def test_a_view_is_pruned_through(seeded: GlueLake) -> None:
    athena_view(seeded, "v", "SELECT id, dt FROM t", {"id": "string", "dt": "string"})
    source = seeded.source(query="SELECT id FROM v WHERE dt = '1'")
    with Workspace() as workspace:
        plan = workspace.sql(source.sql(), source=source).plan
    assert (plan.scans[0].estimate.partitions_kept, plan.scans[0].estimate.partitions_total) == (
        1,
        2,
    )


def test_a_view_that_does_not_carry_over_is_listed_and_refused(seeded: GlueLake) -> None:
    athena_view(seeded, "v", "SELECT approx_distinct(id) AS c FROM t", {"c": "bigint"})
    source = seeded.source(table="v")
    with source.access() as access:
        catalog = source.catalog(access)
        assert "v" in list(catalog.tables("ml"))
        view = catalog.table(TableName("ml", "v"))
    assert view.kind == "athena-view"
    assert "approx_distinct(): it is approximate" in (view.unqueryable or "")
    with pytest.raises(QueryError, match=r"approx_distinct\(\): it is approximate"):
        rows(seeded, "SELECT * FROM v")


def test_a_view_of_a_view_of_another_engine(seeded: GlueLake) -> None:
    athena_view(seeded, "low", "SELECT id, n FROM t WHERE n > 1", {"id": "string", "n": "int"})
    athena_view(seeded, "high", "SELECT id || '!' AS id FROM low", {"id": "string"})
    assert rows(seeded, "SELECT * FROM high") == [("a!",), ("b!",)]
