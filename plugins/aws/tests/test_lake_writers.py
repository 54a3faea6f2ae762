"""Tables as delta-rs and PyIceberg write them, all their types, read to the writers' own values."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import rows
from deltalake import DeltaTable, write_deltalake
from pyiceberg import types as iceberg
from pyiceberg.schema import Schema
from tests.iceberg import file_catalog

from headwater.errors import HeadwaterError
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import TableName
from headwater.untrusted.texts import json_value
from headwater_aws.lakes.iceberg import parse_metadata
from headwater_aws.lakes.spark_schema import schema_columns

NAME = TableName("db", "t")
UTC = dt.UTC
MOMENT = dt.datetime(2026, 1, 1, 0, 0, 0, 1)  # noqa: DTZ001
EARLY = dt.datetime(1969, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001
HELD: dict[str, tuple[pa.Array, list[Any]]] = {
    "i8": (pa.array([-1, None], pa.int8()), [-1, None]),
    "i16": (pa.array([2, None], pa.int16()), [2, None]),
    "i32": (pa.array([3, None], pa.int32()), [3, None]),
    "i64": (pa.array([2**62, None], pa.int64()), [2**62, None]),
    "f32": (pa.array([0.5, None], pa.float32()), [0.5, None]),
    "f64": (pa.array([0.1, -0.0]), [0.1, -0.0]),
    "dec": (pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)), [Decimal("1.50"), None]),
    "wide": (pa.array([Decimal("1.5"), None], pa.decimal128(38, 18)), [Decimal("1.5"), None]),
    "text": (pa.array(["\u00e9", None]), ["\u00e9", None]),
    "b": (pa.array([True, None]), [True, None]),
    "day": (pa.array([dt.date(1500, 1, 1), None]), [dt.date(1500, 1, 1), None]),
    "at": (
        pa.array([MOMENT, EARLY], pa.timestamp("us", "UTC")),
        [m.replace(tzinfo=UTC) for m in (MOMENT, EARLY)],
    ),
    "ntz": (pa.array([MOMENT, EARLY], pa.timestamp("us")), [MOMENT, EARLY]),
    "bytes": (pa.array([b"\xff", None]), [b"\xff", None]),
    "list": (pa.array([[1, None], None], pa.list_(pa.int64())), [[1, None], None]),
    "st": (pa.array([{"x": 1, "Y": "z"}, None]), [{"x": 1, "Y": "z"}, None]),
    "m": (
        pa.array([[("k", 1.5)], None], pa.map_(pa.string(), pa.float64())),
        [[("k", 1.5)], None],
    ),
    "deep": (
        pa.array([[{"m": [("k", [1])]}], None],
                 pa.list_(pa.struct([("m", pa.map_(pa.string(), pa.list_(pa.int64())))]))),
        [[{"m": [("k", [1])]}], None],
    ),
}  # fmt: skip


def by_delta_rs(folder: Path) -> Relation:
    place = str(folder / "t")
    write_deltalake(place, pa.table({n: array for n, (array, _) in HELD.items()}))
    columns = schema_columns(json_value(DeltaTable(place).schema().to_json()))
    return DeltaRelation(NAME, columns, place, 0)


def by_pyiceberg(folder: Path) -> Relation:
    catalog = file_catalog(folder, f"file://{folder}/wh")
    data = pa.table({n: array for n, (array, _) in HELD.items() if n not in ("i8", "i16")})
    made = catalog.create_table("db.t", schema=data.schema)
    made.append(data)
    return relation_of(made)


def relation_of(made: Any) -> IcebergRelation:
    snapshot = made.current_snapshot()
    assert snapshot is not None
    told = json_value(Path(made.metadata_location.removeprefix("file://")).read_bytes())
    return IcebergRelation(
        NAME, parse_metadata(told).columns, made.metadata_location, snapshot.snapshot_id
    )


@pytest.mark.parametrize("writer", [by_delta_rs, by_pyiceberg])
def test_every_column_is_the_writers_own(tmp_path: Path, writer: Any) -> None:
    relation = writer(tmp_path)
    found = rows("SELECT * FROM t", t=relation)
    expected = {n: values for n, (_, values) in HELD.items() if n in found[0]}
    assert len(expected) >= len(HELD) - 2
    if writer is by_pyiceberg:  # version 0.12 writes a list of structs that is NULL as an empty one
        expected["deep"] = [expected["deep"][0], []]
    assert {n: [row[n] for row in found] for n in found[0]} == expected


ICEBERGS_OWN: dict[str, tuple[iceberg.IcebergType, Any]] = {
    "clock": (iceberg.TimeType(), dt.time(1, 2, 3)),
    "fixed": (iceberg.FixedType(2), b"ab"),
    "uuid": (iceberg.UUIDType(), uuid.UUID(int=7).bytes),
    "text": (iceberg.StringType(), "a"),
}
"""Types that Arrow's tables have no word for, and what is written of each."""


def test_icebergs_own_types_are_read_or_refused_and_stop_no_other_column(tmp_path: Path) -> None:
    catalog = file_catalog(tmp_path, f"file://{tmp_path}/wh")
    fields = [
        iceberg.NestedField(number, name, type_, required=False)
        for number, (name, (type_, _)) in enumerate(ICEBERGS_OWN.items(), 1)
    ]
    made = catalog.create_table("db.t", schema=Schema(*fields))
    schema = made.schema().as_arrow()
    arrays = [pa.array([ICEBERGS_OWN[f.name][1]], getattr(f.type, "storage_type", f.type))
              for f in schema]  # fmt: skip
    made.append(pa.table(arrays, names=schema.names).cast(schema))
    relation = relation_of(made)
    assert rows("SELECT count(*) AS n FROM t", t=relation) == [{"n": 1}]
    assert rows("SELECT text, fixed FROM t", t=relation) == [{"text": "a", "fixed": b"ab"}]
    assert rows("SELECT uuid FROM t", t=relation) == [{"uuid": str(uuid.UUID(int=7))}]
    with pytest.raises(HeadwaterError, match="clock"):
        rows("SELECT clock FROM t", t=relation)
