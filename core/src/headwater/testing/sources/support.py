"""What the promises of a data source have in common: the fixtures to override, and ways to look."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from pydantic import BaseModel

from headwater.auth.credentials import Access, Credentials, Secret
from headwater.interfaces.data_source import SourceCapability
from headwater.sql.parser import parse
from headwater.tables.table import Table, TableName
from headwater.testing.contract import Contract, undeclared
from headwater.testing.edges import edge_rows

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.data_source import DataSource
    from headwater.reading.dataset import Dataset
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

ENGINE = "embedded"


class MakeSource(Protocol):
    """What the `make_source` fixture gives."""

    def __call__(self, rows: pa.Table, partition_key: str | None = None) -> DataSource:
        """Store rows, and return a source whose query gives exactly these.

        Args:
            rows: `edge_rows()`, or some of them; the table it makes replaces the one before.
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


@contextmanager
def dataset(source: DataSource) -> Iterator[Dataset]:
    """Give all rows of a source, lazily."""
    from headwater.plugins.registry import PluginRegistry
    from headwater.workspace.workspace import Workspace

    with Workspace(PluginRegistry(discover=False)) as workspace:
        yield workspace.sql(source.sql(), source, engine=ENGINE)


def read(source: DataSource) -> pa.Table:
    """Return all rows of a source."""
    from headwater.reading.dataset import EmptyReadWarning

    with dataset(source) as data, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        return data.to_arrow()


def serving(workspace: Workspace, source: DataSource) -> Connection:
    """Connect a small model to a source of the edge rows."""
    workspace.create_model("contract")
    version = workspace.create_model_version(
        "contract", "v1", "regression", predictions={"ratio": "numeric"}
    )
    return version.connect_serving(source, "id", "at")


def secrets(*values: object) -> set[str]:
    """Return the texts of the secrets in values and their fields, however deep.

    What a model also shows as a plain text is none: the id of an access key.
    """
    hidden: set[str] = set()
    plain: set[str] = set()
    seen: set[int] = set()
    left = list(values)
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        match value:
            case Secret():
                hidden.add(value.reveal())
            case str():
                plain.add(value)
            case Mapping():
                left += value.values()
            case list() | tuple() | set() | frozenset():
                left += value
            case BaseModel():
                left += fields(value).values()
            case _ if hasattr(value, "describe") or isinstance(value, Credentials):
                left += vars_of(value)
    return hidden - plain


def vars_of(value: object) -> list[object]:
    """Return what an object holds, in its dict or its slots."""
    slots = [n for c in type(value).__mro__ for n in getattr(c, "__slots__", ())]
    held = [getattr(value, n) for n in slots if hasattr(value, n)]
    return [*held, *getattr(value, "__dict__", {}).values()]


def pickled(value: object) -> str:
    """Return a value's pickle as text."""
    try:
        return pickle.dumps(value).decode("latin-1")
    except (TypeError, AttributeError, pickle.PicklingError):
        return ""  # what does not pickle carries nothing away


def all_of(error: BaseException | None) -> str:
    """Return everything that an error and its causes say."""
    texts = []
    while error is not None:
        texts.append(f"{error!r}{error}")
        error = error.__cause__ or error.__context__
    return "".join(texts)
