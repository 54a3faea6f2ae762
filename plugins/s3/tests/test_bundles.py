"""Support bundles of files without a catalog: listings, headers and footers replay, rows do not."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from plugins.s3.tests.conftest import Bucket
from plugins.s3.tests.test_lakes import delta, iceberg

from headwater import Workspace
from headwater.errors import HeadwaterError
from headwater.interfaces.report import CheckReport
from headwater.workspace.model import Connection
from headwater_aws.testing import Emulator
from headwater_s3 import S3DataSource

LINE = {
    "who": "CANARYROW",
    "at": "2026-01-02T03:00:00Z",
    "score": 0.7,
    "n": 41,
    "tags": ["CANARYTAG"],
}


def connected(source: S3DataSource, at: str = "at") -> Connection:
    workspace = Workspace()
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "binary", predictions={"score": "numeric"})
    return version.connect_serving(source, "who", at)


def told(report: CheckReport) -> list[dict[str, Any]]:
    return [s for s in report.to_dict()["stages"] if s["name"] != "rows"]


def day(number: int, rows: int = 2) -> pa.Table:
    at = [datetime(2026, 1, number, 3, tzinfo=UTC)] * rows
    who = [f"CANARYROW{number}-{row}" for row in range(rows)]
    return pa.table(
        {"who": who, "at": pa.array(at, pa.timestamp("us", "UTC")), "score": [0.5] * rows}
    )


def _parquet(bucket: Bucket, _: Path) -> S3DataSource:
    for number in (1, 2, 3):
        bucket.write(f"p/2026/01/0{number}/xtr0.parquet", day(number))
    return bucket.source("p/%Y/%m/%d/xtr*.parquet", time_column="at")


def _large(bucket: Bucket, _: Path) -> S3DataSource:
    for number in (1, 2):
        bucket.write(f"p/2026/01/0{number}/x.parquet", day(number, 40_000))
    return bucket.source("p/%Y/%m/%d/*.parquet", time_column="at")


CAST = "SELECT who, CAST(at AS timestamp) AS at, CAST(score AS double) AS score FROM {data}"


def _csv(bucket: Bucket, _: Path) -> S3DataSource:
    bucket.write("c/a.csv", "who;at;score\nCANARYROW;2026-01-02 00:00:00;0.5\n")
    return bucket.source("c/", format="csv", options={"sep": ";"}, query=CAST)


def _packed_csv(bucket: Bucket, _: Path) -> S3DataSource:
    bucket.write("c/a.csv.gz", gzip.compress(b"who,at,score\nCANARYROW,2026-01-02,0.5\n" * 9))
    return bucket.source("c/", format="csv", query=CAST)


def _json(bucket: Bucket, _: Path) -> S3DataSource:
    bucket.write("j/a.json", json.dumps(LINE) + "\n")
    columns = {"who": "string", "at": "timestamp", "score": "double"}
    return bucket.source("j/", format="json", columns=columns)


def _undeclared(bucket: Bucket, _: Path) -> S3DataSource:
    bucket.write("j/a.json", f"{json.dumps(LINE)}\n{json.dumps(LINE)}\n")
    return bucket.source("j/", format="json")


def _delta(bucket: Bucket, _: Path) -> S3DataSource:
    delta(bucket)
    delta(bucket, mode="append")
    query = "SELECT Id AS who, CAST('2026-01-02' AS timestamp) AS at, score FROM {data}"
    return bucket.source("d/", format="delta", query=query)


def _iceberg(bucket: Bucket, folder: Path) -> S3DataSource:
    written = iceberg(bucket, folder)
    written.append(pa.table({"Id": ["CANARYROW", "b"], "score": [0.5, 0.25]}))
    query = "SELECT Id AS who, CAST('2026-01-02' AS timestamp) AS at, score FROM {data}"
    directory = written.metadata.location.removeprefix("s3://lake/")
    return bucket.source(directory, format="iceberg", query=query)


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [_parquet, _large, _csv, _packed_csv, _json, _undeclared, _delta, _iceberg]
)
@pytest.mark.parametrize("anonymous", [False, True])
def test_it_replays_to_the_same_report(
    bucket: Bucket, tmp_path: Path, make: Any, anonymous: bool
) -> None:
    connection = connected(make(bucket, tmp_path))
    window = ("2026-01-02", "2026-01-03")
    path = tmp_path / "b.zip"
    report = connection.check(*window, bundle=path, anonymous=anonymous)
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            content = packed.read(name)
            assert b"CANARY" not in content, name
            assert not (anonymous and b"xtr" in content), name
        checks = json.loads(packed.read("checks.json"))
    expected = [s for s in checks[0]["stages"] if s["name"] != "rows"]
    if not anonymous:
        assert json.loads(json.dumps(told(report))) == expected
    with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
        (again,) = workspace.connections.values()
        for mine, theirs in zip(told(again.check(*window)), expected, strict=True):
            assert json.loads(json.dumps(mine)) == theirs
        if not report.ok:
            return
        plan = again.plan(*window)
        if not anonymous:
            wanted = connection.plan(*window).to_dict()
            if make is _iceberg:  # its manifests are not recorded, which name the files
                for name in ("data_files", "data_files_digest"):
                    del wanted["tables"][0][name]
            assert plan.to_dict()["tables"] == wanted["tables"]
        with pytest.raises(HeadwaterError):
            again.read(*window).to_arrow()


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.parametrize(
    ("key", "text", "format"),
    [
        ("c/a.csv", "Canarysmith,2026-01-02 00:00:00,0.5,canary@example.com\n", "csv"),
        ("c/a.csv.gz", "Canarysmith,0.5\nCanaryjones,0.7\n", "csv"),
        (
            "j/a.json",
            '{"id": "a", "by": {"canary@example.com": 1, "x": {"12.34.canary@": 1}}}\n',
            "json",
        ),
    ],
)
def test_a_row_that_is_taken_for_names_is_not_in_it(
    bucket: Bucket, tmp_path: Path, anonymous: bool, key: str, text: str, format: str
) -> None:
    bucket.write(key, gzip.compress(text.encode()) if key.endswith(".gz") else text)
    path = tmp_path / "b.zip"
    report = connected(bucket.source(f"{key[:2]}*", format=format)).check(
        bundle=path, anonymous=anonymous
    )
    assert not report.ok
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            content = packed.read(name)
            content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            assert b"canary" not in content.lower(), (name, content)


@pytest.mark.parametrize("anonymous", [False, True])
def test_a_checkpoint_of_a_partitioned_delta_table_replays(
    bucket: Bucket, tmp_path: Path, anonymous: bool
) -> None:
    from deltalake import DeltaTable, write_deltalake

    rows = day(2).append_column("Branch", pa.array(["xtrelbonia", "xtrsyldavia"]))
    keys = bucket.everything()
    about: dict[str, Any] = {
        "name": "xtrtable",
        "description": "CANARYROW",
        "partition_by": ["Branch"],
    }
    write_deltalake("s3://lake/xtrd", rows, storage_options=keys, **about)
    write_deltalake("s3://lake/xtrd", rows, storage_options=keys, mode="append")
    DeltaTable("s3://lake/xtrd", storage_options=keys).create_checkpoint()
    write_deltalake("s3://lake/xtrd", rows, storage_options=keys, mode="append")
    connection = connected(bucket.source("xtrd/", format="delta"))
    path = tmp_path / "b.zip"
    report = connection.check(bundle=path, anonymous=anonymous)
    assert report.stages[-1].name == "rows"
    hidden = [b"CANARYROW", *([b"xtr", b"Branch"] if anonymous else [])]
    with zipfile.ZipFile(path) as packed:
        for name in packed.namelist():
            content = packed.read(name)
            if content[:4] == b"PAR1" and b"metaData" in content:
                content += str(pq.read_table(pa.BufferReader(content)).to_pylist()).encode()
            assert [one for one in hidden if one in content] == [], name
    with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
        (again,) = workspace.connections.values()
        assert [s.status for s in again.check().stages[:-1]] == [
            s.status for s in report.stages[:-1]
        ]
        assert again.plan().files == connection.plan().files == 6
