"""A Delta, Iceberg or Hudi table that is registered as plain Parquet is refused, and told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import headwater as hw
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake

MARKERS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Iceberg": "metadata/00001-0a1b.metadata.json",
    "Hudi": ".hoodie/hoodie.properties",
}


@pytest.fixture
def lake() -> Iterator[GlueLake]:
    with Emulator() as aws:
        yield GlueLake(aws)


def rows(lake: GlueLake, table: str = "log") -> int:
    with hw.Workspace(engine="embedded") as workspace:
        query = f"SELECT id FROM {table}"
        return workspace.sql(query, lake.source(query=query)).to_arrow().num_rows


@pytest.mark.parametrize(
    ("partitioned", "place"),
    [(False, ""), (False, "data/"), (True, ""), (True, "data/"), (True, "elsewhere/")],
)
@pytest.mark.parametrize(("kind", "marker"), MARKERS.items())
def test_its_files_are_not_read(
    lake: GlueLake, kind: str, marker: str, partitioned: bool, place: str
) -> None:
    """The marker lies at the root: of the table, or of partitions that lie elsewhere."""
    root = "log/" if place != "elsewhere/" else "other/"
    inner = place if place == "data/" else ""
    keys = {"dt": "string"} if partitioned else {}
    lake.table("log", {"id": "string"}, keys=keys, location=lake.uri(f"log/{inner}"))
    file = f"{root}{inner}{'dt=1/' if partitioned else ''}p.parquet"
    lake.write(file, pa.table({"id": ["a"]}))
    if partitioned:
        lake.partition("log", ["1"], location=lake.uri(file.rpartition("/")[0]))
    assert rows(lake) == 1
    lake.write(f"{root}{marker}", "{}")
    with pytest.raises(hw.HeadwaterError, match=f"files of a {kind} table") as caught:
        rows(lake)
    assert caught.value.code == "lake-as-files"


def test_a_marker_behind_a_thousand_partitions_is_found(lake: GlueLake) -> None:
    lake.table("log", {"id": "string"}, keys={"DT": "string"})
    for number in range(1001):
        lake.write(f"log/DT={number:04}/p.parquet", b"x")
    lake.write("log/DT=0001/p.parquet", pa.table({"id": ["a"]}))
    lake.partition("log", ["0001"], location=lake.uri("log/DT=0001/"))
    lake.write("log/metadata/00000-0a.metadata.json", "{}")
    with pytest.raises(hw.HeadwaterError, match="Iceberg"):
        rows(lake)


def test_it_is_read_as_the_hint_says(lake: GlueLake, tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    for value in ("old", "new"):
        deltalake.write_deltalake(str(tmp_path), pa.table({"id": [value]}), mode="overwrite")
    for file in (f for f in tmp_path.rglob("*") if f.is_file()):
        lake.write(f"log/{file.relative_to(tmp_path).as_posix()}", file.read_bytes())
    columns, delta = {"id": "string"}, {"spark.sql.sources.provider": "delta"}
    lake.table("log", columns, location=lake.uri("log/"))
    with pytest.raises(hw.HeadwaterError) as caught:
        rows(lake)
    assert "spark.sql.sources.provider=delta" in str(caught.value.hint)
    lake.table("rightly", columns, location=lake.uri("log/"), parameters=delta)
    assert rows(lake, "rightly") == 1


def test_who_may_not_list_beside_the_partitions_reads_them(lake: GlueLake) -> None:
    """What can't be looked at stops nobody: a policy may be as narrow as the files."""
    lake.table("log", {"id": "string"}, keys={"dt": "string"})
    lake.write("log/dt=1/p.parquet", pa.table({"id": ["a"]}))
    lake.partition("log", ["1"])
    everywhere = {"Effect": "Allow", "Resource": "*"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {**everywhere, "Action": ["glue:*", "s3:GetObject"]},
            {
                **everywhere,
                "Action": "s3:ListBucket",
                "Condition": {"StringLike": {"s3:prefix": "log/dt=1/*"}},
            },
        ],
    }
    query = "SELECT id FROM log"
    source = lake.source(query=query, auth=lake.keys(policy))
    with hw.Workspace(engine="embedded") as workspace:
        assert workspace.sql(query, source).to_arrow().num_rows == 1
