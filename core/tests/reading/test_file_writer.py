import multiprocessing
import os
import signal
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw
from headwater.errors import ConfigError, DataError, UnsupportedError
from headwater.reading.file_writer import complete


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def write_half(target, error):
    with complete(target) as file:
        file.write(b"half")
        raise error


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "rows.bin"
    with complete(target) as file:
        file.write(b"half")
        assert list(tmp_path.glob("rows*")) == []
        file.write(b"whole")
    assert target.read_bytes() == b"halfwhole"
    assert names(tmp_path) == ["rows.bin"]


def test_an_error_midway_leaves_nothing(tmp_path):
    with pytest.raises(DataError):
        write_half(tmp_path / "rows.bin", DataError("ragged"))
    assert names(tmp_path) == []


def test_an_error_midway_leaves_what_was_there_before(tmp_path):
    target = tmp_path / "rows.bin"
    target.write_bytes(b"old")
    with pytest.raises(ConfigError):
        write_half(target, ConfigError("no"))
    assert target.read_bytes() == b"old"


def _write_for_ever(folder, ready):
    with complete(folder / "rows.bin") as file:
        file.write(b"half")
        file.flush()
        ready.set()
        time.sleep(60)


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="unnamed files are a thing of Linux")
def test_a_killed_process_leaves_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_write_for_ever, args=(tmp_path, ready))
    process.start()
    assert ready.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    assert names(tmp_path) == []


@pytest.mark.parametrize("place", ["s3://bucket/rows", Path("s3://bucket/rows.parquet")])
def test_an_address_is_not_taken_for_a_directory(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    source = hw.MemoryDataSource(tables={"t": pa.table({"id": ["a"]})})
    with hw.Workspace(engine="embedded") as workspace:
        data = workspace.sql("SELECT id FROM t", source)
        with pytest.raises(ConfigError, match="not a path of this machine"):
            data.write(place)
        with pytest.raises(UnsupportedError, match="embedded engine, which writes to this machine"):
            data.write_delta("s3://bucket/rows")
    assert names(tmp_path) == []


def rows(count=1_000):
    return hw.MemoryDataSource(tables={"t": pa.table({"id": [f"{i:06}" for i in range(count)]})})


@pytest.fixture
def data():
    with hw.Workspace(engine="embedded") as workspace:
        yield workspace.sql("SELECT id FROM t", rows())


def without_unnamed_files(monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)


def without_links(monkeypatch):
    def refused(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    without_unnamed_files(monkeypatch)
    monkeypatch.setattr(Path, "hardlink_to", refused)


SYSTEMS = pytest.mark.parametrize(
    "system", [None, without_unnamed_files, without_links], ids=["linux", "posix", "fat"]
)


def overtaken(target, meanwhile):
    with complete(target) as file:
        file.write(b"ours")
        meanwhile()


@SYSTEMS
@pytest.mark.parametrize("appears", ["file", "link", "dangling"])
def test_a_file_that_appears_meanwhile_stays(tmp_path, monkeypatch, system, appears):
    if system:
        system(monkeypatch)
    target, other = tmp_path / "rows.bin", tmp_path / "other"
    if appears == "link":
        other.write_bytes(b"theirs")

    def meanwhile():
        if appears == "file":
            target.write_bytes(b"theirs")
        else:
            target.symlink_to(other)

    with pytest.raises(ConfigError, match=r"rows\.bin exists"):
        overtaken(target, meanwhile)
    if appears == "dangling":
        assert names(tmp_path) == ["rows.bin"]
    else:
        assert target.read_bytes() == b"theirs"
        assert [n for n in names(tmp_path) if n not in ("rows.bin", "other")] == []


@SYSTEMS
def test_the_second_of_two_writers_fails_whole(tmp_path, monkeypatch, system):
    if system:
        system(monkeypatch)
    target = tmp_path / "rows.bin"

    def another():
        with complete(target) as file:
            file.write(b"fast")

    with pytest.raises(ConfigError, match="exists"):
        overtaken(target, another)
    assert target.read_bytes() == b"fast"
    assert names(tmp_path) == ["rows.bin"]


@SYSTEMS
def test_what_is_replaced_is_there_until_the_new_is_whole(tmp_path, monkeypatch, system):
    if system:
        system(monkeypatch)
    target = tmp_path / "rows.bin"
    target.write_bytes(b"old")
    with complete(target, overwrite=True) as file:
        file.write(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["rows.bin"]


def test_a_link_is_kept_and_what_it_leads_to_is_replaced(tmp_path):
    real, link = tmp_path / "real.bin", tmp_path / "link.bin"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with pytest.raises(ConfigError, match=r"link\.bin exists"), complete(link):
        pass
    with complete(link, overwrite=True) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_in_the_place_of_a_file_is_told(tmp_path, overwrite):
    (tmp_path / "rows.bin").mkdir()
    with (
        pytest.raises(ConfigError, match=r"rows\.bin"),
        complete(tmp_path / "rows.bin", overwrite=overwrite),
    ):
        pass
    assert names(tmp_path) == ["rows.bin"]


def test_a_parent_that_is_a_file_is_told(tmp_path, data):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="can't be written") as caught:
        data.write(tmp_path / "file" / "rows.parquet")
    assert caught.value.code == "write-failed"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("format", ["parquet", "csv", "arrow"])
def test_a_full_disk_is_told_with_the_path(tmp_path, monkeypatch, data, format):
    def full(path, flags, *mode, opened=os.open):
        wanted = Path(path) == tmp_path and flags & os.O_RDWR
        return opened("/dev/full", os.O_WRONLY) if wanted else opened(path, flags, *mode)

    monkeypatch.setattr(os, "open", full)
    with pytest.raises(ConfigError, match="No space left on device") as caught:
        data.write(tmp_path / f"rows.{format}", format=format)
    assert caught.value.code == "write-failed"
    assert f"rows.{format}" in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_read_does_not_overwrite_what_it_reads(tmp_path, overwrite):
    place = tmp_path / "log.parquet"
    with hw.Workspace(engine="embedded") as workspace:
        workspace.sql("SELECT id FROM t", rows()).write(place)
        source = hw.FileDataSource(tables={"log": str(place)})
        link = tmp_path / "link.parquet"
        link.symlink_to(place)
        some = workspace.sql("SELECT id FROM log WHERE id < '000010'", source)
        for target in (place, link):
            with pytest.raises(ConfigError, match=r"read by this very read|exists"):
                some.write(target, overwrite=overwrite)
    assert pq.read_table(place).num_rows == 1_000
