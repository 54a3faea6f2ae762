"""Iceberg tables through generated histories of their schema, read in the schema they end with.

The right answer is kept beside the table: a column is itself, whatever it is called by then.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import rows
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    StructType,
)
from tests.iceberg import file_catalog

from headwater.tables.relation import IcebergRelation
from headwater.tables.table import TableName
from headwater_aws.lakes.iceberg import parse_metadata

TYPES: dict[str, tuple[Any, Callable[[int], Any], pa.DataType]] = {
    "string": (StringType(), lambda n: f"v{n}", pa.string()),
    "int": (IntegerType(), lambda n: n, pa.int32()),
    "long": (LongType(), lambda n: n * 2**33, pa.int64()),
    "float": (FloatType(), lambda n: n + 0.5, pa.float32()),
    "double": (DoubleType(), lambda n: n + 0.25, pa.float64()),
    "dec": (DecimalType(9, 2), lambda n: Decimal(n) / 4, pa.decimal128(9, 2)),
    "bigdec": (DecimalType(20, 2), lambda n: Decimal(n) / 4, pa.decimal128(20, 2)),
    "struct": (
        StructType(
            NestedField(900, "x", StringType(), required=False),
            NestedField(901, "y", IntegerType(), required=False),
        ),
        lambda n: {"x": f"x{n}", "y": n},
        pa.struct([pa.field("x", pa.string()), pa.field("y", pa.int32())]),
    ),
}
PROMOTED = {"int": "long", "float": "double", "dec": "bigdec"}


@dataclass
class Own:
    """A column as itself: what it is called now, its type now, and its values by row."""

    name: str
    type: str
    values: dict[int, Any] = field(default_factory=dict)


class History:
    """A table that changes, and what it should give."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.catalog = file_catalog(folder, f"file://{folder}")
        self.names = 0
        self.row = 0
        self.keys: set[str] = set()
        self.key = ""
        self.columns = [
            Own("id", "int"),
            Own("a", "string"),
            Own("b", "string"),
            Own("s", "struct"),
        ]
        schema = pa.schema([(c.name, TYPES[c.type][2]) for c in self.columns])
        self.catalog.create_table("db.t", schema=schema)

    @property
    def table(self) -> Any:
        return self.catalog.load_table("db.t")

    def change(self) -> None:
        own = self.columns[1:]
        pick = self.random.choice
        free = [c for c in own if c.name not in self.keys]
        match pick(["add", "rename", "drop", "move", "promote", "again", "swap"]):
            case "add":
                self.names += 1
                self._add(Own(f"c{self.names}", pick(sorted(TYPES))))
            case "rename" if free:
                self.names += 1
                self._rename(pick(free), f"r{self.names}")
            case "drop" if len(free) > 1:
                self._drop(pick(free))
            case "move" if own:
                one = pick(own)
                self._step(lambda u: u.move_after(one.name, "id"))
                self.columns.remove(one)
                self.columns.insert(1, one)
            case "promote":
                if can := [c for c in free if c.type in PROMOTED]:
                    one = pick(can)
                    one.type = PROMOTED[one.type]
                    self._step(lambda u: u.update_column(one.name, TYPES[one.type][0]))
            case "again" if len(free) > 1:
                one = pick(free)
                self._drop(one)
                self._add(Own(one.name, one.type))
            case "swap" if len(free) > 1:
                one, two = self.random.sample(free, 2)
                first, second = one.name, two.name
                self._rename(one, "between")
                self._rename(two, first)
                self._rename(one, second)

    def _step(self, change: Callable[[Any], object]) -> None:
        with self.table.update_schema(allow_incompatible_changes=True) as update:
            change(update)

    def _add(self, column: Own) -> None:
        self._step(lambda u: u.add_column(column.name, TYPES[column.type][0]))
        self.columns.append(column)

    def _drop(self, column: Own) -> None:
        self._step(lambda u: u.delete_column(column.name))
        self.columns.remove(column)

    def _rename(self, column: Own, name: str) -> None:
        self._step(lambda u: u.rename_column(column.name, name))
        column.name = name

    def append(self) -> None:
        numbers = [self.row, self.row + 1]
        self.row += 2
        for column in self.columns:
            make = TYPES[column.type][1]
            for n in numbers:
                column.values[n] = n if column.name == "id" else make(n)
        arrays = [pa.array([c.values[n] for n in numbers], TYPES[c.type][2]) for c in self.columns]
        self.table.append(pa.table(arrays, names=[c.name for c in self.columns]))

    def partition(self) -> None:
        with self.table.update_spec() as update:
            if self.keys:
                update.remove_field(self.key)
                self.keys.clear()
                return
            chosen = [c for c in self.columns[1:] if c.type in ("string", "int", "long")]
            if chosen:
                one = self.random.choice(chosen)
                self.names += 1
                self.key = f"key{self.names}"
                update.add_field(one.name, IdentityTransform(), self.key)
                self.keys.add(one.name)

    def expected(self) -> list[dict[str, Any]]:
        return [{c.name: c.values.get(n) for c in self.columns} for n in range(self.row)]

    def relation(self) -> IcebergRelation:
        place = self.table.metadata_location
        told = json.loads(Path(place.removeprefix("file://")).read_text())
        state = parse_metadata(told)
        return IcebergRelation(TableName("db", "t"), state.columns, place, state.snapshot_id)


@pytest.mark.parametrize("seed", range(24))
def test_a_table_is_read_in_the_schema_that_it_ends_with(tmp_path: Path, seed: int) -> None:
    history = History(tmp_path, seed)
    try:
        history.append()
        for _ in range(3):
            for _ in range(history.random.randrange(3)):
                history.change()
            if history.random.random() < 0.4:
                history.partition()
            if history.random.random() < 0.5:
                history.append()
        # The last word is the schema's.
        history.change()
        relation = history.relation()
        assert [c.name for c in relation.columns] == [c.name for c in history.columns]
        found = rows("SELECT * FROM t ORDER BY id", t=relation)
        assert found == history.expected()
        one = history.random.choice(history.columns).name
        if one != "id":
            assert rows(f"SELECT `{one}`, id FROM t ORDER BY id", t=relation) == [
                {one: r[one], "id": r["id"]} for r in history.expected()
            ]
    finally:
        history.catalog.close()
