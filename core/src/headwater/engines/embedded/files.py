"""File relations: each table made of files as DuckDB SELECTs, with Spark's columns and types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import Diagnostic
from headwater.engines import nanoseconds
from headwater.engines.declared_types import readable_column
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

FILE: Final = "<file>"
"""The number of a row's file, in an expression that stands in the place of a column."""


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows of one scan, with the columns that a query uses.

    Args:
        relation: The table.
        scan: The scan.
        selected: The columns.
        unread: Names of those that are NULL: nobody reads them.
    """

    relation: FileRelation
    scan: Scan
    selected: tuple[Column, ...]
    unread: frozenset[str]

    @property
    def sql(self) -> str:
        """A SELECT of all its rows."""
        return self._select(self.scan.files, self.scan.source, self.scan.file_index)

    def part(
        self,
        first: int,
        last: int,
        rows: tuple[int, int] | None = None,
        elsewhere: Mapping[str, str] = MappingProxyType({}),
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Return a SELECT of the rows of some of the scan's files, or of some rows of one.

        Args:
            first: The first of these files; the scan's `part` is not None.
            last: The one behind the last.
            rows: The first row, and the one behind the last.
            elsewhere: Paths from which files are read in the place of DuckDB's own.
            instead: What columns give in the place of their values, by their names; `FILE` stands
                for the 0-based number of a row's file among these.
        """
        assert self.scan.part is not None, "these files are read only together"
        index = f"({self.scan.file_index} - {first})"
        files = self.scan.files[first:last]
        others = {column: value.replace(FILE, index) for column, value in instead.items()}
        return self._select(files, self.scan.part(first, last, rows, elsewhere), index, others)

    def _select(
        self,
        files: Sequence[DataFile],
        source: str,
        file_index: str,
        instead: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        unread = {
            c.name: null(readable_column(c).type) for c in self.selected if c.name in self.unread
        }
        values = _partition_columns(self.relation, files, file_index)
        by_name = {**unread, **self.scan.columns, **values, **instead}
        columns = ", ".join(
            f"{padded(by_name[c.name], c.type)} AS {name(c.name)}" for c in self.selected
        )
        return f"SELECT {columns} FROM {source}"


@dataclass(frozen=True, slots=True)
class Selection:
    """A table out of files.

    Args:
        branches: Its rows, in order.
        columns: The columns that a query uses of it.
        notes: What to say of it.
    """

    branches: tuple[Branch, ...]
    columns: tuple[Column, ...]
    notes: tuple[Diagnostic, ...] = ()

    @property
    def sql(self) -> str:
        """A SELECT of all its rows."""
        if not self.branches:
            return _empty(self.columns)
        return "\nUNION ALL\n".join(b.sql for b in self.branches)


def select(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    paths: Mapping[str, str],
    used: Used,
    contents: Contents,
) -> Selection:
    """Return the columns that a query uses out of files.

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
    selected = tuple(named or relation.columns[:1])
    if not relation.files:
        return Selection((), selected)
    # No query uses an unreadable column, but it may be the one that stands for none.
    unread = frozenset(c.name for c in selected if not named or not c.type.is_known)
    keys = {k.casefold() for k in relation.partition_columns}
    read_columns = [c for c in relation.columns if c in selected or c.name.casefold() in keys]
    readable = replace(relation, columns=tuple(c for c in read_columns if c.type.is_known))
    branches = []
    for part in groups(relation):
        group = Group(
            relation,
            part.format,
            part.options,
            part.columns,
            part.files,
            contents,
            used.needed,
            used.tested,
        )
        scanner = _scanner(group.format)
        if scanner is None:
            raise UnsupportedError(
                f"table {relation.name} is made of {group.format} files, which the embedded engine "
                "does not read",
                hint="no engine here does: write it as one of " + ", ".join(sorted(_SCANNERS)),
            )
        scanned = readable
        if (
            not named and group.format == "parquet"
        ):  # what the one that stands for none holds is nothing
            scanned = replace(readable, columns=readable.columns[:0])
        branches += [
            Branch(relation, s, selected, unread)
            for s in scanner(connection, scanned, group, paths)
        ]
    scans = [b.scan for b in branches]
    notes = [*missing_columns(relation, scans, used.needed), *_nanoseconds(relation, scans)]
    return Selection(tuple(branches), selected, tuple(notes))


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
    columns = ", ".join(f"{null(readable_column(c).type)} AS {name(c.name)}" for c in selected)
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
