"""Events of plans and reads: valid by OpenLineage's schema, complete, and never in the way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater import PluginRegistry, Workspace
from headwater.errors import ConfigError, DataChangedError
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.interfaces.read_stats import ReadStats
from headwater.sources.files import FileDataSource
from headwater.tables.relation import (
    DataFile,
    DeltaRelation,
    FilePartition,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
    Relation,
    StreamRelation,
)
from headwater.tables.table import TableName
from headwater.workspace.model import Connection
from headwater_openlineage import plugin
from headwater_openlineage.events import FACETS, finished_events
from headwater_openlineage.naming import dataset_name
from headwater_openlineage.transport import LineageError, configured

FACET = {
    "type": "object",
    "properties": {"_producer": {"format": "uri"}, "_schemaURL": {"format": "uri"}},
    "required": ["_producer", "_schemaURL"],
}
DATASET = {
    "type": "object",
    "properties": {
        "namespace": {"type": "string", "minLength": 1},
        "name": {"type": "string", "minLength": 1},
        **{
            kind: {"type": "object", "additionalProperties": FACET}
            for kind in ("facets", "inputFacets", "outputFacets")
        },
    },
    "required": ["namespace", "name"],
}
EVENT = {
    "type": "object",
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"pattern": r"^https://openlineage\.io/spec/2-0-2/OpenLineage\.json#/\$defs/"},
        "job": DATASET,
        "inputs": {"type": "array", "items": DATASET},
        "outputs": {"type": "array", "items": DATASET},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {
            "type": "object",
            "properties": {
                "runId": {"type": "string", "format": "uuid"},
                "facets": {"type": "object", "additionalProperties": FACET},
            },
            "required": ["runId"],
        },
    },
    "required": ["eventTime", "producer", "schemaURL", "job"],
}
"""What the specification requires of events, of their datasets and of every facet."""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENLINEAGE_FILE", str(tmp_path / "events.jsonl"))
    return tmp_path / "events.jsonl"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    rows = pa.table(
        {
            "id": ["a", "b"],
            "at": pa.array([0, 3_600_000_000], pa.timestamp("us", tz="UTC")),
            "score": [0.5, 1.0],
        }
    )
    (tmp_path / "p" / "dt=1970-01-01").mkdir(parents=True)
    pq.write_table(rows, tmp_path / "p" / "dt=1970-01-01" / "x.parquet")
    with Workspace(PluginRegistry([plugin], discover=False)) as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"score": "numeric"}
        )
        source = FileDataSource(tables={"p": str(tmp_path / "p")})
        yield version.connect_serving(source, "id", "at")


def events(log: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log.read_text().splitlines()]
    checker = jsonschema.Draft202012Validator(
        EVENT, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for event in found:
        checker.validate(event)
    return found


def test_a_plan_is_a_job_with_its_inputs(connection: Connection, log: Path, tmp_path: Path) -> None:
    connection.plan("1970-01-01", "1970-01-02")
    (event,) = events(log)
    assert event["schemaURL"].endswith("/JobEvent")
    assert "run" not in event
    assert event["job"]["name"] == "m/v1/serving"
    assert event["job"]["facets"]["sql"]["query"] == "SELECT * FROM `p`"
    (read,) = event["inputs"]
    assert (read["namespace"], read["name"]) == ("file", f"{tmp_path}/p")
    assert {"name": "score", "type": "double"} in read["facets"]["schema"]["fields"]
    assert read["inputFacets"]["inputStatistics"]["fileCount"] == 1


def test_a_read_is_a_run_from_start_to_end(connection: Connection, log: Path) -> None:
    connection.read("1970-01-01", "1970-01-02").to_arrow()
    _, start, end = events(log)
    assert [start["eventType"], end["eventType"]] == ["START", "COMPLETE"]
    assert start["run"]["runId"] == end["run"]["runId"]
    assert start["eventTime"] <= end["eventTime"]
    assert end["run"]["facets"]["nominalTime"]["nominalStartTime"] == "1970-01-01T00:00:00+00:00"
    assert end["run"]["facets"]["processing_engine"]["name"] == "embedded"
    (made,) = end["outputs"]
    assert made["outputFacets"]["outputStatistics"]["rowCount"] == 2
    assert [f["name"] for f in made["facets"]["schema"]["fields"]] == ["id", "timestamp", "score"]


def test_a_failure_is_told_without_the_drivers_words(
    connection: Connection, log: Path, tmp_path: Path
) -> None:
    data = connection.read()
    (tmp_path / "p" / "dt=1970-01-01" / "x.parquet").unlink()
    with pytest.raises(DataChangedError):
        data.to_arrow()
    end = events(log)[-1]
    assert end["eventType"] == "FAIL"
    assert "is gone" in end["run"]["facets"]["errorMessage"]["message"]
    foreign = finished_events(data.plan, data.stats, ValueError("token=abc"), "headwater")[-1]
    assert foreign["run"]["facets"]["errorMessage"]["message"] == "ValueError"


def test_a_read_that_is_left_is_aborted(connection: Connection, log: Path) -> None:
    batches = iter(connection.read())
    next(batches)
    del batches
    assert events(log)[-1]["eventType"] == "ABORT"


def test_a_query_without_a_model_has_no_output_columns(
    connection: Connection, log: Path, tmp_path: Path
) -> None:
    with Workspace(PluginRegistry([plugin], discover=False)) as workspace:
        workspace.sql("SELECT id FROM p", connection.source).to_arrow()
    assert events(log)[-1]["outputs"][0]["facets"] == {}


def test_a_state_of_the_table_and_digests_of_the_rows_are_told(
    connection: Connection, log: Path
) -> None:
    data = connection.read("1970-01-01", "1970-01-02", digests=True)
    data.to_arrow()
    evidence = data.evidence()
    started, ended = events(log)[-2:]
    (told,) = evidence.tables.values()
    for event in (started, ended):
        (table,) = event["inputs"]
        assert table["facets"]["version"]["datasetVersion"] == told["data_files_digest"]
    assert "headwater_content" not in started["run"]["facets"]
    content = ended["run"]["facets"]["headwater_content"]
    assert (content["rowsDigest"], content["rows"]) == (evidence.rows_digest, 2)
    connection.read("1970-01-01", "1970-01-02").to_arrow()
    assert "headwater_content" not in events(log)[-1]["run"]["facets"]


@pytest.mark.parametrize(
    ("relation", "state"),
    [
        (IcebergRelation(TableName("d", "t"), (), "s3://b/t/metadata/7.json", 77), "77"),
        (DeltaRelation(TableName("d", "t"), (), "s3://b/t", 12), "12"),
        (MemoryRelation(TableName("d", "t"), (), None), None),
    ],
)
def test_a_lake_is_told_by_its_snapshot_or_version(relation: Relation, state: str | None) -> None:
    scan = Scan("t0", TableName("d", "t"), relation, ScanEstimate(1, None, 1, 1))
    plan = Plan("m/v1/serving", "SELECT 1", "SELECT 1", (scan,), None, None, "embedded", "")
    started, _ = finished_events(plan, ReadStats(), None, "n")
    facet = started["inputs"][0]["facets"].get("version")
    assert (None if facet is None else facet["datasetVersion"]) == state


def test_every_facet_names_its_schema(connection: Connection, log: Path) -> None:
    connection.read("1970-01-01", "1970-01-02").to_arrow()
    named = set()
    for event in events(log):
        for holder in (event["job"], event.get("run", {}), *event["inputs"], *event["outputs"]):
            for kind in ("facets", "inputFacets", "outputFacets"):
                for name, facet in holder.get(kind, {}).items():
                    title = FACETS[name].partition("/")[2]
                    assert facet["_schemaURL"].endswith(f"{title}.json#/$defs/{title}")
                    named.add(name)
    assert named == set(FACETS) - {"errorMessage"}


def test_nothing_configured_or_disabled_sends_nothing(
    connection: Connection, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "True")
    connection.plan()
    monkeypatch.delenv("OPENLINEAGE_DISABLED")
    monkeypatch.delenv("OPENLINEAGE_FILE")
    connection.plan()
    assert not log.exists()


def test_a_server_gets_the_events(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str | None, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers["Authorization"], json.loads(body)))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_address[1]}/")
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "canary")
        monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "prod")
        connection.read().to_arrow()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [(path, key) for path, key, _ in seen] == [("/api/v1/lineage", "Bearer canary")] * 3
    assert {event["job"]["namespace"] for _, _, event in seen} == {"prod"}
    assert "canary" not in repr(
        configured({"OPENLINEAGE_URL": "http://x", "OPENLINEAGE_API_KEY": "canary"})
    )


def test_a_server_that_is_down_is_logged_and_the_read_goes_on(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    assert connection.read().to_arrow().num_rows == 2
    error = caplog.records[-1].exc_info
    assert error is not None
    assert isinstance(error[1], LineageError)
    assert "http://127.0.0.1:9/api/v1/lineage" in str(error[1])


def test_a_url_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="OPENLINEAGE_URL is 'file:///etc'"):
        configured({"OPENLINEAGE_URL": "file:///etc"})


NAME = TableName("db", "t")


@pytest.mark.parametrize(
    ("relation", "expected"),
    [
        (
            FileRelation(NAME, (), partitions=(FilePartition(("1",), "s3://b/t/dt=1/hour=2/"),)),
            ("s3://b", "t"),
        ),
        (
            FileRelation(
                NAME,
                (),
                partitions=(
                    FilePartition(("1",), "s3a://b/t/2026/01/"),
                    FilePartition(("2",), "s3a://b/t/2026/02/"),
                ),
            ),
            ("s3://b", "t/2026"),
        ),
        (
            FileRelation(NAME, (), files=(DataFile("/data/t.parquet", 1),)),
            ("file", "/data/t.parquet"),
        ),
        (FileRelation(NAME, ()), ("headwater", "db.t")),
        (DeltaRelation(NAME, (), "s3://b/delta/t/", 1), ("s3://b", "delta/t")),
        (IcebergRelation(NAME, (), "s3://b/t/metadata/1.json", 1), ("s3://b", "t")),
        (MemoryRelation(NAME, (), None), ("headwater", "db.t")),
        (
            StreamRelation(NAME, (), lambda _: None, "postgresql://h/d"),
            ("postgresql://h/d", "db.t"),
        ),
    ],
)
def test_datasets_are_named_by_where_they_lie(
    relation: Relation, expected: tuple[str, str]
) -> None:
    assert dataset_name(Scan("t0", NAME, relation, ScanEstimate(1, None, 0, 0))) == expected
