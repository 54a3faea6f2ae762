"""Bundles that are written: whole or not at all, however the check ends; the same for the same."""

import bz2
import gzip
import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.cli.support import Program
from pydantic import SecretStr

import headwater as hw
from headwater.auth.credentials import Secret
from headwater.bundle.bundle import Bundle
from headwater.bundle.writing import packed, recorded
from headwater.errors import BundleError
from headwater.interfaces.recording import Call, Excerpt, Recording, Vocabulary
from headwater.plugins.registry import PluginRegistry
from headwater.untrusted import limits

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def call(number: int, **more: Any) -> Call:
    told = {
        "asked": {"Name": f"t{number}"},
        "answer": {"Table": {"Name": f"t{number}"}},
        "began": NOW,
    }
    return Call("glue", "GetTable", "us-east-1", status=200, error=None, seconds=0.1,
                **{**told, **more})  # fmt: skip


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Program:
    return Program(capsys, tmp_path)


@pytest.fixture
def connection(tmp_path: Path) -> hw.Connection:
    rows: dict[str, Any] = {"id": ["CANARYID"], "at": [NOW], "score": [0.5]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "binary", predictions={"score": "numeric"})
    source = hw.FileDataSource(tables={"rows": str(tmp_path / "rows.parquet")})
    return version.connect_serving(source, "id", "at")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_check_writes_one(connection: hw.Connection, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    report = connection.check(bundle=path)
    read = Bundle.load(path)
    assert read.checks[0]["verdict"] == report.verdict
    assert [p["connection"] for p in read.plans] == ["m/v1/serving"]
    assert read.configuration["models"]["m"]["versions"]["v1"]["serving"]["id_column"] == "id"
    assert read.about["versions"]["headwater"]
    with zipfile.ZipFile(path) as content:
        told = {name: content.read(name).decode() for name in content.namelist()}
    assert not [name for name, text in told.items() if "CANARYID" in text]
    assert f"m/v1/serving: {report.verdict}" in told["README.md"]
    assert names(tmp_path) == ["b.zip", "rows.parquet"]
    assert path.stat().st_mode & 0o077 == 0


def test_secrets_of_the_configuration_are_not_in_it(tmp_path: Path) -> None:
    class Vault(hw.MemoryDataSource):
        key: Secret
        pin: SecretStr
        address: str
        more: dict[str, Any]

    hidden = ["CANARYKEY", "CANARYPIN", "CANARYPASSWORD", "CANARYMORE", "CANARYSIGNED"]
    source = Vault(
        tables={"t": pa.table({"id": ["CANARYKEY CANARYPIN"], "at": [NOW], "score": [0.5]})},
        query="SELECT id, at, score, 'CANARYKEY' AS x FROM t WHERE id != 'CANARYPASSWORD'",
        key=Secret("CANARYKEY"),
        pin=SecretStr("CANARYPIN"),
        address="postgresql://joe:CANARYPASSWORD@db.example/x?sig=CANARYSIGNED",
        more={"api_key": "CANARYMORE"},
    )
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "binary", predictions={"score": "numeric"})
    for anonymous in (False, True):
        path = tmp_path / f"{anonymous}.zip"
        report = version.connect_serving(source, "id", "at").check(bundle=path, anonymous=anonymous)
        assert report.ok, report
        for name, content in entries(path.read_bytes()).items():
            assert [one for one in hidden if one.encode() in content] == [], name


def test_a_version_writes_one(connection: hw.Connection, tmp_path: Path) -> None:
    (version,) = connection.workspace.versions
    version.check(bundle=tmp_path / "v.zip")
    read = Bundle.load(tmp_path / "v.zip")
    assert [c["connection"] for c in read.checks] == ["m/v1"]
    assert "serving" in read.configuration["models"]["m"]["versions"]["v1"]


def test_one_that_is_there_stays(connection: hw.Connection, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(b"mine")
    with pytest.raises(BundleError, match="there already") as caught:
        connection.check(bundle=path)
    assert (caught.value.code, path.read_bytes()) == ("bundle", b"mine")
    connection.check(bundle=path, overwrite=True)
    assert Bundle.load(path).checks
    with pytest.raises(BundleError, match="a folder"):
        connection.check(bundle=tmp_path, overwrite=True)
    with pytest.raises(BundleError, match="can't be written"):
        connection.check(bundle=tmp_path / "none" / "b.zip")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("CANARYMESSAGE")])
def test_it_is_written_where_the_check_does_not_end(
    connection: hw.Connection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(type(connection.workspace), "map_query", fail)
    with pytest.raises(type(error)):
        connection.check(bundle=tmp_path / "b.zip")
    read = Bundle.load(tmp_path / "b.zip")
    assert read.about["ended"] == {"type": type(error).__name__}
    assert [s["name"] for s in read.checks[0]["stages"]][:2] == ["identity", "tables"]
    assert names(tmp_path) == ["b.zip", "rows.parquet"]


def test_nothing_half_written_is_left(
    connection: hw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundleError, match="No space left"):
        connection.check(bundle=tmp_path / "b.zip")
    assert names(tmp_path) == ["rows.parquet"]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    with (
        pytest.raises(BundleError, match="meanwhile"),
        recorded(path, PluginRegistry()),
    ):
        path.write_bytes(b"theirs")
    assert path.read_bytes() == b"theirs"


@pytest.mark.parametrize("anonymous", [False, True])
def test_the_same_recording_gives_the_same_bytes_but_the_time(anonymous: bool) -> None:
    def made(order: int) -> dict[str, bytes]:
        recording = Recording()
        for number in range(30)[::order]:
            recording.call(call(number, began=NOW.replace(second=number)))
            recording.excerpt(Excerpt(f"s3://b/k{number}.json", "json", b'{"name": "acme"}'))
        content = packed(recording, PluginRegistry(), NOW, None, anonymous=anonymous)
        return {n: c for n, c in entries(content).items() if n != "about.json"}

    assert made(1) == made(-1)


def entries(content: bytes) -> dict[str, bytes]:
    import io

    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(most=5_000)
    for number in range(200):
        recording.call(call(number, answer={"Table": {"Name": "x" * 100}}))
        recording.excerpt(Excerpt(f"s3://b/{number}", "text", b"y" * 500))
    assert len(recording.calls) + len(recording.excerpts) < 40
    assert recording.left_out > 300
    about = json.loads(
        entries(packed(recording, PluginRegistry(), NOW, None, anonymous=False))["about.json"]
    )
    assert about["left_out"] == recording.left_out
    monkeypatch.setattr(limits, "BUNDLE_BYTES", 20_000)
    wide = Recording(most=10**6)
    for number in range(500):
        wide.call(call(number))
    content = entries(packed(wide, PluginRegistry(), NOW, None, anonymous=False))
    assert sum(map(len, content.values())) <= 20_000


def test_pages_are_numbered(tmp_path: Path) -> None:
    recording = Recording()
    recording.speaks("p", Vocabulary(pages=frozenset({"NextToken"})))
    recording.call(call(1, answer={"NextToken": "opaque=="}))
    recording.call(call(1, asked={"NextToken": "opaque=="}))
    with_calls = json.loads(
        entries(packed(recording, PluginRegistry(), NOW, None, anonymous=False))["calls.json"]
    )
    assert with_calls[0]["answer"]["NextToken"] == with_calls[1]["asked"]["NextToken"] == "page-1"


def test_the_command_writes_one_for_all_connections(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows: dict[str, Any] = {"id": ["a"], "at": [NOW], "score": [0.5]}
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    (tmp_path / "headwater.yaml").write_text(
        "version: 1\nmodels:\n  m:\n    versions:\n"
        + "".join(
            f"      {v}:\n        model_type: binary\n        predictions: {{score: numeric}}\n"
            "        serving:\n          source: {type: files, tables: {rows: rows.parquet}}\n"
            "          id_column: id\n          timestamp_column: at\n"
            for v in ("v1", "v2")
        ),
        encoding="utf-8",
    )
    answered = program("check", "--bundle", "b.zip", "--anonymous")
    assert "look into it before you send it" in answered.out + answered.err
    assert len(Bundle.load("b.zip").checks) == 2
    assert program("check", "--bundle", "b.zip").code == 1
    assert program("check", "--bundle", "b.zip", "--overwrite", "--json").code == 0
    assert program("check", "--anonymous").code == 2


def test_it_is_never_written_through_a_link(connection: hw.Connection, tmp_path: Path) -> None:
    path, theirs = tmp_path / "b.zip", tmp_path / "theirs"
    path.symlink_to(theirs)
    with pytest.raises(BundleError, match="there already"):
        connection.check(bundle=path)  # at once, though the link leads nowhere
    theirs.write_bytes(b"theirs")
    (tmp_path / f".b.zip.{os.getpid()}").symlink_to(theirs)
    connection.check(bundle=path, overwrite=True)
    assert theirs.read_bytes() == b"theirs"
    assert not path.is_symlink()
    assert Bundle.load(path).checks


@pytest.mark.parametrize("name", ["x" * 300, "a\x00b"])
def test_a_name_that_no_file_has_is_refused(
    connection: hw.Connection, tmp_path: Path, name: str
) -> None:
    with pytest.raises(BundleError, match="can't be written"):
        connection.check(bundle=tmp_path / name)


def test_without_links_it_is_for_its_owner_alone(
    connection: hw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", unsupported)
    connection.check(bundle=tmp_path / "b.zip")
    assert (tmp_path / "b.zip").stat().st_mode & 0o077 == 0
    assert Bundle.load(tmp_path / "b.zip").checks


def test_more_parts_than_a_zip_may_have_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BUNDLE_ENTRIES", 40)
    recording = Recording()
    for number in range(100):
        recording.excerpt(Excerpt(f"s3://b/{number}", "magic", b"PAR1"))
    path = tmp_path / "b.zip"
    path.write_bytes(packed(recording, PluginRegistry(), NOW, None, anonymous=False))
    read = Bundle.load(path)
    assert len(read.files) + read.about["left_out"] == 100


def test_calls_that_go_are_counted_and_it_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BUNDLE_BYTES", 20_000)
    recording = Recording(most=10**6)
    for number in range(500):
        recording.call(call(number, answer={"Table": {"Name": "ü" * 9}}))
    path = tmp_path / "b.zip"
    path.write_bytes(packed(recording, PluginRegistry(), NOW, None, anonymous=False))
    read = Bundle.load(path)
    assert len(read.calls) + read.about["left_out"] == 500


ICEBERG = {"format-version": 2, "location": "s3://b/t", "snapshots": [], "rows": ["CANARY"]}
AVRO = {"type": "record", "name": "r", "doc": "CANARY",
        "fields": [{"name": "a", "type": "string", "example": "CANARY"}]}  # fmt: skip


@pytest.mark.parametrize(
    ("form", "content", "is_kept"),
    [
        ("json", json.dumps([{"who": "CANARY"}]), False),
        ("json", json.dumps({"who": "CANARY", "version": "1"}), False),
        ("json", json.dumps(ICEBERG), True),
        ("json", json.dumps(AVRO), True),
        ("json", json.dumps({"version": 3, "size": 4}), True),
        ("lines", json.dumps({"who": "CANARY"}), True),
        ("lines", json.dumps(["CANARY"]), False),
        (
            "lines",
            json.dumps({"txn": {"appId": "CANARY"}, "commitInfo": {"userName": "CANARY"}}),
            True,
        ),
        ("text", "CANARY,row\ns3://b/k\n", True),
    ],
)
def test_what_a_catalog_calls_metadata_may_be_rows(form: str, content: str, is_kept: bool) -> None:
    recording = Recording()
    recording.excerpt(Excerpt("s3://b/x.json", form, content.encode()))
    told = entries(packed(recording, PluginRegistry(), NOW, None, anonymous=False))
    assert not [name for name, text in told.items() if b"CANARY" in text]
    assert ("parts/0001.bin" in told) == is_kept


@pytest.mark.parametrize("anonymous", [False, True])
def test_statistics_of_a_log_tell_moments_alone(anonymous: bool) -> None:
    bounds = {"card": 4111111111111111, "pay": 5234.5, "who": "CANARY", "born": "12 May",
              "at": "2026-01-02T03:04:05.678Z", "epoch": 1767225600}  # fmt: skip
    stats = {"numRecords": 2, "minValues": bounds, "maxValues": bounds, "mean": 7711.25}
    action = {"add": {"path": "x", "stats": json.dumps(stats), "tags": {"x": "CANARY"}}}
    recording = Recording()
    recording.excerpt(Excerpt("s3://b/_delta_log/1.json", "lines", json.dumps(action).encode()))
    told = entries(packed(recording, PluginRegistry(), NOW, None, anonymous=anonymous))
    part = told["parts/0001.bin"].decode()
    assert not [v for v in ("4111", "5234", "CANARY", "12 May", "7711") if v in part]
    assert "2026-01-02T03:04:05.678Z" in part
    assert "1767225600" in part


def test_a_footer_without_names_tells_none() -> None:
    fields: list[pa.Field[Any]] = [pa.field("acme.one", pa.string()), pa.field("Two", pa.int64())]
    schema = pa.schema(fields)
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"acme.one": [], "Two": []}, schema=schema), sink)
    content = sink.getvalue().to_pybytes()
    footer = content[-(int.from_bytes(content[-8:-4], "little") + 8) :]
    recording = Recording()
    recording.excerpt(Excerpt("s3://b/k.parquet", "footer", footer, len(content)))
    told = entries(packed(recording, PluginRegistry(), NOW, None, anonymous=True))
    assert not [n for n, text in told.items() if b"acme" in text or b"Two" in text]
    assert "parts/0001.bin" in told


@pytest.mark.parametrize(
    ("packing", "unpacked"),
    [(bytes, bytes), (gzip.compress, gzip.decompress), (bz2.compress, bz2.decompress)],
)
@pytest.mark.parametrize("form", ["header", "shape"])
def test_names_in_heads_of_packed_files_are_hidden(
    form: str, packing: Callable[[bytes], bytes], unpacked: Callable[[bytes], bytes]
) -> None:
    head = {"header": b"id,canary_column\n", "shape": b'{"id": "", "canary_column": 0}\n'}[form]
    recording = Recording()
    recording.excerpt(Excerpt("s3://b/t/rows", form, packing(head), 100))
    for anonymous in (False, True):
        told = entries(packed(recording, PluginRegistry(), NOW, None, anonymous=anonymous))
        content = unpacked(told["parts/0001.bin"])
        assert (b"canary_column" in content) is not anonymous
        assert b"id" in content


@pytest.mark.parametrize(
    "content", [b"\x1f\x8bdamaged", b"BZhdamaged", "größe,canary".encode("latin-1")]
)
def test_a_head_that_cannot_be_gone_through_is_not_in_a_bundle_without_names(
    content: bytes,
) -> None:
    recording = Recording()
    recording.excerpt(Excerpt("s3://b/t/rows.csv", "header", content, 100))
    told = entries(packed(recording, PluginRegistry(), NOW, None, anonymous=True))
    assert "parts/0001.bin" not in told
    assert b"can't be told without what it holds" in told["files.json"]
