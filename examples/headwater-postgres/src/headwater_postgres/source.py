"""PostgresDataSource: a Spark SQL query over tables of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from headwater import types as t
from headwater.errors import SourceError
from headwater.interfaces import (
    Access,
    Catalog,
    Column,
    DataSource,
    DataType,
    Partition,
    Relation,
    SourceCapability,
    StreamRelation,
    Table,
    TableName,
    arrow_type,
)
from headwater.sources.single_database import SingleDatabase
from headwater_postgres.login import PostgresLogin, PostgresSession

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 10_000
TYPES = {
    "boolean": t.BOOLEAN,
    "smallint": t.SMALLINT,
    "integer": t.INT,
    "bigint": t.BIGINT,
    "real": t.FLOAT,
    "double precision": t.DOUBLE,
    "text": t.STRING,
    "character varying": t.STRING,
    "bytea": t.BINARY,
    "date": t.DATE,
    "timestamp with time zone": t.TIMESTAMP,
    "timestamp without time zone": t.TIMESTAMP_NTZ,
}


class PostgresDataSource(DataSource):
    """Tables of one schema of a database.

    Args:
        host: The server.
        port: Its port.
        database: The database.
        namespace: Its schema that holds the tables.
        query: Spark SQL over them.
        auth: Who connects.
    """

    kind: ClassVar[str] = "postgres"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset({SourceCapability.DISCOVER})

    host: str = "localhost"
    port: int = 5432
    database: str
    namespace: str = "public"
    query: str
    auth: PostgresLogin

    @property
    def url(self) -> str:
        """The database's address, which also names its identity in plans."""
        return f"postgresql://{self.host}:{self.port}/{self.database}"

    def access(self) -> Access:
        """Return the login; it connects when it is used."""
        return Access({self.url: self.auth.open(endpoint_url=self.url)})

    def catalog(self, access: Access) -> Catalog:
        """Return the tables of the schema."""
        asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
        with self._session(access).connected("list tables") as ask:
            names = [name for (name,) in ask(asked, self.namespace)]
        described = {name: partial(self._describe, access, name) for name in names}
        return SingleDatabase(self.namespace, described)

    def _describe(self, access: Access, name: str) -> Table:
        asked = (
            "SELECT column_name, data_type, numeric_precision, numeric_scale "
            "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s "
            "ORDER BY ordinal_position"
        )
        with self._session(access).connected(f"describe table {name}") as ask:
            rows = ask(asked, self.namespace, name)
        columns = tuple(Column(column, column_type(*declared)) for column, *declared in rows)
        return Table(TableName(self.namespace, name), columns, kind="postgres")

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return a stream that logs in anew when it is read: plans hold no credentials."""
        return StreamRelation(table.name, table.columns, partial(stream, self, table), self.url)

    def sql(self) -> str:
        """Return the query."""
        return self.query

    @property
    def default_database(self) -> str:
        """The schema, as the query's tables are in it."""
        return self.namespace

    def describe(self) -> Mapping[str, str]:
        """Return what identifies it, for a person."""
        return {"type": self.kind, "url": self.url, "user": self.auth.user}

    def _session(self, access: Access) -> PostgresSession:
        return cast("PostgresSession", access.session(self.url))


def column_type(declared: str, precision: int | None, scale: int | None) -> DataType:
    """Return what a column holds; what has no exact counterpart is marked, not guessed."""
    if declared == "numeric" and precision and precision <= 38:
        return t.decimal(precision, scale or 0)
    return TYPES.get(declared) or t.unreadable(declared, "no Spark SQL type holds it exactly")


def stream(
    source: PostgresDataSource, table: Table, columns: Sequence[str]
) -> pa.RecordBatchReader:
    """Return a table's rows from the first, a batch at a time, with the columns that are needed."""
    import pyarrow as pa

    known = {c.name: c.type for c in table.columns}
    schema = pa.schema([(name, arrow_type(known[name])) for name in columns])

    def batches() -> Iterator[pa.RecordBatch]:
        listed = ", ".join(_quoted(name) for name in columns)
        asked = f"SELECT {listed} FROM {_quoted(source.namespace)}.{_quoted(table.name.name)}"
        with source.access() as access:
            session = cast("PostgresSession", access.session(source.url))
            with session.connected(f"read table {table.name}") as ask:
                ask(f"DECLARE headwater NO SCROLL CURSOR FOR {asked}")
                while rows := ask(f"FETCH {BATCH} FROM headwater"):
                    yield _batch(rows, schema, table)

    return pa.RecordBatchReader.from_batches(schema, batches())


def _batch(rows: Sequence[Sequence[Any]], schema: pa.Schema, table: Table) -> pa.RecordBatch:
    import pyarrow as pa

    try:
        columns = [list(values) for values in zip(*rows, strict=True)]
        arrays = [pa.array(v, field.type) for v, field in zip(columns, schema, strict=True)]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:  # e.g. a date of 'infinity'
        raise SourceError(
            f"table {table.name}: a value does not fit its column: {error}"
        ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
