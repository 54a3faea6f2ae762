"""Which resources each Glue call touches."""

from __future__ import annotations

from typing import Any

import pytest

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.glue_arns import normalise, owner, resources

IN_TABLE = {"DatabaseName": "db", "TableName": "t"}
NAMED = {"DatabaseName": "db", "Name": "t"}
INPUT = {"DatabaseName": "db", "TableInput": {"Name": "t"}}
FUNCTION = {"DatabaseName": "db", "FunctionName": "f"}
CATALOG, DATABASE = ["catalog"], ["catalog", "database/db"]
TABLE, UDF = [*DATABASE, "table/db/t"], [*DATABASE, "userDefinedFunction/db/f"]


@pytest.mark.parametrize(
    ("action", "params", "found"),
    [
        ("GetDatabases", {}, CATALOG),
        ("SearchTables", {}, CATALOG),
        ("PutResourcePolicy", {}, CATALOG),
        ("GetDatabase", {"Name": "db"}, DATABASE),
        ("DeleteDatabase", {"Name": "db"}, DATABASE),
        ("CreateDatabase", {"DatabaseInput": {"Name": "db"}}, DATABASE),
        ("GetTables", {"DatabaseName": "db"}, DATABASE),
        ("GetTable", NAMED, TABLE),
        ("DeleteTable", NAMED, TABLE),
        ("CreateTable", INPUT, TABLE),
        ("UpdateTable", INPUT, TABLE),
        ("GetTableVersions", IN_TABLE, TABLE),
        ("GetPartition", IN_TABLE, TABLE),
        ("GetPartitions", IN_TABLE, TABLE),
        ("BatchGetPartition", IN_TABLE, TABLE),
        ("CreatePartition", IN_TABLE, TABLE),
        ("BatchCreatePartition", IN_TABLE, TABLE),
        ("BatchDeletePartition", IN_TABLE, TABLE),
        (
            "BatchDeleteTable",
            {"DatabaseName": "db", "TablesToDelete": ["t", "u"]},
            [*TABLE, "table/db/u"],
        ),
        ("GetUserDefinedFunction", FUNCTION, UDF),
        (
            "GetUserDefinedFunctions",
            {"Pattern": "*"},
            ["catalog", "database/*", "userDefinedFunction/*/*"],
        ),
        (
            "CreateUserDefinedFunction",
            {"DatabaseName": "db", "FunctionInput": {"FunctionName": "f"}},
            UDF,
        ),
    ],
)
def test_resources(action: str, params: dict[str, Any], found: list[str]) -> None:
    prefix = "arn:aws:glue:eu-west-1:1:"
    assert resources(action, params, "1", "eu-west-1") == tuple(prefix + one for one in found)


def test_an_action_that_knows_no_resources() -> None:
    assert resources("GetJobs", {}, "1", "eu-west-1") == ("*",)


def test_names_are_folded_and_nothing_else() -> None:
    asked = {
        "DatabaseName": "Db",
        "TableInput": {"Name": "T", "StorageDescriptor": {"Location": "s3://Lake/T"}},
        "PartitionValues": ["A"],
    }
    folded = normalise(asked)
    assert folded["DatabaseName"] == "db"
    assert folded["TableInput"] == {"Name": "t", "StorageDescriptor": {"Location": "s3://Lake/T"}}
    assert folded["PartitionValues"] == ["A"]
    assert asked["DatabaseName"] == "Db"


def test_whose_catalog() -> None:
    assert owner({}, "123456789012") == "123456789012"
    assert owner({"CatalogId": "210987654321"}, "123456789012") == "210987654321"
    with pytest.raises(AwsError, match="Catalog mine:s3tablescatalog/b not found"):
        owner({"CatalogId": "mine:s3tablescatalog/b"}, "123456789012")
