"""What calls leave behind in this process: threads, open files and connections, unended streams."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import GeneratorType
from typing import Final
from unittest import mock

_TIMES: Final = 3
"""How often a call is made: what stays of each of them is no pool and no cache."""
_PATIENCE: Final = 2.0
"""Seconds in which what was let go may end, e.g. a thread that is told to."""
_DESCRIPTORS: Final = Path("/proc/self/fd")


def leftovers(call: Callable[[], object], plugin: object) -> list[str]:
    """Return what every one of some calls leaves behind; empty if nothing.

    One call is made before anything is counted, for what is opened once and kept.

    Args:
        call: The call, made several times.
        plugin: An object of the plugin's; those of its top package are counted too.
    """
    package = type(plugin).__module__.partition(".")[0]
    call()
    with _new_objects_alone():
        before = _open_things(package)
        for _ in range(_TIMES):
            call()
        until = time.monotonic() + _PATIENCE
        while new := _open_things(package) - before:
            each = {what: n for what, n in new.items() if n >= _TIMES}
            if not each or time.monotonic() > until:
                return [f"{what} ({count} after {_TIMES} times)" for what, count in each.items()]
            time.sleep(0.02)
    return []


def leftovers_and_files(call: Callable[[], object], plugin: object, place: Path) -> list[str]:
    """Return what `leftovers` does, and the temporary files that are left after all of them.

    Args:
        call: The call.
        plugin: An object of the plugin's.
        place: Where a folder for the temporary files is made.
    """
    folder = place / "headwater-temporary"
    folder.mkdir()
    with (
        mock.patch.object(tempfile, "tempdir", str(folder)),
        mock.patch.dict(os.environ, {"TMPDIR": str(folder)}),
    ):
        left_open = leftovers(call, plugin)
        return left_open + sorted(f"a temporary file {p.name}" for p in folder.iterdir())


@contextmanager
def _new_objects_alone() -> Iterator[None]:
    """Have the collector go through what is made inside: all of a process are a million objects.

    What somebody froze before stays frozen, and with it what came since: one without the other
    can't be had.
    """
    gc.collect()
    frozen_before = gc.get_freeze_count() > 0
    gc.freeze()
    try:
        yield
    finally:
        if not frozen_before:
            gc.unfreeze()


def _open_things(package: str) -> Counter[str]:
    """Count what is held: threads, descriptors, the plugin's streams and what can be closed."""
    gc.collect()
    counts_: Counter[str] = Counter()
    for thread in threading.enumerate():
        counts_[f"a thread that runs {_running(thread)}"] += 1
    if _DESCRIPTORS.is_dir():
        counts_.update(f"an open {kind}" for kind in map(_kind, _descriptors()) if kind)
    # A process has a million objects and some thousand classes: each of these is looked at once.
    # By its id: a class may have a `__hash__` of its own, or none.
    things = gc.get_objects()
    counts = Counter(map(id, map(type, things)))
    for cls in {id(cls): cls for cls in map(type, things)}.values():
        if _is_of(cls.__module__, package) and _can_be_closed(cls):
            counts_[f"an object {cls.__module__}.{cls.__qualname__}"] += counts[id(cls)]
    for stream in (t for t in things if type(t) is GeneratorType):
        frame = stream.gi_frame
        module = frame.f_globals.get("__name__", "") if frame is not None else ""
        if _is_of(module, package):
            counts_[f"a stream of {module}.{stream.__name__} that was not ended"] += 1
    return counts_


def _can_be_closed(cls: type) -> bool:
    return any("close" in vars(c) for c in cls.__mro__)


def _is_of(module: object, package: str) -> bool:
    return isinstance(module, str) and (module == package or module.startswith(f"{package}."))


def _running(thread: threading.Thread) -> str:
    """Return where a thread began, which tells threads of a kind by: their names are counted."""
    frame = sys._current_frames().get(thread.ident or 0)
    names = []
    while frame is not None:
        if frame.f_globals.get("__name__") != "threading":
            names.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")
        frame = frame.f_back
    return names[-1] if names else "nothing of Python"


def _descriptors() -> list[int]:
    return [int(p.name) for p in _DESCRIPTORS.iterdir()]


def _kind(descriptor: int) -> str:
    """Return what a descriptor is: a socket, a pipe, or the path of a file; empty once closed."""
    try:
        target = str((_DESCRIPTORS / str(descriptor)).readlink())
    except OSError:
        return ""
    return target.partition(":")[0] if ":[" in target else f"file {target}"
