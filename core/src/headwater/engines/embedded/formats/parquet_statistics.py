"""What Parquet footers say of a column without a row being read: its least and greatest time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from headwater.engines.embedded.database import database, local_footers
from headwater.engines.embedded.formats.calendars import MODERN
from headwater.engines.embedded.formats.parquet_ends import ends
from headwater.engines.embedded.formats.parquet_schema import (
    Footer,
    calendars,
    footers,
    told,
    untold,
)
from headwater.engines.embedded.paths import duckdb_paths, is_remote
from headwater.engines.embedded.storage import storage
from headwater.engines.scratch_folders import scratch_folder
from headwater.engines.small_files import fetched
from headwater.errors import EngineError
from headwater.interfaces.recording import Recording
from headwater.partitions.rule_evidence import TimeRange
from headwater.sql.portable.spelling import text, texts
from headwater.tables.relation import DataFile, FileRelation, FileTimes
from headwater.tables.table import Partition
from headwater.tables.window import instant
from headwater.untrusted import limits

if TYPE_CHECKING:
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from headwater.auth.credentials import Access

_Ends: TypeAlias = "tuple[str, str | None, str | None, bool]"
"""Of a file: its path, least and greatest value, and whether all row groups told theirs."""

_TIME: Final = r"\d{4}-\d\d-\d\d( [\d:.]+(\+00)?)?"
"""How DuckDB writes times of Python's calendar: they follow each other as their texts do."""
_AT_ONCE: Final = 500
"""Files whose footers are asked for by one question."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_FIRST: Final = datetime.min.replace(tzinfo=UTC) + _TICK

_OLD: Final = datetime(1900, 1, 1, tzinfo=UTC)


def ranges(
    relation: FileRelation, files: Sequence[DataFile], column: str, access: Access
) -> Mapping[DataFile, TimeRange]:
    """Return what footers say of a time column, by file.

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
    missing = [f for f in parquet if f not in cached]
    fresh: Mapping[DataFile, TimeRange] = {}
    if missing:
        with _opened(relation, missing, access) as (connection, paths):
            fresh = footer_ranges(connection, relation, missing, paths, column)
        for file in missing:
            if file.etag:
                access.cache.keep(keys[file], fresh.get(file, _SILENT))
    return {
        f: _placed(relation, f, time_range)
        for f in parquet
        if isinstance(time_range := cached.get(f) or fresh.get(f), TimeRange)
    }


def times(
    relation: FileRelation, files: Sequence[DataFile], column: str, access: Access
) -> dict[DataFile, FileTimes]:
    """Return between which times all rows of files lie, as far as their footers tell.

    A file that can't be opened is left out, and says nothing of the others.

    Args:
        relation: Whose files they are.
        files: Some of its files; those that are not Parquet are left out.
        column: The time column; upper and lower case are one.
        access: The opened identities.

    Returns:
        By file: its first and last time; None where its footer was read, and does not tell them.

    Raises:
        AuthError: If the identity has no credentials.
    """
    parquet = [f for f in files if format_of(relation, f) == "parquet"]
    waiting = [parquet[i : i + _AT_ONCE] for i in range(0, len(parquet), _AT_ONCE)]
    times_of: dict[DataFile, FileTimes] = {}
    failed = 0
    while waiting and failed < limits.FOOTER_FAILURES:
        some = waiting.pop()
        try:
            ranges_of = ranges(relation, some, column, access)
        except EngineError:
            failed += 1
            half = len(some) // 2
            waiting += [part for part in (some[:half], some[half:]) if half]
            continue
        times_of |= {file: _bounds(ranges_of.get(file)) for file in some}
    return times_of


def _bounds(time_range: TimeRange | None) -> FileTimes:
    if time_range is None or not time_range.whole:
        return None
    first = time_range.first
    # Nanoseconds are cut off towards 1970.
    return (max(first, _FIRST) - _TICK if first < _EPOCH else first), time_range.last


def footers_of(
    relation: FileRelation, files: Sequence[DataFile], access: Access
) -> dict[DataFile, Footer]:
    """Return the footers of files.

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
        footers_ = footers(connection, [paths[f.path] for f in parquet])
    return {f: footers_[paths[f.path]] for f in parquet}


def number_ranges(
    relation: FileRelation, files: Sequence[DataFile], access: Access
) -> dict[str, tuple[int, int]]:
    """Return the least and greatest whole number of columns in files, by folded column name.

    A column of which a file tells nothing is left out.

    Args:
        relation: Whose files they are.
        files: Some of its files; if one of them is not Parquet, nothing is told.
        access: The opened identities.

    Raises:
        EngineError: If a file can't be opened or is not Parquet.
        AuthError: If the identity has no credentials.
    """
    if not files or any(format_of(relation, f) != "parquet" for f in files):
        return {}
    whole = "'^-?[0-9]{1,18}$'"
    complete = " AND ".join(
        f"coalesce(regexp_matches(stats_{end}_value, {whole}), false)" for end in ("min", "max")
    )
    with _opened(relation, files, access) as (connection, paths), suppress(*untold()):
        rows = connection.execute(
            "SELECT lower(path_in_schema), min(TRY_CAST(stats_min_value AS BIGINT)), "
            "max(TRY_CAST(stats_max_value AS BIGINT)) "
            f"FROM parquet_metadata({texts([paths[f.path] for f in files])}) "
            "WHERE stats_null_count IS NULL OR stats_null_count != num_values "
            f"GROUP BY 1 HAVING bool_and(type IN ('INT32', 'INT64') AND {complete})"
        ).fetchall()
        return {name: (low, high) for name, low, high in rows}
    return {}


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

    recording = Recording.current()
    if recording is not None and relation.auth_ref is not None:
        for file in files:
            recording.footer_wanted(relation.auth_ref, file)
    paths = duckdb_paths(replace(relation, files=tuple(files)))
    with ExitStack() as stack:

        def folder() -> Path:
            return stack.enter_context(scratch_folder())

        with suppress(OSError):  # no room for copies: they are read from where they are
            paths |= fetched(relation, files, access, folder) or ends(
                relation, files, access, folder
            )
        if relation.auth_ref is None or not any(map(is_remote, paths.values())):
            connection = stack.enter_context(local_footers())
        else:
            connection = stack.enter_context(database(memory_limit=None, threads=1, remote=True))
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
    # A row group of NULLs holds no time; one without statistics could hold any. Only numbers stand
    # for times: the text that a text column begins with is none, whatever it looks like.
    known = " AND ".join(
        f"coalesce(regexp_full_match(stats_{end}_value, {text(_TIME)}), false)"
        for end in ("min", "max")
    )

    def ask(cursor: DuckDBPyConnection, some: list[str]) -> list[_Ends]:
        return cursor.execute(
            "SELECT file_name, min(low) FILTER (told), max(high) FILTER (told), bool_and(told) "
            "FROM (SELECT file_name, stats_min_value AS low, stats_max_value AS high, "
            f"type IN ('INT32', 'INT64') AND {known} AS told FROM parquet_metadata({texts(some)}) "
            f"WHERE lower(path_in_schema) = lower({text(column)}) "
            "AND (stats_null_count IS NULL OR stats_null_count != num_values)) GROUP BY file_name",
        ).fetchall()

    ends = {
        one[0]: one
        for part in told(connection, [paths[f.path] for f in files], ask)
        for one in part
    }
    by_file = {}
    for file in files:
        part_of = relation.partitions[file.partition]
        place = Partition(part_of.values, part_of.location)
        time_range = _range(place, file.path, ends.get(paths[file.path]))
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


def _range(place: Partition, path: str, ends: _Ends | None) -> TimeRange | None:
    if ends is None:
        return None
    _, low, high, whole = ends
    first, last = _time(low), _time(high)
    if first is None or last is None:
        return None
    return TimeRange(place, path, first, last, whole=whole)


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else instant(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
