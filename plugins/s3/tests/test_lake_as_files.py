"""Files of a Delta, Iceberg or Hudi table are not read as plain ones."""

from __future__ import annotations

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket

import headwater as hw

MARKERS = {
    "Delta": "_delta_log/00000000000000000000.json",
    "Iceberg": "metadata/00001-0a1b.metadata.json",
    "Hudi": ".hoodie/hoodie.properties",
}
PATHS = {
    "log/p.parquet": "log/",
    "log/dt=1/p.parquet": "log/",
    "log/data/p.parquet": "log/data/",
    "log/dt=2/p.parquet": "log/dt=2/",
    "log/p-1.parquet": "log/p-*.parquet",
    "log/2026/p.parquet": "log/%Y/",
}
"""A file, and the path that names it."""


@pytest.mark.parametrize(("file", "path"), PATHS.items())
@pytest.mark.parametrize(("kind", "marker"), MARKERS.items())
def test_they_are_refused_with_what_to_write(
    bucket: Bucket, kind: str, marker: str, file: str, path: str
) -> None:
    bucket.write(file, pa.table({"id": ["a"]}))
    source = bucket.source(path)
    with hw.Workspace(engine="embedded") as workspace:
        assert workspace.sql("SELECT id FROM data", source).to_arrow().num_rows == 1
        bucket.write(f"log/{marker}", "{}")
        with pytest.raises(hw.HeadwaterError, match=f"files of a {kind} table") as caught:
            workspace.sql("SELECT id FROM data", source)
    assert caught.value.code == "lake-as-files"
    assert kind == "Hudi" or f'format="{kind.lower()}"' in str(caught.value.hint)


def test_delta_is_read_as_the_hint_says(bucket: Bucket) -> None:
    deltalake = pytest.importorskip("deltalake")
    for value in ("old", "new"):
        rows = pa.table({"id": [value]})
        deltalake.write_deltalake(
            "s3://lake/log", rows, mode="overwrite", storage_options=bucket.everything()
        )
    source = bucket.source("log/", format="delta")
    with hw.Workspace(engine="embedded") as workspace:
        rows = workspace.sql("SELECT id FROM data", source).to_arrow()
    assert rows["id"].to_pylist() == ["new"]
