"""Files of lakes: which data files a planned snapshot or version has, and which time each holds.

A plan pins a lake by its snapshot, and its engine finds the files. Which of them one window needs
follows from the statistics that the lake's own metadata keeps; no data file is opened for them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from headwater.auth.credentials import Access
from headwater.engines.embedded.lake_formats.relations import compacted_since, files_of
from headwater.errors import HeadwaterError
from headwater.interfaces.plan import Scan
from headwater.planning.shares import Known
from headwater.tables.relation import DataFile, DeltaRelation, FileTimes, IcebergRelation

_THREADS: Final = 8
_log = logging.getLogger(__name__)


def lake_files(
    scans: Sequence[Scan], access: Access
) -> tuple[Mapping[str, tuple[DataFile, ...]], Mapping[str, Known]]:
    """Return the files of lakes, and the times of each file, by the slot of their scan.

    A lake is left out whose window reaches no column of it (`Scan.time_column`), or whose metadata
    can't be read here: all of it belongs to every window then.

    Args:
        scans: The tables of a plan.
        access: The opened identities.
    """
    lakes = [
        s
        for s in scans
        if isinstance(s.relation, IcebergRelation | DeltaRelation) and s.time_column is not None
    ]
    listed: dict[str, tuple[DataFile, ...]] = {}
    times: dict[str, Known] = {}
    if not lakes:
        return listed, times
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-lakes") as pool:
        for scan, files_with_times in zip(
            lakes, pool.map(lambda s: _files(s, access), lakes), strict=True
        ):
            if files_with_times is not None:
                listed[scan.slot] = tuple(file for file, _ in files_with_times)
                times[scan.slot] = {
                    (file.path, file.etag): moments for file, moments in files_with_times
                }
    return listed, times


def with_files(scans: Sequence[Scan], access: Access, most: int | None) -> tuple[Scan, ...]:
    """Return scans that name the data files of their lakes, at the states that are pinned.

    A lake whose metadata can't be read here stays as it is.

    Args:
        scans: The tables of a plan.
        access: The opened identities.
        most: Of a lake that has more files, or tells no number, they are not named; None: of each.
    """
    return tuple(_named(scan, access, most) for scan in scans)


def before_compaction(scan: Scan, access: Access) -> dict[int, Scan]:
    """Return a lake at each state since which its metadata says that its rows are the same.

    None of them where it does not say so, or can't be read here.

    Args:
        scan: The table.
        access: The opened identities.
    """
    relation = scan.relation
    assert isinstance(relation, IcebergRelation | DeltaRelation), "no other has states"
    ref = relation.auth_ref
    try:
        states = compacted_since(relation, lambda: None if ref is None else access.storage(ref))
    except HeadwaterError as error:
        _log.debug("%s: what was compacted: %s", scan.table, error.message)
        return {}
    if isinstance(relation, IcebergRelation):
        return {
            state: replace(scan, relation=replace(relation, snapshot_id=state, data_files=None))
            for state in states
        }
    return {
        state: replace(scan, relation=replace(relation, version=state, data_files=None))
        for state in states
    }


def _named(scan: Scan, access: Access, most: int | None) -> Scan:
    relation = scan.relation
    if not isinstance(relation, IcebergRelation | DeltaRelation):
        return scan
    if relation.data_files is not None:
        return scan
    if most is not None and (relation.file_count is None or relation.file_count > most):
        return scan
    listed = _files(scan, access)
    if listed is None:
        return scan
    return replace(scan, relation=replace(relation, data_files=tuple(f for f, _ in listed)))


def _files(scan: Scan, access: Access) -> list[tuple[DataFile, FileTimes]] | None:
    relation = scan.relation
    assert isinstance(relation, IcebergRelation | DeltaRelation)
    column = scan.time_column or relation.columns[0].name
    ref = relation.auth_ref
    try:
        return files_of(relation, column, lambda: None if ref is None else access.storage(ref))
    except HeadwaterError as error:
        _log.debug("%s: its files can't be listed here: %s", scan.table, error.message)
        return None
