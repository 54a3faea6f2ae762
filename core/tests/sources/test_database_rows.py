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
from headwater.sources.database_rows import (
    Select,
    arrow_batches,
    quoted,
    record_batches,
    select,
)
from headwater.tables.scan_request import Condition, ScanRequest
from headwater.tables.table import Column, Table, TableName, columns_of
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


LAYOUTS = pa.table(
    {
        "word": pa.array(["a", None]).dictionary_encode(),
        "long": pa.array(["b", None], pa.large_string()),
        "few": pa.array([7, None], pa.uint8()),
        "many": pa.array([2**64 - 1, None], pa.uint64()),
        "at": pa.array([1, None], pa.timestamp("s", "Europe/Berlin")),
        "list": pa.array([[1], None], pa.list_(pa.uint8())),
    }
)


def given(rows: pa.Table, names: tuple[str, ...], table: Table) -> pa.Table:
    return arrow_batches(table, ScanRequest(names), rows.to_batches()).read_all()


def test_arrow_of_another_layout_comes_in_the_declared_one() -> None:
    table = Table(TableName("d", "t"), columns_of(LAYOUTS.schema))
    assert all(c.type.is_known for c in table.columns)
    names = tuple(reversed(LAYOUTS.column_names))
    spelled = LAYOUTS.rename_columns([n.upper() for n in LAYOUTS.column_names])
    found = given(spelled, names, table)
    assert found.schema.names == list(names)
    assert found.to_pylist()[0] == {
        "word": "a",
        "long": "b",
        "few": 7,
        "many": 2**64 - 1,
        "at": datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        "list": [1],
    }
    assert set(found.to_pylist()[1].values()) == {None}
    assert str(found.schema.field("few").type) == "int16"
    assert str(found.schema.field("at").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize(
    ("values", "declared"),
    [
        (pa.array([1.5]), INT),
        (pa.array([1.5]), decimal(3, 1)),
        (pa.array(["1"]), INT),
        (pa.array([1], pa.timestamp("us")), TIMESTAMP),
        (pa.array([datetime(2026, 1, 1, tzinfo=UTC)]), TIMESTAMP_NTZ),
        (pa.array([1], pa.timestamp("ns")), TIMESTAMP_NTZ),
        (pa.array([1], pa.time64("us")), STRING),
        (pa.array([Decimal("1.25")]), decimal(3, 1)),
    ],
)
def test_arrow_that_does_not_fit_is_refused(values: pa.Array[Any], declared: DataType) -> None:
    table = Table(TableName("d", "t"), (Column("n", declared),))
    with pytest.raises(SourceError, match=r"table d\.t: .*'n'"):
        given(pa.table({"n": values}), ("n",), table)


def test_arrow_without_a_column_that_was_asked_for_is_refused() -> None:
    table = Table(TableName("d", "t"), (Column("n", INT),))
    with pytest.raises(SourceError, match="there is no column 'n' in what came, but 'm'"):
        given(pa.table({"m": pa.array([1], pa.int32())}), ("n",), table)


def test_arrow_of_a_generator_ends_with_its_reader() -> None:
    ended = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for _ in range(3):
                yield pa.record_batch({"n": pa.array([1], pa.int32())})
        finally:
            ended.append(True)

    table = Table(TableName("d", "t"), (Column("n", INT),))
    reader = arrow_batches(table, ScanRequest(("n",)), batches())
    assert reader.read_next_batch().num_rows == 1
    del reader
    assert ended


def test_a_name_is_quoted_as_a_whole() -> None:
    assert quoted('odd "name"') == '"odd ""name"""'
    assert quoted("a`b", "`") == "`a``b`"
