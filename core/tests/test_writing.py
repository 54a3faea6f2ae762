import multiprocessing
import os
import signal
import time
from pathlib import Path

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import ConfigError, DataError, UnsupportedError
from headwater.writing import complete


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
