"""Tables whose owner wishes the reader ill: nothing but data reaches a reader."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pyiceberg.catalog
import pyiceberg.io
import pyiceberg.table
import pytest
from plugins.glue.tests.registered import iceberg_catalog
from tests.iceberg import file_catalog

import headwater as hw
from headwater.errors import HeadwaterError, UnsupportedError
from headwater.lakes import iceberg
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

ROWS = pa.table({"id": ["a", "b"], "score": [0.5, 0.25]})
MINE = [{"id": "a", "score": 0.5}, {"id": "b", "score": 0.25}]


def names_of_settings() -> list[str]:
    """Return every text that pyiceberg's FileIOs, catalogs and tables take for a setting's name."""
    modules = [pyiceberg.io, pyiceberg.table.TableProperties]
    for package in (pyiceberg.io, pyiceberg.catalog):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            try:
                modules.append(importlib.import_module(found.name))
            except ImportError:  # needs a client that is not installed
                continue
    names = {
        value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and value and not value.startswith("/")
    }
    return sorted(n for n in names if n.isascii() and " " not in n and len(n) > 1)


NAMES = names_of_settings()


class Elsewhere:
    """A host that nobody should call, and what it was asked."""

    def __init__(self) -> None:
        seen: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                seen.append(f"{self.command} {self.path}")
                self.send_response(404)
                self.end_headers()

            do_GET = do_HEAD = do_PUT = do_POST = do_CONNECT = _answer

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self.seen = seen
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    thread = threading.Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def honest(
    emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], str]:
    """The files of an honest table by their keys, and which of them is its metadata."""
    emulator.reset()
    lake = GlueLake(emulator)
    catalog = iceberg_catalog(lake, tmp_path_factory.mktemp("honest"))
    written = catalog.create_table("db.t", schema=ROWS.schema)
    written.append(ROWS)
    files = {
        found["Key"]: lake.s3.get_object(Bucket="lake", Key=found["Key"])["Body"].read()
        for found in lake.s3.list_objects_v2(Bucket="lake")["Contents"]
    }
    return files, written.metadata_location.removeprefix("s3://lake/")


@pytest.fixture
def metadata(honest: tuple[dict[str, bytes], str], lake: GlueLake) -> dict[str, Any]:
    """Metadata of an honest table in the lake, written once and put there for each test."""
    files, key = honest
    for name, body in files.items():
        lake.write(name, body)
    found: dict[str, Any] = json.loads(files[key])
    return found


def register(lake: GlueLake, name: str, metadata: dict[str, Any]) -> None:
    """Register a table, or give one that is there other metadata."""
    place = lake.write(f"{name}/metadata/v1.metadata.json", json.dumps(metadata))
    with suppress(lake.glue.exceptions.AlreadyExistsException):
        lake.table(
            name,
            {"x": "string"},
            location=lake.uri(name),
            parameters={"table_type": "ICEBERG", "metadata_location": place},
        )


def read(lake: GlueLake, name: str) -> list[dict[str, object]]:
    query = f"SELECT * FROM {name}"
    with hw.Workspace() as workspace:
        return (
            workspace.sql(query, lake.source(query=query), engine="embedded").to_arrow().to_pylist()
        )


def callers(lake: GlueLake) -> set[str]:
    return {str(r.principal) for r in lake.aws.requests if r.service == "s3"}


def evil(name: str, elsewhere: Elsewhere, key: str, secret: str) -> str:
    """Return the value by which a setting would do the most harm."""
    folded = name.lower()
    if "impl" in folded or folded.endswith("type"):
        return "this.Zen"
    if "secret" in folded:
        return secret
    if "access-key" in folded or "key-id" in folded:
        return key
    if any(w in folded for w in ("timeout", "size", "ms", "port", "bytes", "retries", "count")):
        return "1"
    return elsewhere.url


def test_the_settings_are_known() -> None:
    assert {"s3.endpoint", "py-io-impl", "s3.signer", "gcs.token", "client.role-arn"} - set(
        NAMES
    ) <= {"gcs.token"}
    assert len(NAMES) > 100


def test_every_setting_of_pyiceberg_is_refused_or_without_effect(
    lake: GlueLake,
    metadata: dict[str, Any],
    elsewhere: Elsewhere,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    key, secret = lake.aws.create_user_keys(lake.account_id, None)
    properties = {n: evil(n, elsewhere, key, secret) for n in NAMES if n != iceberg.NAME_MAPPING}
    steering = [n for n in properties if iceberg.steers(n)]
    assert len(steering) > 60
    for name in steering:
        with pytest.raises(UnsupportedError) as caught:
            iceberg.check_settings({"properties": {name: properties[name]}}, "ml.t")
        assert caught.value.code == "foreign-setting"
        assert repr(name) in caught.value.message
        assert properties[name] not in str(caught.value)
    # The refusal is for the eye: where it is off, none of them is given to anybody either.
    monkeypatch.setattr(iceberg, "check_settings", lambda *_: None)
    sys.modules.pop("this", None)
    for chosen in (properties, {n.upper(): v for n, v in properties.items()}):
        register(lake, "t", {**metadata, "properties": chosen})
        lake.aws.requests.clear()
        assert read(lake, "t") == MINE
        assert elsewhere.seen == []
        assert "this" not in sys.modules
        assert not [c for c in callers(lake) if "user/" in c and c.endswith(key)]
        assert len(callers(lake)) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "name",
    ["s3.endpoint", "S3.Endpoint", " s3.proxy-uri", "py-io-impl", "io-impl", "client.role-arn",
     "s3.role-arn", "s3.signer.uri", "hdfs.host", "gcs.service.host", "adls.account-host",
     "encryption.key-id", "uri", "credential", "s3.access-key-id"],
)  # fmt: skip
def test_a_setting_is_refused_by_its_name(
    lake: GlueLake, metadata: dict[str, Any], elsewhere: Elsewhere, name: str
) -> None:
    register(lake, "t", {**metadata, "properties": {name: elsewhere.url}})
    with pytest.raises(UnsupportedError, match=r"table ml\.t: its property") as caught:
        read(lake, "t")
    assert (caught.value.code, elsewhere.seen) == ("foreign-setting", [])


def test_properties_that_are_data_or_are_for_writers_stop_nobody(
    lake: GlueLake, metadata: dict[str, Any]
) -> None:
    properties = {
        "write.parquet.compression-codec": "zstd",
        "write.data.path": "s3://elsewhere/data",
        "write.location-provider.impl": "com.acme.Provider",
        "write.py-location-provider.impl": "this.Zen",
        "read.split.target-size": "1",
        "owner": "somebody",
        "comment": "s3.endpoint",
    }
    register(lake, "t", {**metadata, "properties": properties})
    assert read(lake, "t") == MINE


PLACES: list[tuple[str, str]] = [
    ("file:///etc/passwd", "it is a local file"),
    ("FILE:///etc/passwd", "of the scheme 'FILE'"),
    ("file:/etc/passwd", "it is a local file"),
    ("/etc/passwd", "it is a local file"),
    ("etc/passwd", "it is a local file"),
    ("http://127.0.0.1:1/x", "of the scheme 'http'"),
    ("https://host/x", "of the scheme 'https'"),
    ("hdfs://nn:8020/x", "of the scheme 'hdfs'"),
    ("S3A://lake/x", "of the scheme 'S3A'"),
    ("S3://lake/x", "of the scheme 'S3'"),
    ("gs://lake/x", "of the scheme 'gs'"),
    ("oss://lake/x", "of the scheme 'oss'"),
    ("hf://lake/x", "of the scheme 'hf'"),
    ("s3://user:pw@lake/x", "is not the name of a bucket"),
    ("s3://lake:9000/x", "is not the name of a bucket"),
    ("s3://arn:aws:s3:us-east-1:999999999999:accesspoint/evil/x", "is not the name of a bucket"),
    ("s3:///etc/passwd", "is not the name of a bucket"),
    ("s3:/lake/x", "is not the name of a bucket"),
    ("s3://../lake/x", "as a step"),
    ("s3://lake/a/../../private/x", "as a step"),
    ("s3://lake/a/%2e%2E/x", "as a step"),
    ("s3://lake/a/%252e%252e/x", "as a step"),
    ("s3://lake/a/./x", "as a step"),
    ("s3://lake/a\\..\\x", "as a step"),
    ("s3://lake/x\x00y", "a control character"),
    ("s3://lake/x\ny", "a control character"),
    ("s3://lake/x?versionId=1", "`?` or `#`"),
    ("s3://lake/x#y", "`?` or `#`"),
    ("s3://lake/", "names no object"),
    ("s3://lake", "names no object"),
]  # fmt: skip


@pytest.mark.parametrize(("place", "why"), PLACES)
def test_a_manifest_list_elsewhere_is_refused_by_its_place(
    lake: GlueLake, metadata: dict[str, Any], place: str, why: str
) -> None:
    metadata["snapshots"][0]["manifest-list"] = place
    register(lake, "t", metadata)
    with pytest.raises(UnsupportedError, match=r"table ml\.t: its manifest list is") as caught:
        read(lake, "t")
    assert (caught.value.code, why in caught.value.message) == ("foreign-place", True)


@pytest.mark.parametrize("key", ["statistics", "partition-statistics"])
def test_a_statistics_file_elsewhere_is_refused(
    lake: GlueLake, metadata: dict[str, Any], key: str
) -> None:
    metadata[key] = [{"snapshot-id": 1, "statistics-path": "file:///etc/passwd"}]
    register(lake, "t", metadata)
    with pytest.raises(UnsupportedError, match=r"statistics is|statistics file is"):
        read(lake, "t")


def test_a_table_that_says_it_lies_on_the_readers_disk_is_refused(
    lake: GlueLake, tmp_path: Path
) -> None:
    catalog = file_catalog(tmp_path, f"file://{tmp_path}")
    local = catalog.create_table("db.t", schema=ROWS.schema)
    local.append(ROWS)
    told = json.loads(Path(local.metadata_location.removeprefix("file://")).read_text())
    register(lake, "t", told)
    with pytest.raises(UnsupportedError, match="its location is 'file:"):
        read(lake, "t")
    register(lake, "u", {**told, "location": "s3://lake/u"})
    with pytest.raises(UnsupportedError, match="its manifest list is 'file:"):
        read(lake, "u")


Change = Callable[[str], str]


def moved(lake: GlueLake, metadata: dict[str, Any], manifests: Change, files: Change) -> None:
    """Let a table's manifest list and manifests name other places, as a hostile owner would."""
    import io

    import fastavro

    def rewritten(uri: str, name: str, change: Callable[[dict[str, Any]], None]) -> str:
        key = uri.removeprefix("s3://lake/")
        body = lake.s3.get_object(Bucket="lake", Key=key)["Body"].read()
        reader = fastavro.reader(io.BytesIO(body))
        records: list[Any] = list(reader)
        for record in records:
            change(record)
        out = io.BytesIO()
        kept = {k: v for k, v in reader.metadata.items() if not k.startswith("avro.")}
        fastavro.writer(out, reader.writer_schema, records, metadata=kept)
        return lake.write(f"t/{name}", out.getvalue())

    def list_(record: dict[str, Any]) -> None:
        def file(entry: dict[str, Any]) -> None:
            entry["data_file"]["file_path"] = files(entry["data_file"]["file_path"])

        manifest = rewritten(record["manifest_path"], "m.avro", file)
        size = lake.s3.head_object(Bucket="lake", Key="t/m.avro")["ContentLength"]
        record["manifest_path"], record["manifest_length"] = manifests(manifest), size

    snapshot = metadata["snapshots"][0]
    snapshot["manifest-list"] = rewritten(snapshot["manifest-list"], "snap.avro", list_)
    register(lake, "t", metadata)


def test_moved_by_nothing_the_table_is_as_before(lake: GlueLake, metadata: dict[str, Any]) -> None:
    moved(lake, metadata, lambda m: m, lambda f: f)
    assert read(lake, "t") == MINE


@pytest.mark.parametrize(("place", "why"), PLACES[::4])
def test_a_manifest_and_a_data_file_elsewhere_are_refused_by_their_places(
    lake: GlueLake, metadata: dict[str, Any], place: str, why: str
) -> None:
    original = json.loads(json.dumps(metadata))
    moved(lake, metadata, lambda _: place, lambda f: f)
    with pytest.raises(UnsupportedError, match=r"table ml\.t: a file that it names is") as caught:
        read(lake, "t")
    assert (caught.value.code, why in caught.value.message) == ("foreign-place", True)
    moved(lake, original, lambda m: m, lambda _: place)
    with pytest.raises(UnsupportedError, match=r"table ml\.t: a data file is") as caught:
        read(lake, "t")
    assert (caught.value.code, why in caught.value.message) == ("foreign-place", True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("partition-specs",), []),
        (("default-spec-id",), 99),
        (("schemas", 0, "fields", 0, "type"), "fixed[-1]"),
        (("sort-orders",), 5),
    ],
)
def test_metadata_that_pyiceberg_refuses_by_its_own_exceptions(
    lake: GlueLake, metadata: dict[str, Any], path: tuple[Any, ...], value: Any
) -> None:
    place: Any = metadata
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    register(lake, "t", metadata)
    with pytest.raises(HeadwaterError, match=r"ml\.t"):
        read(lake, "t")


@pytest.mark.parametrize("which", ["manifest list", "manifest"])
def test_a_damaged_manifest_is_told_with_its_table(
    lake: GlueLake, metadata: dict[str, Any], which: str
) -> None:
    """Damage in the middle, which zlib and the reader of Avro find by exceptions of their own."""
    places: list[str] = []

    def keep(place: str) -> str:
        places.append(place)
        return place

    moved(lake, metadata, keep, lambda f: f)
    uri = places[0] if which == "manifest" else metadata["snapshots"][0]["manifest-list"]
    key = uri.removeprefix("s3://lake/")
    body = bytearray(lake.s3.get_object(Bucket="lake", Key=key)["Body"].read())
    for at in range(len(body) - 60, len(body) - 20):
        body[at] ^= 0xFF
    lake.write(key, bytes(body))
    with pytest.raises(HeadwaterError, match=r"ml\.t"):
        read(lake, "t")


def test_what_one_table_says_of_a_manifest_is_not_remembered_for_another(
    lake: GlueLake, metadata: dict[str, Any]
) -> None:
    """pyiceberg keeps what manifest lists say by the manifest's path, for the whole process."""
    original = json.loads(json.dumps(metadata))
    manifest = ""

    def keep(place: str) -> str:
        nonlocal manifest
        manifest = place
        return place

    moved(lake, metadata, keep, lambda f: f)
    assert read(lake, "t") == MINE
    from pyiceberg.manifest import _manifest_cache

    assert manifest not in (_manifest_cache._cache or {})
    register(lake, "honest", original)
    assert read(lake, "honest") == MINE


def test_a_missing_data_file_is_named_and_is_not_for_planning_again(
    lake: GlueLake, metadata: dict[str, Any]
) -> None:
    gone = "s3://lake/t/data/gone.parquet"
    moved(lake, metadata, lambda m: m, lambda _: gone)
    with pytest.raises(HeadwaterError, match=f"{gone} is missing: its snapshot") as caught:
        read(lake, "t")
    assert caught.value.code == "file-missing"
    assert "plan" not in (caught.value.hint or "")


def test_an_avro_schema_is_read_by_the_tables_identity(lake: GlueLake) -> None:
    import io

    import fastavro

    def record(*names: str) -> dict[str, Any]:
        fields = [{"name": n, "type": ["null", "string"], "default": None} for n in names]
        return {"type": "record", "name": "r", "fields": fields}

    body = io.BytesIO()
    fastavro.writer(body, record("id"), [{"id": "a"}])
    lake.write("avro/0.avro", body.getvalue())
    schema = lake.write("schemas/r.avsc", json.dumps(record("id", "more")))
    columns = {"id": "string", "more": "string"}
    lake.table("avro", columns, serde="avro", serde_parameters={"avro.schema.url": schema})
    lake.aws.requests.clear()
    assert read(lake, "avro") == [{"id": "a", "more": None}]
    assert len(callers(lake)) == 1
    for n, place in enumerate(("file:///etc/passwd", "http://127.0.0.1:1/x", "hdfs://nn/x")):
        told = {"avro.schema.url": place}
        lake.table(f"a{n}", columns, serde="avro", serde_parameters=told, location=lake.uri("avro"))
        with pytest.raises(UnsupportedError, match=r"its avro\.schema\.url is") as caught:
            read(lake, f"a{n}")
        assert caught.value.code == "foreign-place"


def delta(lake: GlueLake, name: str, *adds: dict[str, Any], **told: Any) -> None:
    """Register a Delta table with a log of one version."""
    fields = [{"name": "id", "type": "string", "nullable": True, "metadata": {}}]
    metadata = {
        "id": "11111111-1111-1111-1111-111111111111",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": [],
        "configuration": told.get("configuration", {}),
        "createdTime": 0,
    }
    protocol = told.get("protocol", {"minReaderVersion": 1, "minWriterVersion": 2})
    log: list[dict[str, Any]] = [{"protocol": protocol}, {"metaData": metadata}]
    for add in adds:
        also = {"partitionValues": {}, "size": 1, "modificationTime": 0, "dataChange": True}
        log.append({"add": {**also, **add}})
    lake.write(f"{name}/_delta_log/{0:020}.json", "\n".join(map(json.dumps, log)) + "\n")
    parameters = {"spark.sql.sources.provider": "delta"}
    lake.table(name, {"x": "string"}, parameters=parameters, location=lake.uri(name))


def features(*names: str) -> dict[str, Any]:
    told = list(names)
    versions = {"minReaderVersion": 3, "minWriterVersion": 7}
    return {**versions, "readerFeatures": told, "writerFeatures": told}


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "http://127.0.0.1:1/x", "s3://other/x", "../x", "%2e%2e/x"]
)
def test_deltas_files_elsewhere_are_refused_when_planned(lake: GlueLake, place: str) -> None:
    delta(lake, "t", {"path": place})
    with pytest.raises(UnsupportedError, match=r"table ml\.t: a data file is") as caught:
        read(lake, "t")
    assert caught.value.code == "foreign-place"


def test_deltas_deletion_vectors_and_sidecars_elsewhere_are_refused(lake: GlueLake) -> None:
    vector = {"storageType": "p", "pathOrInlineDv": "file:///etc/x.bin", "sizeInBytes": 1,
              "cardinality": 1, "offset": 1}  # fmt: skip
    add = {"path": "p.parquet", "deletionVector": vector}
    delta(lake, "t", add, protocol=features("deletionVectors"))
    with pytest.raises(UnsupportedError, match=r"a deletion vector is 'file:///etc/x\.bin'"):
        read(lake, "t")
    delta(lake, "u", {"path": "p.parquet"}, protocol=features("v2Checkpoint"))
    told = [{"checkpointMetadata": {"version": 0}}, {"sidecar": {"path": "../../x.parquet",
            "sizeInBytes": 1, "modificationTime": 0}}]  # fmt: skip
    lake.write(
        "u/_delta_log/00000000000000000000.checkpoint.aaaa.json", "\n".join(map(json.dumps, told))
    )
    with pytest.raises(HeadwaterError, match="sidecar"):
        read(lake, "u")


@pytest.mark.parametrize(
    ("configuration", "protocol"),
    [
        (
            {
                "delta.coordinatedCommits.commitCoordinator-preview": "dynamodb",
                "delta.coordinatedCommits.commitCoordinatorConf-preview": json.dumps(
                    {"dynamoDBTableName": "t", "dynamoDBEndpoint": "http://127.0.0.1:1"}
                ),
            },
            None,
        ),
        ({"delta.redirectReaderWriter-preview": '{"type": "PathBasedRedirect"}'}, None),
        ({}, features("redirectReaderWriter-preview")),
        ({}, features("catalogManaged")),
        ({}, features("sorcery")),
    ],
)
def test_delta_that_sends_its_readers_elsewhere_is_refused(
    lake: GlueLake, configuration: dict[str, str], protocol: dict[str, Any] | None
) -> None:
    told: dict[str, Any] = {} if protocol is None else {"protocol": protocol}
    delta(lake, "t", {"path": "p.parquet"}, configuration=configuration, **told)
    with pytest.raises(UnsupportedError, match=r"table ml\.t"):
        read(lake, "t")


def test_every_setting_of_deltalake_is_without_effect(lake: GlueLake, elsewhere: Elsewhere) -> None:
    """delta-rs takes its settings from options and the environment, and no table's word."""
    words = (
        "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_REGION", "AWS_PROXY_URL", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_S3_LOCKING_PROVIDER", "proxy_url",
        "endpoint", "aws_endpoint", "DELTA_DYNAMO_TABLE_NAME", "AWS_ENDPOINT_URL_DYNAMODB",
        "delta.dataSkippingNumIndexedCols", "delta.checkpointPolicy", "delta.logStore.class",
        "delta.enableExpiredLogCleanup", "delta.storage", "location",
    )  # fmt: skip
    body = pa.BufferOutputStream()
    pa.parquet.write_table(pa.table({"id": ["a"]}), body)
    lake.write("t/p.parquet", body.getvalue().to_pybytes())
    size = body.getvalue().size
    delta(
        lake,
        "t",
        {"path": "p.parquet", "size": size},
        configuration=dict.fromkeys(words, elsewhere.url),
    )
    lake.aws.requests.clear()
    assert read(lake, "t") == [{"id": "a"}]
    assert elsewhere.seen == []
    assert len(callers(lake)) == 1


def test_a_storage_handler_is_refused(lake: GlueLake) -> None:
    parameters = {"storage_handler": "com.evil.Handler"}
    lake.table("t", {"id": "string"}, parameters=parameters)
    with pytest.raises(HeadwaterError, match="the storage handler 'Handler'"):
        read(lake, "t")


@pytest.mark.parametrize("place", ["s3://u@lake/x", "s3://lake/a/../x", "s3://lake/x?y"])
def test_a_symlink_manifests_files_are_spelled_as_all_read_them(lake: GlueLake, place: str) -> None:
    lake.write("t/_symlink/manifest", place)
    lake.table(
        "t",
        {"id": "string"},
        location=lake.uri("t/_symlink/manifest"),
        StorageDescriptor={
            "Columns": [{"Name": "id", "Type": "string"}],
            "Location": lake.uri("t/_symlink/manifest"),
            "InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
            "SerdeInfo": {
                "SerializationLibrary": (
                    "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                )
            },
        },
    )
    with pytest.raises(UnsupportedError, match=r"a file that .* names is") as caught:
        read(lake, "t")
    assert caught.value.code == "foreign-place"
