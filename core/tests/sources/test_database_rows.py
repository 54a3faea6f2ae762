"""The SELECT of a scan request, on a real database, and rows of a cursor as Arrow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from headwater.errors import SourceError
from headwater.sources.database_rows import Select, record_batches, select
from headwater.tables.scan_request import Condition, ScanRequest
from headwater.tables.table import Column, Table, TableName
from headwater.types import (
    BINARY,
    DATE,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    TIMESTAMP_NTZ,
    DataType,
    decimal,
)

NAME = ["main", 'odd "%" name']
MORE = Condition("n", ">=", (2,))
FEW = Condition("n", "<", (4,))
WORDS = Condition('the "word"', "in", ("a", "b"))
KNOWN = Condition("n", "null or >=", (3,))
TABLE = Table(TableName("d", "t"), (Column("n", INT), Column("w", STRING)))


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute('CREATE TABLE "odd ""%"" name" (n INT, "the ""word""" TEXT)')
    rows = [(1, "a"), (2, "b"), (3, "c"), (None, "a"), (5, None)]
    connection.executemany('INSERT INTO "odd ""%"" name" VALUES (?, ?)', rows)
    yield connection
    connection.close()


def ask(
    database: sqlite3.Connection, *conditions: Condition, limit: int | None = None
) -> list[Any]:
    asked = select(ScanRequest(("n",), conditions, limit=limit), NAME)
    assert asked.applied == conditions
    assert asked.limited is (limit is not None)
    return sorted((n for (n,) in database.execute(asked.text, asked.values)), key=str)


def test_a_database_applies_what_is_asked(database: sqlite3.Connection) -> None:
    assert ask(database) == [1, 2, 3, 5, None]
    assert ask(database, MORE, FEW) == [2, 3]
    assert ask(database, WORDS) == [1, 2, None]
    assert ask(database, WORDS, KNOWN) == [None]
    assert len(ask(database, limit=2)) == 2


def test_marks_quotes_and_values_are_the_databases_own() -> None:
    request = ScanRequest(("a%", "n"), (MORE, WORDS), limit=3)
    assert select(request, ["s", "t"], mark="%s") == Select(
        'SELECT "a%%", "n" FROM "s"."t" WHERE "n" >= %s AND "the ""word""" IN (%s, %s) LIMIT 3',
        (2, "a", "b"),
        (MORE, WORDS),
        True,
    )
    assert select(request, ["t"], mark="%s", percent="%").text.startswith('SELECT "a%", "n" ')
    numbered = select(request, ["t"], mark=":{n}", quote="`", value=str, limits=False)
    assert numbered == Select(
        'SELECT `a%`, `n` FROM `t` WHERE `n` >= :1 AND `the "word"` IN (:2, :3)',
        ("2", "a", "b"),
        (MORE, WORDS),
    )


def test_what_a_database_can_not_compare_is_left_to_the_engine() -> None:
    later = Condition("at", ">=", (datetime(2026, 1, 1, tzinfo=UTC),))
    strange: Any = Condition("n", "in", (1,))
    object.__setattr__(strange, "operator", "like")
    request = ScanRequest(("n",), (later, strange, MORE))
    asked = select(request, ["t"], value=lambda v: v if isinstance(v, int) else NotImplemented)
    assert asked == Select('SELECT "n" FROM "t" WHERE "n" >= ?', (2,), (MORE,))


def test_rows_become_batches_of_the_declared_types() -> None:
    closed = []

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            yield from ((str(n), n) for n in range(25))
        finally:
            closed.append(True)

    reader = record_batches(TABLE, ScanRequest(("w", "n")), rows(), batch_rows=10)
    assert reader.schema.names == ["w", "n"]
    assert reader.schema.types == [pa.string(), pa.int32()]
    assert reader.read_next_batch().num_rows == 10
    assert closed == []
    assert [b.num_rows for b in reader] == [10, 5]
    assert closed == [True]
    nothing = record_batches(TABLE, ScanRequest(("n",)), iter(()))
    assert nothing.read_all().num_rows == 0


def test_rows_that_are_left_are_closed() -> None:
    closed = []

    def rows() -> Iterator[tuple[Any, ...]]:
        try:
            while True:
                yield (1,)
        finally:
            closed.append(True)

    reader = record_batches(TABLE, ScanRequest(("n",)), rows(), batch_rows=10)
    assert reader.read_next_batch().num_rows == 10
    del reader
    assert closed == [True]


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (INT, "a"),
        (INT, 2**31),
        (INT, 1.5),
        (INT, True),
        (STRING, b"a"),
        (BINARY, "a"),
        (DATE, NOON),
        (DATE, 5),
        (TIMESTAMP, NOON),
        (TIMESTAMP_NTZ, NOON.replace(tzinfo=UTC)),
        (TIMESTAMP, 5),
        (DOUBLE, "1.5"),
        (decimal(5, 2), Decimal("1.239")),
    ],
)
def test_a_value_that_is_none_of_its_column_is_told(type_: DataType, value: Any) -> None:
    table = Table(TableName("d", "t"), (Column("n", type_),))
    reader = record_batches(table, ScanRequest(("n",)), [(None,), (value,)])
    with pytest.raises(SourceError, match=r"table d\.t: a value of 'n' does not fit "):
        reader.read_all()
