"""Rows in exactly the types that a table declares: nothing is cast with loss, on any engine."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

import headwater as hw
from headwater import types as t
from headwater.auth.credentials import Access
from headwater.engines import declared_types
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import DataError, SourceError
from headwater.interfaces.mapping import BoundMapping
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import MemoryRelation, Relation, StreamRelation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Column, TableName
from headwater.types import DataType
from headwater.types.arrow import arrow_type

NAME = TableName("db", "t")
DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
VARCHAR = DataType("varchar", precision=3)


def read(type_: DataType, array: Any, *, name: str = "x", given: str = "x") -> list[Any]:
    """Return a column's values as they come out of memory, and see that a stream does the same."""
    columns, rows = (Column(name, type_),), pa.table({given: array})
    held = declared_types.table(MemoryRelation(NAME, columns, rows)).table
    streamed = declared_types.reader(
        StreamRelation(NAME, columns, lambda names: rows.to_reader()), ScanRequest((name,))
    )
    assert streamed.read_all().equals(held)
    assert held.schema.types == [arrow_type(type_)]
    return held.column(name).to_pylist()


FITTING: list[tuple[DataType, pa.Array, list[Any]]] = [
    (t.BIGINT, pa.array([1, None], pa.int8()), [1, None]),
    (t.SMALLINT, pa.array([255], pa.uint8()), [255]),
    (t.DOUBLE, pa.array([0.5], pa.float32()), [0.5]),
    (t.FLOAT, pa.array([0.5], pa.float16()), [0.5]),
    (t.decimal(10, 2), pa.array([Decimal("1.2")], pa.decimal128(5, 1)), [Decimal("1.20")]),
    (t.decimal(10, 0), pa.array([7], pa.int32()), [Decimal(7)]),
    (t.STRING, pa.array(["a"], pa.large_string()), ["a"]),
    (t.STRING, pa.array(["a", "a"]).dictionary_encode(), ["a", "a"]),
    (t.STRING, pa.nulls(1), [None]),
    (VARCHAR, pa.array(["äöü", None]), ["äöü", None]),
    (t.BINARY, pa.array([b"ab"], pa.binary(2)), [b"ab"]),
    (t.DATE, pa.array([DAY.date()], pa.date64()), [DAY.date()]),
    (t.TIMESTAMP, pa.array([DAY], pa.timestamp("s", "Europe/Paris")), [DAY]),
    (t.TIMESTAMP, pa.array([DAY], pa.timestamp("ns", "UTC")), [DAY]),
    (t.array(t.BIGINT), pa.array([[1], None], pa.list_(pa.int32(), 1)), [[1], None]),
    (
        t.struct(("a", t.BIGINT), ("b", t.STRING)),
        pa.array([{"a": 1, "b": None}, None], pa.struct([("a", pa.int8()), ("b", pa.string())])),
        [{"a": 1, "b": None}, None],
    ),
    (
        t.map_of(t.STRING, t.DOUBLE),
        pa.array([[("k", 0.5)]], pa.map_(pa.large_string(), pa.float32())),
        [[("k", 0.5)]],
    ),
]


def of_batches(columns: tuple[Column, ...], *batches: pa.RecordBatch) -> pa.Table:
    """Return what comes of batches of which a stream only says that they are like the first."""
    given = pa.RecordBatchReader.from_batches(batches[0].schema, iter(batches))
    relation = StreamRelation(NAME, columns, lambda names: given)
    return declared_types.reader(relation, ScanRequest(tuple(c.name for c in columns))).read_all()


def test_each_batch_is_taken_by_its_own_schema() -> None:
    first = pa.record_batch({"x": pa.array([1], pa.int32()), "y": pa.array([2], pa.int32())})
    x, y, z = (pa.array([v], pa.int32()) for v in (1, 20, 0))
    turned = pa.RecordBatch.from_arrays([z, y, x], names=["z", "y", "x"])
    rows = of_batches((Column("x", t.INT), Column("y", t.INT)), first, turned, first)
    assert rows.to_pylist() == [{"x": 1, "y": 2}, {"x": 1, "y": 20}, {"x": 1, "y": 2}]


@pytest.mark.parametrize("second", [{"x": [2.0]}, {"x": [True]}, {"y": [1]}])
def test_a_later_batch_is_held_to_what_is_declared(second: dict[str, list[Any]]) -> None:
    first = pa.record_batch({"x": pa.array([1], pa.int32())})
    with pytest.raises(SourceError) as caught:
        of_batches((Column("x", t.INT),), first, pa.record_batch(second))
    assert caught.value.code == "declared-type"


@pytest.mark.parametrize(("type_", "array", "values"), FITTING, ids=lambda v: str(v)[:30])
def test_a_type_takes_what_it_holds_whole(type_: DataType, array: pa.Array, values: Any) -> None:
    assert read(type_, array) == values


REFUSED: list[tuple[DataType, pa.Array]] = [
    (t.INT, pa.array([1.0])),
    (t.INT, pa.array([1], pa.int64())),
    (t.BIGINT, pa.array([1], pa.uint64())),
    (t.TINYINT, pa.array([True])),
    (t.BOOLEAN, pa.array([0, 1])),
    (t.FLOAT, pa.array([1.0])),
    (t.DOUBLE, pa.array([1], pa.int32())),
    (t.DOUBLE, pa.array([Decimal("1.5")])),
    (t.decimal(10, 2), pa.array([Decimal("1.234")])),
    (t.decimal(3, 2), pa.array([Decimal("10.25")])),
    (t.decimal(10, 2), pa.array([1.5])),
    (t.STRING, pa.array([b"a"])),
    (t.STRING, pa.array([1])),
    (t.BINARY, pa.array(["a"])),
    (t.DATE, pa.array([DAY], pa.timestamp("us", "UTC"))),
    (t.DATE, pa.array(["2026-01-01"])),
    (t.TIMESTAMP, pa.array([DAY.replace(tzinfo=None)], pa.timestamp("us"))),
    (t.TIMESTAMP, pa.array([DAY.date()])),
    (t.TIMESTAMP, pa.array([1])),
    (t.TIMESTAMP_NTZ, pa.array([DAY], pa.timestamp("us", "UTC"))),
    (t.array(t.INT), pa.array([[1.5]])),
    (t.array(t.INT), pa.array([1])),
    (t.map_of(t.STRING, t.INT), pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64()))),
    (t.map_of(t.STRING, t.INT), pa.array([{"k": 1}])),
    (t.struct(("a", t.INT)), pa.array([{"A": 1}], pa.struct([("A", pa.int32())]))),
    (t.struct(("a", t.INT), ("b", t.INT)), pa.array([{"a": 1}], pa.struct([("a", pa.int32())]))),
]


@pytest.mark.parametrize(("type_", "array"), REFUSED, ids=lambda v: str(v)[:30])
@pytest.mark.parametrize("empty", [False, True])
def test_a_type_that_may_lose_something_is_refused(
    type_: DataType, array: pa.Array, empty: bool
) -> None:
    with pytest.raises(SourceError, match=r"db\.t: column 'x'") as caught:
        read(type_, array.slice(0, 0) if empty else array)
    assert caught.value.code == "declared-type"
    assert str(type_) in str(caught.value)
    assert str(array.type) in str(caught.value)


WRONG_VALUES: list[tuple[DataType, pa.Array, str]] = [
    (t.TIMESTAMP, pa.array([1], pa.timestamp("ns", "UTC")), "no whole microsecond"),
    (t.TIMESTAMP_NTZ, pa.array([2**62], pa.timestamp("s")), "out of bounds|overflow|multiply"),
    (t.DATE, pa.array([1], pa.date64()), "lose data"),
    (VARCHAR, pa.array(["abc", "äöüx"]), "a text of 4 characters"),
    (DataType("char", precision=1), pa.array(["ab"]), "a text of 2 characters"),
    (t.array(VARCHAR), pa.array([["abcde"]]), "a text of 5 characters"),
    (t.struct(("a", VARCHAR)), pa.array([{"a": "abcde"}]), "a text of 5 characters"),
    (
        t.map_of(t.STRING, VARCHAR),
        pa.array([[("key", "abcde")]], pa.map_(pa.string(), pa.string())),
        "a text of 5 characters",
    ),
    (
        t.STRING,
        pa.Array.from_buffers(
            pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
        ),
        "UTF8",
    ),
]


@pytest.mark.parametrize(("type_", "array", "told"), WRONG_VALUES, ids=lambda v: str(v)[:30])
def test_a_value_that_does_not_fit_is_refused(type_: DataType, array: pa.Array, told: str) -> None:
    with pytest.raises(DataError, match=rf"(?s)db\.t\W.*column 'x'.*({told})") as caught:
        read(type_, array)
    assert caught.value.code == ("nanoseconds" if "no whole" in told else "declared-type")


def test_a_name_may_be_spelled_otherwise_where_it_is_one() -> None:
    assert read(t.INT, pa.array([1], pa.int32()), name="Amount", given="AMOUNT") == [1]


@pytest.mark.parametrize("names", [["y"], ["x", "x"], ["X", "X"]])
def test_a_column_that_is_not_there_once_is_told(names: list[str]) -> None:
    rows = pa.table([pa.array(["a"])] * len(names), names=names)
    with pytest.raises(SourceError, match=r"db\.t: its rows have .* column.* 'x'"):
        declared_types.table(MemoryRelation(NAME, (Column("x", t.STRING),), rows))


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * EXCEPT (g) FROM t", [{"k": 1}, {"k": 2}]),
        ("SELECT k AS g FROM t ORDER BY g", [{"g": 1}, {"g": 2}]),
        ("SELECT count(*) AS n FROM t", [{"n": 2}]),
        ("SELECT 1 AS one FROM t", [{"one": 1}, {"one": 1}]),
    ],
)
def test_a_column_that_can_not_be_read_is_in_nobodys_way(
    sql: str, expected: list[dict[str, int]], streamed: bool, first: bool
) -> None:
    columns = [Column("k", t.BIGINT)]
    columns.insert(0 if first else 1, Column("g", t.unreadable("time64[us]", "no type holds it")))
    rows = pa.table({"k": [1, 2], "g": pa.array([1, 2], pa.time64("us"))})
    relation: Relation = (
        StreamRelation(NAME, tuple(columns), lambda names: rows.select(list(names)).to_reader())
        if streamed
        else MemoryRelation(NAME, tuple(columns), rows)
    )
    scan = Scan("t", NAME, relation, ScanEstimate(1, 1, 1, 1))
    plan = Plan("test", sql, sql, (scan,), BoundMapping(()), None, "embedded", "asked for")
    with EmbeddedEngine().read(plan, Access()) as stream:
        assert pa.Table.from_batches(list(stream), stream.schema).to_pylist() == expected


ODD_COLUMNS = {
    "void": pa.nulls(1),
    "struct without fields": pa.array([{}], pa.struct([])),
    "struct with a field twice": pa.StructArray.from_arrays([pa.array([1])] * 2, names=["a", "a"]),
    "duration": pa.array([1], pa.duration("us")),
    "nanoseconds": pa.array([1], pa.timestamp("ns")),
    "polars' Int128": pa.ExtensionArray.from_storage(
        pa.opaque(pa.binary(), "Int128", "polars"), pa.array([b"1"])
    ),
}


@pytest.mark.parametrize("name", ODD_COLUMNS)
@pytest.mark.parametrize(
    ("query", "first"),
    [("SELECT id FROM t", "id"), ("SELECT count(*) AS id FROM t", "odd"),
     ("SELECT id FROM (SELECT * EXCEPT (odd) FROM t)", "id")],
)  # fmt: skip
def test_a_column_that_nobody_uses_stops_nothing(name: str, query: str, first: str) -> None:
    columns = {"id": pa.array([1]), "odd": ODD_COLUMNS[name]}
    rows = pa.table({n: columns[n] for n in sorted(columns, key=lambda n: n != first)})
    source = hw.MemoryDataSource(tables={"t": rows})
    data = hw.Workspace(engine="embedded").sql(query, source)
    assert data.to_arrow().to_pylist() == [{"id": 1}]
