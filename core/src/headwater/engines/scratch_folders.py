"""Scratch folders: where an engine puts what does not fit in memory, gone with its process.

A folder goes when its context is left. A process that is killed can't do that, so each folder has a
lock beside it, which the system drops with the process; the next process that makes a scratch
folder clears those whose lock is free, and one that goes on making them looks again now and then. A
folder in use is never touched: its lock is held.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

if sys.platform != "win32":
    import fcntl

_PREFIX: Final = "headwater-scratch-"
_LOCK: Final = ".lock"
LOOK_AGAIN: Final = 10.0
"""Seconds after which a process looks for abandoned folders again.

Every read makes a folder, and a shared place may be full of what others left or use: to list it
takes longer than a small read.
"""
_looked: Final[dict[Path, float]] = {}
"""When this process looked, by the place."""


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make an empty folder that is gone when the block is left, or with the process.

    Raises:
        OSError: If none can be made.
    """
    if sys.platform == "win32":  # which has no such locks
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as path:
            yield Path(path)
        return
    root = Path(tempfile.gettempdir())
    if time.monotonic() - _looked.get(root, float("-inf")) >= LOOK_AGAIN:
        _looked[root] = time.monotonic()
        clear_abandoned(root)
    lock, descriptor = _new_lock(root)
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        _remove(folder, lock)
        os.close(descriptor)


def clear_abandoned(root: Path) -> None:
    """Remove the scratch folders of this user whose processes are gone; leaves all else alone."""
    with suppress(OSError):
        for name in os.listdir(root):  # noqa: PTH208 -- a thousand paths need not be made
            if name.startswith(_PREFIX) and name.endswith(_LOCK):
                _clear(root / name)


def _clear(lock: Path) -> None:
    """Remove a folder and its lock, if the lock is this user's and free."""
    try:
        # Another user's link or pipe in a shared folder is neither followed nor waited for.
        descriptor = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid() and _take(descriptor):
            _remove(lock.with_suffix(""), lock)
    finally:
        os.close(descriptor)


def _new_lock(root: Path) -> tuple[Path, int]:
    """Make a lock and take it.

    Raises:
        OSError: If none can be made there.
    """
    while True:
        lock = root / f"{_PREFIX}{secrets.token_hex(8)}{_LOCK}"
        descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        # Between the two calls another process may have taken it for an abandoned one.
        if _take(descriptor) and _is(lock, descriptor):
            return lock, descriptor
        os.close(descriptor)


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is(path: Path, descriptor: int) -> bool:
    """Return whether an open file still has its name."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _remove(folder: Path, lock: Path) -> None:
    # Its content is DuckDB's or Spark's; a link in it is removed, not followed. Mostly it is empty.
    try:
        folder.rmdir()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
    with suppress(FileNotFoundError):
        lock.unlink()
