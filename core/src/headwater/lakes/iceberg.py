"""An Iceberg metadata file, reduced to what its rows depend on.

The libraries that read Iceberg take their configuration from a table's properties too: addresses
to call, keys to sign with, classes to load. None of it is data, and nothing of it is given to them:
they get metadata that holds one snapshot, the schemas, the partition specs, and the one property
that says how columns are found. A table that tries is refused, so that its owner's mistake, or
intent, is seen.

Source: Apache Iceberg, "Table Spec"; pyiceberg, "Configuration"; Apache Iceberg, "AWS" and
"Spark Configuration".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from headwater.errors import SourceError, UnsupportedError
from headwater.lakes.places import Store
from headwater.tables.table import TableName

NAME_MAPPING: Final = "schema.name-mapping.default"
"""How columns of files without field ids are found: the one property that rows follow from."""

_STEERING: Final = (
    "adls.",
    "client.",
    "credential.",
    "dlf.",
    "dynamodb.",
    "encryption.",
    "fs.",
    "gcp.",
    "gcs.",
    "glue.",
    "gs.",
    "hdfs.",
    "header.",
    "hf.",
    "http-client.",
    "kms.",
    "oauth2-",
    "oss.",
    "rest-",
    "rest.",
    "s3.",
    "s3a.",
    "s3tables.",
    "signer.",
    "ssl.",
    "token-",
)
"""How the names begin by which FileIOs, their clients and catalogs are configured."""
_STEERING_NAMES: Final = frozenset(
    {
        "catalog-impl",
        "credential",
        "default_netloc",
        "default_scheme",
        "io-impl",
        "metrics-reporter-impl",
        "py-catalog-impl",
        "py-io-impl",
        "token",
        "uri",
        "warehouse",
    }
)
_CLASSES: Final = frozenset({"write.location-provider.impl", "write.py-location-provider.impl"})
"""Names of classes that only writers need, but that some readers load."""

_KEPT: Final = (
    "format-version",
    "table-uuid",
    "location",
    "last-sequence-number",
    "last-updated-ms",
    "last-column-id",
    "schema",
    "schemas",
    "current-schema-id",
    "partition-spec",
    "partition-specs",
    "default-spec-id",
    "last-partition-id",
    "sort-orders",
    "default-sort-order-id",
    "next-row-id",
)
_SNAPSHOT_KEPT: Final = (
    "snapshot-id",
    "parent-snapshot-id",
    "sequence-number",
    "timestamp-ms",
    "manifest-list",
    "summary",
    "schema-id",
    "first-row-id",
    "added-rows",
)
NEWEST: Final = 3
"""The highest version of the format that is known."""


def pinned(
    metadata: Mapping[str, Any],
    snapshot_id: int | None,
    store: Store,
    table: TableName | str,
) -> dict[str, Any]:
    """Return metadata that is reduced to one snapshot, in the current schema.

    Args:
        metadata: As its owner wrote it.
        snapshot_id: The snapshot; None for a table without one.
        store: Where its files may lie.
        table: The table, for messages.

    Raises:
        UnsupportedError: If a property would configure a reader (code `foreign-setting`), a URI
            leads out of the store (`foreign-place`), or it is encrypted or of a newer version.
        SourceError: If it does not hold the snapshot, or is no metadata; code `broken-iceberg`.
    """
    check_settings(metadata, table)
    version = metadata.get("format-version", 1)
    if version not in range(1, NEWEST + 1):
        raise UnsupportedError(
            f"Iceberg table {table} is of format version {version!r}; versions up to {NEWEST} are "
            "known"
        )
    store.path(_text(metadata, "location", table), "its location", table, directory=True)
    for what, uri in _statistics(metadata):
        store.path(uri, what, table)
    fields = {k: metadata[k] for k in _KEPT if k in metadata}
    properties = _properties(metadata, table)
    fields["properties"] = {k: str(v) for k, v in properties.items() if k == NAME_MAPPING}
    fields |= {"snapshots": [], "refs": {}}
    if snapshot_id is None:
        return {**fields, "current-snapshot-id": None}
    snapshot = _snapshot(metadata, snapshot_id, table)
    store.path(_text(snapshot, "manifest-list", table), "its manifest list", table)
    fields["snapshots"] = [{k: snapshot[k] for k in _SNAPSHOT_KEPT if k in snapshot}]
    fields["snapshots"][0].pop("parent-snapshot-id", None)
    fields["current-snapshot-id"] = snapshot_id
    fields["refs"] = {"main": {"snapshot-id": snapshot_id, "type": "branch"}}
    return fields


def check_settings(metadata: Mapping[str, Any], table: TableName | str) -> None:
    """Refuse a table whose properties would configure who reads it.

    Raises:
        UnsupportedError: Naming the property, never its value; code `foreign-setting`.
    """
    for name in _properties(metadata, table):
        if steers(name):
            raise foreign_setting(table, name)
    if metadata.get("encryption-keys"):
        raise UnsupportedError(f"Iceberg table {table} is encrypted, which is not read here")


def steers(name: str) -> bool:
    """Return whether a library that reads tables would take configuration from a property."""
    folded = name.strip().casefold()
    return folded in _STEERING_NAMES or folded.startswith(_STEERING)


def check_classes(metadata: Mapping[str, Any], table: TableName | str) -> None:
    """Refuse properties that name a class, for readers that are given the table's own metadata.

    Raises:
        UnsupportedError: As `check_settings`.
    """
    check_settings(metadata, table)
    for name in _properties(metadata, table):
        if name.strip().casefold() in _CLASSES:
            raise foreign_setting(table, name)


def foreign_setting(table: TableName | str, name: str) -> UnsupportedError:
    """Return the refusal of a property."""
    return UnsupportedError(
        f"table {table}: its property {name[:200]!r} would configure whoever reads the table; what "
        "is called, and as whom, is not for a table to say",
        code="foreign-setting",
        hint=f"its owner can take it out: ALTER TABLE ... UNSET TBLPROPERTIES ({name[:200]!r})",
    )


def current_schema(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema that is current.

    Raises:
        KeyError, ValueError: If it holds none.
    """
    if "schemas" not in metadata:
        only: Mapping[str, Any] = metadata["schema"]  # format version 1
        return only
    current = metadata["current-schema-id"]
    for schema in metadata["schemas"]:
        if schema["schema-id"] == current:
            checked: Mapping[str, Any] = schema
            return checked
    raise ValueError(f"it names the schema {current} and does not hold it")


def column_id(field: Mapping[str, Any]) -> str:
    """Return the identity of a column beyond its name: its id and those of its nested fields.

    Args:
        field: Of a schema, as the metadata file holds it.

    Raises:
        KeyError, TypeError: If it is none.
    """
    within = ",".join(_ids_within(field["type"]))
    return f"{field['id']}({within})" if within else str(field["id"])


def _ids_within(type_: Any) -> Iterator[str]:
    if isinstance(type_, str):
        return
    for field in type_.get("fields", ()):
        yield f"{field['name']}={column_id(field)}"
    for part in ("element", "key", "value"):
        if part in type_:
            yield column_id({"id": type_[f"{part}-id"], "type": type_[part]})


def _properties(metadata: Mapping[str, Any], table: TableName | str) -> Mapping[str, Any]:
    properties = metadata.get("properties") or {}
    if isinstance(properties, Mapping):
        return dict(sorted(properties.items()))
    raise SourceError(
        f"table {table}: the properties in its Iceberg metadata are no mapping",
        code="broken-iceberg",
    )


def _snapshot(
    metadata: Mapping[str, Any], snapshot_id: int, table: TableName | str
) -> Mapping[str, Any]:
    for snapshot in metadata.get("snapshots") or ():
        if snapshot.get("snapshot-id") == snapshot_id:
            if snapshot.get("key-id"):
                raise UnsupportedError(f"Iceberg table {table} is encrypted, which is not read")
            current: Mapping[str, Any] = snapshot
            return current
    raise SourceError(
        f"table {table}: its metadata does not hold the snapshot {snapshot_id} any more",
        code="broken-iceberg",
        hint="the snapshot was expired; plan the read again",
    )


def _statistics(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, what in (
        ("statistics", "a statistics file"),
        ("partition-statistics", "a file of partition statistics"),
    ):
        files: Sequence[Mapping[str, Any]] = metadata.get(key) or ()
        for file in files:
            yield what, str(file.get("statistics-path", ""))


def _text(fields: Mapping[str, Any], key: str, table: TableName | str) -> str:
    value = fields.get(key)
    if isinstance(value, str) and value:
        return value
    raise SourceError(f"table {table}: its Iceberg metadata has no {key}", code="broken-iceberg")
