"""The catalog where moto is kinder than AWS."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from plugins.aws.tests.emulator.support import ACCOUNT, OTHER, allow, refused, seed_table, signed_in

from headwater_aws.testing import Emulator

PART = {"DatabaseName": "db", "TableName": "t"}


@pytest.fixture
def glue(aws: Emulator) -> Any:
    """The administrator: limits and pages are the same for everybody."""
    return aws.client("glue")


def names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["Name"] for entry in entries]


def test_tables_come_in_pages_of_a_hundred(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "db"})
    for number in range(250):
        glue.create_table(DatabaseName="db", TableInput={"Name": f"t{number:03d}"})
    first = glue.get_tables(DatabaseName="db")
    assert len(first["TableList"]) == 100
    assert (
        names(glue.get_tables(DatabaseName="db", NextToken=first["NextToken"])["TableList"])[0]
        == "t100"
    )
    pages = list(glue.get_paginator("get_tables").paginate(DatabaseName="db"))
    assert [len(page["TableList"]) for page in pages] == [100, 100, 50]
    assert len({name for page in pages for name in names(page["TableList"])}) == 250
    small = glue.get_tables(DatabaseName="db", MaxResults=7)
    assert names(small["TableList"]) == [f"t{number:03d}" for number in range(7)]


@pytest.mark.parametrize(("asked", "bound"), [(101, "less than or equal to 100")])
def test_a_page_has_bounds(glue: Any, asked: int, bound: str) -> None:
    with refused("ValidationException", f"Value '{asked}' at 'maxResults'", 400):
        glue.get_databases(MaxResults=asked)
    seed_table(glue)
    with refused("ValidationException", bound):
        glue.get_tables(DatabaseName="db", MaxResults=asked)
    with refused("ValidationException", "less than or equal to 1000"):
        glue.get_partitions(**PART, MaxResults=1001)


def test_a_token_belongs_to_its_request(glue: Any) -> None:
    for name in ("a", "b", "c"):
        glue.create_database(DatabaseInput={"Name": name})
    token = glue.get_databases(MaxResults=1)["NextToken"]
    assert names(glue.get_databases(MaxResults=2, NextToken=token)["DatabaseList"]) == ["b", "c"]
    for wrong in ("not a token", "MTox"):
        with refused("InvalidInputException", "NextToken"):
            glue.get_databases(NextToken=wrong)
    seed_table(glue)
    with refused("InvalidInputException", "NextToken"):
        glue.get_tables(DatabaseName="db", NextToken=token)


def test_names_are_folded_to_lower_case(glue: Any) -> None:
    seed_table(glue, "MyDb", "MyTable")
    assert names(glue.get_databases()["DatabaseList"]) == ["mydb"]
    table = glue.get_table(DatabaseName="MYDB", Name="mytable")["Table"]
    assert (table["DatabaseName"], table["Name"]) == ("mydb", "mytable")
    with refused("AlreadyExistsException"):
        glue.create_table(DatabaseName="mydb", TableInput={"Name": "MYTABLE"})
    glue.delete_table(DatabaseName="MyDb", Name="MYTABLE")
    glue.delete_database(Name="MYDB")
    assert glue.get_databases()["DatabaseList"] == []


def test_what_is_missing(glue: Any) -> None:
    with refused("EntityNotFoundException", "Database nope not found."):
        glue.get_database(Name="nope")
    with refused("EntityNotFoundException", "Database nope not found."):
        glue.get_tables(DatabaseName="nope")
    seed_table(glue)
    with refused("EntityNotFoundException", "Table nope not found."):
        glue.get_table(DatabaseName="db", Name="nope")
    with refused("EntityNotFoundException", "Cannot find partition."):
        glue.get_partition(**PART, PartitionValues=["x"])
    with refused("EntityNotFoundException", "Catalog"):
        glue.get_databases(CatalogId="a:s3tablescatalog/b")


def test_only_the_attributes_that_are_asked_for(glue: Any) -> None:
    seed_table(glue)
    asked = glue.get_tables(DatabaseName="db", AttributesToGet=["NAME"])["TableList"]
    assert asked == [{"Name": "t"}]
    asked = glue.get_tables(DatabaseName="db", AttributesToGet=["NAME", "TABLE_TYPE"])["TableList"]
    assert asked == [{"Name": "t", "TableType": "EXTERNAL_TABLE"}]
    assert glue.get_databases(AttributesToGet=["NAME"])["DatabaseList"] == [{"Name": "db"}]
    for wrong in (["TABLE_TYPE"], []):
        with refused("InvalidInputException", "must include NAME"):
            glue.get_tables(DatabaseName="db", AttributesToGet=wrong)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("orders", ["orders"]),
        ("ORDERS", ["orders"]),
        ("orders*", ["orders", "orders_old"]),
        ("orders.*", ["orders", "orders_old"]),
        ("*old", ["orders_old"]),
        ("[a-n].*", ["customers"]),
        ("orders|customers", ["customers", "orders"]),
        ("order", []),
    ],
)
def test_tables_by_pattern(glue: Any, expression: str, found: list[str]) -> None:
    for table in ("orders", "orders_old", "customers"):
        seed_table(glue, table=table)
    tables = glue.get_tables(DatabaseName="db", Expression=expression)["TableList"]
    assert names(tables) == found


def test_a_pattern_that_is_none(glue: Any) -> None:
    seed_table(glue)
    with refused("InvalidInputException", "Invalid regular expression"):
        glue.get_tables(DatabaseName="db", Expression="(")


def test_partitions_come_in_pages_of_a_thousand(glue: Any) -> None:
    seed_table(glue, days=2100)
    pages = list(glue.get_paginator("get_partitions").paginate(**PART))
    assert [len(page["Partitions"]) for page in pages] == [1000, 1000, 100]
    assert pages[0]["Partitions"][0]["CatalogId"] == ACCOUNT


def test_segments_share_the_partitions_out(glue: Any) -> None:
    seed_table(glue, days=300)
    found: list[str] = []
    for number in range(4):
        segment = {"SegmentNumber": number, "TotalSegments": 4}
        pages = glue.get_paginator("get_partitions").paginate(
            **PART, Segment=segment, PaginationConfig={"PageSize": 50}
        )
        values = [one["Values"][0] for page in pages for one in page["Partitions"]]
        assert 0 < len(values) < 300
        found += values
    assert sorted(found) == [f"{day:05d}" for day in range(300)]


@pytest.mark.parametrize(("number", "total"), [(4, 4), (0, 11), (9, 2)])
def test_segments_have_bounds(glue: Any, number: int, total: int) -> None:
    seed_table(glue)
    with refused("ValidationException", "segment."):
        glue.get_partitions(**PART, Segment={"SegmentNumber": number, "TotalSegments": total})


def test_column_schemas_may_be_left_out(glue: Any) -> None:
    seed_table(glue, days=1)
    (whole,) = glue.get_partitions(**PART)["Partitions"]
    assert whole["StorageDescriptor"]["Columns"] == [{"Name": "a", "Type": "int"}]
    (bare,) = glue.get_partitions(**PART, ExcludeColumnSchema=True)["Partitions"]
    assert bare["StorageDescriptor"] == {"Location": "s3://lake/t/"}
    (again,) = glue.get_partitions(**PART)["Partitions"]
    assert again == whole


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("", 10),
        ("  ", 10),
        ("dt = '00003'", 1),
        ("DT = '00003'", 1),
        ('dt = "00003"', 1),
        ("dt != '00003'", 9),
        ("dt >= '00002' AND dt < '00005'", 3),
        ("(dt = '00001') or (dt = '00002')", 2),
        ("dt IN ('00001', '00009', 'x')", 2),
        ("dt BETWEEN '00001' AND '00003'", 3),
        ("dt LIKE '0000%'", 10),
        ("dt = 'DT'", 0),
    ],
)
def test_partitions_by_expression(glue: Any, expression: str, found: int) -> None:
    seed_table(glue, days=10)
    assert len(glue.get_partitions(**PART, Expression=expression)["Partitions"]) == found


def test_typed_literals_of_expressions(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "db"})
    key = [{"Name": "day", "Type": "date"}]
    glue.create_table(DatabaseName="db", TableInput={"Name": "t", "PartitionKeys": key})
    for value in ("2026-01-01", "2026-01-02"):
        glue.create_partition(**PART, PartitionInput={"Values": [value]})
    found = glue.get_partitions(**PART, Expression="Day > date '2026-01-01'")["Partitions"]
    assert [one["Values"] for one in found] == [["2026-01-02"]]


def test_an_expression_has_a_length(glue: Any) -> None:
    seed_table(glue)
    with refused("ValidationException", "length less than or equal to 2048"):
        glue.get_partitions(**PART, Expression="dt = '" + "x" * 2048 + "'")


def test_an_expression_that_is_none(glue: Any) -> None:
    seed_table(glue, days=1)
    for wrong in ("dt ==", "other = '1'"):
        with refused("InvalidInputException"):
            glue.get_partitions(**PART, Expression=wrong)


def test_partitions_by_value(glue: Any) -> None:
    seed_table(glue, days=5)
    keys = [{"Values": [value]} for value in ("00001", "00004", "missing")]
    answer = glue.batch_get_partition(**PART, PartitionsToGet=keys)
    assert [one["Values"] for one in answer["Partitions"]] == [["00001"], ["00004"]]
    assert answer["UnprocessedKeys"] == []
    with refused("ValidationException", "1000"):
        glue.batch_get_partition(**PART, PartitionsToGet=keys[:1] * 1001)


def test_each_account_and_region_has_a_catalog_of_its_own(aws: Emulator) -> None:
    seed_table(aws.client("glue"), "mine")
    seed_table(aws.client("glue", account_id=OTHER), "theirs")
    seed_table(aws.client("glue", region="eu-west-1"), "far")
    mine = aws.client("glue").get_databases()["DatabaseList"]
    assert names(mine) == ["mine"]
    assert mine[0]["CatalogId"] == ACCOUNT
    theirs = aws.client("glue").get_databases(CatalogId=OTHER)["DatabaseList"]
    assert names(theirs) == ["theirs"]
    assert theirs[0]["CatalogId"] == OTHER
    far = aws.client("glue", region="eu-west-1").get_databases()["DatabaseList"]
    assert names(far) == ["far"]


def test_functions(glue: Any) -> None:
    seed_table(glue)
    glue.create_database(DatabaseInput={"Name": "other"})
    for database, name in (("db", "mask"), ("db", "hash"), ("other", "mask")):
        glue.create_user_defined_function(
            DatabaseName=database,
            FunctionInput={"FunctionName": name, "ClassName": "com.acme.Udf"},
        )
    asked = glue.get_user_defined_functions(DatabaseName="db", Pattern="*")
    assert [one["FunctionName"] for one in asked["UserDefinedFunctions"]] == ["hash", "mask"]
    asked = glue.get_user_defined_functions(Pattern="ma.*")["UserDefinedFunctions"]
    assert [one["DatabaseName"] for one in asked] == ["db", "other"]
    one = glue.get_user_defined_function(DatabaseName="db", FunctionName="hash")
    assert one["UserDefinedFunction"]["ClassName"] == "com.acme.Udf"
    with refused("AlreadyExistsException"):
        glue.create_user_defined_function(DatabaseName="db", FunctionInput={"FunctionName": "hash"})
    glue.delete_user_defined_function(DatabaseName="db", FunctionName="hash")
    with refused("EntityNotFoundException", "Function hash not found."):
        glue.get_user_defined_function(DatabaseName="db", FunctionName="hash")


def test_search(aws: Emulator, glue: Any) -> None:
    for table in ("orders", "customers"):
        seed_table(glue, table=table)
    seed_table(glue, "other", "orders")
    assert names(glue.search_tables(SearchText="order")["TableList"]) == ["orders", "orders"]
    filters = [{"Key": "DatabaseName", "Value": "other"}]
    assert names(glue.search_tables(Filters=filters)["TableList"]) == ["orders"]
    arn = f"arn:aws:glue:us-east-1:{ACCOUNT}"
    policy = allow("glue:SearchTables", on=[f"{arn}:catalog", f"{arn}:table/db/*"])
    limited = aws.client_for("glue", signed_in(aws, policy))
    assert names(limited.search_tables()["TableList"]) == ["orders", "customers"]


def test_versions_of_a_table(glue: Any) -> None:
    seed_table(glue)
    for comment in ("second", "third"):
        glue.update_table(DatabaseName="db", TableInput={"Name": "T", "Description": comment})
    versions = glue.get_table_versions(**PART)["TableVersions"]
    assert [one["VersionId"] for one in versions] == ["3", "2", "1"]
    assert glue.get_table(DatabaseName="db", Name="t")["Table"]["Description"] == "third"


def test_a_resource_link_is_answered_as_a_link(glue: Any) -> None:
    glue.create_database(DatabaseInput={"Name": "db"})
    target = {"CatalogId": OTHER, "DatabaseName": "theirs", "Name": "t"}
    glue.create_table(DatabaseName="db", TableInput={"Name": "link", "TargetTable": target})
    assert glue.get_table(DatabaseName="db", Name="link")["Table"]["TargetTable"] == target


def test_an_operation_that_nobody_knows(glue: Any) -> None:
    with refused("NotImplemented", "get_catalog", 501):
        glue.get_catalogs()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"[]", "SerializationException"),
        (b'{"DatabaseName": "db"}', "ValidationException"),
    ],
)
def test_input_that_no_sdk_would_send(aws: Emulator, glue: Any, body: bytes, code: str) -> None:
    seed_table(glue)
    headers = {"X-Amz-Target": "AWSGlue.GetTable", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", aws.endpoint_url, headers, body)
    admin = glue._request_signer._credentials
    SigV4Auth(Credentials(admin.access_key, admin.secret_key), "glue", "us-east-1").add_auth(
        request
    )
    session = URLLib3Session()
    answer = session.send(request.prepare())
    session.close()
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == code
