"""Label touch: windows of which nothing moved but that files of labels landed. Pure.

Such a window is another only if one of the new labels is of one of its predictions. Which files are
new follows from the ledger alone: it keeps a digest of the files that a window was read from, and
where that is the digest of some of those that are there now, the others are new, and none was
rewritten or deleted. Which ones to try follows from the order in which they were listed first
(`headwater.tables.file_facts`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from headwater.changes import fingerprints
from headwater.changes.comparison import DEFINITION, FILES, Present
from headwater.changes.fingerprints import files_part
from headwater.interfaces.schema import Role
from headwater.ledger.entries import Entry
from headwater.planning.planner import Draft
from headwater.planning.shares import Share
from headwater.sql.pruning.row_shares import divisible
from headwater.tables.file_facts import FileFacts
from headwater.tables.relation import DataFile, DeltaRelation, FileRelation, IcebergRelation

_BEFORE_ALL: Final = 0
"""A listing before the first: a window may have been read before any of its labels landed."""
_TRIES: Final = 16
"""Listings that are gone back: a window is compared by every run, so mostly one is enough."""


@dataclass(frozen=True, slots=True)
class Landed:
    """Files of labels that landed since a window was handed over.

    Args:
        slot: The scan that names them.
        files: The files.
    """

    slot: str
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class Then:
    """Which files of a table a window was read from; neighbours need the same ones, mostly.

    Args:
        digest: What the ledger has of them.
        files: Those of today that may be among them.
        same_files: Those that are; None if no files of today have the digest.
    """

    digest: str | None
    files: tuple[DataFile, ...]
    same_files: tuple[DataFile, ...] | None


def slots_of(draft: Draft) -> frozenset[str]:
    """Return the scans of labels whose new files can be looked at alone.

    The query of the actuals must distribute over the rows of their table: then the labels of all
    files are those of the old ones and those of the new ones, put together. No other place may name
    the table: what it says there may move, too.

    Args:
        draft: What the windows' plans are made of.
    """
    if draft.actuals is None or draft.as_of is None or draft.actuals_text is None:
        return frozenset()
    if draft.actuals.mapping.role(Role.TIMESTAMP) is None:  # `as_of` is of labels in the log
        return frozenset()
    analysis = draft.actuals.bound.analysis
    scans = [s for s in draft.scans if s.gives_actuals]
    named = zip(analysis.parsed.references, scans, strict=True)
    parted = divisible(analysis)
    names = Counter(str(s.table) for s in draft.scans)
    return frozenset(
        scan.slot
        for reference, scan in named
        if any(reference is one for one in parted)
        and names[str(scan.table)] == 1
        and isinstance(scan.relation, FileRelation | IcebergRelation | DeltaRelation)
    )


def ids_compare(draft: Draft) -> bool:
    """Return whether ids of predictions and of labels are equal where their hashes are.

    An engine compares a text with a number by a cast: '01' is 1, and their hashes are not.
    """
    sides = [draft.serving, *([draft.actuals] if draft.actuals is not None else [])]
    types = [c.source_type for side in sides if (c := side.mapping.role(Role.ID)) is not None]
    if len(types) < 2:
        return False
    return all(t.is_integer for t in types) or all(t.name in ("string", "varchar") for t in types)


def landed(
    entry: Entry,
    present: Present,
    reasons: Sequence[str],
    shares: Sequence[Share],
    share_at: Callable[[Share, datetime], Share],
    facts: FileFacts,
    tables: fingerprints.Tables,
    last: dict[str, Then],
) -> Landed | None:
    """Return the label files that alone are why a window is offered; None if more is, or may be.

    Args:
        entry: What was handed over of the window.
        present: What it is now.
        reasons: Why it is offered.
        shares: What it needs of the tables whose new files can be looked at alone.
        share_at: Gives what it needs of one of these where actuals are taken until a moment.
        facts: In which order files were listed first.
        tables: Gives the digests of shares.
        last: What was found of the window before, by the slot of the table: it is kept here.
    """
    then = entry.as_of
    if then is None or present.as_of is None or present.as_of < then:
        return None
    moved = [reason for reason in reasons if reason != DEFINITION]
    for share in shares:
        table = str(share.scan.table)
        if moved != [f"{FILES}{table}"]:
            continue
        before, digest = share_at(share, then), entry.tables.get(table)
        if entry.definition != present.definition and digest is not None:
            digest = files_part(digest)
        earlier = last.get(share.scan.slot)
        if earlier is None or (earlier.digest, earlier.files) != (digest, before.files):
            files = _of_then(before, digest, facts, tables)
            earlier = last[share.scan.slot] = Then(digest, before.files, files)
        if earlier.same_files is None:
            return None
        marks = {(f.path, f.etag) for f in earlier.same_files}
        new = tuple(f for f in share.files if (f.path, f.etag) not in marks)
        return Landed(share.scan.slot, new)
    return None


def _of_then(
    share: Share, digest: str | None, facts: FileFacts, tables: fingerprints.Tables
) -> tuple[DataFile, ...] | None:
    """Return those of a share's files that have a digest together; None if none is found."""
    numbers = [facts.listing(f.path, f.etag) for f in share.files]
    newest = sorted({n for n in numbers if n is not None}, reverse=True)
    for last in (*newest[:_TRIES], _BEFORE_ALL):
        files = tuple(
            f for f, n in zip(share.files, numbers, strict=True) if n is not None and n <= last
        )
        then = tables.of([replace(share, files=files)])[str(share.scan.table)]
        if digest in (then, files_part(then)):
            return files
    return None
