"""Relations: tables as an engine can read them. Values; they hold no credentials."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from headwater.tables.scan_request import Opened, ScanRequest
from headwater.tables.table import Column, TableName


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of a relation.

    Args:
        path: URI, e.g. `s3://bucket/key` or an absolute local path.
        size: Bytes, as the listing said.
        partition: Index into the relation's `partitions`.
        etag: The storage's version mark, where it has one; a changed file is an error, not data.
    """

    path: str
    size: int
    partition: int = 0
    etag: str | None = None


FileTimes: TypeAlias = "tuple[datetime, datetime] | None"
"""Least and greatest time of a file's rows, both included; None where nothing tells them."""


@dataclass(frozen=True, slots=True)
class FilePartition:
    """Files that share partition values, and may have a schema or options of their own.

    Args:
        values: Key values as text, unescaped, in key order; None is the NULL partition.
        location: Where the files lie.
        columns: The partition's own data columns, where they differ from the table's.
        format: Its own format, where it differs.
        options: Its own reader options, where they differ.
    """

    values: tuple[str | None, ...] = ()
    location: str = ""
    columns: tuple[Column, ...] | None = None
    format: str | None = None
    options: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FileRelation:
    """A table made of files, each of them named: nothing is listed again when it is read.

    Args:
        name: The table it stands for.
        columns: Data columns then partition columns, in the order of `SELECT *`.
        partition_columns: Names of the columns that come from the partition.
        format: `parquet`, `csv`, `json`, `orc`, `avro`, read as Spark does with `options` in
            Spark's words (`sep`, `quote`, `header` ...). Or one of Hive's text formats, a record a
            line, whose meaning Spark's options can't say:

            - `hive-text` (LazySimpleSerDe): `sep`, `nullValue`, `header`, `escape` (takes the
              character after it as it is; empty for none), `encoding` (one of one byte a character;
              empty for UTF-8). No quotes; an empty text is a text; a value that is not one of its
              column's type is NULL; missing columns at the end are NULL, surplus ones are left out.
            - `hive-csv` (OpenCSVSerde): `sep`, `quote`, `escape`, `header`. All columns are texts;
              a doubled quote inside quotes is a quote; an empty value is an empty text.
            - `hive-json` (JsonSerDe): `malformed` is `null` or `fail`; `keys` is `ignore-case` or
              `exact`; `quoted` is `convert` where texts of plain numbers are such, bare NaN and
              Infinity are floats, and numbers of 9, 10 or 13 digits are timestamps, else `fail`;
              `key.<column>` names the key that feeds a column. Texts of booleans and of decimals
              are such in either case.
        options: The format's reader options. An engine refuses those that it does not know.
        partitions: What the files are grouped by; one group without values if unpartitioned.
        files: The files, hidden and empty ones left out.
        auth_ref: Which identity reads them; None for what needs none.
        truncates: Whether timestamps in nanoseconds are cut to microseconds; else one that is no
            whole microsecond is an error.
    """

    name: TableName
    columns: tuple[Column, ...]
    partition_columns: tuple[str, ...] = ()
    format: str = "parquet"
    options: Mapping[str, str] = field(default_factory=dict)
    partitions: tuple[FilePartition, ...] = (FilePartition(),)
    files: tuple[DataFile, ...] = ()
    auth_ref: str | None = None
    truncates: bool = False

    @property
    def data_columns(self) -> tuple[Column, ...]:
        """The columns that are in the files."""
        keys = {k.casefold() for k in self.partition_columns}
        return tuple(c for c in self.columns if c.name.casefold() not in keys)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files)


@dataclass(frozen=True, slots=True)
class IcebergRelation:
    """An Iceberg table at one snapshot.

    Args:
        name: The table it stands for.
        columns: Its columns.
        metadata_location: URI of the metadata JSON that pins the table's state.
        snapshot_id: The snapshot to read; None for a table without one (no rows).
        auth_ref: Which identity reads it.
        file_count: Data files of the snapshot; None where it is not known.
        size: Bytes of those files; None where it is not known.
        truncates: Whether timestamps in nanoseconds are cut to microseconds; else one that is no
            whole microsecond is an error.
        column_ids: What tells each of `columns` from others that were called so before it, in
            their order: its field id, and those of what is nested in it. Where they are left out,
            any commit counts for a change of every row.
        data_files: The data files of the snapshot, where they were listed; an engine finds them by
            itself.
        table_id: The UUID in its metadata: a table that was dropped and made anew under its name
            has another one. None where it is not known.
        only_files: Paths of the data files that are read, as `data_files` names them; None: of all
            that the snapshot has. Only the embedded engine reads a part of a snapshot.
    """

    name: TableName
    columns: tuple[Column, ...]
    metadata_location: str
    snapshot_id: int | None
    auth_ref: str | None = None
    file_count: int | None = None
    size: int | None = None
    truncates: bool = False
    column_ids: tuple[str, ...] = ()
    data_files: tuple[DataFile, ...] | None = field(default=None, repr=False)
    table_id: str | None = None
    only_files: tuple[str, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DeltaRelation:
    """A Delta table at one version.

    Args:
        name: The table it stands for.
        columns: Its columns.
        location: URI of the table's root.
        version: The version to read.
        auth_ref: Which identity reads it.
        file_count: Data files of the version; None where it is not known.
        size: Bytes of those files; None where it is not known.
        features: Reader features that it uses, as Delta's protocol names them; an engine refuses
            those that it does not know.
        data_files: The data files of the version, where they were listed; as of an Iceberg table.
        table_id: The id in its metadata: a table that was deleted and made anew in its place has
            the same versions, and another id. None where it is not known.
        only_files: Paths of the data files that are read; as of an Iceberg table.
    """

    name: TableName
    columns: tuple[Column, ...]
    location: str
    version: int
    auth_ref: str | None = None
    file_count: int | None = None
    size: int | None = None
    features: tuple[str, ...] = ()
    data_files: tuple[DataFile, ...] | None = field(default=None, repr=False)
    table_id: str | None = None
    only_files: tuple[str, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CatalogRelation:
    """A table that the cluster's own metastore resolves and reads, with its own identity.

    Args:
        name: The table, as the cluster's metastore knows it.
        columns: Its columns.
        catalog_id: Catalog that the cluster must be on for this to be the same table.
    """

    auth_ref: ClassVar[None] = None
    name: TableName
    columns: tuple[Column, ...]
    catalog_id: str | None = None


@dataclass(frozen=True, slots=True)
class MemoryRelation:
    """Rows that are already in this process.

    Args:
        name: The table it stands for.
        columns: Its columns.
        data: A `pyarrow.Table`.
        truncates: Whether timestamps in nanoseconds are cut to microseconds; else one that is no
            whole microsecond is an error.
    """

    auth_ref: ClassVar[None] = None
    name: TableName
    columns: tuple[Column, ...]
    data: object = field(repr=False, compare=False)
    truncates: bool = False


@dataclass(frozen=True, slots=True)
class StreamRelation:
    """Rows that another system streams, as Arrow: a database, a service.

    Args:
        name: The table it stands for.
        columns: Its columns.
        open: Called with a `ScanRequest` when the first rows of a scan are wanted, on any thread;
            its parameter is called `request`, or is annotated so. It gives a
            `pyarrow.RecordBatchReader` of the request's columns, from the first row, in the Arrow
            types of `columns`: nothing is cast with loss, and another type is an error
            (`declared-type`); or these rows as an `Opened`, which says what was applied. To be sent
            to another process it must pickle. One that takes something else is called with the
            names of the columns alone.
        auth_ref: Whose identity it uses.
        truncates: Whether timestamps in nanoseconds are cut to microseconds; else one that is no
            whole microsecond is an error.
        rows: How many rows the table holds, or about; None where it is not known.
        size: Their bytes, or about; None where it is not known.
    """

    name: TableName
    columns: tuple[Column, ...]
    open: Callable[[ScanRequest], Any] | Callable[[Sequence[str]], Any] = field(
        repr=False, compare=False
    )
    auth_ref: str | None = None
    truncates: bool = False
    rows: int | None = None
    size: int | None = None

    def opened(self, request: ScanRequest) -> Opened:
        """Open the rows of one scan, by `open`.

        Args:
            request: What is needed of the table.

        Raises:
            SourceError: If the source applied what nobody asked for.
        """
        open_: Callable[[Any], Any] = self.open
        stream = open_(request if _takes_request(open_) else list(request.columns))
        opened = stream if isinstance(stream, Opened) else Opened(stream)
        opened.check(request)
        return opened


def _takes_request(open_: Callable[..., Any]) -> bool:
    """Return whether a callable takes a `ScanRequest`, and not the names of columns."""
    try:
        parameters = inspect.signature(open_).parameters.values()
    except (TypeError, ValueError):
        return False  # a builtin that does not say
    placed = (p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    first = next(placed, None)
    if first is None:
        return False
    named = first.annotation if isinstance(first.annotation, str) else repr(first.annotation)
    return first.name == "request" or "ScanRequest" in named


Relation: TypeAlias = (
    FileRelation
    | IcebergRelation
    | DeltaRelation
    | CatalogRelation
    | MemoryRelation
    | StreamRelation
)
