"""A catalog made of listings: what tables there are is what lies under the inputs' locations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING, Final

from headwater.auth.operation_cache import Same
from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, DatabaseNotFoundError, SourceError, TableNotFoundError
from headwater.lakes.layout import FORMATS
from headwater.partitions import hive_layout
from headwater.tables.table import Column, KeyCondition, Partition, Table, TableName
from headwater.types import BIGINT, STRING
from headwater_aws.lakes.markers import lake_at
from headwater_aws.listing import S3Object
from headwater_s3.inputs import LAKES, Input
from headwater_s3.lakes import lake_table
from headwater_s3.location import DATES, Location
from headwater_s3.object_heads import file_columns, suggested_columns

if TYPE_CHECKING:
    from headwater_aws.listings import Listings

DATABASE = "s3"

_PREFIXES = 400
"""Most date prefixes that are listed one by one; a longer window lists the whole location."""
_SAMPLED = 1000
"""Files that are looked at to tell the partition keys: one call's worth."""


_HINTS: Final = {
    "Delta": 'read it as what it is: format="delta", its path that of the Delta table',
    "Iceberg": 'read it as what it is: format="iceberg", its path that of the Iceberg table',
    "Hudi": "no engine here reads Hudi; write its current rows to a place of their own",
}


@dataclass(frozen=True, slots=True)
class InputDetail:
    """What the catalog knows of a table of files: its `Table.detail`.

    Args:
        options: Reader options in Spark's words.
        inferred: Keys whose type was told from the values of the first files.
    """

    options: Mapping[str, str]
    inferred: frozenset[str]


class S3Catalog:
    """A `Catalog` of one database, whose tables are a source's inputs.

    Args:
        listings: Lists, for one operation.
        inputs: The inputs by name.
    """

    def __init__(self, listings: Listings, inputs: Mapping[str, Input]) -> None:
        self._listings = listings
        self._session = listings.session
        self._inputs = inputs

    def databases(self) -> Iterator[str]:
        """Yield the one database: `s3`."""
        yield DATABASE

    def tables(self, database: str) -> Iterator[str]:
        """Yield the inputs' names."""
        if database.casefold() != DATABASE:
            raise DatabaseNotFoundError(
                f"no database {database!r}", hint=f"there is only {DATABASE}"
            )
        yield from self._inputs

    def table(self, name: TableName) -> Table:
        """Return an input as a table; its columns are those of its first file, or the declared.

        Raises:
            TableNotFoundError: If there is no such input.
            SourceError: If there is no file to tell the columns from.
        """
        list(self.tables(name.database))
        input_ = next(
            (i for n, i in self._inputs.items() if n.casefold() == name.name.casefold()), None
        )
        if input_ is None:
            raise TableNotFoundError(
                f"no input {name.name!r}", hint=hint_for(name.name, self._inputs, what="inputs")
            )
        return self._listings.once((Same(self), input_.name), lambda: self._table_of(input_))

    def _table_of(self, input_: Input) -> Table:
        if input_.format in LAKES:
            return lake_table(self._session, input_, TableName(DATABASE, input_.name))
        return self._describe(input_)

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        """Yield the partitions with their files, asking only for dates that the conditions name."""
        described = self._inputs[table.name.name]
        groups: dict[tuple[str | None, ...], list[S3Object]] = {}
        for file in self._files(described.location, where):
            groups.setdefault(_values(described.location, file, table), []).append(file)
        for values, members in groups.items():
            yield Partition(values, members[0].uri.rpartition("/")[0] + "/", tuple(members))

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        """Return nothing: counting would be listing everything."""
        return None

    def _describe(self, input_: Input) -> Table:
        sample = tuple(islice(self._files(input_.location, ()), _SAMPLED))
        if not sample:
            raise SourceError(
                f"input {input_.name!r}: no file matches {input_.location.written}",
                code="no-files",
                hint="is the path right? Hidden files (_x, .x) and empty ones do not count",
            )
        root = input_.location.root
        if input_.format in FORMATS:
            folders = {file.uri.rpartition("/")[0] for file in sample}
            lake = lake_at(self._listings, root, sorted(folders))
            if lake is not None:
                raise lake.refused(input_.name, _HINTS[lake.kind])
        hive = hive_layout.layout([_relative(input_.location, f) for f in sample], root)
        declared = {c.name.casefold(): c for c in input_.columns}
        inferred = [k for k in hive.keys if k.casefold() not in declared]
        keys = tuple(
            declared.get(key.casefold())
            or Column(key, hive_layout.key_type(v[i] for v in hive.values))
            for i, key in enumerate(hive.keys)
        )
        dates = tuple(Column(k, STRING) for k in input_.location.date_keys)
        names = (*input_.location.date_keys, *hive.keys)
        folded = {n.casefold() for n in names}
        if len(folded) < len(names):
            raise ConfigError(
                f"input {input_.name!r}: its path has a date directive and a directory of the same "
                f"name ({', '.join(names)})",
                hint="use * in the path instead of the directive",
            )
        declared_data = tuple(c for c in input_.columns if c.name.casefold() not in folded)
        data = declared_data or self._infer(input_, sample[0])
        clash = [c.name for c in data if c.name.casefold() in input_.location.date_keys]
        if clash:
            raise ConfigError(
                f"input {input_.name!r}: the files have a column {clash[0]!r}, which is also a "
                "date directive of its path",
                hint="use * in the path instead of the directive",
            )
        return Table(
            TableName(DATABASE, input_.name),
            (*(c for c in data if c.name.casefold() not in folded), *dates, *keys),
            names,
            "s3",
            root,
            InputDetail(input_.reader_options(declared=bool(declared_data)), frozenset(inferred)),
        )

    def _infer(self, input_: Input, first: S3Object) -> tuple[Column, ...]:
        if input_.format in ("json", "avro"):
            raise ConfigError(
                f"input {input_.name!r}: the columns of {input_.format} files must be declared",
                hint=suggested_columns(self._session, first),
            )
        return file_columns(self._session, first, input_.format, input_.options)

    def _files(self, location: Location, where: Sequence[KeyCondition]) -> Iterator[S3Object]:
        roots = _date_roots(location, where)
        if roots is None:
            listed: Iterable[S3Object] = self._listings.some_files(location.root)
        else:
            by_root = self._listings.files(roots)
            listed = (f for root in roots for f in by_root[root])
        for file in listed:
            if location.pattern.fullmatch(_key(file)):
                yield file


def _date_roots(location: Location, where: Sequence[KeyCondition]) -> list[str] | None:
    """Return the prefixes of the dates that conditions name, or None to list everything."""
    named = {c.key: c.values for c in where if c.operator == "in" and c.key in location.date_keys}
    order = [key for key, _, _ in DATES.values() if key in location.date_keys]
    keys: list[str] = []
    for key in order:
        if key not in named:
            break
        keys.append(key)
    count = 1
    for key in keys:
        count *= len(named[key])
    if not keys or count > _PREFIXES:
        return None
    combined = product(*(named[k] for k in keys))
    return list(dict.fromkeys(location.within(dict(zip(keys, v, strict=True))) for v in combined))


def _values(location: Location, file: S3Object, table: Table) -> tuple[str | None, ...]:
    """Return a file's key values, proven to be those of the table's keys."""
    match = location.pattern.fullmatch(_key(file))
    dates = tuple(match[k] for k in location.date_keys) if match else ()
    hive = hive_layout.layout([_relative(location, file)], location.root)
    if (*location.date_keys, *hive.keys) != table.partition_keys:
        raise SourceError(
            f"{file.uri} is not partitioned like the files before it "
            f"({', '.join(table.partition_keys) or 'no keys'})",
            code="mixed-layout",
            hint="give each layout an input of its own",
        )
    values = (*dates, *hive.values[0])
    detail: InputDetail = table.detail
    for column, value in zip(table.partition_columns, values, strict=True):
        if value is not None and column.name in detail.inferred and not _fits_value(column, value):
            raise SourceError(
                f"{file.uri}: {column.name}={value} is no {column.type}, as in the files before it",
                code="mixed-layout",
                hint=f'declare it: columns={{"{column.name}": "string"}}',
            )
    return values


def _fits_value(column: Column, value: str) -> bool:
    own = hive_layout.key_type((value,))
    return column.type in (own, STRING) or (column.type == BIGINT and own.is_integer)


def _relative(location: Location, file: S3Object) -> str:
    return _key(file).removeprefix(location.prefix).lstrip("/")


def _key(file: S3Object) -> str:
    return file.uri.partition("://")[2].partition("/")[2]
