"""Scratch folders go with their process, however it ends; those in use stay."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headwater.engines import scratch_folders
from headwater.engines.scratch_folders import clear_abandoned, scratch_folder

fcntl = pytest.importorskip("fcntl", reason="locks of files are a thing of POSIX")


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_folder_is_the_users_own_and_goes(root: Path) -> None:
    with scratch_folder() as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "spilled").write_bytes(b"x")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert names(root) == []


def test_it_goes_after_an_error(root: Path) -> None:
    with pytest.raises(ValueError, match="no"), scratch_folder():
        raise ValueError("no")
    assert names(root) == []


def _spill(root: str, ready: multiprocessing.synchronize.Event) -> None:
    tempfile.tempdir = root
    with scratch_folder() as folder:
        (folder / "spilled").write_bytes(b"x")
        ready.set()
        time.sleep(60)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_start_clears_what_a_killed_process_left_and_nothing_in_use(
    root: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch_folders, "LOOK_AGAIN", 0.0)  # as if each were a process's first
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_spill, args=(str(root), ready))
    process.start()
    assert ready.wait(30)
    living = names(root)
    with scratch_folder():
        pass
    assert names(root) == living
    assert process.pid is not None
    os.kill(process.pid, number)
    process.join(30)
    assert names(root) == living
    with scratch_folder() as mine:
        assert names(root) == sorted([mine.name, f"{mine.name}.lock"])
    assert names(root) == []


def test_a_process_looks_at_first_and_again_after_a_while(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(name: str) -> list[str]:
        (root / f"headwater-scratch-{name}.lock").touch()
        with scratch_folder():
            pass
        return names(root)

    assert left("a") == []
    assert left("b") == ["headwater-scratch-b.lock"], "it has just looked"
    now = time.monotonic() + scratch_folders.LOOK_AGAIN
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert left("c") == []


def test_what_is_not_ours_is_left_alone(root: Path) -> None:
    victim = root / "victim"
    victim.mkdir()
    (victim / "precious").write_bytes(b"x")
    (root / "headwater-scratch-link.lock").symlink_to(victim / "precious")
    (root / "headwater-scratch-link").symlink_to(victim)
    os.mkfifo(root / "headwater-scratch-pipe.lock")
    before = names(root)
    clear_abandoned(root)
    assert names(root) == before
    assert (victim / "precious").exists()


def test_a_link_in_the_place_of_a_folder_is_not_followed(root: Path) -> None:
    victim = root / "victim"
    victim.mkdir()
    (victim / "precious").write_bytes(b"x")
    (root / "headwater-scratch-a.lock").touch()
    (root / "headwater-scratch-a").symlink_to(victim)
    clear_abandoned(root)
    assert (victim / "precious").exists()


def test_a_read_that_proves_its_rule_makes_one_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    import headwater as hw
    from headwater.engines.embedded import database

    made: list[Path] = []

    @contextmanager
    def counted() -> Iterator[Path]:
        with scratch_folder() as folder:
            made.append(folder)
            yield folder

    monkeypatch.setattr(database, "scratch_folder", counted)
    for day in range(1, 4):
        folder = tmp_path / "log" / f"dt=2026-01-0{day}"
        folder.mkdir(parents=True)
        at = pa.array([datetime(2026, 1, day, tzinfo=UTC)], pa.timestamp("us", "UTC"))
        pq.write_table(pa.table({"id": ["a"], "at": at, "x": [1.0]}), folder / "part.parquet")
    rule = hw.TimePartition(column="at", keys={"dt": "yyyy-MM-dd"})
    source = hw.FileDataSource(tables={"log": str(tmp_path / "log")}, partitions={"log": rule})
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version("m", "v", "regression", features={"x": "numeric"})
        data = version.connect_serving(source, "id", "at").read("2026-01-02", "2026-01-03")
        assert data.plan.scans[0].nearby is not None  # their footers are asked for, too
        assert data.to_arrow().num_rows == 1
    assert len(made) == 1
    assert not made[0].exists()
