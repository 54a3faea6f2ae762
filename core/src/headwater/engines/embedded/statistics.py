"""What Parquet footers say of a column without a row being read: its least and greatest time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from headwater.engines.embedded.database import database
from headwater.engines.embedded.paths import duckdb_paths
from headwater.engines.embedded.storage import storage
from headwater.errors import EngineError
from headwater.relation import DataFile, FileRelation
from headwater.window import instant

if TYPE_CHECKING:
    from headwater.credentials import Access


def ranges(
    relation: FileRelation, files: Sequence[DataFile], column: str, access: Access
) -> Mapping[DataFile, tuple[datetime, datetime]]:
    """Return the least and greatest value of a time column, by file.

    A file that keeps no statistics of it (INT96 timestamps, some writers) is left out.

    Args:
        relation: Whose files they are.
        files: Some of its Parquet files.
        column: The time column; upper and lower case are one.
        access: The opened identities.

    Returns:
        Aware datetimes; local times and dates are taken as UTC.

    Raises:
        EngineError: If a file can't be opened or is not Parquet.
        AuthError: If the identity has no credentials.
    """
    import duckdb

    if not files:
        return {}
    paths = duckdb_paths(replace(relation, files=tuple(files)))
    remote = relation.auth_ref is not None
    found = {}
    with ExitStack() as stack:
        connection = stack.enter_context(database(memory_limit=None, threads=1, remote=remote))
        if relation.auth_ref is not None:
            stack.enter_context(storage(connection, access, relation.auth_ref))
        for file in files:
            try:
                # A row group without statistics could hold any time: then the file tells nothing.
                groups = connection.execute(
                    "SELECT stats_min_value, stats_max_value FROM parquet_metadata(?) "
                    "WHERE lower(path_in_schema) = lower(?)",
                    [paths[file.path], column],
                ).fetchall()
            except duckdb.Error as error:
                raise EngineError(f"the footer of {file.path} can't be read") from error
            ends = [(_time(low), _time(high)) for low, high in groups]
            lows = [low for low, _ in ends if low is not None]
            highs = [high for _, high in ends if high is not None]
            if ends and len(lows) == len(highs) == len(ends):
                found[file] = (min(lows), max(highs))
    return found


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else instant(datetime.fromisoformat(text))
    except ValueError:
        return None
