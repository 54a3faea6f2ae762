"""Reads that nobody closed: they end before the interpreter takes itself down under them."""

from __future__ import annotations

import atexit
import os
import sys
from typing import Final, Protocol
from weakref import WeakSet


class Closing(Protocol):
    """What has threads of its own, or is in some of DuckDB's."""

    def close(self) -> None:
        """End it, and wait for its threads."""
        ...


_open: Final[WeakSet[Closing]] = WeakSet()


def opened(read: Closing) -> None:
    """Have a read closed at the interpreter's end, unless it was before."""
    _open.add(read)


def closed(read: Closing) -> None:
    """Forget a read that was closed."""
    _open.discard(read)


def _close_all() -> None:
    for read in list(_open):
        read.close()


atexit.register(_close_all)
if sys.platform != "win32":
    # A process that was forked from this one has none of its threads to wait for.
    os.register_at_fork(after_in_child=_open.clear)
