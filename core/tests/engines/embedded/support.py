"""What the embedded engine's tests share: relations out of files, plans, reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine
from headwater.interfaces.mapping import BoundMapping
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import DataFile, FilePartition, FileRelation, Relation
from headwater.tables.table import Column, TableName
from headwater.types.arrow import data_type
from headwater.types.text import parse_type


def columns(**types: str) -> tuple[Column, ...]:
    """Return columns from names and type texts."""
    return tuple(Column(n, parse_type(t)) for n, t in types.items())


def file(path: Path, partition: int = 0) -> DataFile:
    """Return a file as a listing would say it."""
    return DataFile(str(path), path.stat().st_size, partition)


def parquet(folder: Path, *tables: pa.Table, **types: str) -> FileRelation:
    """Write one Parquet file for each table and return them as one relation.

    Args:
        folder: Where to write.
        tables: What the files hold.
        types: The relation's columns; those of the first file if none are given.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"part-{i}.parquet" for i in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path)
    own = columns(**types) or tuple(Column(f.name, data_type(f.type)) for f in tables[0].schema)
    return FileRelation(TableName("db", "t"), own, files=tuple(file(p) for p in paths))


def text(
    folder: Path,
    body: str | bytes,
    format: str,
    options: Mapping[str, str] | None = None,
    **types: str,
) -> FileRelation:
    """Write one text file and return it as a relation."""
    path = folder / "part-0.txt"
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    name = TableName("db", "t")
    return FileRelation(
        name, columns(**types), format=format, options=options or {}, files=(file(path),)
    )


def partitioned(
    relation: FileRelation, keys: Mapping[str, str], values: Iterable[tuple[str | None, ...]]
) -> FileRelation:
    """Return a relation whose files each lie in a partition of their own."""
    parts = tuple(FilePartition(v, "somewhere") for v in values)
    files = tuple(DataFile(f.path, f.size, i) for i, f in enumerate(relation.files))
    return FileRelation(
        relation.name,
        (*relation.columns, *columns(**keys)),
        tuple(keys),
        relation.format,
        relation.options,
        parts,
        files,
        relation.auth_ref,
    )


def plan(sql: str, **relations: Relation) -> Plan:
    """Return a plan whose tables are called as the arguments are."""
    scans = tuple(
        Scan(slot, relation.name, relation, ScanEstimate(1, 1, 1, 1))
        for slot, relation in relations.items()
    )
    return Plan("test", sql, sql, scans, BoundMapping(()), None, "embedded", "asked for")


def read(sql: str, access: Access | None = None, /, **relations: Relation) -> pa.Table:
    """Run a query on the embedded engine and return all rows."""
    engine = EmbeddedEngine(threads=2)
    with engine.read(plan(sql, **relations), access or Access()) as stream:
        return pa.Table.from_batches(list(stream), stream.schema)


def rows(sql: str, **relations: Relation) -> list[dict[str, Any]]:
    """Run a query and return its rows."""
    return read(sql, **relations).to_pylist()
