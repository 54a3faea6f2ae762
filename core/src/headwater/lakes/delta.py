"""What a Delta log may ask of a reader: its protocol, its configuration, the files that it names.

Readers of Delta follow more than data: a table may name files by absolute URIs, send its readers to
another table (redirects), or to a service that knows its commits (coordinated commits, with the
address in the table's own configuration). So features are admitted by name, and a log's paths are
relative to the table or are refused.

Source: Delta Transaction Log Protocol, "Table Features", "Column Mapping", "Add File", "Deletion
Vectors", "Sidecar File Information".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

from headwater.auth.credentials import Credentials
from headwater.errors import SourceError, UnsupportedError
from headwater.lakes.iceberg import foreign_setting
from headwater.lakes.places import foreign, odd
from headwater.tables.table import TableName

COLUMN_MAPPING: Final = "columnMapping"
DELETION_VECTORS: Final = "deletionVectors"
V2_CHECKPOINT: Final = "v2Checkpoint"
FEATURES: Final = frozenset(
    {
        COLUMN_MAPPING,
        DELETION_VECTORS,
        V2_CHECKPOINT,
        "timestampNtz",
        "typeWidening",
        "typeWidening-preview",
        "vacuumProtocolCheck",
        "variantType",
        "variantType-preview",
    }
)
"""Reader features that an engine here may know."""
NEWEST: Final = 3
"""The highest reader version that is known; from it on, features are named one by one."""

MODE: Final = "delta.columnMapping.mode"
_STEERING: Final = (
    "delta.catalogmanaged",
    "delta.catalogowned",
    "delta.coordinatedcommits",
    "delta.redirect",
    "delta.universalformat.config",
    "fs.",
    "io.unitycatalog",
    "option.fs.",
    "spark.",
)
"""How the names begin of configuration that sends a reader elsewhere."""
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_UUID_LENGTH: Final = 20
"""Of a deletion vector's identifier in Base85; what stands before it is a directory."""


def features_of(
    reader_version: int,
    features: Iterable[str] | None,
    configuration: Mapping[str, str | None],
    table: TableName | str,
) -> tuple[str, ...]:
    """Return the reader features that a table uses, whichever form its protocol has.

    Reader version 2 stands for column mapping, and does not name it.

    Args:
        reader_version: Its protocol's `minReaderVersion`.
        features: Its protocol's `readerFeatures`.
        configuration: Of its metadata.
        table: The table, for messages.

    Raises:
        UnsupportedError: If it needs a feature that is not known, or its configuration would send
            a reader elsewhere.
        SourceError: If its protocol and its configuration contradict each other.
    """
    for name in sorted(configuration):
        if name.strip().casefold().startswith(_STEERING):
            raise foreign_setting(table, name)
    named = set(features or ())
    if not 1 <= reader_version <= NEWEST:
        raise UnsupportedError(
            f"Delta table {table} needs readers of version {reader_version}; versions up to "
            f"{NEWEST} are known"
        )
    if named and reader_version < NEWEST:
        raise _contradicts(table, f"it is of reader version {reader_version} and names features")
    if unknown := sorted(named - FEATURES):
        raise UnsupportedError(
            f"Delta table {table} needs the reader feature {unknown[0]!r}, which is not known here",
            hint=f"known are {', '.join(sorted(FEATURES))}",
        )
    mode = column_mapping(configuration, table)
    mapped = reader_version == 2 or COLUMN_MAPPING in named
    if mode != "none" and not mapped:
        raise _contradicts(
            table, f"{MODE} is {mode!r}, and its protocol does not ask readers to know of it"
        )
    features_ = named - {COLUMN_MAPPING} | ({COLUMN_MAPPING} if mode != "none" else set())
    return tuple(sorted(features_))


def column_mapping(configuration: Mapping[str, str | None], table: TableName | str) -> str:
    """Return how a table's columns are found in its files: `none`, `name` or `id`.

    Raises:
        UnsupportedError: If it is another word.
    """
    mode = (configuration.get(MODE) or "none").strip().casefold()
    if mode not in ("none", "name", "id"):
        raise UnsupportedError(f"Delta table {table}: its {MODE} {mode!r} is not known")
    return mode


def file_path(path: str, table: TableName | str, what: str = "a data file") -> str:
    """Return the path, below the table's directory, of a file that its log names.

    Args:
        path: As the log spells it, percent-encoded.
        table: The table, for messages.
        what: What it names, for messages.

    Raises:
        UnsupportedError: If it leads out of that directory; code `foreign-place`.
    """
    if _SCHEME.match(path) or path.startswith(("/", "\\")):
        problem: str | None = "it is no path below the table's own directory"
    elif "?" in path or "#" in path:
        problem = "it holds `?` or `#`, at which some readers cut it off"
    else:
        problem = odd(path)
    if problem or not path:
        raise foreign(table, what, path, problem or "it is empty")
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError as error:
        raise foreign(table, what, path, "what it encodes is not UTF-8") from error


def check_vector(storage: str, place: str, table: TableName | str) -> None:
    """Refuse a deletion vector that lies elsewhere.

    Args:
        storage: Its `storageType`: `u` (below the table), `i` (in the log itself) or `p` (a URI).
        place: Its `pathOrInlineDv`.
        table: The table, for messages.

    Raises:
        UnsupportedError: If it is not `u` or `i`; code `foreign-place`.
    """
    if storage == "i":
        return
    if storage != "u" or not re.fullmatch(r"[A-Za-z0-9_-]*", place[:-_UUID_LENGTH]):
        problem = "it is no path below the table's own directory"
        raise foreign(table, "a deletion vector", place, problem)


def check_sidecar(path: str, table: TableName | str) -> None:
    """Refuse a sidecar of a checkpoint that does not lie beside the others.

    Raises:
        UnsupportedError: If it is more than a file's name; code `foreign-place`.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", path):
        problem = "it is no name of a file in _delta_log/_sidecars"
        raise foreign(table, "a sidecar of its checkpoint", path, problem)


def storage_options(credentials: Credentials | None) -> dict[str, str]:
    """Return delta-rs's storage options for credentials. They hold secrets: don't keep them."""
    if credentials is None:
        return {}
    words = {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
    }
    options = {
        w: credentials.secrets[k].reveal() for k, w in words.items() if k in credentials.secrets
    }
    if region := credentials.settings.get("region"):
        options["AWS_REGION"] = region
    if endpoint := credentials.settings.get("endpoint_url"):
        options["AWS_ENDPOINT_URL"] = endpoint
        options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] = "false"
        if endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
    return options


def _contradicts(table: TableName | str, how: str) -> SourceError:
    return SourceError(
        f"Delta table {table}: {how}",
        code="broken-delta",
        hint="its log contradicts itself, so how its files are read is not known",
    )
