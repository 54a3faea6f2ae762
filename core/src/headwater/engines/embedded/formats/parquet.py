"""Parquet files as scans: footers are compared with the table's columns before a row is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.formats.calendars import MODERN, Calendar
from headwater.engines.embedded.formats.parquet_schema import (
    NANOSECONDS,
    NANOSECONDS_UTC,
    FileColumn,
    by_name,
    footers,
    is_renamed,
    named,
)
from headwater.engines.embedded.formats.parquet_types import TypeConflictError, read_as
from headwater.engines.embedded.formats.scans import FILE_INDEX, FILE_ROW, Group, Part, Scan
from headwater.engines.embedded.misfits import Misfits
from headwater.engines.embedded.paths import check_length
from headwater.engines.nanoseconds import CODE
from headwater.errors import EngineError, UnsupportedError
from headwater.sql.portable.casts import cast as cast_piece
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.raising import raising
from headwater.sql.portable.spelling import name, null, text
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column
from headwater.types import TIMESTAMP, TIMESTAMP_NTZ

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PLAIN: Final = frozenset(
    {"boolean", "int", "bigint", "float", "double", "string", "date", "timestamp", "timestamp_ntz"}
)
"""Types whose values are the same bits in a file and in Arrow's memory, or texts."""


def scans(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield one scan for each set of files whose columns have the same types.

    Raises:
        DataChangedError: If a file's length is not that of the plan.
        EngineError: If a file's column can't stand for the table's; names both.
    """
    by_path = footers(connection, [paths[f.path] for f in group.files])
    alike: dict[tuple[tuple[FileColumn, ...], Calendar, str], list[DataFile]] = defaultdict(list)
    for file in group.files:
        footer = by_path[paths[file.path]]
        check_length(relation, file, footer.size)
        # A file of an old calendar is read alone, so that a value that is refused has a place;
        # and so is one whose own column hides the number of the file that DuckDB gives.
        alone = footer.calendar != MODERN or bool(named(footer.columns, FILE_INDEX))
        alike[footer.columns, footer.calendar, file.path if alone else ""].append(file)
    for (columns, calendar, _), files in alike.items():
        found = by_name(columns)
        used = [c for column in relation.data_columns for c in found[column.name.casefold()]]
        in_utc = any(c.holds(NANOSECONDS_UTC) and c.name.casefold() in group.needed for c in used)
        # A value that is refused is told with its file's number.
        misfits = Misfits.of(relation, group, files)
        convert = partial(_converted, relation, misfits, group, is_cut=in_utc)
        reads = _reads(relation, group, found, files[0], calendar, convert)
        listed = [paths[f.path] for f in files]
        part: Part | None = partial(_source, listed)
        source = _source(listed, 0, len(files))
        index = FILE_INDEX
        if in_utc:
            from headwater.engines.embedded.formats import parquet_rows
            from headwater.engines.embedded.formats.fetched_files import unused

            # What nobody needs must not stop the rest.
            used = [c for c in used if c.name.casefold() in group.needed or not c.in_nanoseconds]
            index, part = unused([c.name for c in used], index), None
            source = name(
                parquet_rows.registered(connection, relation, group, used, files, listed, index)
            )
        names = {c.name.casefold() for c in relation.columns}
        yield Scan(
            source,
            reads,
            tuple(files),
            name(index) if in_utc else index,
            nanoseconds=tuple(
                column.name
                for column in relation.data_columns
                if column.name.casefold() in group.needed
                and any(c.in_nanoseconds for c in found[column.name.casefold()])
            ),
            absent=tuple(c.name for c in relation.data_columns if not found[c.name.casefold()]),
            others=tuple(c.name for c in columns if c.name.casefold() not in names),
            part=None if found[FILE_ROW] else part,
            rows=None if in_utc else sum(by_path[paths[f.path]].rows for f in files),
            used=max(1, sum(bool(found[n]) for n in names)) / max(1, len(columns)),
            asked=_leaves(columns, used),
            plain=dict(_plain(relation, found, reads)),
        )


def _plain(
    relation: FileRelation, columns: Mapping[str, Sequence[FileColumn]], reads: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Yield the table's columns that are a leaf of a file, unchanged, and what it is called.

    None where the number of a row's file is not known.
    """
    if columns[FILE_INDEX]:
        return
    for column in relation.data_columns:
        matches = columns[column.name.casefold()]
        if len(matches) != 1 or matches[0].kind != "leaf" or "." in matches[0].name:
            continue  # a path into a struct may read like a name with a point
        if column.type.name in _PLAIN and reads[column.name] == name(matches[0].name):
            yield column.name, matches[0].name


def _leaves(columns: Sequence[FileColumn], used: Sequence[FileColumn]) -> tuple[int, ...]:
    """Return the numbers of the leaves of some of a file's columns, among all of its leaves."""
    found: list[int] = []
    first, chosen = 0, frozenset(used)
    for column in columns:
        if column in chosen:
            found += range(first, first + column.leaves)
        first += column.leaves
    return tuple(found)


def _converted(
    relation: FileRelation,
    misfits: Misfits,
    group: Group,
    column: str,
    leaf: FileColumn,
    value: str,
    *,
    is_cut: bool,
) -> str:
    """Return a time in nanoseconds in microseconds: a value that is no whole one raises, or is cut.

    Args:
        relation: Whose it is.
        misfits: Raises.
        group: Its file's.
        column: Its column.
        leaf: The column, or the part of it, that it is of.
        value: DuckDB expression of it.
        is_cut: Whether that was done already (`parquet_rows`).
    """
    needed = column.casefold() in group.needed
    if is_cut and needed:
        return value
    if is_cut or leaf.type == NANOSECONDS_UTC:
        # Nobody needs it. DuckDB would change it.
        return raising(CODE, f"column {column!r} of {relation.name} was not read", TIMESTAMP)
    beyond = f"((epoch_ns({value}) % 1000 + 1000) % 1000)"
    cut = f"make_timestamp((epoch_ns({value}) - {beyond}) // 1000)"
    if relation.truncates:
        return cut
    refused = misfits.raised(CODE, "no whole microsecond", value, TIMESTAMP_NTZ, column=column)
    return f"CASE WHEN {beyond} = 0 OR {value} IS NULL THEN {cut} ELSE {refused} END"


def _source(
    paths: Sequence[str],
    first: int,
    last: int,
    rows: tuple[int, int] | None = None,
    elsewhere: Mapping[str, str] = MappingProxyType({}),
) -> str:
    listed = ", ".join(text(elsewhere.get(p, p)) for p in paths[first:last])
    source = f"read_parquet([{listed}], hive_partitioning = false)"
    if rows is not None:
        # Row groups that hold none of these rows are neither fetched nor decoded (1.5.5).
        source += f" WHERE {FILE_ROW} >= {rows[0]} AND {FILE_ROW} < {rows[1]}"
    if first == 0:
        # A column of the file's may hide the number of the file: it is read alone then.
        return f"(SELECT *, {FILE_ROW}, {FILE_INDEX} FROM {source})" if rows else source
    # Files keep their numbers: a value that is refused is told with its file's.
    return f"(SELECT *, {FILE_ROW}, {FILE_INDEX} + {first} AS {FILE_INDEX} FROM {source})"


def _past_statistics(value: str) -> str:
    """Keep filters on a float away from a file's statistics, which know no NaN.

    Files of many writers leave NaN out of their minimum and maximum; DuckDB would then skip NaN
    rows for `x > 0.9` (and so does Spark where it pushes filters into Parquet). Twice negated is
    the same number, bit for bit, and nothing that DuckDB 1.5.5 pushes down.
    """
    return f"(-(-{value}))"


def _reads(
    relation: FileRelation,
    group: Group,
    columns: Mapping[str, Sequence[FileColumn]],
    sample: DataFile,
    calendar: Calendar,
    nanoseconds: Callable[[str, FileColumn, str], str],
) -> dict[str, str]:
    """Return an expression for each of the table's data columns."""
    own = {c.name.casefold(): c for c in group.columns}
    reads = {}
    for column in relation.data_columns:
        matches = columns[column.name.casefold()]
        partition = own.get(column.name.casefold())
        if not matches or partition is None:
            reads[column.name] = null(column.type)
            continue
        try:
            if len(matches) > 1:
                spelled = ", ".join(c.name for c in matches)
                raise TypeConflictError(f"the file has several columns of that name ({spelled})")
            if is_renamed(columns, matches[0]):
                raise TypeConflictError(
                    "the file has columns whose names differ by case alone, so that DuckDB may "
                    f"call another one {matches[0].name!r}"
                )
            place = f"column {column.name} of {sample.path}"
            own_calendar = calendar if calendar == MODERN else replace(calendar, place=place)

            def convert(
                leaf: FileColumn, value: str, old: Calendar = own_calendar, name: str = column.name
            ) -> str:
                if leaf.type in (NANOSECONDS, NANOSECONDS_UTC):
                    return nanoseconds(name, leaf, value)
                return old.converted(leaf.type, leaf.local, value)

            value = read_as(matches[0], partition.type, name(matches[0].name), convert)
            if partition.type.is_floating and column.name.casefold() in group.tested:
                value = _past_statistics(value)
        except TypeConflictError as error:
            conflict = EngineError(
                f"table {relation.name}, column {column.name!r}: {error} (file {sample.path})",
                code="parquet-type-conflict",
                hint="correct the table's type, or rewrite the file",
            )
            if column.name.casefold() in group.needed:
                raise conflict from None
            reads[column.name] = raising(conflict.code, conflict.message, column.type)
            continue
        reads[column.name] = _as_table(relation, partition, column, value)
    return reads


def _as_table(relation: FileRelation, partition: Column, column: Column, value: str) -> str:
    """Return a value that a partition declares with its own type, cast as Spark casts it."""
    if partition.type == column.type:
        return value
    try:
        return cast_piece(Piece(value, partition.type), column.type).sql
    except Refusal as refusal:
        raise UnsupportedError(
            f"table {relation.name}: a partition has {column.name} as {partition.type}, the table "
            f"as {column.type}: {refusal.reason}",
            hint="use the spark engine for this table, or correct the partition's columns",
        ) from None
