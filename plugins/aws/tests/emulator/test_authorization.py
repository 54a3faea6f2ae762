"""Identity, session and resource policies together, on the ARNs that AWS asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plugins.aws.tests.emulator.support import (
    ACCOUNT,
    OTHER,
    allow,
    refused,
    seed_table,
    signed_in,
)

from headwater_aws.testing import Emulator

GLUE = f"arn:aws:glue:us-east-1:{ACCOUNT}"
CATALOG, DATABASE, TABLE = f"{GLUE}:catalog", f"{GLUE}:database/db", f"{GLUE}:table/db/t"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/role-0/session"


@pytest.fixture
def lake(aws: Emulator) -> Emulator:
    seed_table(aws.client("glue"), days=3)
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="lake")
    for key in ("t/1", "t/2", "secret/1"):
        s3.put_object(Bucket="lake", Key=key, Body=b"x")
    return aws


def glue(aws: Emulator, policy: dict[str, Any], **more: Any) -> Any:
    return aws.client_for("glue", signed_in(aws, policy, **more))


def s3(aws: Emulator, policy: dict[str, Any], **more: Any) -> Any:
    return aws.client_for("s3", signed_in(aws, policy, **more))


def test_get_table_needs_catalog_database_and_table(lake: Emulator) -> None:
    needed = [CATALOG, DATABASE, TABLE]
    glue(lake, allow("glue:GetTable", on=needed)).get_table(DatabaseName="db", Name="t")
    for missing in needed:
        client = glue(lake, allow("glue:GetTable", on=[one for one in needed if one != missing]))
        with refused(
            "AccessDeniedException",
            f"is not authorized to perform: glue:GetTable on resource: {missing} because no "
            "identity-based policy allows the glue:GetTable action",
            400,
        ):
            client.get_table(DatabaseName="db", Name="t")


def test_the_refusal_names_the_caller(lake: Emulator) -> None:
    with refused("AccessDeniedException", f"User: {SESSION} is not authorized to perform"):
        glue(lake, allow("s3:*")).get_database(Name="db")


def test_partitions_are_judged_as_their_table(lake: Emulator) -> None:
    asked = {"DatabaseName": "db", "TableName": "t"}
    actions = ("glue:GetPartition", "glue:GetPartitions", "glue:BatchGetPartition")
    client = glue(lake, allow(*actions, on=[CATALOG, DATABASE, TABLE]))
    assert len(client.get_partitions(**asked)["Partitions"]) == 3
    client.get_partition(**asked, PartitionValues=["00001"])
    client.batch_get_partition(**asked, PartitionsToGet=[{"Values": ["00001"]}])
    client = glue(lake, allow(*actions, on=[CATALOG, DATABASE]))
    with refused("AccessDeniedException", TABLE):
        client.get_partitions(**asked)


def test_lists_show_only_what_is_allowed(lake: Emulator) -> None:
    for table in ("t_public", "u"):
        seed_table(lake.client("glue"), table=table)
    lake.client("glue").create_database(DatabaseInput={"Name": "hidden"})
    policy = allow(
        "glue:GetTables", "glue:GetDatabases", on=[CATALOG, DATABASE, f"{GLUE}:table/db/t*"]
    )
    client = glue(lake, policy)
    tables = client.get_tables(DatabaseName="db")["TableList"]
    assert [one["Name"] for one in tables] == ["t", "t_public"]
    assert [one["Name"] for one in client.get_databases()["DatabaseList"]] == ["db"]
    with refused("AccessDeniedException", f"{GLUE}:database/hidden"):
        client.get_tables(DatabaseName="hidden")


def test_names_are_folded_before_they_are_judged(lake: Emulator) -> None:
    client = glue(lake, allow("glue:GetTable", on=[CATALOG, DATABASE, TABLE]))
    assert client.get_table(DatabaseName="DB", Name="T")["Table"]["Name"] == "t"


def test_writing_is_judged_too(lake: Emulator) -> None:
    client = glue(lake, allow("glue:Get*"))
    with refused("AccessDeniedException", "glue:DeleteTable"):
        client.delete_table(DatabaseName="db", Name="t")
    with refused("AccessDeniedException", "glue:CreateTable"):
        client.create_table(DatabaseName="db", TableInput={"Name": "new"})
    mine = allow("glue:CreateTable", on=[CATALOG, DATABASE, f"{GLUE}:table/db/new"])
    glue(lake, mine).create_table(DatabaseName="db", TableInput={"Name": "New"})
    assert lake.client("glue").get_table(DatabaseName="db", Name="new")


def test_an_explicit_deny_outweighs(lake: Emulator) -> None:
    policy = allow("glue:*")
    policy["Statement"].append({"Effect": "Deny", "Action": "glue:GetTable", "Resource": TABLE})
    with refused("AccessDeniedException", "with an explicit deny in an identity-based policy"):
        glue(lake, policy).get_table(DatabaseName="db", Name="t")


def test_a_session_policy_only_narrows(lake: Emulator) -> None:
    narrowed = json.dumps(allow("glue:*", on=[CATALOG, DATABASE, TABLE]))
    client = glue(lake, allow("glue:Get*"), Policy=narrowed)
    client.get_table(DatabaseName="db", Name="t")
    seed_table(lake.client("glue"), table="u")
    with refused("AccessDeniedException", "because no session policy allows the glue:GetTable"):
        client.get_table(DatabaseName="db", Name="u")
    with refused("AccessDeniedException", "because no identity-based policy allows"):
        client.delete_table(DatabaseName="db", Name="t")


def test_a_session_policy_may_deny(lake: Emulator) -> None:
    narrowed = allow("*")
    narrowed["Statement"].append({"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"})
    client = s3(lake, allow("s3:*"), Policy=json.dumps(narrowed))
    with refused("AccessDenied", "with an explicit deny in a session policy"):
        client.get_object(Bucket="lake", Key="t/1")


def test_policies_are_those_of_the_moment(lake: Emulator) -> None:
    client = glue(lake, allow("glue:*"))
    client.get_database(Name="db")
    lake.client("iam").delete_role_policy(RoleName="role-0", PolicyName="access")
    with refused("AccessDeniedException"):
        client.get_database(Name="db")


def test_attached_policies_count(lake: Emulator) -> None:
    client = glue(lake, allow("s3:*"))
    iam = lake.client("iam")
    made = iam.create_policy(PolicyName="glue", PolicyDocument=json.dumps(allow("glue:*")))
    iam.attach_role_policy(RoleName="role-0", PolicyArn=made["Policy"]["Arn"])
    client.get_database(Name="db")


def test_objects_and_buckets_are_different_resources(lake: Emulator) -> None:
    reader = s3(lake, allow("s3:GetObject", on="arn:aws:s3:::lake/t/*"))
    assert reader.get_object(Bucket="lake", Key="t/1")["Body"].read() == b"x"
    assert reader.head_object(Bucket="lake", Key="t/1")["ContentLength"] == 1
    with refused(
        "AccessDenied",
        's3:ListBucket on resource: "arn:aws:s3:::lake" because no identity-based policy',
        403,
    ):
        reader.list_objects_v2(Bucket="lake")
    with refused("AccessDenied", '"arn:aws:s3:::lake/secret/1"'):
        reader.get_object(Bucket="lake", Key="secret/1")
    with refused("403"):  # a HEAD has no body to say more in
        reader.head_object(Bucket="lake", Key="secret/1")


def test_who_may_not_list_is_not_told_what_is_missing(lake: Emulator) -> None:
    blind = s3(lake, allow("s3:GetObject"))
    with refused("AccessDenied"):
        blind.get_object(Bucket="lake", Key="t/missing")
    seeing = s3(lake, allow("s3:GetObject", "s3:ListBucket"))
    with refused("NoSuchKey"):
        seeing.get_object(Bucket="lake", Key="t/missing")
    with refused("404"):
        seeing.head_object(Bucket="lake", Key="t/missing")


def test_listing_may_be_limited_to_a_prefix(lake: Emulator) -> None:
    client = s3(
        lake, allow("s3:ListBucket", on="arn:aws:s3:::lake", StringLike={"s3:prefix": ["t/*"]})
    )
    found = client.list_objects_v2(Bucket="lake", Prefix="t/")["Contents"]
    assert [one["Key"] for one in found] == ["t/1", "t/2"]
    for prefix in ("", "t", "secret/"):
        with refused("AccessDenied"):
            client.list_objects_v2(Bucket="lake", Prefix=prefix)
    with refused("AccessDenied"):
        client.list_objects_v2(Bucket="lake")


def test_listing_may_be_limited_to_a_delimiter(lake: Emulator) -> None:
    condition = {"StringEquals": {"s3:prefix": "", "s3:delimiter": "/"}}
    client = s3(lake, allow("s3:ListBucket", on="arn:aws:s3:::lake", **condition))
    found = client.list_objects_v2(Bucket="lake", Prefix="", Delimiter="/")["CommonPrefixes"]
    assert [one["Prefix"] for one in found] == ["secret/", "t/"]
    for more in ({"Prefix": ""}, {"Delimiter": "/"}):  # a key that is not sent equals nothing
        with refused("AccessDenied"):
            client.list_objects_v2(Bucket="lake", **more)


def test_copying_reads_the_source(lake: Emulator) -> None:
    writer = s3(lake, allow("s3:PutObject"))
    with refused("AccessDenied", "s3:GetObject"):
        writer.copy_object(Bucket="lake", Key="new", CopySource="lake/secret/1")


def test_deleting_many_needs_each(lake: Emulator) -> None:
    client = s3(lake, allow("s3:DeleteObject", on="arn:aws:s3:::lake/t/*"))
    keys = [{"Key": "t/1"}, {"Key": "secret/1"}]
    with refused("AccessDenied", "secret/1"):
        client.delete_objects(Bucket="lake", Delete={"Objects": keys})
    client.delete_objects(Bucket="lake", Delete={"Objects": keys[:1]})


def test_another_accounts_bucket_needs_both_sides(lake: Emulator) -> None:
    credentials = signed_in(lake, allow("s3:GetObject"), account_id=OTHER)
    visitor = lake.client_for("s3", credentials)
    with refused("AccessDenied", "Access Denied", 403):
        visitor.get_object(Bucket="lake", Key="t/1")
    policy = allow("s3:GetObject", on="arn:aws:s3:::lake/t/*")
    policy["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{OTHER}:root"}
    lake.client("s3").put_bucket_policy(Bucket="lake", Policy=json.dumps(policy))
    assert visitor.get_object(Bucket="lake", Key="t/1")["Body"].read() == b"x"
    with refused("AccessDenied"):
        visitor.get_object(Bucket="lake", Key="secret/1")
    weak = lake.client_for("s3", signed_in(lake, allow("glue:*"), account_id=OTHER))
    with refused("AccessDenied"):
        weak.get_object(Bucket="lake", Key="t/1")


def test_a_bucket_policy_that_denies_its_own_account(lake: Emulator) -> None:
    client = s3(lake, allow("s3:*"))
    policy = allow("s3:GetObject", on="arn:aws:s3:::lake/secret/*")
    policy["Statement"][0].update({"Effect": "Deny", "Principal": "*"})
    lake.client("s3").put_bucket_policy(Bucket="lake", Policy=json.dumps(policy))
    client.get_object(Bucket="lake", Key="t/1")
    with refused("AccessDenied", "with an explicit deny in a resource-based policy"):
        client.get_object(Bucket="lake", Key="secret/1")


def test_a_bucket_policy_may_let_in_a_role_of_its_own_account(lake: Emulator) -> None:
    client = s3(lake, allow("glue:*"))
    policy = allow("s3:GetObject", on="arn:aws:s3:::lake/*")
    policy["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/role-0"}
    lake.client("s3").put_bucket_policy(Bucket="lake", Policy=json.dumps(policy))
    client.get_object(Bucket="lake", Key="t/1")


def test_a_bucket_policy_that_names_only_its_own_account_lets_nobody_in(lake: Emulator) -> None:
    client = s3(lake, allow("glue:*"))
    policy = allow("s3:GetObject", on="arn:aws:s3:::lake/*")
    policy["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    lake.client("s3").put_bucket_policy(Bucket="lake", Policy=json.dumps(policy))
    with refused("AccessDenied", "because no identity-based policy allows"):
        client.get_object(Bucket="lake", Key="t/1")


def test_another_accounts_catalog_needs_its_policy(lake: Emulator) -> None:
    credentials = signed_in(lake, allow("glue:Get*"), account_id=OTHER)
    visitor = lake.client_for("glue", credentials)
    asked = {"CatalogId": ACCOUNT, "DatabaseName": "db", "Name": "t"}
    with refused(
        "AccessDeniedException",
        f"{CATALOG} because no resource-based policy allows the glue:GetTable action",
    ):
        visitor.get_table(**asked)
    policy = allow("glue:GetTable", on=[CATALOG, DATABASE, TABLE])
    policy["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{OTHER}:role/role-0"}
    lake.client("glue").put_resource_policy(PolicyInJson=json.dumps(policy))
    assert visitor.get_table(**asked)["Table"]["CatalogId"] == ACCOUNT
    with refused("EntityNotFoundException"):
        visitor.get_table(DatabaseName="db", Name="t")  # its own catalog has none


def test_the_default_policy_reads_its_own_account(lake: Emulator) -> None:
    credentials = signed_in(lake)
    lake.client_for("glue", credentials).get_table(DatabaseName="db", Name="t")
    lake.client_for("s3", credentials).get_object(Bucket="lake", Key="t/1")
    with refused("AccessDeniedException"):
        lake.client_for("glue", credentials).delete_table(DatabaseName="db", Name="t")
    with refused("AccessDenied"):
        lake.client_for("s3", credentials).put_object(Bucket="lake", Key="t/1", Body=b"")


def test_iam_itself_is_guarded(lake: Emulator) -> None:
    with refused("AccessDenied", "iam:ListRoles"):
        lake.client_for("iam", signed_in(lake)).list_roles()


def test_users_may_be_named_by_variables(lake: Emulator) -> None:
    policy = allow("s3:GetObject", on="arn:aws:s3:::lake/${aws:username}/*")
    key, secret = lake.create_user_keys(ACCOUNT, policy, name="t")
    client = lake.client_for("s3", {"AccessKeyId": key, "SecretAccessKey": secret})
    client.get_object(Bucket="lake", Key="t/1")
    with refused("AccessDenied"):
        client.get_object(Bucket="lake", Key="secret/1")
