"""Lakes whose owner wishes the reader ill, or changed their schema last, on Spark."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.spark.plans import columns, rows
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import LongType, StringType
from tests.spark.lakes import access, put, role
from tests.spark.test_lakes import SQL, WRITER, writer

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError, SourceError, UnsupportedError
from headwater.tables.relation import DeltaRelation, IcebergRelation
from headwater.tables.table import Column, TableName
from headwater_aws.testing import Emulator

NAME = TableName("db", "t")


def iceberg(aws: Emulator, folder: Path, rows_: pa.Table, *changes: Any) -> str:
    keys = writer(aws)
    catalog = SqlCatalog(
        "c",
        uri=f"sqlite:///{folder}/c.db",
        warehouse="s3://lake/wh",
        **{
            "s3.endpoint": aws.endpoint_url,
            "s3.region": "us-east-1",
            "s3.access-key-id": keys["access_key_id"],
            "s3.secret-access-key": keys["secret_access_key"],
            "s3.session-token": keys["session_token"],
        },
    )
    try:
        catalog.create_namespace("db")
        made = catalog.create_table("db.t", schema=rows_.schema)
        made.append(rows_)
        for change in changes:
            with catalog.load_table("db.t").update_schema(allow_incompatible_changes=True) as u:
                change(u)
        return str(catalog.load_table("db.t").metadata_location)
    finally:
        catalog.close()


def metadata(aws: Emulator, place: str) -> dict[str, Any]:
    body = aws.client("s3").get_object(Bucket="lake", Key=place.removeprefix("s3://lake/"))
    found: dict[str, Any] = json.loads(body["Body"].read())
    return found


def relation(aws: Emulator, told: dict[str, Any], own: tuple[Column, ...]) -> IcebergRelation:
    key = "wh/changed.metadata.json"
    aws.client("s3").put_object(Bucket="lake", Key=key, Body=json.dumps(told).encode())
    return IcebergRelation(NAME, own, f"s3://lake/{key}", told["current-snapshot-id"], "lake")


def test_iceberg_is_read_in_its_current_schema(
    spark_engine: SparkEngine, aws: Emulator, tmp_path: Path
) -> None:
    written = pa.table({"id": [1], "label": ["L"], "pred": ["P"], "n": pa.array([3], pa.int32())})
    place = iceberg(
        aws,
        tmp_path,
        written,
        lambda u: u.rename_column("label", "tmp"),
        lambda u: u.rename_column("pred", "label"),
        lambda u: u.rename_column("tmp", "pred"),
        lambda u: u.add_column("more", StringType()),
        lambda u: u.update_column("n", LongType()),
    )
    own = columns(id="bigint", pred="string", label="string", n="bigint", more="string")
    told = metadata(aws, place)
    with reading(aws) as opened:
        found = rows(spark_engine, SQL, relation(aws, told, own), access=opened)
    assert found == [{"id": 1, "pred": "L", "label": "P", "n": 3, "more": None}]


def reading(aws: Emulator) -> Access:
    """Return an access of a role of its own, which may read all."""
    return access(lake=role(aws, f"reader-{secrets.token_hex(4)}", policy=WRITER))


OWN = columns(id="bigint", name="string")
ROWS = pa.table({"id": [1], "name": ["a"]})


def test_icebergs_properties_reach_nobody(
    spark_engine: SparkEngine, aws: Emulator, tmp_path: Path
) -> None:
    told = metadata(aws, iceberg(aws, tmp_path, ROWS))
    told["properties"] = {
        "write.location-provider.impl": "java.lang.Thread",
        "write.metadata.path": "file:///etc",
        "read.parquet.vectorization.enabled": "maybe",
        "read.split.target-size": "x",
    }
    with reading(aws) as opened:
        found = rows(spark_engine, SQL, relation(aws, told, OWN), access=opened)
        assert found == [{"id": 1, "name": "a"}]
        told["properties"] = {"s3.endpoint": "http://127.0.0.1:1"}
        with pytest.raises(UnsupportedError, match=r"db\.t: its property 's3\.endpoint'"):
            rows(spark_engine, SQL, relation(aws, told, OWN), access=opened)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "http://127.0.0.1:1/x", "S3://lake/x"])
def test_icebergs_files_elsewhere_are_refused(
    spark_engine: SparkEngine, aws: Emulator, tmp_path: Path, place: str
) -> None:
    import io

    import fastavro

    told = metadata(aws, iceberg(aws, tmp_path, ROWS))
    s3 = aws.client("s3")

    def changed(uri: str, key: str, change: Any) -> int:
        body = s3.get_object(Bucket="lake", Key=uri.removeprefix("s3://lake/"))["Body"].read()
        reader = fastavro.reader(io.BytesIO(body))
        records: list[Any] = list(reader)
        for record in records:
            change(record)
        out = io.BytesIO()
        kept = {k: v for k, v in reader.metadata.items() if not k.startswith("avro.")}
        fastavro.writer(out, reader.writer_schema, records, metadata=kept)
        s3.put_object(Bucket="lake", Key=key, Body=out.getvalue())
        return len(out.getvalue())

    snapshot = told["snapshots"][0]
    original = snapshot["manifest-list"]

    def refused(what: str) -> None:
        with (
            reading(aws) as opened,
            pytest.raises(UnsupportedError, match=rf"db\.t: {what} is '{place}'") as caught,
        ):
            rows(spark_engine, SQL, relation(aws, told, OWN), access=opened)
        assert caught.value.code == "foreign-place"

    snapshot["manifest-list"] = place
    refused("its manifest list")
    snapshot["manifest-list"] = "s3://lake/list.avro"
    changed(original, "list.avro", lambda r: r.update(manifest_path=place))
    refused("a manifest")

    def moved(record: dict[str, Any]) -> None:
        size = changed(
            record["manifest_path"], "m.avro", lambda r: r["data_file"].update(file_path=place)
        )
        record |= {"manifest_path": "s3://lake/m.avro", "manifest_length": size}

    changed(original, "list.avro", moved)
    refused("a data or delete file")
    if place.startswith("file"):
        changed(original, "list.avro", lambda r: None)
        for page in s3.list_objects_v2(Bucket="lake")["Contents"]:
            if page["Key"].endswith(".parquet"):
                s3.delete_object(Bucket="lake", Key=page["Key"])
        with (
            reading(aws) as opened,
            pytest.raises(SourceError, match=r"db\.t: s3://lake/wh/\S+\.parquet is missing") as e,
        ):
            rows(spark_engine, SQL, relation(aws, told, OWN), access=opened)
        assert e.value.code == "file-missing"


def test_a_local_tables_class_is_refused_and_its_schema_is_the_current_one(
    spark_engine: SparkEngine, tmp_path: Path
) -> None:
    catalog = SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse=f"file://{tmp_path}/wh")
    catalog.create_namespace("db")
    made = catalog.create_table("db.t", schema=ROWS.schema)
    made.append(ROWS)
    with made.update_schema() as update:
        update.rename_column("name", "label")
    place, snapshot = made.metadata_location, made.current_snapshot()
    assert snapshot is not None
    catalog.close()
    own = columns(id="bigint", label="string")
    asked = IcebergRelation(NAME, own, place, snapshot.snapshot_id)
    assert rows(spark_engine, SQL, asked) == [{"id": 1, "label": "a"}]
    file = Path(place.removeprefix("file://"))
    told = json.loads(file.read_text())
    for name in ("write.location-provider.impl", "io-impl"):
        told["properties"] = {name: "java.lang.Thread"}
        file.write_text(json.dumps(told))
        with pytest.raises(UnsupportedError, match=name):
            rows(spark_engine, SQL, asked)


def delta_log(adds: list[dict[str, Any]], **told: Any) -> str:
    field = {"type": "string", "nullable": True, "metadata": {}}
    schema = {"type": "struct", "fields": [{**field, "name": "id"}, {**field, "name": "name"}]}
    log: list[dict[str, Any]] = [
        {"protocol": told.get("protocol", {"minReaderVersion": 1, "minWriterVersion": 2})},
        {
            "metaData": {
                "id": "11111111-1111-1111-1111-111111111111",
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps(told.get("schema", schema)),
                "partitionColumns": [],
                "configuration": told.get("configuration", {}),
                "createdTime": 0,
            }
        },
    ]
    for add in adds:
        also = {"partitionValues": {}, "size": 400, "modificationTime": 0, "dataChange": True}
        log.append({"add": {**also, **add}})
    return "\n".join(map(json.dumps, log)) + "\n"


TEXTS = columns(id="string", name="string")


def test_delta_opens_no_scheme_but_its_own(
    spark_engine: SparkEngine, aws: Emulator, tmp_path: Path
) -> None:
    """The plan refuses such tables; a log that changes behind its back gets no further."""
    secret = tmp_path / "secret.parquet"
    pq.write_table(pa.table({"id": ["x"], "name": ["SECRET"]}), secret)
    put(aws, "lake", "other/p.parquet", id=["x"], name=["OTHER"])
    size = secret.stat().st_size
    s3 = aws.client("s3")
    other = "lake/other/p.parquet"
    places = (f"file://{secret}", f"file:{secret}", f"s3://{other}", f"s3a://{other}")
    with reading(aws) as opened:
        for n, place in enumerate([*places, "http://127.0.0.1:1/x"]):
            log = delta_log([{"path": place, "size": size}])
            s3.put_object(Bucket="lake", Key=f"d{n}/_delta_log/{0:020}.json", Body=log.encode())
            asked = DeltaRelation(NAME, TEXTS, f"s3://lake/d{n}", 0, "lake")
            with pytest.raises(HeadwaterError) as e:
                rows(spark_engine, SQL, asked, access=opened)
            assert e.value.code == "foreign-place", (place, str(e.value))


def test_deltas_columns_are_found_as_its_protocol_says(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    def field(name: str, number: int, physical: str) -> dict[str, Any]:
        told = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
        return {"name": name, "type": "string", "nullable": True, "metadata": told}

    schema = {"type": "struct", "fields": [field("id", 1, "id"), field("name", 2, "label")]}
    file = put(aws, "lake", "d/p.parquet", id=["a"], label=["L"], name=["WRONG"])
    forms: list[dict[str, Any]] = [
        {"minReaderVersion": 2, "minWriterVersion": 5},
        {
            "minReaderVersion": 3,
            "minWriterVersion": 7,
            "readerFeatures": ["columnMapping"],
            "writerFeatures": ["columnMapping"],
        },
    ]
    for n, protocol in enumerate(forms):
        configuration = {
            "delta.columnMapping.mode": "name",
            "delta.columnMapping.maxColumnId": "2",
        }
        log = delta_log(
            [{"path": "p.parquet", "size": file.size}],
            protocol=protocol,
            schema=schema,
            configuration=configuration,
        )
        aws.client("s3").put_object(
            Bucket="lake", Key=f"d/_delta_log/{n:020}.json", Body=log.encode()
        )
        asked = DeltaRelation(NAME, TEXTS, "s3://lake/d", n, "lake")
        with reading(aws) as opened:
            assert rows(spark_engine, SQL, asked, access=opened) == [{"id": "a", "name": "L"}]


def test_a_file_that_delta_names_and_is_not_there_is_named(
    spark_engine: SparkEngine, aws: Emulator
) -> None:
    log = delta_log([{"path": "gone.parquet"}])
    key = f"gone/_delta_log/{0:020}.json"
    aws.client("s3").put_object(Bucket="lake", Key=key, Body=log.encode())
    asked = DeltaRelation(NAME, TEXTS, "s3://lake/gone", 0, "lake")
    with (
        reading(aws) as opened,
        pytest.raises(SourceError, match=r"s3://lake/gone/gone\.parquet is missing") as caught,
    ):
        rows(spark_engine, SQL, asked, access=opened)
    assert caught.value.code == "file-missing"
