"""What a read may leave behind: threads, open files, scratch folders, child processes."""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DEADLINE = 20.0
"""Seconds, on a machine that has other things to do."""


def _now() -> dict[str, set[object]]:
    descriptors = Path("/proc/self/fd")
    return {
        "threads": {t for t in threading.enumerate() if t.name.startswith("headwater")},
        "files": {
            target
            for link in (descriptors.iterdir() if descriptors.exists() else ())
            if (target := _target(link)) and "headwater-scratch" in target
        },
        "descriptors": set(range(len(list(descriptors.iterdir())) if descriptors.exists() else 0)),
        "folders": {p.name for p in Path(tempfile.gettempdir()).glob("headwater-scratch-*")},
    }


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@contextmanager
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Fail if what the block did left anything behind, once it had its time to go.

    Args:
        tmp_path: Where scratch folders are made meanwhile, so that those of others don't count.
    """
    before_dir, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    try:
        before = _now()
        yield
        until = time.monotonic() + _DEADLINE
        while True:
            gc.collect()
            left = {what: found - before[what] for what, found in _now().items()}
            if not any(left.values()):
                return
            assert time.monotonic() < until, {k: v for k, v in left.items() if v}
            time.sleep(0.02)
    finally:
        tempfile.tempdir = before_dir
