"""Contents: how a read opens its files, where DuckDB does not open them itself."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from headwater.auth.credentials import Session
from headwater.engines.embedded.paths import is_remote
from headwater.engines.embedded.row_streams import RowStream, Taking
from headwater.errors import DataChangedError, HeadwaterError, UnsupportedError
from headwater.interfaces.abilities import Streaming
from headwater.interfaces.offers import offers
from headwater.sql.portable.spelling import text
from headwater.tables.relation import DataFile, FileRelation

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from headwater.engines.embedded.misfits import Place

LARGEST: Final = 512 * 2**20
"""Bytes of an object that is taken into memory whole."""
_BUFFER: Final = 2**20


class Contents:
    """Opens the files of one database, and keeps what the streams over them raised.

    Args:
        connection: The database; fetches objects of sessions that stream none.
        session: Gives the session of an identity.
        raised: Receives errors of streams: DuckDB would keep only their texts.
        places: Receives what values that fit no column are told by (`misfits`).
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        session: Callable[[str], Session],
        raised: list[HeadwaterError],
        places: list[Place],
    ) -> None:
        self._connection = connection
        self._session = session
        self._raised = raised
        self.places = places
        self._registered: dict[str, object] = {}
        self._taking = Taking()

    @property
    def left(self) -> threading.Event:
        """Set when the read is left: whatever still works for it stops."""
        return self._taking.left

    def leave(self) -> None:
        """End what still works for the read, and wait for it."""
        self._taking.close()

    def opened(self, relation: FileRelation, file: DataFile, path: str) -> pa.NativeFile:
        """Return a file to be read once, from its beginning to its end, in bounded memory.

        Objects come from the session's own client, where it is `Streaming`.

        Args:
            relation: Whose file it is.
            file: The file.
            path: DuckDB's name of it.

        Raises:
            DataChangedError: If it is gone.
            UnsupportedError: For objects of more than 512 MiB, if the session streams none.
        """
        import pyarrow as pa

        if not is_remote(file.path):
            try:
                return pa.OSFile(path, "rb")
            except FileNotFoundError as error:
                raise DataChangedError(
                    f"table {relation.name}: {file.path} is gone", hint="plan the read again"
                ) from error
        session: object = None if relation.auth_ref is None else self._session(relation.auth_ref)
        if offers(session, Streaming):
            stream = session.content(file, f"read {file.path} of table {relation.name}")
            return pa.PythonFile(io.BufferedReader(stream, _BUFFER), mode="r")
        if file.size > LARGEST:
            raise UnsupportedError(
                f"table {relation.name}: this identity streams no objects, so they are taken into "
                f"memory whole, up to 512 MiB; {file.path} has {file.size // 2**20} MiB",
                hint="use the spark engine for this table",
            )
        sql = f"SELECT content FROM read_blob({text(path)})"
        (content,) = self._connection.cursor().execute(sql).fetchall()[0]
        return pa.BufferReader(content)

    def register(self, stream: object, name: str | None = None) -> str:
        """Return the name under which the rows of a stream or of a table are found.

        Args:
            stream: The rows; those of a stream may be asked for several times.
            name: The name; None for one unlike any other.
        """
        name = name or f"stream_{len(self._registered) + 1}"
        if isinstance(stream, RowStream):
            stream = self._taking.taken(stream)
        self._connection.register(name, stream)
        self._registered[name] = stream
        return name

    def cursor(self) -> DuckDBPyConnection:
        """Return a further connection to the database, on which what was registered is found too.

        DuckDB shows it to no other connection than the one that it was registered on.
        """
        cursor = self._connection.cursor()
        for name, stream in self._registered.items():
            cursor.register(name, stream)
        return cursor

    @property
    def threads(self) -> int:
        """How many threads the database works with."""
        row = self._connection.cursor().execute("SELECT current_setting('threads')").fetchone()
        return int(row[0]) if row else 1

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep what a stream raises inside."""
        try:
            yield
        except HeadwaterError as error:
            self._raised.append(error)
            raise
