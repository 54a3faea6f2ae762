"""A catalog made of listings: what tables there are is what lies under the inputs' locations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING

from headwater import hive_layout
from headwater.diagnostics import hint_for
from headwater.errors import ConfigError, DatabaseNotFoundError, SourceError, TableNotFoundError
from headwater.table import Column, KeyCondition, Partition, Table, TableName
from headwater.type_text import TypeTextError, parse_type
from headwater.types import STRING
from headwater_aws.listing import S3Object, list_files, list_many
from headwater_s3.footer import file_columns
from headwater_s3.location import DATES, Location

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

DATABASE = "s3"

_PREFIXES = 400
"""Most date prefixes that are listed one by one; a longer window lists the whole location."""
_SAMPLED = 1000
"""Files that are looked at to tell the partition keys."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a source.

    Args:
        name: Its name in the query.
        location: Where its files lie.
        format: Format of its files.
        columns: Declared columns and their Spark types; empty to infer them.
        options: Reader options in Spark's words.
    """

    name: str
    location: Location
    format: str
    columns: Mapping[str, str]
    options: Mapping[str, str]

    @property
    def reader_options(self) -> Mapping[str, str]:
        """The options, and a header where the column names were taken from it."""
        if self.format == "csv" and not self.columns:
            return {"header": "true", **self.options}
        return self.options


class S3Catalog:
    """A `Catalog` of one database, whose tables are a source's inputs.

    Args:
        session: Who lists.
        inputs: The inputs by name.
    """

    def __init__(self, session: AwsSession, inputs: Mapping[str, Input]) -> None:
        self._session = session
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
        found = next(
            (i for n, i in self._inputs.items() if n.casefold() == name.name.casefold()), None
        )
        if found is None:
            raise TableNotFoundError(
                f"no input {name.name!r}", hint=hint_for(name.name, self._inputs, what="inputs")
            )
        return self._describe(found)

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        """Yield the partitions with their files, asking only for dates that the conditions name."""
        described = self._inputs[table.name.name]
        files = self._files(described.location, where)
        groups: dict[tuple[str | None, ...], list[S3Object]] = {}
        for file in files:
            groups.setdefault(_values(described.location, file, table.partition_keys), []).append(
                file
            )
        for values, members in groups.items():
            yield Partition(values, members[0].uri.rpartition("/")[0] + "/", tuple(members))

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        """Return nothing: counting would be listing everything."""
        return None

    def _describe(self, found: Input) -> Table:
        sample = tuple(islice(self._files(found.location, ()), _SAMPLED))
        if not sample:
            raise SourceError(
                f"input {found.name!r}: no file matches {found.location.root}",
                code="no-files",
                hint="is the path right, and may this identity list there?",
            )
        hive = hive_layout.layout(
            [_relative(found.location, f) for f in sample], found.location.root
        )
        values = [hive.values[i] for i in range(len(sample))]
        keys = tuple(
            Column(key, hive_layout.key_type(v[i] for v in values))
            for i, key in enumerate(hive.keys)
        )
        dates = tuple(Column(k, STRING) for k in found.location.date_keys)
        names = tuple(c.name for c in (*dates, *keys))
        folded = {n.casefold() for n in names}
        data = self._columns(found, sample[0])
        clash = [c.name for c in data if c.name.casefold() in {d.name for d in dates}]
        if clash:
            raise ConfigError(
                f"input {found.name!r}: the files have a column {clash[0]!r}, which is also a date "
                "directive of its path",
                hint="use * in the path instead of the directive",
            )
        columns = tuple(c for c in data if c.name.casefold() not in folded)
        return Table(
            TableName(DATABASE, found.name),
            (*columns, *dates, *keys),
            names,
            "s3",
            found.location.root,
        )

    def _columns(self, found: Input, first: S3Object) -> tuple[Column, ...]:
        if found.columns:
            try:
                return tuple(Column(n, parse_type(t)) for n, t in found.columns.items())
            except TypeTextError as error:
                raise ConfigError(f"columns of input {found.name!r}: {error}") from error
        if found.format in ("json", "avro"):
            raise ConfigError(
                f"input {found.name!r}: the columns of {found.format} files must be declared",
                hint='columns={"prediction_id": "string", "score": "double"}',
            )
        return file_columns(self._session, first, found.format, found.options.get("sep", ","))

    def _files(self, location: Location, where: Sequence[KeyCondition]) -> Iterator[S3Object]:
        roots = _date_roots(location, where)
        if roots is None:
            listed: Iterable[S3Object] = list_files(self._session, location.root)
        else:
            found = list_many(self._session, roots)
            listed = (f for root in roots for f in found[root])
        for file in listed:
            if location.pattern.fullmatch(_key(file)):
                yield file


def _date_roots(location: Location, where: Sequence[KeyCondition]) -> list[str] | None:
    """Return the prefixes of the dates that conditions name, or None to list everything."""
    named = {c.key: c.values for c in where if c.operator == "in" and c.key in location.date_keys}
    order = [key for key, _, _ in DATES.values() if key in location.date_keys]
    known: list[str] = []
    for key in order:
        if key not in named:
            break
        known.append(key)
    count = 1
    for key in known:
        count *= len(named[key])
    if not known or count > _PREFIXES:
        return None
    combined = product(*(named[k] for k in known))
    return list(dict.fromkeys(location.within(dict(zip(known, v, strict=True))) for v in combined))


def _values(location: Location, file: S3Object, keys: Sequence[str]) -> tuple[str | None, ...]:
    match = location.pattern.fullmatch(_key(file))
    dates = tuple(match[k] for k in location.date_keys) if match else ()
    hive = hive_layout.layout([_relative(location, file)], location.root)
    values = (*dates, *(hive.values[0] if hive.values else ()))
    if len(values) != len(keys):
        raise SourceError(
            f"{file.uri} is not partitioned like the files before it ({', '.join(keys)})",
            hint="give each layout an input of its own",
        )
    return values


def _relative(location: Location, file: S3Object) -> str:
    return _key(file).removeprefix(location.prefix).lstrip("/")


def _key(file: S3Object) -> str:
    return file.uri.partition("://")[2].partition("/")[2]
