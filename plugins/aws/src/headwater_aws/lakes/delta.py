"""A Delta table's state, read from its transaction log by the deltalake library.

Glue's columns are a stand-in (`col array<string>`) where Spark registered the table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headwater.errors import SourceError, UnsupportedError
from headwater.lakes.delta import (
    DELETION_VECTORS,
    V2_CHECKPOINT,
    check_sidecar,
    check_vector,
    features_of,
    file_path,
    storage_options,
)
from headwater.lakes.places import Store
from headwater.tables.table import Column
from headwater.untrusted.texts import json_value
from headwater_aws.errors import translating
from headwater_aws.lakes.spark_schema import schema_columns
from headwater_aws.listing import list_files, parse_uri
from headwater_aws.objects import read_object, read_objects
from headwater_aws.recording import note_objects_below

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

INSTALL = "pip install deltalake"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class DeltaState:
    """A Delta table at one version.

    Args:
        columns: Of its schema, in its order.
        version: The newest version of its log.
        location: URI of its directory.
        files: Data files of that version.
        bytes: Their size.
        features: Reader features that it uses.
        table_id: The id in its metadata.
    """

    columns: tuple[Column, ...]
    version: int
    location: str
    files: int
    bytes: int
    features: tuple[str, ...] = ()
    table_id: str | None = None


def delta_state(session: AwsSession, location: str, table: str) -> DeltaState:
    """Return a table's newest state.

    Args:
        session: Who reads it.
        location: URI of the table's directory.
        table: The table, for messages.

    Raises:
        UnsupportedError: If deltalake is not installed; or the table needs a feature that is not
            known, or leads its readers elsewhere.
        AccessDeniedError: If the session may not list or read its log.
        SourceError: If there is no log there, or it can't be read.
    """
    try:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError
    except ImportError as error:
        raise UnsupportedError(
            f"table {table} is a Delta table, and deltalake is not installed", hint=INSTALL
        ) from error
    uri = "s3://" + location.partition("://")[2]
    Store("s3").path(uri, "its location", table, directory=True)
    note_objects_below(session, f"{uri.rstrip('/')}/_delta_log/")
    try:
        log = DeltaTable(uri, storage_options=storage_options(session.storage()))
        protocol, metadata = log.protocol(), log.metadata()
        configuration = metadata.configuration
        columns = schema_columns(json_value(log.schema().to_json()))
        actions = log.get_add_actions(flatten=True)
        paths, sizes = actions["path"].to_pylist(), actions["size_bytes"].to_pylist()
    except TableNotFoundError as error:
        raise SourceError(
            f"table {table}: there is no Delta log at {uri}",
            code="broken-delta",
            hint="the table was moved or removed; or it is not a Delta table any more",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(
            f"table {table}: its Delta log at {uri} names a schema that can't be read: {error}",
            code="broken-delta",
        ) from error
    except (DeltaError, OSError) as error:
        reason = _ANSI.sub("", str(error))
        if "403" in reason or "privileges" in reason:
            _refusal(session, f"{uri.rstrip('/')}/_delta_log/", table)
        if "Unsupported" in reason or "catalog-managed" in reason:
            raise UnsupportedError(
                f"Delta table {table} can't be read here: {reason}",
                hint="its owner can drop the feature: ALTER TABLE ... DROP FEATURE",
            ) from error
        raise SourceError(
            f"table {table}: its Delta log at {uri} can't be read: {reason}", code="broken-delta"
        ) from error
    features = features_of(
        protocol.min_reader_version, protocol.reader_features, configuration, table
    )
    for path in paths:
        file_path(path, table)
    if {DELETION_VECTORS, V2_CHECKPOINT} & set(features):
        _check_elsewhere(session, f"{uri.rstrip('/')}/_delta_log/", table)
    return DeltaState(
        columns, log.version(), uri, len(sizes), sum(sizes), features, str(metadata.id)
    )


def _check_elsewhere(session: AwsSession, log: str, table: str) -> None:
    """Check what deltalake does not show: the places of deletion vectors and sidecars.

    Every file of the log that Spark may read is looked at, so none of them leads elsewhere.

    Raises:
        UnsupportedError: Naming the first that does.
        SourceError: If a file of the log can't be read.
    """
    doing = f"read the Delta log of {table}"
    names = [f.uri for f in list_files(session, log, recursive=False)]
    read = [n for n in names if n.endswith((".json", ".parquet"))]
    sidecars: list[str] = []
    for uri, content in read_objects(session, read, doing).items():
        sidecars += _check_actions(uri, content, table)
    for uri, content in read_objects(
        session, [f"{log}_sidecars/{name}" for name in dict.fromkeys(sidecars)], doing
    ).items():
        _check_actions(uri, content, table)


def _check_actions(uri: str, content: bytes, table: str) -> list[str]:
    """Check the deletion vectors of a file of the log; return the sidecars that it names."""
    try:
        actions = _readable(uri, content)
        vectors = [
            v for a in actions if (v := (a.get("add") or {}).get("deletionVector")) is not None
        ]
        sidecars = [s["path"] for a in actions if (s := a.get("sidecar")) is not None]
        places = [(v["storageType"], v["pathOrInlineDv"]) for v in vectors]
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise SourceError(
            f"table {table}: {uri} of its Delta log can't be read: {error}", code="broken-delta"
        ) from error
    for storage, place in places:
        check_vector(str(storage), str(place), table)
    for path in sidecars:
        check_sidecar(str(path), table)
    return sidecars


def _actions(uri: str, content: bytes) -> list[dict[str, Any]]:
    if uri.endswith(".json"):
        return [json_value(line) for line in content.splitlines() if line.strip()]
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(content))
    # Of an `add`, its statistics are by far the most.
    paths = {file.schema.column(i).path for i in range(len(file.schema.names))}
    columns = [
        c
        for c in (
            "add.deletionVector.storageType",
            "add.deletionVector.pathOrInlineDv",
            "sidecar.path",
        )
        if c in paths
    ]
    actions: list[dict[str, Any]] = file.read(columns=columns).to_pylist() if columns else []
    return actions


def _readable(uri: str, content: bytes) -> list[dict[str, Any]]:
    import pyarrow as pa

    try:
        return _actions(uri, content)
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _refusal(session: AwsSession, log: str, table: str) -> None:
    """Repeat a call that deltalake was refused: the error names action, resource and caller.

    Raises:
        AccessDeniedError: If it is refused here too.
    """
    bucket, prefix = parse_uri(log)
    doing = f"read the Delta log of {table}"
    with translating(doing=f"{doing} at {log}", resource=f"s3://{bucket}", session=session):
        session.client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
    for file in list_files(session, log):
        read_object(session, file.uri, doing)
