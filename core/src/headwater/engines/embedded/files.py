"""File relations: each table made of files as one DuckDB SELECT, with Spark's columns and types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING

from headwater.diagnostics import Diagnostic
from headwater.engines import nanoseconds
from headwater.engines.declared_types import held
from headwater.engines.embedded import formats
from headwater.engines.embedded.file_opening import Contents
from headwater.engines.embedded.formats.scans import Group, Scan, Scanner, padded
from headwater.engines.embedded.missing_columns import missing_columns
from headwater.engines.embedded.partition_values import literal
from headwater.engines.file_groups import groups
from headwater.engines.used_columns import Used
from headwater.errors import UnsupportedError
from headwater.sql.portable.spelling import name, null
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SCANNERS: Mapping[str, str] = {
    "parquet": "parquet:scans",
    "csv": "delimited_text:csv",
    "hive-text": "delimited_text:hive_text",
    "hive-csv": "delimited_text:hive_csv",
    "orc": "orc:scans",
    "avro": "avro:scans",
    "json": "json_lines:json",
    "hive-json": "json_lines:hive_json",
}
"""Where the scanner of each format stands in `formats`; imported for a table of such files."""


def select(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    paths: Mapping[str, str],
    used: Used,
    contents: Contents,
) -> tuple[str, list[Diagnostic]]:
    """Return a SELECT of the columns that a query uses out of files, and what to say of it.

    Args:
        connection: Where footers are asked for.
        relation: The table.
        paths: How DuckDB calls each of its files, by the relation's own path.
        used: The columns that the query uses. Files are asked for no others, so what these hold
            does not matter, as in Spark.
        contents: Opens files for readers that are not DuckDB's.

    Raises:
        UnsupportedError: For a format or an option that can't be read with Spark's meaning.
        DataChangedError: If a file is not what the plan saw.
        EngineError: If a file's columns can't stand for the table's.
    """
    named = [c for c in relation.columns if c.name.casefold() in used.named]
    selected = named or relation.columns[:1]
    if not relation.files:
        return _empty(selected), []
    # No query uses an unreadable column, but it may be the one that stands for none.
    unread = {c.name: null(held(c).type) for c in selected if not named or not c.type.is_known}
    keys = {k.casefold() for k in relation.partition_columns}
    read_columns = [c for c in relation.columns if c in selected or c.name.casefold() in keys]
    readable = replace(relation, columns=tuple(c for c in read_columns if c.type.is_known))
    branches, scans = [], []
    for part in groups(relation):
        group = Group(
            relation, part.format, part.options, part.columns, part.files, contents, used.needed
        )
        scanner = _scanner(group.format)
        if scanner is None:
            raise UnsupportedError(
                f"table {relation.name} is made of {group.format} files, which the embedded engine "
                "does not read",
                hint="no engine here does: write it as one of " + ", ".join(sorted(_SCANNERS)),
            )
        asked = readable
        if (
            not named and group.format == "parquet"
        ):  # what the one that stands for none holds is nothing
            asked = replace(readable, columns=readable.columns[:0])
        for scan in scanner(connection, asked, group, paths):
            values = _partition_columns(relation, scan.files, scan.file_index)
            by_name = {**unread, **scan.columns, **values}
            columns = ", ".join(
                f"{padded(by_name[c.name], c.type)} AS {name(c.name)}" for c in selected
            )
            branches.append(f"SELECT {columns} FROM {scan.source}")
            scans.append(scan)
    told = [*missing_columns(relation, scans, used.needed), *_nanoseconds(relation, scans)]
    return "\nUNION ALL\n".join(branches), told


def _nanoseconds(relation: FileRelation, scans: Sequence[Scan]) -> Iterator[Diagnostic]:
    files = {column: scan.files[0].path for scan in reversed(scans) for column in scan.nanoseconds}
    for column, path in sorted(files.items()):
        yield nanoseconds.note(relation.name, column, path, truncate=relation.truncates)


def _scanner(format: str) -> Scanner | None:
    module, _, function = _SCANNERS.get(format, "").partition(":")
    if not module:
        return None
    scanner: Scanner = getattr(import_module(f"{formats.__name__}.{module}"), function)
    return scanner


def _empty(selected: Sequence[Column]) -> str:
    columns = ", ".join(f"{null(held(c).type)} AS {name(c.name)}" for c in selected)
    return f"SELECT {columns} WHERE false"


def _partition_columns(
    relation: FileRelation, files: Sequence[DataFile], file_index: str
) -> dict[str, str]:
    """Return an expression for each partition column, from the number of the file in the scan."""
    columns = {}
    for position, key in enumerate(relation.partition_columns):
        column = next(c for c in relation.columns if c.name.casefold() == key.casefold())
        values = [
            literal(relation.partitions[f.partition].values[position], column, relation.name)
            for f in files
        ]
        if len(set(values)) == 1:
            columns[column.name] = values[0]
        else:
            columns[column.name] = f"([{', '.join(values)}])[CAST({file_index} AS BIGINT) + 1]"
    return columns
