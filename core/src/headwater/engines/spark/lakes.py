"""Iceberg and Delta tables, each at the state that the plan pinned; and tables of the cluster's."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.spark import streams
from headwater.engines.spark.errors import REFUSED
from headwater.engines.spark.formats.floats import kept_from_readers
from headwater.engines.spark.session.packages import is_s3
from headwater.engines.spark.session.sessions import is_connect, setting
from headwater.engines.spark.storage import Opening, Storage
from headwater.engines.spark.table_catalog import NAMESPACE, TableCatalog, VendedTable
from headwater.engines.spark.types import ddl, unpadded
from headwater.errors import SourceError, UnsupportedError
from headwater.lakes.iceberg import check_classes, pinned
from headwater.lakes.places import S3_SCHEMES, Store, foreign, split, store_of
from headwater.sql.rewriting import quoted
from headwater.tables.relation import CatalogRelation, DeltaRelation, IcebergRelation
from headwater.tables.table import Column
from headwater.untrusted.texts import packed_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
        """Return a Delta table at its version.

        Its log names files relative to its own place. One that does not is refused when it is
        planned; and Spark, which reads the log again, is told to open no other scheme for it.
        """
        opening = self._opening(relation.auth_ref, relation.location)
        place = opening.path(relation.location)
        reader = self._session.read.format("delta").option("versionAsOf", relation.version)
        frame = reader.options(**opening.options, **_closed(place)).load(place)
        return _as_declared(frame, relation.columns)

    def iceberg(self, slot: str, relation: IcebergRelation) -> DataFrame:
        """Return an Iceberg table at its snapshot, in its current schema.

        Raises:
            UnsupportedError: If our identity would have to read it through Spark Connect, or its
                metadata would configure the reader or leads out of the table's storage.
        """
        if relation.snapshot_id is None:
            return self._session.createDataFrame([], ddl(unpadded(relation.columns)))
        place = relation.metadata_location
        store = store_of(place)
        if self._storage is None or relation.auth_ref is None or not is_s3(place):
            metadata = self._metadata(relation, Opening())
            # Spark reads that file by itself, with all that it says.
            check_classes(metadata, relation.name)
            pinned(metadata, relation.snapshot_id, store, relation.name)
            options = _version(metadata, relation)
            path = Opening().path(place) if "://" not in place else place

            def opened(part: str | None = None) -> DataFrame:
                reader = self._session.read.format("iceberg").options(**options)
                return reader.load(f"{path}#{part}" if part else path)
        else:
            self._check_vends(relation)
            opening = self._storage.opening(relation.auth_ref, place)
            metadata = self._metadata(relation, opening)
            cut = pinned(metadata, relation.snapshot_id, store, relation.name)
            name = self._vend(slot, relation, relation.auth_ref, self._storage, cut)

            def opened(part: str | None = None) -> DataFrame:
                return self._session.read.table(f"{name}.{part}" if part else name)

        _check_files(opened, relation, store)
        return _as_declared(opened(), relation.columns)

    def _check_vends(self, relation: IcebergRelation) -> None:
        if is_connect(self._session):
            raise UnsupportedError(
                f"Iceberg table {relation.name}: Spark Connect can't be given the identity that "
                "reads it",
                hint='let the cluster\'s own identity read it: storage_identity="cluster"',
            )

    def _vend(
        self,
        slot: str,
        relation: IcebergRelation,
        auth_ref: str,
        storage: Storage,
        metadata: dict[str, Any],
    ) -> str:
        name = f"hw_{self._token}"
        if self._catalog is None:
            self._catalog = TableCatalog(storage.address)
            self._cleanup.callback(self._catalog.close)
            for key, value in self._catalog.settings(name).items():
                self._session.conf.set(key, value)
        table = VendedTable(
            relation.metadata_location,
            metadata,
            lambda: storage.credentials(auth_ref),
            storage.renews,
        )
        self._catalog.add(slot, table)
        return f"{quoted(name)}.{NAMESPACE}.{quoted(slot)}"

    def _metadata(self, relation: IcebergRelation, opening: Opening) -> dict[str, Any]:
        place = relation.metadata_location
        reader = self._session.read.format("binaryFile").options(**opening.options)
        frame = reader.load(opening.path(place)).select("content")
        try:
            metadata = packed_json(bytes(streams.rows(frame)[0]["content"]))
            if not isinstance(metadata, dict):
                raise ValueError("it is no JSON object")
        except ValueError as error:
            raise SourceError(
                f"table {relation.name}: {place} is not Iceberg metadata that can be read: {error}",
                code="broken-iceberg",
            ) from error
        return metadata

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
        catalog_id = next((v for k in CATALOG_ID if (v := setting(self._session, k))), None)
        if catalog_id != relation.catalog_id:
            there = (
                f"on catalog {catalog_id}" if catalog_id else "on a catalog that it does not name"
            )
            raise UnsupportedError(
                f"{relation.name} is of catalog {relation.catalog_id}; the cluster is {there}",
                hint=f"set {CATALOG_ID[0]}={relation.catalog_id} where the cluster is configured",
            )

    def _opening(self, auth_ref: str | None, place: str) -> Opening:
        if self._storage is None or auth_ref is None:
            return Opening()
        return self._storage.opening(auth_ref, place)


def _closed(place: str) -> dict[str, str]:
    """Return options by which a reader opens no scheme but that of a place.

    Source: Apache Hadoop, FileSystem.getFileSystemClass.
    """
    own = split(place)[0]
    open_schemes = S3_SCHEMES if own in S3_SCHEMES else {own}
    return {
        key: value
        for scheme in _SCHEMES
        if scheme not in open_schemes
        for key, value in (
            (f"fs.{scheme}.impl", REFUSED),
            # One that is open already would be taken without asking for its class.
            (f"fs.{scheme}.impl.disable.cache", "true"),
        )
    }


_SCHEMES: Final = (
    *sorted(S3_SCHEMES),
    "abfs",
    "abfss",
    "file",
    "ftp",
    "gs",
    "har",
    "hdfs",
    "http",
    "https",
    "o3fs",
    "ofs",
    "oss",
    "sftp",
    "swebhdfs",
    "viewfs",
    "wasb",
    "wasbs",
    "webhdfs",
)
"""Schemes that Hadoop, or a cluster's jars, know."""
_SUSPECTS: Final = 10_000


def _check_files(
    opened: Callable[[str | None], DataFrame], relation: IcebergRelation, store: Store
) -> None:
    """Let no file be opened that does not lie in the table's store.

    The manifests are named by the manifest list, the files by the manifests: each is looked at
    before what it names is opened.

    Raises:
        UnsupportedError: Naming the first that lies elsewhere.
    """
    for part, column, what in (
        ("manifests", "path", "a manifest"),
        ("files", "file_path", "a data or delete file"),
    ):
        frame = opened(part)
        suspects = frame.where(~frame[column].rlike(f"^(?:{store.plain})$")).select(column)
        suspect_places = [row[column] for row in streams.rows(suspects.limit(_SUSPECTS))]
        for place in suspect_places:
            store.path(place, what, relation.name)
        if len(suspect_places) == _SUSPECTS:
            raise foreign(
                relation.name, what, suspect_places[0], f"{_SUSPECTS} names are as odd as this"
            )


def _version(metadata: Mapping[str, Any], relation: IcebergRelation) -> dict[str, str]:
    """Return the options by which Spark reads a snapshot in the table's current schema.

    Told a version, Spark reads the schema that was current then.

    Raises:
        UnsupportedError: If the two differ.
    """
    if metadata.get("current-snapshot-id") == relation.snapshot_id:
        return {}
    snapshots = {s["snapshot-id"]: s for s in metadata["snapshots"]}
    then, now = snapshots[relation.snapshot_id].get("schema-id"), metadata.get("current-schema-id")
    if then != now:
        raise UnsupportedError(
            f"Iceberg table {relation.name}: its schema changed since the snapshot "
            f"{relation.snapshot_id}, which Spark then reads in its old one",
            hint="plan the read again, or use the embedded engine for this table",
        )
    return {"versionAsOf": str(relation.snapshot_id)}


def _as_declared(frame: DataFrame, columns: Sequence[Column]) -> DataFrame:
    """Return a table's columns in the order and the types that the plan saw."""
    return frame.selectExpr(*(_selected(column) for column in unpadded(columns)))


def _selected(column: Column) -> str:
    name = quoted(column.name)
    return f"{kept_from_readers(f'CAST({name} AS {column.type})', column.type)} AS {name}"
