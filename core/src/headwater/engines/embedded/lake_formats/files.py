"""Lake files: how the files that a lake's metadata names are opened, and what fails there, told.

They are opened by Arrow, through file systems that are made here from the identity's credentials
alone. Nothing of a table's metadata has a say in it (`headwater.lakes`).
"""

from __future__ import annotations

import errno
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeVar

from headwater.auth.credentials import Credentials
from headwater.errors import (
    AccessDeniedError,
    AuthError,
    EngineError,
    HeadwaterError,
    SourceError,
    UnsupportedError,
)
from headwater.lakes.missing_files import file_missing
from headwater.lakes.places import Store, foreign
from headwater.tables.relation import DeltaRelation, IcebergRelation

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.fs as pa_fs

DELTA_FEATURES: Final = frozenset(
    {"columnMapping", "deletionVectors", "timestampNtz", "vacuumProtocolCheck"}
)
"""Reader features of Delta that are read here."""
ON_SPARK: Final = "use the spark engine for this table"

AHEAD: Final = 8
"""Files that are opened while another is read."""
BATCH_ROWS: Final = 65_536
_P = TypeVar("_P")
_O = TypeVar("_O")

GiveCredentials = Callable[[], Credentials | None]


class LakeFiles:
    """Opens the files of one table.

    Args:
        relation: The table.
        store: Where its files may lie.
        credentials: Gives the identity's current credentials; None for a table that needs none.
    """

    def __init__(
        self,
        relation: IcebergRelation | DeltaRelation,
        store: Store,
        credentials: GiveCredentials,
    ) -> None:
        self._relation = relation
        self._store = store
        self._credentials = credentials
        self._lock = threading.Lock()
        self._current: tuple[Credentials | None, pa_fs.FileSystem] | None = None

    @property
    def store(self) -> Store:
        """Where the table's files may lie."""
        return self._store

    def open(self, uri: str, what: str) -> pa.NativeFile:
        """Return an opened file.

        Args:
            uri: As the metadata spells it.
            what: What it is, for messages.

        Raises:
            UnsupportedError: If it is not in the table's store.
            SourceError: If it is missing; code `file-missing`.
            AccessDeniedError: If the identity may not read it.
        """
        return self.open_path(self._store.path(uri, what, self._relation.name), uri)

    def open_path(self, path: str, uri: str) -> pa.NativeFile:
        """Return an opened file by its path in the store; `uri` and errors as in `open`."""
        if self._store.scheme == "file":
            real, root = os.path.realpath(path), os.path.realpath(self._store.root)
            if not real.startswith(f"{root}/"):
                raise foreign(self._relation.name, "a file", uri, "a link leads out of its place")
        with translated(self._relation, uri):
            return self.filesystem().open_input_file(path)

    def filesystem(self) -> pa_fs.FileSystem:
        """Return a file system with credentials that are current."""
        current = self._credentials()
        with self._lock:
            if self._current is None or self._current[0] != current:
                self._current = (current, self._filesystem(current))
            return self._current[1]

    def _filesystem(self, current: Credentials | None) -> pa_fs.FileSystem:
        import pyarrow.fs as pa_fs

        name = self._relation.name
        if self._store.scheme == "file":
            return pa_fs.LocalFileSystem()
        if self._store.scheme != "s3":
            raise UnsupportedError(
                f"table {name} lies in {self._store.scheme!r}; the embedded engine reads S3",
                hint="use an engine that reads this storage",
            )
        if current is None:
            raise AuthError(f"table {name} lies in S3, and its plan names no identity to read it")
        secrets = {k: s.reveal() for k, s in current.secrets.items()}
        # Keys are always given: without them Arrow would look for others by itself.
        options: dict[str, Any] = {
            "access_key": secrets["access_key_id"],
            "secret_key": secrets["secret_access_key"],
            "session_token": secrets.get("session_token"),
            "region": current.settings.get("region"),
            "endpoint_override": current.settings.get("endpoint_url"),
        }
        return pa_fs.S3FileSystem(**{k: v for k, v in options.items() if v is not None})


def check_columns(
    relation: IcebergRelation | DeltaRelation, columns: Iterable[str], names: Iterable[str]
) -> None:
    """Raise a `SourceError` for a column to read that is not among those of a table's schema."""
    folded = {name.casefold() for name in names}
    if lost := [c for c in columns if c.casefold() not in folded]:
        raise SourceError(
            f"{_kind(relation)} table {relation.name}: its schema has no column {lost[0]!r}",
            code="data-changed",
            hint="plan the read again",
        )


def opened_ahead(parts: Sequence[_P], open_: Callable[[_P], _O]) -> Iterator[tuple[_P, _O]]:
    """Yield parts with what they open to, in their order, a few of them opened beforehand.

    Args:
        parts: E.g. files.
        open_: Called on other threads.
    """
    with ThreadPoolExecutor(AHEAD, thread_name_prefix="headwater-lake") as pool:
        # Each gets a context of its own: a deadline set outside holds inside.
        waiting = deque(pool.submit(copy_context().run, open_, p) for p in parts[:AHEAD])
        try:
            for number, part in enumerate(parts):
                opened = waiting.popleft().result()
                if number + AHEAD < len(parts):
                    following = parts[number + AHEAD]
                    waiting.append(pool.submit(copy_context().run, open_, following))
                yield part, opened
        finally:
            for future in waiting:
                future.cancel()


def lists_of(array: Any, type_: Any, *parts: Any) -> Any:
    """Return an array's lists or maps in a type, with other parts: values, or keys and values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    width = pa.int64() if pa.types.is_large_list(type_) else pa.int32()
    # An array of their own: Arrow takes no slice beside a mask.
    offsets = pc.add(array.offsets, 0).cast(width)
    kind: Any = type(pa.nulls(0, type_))
    mask = array.is_null() if array.null_count else None
    return kind.from_arrays(offsets, *parts, type=type_, mask=mask)


def store_for(location: str, credentials: Credentials | None, name: object) -> Store | None:
    """Return the store that an identity opens, or None where the table's own place decides.

    Raises:
        UnsupportedError: If the identity is for another storage than S3, or the table lies in
            another.
    """
    if credentials is None:
        return None
    if credentials.scheme != "s3":
        raise UnsupportedError(
            f"the embedded engine reads S3; the identity of table {name} opens "
            f"{credentials.scheme!r}",
            hint="use an engine that reads this storage",
        )
    store = Store("s3")
    store.path(location, "its place", str(name), directory=True)
    return store


def unknown_feature(features: Iterable[str], table: object) -> str | None:
    """Return why a Delta table that uses reader features is not read here, or None."""
    refused = sorted(set(features) - DELTA_FEATURES)
    if not refused:
        return None
    return (
        f"Delta table {table} uses the reader feature {refused[0]!r}, which the embedded engine "
        "does not know"
    )


@contextmanager
def translated(relation: IcebergRelation | DeltaRelation, uri: str | None = None) -> Iterator[None]:
    """Turn what the libraries raise in the block into headwater's errors.

    Args:
        relation: The table.
        uri: The file that is opened, where it is known.
    """
    try:
        yield
    except HeadwaterError:
        raise
    except Exception as error:  # pyiceberg's, zlib's and struct's own derive from nothing else
        raise failure(error, relation, uri) from error


def failure(
    error: Exception, relation: IcebergRelation | DeltaRelation, uri: str | None
) -> HeadwaterError:
    """Return the error that an exception of a library stands for."""
    kind = _kind(relation)
    text = str(error).partition("\n")[0]
    where = uri or "a file of it"
    if isinstance(error, FileNotFoundError) or getattr(error, "errno", None) == errno.ENOENT:
        return file_missing(relation, uri or text)
    if "equality deletes" in text:
        return UnsupportedError(
            f"Iceberg table {relation.name} has equality deletes, which the embedded engine does "
            "not apply",
            hint=ON_SPARK,
        )
    if isinstance(error, PermissionError) or "ACCESS_DENIED" in text or "HTTP status: 403" in text:
        return AccessDeniedError(
            f"embedded engine: reading {where} of {kind} table {relation.name} was denied: {text}",
            hint="the identity that reads it needs s3:GetObject (and kms:Decrypt) on its files",
        )
    return EngineError(
        f"embedded engine: reading {kind} table {relation.name} failed"
        f"{f' at {uri}' if uri else ''}: {type(error).__name__}: {text}"
    )


def _kind(relation: IcebergRelation | DeltaRelation) -> str:
    return "Iceberg" if isinstance(relation, IcebergRelation) else "Delta"
