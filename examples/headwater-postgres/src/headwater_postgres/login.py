"""PostgresLogin: who connects. A strategy is a value; opening it gives a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

import pg8000.dbapi as pg

from headwater.plugin import (
    AuthError,
    AuthStrategy,
    Credentials,
    Identity,
    Permission,
    Secret,
    SecretReference,
    Session,
    SourceError,
    Stop,
    TokenSource,
)

Ask: TypeAlias = Callable[..., Sequence[Sequence[Any]]]
"""`ask(statement, *values)`: executes it, and returns its rows."""


class PostgresLogin(AuthStrategy):
    """A user of the database.

    Args:
        user: The user's name.
        password: Reference to the password, e.g. `env:PGPASSWORD`.
    """

    type: Literal["postgres-login"] = "postgres-login"
    user: str
    password: SecretReference

    def open(
        self, *, region: str | None = None, endpoint_url: str | None = None
    ) -> PostgresSession:
        """Return a session at `postgresql://host:port/database`; it connects when it is used."""
        return PostgresSession(self.user, self.password, endpoint_url or "postgresql://localhost")


@dataclass(frozen=True)
class PostgresSession:
    """A login at one database. It holds no connection: each question opens its own."""

    user: str
    password: TokenSource
    url: str

    def __repr__(self) -> str:
        return f"PostgresSession({self.user!r} at {self.url})"

    def __reduce__(self) -> Any:
        raise TypeError("a session is not pickled: open the login again on the other side")

    @contextmanager
    def connected(self, doing: str) -> Iterator[Ask]:
        """Give a way to ask on a new connection; the driver's errors become headwater's.

        Where a read is to end, the server is told to end what it does for the connection.
        """
        try:
            connection = self._connect()
            try:
                cursor = connection.cursor()

                def ask(statement: str, *values: object) -> Sequence[Sequence[Any]]:
                    cursor.execute(statement, values)
                    rows: Sequence[Sequence[Any]] = cursor.fetchall() if cursor.description else ()
                    return rows

                ask("SET TRANSACTION READ ONLY")
                ((process,),) = ask("SELECT pg_backend_pid()")
                with Stop.current().ending(lambda: self._end(process)):
                    yield ask
            finally:
                connection.close()
        except (pg.Error, OSError) as error:
            told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
            what = f"can't {doing} at {self.url} as {self.user}: {told.get('M', error)}"
            if str(told.get("C", "")).startswith("28"):  # invalid authorization
                raise AuthError(what, hint="are the user and the password right?") from error
            lost = isinstance(error, (pg.InterfaceError, OSError))  # another try may go well
            raise SourceError(
                what, hint="is the server up, and the table there?", retryable=lost
            ) from error

    def _connect(self) -> pg.Connection:
        place = urlsplit(self.url)
        return pg.connect(
            self.user,
            host=place.hostname or "localhost",
            port=place.port or 5432,
            database=place.path.strip("/") or self.user,
            password=self.password.token(),
            timeout=10,
            application_name="headwater",
        )

    def _end(self, process: int) -> None:
        """Have the server end the statement that a process of it runs; it takes a connection."""
        connection = self._connect()
        try:
            connection.cursor().execute("SELECT pg_cancel_backend(%s)", (process,))
        finally:
            connection.close()

    def identity(self) -> Identity:
        """Ask the database who this is."""
        with self.connected("log in") as ask:
            ((name,),) = ask("SELECT current_user")
        return Identity(name, urlsplit(self.url).path.strip("/"), "postgres-login")

    def storage(self) -> Credentials:
        """Return the login itself."""
        password = Secret(self.password.token())
        return Credentials(
            "postgresql", {"password": password}, {"url": self.url, "user": self.user}
        )

    def narrowed(self, permissions: Iterable[Permission]) -> Session:
        """Return itself: PostgreSQL can't narrow a login."""
        return self

    def close(self) -> None:
        """Nothing is held."""
