"""Avro on the embedded engine; `tests/spark/test_avro.py` compares its rows with Spark's."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import pytest
from core.tests.engines.embedded.support import columns, file, plan, rows

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import EngineError, UnsupportedError
from headwater.tables.relation import FileRelation
from headwater.tables.table import TableName

NAME = TableName("db", "t")
MOMENT = dt.datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=dt.UTC)


def record(**fields: Any) -> dict[str, Any]:
    """Return the schema of a record; a field that is a dict with `type` is taken as it is."""
    named = [f if _is_field(f) else {"type": f} for f in fields.values()]
    return {
        "type": "record",
        "name": "row",
        "fields": [{"name": n, **f} for n, f in zip(fields, named, strict=True)],
    }


def _is_field(found: Any) -> bool:
    return isinstance(found, dict) and "default" in found


def avro(
    path: Path, schema: dict[str, Any], values: list[dict[str, Any]], codec: str = "null"
) -> Path:
    with path.open("wb") as sink:
        fastavro.writer(sink, schema, values, codec=codec)
    return path


def relation(*paths: Path, schema: dict[str, Any] | None = None, **types: str) -> FileRelation:
    options = {} if schema is None else {"avroSchema": json.dumps(schema)}
    listed = tuple(file(p) for p in paths)
    return FileRelation(NAME, columns(**types), format="avro", options=options, files=listed)


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"])
def test_columns_are_read_by_name_in_any_codec(tmp_path: Path, codec: str) -> None:
    schema = record(Id=["null", "string"], n="int", extra="bytes")
    values: list[dict[str, Any]] = [
        {"Id": "a", "n": 1, "extra": b"x"},
        {"Id": None, "n": 2, "extra": b""},
    ]
    table = relation(
        avro(tmp_path / "a.avro", schema, values, codec), n="int", id="string", gone="double"
    )
    assert rows("SELECT * FROM t ORDER BY n", t=table) == [
        {"n": 1, "id": "a", "gone": None},
        {"n": 2, "id": None, "gone": None},
    ]


def test_logical_and_nested_types(tmp_path: Path) -> None:
    last = {"type": "record", "name": "last", "fields": [{"name": "V", "type": "float"}]}
    schema = record(
        d={"type": "int", "logicalType": "date"},
        ms={"type": "long", "logicalType": "timestamp-millis"},
        us={"type": "long", "logicalType": "timestamp-micros"},
        wall={"type": "long", "logicalType": "local-timestamp-micros"},
        money={"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2},
        kind={"type": "enum", "name": "kinds", "symbols": ["X", "Y"]},
        s={
            "type": "record",
            "name": "inner",
            "fields": [
                {"name": "Tags", "type": {"type": "array", "items": ["null", "string"]}},
                {"name": "L", "type": {"type": "array", "items": last}},
            ],
        },
    )
    value: dict[str, Any] = {
        "d": MOMENT.date(),
        "ms": MOMENT,
        "us": MOMENT,
        "wall": MOMENT.replace(tzinfo=None),
        "money": Decimal("-1.25"),
        "kind": "Y",
        "s": {"Tags": ["a", None], "L": [{"V": 0.5}]},
    }
    table = relation(
        avro(tmp_path / "a.avro", schema, [value]),
        d="date",
        ms="timestamp",
        us="timestamp",
        wall="timestamp_ntz",
        money="decimal(10,2)",
        kind="char(2)",
        s="struct<tags:array<string>,l:array<struct<v:float>>>",
    )
    assert rows("SELECT * FROM t", t=table) == [
        {
            **value,
            "ms": MOMENT.replace(microsecond=456000),
            "kind": "Y ",
            "s": {"tags": ["a", None], "l": [{"v": 0.5}]},
        }
    ]


@pytest.mark.parametrize(
    ("held", "declared", "says"),
    [
        ("long", "int", "the file holds bigint, the table declares int"),
        ("long", "timestamp", "the file holds bigint"),
        (["null", "int", "string"], "string", "union of several types"),
        ({"type": "string", "logicalType": "uuid"}, "string", r"string \(uuid\)"),
        ({"type": "map", "values": "int"}, "map<string,int>", "order of its entries"),
        ({"type": "long", "logicalType": "time-micros"}, "bigint", r"long \(time-micros\)"),
    ],
)
def test_a_column_of_another_type_is_an_error(
    tmp_path: Path, held: Any, declared: str, says: str
) -> None:
    path = avro(tmp_path / "a.avro", record(c=held), [])
    with pytest.raises(EngineError, match=says) as caught:
        rows("SELECT * FROM t", t=relation(path, c=declared))
    assert caught.value.code == "file-type-conflict"


def test_a_column_that_no_query_uses_may_be_of_another_type(tmp_path: Path) -> None:
    path = avro(tmp_path / "a.avro", record(c="long", n="int"), [{"c": 1, "n": 2}])
    assert rows("SELECT n FROM t", t=relation(path, c="string", n="int")) == [{"n": 2}]


def test_a_schema_of_the_table_widens_and_fills(tmp_path: Path) -> None:
    path = avro(tmp_path / "a.avro", record(n="int", f="float", gone="string"), [
        {"n": 1, "f": 0.5, "gone": "x"}
    ])  # fmt: skip
    wanted = record(
        f="double",
        n=["null", "long"],
        new={"type": ["null", "string"], "default": None},
        count={"type": "long", "default": 7},
    )
    table = relation(path, schema=wanted, n="bigint", f="double", new="string", count="bigint")
    assert rows("SELECT * FROM t", t=table) == [{"n": 1, "f": 0.5, "new": None, "count": 7}]


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"type": "string", "default": ""}, "is string where the file has int"),
        ({"type": "float", "default": 0.0}, "is float where the file has int"),
    ],
)
def test_a_resolution_that_readers_differ_in_is_refused(
    tmp_path: Path, field: dict[str, Any], says: str
) -> None:
    path = avro(tmp_path / "a.avro", record(n="int"), [{"n": 1}])
    with pytest.raises(UnsupportedError, match=says):
        rows("SELECT * FROM t", t=relation(path, schema=record(n=field), n=field["type"]))


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"type": "bytes", "default": "\u00ff"}, "has the default 'ÿ' for its type binary"),
        ("long", "is not in the file, and has no default"),
    ],
)
def test_a_default_that_is_not_plain_is_refused(tmp_path: Path, field: Any, says: str) -> None:
    path = avro(tmp_path / "a.avro", record(n="int"), [{"n": 1}])
    with pytest.raises(UnsupportedError, match=says):
        rows("SELECT * FROM t", t=relation(path, schema=record(n="int", new=field), n="int"))


def test_old_dates_of_another_calendar_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    schema = record(d={"type": "int", "logicalType": "date"})
    with path.open("wb") as sink:
        metadata = {"org.apache.spark.legacyDateTime": ""}
        fastavro.writer(sink, schema, [{"d": 0}], metadata=metadata)
    with pytest.raises(UnsupportedError, match="Julian calendar"):
        rows("SELECT * FROM t", t=relation(path, d="date"))


def test_what_is_no_avro_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.avro"
    path.write_bytes(b"PAR1")
    with pytest.raises(EngineError, match=r"a\.avro of table db\.t can't be read as Avro"):
        rows("SELECT * FROM t", t=relation(path, n="int"))


@pytest.mark.parametrize(
    "content",
    [b"Obj\x01\x02" + b"\xff" * 9 + b"\x01", b"Obj\x01\x04\x14avro.codec\x0e\x00\x00"],
)
def test_lengths_that_lie_are_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.avro"
    path.write_bytes(content)
    with pytest.raises(EngineError, match=r"a\.avro of table db\.t can't be read as Avro"):
        rows("SELECT * FROM t", t=relation(path, n="int"))


def test_a_schema_whose_named_types_multiply_is_refused(tmp_path: Path) -> None:
    inner: dict[str, Any] = {
        "type": "record",
        "name": "r0",
        "fields": [{"name": "a", "type": "int"}],
    }
    for i in range(1, 40):
        fields = [{"name": "a", "type": inner}, {"name": "b", "type": f"r{i - 1}"}]
        inner = {"type": "record", "name": f"r{i}", "fields": fields}
    path = avro(tmp_path / "a.avro", record(n="int"), [{"n": 1}])
    with pytest.raises(UnsupportedError, match="more than 50,000 types"):
        rows("SELECT * FROM t", t=relation(path, schema=inner, n="int"))


def test_a_broken_block_is_an_error(tmp_path: Path) -> None:
    path = avro(tmp_path / "a.avro", record(s="string"), [{"s": "x" * 100}] * 100, "deflate")
    body = bytearray(path.read_bytes())
    body[-30] ^= 0xFF
    path.write_bytes(body)
    with pytest.raises(EngineError, match=r"reading table db\.t failed"):
        rows("SELECT * FROM t", t=relation(path, s="string"))


def test_a_schema_that_is_to_be_fetched_is_refused(tmp_path: Path) -> None:
    path = avro(tmp_path / "a.avro", record(n="int"), [])
    table = FileRelation(
        NAME,
        columns(n="int"),
        format="avro",
        options={"avroSchemaUrl": "s3://b/s.avsc"},
        files=(file(path),),
    )
    with pytest.raises(UnsupportedError, match="avroschemaurl"):
        rows("SELECT * FROM t", t=table)


def test_a_column_that_files_have_lost_is_told(tmp_path: Path) -> None:
    path = avro(tmp_path / "a.avro", record(scores="int"), [{"scores": 1}])
    table = relation(path, score="int")
    with EmbeddedEngine().read(plan("SELECT score FROM t", t=table), Access()) as found:
        stream: Any = found
        (note,) = stream.notes
        assert [batch.to_pylist() for batch in stream] == [[{"score": None}]]
    assert note.code == "missing-column"
    assert "did you mean 'scores'?" in str(note.hint)
