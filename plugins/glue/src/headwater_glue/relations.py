"""From a table and its partitions to what an engine reads: the files, each of them named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from headwater.errors import SourceError, UnsupportedError
from headwater.lakes.layout import FORMATS
from headwater.lakes.places import Store
from headwater.tables.relation import (
    CatalogRelation,
    DataFile,
    DeltaRelation,
    FilePartition,
    FileRelation,
    IcebergRelation,
    Relation,
)
from headwater.tables.table import Column, Partition, Table, TableName
from headwater_aws.lakes.delta import DeltaState
from headwater_aws.lakes.iceberg import IcebergState
from headwater_aws.lakes.markers import lake_at
from headwater_aws.objects import read_object
from headwater_glue.catalog import GluePartition
from headwater_glue.descriptions import GlueDetail
from headwater_glue.kinds import Kind, data_location
from headwater_glue.manifests import manifest_files
from headwater_glue.serde import Reading, reader_columns, reading

if TYPE_CHECKING:
    from headwater_aws.listing import S3Object
    from headwater_aws.listings import Listings
    from headwater_aws.session import AwsSession

_HINTS: Final = {
    "Delta": "declare in Glue what it is: table property spark.sql.sources.provider=delta, its "
    "location that of the Delta table",
    "Iceberg": "declare in Glue what it is: table properties table_type=ICEBERG and "
    "metadata_location, the newest of its metadata files",
    "Hudi": "let Hudi's own sync register it, and read it on a Spark that has Hudi",
}


def relation_of(
    table: Table, partitions: Sequence[Partition] | None, listings: Listings, auth_ref: str
) -> Relation:
    """Return how an engine reads a table.

    Args:
        table: As the catalog described it.
        partitions: Those to read, with their columns; None for an unpartitioned table.
        listings: Lists the files.
        auth_ref: Whose credentials the engine will read them with.

    Raises:
        UnsupportedError: If no engine reads it, or one of its partitions; names it, says why.
    """
    detail: GlueDetail = table.detail
    if table.unqueryable:
        raise UnsupportedError(f"table {table.name} can't be read: {table.unqueryable}")
    match detail.kind:
        case Kind.HIVE | Kind.SPARK | Kind.MANIFEST:
            return _files(table, detail, partitions, listings, auth_ref)
        case Kind.ICEBERG if isinstance(detail.state, IcebergState):
            return IcebergRelation(
                _stands_for(table, detail),
                table.columns,
                detail.entry.parameter("metadata_location"),
                detail.state.snapshot_id,
                auth_ref,
                detail.state.files,
                detail.state.bytes,
                column_ids=detail.state.column_ids,
                table_id=detail.state.table_id,
            )
        case Kind.DELTA if isinstance(detail.state, DeltaState):
            return DeltaRelation(
                _stands_for(table, detail),
                table.columns,
                detail.state.location,
                detail.state.version,
                auth_ref,
                detail.state.files,
                detail.state.bytes,
                detail.state.features,
                table_id=detail.state.table_id,
            )
        case Kind.HUDI:
            return CatalogRelation(table.name, table.columns, detail.entry.catalog_id)
        case _:
            raise UnsupportedError(f"table {table.name} is a {table.kind}: it is not read as files")


def _files(
    table: Table,
    detail: GlueDetail,
    partitions: Sequence[Partition] | None,
    listings: Listings,
    auth_ref: str,
) -> FileRelation:
    schemas = _AvroSchemas(listings.session, table.name)
    groups = (
        [FilePartition(location=data_location(detail.entry))]
        if partitions is None
        else [_group(table, detail, p, schemas) for p in sorted(partitions, key=_order)]
    )
    locations = [g.location for g in groups]
    if detail.kind is Kind.MANIFEST:
        by_location = manifest_files(listings.session, locations, str(table.name))
    else:
        by_location = listings.files(locations)
        _refuse_lake(table, detail, groups, by_location, listings)
    return FileRelation(
        name=_stands_for(table, detail),
        columns=table.columns,
        partition_columns=table.partition_keys,
        format=detail.how.format,
        options=schemas.inlined(detail.how.options),
        partitions=tuple(groups),
        files=tuple(
            DataFile(file.uri, file.size, index, file.etag)
            for index, group in enumerate(groups)
            for file in by_location[group.location]
        ),
        auth_ref=auth_ref,
    )


def _refuse_lake(
    table: Table,
    detail: GlueDetail,
    groups: Sequence[FilePartition],
    by_location: Mapping[str, Sequence[S3Object]],
    listings: Listings,
) -> None:
    """Refuse files that only a Delta, Iceberg or Hudi table's own state can tell the rows of.

    Raises:
        SourceError: Its code is `lake-as-files`.
    """
    read = [
        g.location
        for g in groups
        if by_location[g.location] and (g.format or detail.how.format) in FORMATS
    ]
    if not read:
        return
    lake = lake_at(listings, data_location(detail.entry) or None, read)
    if lake is not None:
        raise lake.refused(table.name, _HINTS[lake.kind])


def _stands_for(table: Table, detail: GlueDetail) -> TableName:
    """Return the table behind a name: where its links lead, or itself."""
    if not detail.links:
        return table.name
    return TableName(detail.entry.database, detail.entry.name, detail.entry.catalog_id)


class _AvroSchemas:
    """Avro schemas that a table names by URLs, read as the table's files are: by its identity.

    An engine that is given such a URL opens it wherever it leads, as itself.
    """

    def __init__(self, session: AwsSession, table: TableName) -> None:
        self._session = session
        self._table = table
        self._read: dict[str, str] = {}

    def inlined(self, options: Mapping[str, str]) -> Mapping[str, str]:
        """Return reader options in which a schema's URL is replaced by the schema.

        Raises:
            UnsupportedError: If it does not lie in S3; code `foreign-place`.
            SourceError, AccessDeniedError: If it can't be read.
        """
        if (url := options.get(_SCHEMA_URL)) is None:
            return options
        if url not in self._read:
            self._read[url] = self._schema(url)
        rest = {k: v for k, v in options.items() if k != _SCHEMA_URL}
        return {"avroSchema": self._read[url], **rest}

    def _schema(self, url: str) -> str:
        Store("s3").path(url, "its avro.schema.url", self._table)
        content = read_object(self._session, url, f"read the Avro schema of {self._table}")
        try:
            if len(content) > _LARGEST_SCHEMA:
                raise ValueError(f"it has {len(content):,} bytes")
            return content.decode()
        except ValueError as error:
            raise SourceError(
                f"table {self._table}: {url} is no Avro schema that can be read: {error}"
            ) from error


_SCHEMA_URL: Final = "avroSchemaUrl"
_LARGEST_SCHEMA: Final = 2**20


def _group(
    table: Table, table_detail: GlueDetail, partition: Partition, schemas: _AvroSchemas
) -> FilePartition:
    """Return a partition without its files, with what differs from the table."""
    partition_detail = partition.detail
    if not partition.location:
        raise SourceError(
            f"table {table.name}: its partition {_spelled(table, partition)} is registered without "
            "a location, so where its files lie is not known",
            code="partition-location",
            hint="register it again with its location, or leave it out by a condition on its keys",
        )
    if not isinstance(partition_detail, GluePartition) or table_detail.kind is not Kind.HIVE:
        # Projected partitions, and those of Spark's own tables, are read as the table is.
        columns = _file_columns(table, table_detail)
        return FilePartition(partition.values, partition.location, columns=columns)
    how = (
        reading(partition_detail.storage, table_detail.entry.parameters)
        if partition_detail.storage.serde
        else table_detail.how
    )
    if how.refused:
        raise UnsupportedError(
            f"table {table.name}: its partition {_spelled(table, partition)} can't be read: "
            f"{how.refused}",
            hint="leave the partition out by a condition on its keys, or write it anew",
        )
    columns = (
        reader_columns(partition_detail.storage.columns, how)
        if partition_detail.has_columns
        else ()
    )
    data = tuple(c for c in table.columns if c.name not in table.partition_keys)
    same = how == table_detail.how
    columns = columns or _file_columns(table, table_detail) or ()
    if how.format not in _POSITIONAL:
        keys = {k.lower() for k in table.partition_keys}
        columns = tuple(c for c in columns if c.name.lower() not in keys)
    return FilePartition(
        values=partition.values,
        location=partition.location,
        columns=columns if columns and _differ(columns, data, how) else None,
        format=None if same else how.format,
        options=None if same else schemas.inlined(how.options),
    )


def _file_columns(table: Table, detail: GlueDetail) -> tuple[Column, ...] | None:
    """Return the columns of text files that also hold a partition key; None where they don't.

    Columns of text are told by position: a partition key that the table lists among them has one.
    """
    columns = reader_columns(detail.entry.storage.columns, detail.how)
    keys = {k.lower() for k in table.partition_keys}
    twice = any(c.name.lower() in keys for c in columns)
    return columns if twice and detail.how.format in _POSITIONAL else None


_POSITIONAL: Final = ("csv", "hive-text", "hive-csv")
"""Formats whose files are read by position."""


def _differ(own: Sequence[Column], tables: Sequence[Column], how: Reading) -> bool:
    """Return whether a partition's columns change how its files are read.

    Text files are read by position. The others are read by name: a column that only one of the
    two declares changes nothing, one that both declare with different types does.
    """
    if how.format in _POSITIONAL:
        return _folded(own) != _folded(tables)
    table_types = dict(_folded(tables))
    return any(table_types.get(name, text) != text for name, text in _folded(own))


def _folded(columns: Sequence[Column]) -> list[tuple[str, str]]:
    return [(c.name.lower(), str(c.type).lower()) for c in columns]


def _order(partition: Partition) -> tuple[str, ...]:
    return tuple(v or "" for v in partition.values)


def _spelled(table: Table, partition: Partition) -> str:
    pairs = zip(table.partition_keys, partition.values, strict=True)
    return "/".join(f"{k}={v}" for k, v in pairs)
