"""Avro: what the embedded engine reads is what Spark's own reader reads."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from core.tests.engines.spark.plans import columns, files, table

from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError

pytestmark = [pytest.mark.slow, pytest.mark.spark]

SQL = "SELECT * FROM `hw`.`t0` AS t"
MOMENT = dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=dt.UTC)
OLD = dt.datetime(1400, 2, 28, 23, 59, 59, 999999, tzinfo=dt.UTC)


def logical(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": name, **more}


HELD: dict[str, tuple[Any, list[Any]]] = {
    "boolean": ("boolean", [True, False]),
    "int": ("int", [1, -(2**31)]),
    "long": ("long", [1, 2**63 - 1]),
    "float": ("float", [0.5, float("nan"), -0.0, 3.4e38]),
    "double": ("double", [0.1, float("-inf"), -0.0]),
    "string": ("string", ["a", "", "\u00e9\U0001f600"]),
    "bytes": ("bytes", [b"", b"\x00\xff"]),
    "fixed": ({"type": "fixed", "name": "two", "size": 2}, [b"ab"]),
    "enum": ({"type": "enum", "name": "kinds", "symbols": ["X", "Y"]}, ["X", "Y"]),
    "date": (logical("int", "date"), [MOMENT.date(), OLD.date(), dt.date(1, 1, 1)]),
    "timestamp-millis": (logical("long", "timestamp-millis"), [MOMENT, OLD]),
    "timestamp-micros": (logical("long", "timestamp-micros"), [MOMENT, OLD]),
    "local-timestamp-millis": (
        logical("long", "local-timestamp-millis"),
        [MOMENT.replace(tzinfo=None)],
    ),
    "local-timestamp-micros": (
        logical("long", "local-timestamp-micros"),
        [MOMENT.replace(tzinfo=None), OLD.replace(tzinfo=None)],
    ),
    "timestamp-nanos": (logical("long", "timestamp-nanos"), [1_700_000_000_000_000_123]),
    "time-millis": (logical("int", "time-millis"), [dt.time(1, 2, 3)]),
    "uuid": (logical("string", "uuid"), ["C56A4180-65AA-42EC-A945-5FD21DEC0538"]),
    "decimal": (
        logical("bytes", "decimal", precision=10, scale=2),
        [Decimal("-1.25"), Decimal("99999999.99")],
    ),
    "fixed decimal": (
        {**logical("fixed", "decimal", precision=20, scale=5), "name": "money", "size": 9},
        [Decimal("-123456789012345.12345")],
    ),
    "array": ({"type": "array", "items": ["null", "int"]}, [[1, None], []]),
    "map": ({"type": "map", "values": "double"}, [{"k": 1.0, "": 2.0}, {}]),
    "record": (
        {
            "type": "record",
            "name": "inner",
            "fields": [{"name": "A", "type": "int"}, {"name": "b", "type": ["string", "null"]}],
        },
        [{"A": 1, "b": None}],
    ),
    "two types": (["int", "string"], [1, "a"]),
}
DECLARED = ["boolean", "tinyint", "int", "bigint", "float", "double", "decimal(10,2)",
            "decimal(20,5)", "string", "varchar(3)", "char(3)", "binary", "date", "timestamp",
            "timestamp_ntz", "array<int>", "map<string,double>", "struct<a:int,b:string>",
            "struct<A:int,b:string>"]  # fmt: skip


def write(path: Path, schema: Any, values: list[Any]) -> Path:
    """Write a file of one column, `c`, its last value NULL."""
    branches = schema if isinstance(schema, list) else [schema]
    fields = [{"name": "c", "type": ["null", *branches]}]
    row = {"type": "record", "name": "row", "fields": fields}
    # fastavro takes times of day and texts of UUIDs as they are.
    with path.open("wb") as sink:
        fastavro.writer(sink, row, [{"c": v} for v in [*values, None]], codec="deflate")
    return path


def answer(engine: Any, relation: Any) -> pa.Table | str:
    try:
        return table(engine, SQL, relation)
    except HeadwaterError as error:
        return error.message


@pytest.mark.parametrize("declared", DECLARED)
def test_what_is_read_is_what_spark_reads(
    spark_engine: SparkEngine, tmp_path: Path, declared: str
) -> None:
    read, wrong = 0, []
    for held, (schema, values) in HELD.items():
        relation = files(
            [write(tmp_path / f"{held}.avro", schema, values)], columns(c=declared), format="avro"
        )
        mine = answer(EmbeddedEngine(), relation)
        if isinstance(mine, str):
            assert "the file holds" in mine, mine
            continue
        read += 1
        theirs = answer(spark_engine, relation)
        same = not isinstance(theirs, str) and (
            theirs.schema.types == mine.schema.types
            and repr(theirs.to_pylist()) == repr(mine.to_pylist())
        )
        if not same:
            wrong.append(f"{held} as {declared}: {mine} but Spark {theirs}")
    assert not wrong
    assert read or declared in ("tinyint", "map<string,double>")


RESOLVED: dict[str, tuple[list[Any], list[Any], list[Any], dict[str, str]]] = {
    "wider": (
        [{"name": "n", "type": "int"}, {"name": "f", "type": "float"}],
        [{"n": 7, "f": 0.1}],
        [{"name": "f", "type": "double"}, {"name": "n", "type": ["null", "long"], "default": None}],
        {"n": "bigint", "f": "double"},
    ),
    "defaults": (
        [{"name": "n", "type": "int"}],
        [{"n": 1}],
        [
            {"name": "n", "type": "int"},
            {"name": "s", "type": "string", "default": "x"},
            {"name": "d", "type": "double", "default": 1},
            {"name": "o", "type": ["null", "long"], "default": None},
            {"name": "b", "type": "boolean", "default": True},
        ],
        {"n": "int", "s": "string", "d": "double", "o": "bigint", "b": "boolean"},
    ),
    "fewer": (
        [{"name": "a", "type": "string"}, {"name": "n", "type": "int"}],
        [{"a": "x", "n": 1}],
        [{"name": "n", "type": "int"}],
        {"n": "int", "a": "string"},
    ),
}


@pytest.mark.parametrize("name", RESOLVED)
def test_a_schema_of_the_table_is_resolved_as_spark_does(
    spark_engine: SparkEngine, tmp_path: Path, name: str
) -> None:
    own, values, wanted, types = RESOLVED[name]
    path = tmp_path / "a.avro"
    with path.open("wb") as sink:
        fastavro.writer(sink, {"type": "record", "name": "row", "fields": own}, values)
    schema = json.dumps({"type": "record", "name": "row", "fields": wanted})
    relation = files([path], columns(**types), format="avro", options={"avroSchema": schema})
    mine = table(EmbeddedEngine(), SQL, relation)
    assert repr(mine.to_pylist()) == repr(table(spark_engine, SQL, relation).to_pylist())
    assert mine.num_rows == 1
