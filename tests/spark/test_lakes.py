"""Iceberg and Delta tables on Spark: pinned, in S3 as headwater's identities, and locally."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.spark.plans import columns, files, rows, table
from deltalake import write_deltalake
from tests.iceberg import file_catalog
from tests.spark.lakes import access, reading, role

from headwater.engines.spark import SparkEngine
from headwater.errors import AccessDeniedError, EngineError, UnsupportedError
from headwater.tables.relation import CatalogRelation, DeltaRelation, IcebergRelation
from headwater.tables.table import TableName
from headwater_aws.testing import Emulator

COLUMNS = columns(id="bigint", name="string")
WRITER = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
SQL = "SELECT * FROM `hw`.`t0` AS t ORDER BY id"
FIRST = [{"id": 1, "name": "a"}, {"id": 2, "name": None}]


def some(*ids: int) -> pa.Table:
    names = ["a" if i == 1 else None for i in ids]
    return pa.table({"id": pa.array(ids, pa.int64()), "name": pa.array(names, pa.string())})


def iceberg(directory: Path, warehouse: str, **options: str) -> tuple[str, int]:
    """Write a table of two snapshots; gives its metadata file and its first snapshot."""
    catalog = file_catalog(directory, warehouse, **options)
    try:
        made = catalog.create_table("db.t", schema=some().schema)
        made.append(some(1, 2))
        first = made.current_snapshot()
        assert first is not None
        made.append(some(3))
        return made.metadata_location, first.snapshot_id
    finally:
        catalog.close()


def iceberg_relation(place: str, snapshot: int | None, ref: str | None) -> IcebergRelation:
    return IcebergRelation(TableName("db", "t"), COLUMNS, place, snapshot, ref)


def delta_relation(place: str, version: int, ref: str | None = None) -> DeltaRelation:
    return DeltaRelation(TableName("db", "t"), COLUMNS, place, version, ref)


def writer(aws: Emulator) -> dict[str, Any]:
    keys = role(aws, "writer", policy=WRITER).storage().secrets
    return {name: secret.reveal() for name, secret in keys.items()}


def test_a_local_iceberg_table_at_its_snapshot(spark_engine: SparkEngine, tmp_path: Path) -> None:
    place, first = iceberg(tmp_path, f"file://{tmp_path}/warehouse")
    assert rows(spark_engine, SQL, iceberg_relation(place, first, None)) == FIRST
    assert table(spark_engine, SQL, iceberg_relation(place, None, None)).num_rows == 0


def test_a_local_delta_table_at_its_version(spark_engine: SparkEngine, tmp_path: Path) -> None:
    place = str(tmp_path / "a b é")
    write_deltalake(place, some(1, 2))
    write_deltalake(place, some(3), mode="append")
    assert rows(spark_engine, SQL, delta_relation(place, 0)) == FIRST
    assert len(rows(spark_engine, SQL, delta_relation(place, 1))) == 3


def test_an_iceberg_table_in_s3_is_read_as_the_role(
    spark_engine: SparkEngine, aws: Emulator, tmp_path: Path
) -> None:
    keys = writer(aws)
    place, first = iceberg(
        tmp_path,
        "s3://lake/warehouse",
        **{
            "s3.endpoint": aws.endpoint_url,
            "s3.region": "us-east-1",
            "s3.access-key-id": keys["access_key_id"],
            "s3.secret-access-key": keys["secret_access_key"],
            "s3.session-token": keys["session_token"],
        },
    )
    aws.requests.clear()
    with access(lake=role(aws, policy=reading("lake/warehouse/"))) as opened:
        found = rows(spark_engine, SQL, iceberg_relation(place, first, "lake"), access=opened)
    assert found == FIRST
    assert {str(r.principal).rpartition("/")[2] for r in aws.requests if r.service == "s3"} == {
        "reader"
    }
    with (
        access(lake=role(aws, "other", policy=reading("lake/elsewhere/"))) as opened,
        pytest.raises(AccessDeniedError),
    ):
        rows(spark_engine, SQL, iceberg_relation(place, first, "lake"), access=opened)


def test_an_iceberg_read_outlives_its_credentials(
    spark_engine: SparkEngine, aws: Emulator, tmp_path: Path
) -> None:
    keys = writer(aws)
    options = {
        "s3.endpoint": aws.endpoint_url,
        "s3.region": "us-east-1",
        "s3.access-key-id": keys["access_key_id"],
        "s3.secret-access-key": keys["secret_access_key"],
        "s3.session-token": keys["session_token"],
    }
    catalog = file_catalog(tmp_path, "s3://lake/w", **options)
    made = catalog.create_table("db.t", schema=some().schema)
    for n in range(12):
        made.append(some(n))
    catalog.close()
    last = made.current_snapshot()
    assert last is not None
    aws.requests.clear()
    aws.faults.shorten_sessions(10)
    aws.faults.slow("s3:GetObject", 1.2, resource="*/data/*")
    with access(lake=role(aws)) as opened:
        relation = iceberg_relation(made.metadata_location, last.snapshot_id, "lake")
        found = rows(spark_engine, SQL, relation, access=opened)
    assert [r["id"] for r in found] == list(range(12))
    gets = [r for r in aws.requests if r.action == "GetObject"]
    assert max(r.time for r in gets) - min(r.time for r in gets) > 10
    assert sum(r.action == "AssumeRoleWithWebIdentity" for r in aws.requests) > 1
    assert {r.status for r in gets} <= {200, 206}


def test_a_delta_table_in_s3_is_read_as_the_role(spark_engine: SparkEngine, aws: Emulator) -> None:
    keys = writer(aws)
    options = {
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "AWS_SESSION_TOKEN": keys["session_token"],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": aws.endpoint_url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_S3_ALLOW_UNSAFE_RENAME": "true",
    }
    write_deltalake("s3://lake/delta", some(1, 2), storage_options=options)
    write_deltalake("s3://lake/delta", some(3), mode="append", storage_options=options)
    aws.requests.clear()
    with access(lake=role(aws)) as opened:
        relation = delta_relation("s3://lake/delta", 0, "lake")
        assert rows(spark_engine, SQL, relation, access=opened) == FIRST
    assert {str(r.principal).rpartition("/")[2] for r in aws.requests if r.service == "s3"} == {
        "reader"
    }


def test_a_table_of_the_clusters_needs_the_users_consent_and_the_same_catalog(
    spark_engine: SparkEngine,
) -> None:
    base = spark_engine.opened().session
    session = base.newSession()
    session.sql("CREATE TABLE default.theirs USING parquet AS SELECT 1L AS id, 'a' AS name")
    try:
        asked = CatalogRelation(TableName("default", "theirs"), COLUMNS, "123456789012")
        with pytest.raises(UnsupportedError, match="read by the cluster's own metastore"):
            rows(SparkEngine(session), SQL, asked)
        cluster = SparkEngine(session, storage_identity="cluster")
        with pytest.raises(UnsupportedError, match="a catalog that it does not name"):
            rows(cluster, SQL, asked)
        session.conf.set("spark.hadoop.hive.metastore.glue.catalogid", "999999999999")
        with pytest.raises(UnsupportedError, match="on catalog 999999999999"):
            rows(cluster, SQL, asked)
        session.conf.set("spark.hadoop.hive.metastore.glue.catalogid", "123456789012")
        assert rows(cluster, SQL, asked) == FIRST[:1]
    finally:
        session.sql("DROP TABLE default.theirs")


def test_a_cluster_that_has_no_jars_says_which(spark_connect: SparkEngine, tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    path.write_bytes(b"Obj\x01")
    with pytest.raises(EngineError) as caught:
        rows(spark_connect, SQL, files([path], COLUMNS, format="avro"))
    assert "no jars for Avro" in (caught.value.hint or "")
