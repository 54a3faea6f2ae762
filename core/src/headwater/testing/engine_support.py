"""What the promises of an engine have in common: tables of files, and queries over them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from headwater.auth.credentials import Access
from headwater.errors import SourceError
from headwater.interfaces.data_source import DataSource
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import DataFile, FilePartition, FileRelation, Relation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Catalog, Partition, Table, TableName, columns_of

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.engine import Engine
    from headwater.reading.dataset import Dataset

DATABASE = "contract"


class RelationSource(DataSource):
    """Relations that are already there, as tables of a source.

    Args:
        relations: They, each under its own name.
    """

    kind: ClassVar[str] = "relations"

    relations: tuple[Any, ...]

    def access(self) -> Access:
        """Return no identities."""
        return Access()

    def catalog(self, access: Access) -> Catalog:
        """Return the relations as tables."""
        tables = {
            r.name.name: Table(
                r.name,
                r.columns,
                r.partition_columns if isinstance(r, FileRelation) else (),
                detail=r,
            )
            for r in self.relations
        }

        def listed(table: Table) -> Sequence[Partition]:
            return [Partition(p.values, p.location, p) for p in table.detail.partitions]

        return SingleDatabase(DATABASE, {n: lambda t=t: t for n, t in tables.items()}, listed)  # type: ignore[misc]

    def sql(self) -> str:
        """Return all rows of the first."""
        return f"SELECT * FROM {self.relations[0].name.name}"

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return the relation that the table stands for."""
        own: Relation = table.detail
        return own

    @property
    def default_database(self) -> str:
        """The one database."""
        return DATABASE


class Streaming:
    """Opens a stream of rows, in batches of a thousand. It pickles, as a cluster needs it.

    Args:
        rows: The rows.
        fails: Whether it breaks off after the second batch.
    """

    def __init__(self, rows: pa.Table, fails: bool = False) -> None:
        self._rows = rows
        self._fails = fails

    def __call__(self, request: ScanRequest) -> pa.RecordBatchReader:
        """Return the rows of the columns that are asked for."""
        import pyarrow as pa

        chosen = self._rows.select(list(request.columns))

        def batches() -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(chosen.to_batches(max_chunksize=1_000)):
                if self._fails and number == 2:
                    raise SourceError(
                        "the line was cut", code="line-cut", hint="call again", retryable=True
                    )
                yield batch

        return pa.RecordBatchReader.from_batches(chosen.schema, batches())


def parquet_relation(rows: pa.Table, folder: Path, name: str = "t") -> FileRelation:
    """Write rows as a Parquet file, and return the relation that they are."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.parquet"
    pq.write_table(rows, path)
    return FileRelation(
        TableName(DATABASE, name),
        columns_of(rows.schema),
        files=(DataFile(str(path), path.stat().st_size),),
    )


def partitioned_relation(rows: pa.Table, key: str, folder: Path) -> FileRelation:
    """Write rows as one Parquet file for each value of a key, and return the relation."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    partitions, files = [], []
    for number, value in enumerate(pc.unique(rows[key]).to_pylist()):
        chosen = pc.is_null(rows[key]) if value is None else pc.equal(rows[key], pa.scalar(value))
        directory = folder / f"{key}={number}"
        directory.mkdir(parents=True)
        path = directory / "part-0.parquet"
        pq.write_table(rows.filter(chosen).drop_columns([key]), path)
        partitions.append(FilePartition((None if value is None else str(value),), f"{directory}/"))
        files.append(DataFile(str(path), path.stat().st_size, number))
    ordered = rows.select([*(n for n in rows.column_names if n != key), key])
    return FileRelation(
        TableName(DATABASE, "t"),
        columns_of(ordered.schema),
        (key,),
        partitions=tuple(partitions),
        files=tuple(files),
    )


def answer(engine: Engine, query: str, *relations: Relation) -> Dataset:
    """Return an engine's answer to a query over relations; nothing runs yet.

    Raises:
        QueryError: If the engine refuses it.
    """
    from headwater.plugins.registry import PluginRegistry
    from headwater.workspace.workspace import Workspace

    # Not closed: that would close the engine, which is the author's.
    workspace = Workspace(PluginRegistry(discover=False))
    workspace.use_engine(engine)
    return workspace.sql(query, RelationSource(relations=relations), engine=engine.name)
