"""ScoresDataSource: a Spark SQL query over tables that an HTTP API gives, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar, cast
from urllib.parse import quote

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
    SingleDatabase,
    SourceCapability,
    SourceError,
    StreamRelation,
    Table,
    TableName,
    record_batches,
)
from headwater_scores.login import ScoresClient, ScoresSession

DATABASE = "scores"


def as_it_is(value: Any) -> Any:
    """Return a value that JSON has."""
    return value


TYPES: Mapping[str, tuple[DataType, Callable[[Any], Any]]] = {
    "string": (t.STRING, as_it_is),
    "boolean": (t.BOOLEAN, as_it_is),
    "int32": (t.INT, as_it_is),
    "int64": (t.BIGINT, as_it_is),
    "double": (t.DOUBLE, float),  # `NaN` and `Infinity` come as texts
    "date": (t.DATE, date.fromisoformat),
    "timestamp": (t.TIMESTAMP, datetime.fromisoformat),
    "decimal(18,4)": (t.decimal(18, 4), Decimal),
}
"""What the API's types hold, and how a value of JSON becomes one."""
READ = dict(TYPES.values())


class ScoresDataSource(DataSource):
    """Tables of a service.

    Args:
        url: The API.
        query: Spark SQL over its tables.
        auth: Who asks.
    """

    kind: ClassVar[str] = "scores"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset({SourceCapability.DISCOVER})

    url: str
    query: str
    auth: ScoresClient

    def access(self) -> Access:
        """Return the client; it asks when it is used."""
        return Access({self.url: self.auth.open(endpoint_url=self.url)})

    def catalog(self, access: Access) -> Catalog:
        """Return the tables of the service."""
        session = cast("ScoresSession", access.session(self.url))
        names = list(map(str, session.get("/tables")["tables"]))
        return SingleDatabase(DATABASE, {n: partial(_described, session, n) for n in names})

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return a stream that logs in anew when it is read: plans hold no credentials."""
        opens = partial(stream, self, table, table.detail["time_column"])
        rows = table.detail.get("rows")
        return StreamRelation(table.name, table.columns, opens, self.url, rows=rows)

    def sql(self) -> str:
        """Return the query."""
        return self.query

    @property
    def default_database(self) -> str:
        """Database of the tables that the query names."""
        return DATABASE

    def describe(self) -> Mapping[str, str]:
        """Return what identifies it, for a person."""
        return {"type": self.kind, "url": self.url, "client": self.auth.client_id}


def _described(session: ScoresSession, name: str) -> Table:
    told = session.get(f"/tables/{quote(name, safe='')}")
    columns = tuple(Column(c["name"], column_type(c["type"])) for c in told["columns"])
    return Table(TableName(DATABASE, name), columns, kind="api", detail=told)


def column_type(word: str) -> DataType:
    """Return what a column holds; what is not known is marked, not guessed."""
    known = TYPES.get(word)
    return known[0] if known else t.unreadable(word, "no Spark SQL type is known for it")


def stream(
    source: ScoresDataSource, table: Table, time_column: str | None, request: ScanRequest
) -> Opened:
    """Return what a read needs of a table. The service applies bounds of its time column."""
    start, end = request.bounds(time_column)
    applied = [c for c in request.on(time_column) if c.operator in (">=", "<")]
    parameters = {
        "column": list(request.columns),
        "from": start and start.isoformat(),
        "to": end and end.isoformat(),
    }
    rows = record_batches(table, request, fetched(source, table, request.columns, parameters))
    return Opened(rows, applied)


def fetched(
    source: ScoresDataSource, table: Table, columns: Sequence[str], parameters: Mapping[str, Any]
) -> Iterator[list[Any]]:
    """Yield rows, a page at a time; a page is asked for when the rows before it are taken."""
    types = {c.name: c.type for c in table.columns}
    reads = [READ[types[name]] for name in columns]
    path = f"/tables/{quote(table.name.name, safe='')}/rows"
    cursor: str | None = None
    with source.access() as access:
        session = cast("ScoresSession", access.session(source.url))
        while True:
            page = session.get(path, {**parameters, "cursor": cursor})
            for row in page["rows"]:
                yield [v if v is None else read(v) for read, v in zip(reads, row, strict=True)]
            following = page["next"]  # only null is the end: a page without it is broken
            if following is None:
                return
            if following == cursor:
                raise SourceError(f"table {table.name}: the page after {cursor!r} is that page")
            cursor = following
