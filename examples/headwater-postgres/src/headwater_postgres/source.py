"""PostgresDataSource: a Spark SQL query over tables of a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, cast

from headwater import types as t
from headwater.plugin import (
    Access,
    Catalog,
    Column,
    DataSource,
    DataType,
    Opened,
    Partition,
    Relation,
    ScanRequest,
    Select,
    SingleDatabase,
    SourceCapability,
    StreamRelation,
    Table,
    TableName,
    record_batches,
    select,
)
from headwater_postgres.login import PostgresLogin, PostgresSession

FETCHED = 10_000
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
        asked = (
            "SELECT reltuples::bigint, pg_total_relation_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = %s AND relname = %s"
        )
        with self._session(access).connected(f"measure table {table.name}") as ask:
            found = ask(asked, self.namespace, table.name.name)
        rows, size = found[0] if found else (None, None)
        return StreamRelation(
            table.name,
            table.columns,
            partial(stream, self, table),
            self.url,
            rows=rows if rows is not None and rows >= 0 else None,  # -1: never analyzed
            size=size,
        )

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


def stream(source: PostgresDataSource, table: Table, request: ScanRequest) -> Opened:
    """Return what a read needs of a table: PostgreSQL applies the window and the conditions."""
    asked = select(request, [source.namespace, table.name.name], mark="%s", percent="%")
    rows = record_batches(table, request, fetched(source, table, asked))
    return Opened(rows, asked.applied, asked.limited)


def fetched(source: PostgresDataSource, table: Table, asked: Select) -> Iterator[Sequence[Any]]:
    """Yield the rows of a SELECT, some at a time; the connection ends with them."""
    with source.access() as access:
        session = cast("PostgresSession", access.session(source.url))
        with session.connected(f"read table {table.name}") as ask:
            ask(f"DECLARE headwater NO SCROLL CURSOR FOR {asked.text}", *asked.values)
            while rows := ask(f"FETCH {FETCHED} FROM headwater"):
                yield from rows
