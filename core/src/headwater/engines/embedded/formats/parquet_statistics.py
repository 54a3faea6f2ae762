"""What Parquet footers say of a column without a row being read: its least and greatest time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from headwater.engines.embedded.database import database
from headwater.engines.embedded.formats.calendars import MODERN
from headwater.engines.embedded.formats.parquet_schema import (
    Footer,
    calendars,
    footers,
    side_by_side,
)
from headwater.engines.embedded.paths import duckdb_paths
from headwater.engines.embedded.storage import storage
from headwater.engines.scratch_folders import scratch_folder
from headwater.engines.small_files import fetched
from headwater.errors import EngineError
from headwater.partitions.rule_evidence import TimeRange
from headwater.sql.portable.spelling import text, texts
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Partition
from headwater.tables.window import instant

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from headwater.auth.credentials import Access

_Group: TypeAlias = "tuple[str, str | None, str | None, int | None, int | None]"
"""Of a row group: its file, least and greatest value, how many are NULL, how many there are."""


_OLD: Final = datetime(1900, 1, 1, tzinfo=UTC)


def ranges(
    relation: FileRelation, files: Sequence[DataFile], column: str, access: Access
) -> Mapping[DataFile, TimeRange]:
    """Return what footers say of a time column, by file, with a database of its own.

    Args:
        relation: Whose files they are.
        files: Some of its files; those that are not Parquet are left out.
        column: The time column; upper and lower case are one.
        access: The opened identities.

    Returns:
        What `footer_ranges` does.

    Raises:
        EngineError: If a file can't be opened or is not Parquet.
        AuthError: If the identity has no credentials.
    """
    parquet = [f for f in files if format_of(relation, f) == "parquet"]
    who, name = relation.auth_ref, column.casefold()
    keys = {f: (ranges, who, f.path, f.etag, name) for f in parquet if f.etag}
    cached: dict[DataFile, TimeRange | str] = {
        f: time_range
        for f, key in keys.items()
        if (time_range := access.cache.get(key)) is not None
    }
    wanted = [f for f in parquet if f not in cached]
    fresh: Mapping[DataFile, TimeRange] = {}
    if wanted:
        with _opened(relation, wanted, access) as (connection, paths):
            fresh = footer_ranges(connection, relation, wanted, paths, column)
        for file in wanted:
            if file.etag:
                access.cache.keep(keys[file], fresh.get(file, _SILENT))
    return {
        f: _placed(relation, f, time_range)
        for f in parquet
        if isinstance(time_range := cached.get(f) or fresh.get(f), TimeRange)
    }


def footers_of(
    relation: FileRelation, files: Sequence[DataFile], access: Access
) -> dict[DataFile, Footer]:
    """Return the footers of files, asked with a database of its own.

    Args:
        relation: Whose files they are.
        files: Some of its files; those that are not Parquet are left out.
        access: The opened identities.

    Raises:
        EngineError: If a file can't be opened or is not Parquet.
        AuthError: If the identity has no credentials.
    """
    parquet = [f for f in files if format_of(relation, f) == "parquet"]
    if not parquet:
        return {}
    with _opened(relation, parquet, access) as (connection, paths):
        found = footers(connection, [paths[f.path] for f in parquet])
    return {f: found[paths[f.path]] for f in parquet}


@contextmanager
def _opened(
    relation: FileRelation, files: Sequence[DataFile], access: Access
) -> Iterator[tuple[DuckDBPyConnection, Mapping[str, str]]]:
    """Give a database that opens Parquet files, and its names of them.

    Raises:
        EngineError: If one can't be opened in the block, or is not Parquet.
        AuthError: If the identity has no credentials.
    """
    import duckdb

    paths = duckdb_paths(replace(relation, files=tuple(files)))
    with ExitStack() as stack:
        with suppress(OSError):  # no room for copies: they are read from where they are
            paths |= fetched(relation, files, access, lambda: stack.enter_context(scratch_folder()))
        remote = relation.auth_ref is not None
        connection = stack.enter_context(database(memory_limit=None, threads=1, remote=remote))
        if relation.auth_ref is not None:
            stack.enter_context(storage(connection, access, relation.auth_ref))
        try:
            yield connection, paths
        except duckdb.Error as error:
            some = files[0].path if len(files) == 1 else f"one of {len(files)} files"
            raise EngineError(
                f"table {relation.name}: the footer of {some} can't be read"
            ) from error


_SILENT: Final = "silent"
"""What is kept of a file that does not tell its times."""


def _placed(relation: FileRelation, file: DataFile, time_range: TimeRange) -> TimeRange:
    """Return what a file says under the partition that it has in this relation."""
    part = relation.partitions[file.partition]
    return replace(time_range, partition=Partition(part.values, part.location))


def footer_ranges(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    files: Sequence[DataFile],
    paths: Mapping[str, str],
    column: str,
) -> dict[DataFile, TimeRange]:
    """Return what footers say of a time column, by file, asked of an open database.

    Args:
        connection: Where footers are asked for.
        relation: Whose files they are.
        files: Some of its Parquet files.
        paths: DuckDB's name of each file.
        column: The time column; upper and lower case are one.

    Returns:
        Aware datetimes; local times and dates are taken as UTC. A file that keeps no statistics of
        the column (INT96 timestamps, some writers), lacks it, or holds only NULLs is left out.

    Raises:
        duckdb.Error: If a file can't be opened or is not Parquet.
    """

    def ask(cursor: DuckDBPyConnection, some: list[str]) -> list[_Group]:
        return cursor.execute(
            "SELECT file_name, stats_min_value, stats_max_value, stats_null_count, num_values "
            f"FROM parquet_metadata({texts(some)}) "
            f"WHERE lower(path_in_schema) = lower({text(column)})",
        ).fetchall()

    groups: dict[str, list[_Group]] = {}
    for part in side_by_side(connection, [paths[f.path] for f in files], ask):
        for group in part:
            groups.setdefault(group[0], []).append(group)
    by_file = {}
    for file in files:
        part_of = relation.partitions[file.partition]
        place = Partition(part_of.values, part_of.location)
        time_range = _range(place, file.path, groups.get(paths[file.path], ()))
        if time_range is not None:
            by_file[file] = time_range
    early = [f for f, time_range in by_file.items() if time_range.first < _OLD]
    if early:
        # In the old calendar of Spark's files these are other days than they seem.
        written = calendars(connection, [paths[f.path] for f in early])
        for file in early:
            if written.get(paths[file.path], MODERN) != MODERN:
                del by_file[file]
    return by_file


def format_of(relation: FileRelation, file: DataFile) -> str:
    """Return the format of one of a relation's files."""
    return relation.partitions[file.partition].format or relation.format


def _range(place: Partition, path: str, groups: Sequence[_Group]) -> TimeRange | None:
    # A row group of NULLs holds no time; one without statistics could hold any.
    held = [(low, high) for _, low, high, nulls, count in groups if nulls is None or nulls != count]
    ends = [(_time(low), _time(high)) for low, high in held]
    bounded = [(low, high) for low, high in ends if low is not None and high is not None]
    if not bounded:
        return None
    first, last = min(low for low, _ in bounded), max(high for _, high in bounded)
    return TimeRange(place, path, first, last, whole=len(bounded) == len(ends))


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
