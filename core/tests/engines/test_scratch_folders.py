"""Scratch folders go with their process, however it ends; those in use stay."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

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
    root: Path, number: signal.Signals
) -> None:
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
