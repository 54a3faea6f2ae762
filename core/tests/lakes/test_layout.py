"""A directory of a Delta, Iceberg or Hudi table is not read as plain files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater.lakes.layout import lake, roots

MARKERS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Iceberg": "metadata/00001-0a1b.metadata.json",
    "Hudi": ".hoodie/hoodie.properties",
}
PLACES = {
    "": "",
    "dt=1/": "",
    "a=1/b=2/": "",
    "data/": "data",
    "data/dt=1/": "data",
    "dt=1": "dt=1",
    ".": "part-0.parquet",
    "c=1": "c=1/part-0.parquet",
}
"""Where files lie below the root, and which directory is declared as the table."""


@pytest.mark.parametrize(("below", "declared"), PLACES.items())
@pytest.mark.parametrize(("kind", "marker"), MARKERS.items())
def test_local_files_of_such_a_table_are_refused(
    tmp_path: Path, kind: str, marker: str, below: str, declared: str
) -> None:
    root = tmp_path / "log"
    (root / below).mkdir(parents=True)
    pq.write_table(pa.table({"id": ["a"]}), root / below / "part-0.parquet")
    source = hw.FileDataSource(tables={"log": str(root / declared)})
    with hw.Workspace(engine="embedded") as workspace:
        assert workspace.sql("SELECT id FROM log", source).to_arrow().num_rows == 1
        (root / marker).parent.mkdir()
        (root / marker).write_text("{}")
        with pytest.raises(hw.HeadwaterError, match=f"files of a {kind} table") as caught:
            workspace.sql("SELECT id FROM log", source)
    assert caught.value.code == "lake-as-files"


def test_plain_files_are_not_taken_for_such_a_table() -> None:
    """A directory that is called `metadata` holds anything; only Iceberg's own files tell it."""
    assert lake("s3://b/t/", ["metadata", "part-0.parquet"], ["notes.json", "x.parquet"]) is None
    assert lake("s3://b/t/", ["metadata.json", "_SUCCESS", "_committed_1"]) is None


def test_what_deltalake_gives_is_read_as_the_hint_says(tmp_path: Path) -> None:
    deltalake = pytest.importorskip("deltalake")
    path = str(tmp_path / "log")
    for value in ("old", "new"):
        deltalake.write_deltalake(path, pa.table({"id": [value]}), mode="overwrite")
    with hw.Workspace(engine="embedded") as workspace:
        with pytest.raises(hw.HeadwaterError, match="is declared as plain files"):
            workspace.sql("SELECT id FROM log", hw.FileDataSource(tables={"log": path}))
        rows = deltalake.DeltaTable(path).to_pyarrow_table()
        source = hw.MemoryDataSource(tables={"log": rows})
        assert workspace.sql("SELECT id FROM log", source).to_arrow()["id"].to_pylist() == ["new"]


def test_roots_of_a_place() -> None:
    assert list(dict.fromkeys(roots("lake/t/dt=1/h=2/"))) == ["lake/t/dt=1/h=2", "lake/t"]
    assert list(dict.fromkeys(roots("lake/t/data"))) == ["lake/t/data", "lake/t"]
