"""File relations: each a DataFrame over exactly the files that the plan named.

Two ways, by what the session's catalog is and by what lies in the directories:

    a table      Partitioned files, in-memory catalog: a datasource table whose partitions are the
                 directories of the planned files. One listing a directory; the query's conditions
                 on keys prune. Taken only if the directories hold the planned files and no others.
    a reader     Everything else: the files by name, their keys joined on by file. On a persistent
                 metastore it is the only way, since nothing is created there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.engines.declared_types import readable_column
from headwater.engines.file_groups import FileGroup, groups
from headwater.engines.spark import listings
from headwater.engines.spark.formats import hive_lines, nanoseconds, text_lines, zstd_frames
from headwater.engines.spark.formats.floats import kept_from_readers
from headwater.engines.spark.session.sessions import adjust
from headwater.engines.spark.storage import Opening
from headwater.engines.spark.types import ddl, literal, raised, unpadded
from headwater.engines.text_files import damaged
from headwater.errors import UnsupportedError
from headwater.sql.rewriting import quoted
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column
from headwater.types import INT, STRING, DataType

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from headwater.engines.embedded.formats.parquet_schema import FileColumn

FORMATS: Final = frozenset({"parquet", "csv", "json", "orc", "avro"}) | hive_lines.FORMATS
TEXT: Final = text_lines.FORMATS | hive_lines.FORMATS
PARTITIONS_A_STATEMENT: Final = 1000
_SINK_LOGS: Final = "spark.sql.streaming.fileStreamSink.ignoreMetadata"
"""Whether Spark does without a stream's log in the directory of a table: it looks for one whenever
the table is named, by four requests to object storage. It is a partition's; those have none."""
METADATA: Final = "_metadata"
"""Spark's own column about a row's file; a table's column of that name would hide it."""


class Files:
    """Opens file relations in one session, for one read.

    Args:
        session: The session.
        persistent: Whether its catalog outlives it.
        token: What makes this read's names its own.
        cleanup: Receives what is to be undone at the end.
        in_nanoseconds: Tells which columns of a relation's files are in nanoseconds; None takes it
            that none is.
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        persistent: bool,
        token: str,
        cleanup: ExitStack,
        in_nanoseconds: Callable[[FileRelation], nanoseconds.Found] | None = None,
    ) -> None:
        self._session = session
        self._in_nanoseconds = in_nanoseconds
        self._persistent = persistent
        self._token = token
        self._cleanup = cleanup
        self._tables = 0

    def frame(self, relation: FileRelation, opening: Opening) -> DataFrame:
        """Return a relation's rows, its columns in its order and types.

        Args:
            relation: The table.
            opening: How its files are opened.

        Raises:
            DataChangedError: If a file is gone or has another length than the plan saw.
            UnsupportedError: For a format that Spark does not read, or a column named `_metadata`.
        """
        _check(relation)
        parts = list(self._parts(relation, opening))
        if not parts:
            return self._session.createDataFrame(
                [], ddl(unpadded(map(readable_column, relation.columns)))
            )
        return reduce(lambda a, b: a.unionAll(b), parts)

    def _parts(self, relation: FileRelation, opening: Opening) -> Iterator[DataFrame]:
        for group in map(_readable, groups(relation)):
            if self._in_nanoseconds is None or group.format != "parquet":
                yield self._group(group, opening)
                continue
            in_nanoseconds = self._in_nanoseconds(relation)
            for part, columns in nanoseconds.split(group, in_nanoseconds):
                files = {opening.path(f.path): f for f in part.files}
                if columns:
                    yield self._reader(part, part, files, opening, columns)
                else:
                    yield self._group(part, opening)

    def _group(self, group: FileGroup, opening: Opening) -> DataFrame:
        files = {opening.path(f.path): f for f in group.files}
        read = hive_lines.as_lines(group, _unused(group, "_line"))
        self._check_frames(group, files, opening)
        if self._may_be_table(group, opening):
            frame = self._table(read, opening)
            listed = listings.listed(frame)
            if set(listed) <= set(files):
                listings.check(frame, files, listed, group.relation.name)
                keys = [(quoted(c.name), c) for c in unpadded(group.keys)]
                return _cut(frame, group, read, keys).selectExpr(*_select(group, read))
        return self._reader(group, read, files, opening)

    def _check_frames(
        self, group: FileGroup, files: Mapping[str, DataFile], opening: Opening
    ) -> None:
        """Raise for a Zstandard file that ends within a frame."""
        packed = [path for path in files if zstd_frames.is_zstd(path)]
        if group.format not in TEXT or not packed:
            return
        for path in zstd_frames.cut(self._session, packed, opening.options):
            where = f"{files[listings.path_of(path)].path} of table {group.relation.name}"
            raise damaged("spark", where, "it ends within a frame")

    def _may_be_table(self, group: FileGroup, opening: Opening) -> bool:
        # Its directories are listed with the session's settings alone, not with a reader's options;
        # and Spark takes no empty partition value.
        return (
            bool(group.keys)
            and not self._persistent
            and not opening.options
            and not any("" in group.values(f) for f in group.files)
        )

    def _table(self, group: FileGroup, opening: Opening) -> DataFrame:
        """Return a new table over the directories of files, which may hold others as well."""
        name = f"spark_catalog.default.{quoted(f'hw_{self._token}_{self._tables}')}"
        self._tables += 1
        places = list(
            dict.fromkeys((group.values(f), _directory(opening.path(f.path))) for f in group.files)
        )
        # Two spellings of a value (3, 03) or two directories are two partitions to Spark.
        place = Column(_unused(group, "_place"), INT)
        columns = ddl(unpadded([*group.columns, *group.keys, place]))
        keys = ", ".join(quoted(c.name) for c in (*group.keys, place))
        options = ", ".join(f"{literal(k)} {literal(v)}" for k, v in group.options.items())
        # The first look at a place makes its file system, with this session's settings: of each
        # table, as each may have a role of its own.
        adjust(self._session, {_SINK_LOGS: "false"})
        self._session.sql(
            f"CREATE TABLE {name} ({columns}) USING {group.format} "
            f"{f'OPTIONS ({options}) ' if options else ''}PARTITIONED BY ({keys}) "
            f"LOCATION {literal(places[0][1])}"
        )
        self._cleanup.callback(self._session.sql, f"DROP TABLE IF EXISTS {name}")
        adjust(self._session, {_SINK_LOGS: "true"})
        added = [
            f"PARTITION ({_spec(group.keys, values)}, {quoted(place.name)} = {i}) "
            f"LOCATION {literal(directory)}"
            for i, (values, directory) in enumerate(places)
        ]
        for some in _chunks(added, PARTITIONS_A_STATEMENT):
            self._session.sql(f"ALTER TABLE {name} ADD {' '.join(some)}")
        return self._session.table(name)

    def _reader(
        self,
        group: FileGroup,
        read: FileGroup,
        files: Mapping[str, DataFile],
        opening: Opening,
        numbers: Mapping[str, FileColumn] = MappingProxyType({}),
    ) -> DataFrame:
        """Return files that are read by name.

        Args:
            group: The files.
            read: As what they are read.
            files: The files, as Spark spells them.
            opening: How they are opened.
            numbers: Their columns that are in nanoseconds, by their casefolded names.
        """
        columns = [
            replace(c, type=nanoseconds.read_type(c.type, counted)) if counted else c
            for c in read.columns
            for counted in [numbers.get(c.name.casefold())]
        ]
        reader = self._session.read.format(read.format).schema(ddl(unpadded(columns)))
        frame = reader.options(**opening.options, **read.options).load(list(files))
        listed = listings.listed(frame)
        listings.check(frame, files, listed, group.relation.name)
        if numbers:
            frame = frame.selectExpr(
                *(f"{_timed(c, numbers, group.relation)} AS {quoted(c.name)}" for c in read.columns)
            )
        if not group.keys:
            return _cut(frame, group, read, []).selectExpr(*_select(group, read))
        # Keys come by the file's name: a join with a table as long as the list of files. A file
        # that lies in two partitions gives its rows to both.
        key = _unused(group, "_file")
        rows = [(listed[opening.path(f.path)], *group.values(f)) for f in group.files]
        texts = ", ".join(f"{quoted(n)} string" for n in (key, *(c.name for c in group.keys)))
        values = self._session.createDataFrame(rows, texts).hint("broadcast")
        file = (f"{METADATA}.file_path", Column(key, STRING))
        return (
            _cut(frame, group, read, [file])
            .join(values, key)
            .selectExpr(*_select(group, read, keys=STRING))
        )


def _timed(column: Column, numbers: Mapping[str, FileColumn], relation: FileRelation) -> str:
    file_column = numbers.get(column.name.casefold())
    if file_column is None:
        return quoted(column.name)
    return nanoseconds.value_of(
        quoted(column.name), column.type, file_column, relation, column.name
    )


def _check(relation: FileRelation) -> None:
    used = {p.format or relation.format for p in relation.partitions}
    if unknown := sorted(used - FORMATS):
        raise UnsupportedError(
            f"table {relation.name} is made of {', '.join(unknown)} files, not read by Spark",
            hint=f"it reads {', '.join(sorted(FORMATS))}",
        )
    options = [relation.options, *(p.options or {} for p in relation.partitions)]
    if any(name.casefold() == "avroschemaurl" for some in options for name in some):
        raise UnsupportedError(
            f"table {relation.name} names its Avro schema by a URL, which Spark opens as itself",
            hint="give the schema itself: avroSchema",
        )
    if any(c.name.casefold() == METADATA for c in relation.columns):
        raise UnsupportedError(
            f"table {relation.name} has a column {METADATA!r}, a name that Spark keeps for itself",
            hint="rename the column in the catalog",
        )


def _cut(
    frame: DataFrame, group: FileGroup, read: FileGroup, keys: Sequence[tuple[str, Column]]
) -> DataFrame:
    """Return rows with the columns of a group, or the fields that they are cut from.

    Args:
        frame: What was read.
        group: The files.
        read: As what they were read.
        keys: Further columns: their values as SQL, their names and types.
    """
    if read is not group:
        return hive_lines.cut(frame, group, read.columns[0].name, keys)
    added = (f"{value} AS {quoted(c.name)}" for value, c in keys if value != quoted(c.name))
    return frame.selectExpr("*", *added)


def _select(group: FileGroup, read: FileGroup, *, keys: DataType | None = None) -> Iterator[str]:
    """Yield an expression for each column of the relation.

    Args:
        group: Whose columns the reader or the table has.
        read: As what the files were read.
        keys: Type in which it has the keys; None for their own.
    """
    cut = {} if read is group else hive_lines.values_of(read.columns[0].name, group)
    own = {c.name.casefold(): c for c in group.columns}
    own |= {c.name.casefold(): replace(c, type=keys or c.type) for c in group.keys}
    # What files hold under the name of a key is not the key's value.
    cut = {n: v for n, v in cut.items() if n not in {c.name.casefold() for c in group.keys}}
    unreadable = group.unreadable
    for column in group.relation.columns:
        name, own_column = quoted(column.name), own.get(column.name.casefold())
        value = "NULL"
        if own_column is not None:
            value = cut.get(own_column.name.casefold(), quoted(own_column.name))
            value = kept_from_readers(value, own_column.type)
        # A partition may declare a type of its own.
        lost = unreadable.get(column.name.casefold())
        if lost is not None and column.type.is_known:
            # Where the query uses the column: Spark computes no other.
            value = raised(
                "a partition declares the column in a type that no engine reads",
                table=group.relation.name,
                value=literal(lost.type.reason),
                file="''",
                column=column.name,
                kind="' partition-type'",
            )
        if own_column is None or own_column.type != column.type:
            value = f"CAST({value} AS {unpadded([readable_column(column)])[0].type})"
        yield f"{value} AS {name}"


def _readable(group: FileGroup) -> FileGroup:
    """Return a group with the columns that it is asked for: no query uses an unreadable one.

    In delimited text it keeps its place, since columns are told by position.
    """
    if group.format in ("csv", "hive-text", "hive-csv"):
        return replace(group, columns=tuple(map(readable_column, group.columns)))
    return replace(group, columns=tuple(c for c in group.columns if c.type.is_known))


def _directory(path: str) -> str:
    scheme, _, rest = path.partition(":")
    return f"{scheme}:{rest.rpartition('/')[0] or '/'}"


def _spec(keys: Sequence[Column], values: Sequence[str | None]) -> str:
    return ", ".join(f"{quoted(k.name)} = {literal(v)}" for k, v in zip(keys, values, strict=True))


def _unused(group: FileGroup, base: str) -> str:
    """Return a column name that neither the relation nor the group's files have."""
    names = {c.name.casefold() for c in (*group.relation.columns, *group.columns)}
    name = base
    while name in names:
        name += "_"
    return name


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
