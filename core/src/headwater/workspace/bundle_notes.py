"""What a bundle notes of a connection: its configuration, its secrets (to strike them), footers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretBytes, SecretStr

from headwater.auth.credentials import Access, Secret, TokenSource
from headwater.bundle.parquet_footers import LARGEST
from headwater.engines.small_files import SMALL, small_content
from headwater.errors import HeadwaterError
from headwater.interfaces.abilities import Ending, Streaming
from headwater.interfaces.offers import offers
from headwater.interfaces.recording import Recording, footer_length
from headwater.tables.table import TimePartition

if TYPE_CHECKING:
    from headwater.interfaces.definition import Definition
    from headwater.tables.relation import DataFile
    from headwater.workspace.model import Connection

_TAIL: Final = 64 * 2**10
"""Bytes of a file's end that hold most footers."""
_THREADS: Final = 8
_LEFT_OUT: Final = frozenset({"endpoint_url", "cache"})
"""Fields of a source that a replay has its own of."""
_OF_IDENTITY: Final = ("type", "role_arn", "session_name", "duration", "profile")


def note_connection(recording: Recording, connection: Connection) -> None:
    """Note how a connection, and the actuals that are joined to it, are configured.

    Args:
        recording: Where.
        connection: What is examined.
    """
    version: dict[str, Any] = dict(connection.schema.to_dict())
    secrets: set[str] = set()
    for part in connection.parts:
        version[str(part.purpose)] = _definition(part.definition)
        version["windows"] = _windows(part.definition)
        secrets |= set(_secrets(part.definition.source))
    if not version["windows"]:
        del version["windows"]
    model, id_, _ = connection.name.split("/", 2)
    recording.configuration({"models": {model: {"versions": {id_: version}}}}, secrets)


def note_footers(recording: Recording, access: Access) -> None:
    """Note the footers that were looked at, but by who notes nothing itself.

    Args:
        recording: Where.
        access: The identities that looked.
    """
    parquet_files = [
        (ref, file)
        for (ref, path), file in recording.files.items()
        if ref in access.refs and (path, "footer") not in recording.excerpts
    ]
    if not parquet_files:
        return
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-bundle") as pool:
        for ref, file in parquet_files:
            pool.submit(copy_context().run, _note_footer, recording, access, ref, file)


def _note_footer(recording: Recording, access: Access, ref: str, file: DataFile) -> None:
    session, doing = access.session(ref), f"record the footer of {file.path}"
    with suppress(HeadwaterError):  # what is refused, the check has told
        if file.size <= SMALL and file.etag and offers(session, Streaming):
            tail = small_content(session, ref, file, doing, access.cache)
        elif offers(session, Ending):
            tail = session.ending(file, _TAIL, doing)
            length = footer_length(tail)
            if length is not None and len(tail) < length <= LARGEST:
                tail = session.ending(file, length, doing)
        else:
            return
        recording.footer(file.path, tail, file.size, file.etag)


def _definition(definition: Definition) -> dict[str, Any]:
    document: dict[str, Any] = {"source": _source(definition.source)}
    for field in fields(definition.mapping):
        value = getattr(definition.mapping, field.name)
        if value:
            document[field.name] = dict(value) if isinstance(value, Mapping) else value
    for name in ("sample", "max_bytes"):
        if getattr(definition, name) is not None:
            document[name] = getattr(definition, name)
    if definition.horizon is not None:
        document["horizon"] = definition.horizon.total_seconds()
    return document


def _windows(definition: Definition) -> dict[str, Any]:
    windows = definition.windows
    document: dict[str, Any] = {}
    for field in fields(windows):
        value = getattr(windows, field.name)
        if value != field.default:
            document[field.name] = str(value) if field.name == "every" else _plain(value)
    return document


def _source(source: BaseModel) -> dict[str, Any]:
    document: dict[str, Any] = {"type": getattr(source, "kind", type(source).__name__)}
    for name in sorted(source.model_fields_set):
        value = getattr(source, name)
        if name == "auth" and isinstance(value, BaseModel):
            document["auth"] = _identity(value)
        elif name not in _LEFT_OUT and value is not None and not _is_secret(value):
            document[name] = _plain(value)
    return document


def _identity(strategy: BaseModel) -> dict[str, Any]:
    """Return which strategy obtains an identity, and of which role; nothing that it is made of."""
    return {
        name: _plain(value)
        for name in _OF_IDENTITY
        if (value := getattr(strategy, name, None)) is not None
    }


def _plain(value: Any) -> Any:
    match value:
        case TimePartition():
            values = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
            return {k: v for k, v in values.items() if v not in (0.0, "UTC") or k == "column"}
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(k): _plain(v) for k, v in value.items() if not _is_secret(v)}
        case list() | tuple() | set() | frozenset():
            return [_plain(v) for v in value if not _is_secret(v)]
        case BaseModel():
            return {n: _plain(getattr(value, n)) for n in sorted(value.model_fields_set)}
        case None | bool() | int() | float() | str():
            return value
        case Path():
            return str(value)
    return f"({type(value).__name__})"


def _is_secret(value: Any) -> bool:
    return isinstance(value, Secret | SecretStr | SecretBytes | TokenSource)


def _secrets(value: Any) -> Iterator[str]:
    """Yield the secrets that a source holds, and the passwords in its addresses."""
    match value:
        case Secret():
            with suppress(HeadwaterError):  # a reference that gives nothing gave nothing away
                yield value.reveal()
        case SecretStr():
            yield value.get_secret_value()
        case SecretBytes():
            yield value.get_secret_value().decode("latin-1")
        case str() if "://" in value and "@" in value:
            with suppress(ValueError):
                password = urlsplit(value).password
                if password:
                    yield from (password, unquote(password))
        case Mapping():
            for inner in value.values():
                yield from _secrets(inner)
        case list() | tuple():
            for inner in value:
                yield from _secrets(inner)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
