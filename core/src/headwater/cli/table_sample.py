"""The few rows and footers of a table that `init --from` looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.errors import HeadwaterError
from headwater.proposing.sample import Sample
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.tables.relation import FileRelation, Relation
from headwater.tables.table import Partition, Table

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.auth.credentials import Access
    from headwater.engines.embedded.engine import EmbeddedEngine
    from headwater.interfaces.data_source import DataSource
    from headwater.tables.table import Catalog

ROWS: Final = 5000
"""Rows of each file that are looked at."""
FILES: Final = 4
"""Partitions of which one file each is looked at: the first, the last, and between."""
_LARGE: Final = 256 * 1024 * 1024
"""Bytes of a file far away of which no row is looked at: its first rows may be all of it."""


def sample(
    source: DataSource, catalog: Catalog, access: Access, table: Table, partitions: int
) -> tuple[Sample, str | None]:
    """Return a sample of a table, and why it could not be read, if so.

    Args:
        source: Where it lies.
        catalog: Its catalog.
        access: The opened identities.
        table: The table.
        partitions: Most partitions whose key values are looked at.
    """
    try:
        chosen = (
            spread(list(islice(catalog.partitions(table), partitions)))
            if table.partition_keys
            else None
        )
        relation = source.relation(table, chosen, access)
        some, far = _some_files(relation)
        if isinstance(some, FileRelation):
            ranges, nanoseconds = _footers(some, access)
        else:
            ranges, nanoseconds = {}, frozenset()
        rows = None if far else _rows(some, access)
    except HeadwaterError as error:
        return Sample(), f"No row could be looked at: {error.message}"
    return Sample(rows, ranges, nanoseconds), None


def spread(partitions: Sequence[Partition]) -> list[Partition]:
    """Return the first partition, the last one, and some between."""
    ordered = sorted(
        (p for p in partitions if None not in p.values), key=lambda p: tuple(map(str, p.values))
    )
    steps = range(FILES) if len(ordered) > 1 else range(len(ordered))
    picked = (ordered[i * (len(ordered) - 1) // (FILES - 1)] for i in steps)
    return list({p.values: p for p in picked}.values())


def _some_files(relation: Relation) -> tuple[Relation, bool]:
    """Return a relation of one file of each partition, and whether these are large and far away."""
    if not isinstance(relation, FileRelation):
        return relation, False
    files = list({f.partition: f for f in relation.files}.values())[:FILES]
    far = relation.auth_ref is not None and any(f.size > _LARGE for f in files)
    return replace(relation, files=tuple(files)), far


def _rows(relation: Relation, access: Access) -> pa.Table | None:
    """Return the first rows of each file."""
    import pyarrow as pa

    from headwater.engines.embedded.engine import EmbeddedEngine

    parts: list[Relation] = [relation]
    if isinstance(relation, FileRelation):
        parts = [replace(relation, files=(file,)) for file in relation.files]
    engine = EmbeddedEngine()
    tables = [_read(engine, part, access) for part in parts]
    return pa.concat_tables(tables) if tables else None


def _read(engine: EmbeddedEngine, relation: Relation, access: Access) -> pa.Table:
    import pyarrow as pa

    from headwater.interfaces.plan import Plan, Scan, ScanEstimate

    sql = f"SELECT * FROM {PRIVATE_DATABASE}.t0 LIMIT {ROWS}"
    scan = Scan("t0", relation.name, relation, ScanEstimate(0, None, 0, 0))
    plan = Plan("init", sql, sql, (scan,), None, None, engine.name, "")
    with engine.read(plan, access) as stream:
        return pa.Table.from_batches(list(stream), stream.schema)


def _footers(
    relation: FileRelation, access: Access
) -> tuple[dict[str, tuple[int, int]], frozenset[str]]:
    from headwater.engines.embedded.formats.parquet_statistics import footers_of, number_ranges

    columns = [
        column
        for f in footers_of(relation, relation.files, access).values()
        for column in f.columns
    ]
    nanoseconds = frozenset(c.name.casefold() for c in columns if c.in_nanoseconds)
    return number_ranges(relation, relation.files, access), nanoseconds
