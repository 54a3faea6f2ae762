"""An Iceberg table's state, read from the metadata file that Glue points to.

Glue's own columns are not the table's: its Iceberg writers keep those of old schemas beside the
current ones. The metadata file is the truth, and reading it pins the snapshot.

Source: Apache Iceberg, "Table Spec"; its type mapping to Spark, "Spark Writes".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from headwater import types as t
from headwater.errors import SourceError
from headwater.lakes.iceberg import column_id, current_schema, pinned
from headwater.lakes.places import Store
from headwater.tables.table import Column
from headwater.types import DataType
from headwater.types.text import TypeTextError, parse_type
from headwater.untrusted.texts import packed_json, whole_number
from headwater_aws.objects import read_object

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_PRIMITIVES: Final = {
    "boolean": t.BOOLEAN,
    "int": t.INT,
    "long": t.BIGINT,
    "float": t.FLOAT,
    "double": t.DOUBLE,
    "date": t.DATE,
    "timestamp": t.TIMESTAMP_NTZ,
    "timestamptz": t.TIMESTAMP,
    "string": t.STRING,
    "uuid": t.STRING,
    "binary": t.BINARY,
}


@dataclass(frozen=True, slots=True)
class IcebergState:
    """An Iceberg table at one moment.

    Args:
        columns: Of the current schema, in its order, as Spark types them.
        snapshot_id: The current snapshot; None for a table that never had one.
        location: The table's directory.
        files: Data files of the snapshot, as its summary says; None where it does not.
        bytes: Their size, likewise.
        column_ids: What tells each column from others that were called so (`column_id`).
        table_id: The table's UUID, where its metadata tells one.
    """

    columns: tuple[Column, ...]
    snapshot_id: int | None
    location: str
    files: int | None = None
    bytes: int | None = None
    column_ids: tuple[str, ...] = ()
    table_id: str | None = None


def iceberg_state(session: AwsSession, metadata_location: str, table: str) -> IcebergState:
    """Return a table's state from its metadata file.

    Args:
        session: Who reads it.
        metadata_location: URI of the file, as Glue names it.
        table: The table, for messages.

    Raises:
        SourceError: If the file is missing or is not Iceberg metadata.
        UnsupportedError: If its properties would configure a reader, or its URIs lead elsewhere.
        AccessDeniedError: If the session may not read it.
    """
    store = Store("s3")
    store.path(metadata_location, "its metadata file", table)
    content = read_object(session, metadata_location, f"read the Iceberg metadata of {table}")
    try:
        metadata = packed_json(content)
        state = parse_metadata(metadata)
        pinned(metadata, state.snapshot_id, store, table)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"table {table}: {metadata_location} is not Iceberg metadata that can be read: {error}",
            code="broken-iceberg",
            hint="the file was cut or overwritten; Glue must point to a whole one",
        ) from error
    return state


def parse_metadata(metadata: Mapping[str, Any]) -> IcebergState:
    """Return the state that an Iceberg metadata file describes.

    Raises:
        KeyError, ValueError, TypeError: If it is not one.
    """
    current = metadata.get("current-snapshot-id")
    snapshot_id = None if current in (None, -1) else _whole_number(current)
    snapshots = {_whole_number(s["snapshot-id"]): s for s in metadata.get("snapshots") or ()}
    if snapshot_id is not None and snapshot_id not in snapshots:
        raise ValueError(f"it names the snapshot {snapshot_id} and does not hold it")
    summary = snapshots[snapshot_id].get("summary", {}) if snapshot_id is not None else {}
    fields = current_schema(metadata)["fields"]
    return IcebergState(
        columns=tuple(
            Column(_text(f["name"]), iceberg_type(f["type"]), f.get("doc")) for f in fields
        ),
        snapshot_id=snapshot_id,
        location=_text(metadata["location"]),
        files=_number(summary.get("total-data-files")) if snapshot_id is not None else 0,
        bytes=_number(summary.get("total-files-size")) if snapshot_id is not None else 0,
        column_ids=tuple(column_id(f) for f in fields),
        table_id=uuid if isinstance(uuid := metadata.get("table-uuid"), str) else None,
    )


def iceberg_type(type_: Any) -> DataType:
    """Return the type in which Spark reads an Iceberg type; one that it does not read is marked."""
    if isinstance(type_, str):
        if type_ in _PRIMITIVES:
            return _PRIMITIVES[type_]
        if type_.startswith("fixed"):
            return t.BINARY
        if type_.startswith("decimal"):
            try:
                return parse_type(type_.replace(" ", ""))
            except TypeTextError as error:
                return t.unreadable(type_, str(error))
        return t.unreadable(type_, "Spark has no type for it")
    match type_["type"]:
        case "list":
            return t.array(iceberg_type(type_["element"]))
        case "map":
            return t.map_of(iceberg_type(type_["key"]), iceberg_type(type_["value"]))
        case "struct":
            return t.struct(*((_text(f["name"]), iceberg_type(f["type"])) for f in type_["fields"]))
        case other:
            return t.unreadable(str(other), "Spark has no type for it")


def _number(text: Any) -> int | None:
    number = whole_number(str(text or ""))
    return number if number is not None and number >= 0 else None


def _whole_number(value: Any) -> int:
    number = whole_number(str(value))
    if number is None:
        raise ValueError(f"{str(value)[:40]!r} is no whole number")
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value
