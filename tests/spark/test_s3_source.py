"""The S3 source gives through Spark the rows that it gives through the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket
from plugins.s3.tests.test_lakes import iceberg

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater_aws.testing import Emulator
from headwater_s3 import S3DataSource

pytestmark = pytest.mark.slow

TYPES = {"id": "string", "score": "double", "n": "bigint", "ok": "boolean"}
ROWS = pa.table(
    {
        "id": ["a", "é b", None, "d"],
        "score": [0.5, -0.0, None, 1e300],
        "n": pa.array([1, None, 2**53 + 1, -7], pa.int64()),
        "ok": [True, False, None, True],
    }
)
LINES = (
    '{"id":"a","score":0.5,"n":1,"ok":true}\n{"id":"é b","score":-0.0,"ok":false}\n'
    '{"id":null}\n{"id":"d","score":1e300,"n":-7,"ok":true,"more":[1]}\n'
)
QUERY = "SELECT id, score, n, ok, dt FROM {data} WHERE dt >= DATE '2026-01-02'"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Emulator() as aws:
        yield Bucket(aws)


def rows(source: S3DataSource, engine: hw.Engine) -> list[str]:
    with hw.Workspace() as workspace:
        workspace.use_engine(engine)
        found = workspace.sql(source.sql(), source, engine=engine.name).to_arrow()
    return sorted(map(repr, (tuple(r.values()) for r in found.to_pylist())))


def same(bucket: Bucket, spark: SparkEngine, source: S3DataSource) -> list[str]:
    from headwater.engines.embedded import EmbeddedEngine

    bucket.aws.requests.clear()
    found = rows(source, SparkEngine(spark.opened().session))
    assert bucket.aws.requests.select("s3:GetObject"), "Spark read nothing of S3"
    assert found == rows(source, EmbeddedEngine())
    return found


@pytest.mark.parametrize("format", ["parquet", "orc", "csv", "json"])
def test_files_in_directories_of_keys(
    bucket: Bucket, spark_engine: SparkEngine, format: str
) -> None:
    csv = "id,score,n,ok\na,0.5,1,true\né b,-0.0,,false\n,,,\nd,1e300,-7,true\n"
    content: pa.Table | str = {"csv": csv, "json": LINES}.get(format, ROWS)
    for day in (1, 2, 3):
        bucket.write(f"in/dt=2026-01-0{day}/a.{format}", content)
    told = {"csv": {"columns": {**TYPES, "dt": "date"}, "options": {"header": "true"}}}
    told["json"] = {"columns": {**TYPES, "dt": "date"}}
    source = bucket.source(
        "in/", format=format, query=QUERY, **told.get(format, {"columns": {"dt": "date"}})
    )
    assert len(same(bucket, spark_engine, source)) == 8


def test_a_delta_table(bucket: Bucket, spark_engine: SparkEngine) -> None:
    from deltalake import write_deltalake

    for _ in range(2):
        options = bucket.everything()
        write_deltalake("s3://lake/d", ROWS, mode="append", storage_options=options)
    source = bucket.source("d", format="delta", query="SELECT id, score, n, ok FROM {data}")
    assert len(same(bucket, spark_engine, source)) == 8


def test_an_iceberg_table(bucket: Bucket, spark_engine: SparkEngine, tmp_path: Path) -> None:
    table = iceberg(bucket, tmp_path)
    table.append(pa.table({"Id": ["a", "b"], "score": [0.5, float("nan")]}))
    place = table.location().removeprefix("s3://lake/")
    source = bucket.source(place, format="iceberg", query="SELECT id, score FROM {data}")
    assert len(same(bucket, spark_engine, source)) == 2


def test_avro_files(bucket: Bucket, spark_engine: SparkEngine, tmp_path: Path) -> None:
    session = spark_engine.opened().session
    frame = session.createDataFrame(ROWS)
    frame.repartition(2).write.format("avro").save(str(tmp_path / "avro"))
    for part in (tmp_path / "avro").glob("*.avro"):
        bucket.write(f"avro/{part.name}", part.read_bytes())
    source = bucket.source(
        "avro/", format="avro", columns=TYPES, query="SELECT id, score, n, ok FROM {data}"
    )
    expected = sorted(map(repr, (tuple(r.values()) for r in ROWS.to_pylist())))
    assert same(bucket, spark_engine, source) == expected
