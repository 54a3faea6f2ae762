"""Iceberg and Delta tables, each at the state that the plan pinned; and tables of the cluster's."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.spark import streaming
from headwater.engines.spark.floats import kept_from_readers
from headwater.engines.spark.packages import is_s3
from headwater.engines.spark.sessions import is_connect, setting
from headwater.engines.spark.storage import Opening, Storage
from headwater.engines.spark.table_catalog import NAMESPACE, TableCatalog, VendedTable
from headwater.engines.spark.types import ddl, unpadded
from headwater.errors import EngineError, UnsupportedError
from headwater.foreign import packed_json
from headwater.relation import CatalogRelation, DeltaRelation, IcebergRelation
from headwater.sql.rewriting import quoted
from headwater.table import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame, SparkSession

CATALOG_ID: Final = (
    "spark.hadoop.hive.metastore.glue.catalogid",
    "hive.metastore.glue.catalogid",
)
"""Where a cluster on Glue's metastore says which catalog it is on.

Source: Amazon EMR Release Guide, "Use the AWS Glue Data Catalog as the metastore for Spark SQL".
"""


class Lakes:
    """Opens tables that know their own files, for one read.

    Args:
        session: The session.
        storage: How files of an identity are opened; None leaves that to the cluster.
        token: What makes this read's names its own.
        cleanup: Receives what is to be undone at the end.
    """

    def __init__(
        self, session: SparkSession, *, storage: Storage | None, token: str, cleanup: ExitStack
    ) -> None:
        self._session = session
        self._storage = storage
        self._token = token
        self._cleanup = cleanup
        self._catalog: TableCatalog | None = None

    def delta(self, relation: DeltaRelation) -> DataFrame:
        """Return a Delta table at its version. Its log names files relative to its own place."""
        opening = self._opening(relation.auth_ref, relation.location)
        reader = self._session.read.format("delta").option("versionAsOf", relation.version)
        frame = reader.options(**opening.options).load(opening.path(relation.location))
        return _as_declared(frame, relation.columns)

    def iceberg(self, slot: str, relation: IcebergRelation) -> DataFrame:
        """Return an Iceberg table at its snapshot.

        Raises:
            UnsupportedError: If our identity would have to read it through Spark Connect.
        """
        if relation.snapshot_id is None:
            return self._session.createDataFrame([], ddl(unpadded(relation.columns)))
        reader = self._session.read.format("iceberg").option("versionAsOf", relation.snapshot_id)
        place = relation.metadata_location
        if self._storage is None or relation.auth_ref is None or not is_s3(place):
            path = Opening().path(place) if "://" not in place else place
            return _as_declared(reader.load(path), relation.columns)
        name = self._vend(slot, relation, relation.auth_ref, self._storage)
        return _as_declared(reader.table(name), relation.columns)

    def _vend(self, slot: str, relation: IcebergRelation, auth_ref: str, storage: Storage) -> str:
        if is_connect(self._session):
            raise UnsupportedError(
                f"Iceberg table {relation.name}: Spark Connect can't be given the identity that "
                "reads it",
                hint='let the cluster\'s own identity read it: storage_identity="cluster"',
            )
        name = f"hw_{self._token}"
        if self._catalog is None:
            self._catalog = TableCatalog(storage.address)
            self._cleanup.callback(self._catalog.close)
            for key, value in self._catalog.settings(name).items():
                self._session.conf.set(key, value)
        table = VendedTable(
            relation.metadata_location,
            self._metadata(relation, auth_ref, storage),
            lambda: storage.credentials(auth_ref),
            storage.renews,
        )
        self._catalog.add(slot, table)
        return f"{quoted(name)}.{NAMESPACE}.{quoted(slot)}"

    def _metadata(
        self, relation: IcebergRelation, auth_ref: str, storage: Storage
    ) -> dict[str, Any]:
        opening = storage.opening(auth_ref, relation.metadata_location)
        reader = self._session.read.format("binaryFile").options(**opening.options)
        frame = reader.load(opening.path(relation.metadata_location)).select("content")
        content = bytes(streaming.rows(frame)[0]["content"])
        try:
            found: dict[str, Any] = packed_json(content)
        except ValueError as error:
            raise EngineError(
                f"the metadata of {relation.name} at {relation.metadata_location} can't be read: "
                f"{error}",
                code="broken-iceberg",
            ) from error
        return found

    def catalogued(self, relation: CatalogRelation) -> DataFrame:
        """Return a table of the cluster's own metastore, read with the cluster's own identity.

        Raises:
            UnsupportedError: If headwater's identity was asked for, or the cluster may be on
                another catalog.
        """
        if self._storage is not None:
            raise UnsupportedError(
                f"table {relation.name} is read by the cluster's own metastore, as the cluster",
                hint='allow that: SparkEngine(..., storage_identity="cluster")',
            )
        self._check_catalog(relation)
        name = f"{quoted(relation.name.database)}.{quoted(relation.name.name)}"
        return _as_declared(self._session.table(name), relation.columns)

    def _check_catalog(self, relation: CatalogRelation) -> None:
        if relation.catalog_id is None:
            return
        found = next((v for k in CATALOG_ID if (v := setting(self._session, k))), None)
        if found != relation.catalog_id:
            there = f"on catalog {found}" if found else "on a catalog that it does not name"
            raise UnsupportedError(
                f"{relation.name} is of catalog {relation.catalog_id}; the cluster is {there}",
                hint=f"set {CATALOG_ID[0]}={relation.catalog_id} where the cluster is configured",
            )

    def _opening(self, auth_ref: str | None, place: str) -> Opening:
        if self._storage is None or auth_ref is None:
            return Opening()
        return self._storage.opening(auth_ref, place)


def _as_declared(frame: DataFrame, columns: Sequence[Column]) -> DataFrame:
    """Return a table's columns in the order and the types that the plan saw."""
    return frame.selectExpr(*(_selected(column) for column in unpadded(columns)))


def _selected(column: Column) -> str:
    name = quoted(column.name)
    return f"{kept_from_readers(f'CAST({name} AS {column.type})', column.type)} AS {name}"
