"""Registering: each table of a plan as a temporary view under a name that no other read has."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from headwater.engines import declared_types
from headwater.engines.spark.errors import carried
from headwater.engines.spark.files import Files
from headwater.engines.spark.formats.chars import as_char
from headwater.engines.spark.lakes import Lakes
from headwater.engines.spark.storage import Opening, Storage
from headwater.engines.spark.types import ddl, unpadded
from headwater.interfaces.plan import Scan
from headwater.sql.rewriting import quoted
from headwater.tables.relation import (
    CatalogRelation,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
    StreamRelation,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession


class Registrar:
    """Makes the tables of one read visible in a session.

    Args:
        session: The session.
        persistent: Whether its catalog outlives it.
        storage: How files of an identity are opened; None leaves that to the cluster.
        cleanup: Receives what is to be undone at the end.
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        persistent: bool,
        storage: Storage | None,
        cleanup: ExitStack,
    ) -> None:
        self._session = session
        self._storage = storage
        self._token = token = secrets.token_hex(6)
        self._cleanup = cleanup
        self._files = Files(session, persistent=persistent, token=token, cleanup=cleanup)
        self._lakes = Lakes(session, storage=storage, token=token, cleanup=cleanup)

    def register(self, scan: Scan) -> str:
        """Create the view of a scan's table.

        Returns:
            The view's name, quoted.

        Raises:
            UnsupportedError: If a table of that kind can't be read here.
            DataChangedError: If its files are not what the plan saw.
        """
        name = f"hw_{self._token}_{scan.slot}"
        self.frame(scan).createTempView(name)
        self._cleanup.callback(self._session.catalog.dropTempView, name)
        return quoted(name)

    def frame(self, scan: Scan) -> DataFrame:
        """Return a scan's rows as a DataFrame; see `register`."""
        return as_char(self._frame(scan), scan.relation.columns)

    def _frame(self, scan: Scan) -> DataFrame:
        relation = scan.relation
        match relation:
            case FileRelation():
                return self._files.frame(relation, self._opening(relation))
            case MemoryRelation():
                columns = ddl(unpadded([declared_types.held(c) for c in relation.columns]))
                return self._session.createDataFrame(declared_types.table(relation)[0], columns)
            case IcebergRelation():
                return self._lakes.iceberg(scan.slot, relation)
            case DeltaRelation():
                return self._lakes.delta(relation)
            case CatalogRelation():
                return self._lakes.catalogued(relation)
            case StreamRelation():
                return self._streamed(relation)

    def _streamed(self, relation: StreamRelation) -> DataFrame:
        """Return rows that one task streams from elsewhere, as they come."""
        names = [c.name for c in relation.columns]

        def rows(_: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
            with carried():
                yield from declared_types.reader(relation, names)

        one = self._session.range(0, 1, 1, 1)
        held = [declared_types.held(c) for c in relation.columns]
        return one.mapInArrow(rows, ddl(unpadded(held)))

    def _opening(self, relation: FileRelation) -> Opening:
        if self._storage is None or relation.auth_ref is None:
            return Opening()
        return self._storage.opening(relation.auth_ref, *(f.path for f in relation.files))
