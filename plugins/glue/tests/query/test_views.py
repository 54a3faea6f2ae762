"""Views: a query over one is a query over the tables under it, or is refused with the reason."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from plugins.glue.tests.registered import spark_view

from headwater.errors import QueryError, SourceError
from headwater.tables.table import TableName
from headwater.workspace.workspace import Workspace
from headwater_glue.entry import GlueTable
from headwater_glue.kinds import classify
from headwater_glue.query.views import view_sql
from headwater_glue.testing import GlueLake

ROWS = pa.table(
    {"id": ["a", "b", "c"], "score": [0.5, 0.25, None], "n": pa.array([1, 2, 3], "int32")}
)
COLUMNS = {"id": "string", "score": "double", "n": "int"}


@pytest.fixture
def seeded(lake: GlueLake) -> GlueLake:
    lake.table("t", COLUMNS)
    lake.write("t/x.parquet", ROWS)
    return lake


def read(lake: GlueLake, query: str, **told: Any) -> list[dict[str, Any]]:
    with Workspace() as workspace:
        rows = workspace.sql(query, source=lake.source(query=query, **told)).to_arrow()
    return sorted(rows.to_pylist(), key=str)


def why_not(lake: GlueLake, name: str, **told: Any) -> str:
    source = lake.source(table=name, **told)
    with source.access() as access:
        return source.catalog(access).table(TableName("ml", name)).unqueryable or ""


def test_a_query_over_a_spark_view(seeded: GlueLake) -> None:
    text = "SELECT id, n FROM t WHERE n > 1 -- not the first"
    spark_view(seeded, "v", text, {"id": "string", "number": "int"}, outputs=["id", "n"])
    assert read(seeded, "SELECT id FROM v WHERE number = 2") == [{"id": "b"}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT v.id FROM v WHERE v.number = 2",
        "SELECT ml.v.id FROM v WHERE ml.v.number = 2",
        "SELECT id FROM v WHERE EXISTS (SELECT 1 FROM t AS v WHERE v.n = 1 AND ml.v.number = 2)",
        "SELECT id FROM v WHERE EXISTS (SELECT 1 FROM eu.v WHERE eu.v.number = ml.v.number)",
        "SELECT ml.v.id FROM v JOIN eu.v ON eu.v.number = ml.v.number",
        "SELECT x.id FROM ml.v x WHERE x.number = 2",
        "SELECT x.id FROM `V` AS x JOIN v ON x.id = v.id WHERE v.number = 2",
        "WITH t AS (SELECT 'wrong' AS id, 2 AS n) SELECT v.id FROM v JOIN t ON v.number = t.n",
        "WITH v AS (SELECT id FROM ml.v WHERE number = 2) SELECT * FROM v",
        "SELECT id FROM (SELECT * FROM v) WHERE number = 2",
    ],
)
def test_a_view_is_named_in_every_way(seeded: GlueLake, query: str) -> None:
    columns = {"id": "string", "number": "int"}
    spark_view(seeded, "v", "SELECT id, n FROM t", columns, outputs=["id", "n"])
    seeded.create_database("eu")
    text = "SELECT id, n FROM ml.t WHERE ml.t.n = 2"
    spark_view(seeded, "v", text, columns, outputs=["id", "n"], into="eu")
    assert read(seeded, query, databases=["eu"]) == [{"id": "b"}]


def test_a_view_of_a_view_in_another_database(seeded: GlueLake) -> None:
    seeded.create_database("other")
    seeded.table("t", {"wrong": "string"}, database="other")
    spark_view(seeded, "low", "SELECT id, n FROM spark_catalog.ml.t", {"id": "string", "n": "int"})
    spark_view(
        seeded, "high", "SELECT id FROM ml.low WHERE n < 3", {"id": "string"}, database="other"
    )
    # The user may name `ml` only; what the views stand on is their maker's choice.
    assert read(seeded, "SELECT count(*) AS c FROM high") == [{"c": 2}]


def test_a_star_in_a_view_means_the_columns_of_its_time(seeded: GlueLake) -> None:
    spark_view(seeded, "v", "SELECT * FROM t", {"id": "string", "score": "double"})
    assert read(seeded, "SELECT * FROM v WHERE id = 'a'") == [{"id": "a", "score": 0.5}]


def test_a_column_that_was_widened_since_is_cast(seeded: GlueLake) -> None:
    spark_view(seeded, "v", "SELECT id, n FROM t", {"id": "string", "n": "bigint"})
    source = seeded.source(table="v")
    with Workspace() as workspace:
        rows = workspace.sql("SELECT n FROM v", source=source).to_arrow()
    assert rows.schema.field("n").type == pa.int64()


@pytest.mark.parametrize(
    ("sql", "columns", "properties", "says"),
    [
        ("SELECT id FROM gone", {"id": "string"}, {}, "stands on ml.gone: no table 'gone'"),
        ("SELECT nope FROM t", {"nope": "string"}, {}, "does not fit its tables any more: "),
        ("SELECT n FROM t", {"n": "string"}, {}, "'n' was string when it was made, and is int now"),
        ("SELECT id FROM t", {"x": "string"}, {"outputs": ["x"]}, "gives 0 columns named 'x'"),
        (
            "SELECT reflect('a', 'b') AS x FROM t",
            {"x": "string"},
            {},
            "its text is refused: reflect",
        ),
        ("DROP TABLE t", {"x": "string"}, {}, "its text is refused"),
        (
            "SELECT id FROM t",
            {"id": "string"},
            {"view.sqlConfig.spark.sql.session.timeZone": "Europe/Berlin"},
            "of the time zone Europe/Berlin",
        ),
        (
            "SELECT size(array(n)) AS s FROM t",
            {"s": "int"},
            {"spark.sql.create.version": "3.5.1"},
            "without ANSI mode, in which size(NULL) is -1",
        ),
    ],
)
def test_a_view_that_cannot_be_kept_says_why(
    seeded: GlueLake, sql: str, columns: dict[str, str], properties: dict[str, Any], says: str
) -> None:
    spark_view(seeded, "v", sql, columns, **properties)
    assert says in why_not(seeded, "v")
    with pytest.raises(QueryError, match=r"ml\.v can't be queried"):
        read(seeded, "SELECT * FROM v")


def test_views_in_a_circle_are_told(seeded: GlueLake) -> None:
    spark_view(seeded, "a", "SELECT id FROM b", {"id": "string"})
    spark_view(seeded, "b", "SELECT id FROM a", {"id": "string"})
    with pytest.raises(SourceError, match=r"in a circle: ml\.a -> ml\.b -> ml\.a"):
        why_not(seeded, "a")


def test_the_spark_side_of_a_view_in_several_dialects(seeded: GlueLake) -> None:
    sides = [
        {"Dialect": "REDSHIFT", "ViewOriginalText": "select id from t"},
        {"Dialect": "SPARK", "ViewOriginalText": "SELECT id FROM t WHERE n = 3"},
    ]
    # The emulator's Glue has no multi-dialect views, so this one is described without it.
    entry = GlueTable.of(
        {"Name": "v", "DatabaseName": "ml", "ViewDefinition": {"Representations": sides}}
    )
    source = seeded.source(table="t")
    with source.access() as access:
        catalog = source.catalog(access)
        table = catalog.table(TableName("ml", "t"))
        sql = view_sql(entry, classify(entry).kind, table.columns[:1], catalog.table)
    assert sql == ("SELECT `v`.`id` AS `id` FROM (\nSELECT id FROM `ml`.`t` WHERE n = 3\n) AS `v`")


def test_a_view_through_a_link_into_another_account(seeded: GlueLake) -> None:
    theirs = GlueLake(seeded.aws, account_id="2" * 12, bucket="theirs")
    theirs.table("t", COLUMNS)
    spark_view(theirs, "v", "SELECT id FROM t", {"id": "string"})
    target = {"CatalogId": theirs.account_id, "DatabaseName": "ml", "Name": "v"}
    seeded.glue.create_table(DatabaseName="ml", TableInput={"Name": "l", "TargetTable": target})
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{seeded.account_id}:root"},
        "Action": "glue:Get*",
        "Resource": f"arn:aws:glue:us-east-1:{theirs.account_id}:*",
    }
    theirs.glue.put_resource_policy(
        PolicyInJson=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    everything = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    keys = seeded.keys({"Version": "2012-10-17", "Statement": [everything]})
    assert "read it with catalog_id='222222222222'" in why_not(seeded, "l", auth=keys)
