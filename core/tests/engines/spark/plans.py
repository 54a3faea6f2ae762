"""Plans made by hand: what the pipeline would decide, without a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.interfaces.engine import Engine
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import (
    DataFile,
    FilePartition,
    FileRelation,
    MemoryRelation,
    Relation,
)
from headwater.tables.table import Column, TableName
from headwater.types.arrow import data_type
from headwater.types.text import parse_type


def columns(**types: str) -> tuple[Column, ...]:
    """Return columns from `name="type"`."""
    return tuple(Column(name, parse_type(text)) for name, text in types.items())


def plan(sql: str, *relations: Relation) -> Plan:
    """Return a plan of a query over `hw`.`t0`, `hw`.`t1` ..."""
    scans = tuple(
        Scan(f"t{i}", r.name, r, ScanEstimate(1, None, len(getattr(r, "files", ())), 0))
        for i, r in enumerate(relations)
    )
    return Plan("test", sql, sql, scans, None, None, "spark", "asked for")


def rows(
    engine: Engine, sql: str, *relations: Relation, access: Access | None = None
) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    return table(engine, sql, *relations, access=access).to_pylist()


def table(engine: Engine, sql: str, *relations: Relation, access: Access | None = None) -> pa.Table:
    """Return the rows of a query as an Arrow table."""
    with engine.read(plan(sql, *relations), access or Access()) as stream:
        return pa.Table.from_batches(list(stream), schema=stream.schema)


def physical(engine: SparkEngine, sql: str, *relations: Relation) -> str:
    """Return the physical plan of a query."""
    return engine.explain(plan(sql, *relations), Access())


def memory(name: str = "m", **data: Any) -> MemoryRelation:
    """Return a relation in memory."""
    held = pa.table(data)
    found = tuple(Column(f.name, data_type(f.type)) for f in held.schema)
    return MemoryRelation(TableName("test", name), found, held)


def files(
    parts: Mapping[tuple[str | None, ...], Sequence[Path]] | Sequence[Path],
    declared: tuple[Column, ...],
    keys: tuple[str, ...] = (),
    *,
    format: str = "parquet",
    options: Mapping[str, str] | None = None,
    partitions: tuple[FilePartition, ...] | None = None,
    auth_ref: str | None = None,
) -> FileRelation:
    """Return a relation over local files, by their partition values."""
    grouped = parts if isinstance(parts, Mapping) else {(): parts}
    found = partitions or tuple(FilePartition(v) for v in grouped)
    named = tuple(
        DataFile(str(path), path.stat().st_size, index)
        for index, paths in enumerate(grouped.values())
        for path in paths
    )
    return FileRelation(
        TableName("test", "files"), declared, keys, format, options or {}, found, named, auth_ref
    )
