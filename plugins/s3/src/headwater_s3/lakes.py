"""Delta and Iceberg tables that no catalog names: found by their directory, pinned to a state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from headwater.errors import SourceError
from headwater.tables.relation import DeltaRelation, IcebergRelation
from headwater.tables.table import Table, TableName
from headwater_aws.lakes.delta import DeltaState, delta_state
from headwater_aws.lakes.iceberg import iceberg_state
from headwater_aws.listing import list_files
from headwater_s3.inputs import Input

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_METADATA: Final = re.compile(r"(?:v(\d+)|(\d+)-[\w-]+)(?:\.gz)?\.metadata\.json(?:\.gz)?")
"""Source: Apache Iceberg, `HadoopTableOperations` (v1) and `BaseMetastoreTableOperations`."""


def lake_table(session: AwsSession, input_: Input, name: TableName) -> Table:
    """Return a Delta or Iceberg table as it is now.

    Raises:
        SourceError: If there is none at the input's location, or it can't be read.
    """
    place = input_.location.root
    if input_.format == "delta":
        log = delta_state(session, place, input_.name)
        return Table(name, log.columns, kind="delta", location=log.location, detail=log)
    metadata = place if place.endswith(".json") else _newest(session, place, input_.name)
    state = iceberg_state(session, metadata, input_.name)
    return Table(
        name, state.columns, kind="iceberg", location=state.location, detail=(metadata, state)
    )


def lake_relation(table: Table, auth_ref: str) -> DeltaRelation | IcebergRelation:
    """Return how an engine reads a table that `lake_table` described."""
    if isinstance(table.detail, DeltaState):
        log = table.detail
        return DeltaRelation(
            table.name,
            table.columns,
            log.location,
            log.version,
            auth_ref,
            log.files,
            log.bytes,
            log.features,
            table_id=log.table_id,
        )
    metadata, state = table.detail
    return IcebergRelation(
        table.name, table.columns, metadata, state.snapshot_id, auth_ref, state.files, state.bytes,
        column_ids=state.column_ids, table_id=state.table_id,
    )  # fmt: skip


def _newest(session: AwsSession, place: str, name: str) -> str:
    """Return the metadata file with the highest number; two of them are nobody's to choose from."""
    folder = f"{place.rstrip('/')}/metadata/"
    versions: dict[int, list[str]] = {}
    for file in list_files(session, folder, recursive=False):
        if match := _METADATA.fullmatch(file.uri.rpartition("/")[2]):
            versions.setdefault(int(match[1] or match[2]), []).append(file.uri)
    if not versions:
        raise SourceError(
            f"input {name!r}: there is no Iceberg metadata in {folder}",
            code="broken-iceberg",
            hint="path is the table's directory, or one of its metadata files",
        )
    newest = versions[max(versions)]
    if len(newest) > 1:
        raise SourceError(
            f"input {name!r}: {newest[0]} and {newest[1]} are both the newest; only the table's "
            "catalog knows which one was committed",
            code="broken-iceberg",
            hint="read the table through its catalog, or name the metadata file as path",
        )
    return newest[0]
