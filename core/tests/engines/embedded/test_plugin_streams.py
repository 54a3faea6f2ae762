"""Rows that a plugin streams: what it raises reaches the reader as what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pytest

import headwater as hw
from headwater.auth.credentials import Access
from headwater.errors import AuthError, HeadwaterError, SourceError
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Catalog, Column, Partition, Table, TableName
from headwater.types import STRING

NAME = TableName("shelf", "t")
SCHEMA = pa.schema([("id", pa.string())])


class ShelfDataSource(hw.DataSource):
    """A table whose rows a function gives."""

    kind: ClassVar[str] = "shelf"

    open: Callable[[Any], Any]
    query: str = "SELECT * FROM t"

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        return SingleDatabase("shelf", {"t": lambda: Table(NAME, (Column("id", STRING),))})

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        return StreamRelation(table.name, table.columns, self.open)

    def sql(self) -> str:
        return self.query

    @property
    def default_database(self) -> str:
        return "shelf"


def failing(error: Exception, after: int) -> Callable[[Sequence[str]], Any]:
    """Return a stream that fails after some batches; before its first, while it is opened."""

    def batches() -> Iterator[pa.RecordBatch]:
        for _ in range(after):
            yield pa.record_batch([pa.array(["a"] * 50_000)], schema=SCHEMA)
        raise error

    def opened(names: Sequence[str]) -> pa.RecordBatchReader:
        if after == 0:
            raise error
        return pa.RecordBatchReader.from_batches(SCHEMA, batches())

    return opened


def rows(open_: Callable[[Sequence[str]], Any]) -> pa.Table:
    with hw.Workspace(engine="embedded") as workspace:
        return workspace.sql("SELECT * FROM t", ShelfDataSource(open=open_)).to_arrow()


@pytest.mark.parametrize("after", [0, 1, 5])
@pytest.mark.parametrize(
    "error",
    [
        SourceError("the shelf fell over", code="fallen", hint="put it up", retryable=True),
        AuthError("the door is locked", hint="where is the key?"),
    ],
    ids=["source", "auth"],
)
def test_what_a_stream_raises_is_what_the_reader_gets(error: HeadwaterError, after: int) -> None:
    with pytest.raises(type(error)) as caught:
        rows(failing(error, after))
    assert caught.value is error
    assert (caught.value.code, caught.value.hint) == (error.code, error.hint)


class LostError(Exception):
    """What a driver raises: not one of ours."""

    retryable = True


@pytest.mark.parametrize("after", [0, 1, 5])
@pytest.mark.parametrize("error", [ValueError("nobody expected this"), LostError("line cut")])
def test_another_exception_names_table_and_module_and_stays_the_cause(
    error: Exception, after: int
) -> None:
    with pytest.raises(SourceError, match=r"shelf\.t: the stream of .*test_plugin_streams") as told:
        rows(failing(error, after))
    assert f"{type(error).__name__}: {error}" in str(told.value)
    assert "Traceback" not in str(told.value)
    assert told.value.__cause__ is error
    assert error.__traceback__ is not None
    assert told.value.retryable is isinstance(error, LostError)


def test_what_opens_may_be_any_arrow_stream() -> None:
    assert rows(lambda names: pa.table({"id": ["a"]})).to_pylist() == [{"id": "a"}]


def test_what_is_no_stream_is_told() -> None:
    with pytest.raises(SourceError, match="opened a list, not a pyarrow") as caught:
        rows(lambda names: [])
    assert caught.value.code == "declared-type"


@pytest.mark.parametrize(
    ("query", "times"),
    [("SELECT * FROM t", 1), ("SELECT a.id FROM t AS a JOIN t AS b ON a.id = b.id", 2)],
)
def test_a_stream_is_opened_once_a_scan_when_its_rows_are_wanted(query: str, times: int) -> None:
    opened: list[ScanRequest] = []

    def open_(request: ScanRequest) -> pa.Table:
        opened.append(request)
        return pa.table({"id": ["a"]})

    with hw.Workspace(engine="embedded") as workspace:
        data = workspace.sql(query, ShelfDataSource(open=open_))
        assert data.plan.scans
        assert opened == []
        assert data.to_arrow().to_pylist() == [{"id": "a"}]
    assert opened == [ScanRequest(("id",))] * times
