"""Comparison: what a ledger says of a window against what the window is now. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from headwater.changes.fingerprints import files_part
from headwater.ledger.entries import Entry
from headwater.maturity.states import CLOSED, OPEN, RIPENING, UNKNOWN, Terms, state_by_time
from headwater.planning.shares import Share
from headwater.tables.window import Window

Policy = Literal["restate", "forward"]
POLICIES: Final = ("restate", "forward")

NEW: Final = "new"
GONE: Final = "gone"
DEFINITION: Final = "definition"
AS_OF: Final = "as_of"
ENDED: Final = "ended"
FILES: Final = "files:"


@dataclass(frozen=True, slots=True)
class Present:
    """What a window is now.

    Args:
        tables: Digest of its share of each table.
        definition: Digest of how it is read.
        as_of: Until when its actuals are taken; None where nothing says when they were set.
        empty: Whether no file is left that could hold a row of it.
    """

    tables: Mapping[str, str]
    definition: str
    as_of: datetime | None
    empty: bool


def reasons(entry: Entry | None, present: Present, policy: Policy, state: str) -> tuple[str, ...]:
    """Return why a window is not what was handed over of it; empty if it is.

    Args:
        entry: What was handed over of it, if anything was.
        present: What it is now.
        policy: Whether another definition restates what was handed over before.
        state: What the window is in time.
    """
    if entry is None:
        return (NEW,)
    reasons_ = []
    moved = _moved(entry, present)
    if moved and present.empty and entry.counts["rows"] > 0:
        reasons_.append(GONE)
    reasons_ += [f"{FILES}{table}" for table in moved]
    if entry.next is not None and present.as_of is not None and present.as_of >= entry.next:
        reasons_.append(AS_OF)
    if entry.state == OPEN != state:
        reasons_.append(ENDED)
    # Whatever moved, it is read as today's definition says: that of then is not kept.
    if entry.definition != present.definition and (reasons_ or policy == "restate"):
        reasons_.insert(0, DEFINITION)
    return tuple(reasons_)


def _moved(entry: Entry, present: Present) -> list[str]:
    """Return the tables of which a window's share is another.

    One that only the query of today names, or only that of then, is the definition's affair; so
    are the columns that one of the two queries alone uses.
    """
    if entry.definition == present.definition:
        return [n for n, digest in present.tables.items() if entry.tables.get(n) != digest]
    return [
        name
        for name, digest in present.tables.items()
        if files_part(entry.tables.get(name, digest)) != files_part(digest)
    ]


def state(window: Window, now: datetime, terms: Terms, *, labelled: bool) -> str:
    """Return what a window is in time: `open`, `landing`, `ripening`, `closed`.

    Args:
        window: The window.
        now: The present.
        terms: What its connection says of its rows and labels.
        labelled: Whether it takes actuals at all.
    """
    by_time = state_by_time(window, now, terms)
    if by_time != UNKNOWN:
        return by_time
    return RIPENING if labelled else CLOSED


def is_empty(shares: Sequence[Share]) -> bool:
    """Return whether no file is left that could hold a row of a window.

    That can be told where the window reaches tables that give rows, and of none of them a file.
    """
    reached = [s for s in shares if not s.scan.gives_actuals and s.scan.time_column is not None]
    return (
        bool(reached)
        and not any(s.files for s in reached if s.has_files)
        and all(s.has_files for s in reached)
    )
