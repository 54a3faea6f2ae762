"""Memory: what a read takes at most, and what of it rows may take that wait to be handed over.

DuckDB keeps to a limit of its own. Rows that were made ahead of who takes them are not DuckDB's any
more, so a read that makes them gives DuckDB less.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?(?:ytes?)?\s*", re.IGNORECASE)
_CGROUPS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_SHARE: Final = 0.8
"""Of the machine, where no limit is given: DuckDB's own."""
_AHEAD: Final = 128 * 2**20
"""Bytes of rows that wait, at most; and at most a quarter of the limit."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What one database of a read may take.

    Args:
        limit: Bytes; None where only DuckDB can say it.
        ahead: Bytes of these for rows that wait, where a read makes some ahead.
    """

    limit: int | None
    ahead: int

    @property
    def beside(self) -> int | None:
        """Bytes for DuckDB where rows are made ahead."""
        return None if self.limit is None else self.limit - self.ahead


def memory(limit_text: str | None, databases: int = 1) -> Memory:
    """Return what each database of a read may take.

    Args:
        limit_text: The read's limit as DuckDB takes it, `2GB`; None for a share of the machine.
        databases: How many share it: one for each identity.
    """
    if limit_text is None:
        machine = _machine()
        limit = None if machine is None else int(machine * _SHARE)
    else:
        limit = _bytes(limit_text)
    if limit is not None:
        limit //= databases
    return Memory(limit, _AHEAD if limit is None else min(_AHEAD, limit // 4))


def _bytes(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    if match is None:
        return None
    base = 1024 if match[3] else 1000
    return int(float(match[1]) * base ** " kmgt".index(match[2].lower() or " "))


def _machine() -> int | None:
    """Return the bytes that this process can have: the machine's, or its control group's."""
    try:
        most = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not of every system
        return None
    for path in _CGROUPS:
        try:
            most = min(most, int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # another version of control groups, or `max`
            continue
    return most
