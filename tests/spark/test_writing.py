"""Rows that Spark writes where it runs: whole or not at all, with the session's own identity."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.spark.plans import columns, plan
from deltalake import DeltaTable
from tests.spark.lakes import access, put, reading, relation, role

import headwater as hw
from headwater.engines.spark import SparkEngine, streams
from headwater.errors import AccessDeniedError, ConfigError, EngineError, UnsupportedError
from headwater_aws.testing import Emulator

LOG = pa.table({"id": ["a", "b", "c"], "score": [0.5, float("nan"), None]})
QUERY = "SELECT id, score FROM log"
SOON_WRONG = "SELECT 1 / (length(id) - 1) AS x FROM log"


@pytest.fixture
def workspace(spark_engine: SparkEngine) -> Iterator[hw.Workspace]:
    with hw.Workspace() as made:
        made.use_engine(SparkEngine(spark_engine.opened().session))
        yield made


def dataset(workspace: hw.Workspace, query: str = QUERY, engine: str = "spark") -> hw.Dataset:
    return workspace.sql(query, hw.MemoryDataSource(tables={"log": LOG}), engine=engine)


def ids(folder: Path) -> list[str]:
    return sorted(map(str, pq.read_table(folder)["id"].to_pylist()))


def left(folder: Path) -> list[str]:
    """Return what is in a folder, what is hidden among it."""
    return sorted(p.name for p in folder.iterdir())


def test_a_directory_of_parquet_files_appears_at_once(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    data = dataset(workspace)
    place = f"file://{tmp_path}/rows é"
    assert data.write_parquet(place) == place
    assert ids(tmp_path / "rows é") == ["a", "b", "c"]
    assert (tmp_path / "rows é" / "_SUCCESS").exists()
    assert left(tmp_path) == ["rows é"]
    assert (data.stats.rows, data.stats.finished) == (3, True)


def test_what_is_there_is_replaced_only_when_that_was_asked_for(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    place = f"file://{tmp_path}/rows"
    dataset(workspace).write_parquet(place)
    one = dataset(workspace, "SELECT id FROM log WHERE id = 'b'")
    with pytest.raises(ConfigError, match="rows exists"):
        one.write_parquet(place)
    assert ids(tmp_path / "rows") == ["a", "b", "c"]
    one.write_parquet(place, overwrite=True)
    assert ids(tmp_path / "rows") == ["b"]
    assert left(tmp_path) == ["rows"]


def test_a_write_that_fails_leaves_what_was_there(workspace: hw.Workspace, tmp_path: Path) -> None:
    place = f"file://{tmp_path}/rows"
    dataset(workspace).write_parquet(place)
    wrong = dataset(workspace, SOON_WRONG)
    for target, overwrite in ((place, True), (f"{place}-new", False)):
        with pytest.raises(EngineError, match="DIVIDE_BY_ZERO") as caught:
            wrong.write_parquet(target, overwrite=overwrite)
        assert caught.value.code == "spark-runtime-error"
    assert not wrong.stats.finished
    assert ids(tmp_path / "rows") == ["a", "b", "c"]
    assert left(tmp_path) == ["rows"]


def test_a_directory_with_anything_else_is_never_replaced(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"holds 'thesis\.txt'"):
        dataset(workspace).write_parquet(f"file://{tmp_path}/home", overwrite=True)
    assert left(tmp_path / "home") == ["thesis.txt"]


def test_a_delta_table_is_written_in_one_commit(workspace: hw.Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "delta")
    dataset(workspace).write_delta(place)
    assert sorted(DeltaTable(place).to_pyarrow_table()["id"].to_pylist()) == ["a", "b", "c"]
    one = dataset(workspace, "SELECT id FROM log WHERE id = 'b'")
    with pytest.raises(ConfigError, match="delta exists"):
        one.write_delta(place)
    with pytest.raises(EngineError, match="DIVIDE_BY_ZERO"):
        dataset(workspace, SOON_WRONG).write_delta(place, overwrite=True)
    one.write_delta(place, overwrite=True)
    table = DeltaTable(place)
    assert table.version() == 1
    assert table.to_pyarrow_table().to_pydict() == {"id": ["b"]}


def test_an_iceberg_table_is_written_in_one_snapshot(
    workspace: hw.Workspace, spark_engine: SparkEngine, tmp_path: Path
) -> None:
    session = spark_engine.opened().session
    session.conf.set("spark.sql.catalog.written", "org.apache.iceberg.spark.SparkCatalog")
    session.conf.set("spark.sql.catalog.written.type", "hadoop")
    session.conf.set("spark.sql.catalog.written.cache-enabled", "false")
    session.conf.set("spark.sql.catalog.written.warehouse", f"file://{tmp_path}")
    dataset(workspace).write_iceberg("written.db.t")
    assert len(streams.rows(session.table("written.db.t"))) == 3
    one = dataset(workspace, "SELECT id FROM log WHERE id = 'b'")
    with pytest.raises(ConfigError, match=r"written\.db\.t exists"):
        one.write_iceberg("written.db.t")
    with pytest.raises(EngineError, match="DIVIDE_BY_ZERO"):
        dataset(workspace, SOON_WRONG).write_iceberg("written.db.t", overwrite=True)
    one.write_iceberg("written.db.t", overwrite=True)
    assert streams.rows(session.table("written.db.t")) == [{"id": "b"}]
    with pytest.raises(ConfigError, match="names no catalog"):
        one.write_iceberg("t")
    with pytest.raises(ConfigError, match="knows no catalog 'nowhere'"):
        one.write_iceberg("nowhere.db.t")


def test_other_engines_write_to_this_machine_alone(workspace: hw.Workspace) -> None:
    data = dataset(workspace, engine="embedded")
    with pytest.raises(UnsupportedError, match="embedded engine, which writes to this machine's"):
        data.write_parquet("s3://bucket/rows")


def test_a_connect_server_writes_but_replaces_no_files(
    spark_connect: SparkEngine, tmp_path: Path
) -> None:
    with hw.Workspace() as workspace:
        workspace.use_engine(SparkEngine(spark_connect.opened().session))
        place = f"file://{tmp_path}/rows"
        dataset(workspace).write_parquet(place)
        assert ids(tmp_path / "rows") == ["a", "b", "c"]
        with pytest.raises(ConfigError, match="rows exists"):
            dataset(workspace).write_parquet(place)
        with pytest.raises(UnsupportedError, match="can't replace a directory"):
            dataset(workspace).write_parquet(place, overwrite=True)
        with pytest.raises(EngineError, match="DIVIDE_BY_ZERO"):
            dataset(workspace, SOON_WRONG).write_parquet(f"{place}-new")
        assert not list(tmp_path.glob("rows-new/*.parquet"))


def keys_of(bucket: str, aws: Emulator, secrets: Any) -> dict[str, str]:
    words = {
        "access_key_id": "access.key",
        "secret_access_key": "secret.key",
        "session_token": "session.token",
    }
    own = {f"fs.s3a.bucket.{bucket}.{words[k]}": v.reveal() for k, v in secrets.items()}
    return own | {
        f"fs.s3a.bucket.{bucket}.endpoint": aws.endpoint_url,
        f"fs.s3a.bucket.{bucket}.endpoint.region": "us-east-1",
        f"fs.s3a.bucket.{bucket}.path.style.access": "true",
        f"fs.s3a.bucket.{bucket}.aws.credentials.provider": (
            "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider"
        ),
    }


def test_s3_is_read_as_the_role_and_written_as_the_session(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    """Both in one bucket: what reads must not write, what writes must not read."""
    bucket = f"b{aws.endpoint_url.rpartition(':')[2]}"  # Hadoop keeps a bucket's file system
    aws.client("s3").create_bucket(Bucket=bucket)
    table = relation(columns(id="bigint"), {(): [put(aws, bucket, "in/a.parquet", id=[1, 2])]})
    everything = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/in/*"},
        ],
    }
    writer = role(aws, "writer", policy=everything)
    session = spark_engine.opened().session
    settings = keys_of(bucket, aws, writer.storage().secrets)
    for key, value in settings.items():
        session.conf.set(key, value)
    query = plan("SELECT id FROM `hw`.`t0` AS t", table)
    reader = role(aws, policy=reading(f"{bucket}/in/"))
    try:
        with access(lake=reader) as opened:
            count = spark_engine.write(query, opened, f"s3://{bucket}/out", format="parquet")
            assert count == 2
            with pytest.raises(ConfigError, match="out exists"):
                spark_engine.write(query, opened, f"s3://{bucket}/out", format="parquet")
            spark_engine.write(
                query, opened, f"s3://{bucket}/out", format="parquet", overwrite=True
            )
            spark_engine.write(query, opened, f"s3://{bucket}/delta", format="delta")
    finally:
        for key in settings:
            session.conf.unset(key)
    client = aws.client("s3")
    found = [o["Key"] for o in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert [k for k in found if k.startswith("out/") and k.endswith(".parquet")]
    assert "out/_SUCCESS" in found
    assert "delta/_delta_log/00000000000000000000.json" in found
    assert not [k for k in found if ".tmp" in k or ".old" in k]
    who = {
        str(r.principal).rpartition("/")[2]
        for r in aws.requests
        if r.action == "PutObject" and "/in/" not in f"/{r.parameters['key']}"
    }
    assert who == {"writer"}


def test_what_the_session_may_not_write_is_told(spark_engine: SparkEngine, aws: Emulator) -> None:
    bucket = f"d{aws.endpoint_url.rpartition(':')[2]}"
    aws.client("s3").create_bucket(Bucket=bucket)
    table = relation(columns(id="bigint"), {(): [put(aws, bucket, "in/a.parquet", id=[1, 2])]})
    session = spark_engine.opened().session
    nobody = role(aws, "nobody", policy=reading("elsewhere/"))
    settings = keys_of(bucket, aws, nobody.storage().secrets)
    for key, value in settings.items():
        session.conf.set(key, value)
    try:
        with (
            access(lake=role(aws)) as opened,
            pytest.raises(AccessDeniedError, match=r"writing to s3a://.*/out was denied"),
        ):
            spark_engine.write(
                plan("SELECT id FROM `hw`.`t0` AS t", table),
                opened,
                f"s3a://{bucket}/out",
                format="parquet",
            )
    finally:
        for key in settings:
            session.conf.unset(key)
