"""A ledger in a file: two runners, crashes at every call of the system, files that are none."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from core.tests.ledger.entries import entry

from headwater.errors import ConfigError, HeadwaterError, LedgerError, LedgerMovedError
from headwater.ledger.file_store import FileLedgerStore
from headwater.ledger.ledger import Ledger

ROOT = Path(__file__).parents[3]


def commit(ledger: Ledger, day: int, generation: int = 1) -> None:
    new = entry(day, generation)
    ledger.commit(new, ledger.entries.get(new.window_key))


def test_a_missing_file_is_an_empty_ledger(tmp_path: Path) -> None:
    path = tmp_path / "state" / "headwater.ledger"
    ledger = Ledger.load(path)
    assert len(ledger) == 0
    assert not path.parent.exists()
    commit(ledger, 1)
    assert Ledger.load(str(path)).keys() == ledger.keys()


def test_a_window_costs_one_line(tmp_path: Path) -> None:
    ledger = Ledger.load(tmp_path / "l")
    commit(ledger, 1)
    before = (tmp_path / "l").read_bytes()
    commit(ledger, 0)
    after = (tmp_path / "l").read_bytes()
    assert after.startswith(before)
    assert after[len(before) :].count(b"\n") == 1


def test_loading_brings_lines_in_order(tmp_path: Path) -> None:
    ledger = Ledger.load(tmp_path / "l")
    for day, generation in ((1, 1), (0, 1), (1, 2)):
        commit(ledger, day, generation)
    again = Ledger.load(tmp_path / "l")
    assert again.version == 3
    assert (tmp_path / "l").read_bytes() == ledger.to_bytes() == again.to_bytes()
    inode = (tmp_path / "l").stat().st_ino
    Ledger.load(tmp_path / "l")
    assert (tmp_path / "l").stat().st_ino == inode


def test_two_runners_share_a_file(tmp_path: Path) -> None:
    one, two = Ledger.load(tmp_path / "l"), Ledger.load(tmp_path / "l")
    for day in range(0, 6, 2):
        commit(one, day)
        commit(two, day + 1)
    three = Ledger.load(tmp_path / "l")
    commit(one, 6)
    assert len(three) == 6
    commit(three, 7)
    assert len(Ledger.load(tmp_path / "l")) == 8
    with pytest.raises(LedgerMovedError):
        two.commit(entry(7, 9), None)


def test_a_line_that_a_crash_cut_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "l"
    commit(Ledger.load(path), 1)
    whole = path.read_bytes()
    for torn in (b'{"key":"half', b"\0" * 700, b"{" * 5000):
        path.write_bytes(whole + torn)
        ledger = Ledger.load(path)
        assert len(ledger) == 1
        commit(ledger, 2)
        assert len(Ledger.load(path)) == 2
        path.write_bytes(whole)


def test_a_crash_of_another_runner_is_mended_by_a_live_one(tmp_path: Path) -> None:
    path = tmp_path / "l"
    ledger = Ledger.load(path)
    commit(ledger, 1)
    with path.open("ab") as file:
        file.write(b'{"key":"half')
    commit(ledger, 2)
    assert len(Ledger.load(path)) == 2


def test_a_ledger_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "l"
    ledger = Ledger.load(path)
    commit(ledger, 1)
    commit(ledger, 0)
    path.parent.chmod(0o500)
    try:
        again = Ledger.load(path)
        assert again.keys() == ledger.keys()
        if os.geteuid() != 0:
            with pytest.raises(LedgerError, match="can't save the ledger"):
                commit(again, 2)
    finally:
        path.parent.chmod(0o700)


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Ledger.load(f"{tmp_path}/{name}")


def test_a_place_that_can_not_be_looked_at_is_not_an_empty_ledger(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="can't read the ledger"):
        Ledger.load(tmp_path / "file" / "ledger")


def test_a_file_that_is_no_ledger_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("dear diary\n")
    with pytest.raises(LedgerError, match=r"notes is no ledger"):
        Ledger.load(tmp_path / "notes")
    assert (tmp_path / "notes").read_text() == "dear diary\n"


def test_a_relative_path_starts_from_the_configuration(tmp_path: Path) -> None:
    store = FileLedgerStore.model_validate({"path": "state/l"}, context={"folder": tmp_path})
    store.save(b"x\n", None)
    assert (tmp_path / "state" / "l").read_bytes() == b"x\n"


def test_rights_of_a_file_stay_as_they_were(tmp_path: Path) -> None:
    store = FileLedgerStore(path=str(tmp_path / "l"))
    mark = store.save(b"x\n", None)
    (tmp_path / "l").chmod(0o600)
    store.save(b"y\n", FileLedgerStore(path=store.path).load()[1])
    assert mark
    assert stat.S_IMODE((tmp_path / "l").stat().st_mode) == 0o600


def test_a_full_disk_leaves_the_old_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger.load(tmp_path / "l")
    commit(ledger, 1)
    before = (tmp_path / "l").read_bytes()
    write = os.write

    def full(descriptor: int, content: bytes) -> int:
        write(descriptor, bytes(content[:10]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(LedgerError, match="No space left"):
        commit(ledger, 2)
    with pytest.raises(LedgerError, match="No space left"):
        FileLedgerStore(path=str(tmp_path / "l")).save(b"x" * 100, ledger._mark)
    assert len(ledger) == 1
    assert (tmp_path / "l").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [".l.lock", "l"]
    monkeypatch.undo()
    commit(ledger, 2)
    assert len(Ledger.load(tmp_path / "l")) == 2


KILLED = textwrap.dedent(
    """
    # In a folder for each call of the system: a process that ends at that call.
    import os, shutil, signal, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from core.tests.ledger.entries import entry
    from headwater.ledger.ledger import Ledger

    root, what, torn = Path(sys.argv[2]), sys.argv[3], sys.argv[4] == "torn"

    def watched(name, at):
        call = getattr(os, name)

        def instead(*args, **options):
            global calls
            calls += 1
            if calls == at:
                if name == "write" and torn:
                    call(args[0], bytes(args[1])[: len(args[1]) // 2])
                elif torn:
                    call(*args, **options)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **options)

        setattr(os, name, instead)

    for at in range(1, 100):
        folder = root / f"{at:02}"
        folder.mkdir()
        if (root / "whole").exists():
            shutil.copy(root / "whole", folder / "l")
        child = os.fork()
        if child == 0:
            calls = 0
            ledger = Ledger.load(folder / "l") if what != "load" else None
            for name in ("open", "write", "fsync", "replace", "ftruncate", "close", "lseek"):
                watched(name, at)
            if ledger is None:
                Ledger.load(folder / "l")
            else:
                ledger.commit(entry(2), None)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))
    sys.exit("the process never ended by itself")
    """
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is copied, and killed")
@pytest.mark.parametrize("torn", [False, True], ids=["before", "in the middle"])
@pytest.mark.parametrize("what", ["first", "line", "load"])
def test_kill_leaves_the_old_ledger_or_the_new_one(what: str, torn: bool, tmp_path: Path) -> None:
    """SIGKILL at every call that changes anything: before it, and in its middle or after it."""
    path = tmp_path / "whole"
    if what != "first":
        ledger = Ledger.load(path)
        commit(ledger, 1)
        commit(ledger, 0)
    old = Ledger.from_bytes(path.read_bytes() if path.exists() else b"").keys()
    mode = "torn" if torn else "clean"
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(ROOT), str(tmp_path), what, mode],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    kills = sorted(p for p in tmp_path.iterdir() if p.is_dir())[:-1]
    assert len(kills) > 4, "hardly a call of the system was seen"
    new = old if what == "load" else {**old, entry(2).window_key: entry(2).key}
    outcomes = []
    for folder in kills:
        found = Ledger.load(folder / "l")
        assert found.keys() in (old, new)
        outcomes.append(found.keys() == new)
        commit(found, 3)  # and it goes on from there
        assert Ledger.load(folder / "l").keys() == {**found.keys()}
    assert outcomes == sorted(outcomes), "what was there once is gone later"
    assert what == "load" or set(outcomes) == {False, True}


def test_a_lock_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "l"
    commit(Ledger.load(path), 1)
    monkeypatch.setattr("headwater.ledger.file_store._PATIENCE", 0.1)
    with (tmp_path / ".l.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(HeadwaterError, match="locked by another process") as caught:
            commit(Ledger.load(path), 2)
    assert caught.value.retryable
    commit(Ledger.load(path), 2)
