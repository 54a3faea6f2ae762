"""Times of files: what the footers of Parquet files say of those that no rule parts by time.

A table without a rule of time partitions gives every window all its files, unless something says
which time each of them holds. Its footers do, and a file of one version says the same for ever: it
is asked once, where somebody keeps what was learned (`headwater.tables.file_facts`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from headwater.auth.credentials import Access
from headwater.errors import HeadwaterError
from headwater.interfaces.abilities import Confirming
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Scan
from headwater.planning.shares import Known
from headwater.sources import local_files
from headwater.tables.file_facts import FileFacts
from headwater.tables.relation import DataFile, FileRelation

_log = logging.getLogger(__name__)


def file_times(
    scans: Sequence[Scan], access: Access, facts: FileFacts, *, parted: bool = False
) -> dict[str, Known]:
    """Return the times of the files of tables that no rule parts, by the slot of their scan.

    By the slot, as two scans of one table may reach the window by two columns of it.

    A table is left out whose window reaches no column of it (`Scan.time_column`), or whose footers
    can't be read here: all its files belong to every window then.

    Args:
        scans: The tables of a plan.
        access: The opened identities.
        facts: What is known of files; what is learned is added.
        parted: Whether to ask files of the others, too.
    """
    times_of: dict[str, Known] = {}
    for scan in scans:
        relation, column = scan.relation, scan.time_column
        if column is None or not isinstance(relation, FileRelation):
            continue
        by_rule = scan.rule is not None and scan.window is not None and not parted
        keys = {key.casefold() for key in relation.partition_columns}
        if by_rule or column.casefold() in keys:
            continue
        _learn(scan, relation, column, access, facts)
        times_of[scan.slot] = {
            (f.path, f.etag): facts.times(f.path, f.etag, column) for f in relation.files
        }
    return times_of


def _learn(
    scan: Scan, relation: FileRelation, column: str, access: Access, facts: FileFacts
) -> None:
    """Ask the footers of files of which nothing is known."""
    unknown = [f for f in relation.files if f.etag and not facts.knows(f.path, f.etag, column)]
    if not unknown:
        return
    try:
        from headwater.engines.embedded.formats.parquet_statistics import times

        read_times = times(relation, unknown, column, access)
        same = _unchanged(relation, read_times, access)
    except HeadwaterError as error:
        _log.debug("%s: footers: %s", scan.table, error.message)
    except ImportError:
        _log.debug("%s: footers are read by DuckDB, which is not installed", scan.table)
    else:
        for file, ends in read_times.items():
            if file.etag and file in same:
                facts.learn_times(file.path, file.etag, column, ends)


def _unchanged(
    relation: FileRelation, files: Mapping[DataFile, object], access: Access
) -> frozenset[DataFile]:
    """Return the files that are still of the version that was listed: it was their footer's.

    Raises:
        HeadwaterError: If nobody may look.
    """
    if not files:
        return frozenset()
    if relation.auth_ref is None:
        changed: Mapping[str, str] = local_files.changes(files)
    else:
        session = access.session(relation.auth_ref)
        if not offers(session, Confirming):
            return frozenset()
        changed = session.changes(files)
        if "is gone" in changed.values():  # which ends the looking
            return frozenset()
    return frozenset(f for f in files if f.path not in changed)
