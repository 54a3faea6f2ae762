"""Counts how often a function runs, whoever calls it, under whatever name, in whatever thread."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any


@contextmanager
def calls_of(
    functions: Mapping[str, tuple[Callable[..., Any], Callable[[FrameType], str]]],
) -> Iterator[Mapping[str, Counter[str]]]:
    """Count the calls of functions while the block runs.

    A function that is replaced where it is defined is missed by those who imported it before; what
    Python itself tells of each call is not.

    Args:
        functions: By a word: the function, and what tells from its frame what it was called for.

    Yields:
        By the word: how often it was called for what.
    """
    counts: dict[str, Counter[str]] = {word: Counter() for word in functions}
    codes = {f.__code__: (word, tell) for word, (f, tell) in functions.items()}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in codes:
            word, tell = codes[frame.f_code]
            counts[word][tell(frame)] += 1

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield counts
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


@contextmanager
def stages_counted() -> Iterator[Mapping[str, Counter[str]]]:
    """Count the stages `parse`, `bind` and `compile` of queries, each by the text it is of."""
    from headwater.sql import portable
    from headwater.sql.binding.binder import bind
    from headwater.sql.parser import parse

    with calls_of(
        {
            "parse": (parse, lambda frame: frame.f_locals["text"]),
            "bind": (bind, lambda frame: frame.f_locals["parsed"].text),
            "compile": (portable._compiled, lambda frame: frame.f_locals["queries"].analysis.text),
        }
    ) as counts:
        yield counts


class Openings:
    """Counts how often files below a folder are opened, by asking the kernel (of Linux)."""

    IN_OPEN, IN_ISDIR, IN_NONBLOCK = 0x20, 0x40000000, 0o4000

    def __init__(self, folder: Path) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._libc.inotify_init1(self.IN_NONBLOCK)
        for place in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
            self._libc.inotify_add_watch(self._descriptor, str(place).encode(), self.IN_OPEN)

    def count(self) -> int:
        """Return how many files were opened since it was asked last."""
        return self.counts()[0]

    def counts(self) -> tuple[int, int]:
        """Return how many files and how many directories were opened since it was asked last."""
        opened = listed = 0
        while True:
            try:
                events = os.read(self._descriptor, 2**16)
            except BlockingIOError:
                return opened, listed
            while events:
                _, mask, _, length = struct.unpack_from("iIII", events)
                opened += not mask & self.IN_ISDIR
                # A directory tells itself that it was opened; its parent does too, by its name.
                listed += bool(mask & self.IN_ISDIR) and length == 0
                events = events[16 + length :]
