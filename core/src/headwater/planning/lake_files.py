"""Files of lakes: which data files a planned snapshot or version has, and which time each holds.

A plan pins a lake by its snapshot, and its engine finds the files. Which of them one window needs
follows from the statistics that the lake's own metadata keeps; no data file is opened for them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from headwater.auth.credentials import Access
from headwater.engines.embedded.lake_formats.relations import files_of
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
        for scan, found in zip(lakes, pool.map(lambda s: _files(s, access), lakes), strict=True):
            if found is not None:
                listed[scan.slot] = tuple(file for file, _ in found)
                times[scan.slot] = {(file.path, file.etag): moments for file, moments in found}
    return listed, times


def _files(scan: Scan, access: Access) -> list[tuple[DataFile, FileTimes]] | None:
    relation, column = scan.relation, scan.time_column
    assert isinstance(relation, IcebergRelation | DeltaRelation)
    assert column is not None
    ref = relation.auth_ref
    try:
        return files_of(relation, column, lambda: None if ref is None else access.storage(ref))
    except HeadwaterError as error:
        _log.debug("%s: its files can't be listed here: %s", scan.table, error.message)
        return None
