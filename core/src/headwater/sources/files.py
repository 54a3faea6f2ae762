"""FileDataSource: tables made of local files. The reference implementation of a source."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import IO, ClassVar, Final, Literal, cast

from pydantic import Field, ValidationInfo, field_validator

from headwater.auth.credentials import Access
from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, SourceError
from headwater.interfaces.data_source import DataSource, DeclaredPartition, SourceCapability
from headwater.lakes.layout import FORMATS, local_lake
from headwater.partitions import hive_layout
from headwater.sources import local_files
from headwater.sources.single_database import SingleDatabase
from headwater.sql.rewriting import quoted
from headwater.tables import encodings
from headwater.tables.file_facts import FileFacts
from headwater.tables.relation import DataFile, FilePartition, FileRelation, Relation
from headwater.tables.table import (
    Catalog,
    Column,
    Partition,
    Table,
    TableName,
    TimePartition,
    columns_of,
    parquet_columns,
)
from headwater.types import STRING
from headwater.types.text import TypeTextError, parse_type
from headwater.untrusted import limits

DATABASE = "files"
DECLARE: Final = (
    "declare the columns that you need, with their types, and the others do not matter: "
    "columns={...}; polars writes its 128-bit integers so"
)
"""What to do about a file with a type that Arrow does not read."""
_HINTS: Final = {
    "Delta": "read it with deltalake, and give its rows: MemoryDataSource(tables={...: "
    "DeltaTable(path).to_pyarrow_table()})",
    "Iceberg": "read it with pyiceberg, and give its rows: MemoryDataSource(tables={...: "
    "StaticTable.from_metadata(path).scan().to_arrow()})",
    "Hudi": "write its current rows to a place of their own",
}


class FileDataSource(DataSource):
    """Tables made of local files, partitioned by directories named `key=value` or not at all.

    Args:
        tables: Table name to a file or a directory. In a configuration file, a relative path
            starts from that file.
        format: Format of the files of all tables.
        query: Spark SQL over the tables; may be left out where there is one table.
        partitions: Table name to how its partition keys follow from time.
        columns: Table name to its columns and their Spark types. Needed for `json`; a `csv` table
            without them takes its names from the header row, and all its columns are strings.
        options: Reader options in Spark's words, e.g. `{"sep": ";"}`.
    """

    kind: ClassVar[str] = "files"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset(
        {SourceCapability.DISCOVER, SourceCapability.PARTITIONS}
    )

    tables: Mapping[str, str]
    format: Literal["parquet", "csv", "json", "orc"] = "parquet"
    query: str | None = None
    partitions: Mapping[str, DeclaredPartition] = Field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    options: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("tables")
    @classmethod
    def _beside_the_configuration(
        cls, paths: Mapping[str, str], info: ValidationInfo
    ) -> Mapping[str, str]:
        # In a configuration file, a relative path starts from that file.
        folder = (info.context or {}).get("folder")
        if folder is None:
            return paths
        return {name: str(Path(folder, Path(path).expanduser())) for name, path in paths.items()}

    @field_validator("partitions")
    @classmethod
    def _declared_for_tables(
        cls, rules: Mapping[str, DeclaredPartition], info: ValidationInfo
    ) -> Mapping[str, DeclaredPartition]:
        """Refuse a rule for a table that there is not: it would be passed over."""
        tables = info.data.get("tables", rules)
        for name in rules:
            if name not in tables:
                raise ConfigError(
                    f"partitions: the source has no table {name!r}",
                    hint=hint_for(name, tables, what="tables"),
                )
        return rules

    def access(self) -> Access:
        """Return no identities: the files are read as whoever runs this."""
        return Access()

    def catalog(self, access: Access) -> Catalog:
        """Return the tables as a catalog of the database `files`."""
        facts = access.cache.get(FileFacts)
        described = {name: partial(self._describe, name, facts) for name in self.tables}
        return SingleDatabase(DATABASE, described, _partitions)

    def sql(self) -> str:
        """Return the query, or all rows of the only table."""
        return the_query(self.query, list(self.tables))

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return the files of the partitions that were kept."""
        groups = _partitions(table) if partitions is None else list(partitions)
        files = [
            replace(file, partition=index)
            for index, group in enumerate(groups)
            for file in group.detail
        ]
        return FileRelation(
            table.name,
            table.columns,
            table.partition_keys,
            self.format,
            self._options(table.name.name),
            tuple(FilePartition(g.values, g.location) for g in groups) or (FilePartition(),),
            tuple(f for f in files if f.size > 0),
        )

    @property
    def default_database(self) -> str:
        """The one database: `files`."""
        return DATABASE

    @property
    def allowed_databases(self) -> frozenset[str]:
        """Only that."""
        return frozenset({DATABASE})

    def time_partition(self, table: Table) -> TimePartition | None:
        """Return the declared rule of a table."""
        return self.partitions.get(table.name.name)

    def describe(self) -> Mapping[str, str]:
        """Return the type and where the tables lie."""
        return {"type": self.kind, **{f"table {n}": p for n, p in self.tables.items()}}

    def _options(self, name: str) -> Mapping[str, str]:
        if self.format == "csv" and name not in self.columns:
            return {"header": "true", **self.options}
        return self.options

    def _describe(self, name: str, facts: FileFacts | None = None) -> Table:
        try:
            root = Path(self.tables[name]).expanduser().resolve()
            paths = _files(root, name)
        except (OSError, ValueError, RuntimeError) as error:  # too long, a zero byte, no such user
            path_text = f"{self.tables[name][:200]!r}"
            raise SourceError(
                f"table {name!r}: {path_text} is no path that can be looked at: "
                f"{getattr(error, 'strerror', None) or error}",
                code="path-not-found",
            ) from None
        place = root if root.is_dir() else root.parent
        lake = local_lake(place) if self.format in FORMATS else None
        if lake is not None:
            raise lake.refused(name, _HINTS[lake.kind])
        relatives = [
            p.relative_to(root if root.is_dir() else root.parent).as_posix() for p in paths
        ]
        # Marked before their columns are read: what is read is of the versions that were seen.
        files = [_marked(path, name) for path in paths]
        layout = hive_layout.layout(relatives, str(root))
        keys = tuple(
            Column(key, hive_layout.key_type(v[i] for v in layout.values))
            for i, key in enumerate(layout.keys)
        )
        folded = {k.casefold() for k in layout.keys}
        data = [c for c in self._columns(name, files, facts) if c.name.casefold() not in folded]
        groups: dict[tuple[str | None, ...], list[DataFile]] = {}
        for file, values in zip(files, layout.values, strict=True):
            groups.setdefault(values, []).append(file)
        return Table(
            TableName(DATABASE, name), (*data, *keys), layout.keys, "files", str(root), groups
        )

    def _columns(
        self, name: str, files: Sequence[DataFile], facts: FileFacts | None
    ) -> tuple[Column, ...]:
        if name in self.columns:
            try:
                return tuple(Column(n, parse_type(t)) for n, t in self.columns[name].items())
            except TypeTextError as error:
                raise ConfigError(f"columns of table {name!r}: {error}") from error
        if self.format == "json":
            raise ConfigError(
                f"table {name!r}: the columns of JSON files must be declared",
                hint=f'columns={{"{name}": {{"prediction_id": "string", "score": "double"}}}}',
            )
        first = files[0]
        footers = None if facts is None or self.format != "parquet" else facts
        columns_ = None if footers is None else footers.columns(first.path, first.etag)
        if columns_ is not None:
            return tuple(Column(n, parse_type(t)) for n, t in columns_)
        columns = _read_columns(self.format, Path(first.path), self.options)
        if footers is not None and first.etag is not None and not local_files.changes([first]):
            footers.learn_columns(first.path, first.etag, [(c.name, str(c.type)) for c in columns])
        return columns


def the_query(query: str | None, tables: Sequence[str]) -> str:
    """Return a source's query, or all rows of its only table.

    Raises:
        ConfigError: If there is no query and not exactly one table.
    """
    if query is not None:
        return query
    if len(tables) != 1:
        raise ConfigError(
            f"the source has {len(tables)} tables and no query",
            hint="give it a query, or exactly one table",
        )
    return f"SELECT * FROM {quoted(tables[0])}"


def _files(root: Path, name: str) -> list[Path]:
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise SourceError(f"table {name!r}: there is nothing at {root}", code="path-not-found")
    # Not by `rglob`, which lists each directory twice.
    candidates = (Path(folder, one) for folder, _, names in os.walk(root) for one in names)
    paths = sorted(
        p
        for p in candidates
        if not hive_layout.is_hidden(p.relative_to(root).as_posix()) and p.is_file()
    )
    if not paths:
        raise SourceError(f"table {name!r}: there are no files under {root}", code="no-files")
    return paths


def _partitions(table: Table) -> list[Partition]:
    groups: Mapping[tuple[str | None, ...], list[DataFile]] = table.detail
    return [Partition(v, str(Path(f[0].path).parent), f) for v, f in groups.items()]


def _marked(path: Path, name: str) -> DataFile:
    try:
        return local_files.data_file(str(path))
    except OSError as error:
        raise SourceError(f"table {name!r}: {path} can't be looked at: {error}") from error


def _read_columns(format: str, path: Path, options: Mapping[str, str]) -> tuple[Column, ...]:
    try:
        import pyarrow as pa
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{path} tells its columns to pyarrow, which is not installed",
            hint="pip install 'headwater[embedded]'",
        ) from error

    try:
        if format == "csv":
            encoding, separator = encodings.of_header(options), options.get("sep", ",")
            # A compressed file is known by the end of its name, as where its rows are read.
            with (
                pa.input_stream(path, compression="detect") as unpacked,
                TextIOWrapper(cast("IO[bytes]", unpacked), encoding=encoding) as lines,
            ):
                header = lines.readline(limits.HEADER_CHARACTERS).rstrip("\r\n")
            return tuple(Column(n.strip().strip('"'), STRING) for n in header.split(separator))
        if format == "orc":
            from pyarrow import orc

            return columns_of(orc.ORCFile(path).schema)
        return parquet_columns(path)
    except pa.ArrowNotImplementedError as error:
        raise SourceError(
            f"{path} has a column of a type that is not known: {error}", hint=DECLARE
        ) from error
    except (pa.ArrowException, ValueError, OSError) as error:  # of names that are no UTF-8, too
        raise SourceError(
            f"{path} can't be read as {format}: {error}",
            code="wrong-format",
            hint="is `format` right, and does the directory hold other files too?",
        ) from error
