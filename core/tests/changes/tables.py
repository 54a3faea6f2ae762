"""Tables that change: files in partitions, Delta, Iceberg; each changed as writers change them."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from pyiceberg.types import StringType
from tests.iceberg import file_catalog

import headwater as hw
from headwater.auth.credentials import Access
from headwater.interfaces.data_source import DataSource
from headwater.lakes.iceberg import column_id, current_schema
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import Catalog, Partition, Table, TableName
from headwater.types.text import parse_type

Row = dict[str, Any]
FAR = "far"
"""A part of a file's name, or an id: what is never changed, so that a table is never empty."""
_ARROW: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}


class Changing(Protocol):
    """A table that changes."""

    def rows(self) -> list[Row]:
        """Return all of its rows."""

    def land(self, rows: Sequence[Row], moment: datetime) -> None:
        """Append rows, in the partition of a moment."""

    def rewrite(self, change: Callable[[Row], None], seed: int) -> None:
        """Change some rows in place."""

    def compact(self, moment: datetime) -> None:
        """Write rows anew that lie together, in another order."""

    def delete(self, seed: int, whole: bool) -> None:
        """Delete some rows, or all that lie together with them."""

    def widen(self) -> None:
        """Add a column that no query names."""


class Files:
    """Parquet files in a folder for each day."""

    def __init__(self, folder: Path, columns: Mapping[str, str]) -> None:
        self.folder = folder
        self.schema = pa.schema([(n, _ARROW[t]) for n, t in columns.items()])
        self.numbers = itertools.count()

    def _files(self, place: str = "*") -> list[Path]:
        return sorted(f for f in self.folder.glob(f"{place}/*.parquet") if f.stem != FAR)

    def _write(self, path: Path, rows: Sequence[Row]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows), self.schema), path)

    def _path(self, moment: datetime, name: str) -> Path:
        return self.folder / f"dt={moment:%Y-%m-%d}" / f"{name}.parquet"

    def rows(self) -> list[Row]:
        files = sorted(self.folder.glob("*/*.parquet"))
        return [row for f in files for row in pq.ParquetFile(f).read().to_pylist()]

    def land(self, rows: Sequence[Row], moment: datetime) -> None:
        name = FAR if rows[0]["id"] == FAR else f"f{next(self.numbers)}"
        self._write(self._path(moment, name), rows)

    def rewrite(self, change: Callable[[Row], None], seed: int) -> None:
        if not (files := self._files()):
            return
        path = files[seed % len(files)]
        rows = pq.ParquetFile(path).read().to_pylist()
        for row in rows[: 1 + seed % 2]:
            change(row)
        self._write(path, rows)

    def compact(self, moment: datetime) -> None:
        files = self._files(f"dt={moment:%Y-%m-%d}")
        rows = [row for f in files for row in pq.ParquetFile(f).read().to_pylist()]
        for file in files:
            file.unlink()
        if rows:
            self._write(self._path(moment, f"c{next(self.numbers)}"), rows[::-1])

    def delete(self, seed: int, whole: bool) -> None:
        if not (files := self._files()):
            return
        path = files[seed % len(files)]
        if whole:
            shutil.rmtree(path.parent)
        else:
            path.unlink()

    def widen(self) -> None:
        name = f"more{next(self.numbers)}"
        self.schema = self.schema.append(pa.field(name, pa.string()))


class _Lake:
    """What Delta and Iceberg have in common: commits, of rows that are named by their ids."""

    numbers: itertools.count[int]

    def rows(self) -> list[Row]:
        raise NotImplementedError

    def land(self, rows: Sequence[Row], moment: datetime) -> None:
        raise NotImplementedError

    def remove(self, ids: Sequence[str]) -> None:
        raise NotImplementedError

    def rewrite(self, change: Callable[[Row], None], seed: int) -> None:
        if not (ids := self._ids()):
            return
        chosen = ids[seed % len(ids)]
        rows = [row for row in self.rows() if row["id"] == chosen]
        for row in rows:
            change(row)
        self.remove([chosen])
        self.land(rows, datetime.now(UTC))

    def delete(self, seed: int, whole: bool) -> None:
        if ids := self._ids():
            self.remove(ids[seed % len(ids) :][: 5 if whole else 1])

    def _ids(self) -> list[str]:
        return sorted({row["id"] for row in self.rows()} - {FAR})


class Delta(_Lake):
    """A Delta table."""

    def __init__(self, folder: Path, columns: Mapping[str, str]) -> None:
        self.folder = folder
        self.schema = pa.schema([(n, _ARROW[t]) for n, t in columns.items()])
        self.numbers = itertools.count()

    def rows(self) -> list[Row]:
        return DeltaTable(self.folder).to_pyarrow_table().to_pylist()

    def land(self, rows: Sequence[Row], moment: datetime) -> None:
        table = pa.Table.from_pylist(list(rows), self.schema)
        write_deltalake(self.folder, table, mode="append", schema_mode="merge")

    def remove(self, ids: Sequence[str]) -> None:
        DeltaTable(self.folder).delete(f"id IN ({', '.join(repr(i) for i in ids)})")

    def compact(self, moment: datetime) -> None:
        DeltaTable(self.folder).optimize.compact()

    def widen(self) -> None:
        name = f"more{next(self.numbers)}"
        self.schema = self.schema.append(pa.field(name, pa.string()))


class Iceberg(_Lake):
    """An Iceberg table."""

    def __init__(self, folder: Path, columns: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        schema = pa.schema([(n, _ARROW[t]) for n, t in columns.items()])
        catalog = file_catalog(folder, f"file://{folder}")
        self.table = catalog.create_table("db.t", schema=schema)
        self.numbers = itertools.count()

    def rows(self) -> list[Row]:
        return self.table.scan().to_arrow().to_pylist()

    def land(self, rows: Sequence[Row], moment: datetime) -> None:
        self.table.append(pa.Table.from_pylist(list(rows), self.table.schema().as_arrow()))

    def remove(self, ids: Sequence[str]) -> None:
        self.table.delete(f"id IN ({', '.join(repr(i) for i in ids)})")

    def compact(self, moment: datetime) -> None:
        rows = self.table.scan().to_arrow()
        self.table.overwrite(rows.take(list(range(rows.num_rows))[::-1]))

    def widen(self) -> None:
        with self.table.update_schema() as schema:
            schema.add_column(f"more{next(self.numbers)}", StringType())


class LakeSource(DataSource):
    """Tables of a lake on this machine, each at its newest state."""

    kind: ClassVar[str] = "lake"
    places: dict[str, str]
    columns: dict[str, dict[str, str]]
    query: str

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        def table(name: str) -> Callable[[], Table]:
            return lambda: Table(TableName("lake", name), self._columns(name))

        return SingleDatabase("lake", {name: table(name) for name in self.places})

    def sql(self) -> str:
        return self.query

    @property
    def default_database(self) -> str:
        return "lake"

    def _columns(self, name: str) -> tuple[hw.Column, ...]:
        return tuple(hw.Column(n, parse_type(t)) for n, t in self.columns[name].items())

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        name, place = table.name, self.places[table.name.name]
        columns = self._columns(name.name)
        metadata = sorted(Path(place).glob("db/t/metadata/*.metadata.json"))
        if not metadata:
            delta = DeltaTable(place)
            count, made = len(delta.file_uris()), str(delta.metadata().id)
            return DeltaRelation(
                name, columns, place, delta.version(), file_count=count, table_id=made
            )
        newest = max(metadata, key=lambda m: int(m.name.partition("-")[0]))
        state = json.loads(newest.read_text())
        snapshot = state["current-snapshot-id"]
        (summary,) = (s["summary"] for s in state["snapshots"] if s["snapshot-id"] == snapshot)
        ids = {f["name"]: column_id(f) for f in current_schema(state)["fields"]}
        return IcebergRelation(
            name,
            columns,
            f"file://{newest}",
            snapshot,
            file_count=int(summary["total-data-files"]),
            column_ids=tuple(ids[c.name] for c in columns),
            table_id=state["table-uuid"],
        )
