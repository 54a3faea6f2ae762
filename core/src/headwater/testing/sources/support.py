"""What the promises of a data source have in common: the fixtures to override, and ways to look."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

import pytest
from pydantic import BaseModel

from headwater.auth.credentials import Access
from headwater.interfaces.data_source import SourceCapability
from headwater.sql.parser import parse
from headwater.sql.rewriting import quoted
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.scan_request import Opened, ScanRequest
from headwater.tables.table import Table, TableName
from headwater.testing.contract import Contract, undeclared
from headwater.testing.edges import edge_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.data_source import DataSource
    from headwater.reading.dataset import Dataset
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

ENGINE: Final = "embedded"
ODD_NAMES: Final = (
    "select",
    "Order",
    "from",
    "a b",
    'quote"d',
    "tick`ed",
    "it's",
    "dot.ted",
    "per%cent",
    "%s",
    "brace{d}",
    "semi;colon",
    "-- dash",
    "back\\slash",
    "Größe",
    "数",
    "1st",
    "a?",
    ":b",
)
"""Names of columns that are found only where each is quoted, and handed over as it is."""
ODD_TABLES: Final = ("select", "Größe 1", 'it\'s "quoted"', "dot.ted", "semi;colon 100%s -- -")
"""Names of tables, likewise."""


class MakeSource(Protocol):
    """What the `make_source` fixture gives."""

    def __call__(self, rows: pa.Table, partition_key: str | None = None) -> DataSource:
        """Store rows, and return a source whose query gives exactly these.

        It may take a third argument, `table="predictions"`: what the table is to be called, also
        where that has to be quoted. Without it the promise about names of tables is skipped.

        Args:
            rows: Those of `edge_rows()` or `many_rows()`, or of columns with other names: make the
                table of `rows.schema`. It replaces the one before.
            partition_key: Column by whose values the table is partitioned; asked for only where
                the source declares `partitions`.
        """
        ...


class SourcePromises(Contract):
    """The fixtures that an author overrides."""

    @pytest.fixture
    def make_source(self) -> MakeSource:
        """Override: return a callable that stores rows and returns a source of them."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture make_source")

    @pytest.fixture
    def broken_source(self) -> DataSource:
        """Override: return a source whose place can't be reached, or refuses."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture broken_source")

    @pytest.fixture
    def interrupted_source(self) -> DataSource | None:
        """Override: return a source whose system fails in the middle of a read.

        It may be well later: a server that hangs up after some rows. Without it, connections that
        Python opens are cut.
        """
        return None

    @pytest.fixture
    def canaries(self) -> Sequence[str]:
        """Override: more texts that nobody may see, besides those of secret fields."""
        return ()

    @pytest.fixture
    def odd_names(self) -> Sequence[str]:
        """Override where the system can't hold some of these: names of columns."""
        return ODD_NAMES

    @pytest.fixture
    def odd_tables(self) -> Sequence[str]:
        """Override where the system can't hold some of these: names of tables."""
        return ODD_TABLES

    @pytest.fixture
    def day_zones(self) -> Sequence[str]:
        """Override where the source is told (or tells) in which zone its partitions are days.

        Zones in whose days the rows of `make_source(rows, "day")` come, besides UTC.
        """
        return ()

    @pytest.fixture
    def longest_text(self) -> int:
        """Override where the system holds no texts of so many characters."""
        return 70_000

    @pytest.fixture
    def source(self, make_source: MakeSource) -> DataSource:
        """The source of the edge rows."""
        return make_source(edge_rows())


def fields(value: BaseModel) -> dict[str, Any]:
    """Return a model's fields, to make it again."""
    return {name: getattr(value, name) for name in type(value).model_fields}


def only_name(source: DataSource) -> TableName:
    """Return the one table that a source's query names."""
    parsed = parse(source.sql(), database=source.default_database)
    assert len(parsed.table_names) == 1, "the query of make_source's source must name one table"
    return parsed.table_names[0]


def only_table(source: DataSource, access: Access) -> Table:
    """Return that table, from the source's catalog."""
    return source.catalog(access).table(only_name(source))


def renamed(name: TableName, to: str) -> TableName:
    """Return a table's name with another own name."""
    return TableName(name.database, to, name.catalog)


def partitioned(make_source: MakeSource) -> DataSource:
    """Return the source of the edge rows, partitioned by day; skips where that is undeclared."""
    plain = make_source(edge_rows())
    if SourceCapability.PARTITIONS not in plain.capabilities:
        undeclared(plain, "partitions")
    return make_source(edge_rows(), "day")


def table_text(source: DataSource) -> str:
    """Return the name of the one table of a source, as a query has it."""
    name = only_name(source)
    return ".".join(quoted(n) for n in (name.catalog, name.database, name.name) if n)


def takes_table(make_source: MakeSource) -> bool:
    """Return whether an author's `make_source` can call its table something else."""
    named = inspect.signature(make_source).parameters
    return "table" in named or any(p.kind is p.VAR_KEYWORD for p in named.values())


def only_relations(source: DataSource, access: Access) -> Iterator[Relation]:
    """Yield how an engine reads the one table of a source, again and again."""
    table = only_table(source, access)
    partitions = list(source.catalog(access).partitions(table)) if table.partition_keys else None
    while True:
        yield source.relation(table, partitions, access)


def only_relation(source: DataSource, access: Access) -> Relation:
    """Return how an engine reads the one table of a source."""
    return next(only_relations(source, access))


def only_stream(source: DataSource, access: Access) -> StreamRelation:
    """Return that relation if it is a stream; skips where the engine reads the rows itself."""
    relation = only_relation(source, access)
    if not isinstance(relation, StreamRelation):
        pytest.skip(
            f"{source.kind} gives no stream of its own, but a {type(relation).__name__}, "
            "which engines read"
        )
    return relation


def only_streams(source: DataSource, access: Access) -> Iterator[StreamRelation]:
    """Yield that stream again and again: that one can be opened twice is a promise of its own."""
    only_stream(source, access)
    for relation in only_relations(source, access):
        assert isinstance(relation, StreamRelation)
        yield relation


def opened(relation: StreamRelation, names: Sequence[str]) -> pa.RecordBatchReader:
    """Open a stream of columns."""
    return batches_of(relation.opened(ScanRequest(tuple(names))))


def batches_of(opened: Opened) -> pa.RecordBatchReader:
    """Return the rows of an opened stream, whatever kind of Arrow stream they are."""
    import pyarrow as pa

    if isinstance(opened.rows, pa.RecordBatchReader):
        return opened.rows
    return pa.RecordBatchReader.from_stream(opened.rows)


@contextmanager
def dataset(source: DataSource, query: str | None = None) -> Iterator[Dataset]:
    """Give all rows of a source, or the answer to a query over it, lazily."""
    from headwater.plugins.registry import PluginRegistry
    from headwater.workspace.workspace import Workspace

    with Workspace(PluginRegistry(discover=False)) as workspace:
        yield workspace.sql(query or source.sql(), source, engine=ENGINE)


def read(source: DataSource, query: str | None = None) -> pa.Table:
    """Return all rows of a source, or the answer to a query over it."""
    with dataset(source, query) as data, perhaps_empty():
        return data.to_arrow()


@contextmanager
def perhaps_empty() -> Iterator[None]:
    """Take a read without rows for an answer, which is compared with what it should be."""
    from headwater.reading.dataset import EmptyReadWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        yield


def serving(workspace: Workspace, source: DataSource) -> Connection:
    """Connect a small model to a source of the edge rows."""
    workspace.create_model("contract")
    version = workspace.create_model_version(
        "contract", "v1", "regression", predictions={"ratio": "numeric"}
    )
    return version.connect_serving(source, "id", "at")
