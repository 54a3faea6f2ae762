"""The catalog against the emulator: what is there, what is not, and what is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from plugins.aws.tests.support import soon_again

from headwater.errors import (
    AccessDeniedError,
    DatabaseNotFoundError,
    SourceError,
    TableNotFoundError,
)
from headwater.tables.table import KeyCondition, Table, TableName
from headwater_glue.catalog import GlueCatalog
from headwater_glue.testing import GlueLake

COLUMNS = {"id": "string", "score": "double"}


def catalog_of(lake: GlueLake, **told: object) -> GlueCatalog:
    source = lake.source(table="t", **told)
    return source.catalog(source.access())


def calls(lake: GlueLake, action: str) -> int:
    return sum(1 for r in lake.aws.requests if r.action == action)


def test_lists_databases_and_tables_by_name_alone(lake: GlueLake) -> None:
    lake.create_database("other")
    for n in range(250):
        lake.table(f"t{n:03}", COLUMNS)
    catalog = catalog_of(lake)
    assert list(catalog.databases()) == ["ml", "other"]
    assert list(catalog.tables("ML")) == [f"t{n:03}" for n in range(250)]
    assert calls(lake, "GetTables") == 3


def test_the_first_names_come_before_the_last_page_is_asked_for(lake: GlueLake) -> None:
    for n in range(150):
        lake.table(f"t{n:03}", COLUMNS)
    assert next(catalog_of(lake).tables("ml")) == "t000"
    assert calls(lake, "GetTables") == 1


def test_describes_a_table_whatever_the_case_of_its_name(lake: GlueLake) -> None:
    lake.table("predictions", {"id": "string", "s": "struct<a-b:int>"}, keys={"dt": "date"})
    table = catalog_of(lake).table(TableName("ML", "Predictions"))
    assert str(table.name) == "ml.predictions"
    assert [(c.name, str(c.type)) for c in table.columns] == [
        ("id", "string"),
        ("s", "struct<`a-b`:int>"),
        ("dt", "date"),
    ]
    assert table.partition_keys == ("dt",)
    assert (table.kind, table.unqueryable) == ("hive", None)
    assert table.location == "s3://lake/predictions/"


def test_a_table_is_one_call(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    catalog_of(lake).table(TableName("ml", "t"))
    assert [r.action for r in lake.aws.requests if r.service == "glue"] == ["GetTable"]


def test_a_missing_table_suggests_another(lake: GlueLake) -> None:
    lake.table("model_predictions", COLUMNS)
    with pytest.raises(TableNotFoundError, match="did you mean 'model_predictions'") as caught:
        catalog_of(lake).table(TableName("ml", "model_prediction"))
    assert "'model_prediction' in the database 'ml'" in str(caught.value)


def test_a_missing_database_suggests_another(lake: GlueLake) -> None:
    with pytest.raises(DatabaseNotFoundError, match="did you mean 'ml'"):
        catalog_of(lake).table(TableName("mll", "t"))
    with pytest.raises(DatabaseNotFoundError, match="did you mean 'ml'"):
        list(catalog_of(lake).tables("mll"))


def test_the_wrong_catalog_is_named(lake: GlueLake) -> None:
    reader = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    keys = lake.keys({"Version": "2012-10-17", "Statement": [reader]})
    catalog = catalog_of(lake, auth=keys, region="eu-west-1")
    with pytest.raises(DatabaseNotFoundError, match="sees no database in the caller's own catalog"):
        catalog.table(TableName("ml", "t"))


def test_a_denied_table_is_not_a_missing_one(lake: GlueLake) -> None:
    lake.table("open", COLUMNS)
    lake.table("shut", COLUMNS)
    arn = f"arn:aws:glue:us-east-1:{lake.account_id}"
    allowed = [f"{arn}:catalog", f"{arn}:database/ml", f"{arn}:table/ml/open"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "glue:Get*", "Resource": allowed}],
    }
    catalog = catalog_of(lake, auth=lake.keys(policy))
    assert catalog.table(TableName("ml", "open")).kind == "hive"
    with pytest.raises(AccessDeniedError, match=r"glue:GetTable on .*table/ml/shut"):
        catalog.table(TableName("ml", "shut"))
    # AWS says the same of a table that is not there.
    with pytest.raises(AccessDeniedError, match=r"perhaps it does not exist.*did you mean 'open'"):
        catalog.table(TableName("ml", "opem"))


def test_another_accounts_catalog_by_its_number(lake: GlueLake) -> None:
    with pytest.raises(TableNotFoundError, match="there is no catalog 'prod'"):
        catalog_of(lake).table(TableName("ml", "t", "prod"))
    lake.table("t", COLUMNS)
    own = catalog_of(lake).table(TableName("ml", "t", "AwsDataCatalog"))
    assert own.kind == "hive"


def partitioned(lake: GlueLake, days: Sequence[str], key: str = "string") -> Table:
    lake.table("p", COLUMNS, keys={"dt": key})
    for day in days:
        lake.partition("p", [day])
    return catalog_of(lake).table(TableName("ml", "p"))


def test_conditions_ask_glue_for_less(lake: GlueLake) -> None:
    table = partitioned(lake, [f"2026-01-{d:02}" for d in range(1, 32)])
    where = [KeyCondition("dt", "in", ("2026-01-03", "2026-01-04"))]
    found = list(catalog_of(lake).partitions(table, where))
    assert sorted(p.values for p in found) == [("2026-01-03",), ("2026-01-04",)]
    assert {p.location for p in found} >= {"s3://lake/p/dt=2026-01-03/"}
    assert all(p.detail.has_columns for p in found)


def test_what_is_not_safe_to_ask_is_not_asked(lake: GlueLake) -> None:
    table = partitioned(lake, ["2026-01-01", "2026-01-02"], key="date")
    found = list(catalog_of(lake).partitions(table, [KeyCondition("dt", "in", ("2026-01-01",))]))
    assert len(found) == 2
    assert not any(p.detail.has_columns for p in found)


def test_null_is_none_and_odd_characters_stay(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"k": "string"})
    for value in (None, "a/b", "50%", "it's", "\u00e9t\u00e9"):
        lake.partition("p", [value])
    catalog = catalog_of(lake)
    table = catalog.table(TableName("ml", "p"))
    found = {p.values[0] for p in catalog.partitions(table)}
    assert found == {None, "a/b", "50%", "it's", "\u00e9t\u00e9"}
    assert [p.values for p in catalog.partitions(table, [KeyCondition("k", "in", ("it's",))])] == [
        ("it's",)
    ]
    both = [KeyCondition("k", "in", ("50%",), or_null=True)]
    assert {p.values[0] for p in catalog.partitions(table, both)} == {None, "50%"}


def test_many_partitions_come_in_segments_each_once(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"n": "int"})
    storage = {"Columns": [], "Location": "s3://lake/p/x/"}
    for start in range(0, 2500, 100):
        inputs = [
            {"Values": [str(n)], "StorageDescriptor": storage} for n in range(start, start + 100)
        ]
        lake.glue.batch_create_partition(
            DatabaseName="ml", TableName="p", PartitionInputList=inputs
        )
    catalog = catalog_of(lake)
    table = catalog.table(TableName("ml", "p"))
    found = [p.values[0] for p in catalog.partitions(table)]
    assert sorted(map(int, filter(None, found))) == list(range(2500))
    assert calls(lake, "GetPartitions") == 11
    assert catalog.count_partitions(table, 5000) == 2500
    assert catalog.count_partitions(table, 1000) is None


@pytest.mark.parametrize("batch_allowed", [True, False])
def test_columns_of_partitions_are_asked_for_where_they_lack(
    lake: GlueLake, batch_allowed: bool
) -> None:
    lake.table("p", COLUMNS, keys={"n": "int", "k": "string"})
    lake.partition("p", ["1", None], columns={"id": "bigint"})
    lake.partition("p", ["2", "x"])
    denied = {"Effect": "Deny", "Action": "glue:BatchGetPartition", "Resource": "*"}
    allowed = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    statements = [allowed] if batch_allowed else [allowed, denied]
    keys = lake.keys({"Version": "2012-10-17", "Statement": statements})
    lake.aws.faults.leave_unprocessed(keep=1)
    catalog = catalog_of(lake, auth=keys)
    table = catalog.table(TableName("ml", "p"))
    listed = list(catalog.partitions(table))
    complete = catalog.with_columns(table, listed)
    own = {p.values: [c.type for c in p.detail.storage.columns] for p in complete}
    assert own == {("1", None): ["bigint"], ("2", "x"): ["string", "double"]}


def test_projected_partitions_are_computed(lake: GlueLake) -> None:
    lake.table(
        "p",
        COLUMNS,
        keys={"dt": "string"},
        parameters={
            "projection.enabled": "true",
            "projection.dt.type": "date",
            "projection.dt.format": "yyyy-MM-dd",
            "projection.dt.range": "2026-01-01,2026-01-31",
        },
    )
    catalog = catalog_of(lake)
    table = catalog.table(TableName("ml", "p"))
    found = list(catalog.partitions(table, [KeyCondition("dt", ">=", ("2026-01-30",))]))
    assert [p.location for p in found] == [
        "s3://lake/p/dt=2026-01-30/",
        "s3://lake/p/dt=2026-01-31/",
    ]
    assert catalog.count_partitions(table, 100) == 31
    assert catalog.count_partitions(table, 30) is None
    assert calls(lake, "GetPartitions") == 0


def test_a_link_is_its_table_under_its_own_name(lake: GlueLake) -> None:
    lake.table("real", COLUMNS, keys={"dt": "string"})
    lake.partition("real", ["2026-01-01"])
    lake.create_database("links")
    target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": "real"}
    lake.glue.create_table(
        DatabaseName="links", TableInput={"Name": "alias", "TargetTable": target}
    )
    catalog = catalog_of(lake)
    table = catalog.table(TableName("links", "alias"))
    assert str(table.name) == "links.alias"
    assert [c.name for c in table.columns] == ["id", "score", "dt"]
    assert table.kind == "hive"
    assert [p.values for p in catalog.partitions(table)] == [("2026-01-01",)]


def test_links_in_a_circle_are_told(lake: GlueLake) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": other}
        lake.glue.create_table(DatabaseName="ml", TableInput={"Name": name, "TargetTable": target})
    with pytest.raises(SourceError, match=r"leads in a circle: .*ml\.a -> .*ml\.b"):
        catalog_of(lake).table(TableName("ml", "a"))


def test_a_link_to_nothing_is_told(lake: GlueLake) -> None:
    target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": "gone"}
    lake.glue.create_table(DatabaseName="ml", TableInput={"Name": "a", "TargetTable": target})
    with pytest.raises(SourceError, match=r"ml\.a leads to nothing: no table 'gone'"):
        catalog_of(lake).table(TableName("ml", "a"))


def test_a_linked_database_in_another_region(lake: GlueLake) -> None:
    there = GlueLake(lake.aws, region="eu-west-1", bucket="lake-eu")
    there.table("t", COLUMNS)
    lake.create_database(
        "eu",
        TargetDatabase={"CatalogId": lake.account_id, "DatabaseName": "ml", "Region": "eu-west-1"},
    )
    catalog = catalog_of(lake)
    assert list(catalog.tables("eu")) == ["t"]
    table = catalog.table(TableName("eu", "t"))
    assert table.location == "s3://lake-eu/t/"
    assert str(table.name) == "eu.t"


def test_throttling_is_outlasted(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.aws.faults.throttle("glue:GetTable", times=2)
    with soon_again():
        assert catalog_of(lake).table(TableName("ml", "t")).kind == "hive"


def test_no_data_no_schema(lake: GlueLake) -> None:
    lake.table("t", {})
    table = catalog_of(lake).table(TableName("ml", "t"))
    assert table.unqueryable == "Glue names no columns for it"
