"""The least that a plan needs: exact ARNs, exact prefixes, and nothing for others."""

from __future__ import annotations

from headwater.auth.credentials import Identity
from headwater.interfaces.mapping import BoundMapping
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import (
    DeltaRelation,
    FilePartition,
    FileRelation,
    IcebergRelation,
    Relation,
)
from headwater.tables.table import Column, TableName
from headwater.types import STRING
from headwater_glue.source import GlueDataSource

SOURCE = GlueDataSource(
    database="ml",
    query="SELECT * FROM p JOIN v USING (id)",
    region="eu-west-1",
    databases=("other",),
)
ARN = "arn:aws:glue:eu-west-1:111111111111"
COLUMNS = (Column("id", STRING),)


def plan(*scans: tuple[str, Relation], query: str = SOURCE.sql()) -> Plan:
    estimate = ScanEstimate(1, None, 0, 0)
    return Plan(
        connection="c",
        sql="",
        query=query,
        scans=tuple(
            Scan(f"t{i}", TableName(*name.split(".")), relation, estimate)
            for i, (name, relation) in enumerate(scans)
        ),
        mapping=BoundMapping(()),
        window=None,
        engine="",
        engine_reason="",
        identities={SOURCE.auth_ref: Identity("arn", account="111111111111")},
    )


def files(name: str, *locations: str, keys: tuple[str, ...] = ()) -> FileRelation:
    *_, database, table = name.split(".")
    catalog = name.split(".")[0] if name.count(".") == 2 else None
    return FileRelation(
        TableName(database, table, catalog),
        COLUMNS,
        keys,
        partitions=tuple(FilePartition(location=place) for place in locations),
        auth_ref=SOURCE.auth_ref,
    )


def granted(of: Plan) -> dict[str, tuple[str, ...]]:
    return {p.action: p.resources for p in SOURCE.permissions(of)}


def test_one_partitioned_table() -> None:
    read = files("ml.p", "s3://lake/p/dt=1/", "s3://lake/p/dt=2", "s3://lake/p/dt=2/", keys=("dt",))
    found = list(SOURCE.permissions(plan(("ml.p", read), query="SELECT * FROM P")))
    by_action = {p.action: p for p in found}
    around = (f"{ARN}:catalog", f"{ARN}:database/ml")
    assert "glue:GetDatabase" not in by_action
    for action in ("glue:GetTable", "glue:GetPartitions", "glue:BatchGetPartition"):
        assert by_action[action].resources == (*around, f"{ARN}:table/ml/p")
    assert by_action["s3:ListBucket"].resources == ("arn:aws:s3:::lake",)
    assert by_action["s3:ListBucket"].conditions == {
        "StringLike": {"s3:prefix": ["p/dt=1/*", "p/dt=2/*"]}
    }
    assert by_action["s3:GetObject"].resources == (
        "arn:aws:s3:::lake/p/dt=1/*",
        "arn:aws:s3:::lake/p/dt=2/*",
    )
    assert all(p.reason for p in found)


def test_a_view_may_stand_on_other_views_of_its_database() -> None:
    found = granted(plan(("ml.p", files("ml.p", "s3://lake/p/"))))
    assert set(found["glue:GetTable"]) == {
        f"{ARN}:catalog",
        f"{ARN}:database/ml",
        f"{ARN}:table/ml/p",
        f"{ARN}:table/ml/v",
        f"{ARN}:table/ml/*",
    }
    assert "glue:GetPartitions" not in found


def test_a_link_needs_its_table_in_the_other_account() -> None:
    read = files("222222222222.real.t", "s3://theirs/t/")
    found = granted(plan(("ml.p", read), query="SELECT * FROM p"))
    there = "arn:aws:glue:*:222222222222"
    assert found["glue:GetDatabase"] == tuple(
        sorted(
            (f"{ARN}:catalog", f"{ARN}:database/ml", f"{there}:catalog", f"{there}:database/real")
        )
    )
    assert set(found["glue:GetTable"]) == {
        f"{ARN}:catalog",
        f"{ARN}:database/ml",
        f"{ARN}:table/ml/p",
        f"{there}:catalog",
        f"{there}:database/real",
        f"{there}:table/real/t",
    }


def test_iceberg_and_delta_need_their_whole_directory() -> None:
    iceberg = IcebergRelation(
        TableName("ml", "i"), COLUMNS, "s3://ice/t/metadata/1.json", 1, SOURCE.auth_ref
    )
    delta = DeltaRelation(TableName("ml", "d"), COLUMNS, "s3://lake/d", 3, SOURCE.auth_ref)
    found = SOURCE.permissions(plan(("ml.i", iceberg), ("ml.d", delta), query="SELECT 1"))
    read = {a for p in found if p.action == "s3:GetObject" for a in p.resources}
    assert read == {"arn:aws:s3:::ice/t/*", "arn:aws:s3:::lake/d/*"}


def test_what_another_identity_reads_is_not_asked_for() -> None:
    other = FileRelation(TableName("ml", "x"), COLUMNS, auth_ref="aws:other")
    found = list(SOURCE.permissions(plan(("ml.x", other), query="SELECT * FROM x")))
    assert not [p for p in found if p.action.startswith("s3:")]


def test_china_and_government_have_names_of_their_own() -> None:
    for region, word in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")):
        there = GlueDataSource(database="ml", table="p", region=region, catalog_id="1" * 12)
        read = FileRelation(
            TableName("ml", "p"),
            COLUMNS,
            auth_ref=there.auth_ref,
            partitions=(FilePartition(location="s3://b/p/"),),
        )
        arns = {
            a
            for p in there.permissions(plan(("ml.p", read), query="SELECT * FROM p"))
            for a in p.resources
        }
        assert {a.split(":")[1] for a in arns} == {word}
