"""What a table in Glue is. The order of the tests matters: each kind may look like a later one.

An Iceberg or Delta table read as plain Parquet brings deleted rows back; a resource link has no
columns of its own; a view has no files. So the question is asked before anything is read.

Source: AWS Glue API, `Table`; Apache Iceberg, GlueCatalog; Apache Spark, HiveExternalCatalog;
Trino, HiveViewCodec; Apache Hudi, "Hive Metastore sync".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from headwater_glue.entry import GlueTable


class Kind(StrEnum):
    """What a table is; the word that `discover` shows."""

    LINK = "resource-link"
    ICEBERG = "iceberg"
    DELTA = "delta"
    MANIFEST = "symlink-manifest"
    HUDI = "hudi"
    ATHENA_VIEW = "athena-view"
    SPARK_VIEW = "spark-view"
    MULTI_DIALECT_VIEW = "multi-dialect-view"
    HIVE_VIEW = "hive-view"
    SPARK = "spark"
    S3_TABLES = "s3-tables"
    FEDERATED = "federated"
    HIVE = "hive"
    UNKNOWN = "unknown"

    @property
    def is_view(self) -> bool:
        """Whether it is a query that stands for a table."""
        return self in (
            Kind.ATHENA_VIEW,
            Kind.SPARK_VIEW,
            Kind.MULTI_DIALECT_VIEW,
            Kind.HIVE_VIEW,
        )


@dataclass(frozen=True, slots=True)
class Classified:
    """What a table is, and why it can't be queried (None if nothing here forbids it)."""

    kind: Kind
    unqueryable: str | None = None


SPARK_FILE_PROVIDERS: Final = frozenset({"parquet", "orc", "csv", "json", "avro"})
"""Spark data sources whose tables are plain files that engines here read."""

_SYMLINK_FORMAT: Final = "SymlinkTextInputFormat"
_HUDI_FORMATS: Final = ("org.apache.hudi.", "com.uber.hoodie.")


def classify(table: GlueTable) -> Classified:
    """Return what a table is, and why it can't be queried if that follows from its kind."""
    table_type = table.parameter("table_type").upper()
    provider = table.parameter("spark.sql.sources.provider").lower()
    if table.target is not None:
        return Classified(Kind.LINK)
    if table_type == "ICEBERG":
        return _iceberg(table)
    if table.storage.input_format.endswith(_SYMLINK_FORMAT):
        # Also where Delta generated it: the manifest is what its readers are meant to follow.
        return Classified(Kind.MANIFEST)
    if provider == "delta" or table_type == "DELTA":
        return Classified(Kind.DELTA, _needs_location(table))
    if provider == "hudi" or table.storage.input_format.startswith(_HUDI_FORMATS):
        return Classified(Kind.HUDI)
    if view := _view(table):
        return view
    if table.federated is not None or _is_s3_tables(table):
        return _federated(table)
    if provider and provider != "hive":
        return _spark(table, provider)
    return _hive(table)


def _iceberg(table: GlueTable) -> Classified:
    if table.parameter("metadata_location"):
        return Classified(Kind.ICEBERG)
    return Classified(
        Kind.ICEBERG,
        "it is declared ICEBERG and names no metadata_location, so its state is unknown",
    )


def _view(table: GlueTable) -> Classified | None:
    if table.representations:
        if {"SPARK", "ATHENA"} & set(table.representations):
            return Classified(Kind.MULTI_DIALECT_VIEW)
        had = ", ".join(sorted(table.representations))
        return Classified(
            Kind.MULTI_DIALECT_VIEW, f"it is defined for {had} only, not for Spark or Athena"
        )
    if table.table_type != "VIRTUAL_VIEW":
        return None
    if table.parameter("presto_view").lower() == "true" or table.view_text.startswith(
        "/* Presto View"
    ):
        return Classified(Kind.ATHENA_VIEW)
    if any(k.startswith(("view.query.out", "view.catalogandnamespace")) for k in table.parameters):
        return Classified(Kind.SPARK_VIEW)
    return Classified(
        Kind.HIVE_VIEW,
        "it is a view in Hive's SQL, which neither Spark nor headwater reads with Hive's meaning; "
        "create it again from Spark or Athena",
    )


def _is_s3_tables(table: GlueTable) -> bool:
    return (
        "s3tablescatalog" in (table.catalog_id or "").lower() or table.federated == "aws:s3tables"
    )


def _federated(table: GlueTable) -> Classified:
    if _is_s3_tables(table):
        return Classified(
            Kind.S3_TABLES,
            "it lies in an S3 Tables bucket and Glue does not name its metadata file; the Iceberg "
            "REST endpoint of S3 Tables does, and headwater does not call it",
        )
    return Classified(
        Kind.FEDERATED,
        f"its rows are held by another system, behind the connection {table.federated!r}, "
        "and only Athena or Glue's own jobs reach through it",
    )


def _spark(table: GlueTable, provider: str) -> Classified:
    if provider not in SPARK_FILE_PROVIDERS:
        return Classified(Kind.SPARK, f"Spark's data source {provider!r} is not one of plain files")
    return Classified(Kind.SPARK, _needs_location(table))


def _hive(table: GlueTable) -> Classified:
    if table.table_type == "GOVERNED":
        return Classified(
            Kind.UNKNOWN, "it is a governed table, which AWS retired at the end of 2024"
        )
    if table.parameter("transactional").lower() == "true":
        return Classified(
            Kind.HIVE,
            "it is a transactional (ACID) table of Hive: its files hold changes, deleted rows "
            "among them, which only Hive puts together; write it out as Iceberg or Parquet",
        )
    if handler := table.parameter("storage_handler"):
        return Classified(
            Kind.HIVE,
            f"its rows come from the storage handler {handler.rpartition('.')[2]!r}, code "
            "that Hive loads; its files say nothing of them",
        )
    if not table.storage.serde and not table.storage.input_format:
        return Classified(Kind.UNKNOWN, "Glue says neither its serde nor its input format")
    return Classified(Kind.HIVE, _needs_location(table))


def _needs_location(table: GlueTable) -> str | None:
    location = data_location(table)
    if location.lower().startswith(("s3://", "s3a://", "s3n://")):
        return None
    if table.parameter("storage.location.template"):
        return None
    return f"its location is {location!r}, not in S3" if location else "it has no location"


def data_location(table: GlueTable) -> str:
    """Return where a table's files lie.

    Spark files a table that Hive can't read under a placeholder, and its true place under `path`.
    Source: Apache Spark, HiveExternalCatalog.newSparkSQLSpecificMetastoreTable.
    """
    path = table.storage.parameters.get("path", "")
    location = table.storage.location
    if path and (not location or location.rstrip("/").endswith("__PLACEHOLDER__")):
        return path
    if path and table.parameter("spark.sql.sources.provider"):
        return path
    return location
