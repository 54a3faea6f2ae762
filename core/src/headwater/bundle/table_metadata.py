"""What a bundle keeps of a table's metadata: no values of rows, and not who did what.

Who fills a catalog or a log may have put anything into it. So of each kind of document stays what a
reader needs; other documents, and other parts of these, go.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from headwater.bundle.parquet_footers import can_be_moment
from headwater.sql.syntax.words import words
from headwater.untrusted.texts import json_value

if TYPE_CHECKING:
    import pyarrow as pa

_ICEBERG: Final = words(
    """
    format-version table-uuid location last-sequence-number last-updated-ms last-column-id schema
    schemas current-schema-id partition-spec partition-specs default-spec-id last-partition-id
    properties current-snapshot-id snapshots snapshot-log metadata-log sort-orders
    default-sort-order-id refs next-row-id
    """
)
_CHECKPOINT: Final = words("version size parts sizeInBytes numOfAddFiles checksum v2Checkpoint")
_AVRO: Final = words(
    """
    type name namespace fields items values symbols logicalType precision scale size default aliases
    order adjust-to-utc field-id element-id key-id value-id
    """
)


def description(value: Any) -> Any:
    """Return the parts of a JSON document that a reader needs, if it describes a table.

    Args:
        value: The document. Who fills a catalog may have named any object, rows too.

    Raises:
        ValueError: If it does not, as far as is known.
    """
    if isinstance(value, dict):
        if "format-version" in value:
            return {k: v for k, v in value.items() if k in _ICEBERG}
        if type(value.get("version")) is int and type(value.get("size")) is int:
            return {k: v for k, v in value.items() if k in _CHECKPOINT}
    if _is_avro(value):
        return _avro(value)
    raise ValueError("it is no description of a table that is known")


def _is_avro(value: Any) -> bool:
    match value:
        case {"type": "record", "name": str(), "fields": list(fields)}:
            return all(isinstance(f, dict) and {"name", "type"} <= set(f) for f in fields)
        case list():
            return bool(value) and all(isinstance(v, str) or _is_avro(v) for v in value)
    return False


def _avro(value: Any) -> Any:
    match value:
        case dict():
            return {k: v if k == "default" else _avro(v) for k, v in value.items() if k in _AVRO}
        case list():
            return [_avro(v) for v in value]
    return value


_LOGGED: Final = words(
    "add remove cdc metaData protocol txn domainMetadata sidecar checkpointMetadata commitInfo"
)
"""Columns of a checkpoint."""
_ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "add": words(
        "path partitionValues partitionValues_parsed size modificationTime dataChange stats "
        "deletionVector baseRowId defaultRowCommitVersion clusteringProvider"
    ),
    "remove": words(
        "path partitionValues size deletionTimestamp dataChange extendedFileMetadata stats "
        "deletionVector baseRowId defaultRowCommitVersion"
    ),
    "cdc": words("path partitionValues size dataChange"),
    "metaData": words("id name format schemaString partitionColumns configuration createdTime"),
    "protocol": words("minReaderVersion minWriterVersion readerFeatures writerFeatures"),
    "checkpointMetadata": words("version"),
    "sidecar": words("path sizeInBytes modificationTime"),
}
"""Actions of a Delta log that a reader needs, and what of them; others say who did what."""


def action(line: Any) -> Any:
    """Return the parts of a Delta log's line that a bundle keeps.

    Args:
        line: A line with one action, or a row of a checkpoint.

    Raises:
        ValueError: If it is not an action.
    """
    if not isinstance(line, dict):
        raise ValueError("it is no action of a log")
    kept: dict[str, Any] = {}
    for name, fields in _ACTIONS.items():
        action = line.get(name)
        if not isinstance(action, dict):
            continue
        kept[name] = fields_ = {k: v for k, v in action.items() if k in fields}
        if isinstance(fields_.get("stats"), str):
            fields_["stats"] = json.dumps(_counted(json_value(fields_["stats"])))
    return kept or {"commitInfo": {}}


def _counted(statistics: Any) -> Any:
    """Return the statistics of a file: counts, and bounds that are moments."""
    if not isinstance(statistics, dict):
        return {}
    names = ("numRecords", "nullCount", "tightBounds", "minValues", "maxValues")
    return {
        k: _bounds(v) if k in ("minValues", "maxValues") else v
        for k, v in statistics.items()
        if k in names
    }


def _bounds(value: Any) -> Any:
    match value:
        case dict():
            bounds = {k: _bounds(v) for k, v in value.items()}
            return {k: v for k, v in bounds.items() if v is not None}
        case str() if re.fullmatch(
            r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d[\d:.]{0,13}(?:Z|[+-]\d\d:?\d\d)?)?", value
        ):
            return value
        case int() if can_be_moment(value):
            return value
    return None


def checkpoint(content: bytes, rewrite: Callable[[dict[str, Any]], Any]) -> bytes:
    """Return a checkpoint of a Delta log with each action rewritten.

    Args:
        content: The checkpoint, a Parquet file.
        rewrite: Returns an action's replacement.

    Raises:
        ValueError: If it can't be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
        # Structs by column say again, by names of columns, what the actions say.
        schema = pa.schema([_unparsed(f) for f in table.schema if f.name in _LOGGED])
        rows = [_paired(rewrite(row), pa.struct(list(schema))) for row in _rows(table)]
        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema), sink)
        return sink.getvalue()
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def checkpoint_rows(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the actions of a checkpoint of a Delta log."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    yield from _rows(pq.read_table(pa.BufferReader(content)))


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for row in table.to_pylist(maps_as_pydicts="strict"):
        yield {k: v for k, v in row.items() if v is not None}


def _unparsed(field: pa.Field[Any]) -> pa.Field[Any]:
    import pyarrow as pa

    type_: Any = field.type
    if pa.types.is_struct(type_):
        inner = [type_.field(n) for n in range(type_.num_fields)]
        type_ = pa.struct([f for f in inner if not f.name.endswith("_parsed")])
    return pa.field(field.name, type_, field.nullable)


def _paired(value: Any, type_: Any) -> Any:
    """Return a value in which maps are pairs, as Arrow takes them."""
    import pyarrow as pa

    match value:
        case dict() if pa.types.is_map(type_):
            return [(k, _paired(v, type_.item_type)) for k, v in value.items()]
        case dict() if pa.types.is_struct(type_):
            fields = {type_.field(n).name: type_.field(n).type for n in range(type_.num_fields)}
            return {k: _paired(v, fields[k]) for k, v in value.items() if k in fields}
        case list() if pa.types.is_list(type_) or pa.types.is_large_list(type_):
            return [_paired(v, type_.value_type) for v in value]
    return value
