"""Registering: each table of a plan as a temporary view under a name that no other read has."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import TYPE_CHECKING

from headwater.engines import declared_types, stream_requests
from headwater.engines.spark.errors import carried
from headwater.engines.spark.files import Files
from headwater.engines.spark.formats.chars import as_char
from headwater.engines.spark.lakes import Lakes
from headwater.engines.spark.storage import Opening, Storage
from headwater.engines.spark.types import ddl, unpadded
from headwater.engines.used_columns import Used
from headwater.errors import UnsupportedError
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
from headwater.tables.scan_request import ScanRequest

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from headwater.engines.spark.formats.nanoseconds import Found


class Registrar:
    """Makes the tables of one read visible in a session.

    Args:
        session: The session.
        persistent: Whether its catalog outlives it.
        storage: How files of an identity are opened; None leaves that to the cluster.
        cleanup: Receives what is to be undone at the end.
        in_nanoseconds: Tells which columns of a relation's files are in nanoseconds (`Files`).
    """

    def __init__(
        self,
        session: SparkSession,
        *,
        persistent: bool,
        storage: Storage | None,
        cleanup: ExitStack,
        in_nanoseconds: Callable[[FileRelation], Found] | None = None,
    ) -> None:
        self._session = session
        self._storage = storage
        self._token = token = secrets.token_hex(6)
        self._cleanup = cleanup
        self._files = Files(
            session,
            persistent=persistent,
            token=token,
            cleanup=cleanup,
            in_nanoseconds=in_nanoseconds,
        )
        self._lakes = Lakes(session, storage=storage, token=token, cleanup=cleanup)

    def register(
        self, scan: Scan, used: Used | None = None, request: ScanRequest | None = None
    ) -> str:
        """Create the view of a scan's table.

        Args:
            scan: The table.
            used: The columns that the query uses; None for all.
            request: What is asked of a source that streams its rows; None for the used columns.

        Returns:
            The view's name, quoted.

        Raises:
            UnsupportedError: If a table of that kind can't be read here.
            DataChangedError: If its files are not what the plan saw.
        """
        name = f"hw_{self._token}_{scan.slot}"
        self.frame(scan, used, request).createTempView(name)
        self._cleanup.callback(self._session.catalog.dropTempView, name)
        return quoted(name)

    def frame(
        self, scan: Scan, used: Used | None = None, request: ScanRequest | None = None
    ) -> DataFrame:
        """Return a scan's rows as a DataFrame; see `register`."""
        used = used or Used.all_of(scan.relation.columns)
        frame = self._frame(scan, used, request)
        there = {name.casefold() for name in frame.columns}
        columns = (c for c in scan.relation.columns if c.name.casefold() in there)
        return as_char(frame, tuple(columns))

    def _frame(self, scan: Scan, used: Used, request: ScanRequest | None) -> DataFrame:
        relation = scan.relation
        match relation:
            case IcebergRelation() | DeltaRelation() if relation.only_files is not None:
                raise UnsupportedError(
                    f"Spark reads all files of table {relation.name} at a state, not some of them",
                    hint="name none of them; or use the embedded engine",
                )
            case FileRelation():
                return self._files.frame(relation, self._opening(relation))
            case MemoryRelation():
                return self._in_memory(relation, used)
            case IcebergRelation():
                return self._lakes.iceberg(scan.slot, relation)
            case DeltaRelation():
                return self._lakes.delta(relation)
            case CatalogRelation():
                return self._lakes.catalogued(relation)
            case StreamRelation():
                return self._streamed(
                    relation, request or ScanRequest(stream_requests.needed(relation, used))
                )

    def _in_memory(self, relation: MemoryRelation, used: Used) -> DataFrame:
        rows = declared_types.table(relation, used)
        frame = self._session.createDataFrame(rows.table, ddl(unpadded(rows.columns)))
        # Nobody needs what is lost. Were it missed, Spark would say so.
        return frame.drop(*rows.lost)

    def _streamed(self, relation: StreamRelation, request: ScanRequest) -> DataFrame:
        """Return rows that one task streams from elsewhere, as they come.

        Columns that the query names nowhere are NULL.
        """

        def rows(_: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
            with carried():
                for batch in declared_types.reader(relation, request):
                    yield declared_types.filled(batch, relation.columns)

        one = self._session.range(0, 1, 1, 1)
        columns = [declared_types.readable_column(c) for c in relation.columns]
        return one.mapInArrow(rows, ddl(unpadded(columns)))

    def _opening(self, relation: FileRelation) -> Opening:
        if self._storage is None or relation.auth_ref is None:
            return Opening()
        return self._storage.opening(relation.auth_ref, *(f.path for f in relation.files))
