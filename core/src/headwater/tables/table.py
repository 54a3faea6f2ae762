"""Tables as a catalog knows them, and the interface that a catalog has."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headwater.diagnostics import Diagnostic
from headwater.errors import ConfigError, HeadwaterError
from headwater.tables.durations import duration
from headwater.types import DataType, unreadable

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's full name. Compared as written; catalogs decide about case.

    Args:
        database: The database (also: schema, namespace) that holds it.
        name: The table's own name.
        catalog: Identifier of the catalog that holds the database, where there is more than one.
    """

    database: str
    name: str
    catalog: str | None = None

    def __str__(self) -> str:
        return ".".join(p for p in (self.catalog, self.database, self.name) if p is not None)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        name: As the catalog spells it.
        type: What it holds.
        comment: The catalog's remark, if any.
    """

    name: str
    type: DataType
    comment: str | None = None


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """Return the columns that hold the values of Arrow data without loss, in its order.

    For a system that gives Arrow: what it gives of a table says what the table's columns are.

    Args:
        schema: The data's schema; a field of a type that no column has is one that can't be read.
    """
    from headwater.types.arrow import data_type

    return tuple(Column(f.name, data_type(f.type)) for f in schema)


def parquet_columns(file: Any) -> tuple[Column, ...]:
    """Return the columns of a Parquet file, as its footer has them.

    Arrow has no word for Parquet's INTERVAL and takes it for bytes; such a column can't be read.

    Args:
        file: Its path, or the file as `pyarrow.parquet` takes it.
    """
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as opened:
        schema, arrow_schema = opened.schema, opened.schema_arrow
    leaves = [schema.column(number) for number in range(len(schema))]
    spans = [leaf.path for leaf in leaves if leaf.converted_type == "INTERVAL"]
    return tuple(
        replace(c, type=unreadable("interval", "no Spark SQL type holds it"))
        if any(path == c.name or path.startswith(f"{c.name}.") for path in spans)
        else c
        for c in columns_of(arrow_schema)
    )


@dataclass(frozen=True, slots=True)
class Table:
    """What a catalog says about one table.

    Args:
        name: Its full name.
        columns: Data columns, then partition keys, in the order in which `SELECT *` gives them.
        partition_keys: Names of the columns that come from the partition, in key order.
        kind: What it is: `hive`, `iceberg`, `delta`, `view` ... ; plugins add their own words.
        location: Where its files lie (a URI), if it has one place.
        detail: The catalog's own knowledge of it, opaque to core: the source that made the table
            gets it back in `DataSource.relation`. Never printed.
        unqueryable: Why it can be listed and not queried, or None.
        notes: What a plan that reads it should say of it.
        problem: What is wrong with its description in the catalog, or None. The rest of it counts.
    """

    name: TableName
    columns: tuple[Column, ...]
    partition_keys: tuple[str, ...] = ()
    kind: str = "table"
    location: str | None = None
    detail: Any = field(default=None, repr=False, compare=False)
    unqueryable: str | None = None
    notes: tuple[Diagnostic, ...] = field(default=(), compare=False)
    problem: str | None = None
    _named: dict[str, Column] = field(default_factory=dict, init=False, repr=False, compare=False)

    def column(self, name: str) -> Column | None:
        """Return the column called `name`, ignoring case as Spark does, or None."""
        if not self._named:
            # Of two the first; in one step, for other threads ask as well.
            self._named.update({c.name.casefold(): c for c in reversed(self.columns)})
        return self._named.get(name.casefold())

    @property
    def partition_columns(self) -> tuple[Column, ...]:
        """The partition keys, as columns, in key order."""
        columns = (self.column(k) for k in self.partition_keys)
        return tuple(c for c in columns if c is not None)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of a table.

    Args:
        values: Its key values as text, in key order, unescaped; None is the NULL partition.
        location: Where its files lie (a URI).
        detail: The catalog's own knowledge of it, opaque to core. Never printed.
        computed: Whether a rule gives it, so that nobody has said that it exists.
    """

    values: tuple[str | None, ...]
    location: str
    detail: Any = field(default=None, repr=False, compare=False)
    computed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class TimePartition:
    """How a table's partition keys follow from one of its own time columns.

    A row with time `t` (in `timezone`) lies in the partition whose keys are `t`, formatted by
    `keys`, or in one up to `lateness` later (rows that arrived late).

    Args:
        column: The *table's* time column (not the query's).
        keys: Partition key to pattern. Patterns are made of `yyyy MM dd HH` and literal text,
            e.g. `{"dt": "yyyy-MM-dd"}` or `{"year": "yyyy", "month": "MM", "day": "dd"}`.
        timezone: IANA zone in which the keys were formatted.
        lateness: How much later than its time a row's partition may be.
    """

    column: str
    keys: Mapping[str, str]
    timezone: str = "UTC"
    lateness: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        if not self.keys:
            raise ConfigError(
                f"TimePartition on {self.column!r} names no partition key",
                hint='e.g. keys={"dt": "yyyy-MM-dd"}',
            )
        if self.lateness < timedelta(0):
            raise ConfigError(f"TimePartition on {self.column!r}: lateness can't be negative")

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> TimePartition:
        """Return the rule that a mapping declares, e.g. one from a configuration file.

        Args:
            given: `column`, `keys`, and perhaps `timezone` and `lateness`: a timedelta, seconds, or
                a text such as `90 minutes`, `6 hours`, `1 day`.

        Raises:
            ConfigError: On a missing or unknown key, or a lateness that can't be read.
        """
        names = {f.name for f in fields(cls)}
        if extra := sorted(set(given) - names):
            raise ConfigError(
                f"a time partition has no {extra[0]!r}", hint=f"keys: {', '.join(sorted(names))}"
            )
        if missing := sorted({"column", "keys"} - set(given)):
            raise ConfigError(
                f"a time partition needs {' and '.join(missing)}",
                hint='e.g. {column: event_time, keys: {dt: "yyyy-MM-dd"}}',
            )
        late = duration(given.get("lateness", timedelta(0)), "lateness")
        return cls(**{**given, "lateness": late})


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """A condition on one partition key, compared as text or as the key's declared type.

    Args:
        key: Name of the partition key.
        operator: `in` (any of the values), or one of `>= > <= <` with a single value.
        values: Key values as text, as they stand in the catalog.
        or_null: Whether partitions in which the key is NULL meet it too.
    """

    key: str
    operator: str
    values: tuple[str, ...]
    or_null: bool = False


@runtime_checkable
class Catalog(Protocol):
    """What tables exist. Every call may go over the network; implementations are thread-safe."""

    def databases(self) -> Iterator[str]:
        """Yield the names of the databases that can be seen."""
        ...

    def tables(self, database: str) -> Iterator[str]:
        """Yield the names of the tables in `database`.

        Raises:
            DatabaseNotFoundError: If there is no such database.
        """
        ...

    def table(self, name: TableName) -> Table:
        """Return the table called `name`.

        Raises:
            TableNotFoundError: If there is no such table; its hint suggests near names.
        """
        ...

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        """Yield the partitions of a partitioned table.

        Args:
            table: As this catalog returned it.
            where: Conditions that all hold for the partitions of interest. A catalog may use them
                to ask for less: what comes back is a superset of the partitions that match,
                and the caller filters again.
        """
        ...

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        """Return how many partitions `table` has, or None if they are more than `at_most`."""
        ...


@runtime_checkable
class Sampled(Protocol):
    """What a catalog may offer beside `Catalog`: some of a table's partitions, at a bounded cost.

    Where it is there, a plan compares the values of keys with the pattern that was declared.
    """

    def some_partitions(
        self, table: Table, where: Sequence[KeyCondition], at_most: int
    ) -> Sequence[Partition]:
        """Return the first `at_most` partitions of `table`; fewer if it has no more.

        Args:
            table: As this catalog returned it.
            where: As for `Catalog.partitions`.
            at_most: How many are wanted.
        """
        ...


@runtime_checkable
class Surveyable(Protocol):
    """What a catalog may offer beside `Catalog`: its tables, told what they are, in few calls.

    `headwater discover` uses it where it is there, and lists names only where it is not.
    """

    def survey(
        self, databases: Iterable[str] | None = None
    ) -> Generator[tuple[str, Table | HeadwaterError], None, None]:
        """Yield tables as they become known; those of several databases may come mixed.

        Opens no file and asks for no single table. Closing the generator ends the asking.

        Args:
            databases: Their names, taken as they are needed; all that can be seen if left out.

        Yields:
            Database and table; or database and the error that ended its listing. An error under
            the empty name ended the listing of databases.
        """
        ...


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a table holds, as far as it was looked at.

    Args:
        partitions: How many are registered; None where it has none, or a rule computes them.
        files: Data files.
        bytes: Their size.
        modified: When the newest of them was written; None where that is not known.
        complete: Whether all of it was looked at; if not, the numbers are lower bounds.
    """

    partitions: int | None = None
    files: int | None = None
    bytes: int | None = None
    modified: datetime | None = None
    complete: bool = True


@runtime_checkable
class Measurable(Protocol):
    """What a catalog may offer beside `Catalog`: how much a table holds, and how fresh that is."""

    def measure(self, table: Table) -> Measure | None:
        """Return how much a table holds; None for what holds nothing of its own, such as a view.

        Bounded: of a huge table only a part is looked at, and the answer says so. Thread-safe.

        Args:
            table: As this catalog returned or surveyed it.
        """
        ...
