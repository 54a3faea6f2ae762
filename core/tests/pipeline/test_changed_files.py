"""A local file that is not what was planned is an error, whichever way it came to be another."""

import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc
from tests.spark_reads import planned_sql

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import DataChangedError
from headwater.sources import local_files
from headwater.tables.relation import DataFile

ROWS = 50_000


def rows(value):
    return pa.table({"id": [f"{n:05}" for n in range(ROWS)], "x": pa.array([value] * ROWS)})


def parquet(path, value):
    # Not compressed, not a dictionary: any value gives the same length.
    pq.write_table(rows(value), path, compression="none", use_dictionary=False)


def text(line, path, value):
    path.write_text("".join(line.format(n, value) + "\n" for n in range(ROWS)))


WRITERS = {
    "parquet": parquet,
    "orc": lambda path, value: orc.write_table(rows(value), path, compression="UNCOMPRESSED"),
    "csv": lambda path, value: text("{:05},{}", path, value),
    "json": lambda path, value: text('{{"id": "{:05}", "x": {}}}', path, value),
}
COLUMNS = {"log": {"id": "string", "x": "bigint"}}


def in_place(path, write):
    """Write over a file, which keeps its inode, and put its time back as `cp -p` does."""
    before = path.stat()
    write(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path, write):
    """Put another file in its place, as most writers do, of the same time."""
    before = path.stat()
    other = path.with_suffix(".new")
    write(other)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def led_elsewhere(path, write):
    """Let a link in a table's directory lead to another file."""
    other = path.parent.parent / "other"
    write(other)
    path.unlink()
    path.symlink_to(other)


WAYS = [in_place, replaced, led_elsewhere]


def source_of(folder, format):
    declared = COLUMNS if format in ("csv", "json") else {}
    return hw.FileDataSource(tables={"log": str(folder)}, format=format, columns=declared)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "log"
    made.mkdir()
    return made


@pytest.mark.parametrize("way", WAYS, ids=lambda w: w.__name__)
@pytest.mark.parametrize("format", WRITERS)
def test_one_of_the_same_length_is_noticed_before_a_row_is_read(folder, format, way):
    path, write = folder / f"part.{format}", WRITERS[format]
    write(path, 10)
    length = path.stat().st_size
    with hw.Workspace(engine="embedded") as workspace:
        data = workspace.sql("SELECT * FROM log", source_of(folder, format))
        assert data.to_arrow().num_rows == ROWS
        way(path, lambda where: write(where, 11))
        assert path.stat().st_size == length
        with pytest.raises(hw.HeadwaterError, match=r"part\.\w+ was overwritten since") as caught:
            data.to_arrow()
        assert caught.value.code == "data-changed"
        again = workspace.sql("SELECT sum(x) AS s FROM log", source_of(folder, format))
        assert again.to_arrow()["s"].to_pylist() == [11 * ROWS]


@pytest.mark.parametrize("way", WAYS, ids=lambda w: w.__name__)
@pytest.mark.parametrize("format", WRITERS)
def test_one_that_changes_while_it_is_read_ends_the_read(folder, format, way):
    path, write = folder / f"part.{format}", WRITERS[format]
    write(path, 10)
    with hw.Workspace(engine="embedded") as workspace:
        batches = iter(workspace.sql("SELECT * FROM log", source_of(folder, format)))
        assert set(next(batches)["x"].to_pylist()) == {10}
        way(path, lambda where: write(where, 11))
        with pytest.raises(hw.HeadwaterError) as caught:
            list(batches)
    assert caught.value.code == "data-changed"


def test_one_that_changes_while_a_read_is_opened_gives_no_batch(folder):
    """The first batch is of the planned version, for whoever takes no more than that."""
    path = folder / "part.parquet"
    parquet(path, 10)
    with hw.Workspace(engine="embedded") as workspace:
        reader = workspace.sql("SELECT * FROM log", source_of(folder, "parquet")).reader()
        in_place(path, lambda where: parquet(where, 11))
        with pytest.raises(hw.HeadwaterError) as caught:
            reader.read_next_batch()
    assert caught.value.code == "data-changed"


def test_what_an_engine_stumbles_over_is_called_a_change(folder):
    """A file that was cut between the confirmation and the opening is not "not Parquet"."""
    path = folder / "part.parquet"
    parquet(path, 10)
    with hw.Workspace(engine="embedded") as workspace:
        batches = iter(workspace.sql("SELECT * FROM log", source_of(folder, "parquet")))
        next(batches)
        path.write_bytes(b"\0" * path.stat().st_size)
        with pytest.raises(hw.HeadwaterError) as caught:
            list(batches)
    assert caught.value.code == "data-changed"


def test_one_that_is_gone_says_so(folder):
    path = folder / "part.parquet"
    parquet(path, 10)
    with hw.Workspace(engine="embedded") as workspace:
        data = workspace.sql("SELECT * FROM log", source_of(folder, "parquet"))
        shutil.rmtree(folder)
        with pytest.raises(hw.HeadwaterError, match="is gone since the read was planned"):
            data.to_arrow()


def test_a_file_that_nobody_touched_stays_what_it_was(folder):
    path = folder / "part.parquet"
    parquet(path, 10)
    file = local_files.data_file(str(path))
    path.read_bytes()
    assert local_files.changes([file]) == {}
    assert local_files.changes([DataFile(path.as_uri(), file.size, 0, file.etag)]) == {}


def test_marks_of_others_are_not_compared(folder):
    """A plugin's own marks mean what it says; files without any are marked as they are planned."""
    path = folder / "part.parquet"
    parquet(path, 10)
    size = path.stat().st_size
    own = DataFile(str(path), size, 0, "version 7")
    assert local_files.changes([own]) == {}
    bare, uri = DataFile(str(path), size), DataFile(path.as_uri(), size)
    far, shorter = DataFile("s3://bucket/key", 3), DataFile(str(path), size - 1)
    marked = local_files.marked([own, bare, uri, far, shorter])
    assert marked[0] is own
    assert marked[1] == local_files.data_file(str(path))
    assert marked[2].etag == marked[1].etag
    assert marked[3:] == (far, shorter)


@pytest.mark.parametrize("way", WAYS, ids=lambda w: w.__name__)
def test_spark_notices_too(spark_engine, folder, way):
    path = folder / "part.parquet"
    parquet(path, 10)
    data = planned_sql(source_of(folder, "parquet"), "SELECT * FROM log", spark_engine)
    assert data.to_arrow().num_rows == ROWS
    batches = iter(data)
    next(batches)
    way(path, lambda where: parquet(where, 11))
    with pytest.raises(hw.HeadwaterError) as caught:
        list(batches)
    assert caught.value.code == "data-changed"
    with pytest.raises(hw.HeadwaterError) as caught:
        data.to_arrow()
    assert caught.value.code == "data-changed"


@pytest.mark.parametrize("more", [0, 500_000, -100_000])
def test_one_that_is_replaced_between_two_shares_of_it_ends_the_read(folder, monkeypatch, more):
    """Each share opens it anew, and would give rows of another version than those before."""
    monkeypatch.setattr("headwater.engines.embedded.memory._AHEAD", 1)
    path = folder / "part.parquet"

    def write(first, count, where=path):
        rows = pa.table({"id": range(first, first + count)})
        pq.write_table(rows, where, row_group_size=50_000)

    write(0, 600_000)
    with hw.Workspace(engine="embedded") as workspace:
        workspace.use_engine(EmbeddedEngine(threads=2, share_bytes=1))
        batches = iter(workspace.sql("SELECT id FROM log", source_of(folder, "parquet")))
        next(batches)
        replaced(path, lambda where: write(10**9, 600_000 + more, where))
        given: list[pa.RecordBatch] = []
        with pytest.raises(DataChangedError, match=r"part\.parquet was overwritten since"):
            given += batches
        assert any(b.column(0)[0].as_py() >= 10**9 for b in given), "a share began behind it"
