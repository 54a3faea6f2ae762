"""How much a table holds and how fresh that is: asked of Glue and S3, within bounds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.tables.table import Measure
from headwater_aws.lakes.delta import DeltaState
from headwater_aws.lakes.iceberg import IcebergState
from headwater_aws.listing import S3Object, list_files
from headwater_glue.descriptions import GlueDetail
from headwater_glue.kinds import data_location

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

FILES: Final = 20_000
"""Files of one table that are looked at: twenty calls."""
PARTITIONS: Final = 20_000
"""Registered partitions of one table that are counted."""


def measure_files(detail: GlueDetail, partitions: int | None, session: AwsSession) -> Measure:
    """Return how much lies under a table's own location.

    Partitions that are registered elsewhere are not looked for: a person asks how large a table is,
    not to wait for its every directory.

    Args:
        detail: The table, of files.
        partitions: How many are registered; None for an unpartitioned or projected one, and for
            more than were counted.
        session: Who lists.
    """
    location = data_location(detail.entry)
    files = list_files(session, location) if location else iter(())
    counted, size, newest = _sum(islice(files, FILES))
    return Measure(partitions, counted, size, newest, next(files, None) is None)


def measure_state(state: IcebergState | DeltaState, session: AwsSession, metadata: str) -> Measure:
    """Return how much an Iceberg or Delta table holds, by what its own log says.

    Args:
        state: Its current state.
        session: Who lists.
        metadata: Where what was written last can be seen: its metadata file, or its log.
    """
    _, _, newest = _sum(islice(list_files(session, metadata), FILES))
    return Measure(None, state.files, state.bytes, newest)


def _sum(files: Iterable[S3Object]) -> tuple[int, int, datetime | None]:
    count, size, newest = 0, 0, None
    for file in files:
        count += 1
        size += file.size
        newest = file.modified if newest is None else max(newest, file.modified)
    return count, size, newest
