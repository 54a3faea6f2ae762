"""Object storage for a running read: one identity for each database, renewed while it streams.

DuckDB's secrets belong to a transaction: a query that runs does not see one that was replaced after
it began (tried with 1.5.5). Its global S3 settings are looked up whenever a file is opened, so
they are what is renewed. One database therefore reads with one identity; relations of other
identities come from databases of their own (`foreign`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from headwater.auth.credentials import Access, Credentials
from headwater.engines import identities
from headwater.errors import HeadwaterError
from headwater.sql.portable.spelling import text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_log = logging.getLogger(__name__)

AHEAD: Final = timedelta(minutes=5)
"""How long before their end credentials are renewed: a file that was opened keeps its own."""
SOONEST: Final = timedelta(milliseconds=250)
RETRY: Final = timedelta(seconds=10)


@contextmanager
def storage(
    connection: DuckDBPyConnection,
    access: Access,
    auth_ref: str,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[list[HeadwaterError]]:
    """Give a database an identity's credentials, and renew them until the context is left.

    Yields:
        A list that receives the error of a renewal that failed. A read that then fails for want
        of permission failed because of it.

    Raises:
        AuthError: If the identity has no credentials.
        UnsupportedError: If they open a storage that DuckDB can't read.
    """
    failures: list[HeadwaterError] = []
    current = _current(access, auth_ref)
    _apply_settings(connection, current)
    _apply_keys(connection, current)
    stop = threading.Event()
    renewal = threading.Thread(
        target=_renew,
        args=(connection.cursor(), access, auth_ref, current, stop, failures, clock),
        name=f"headwater-renew-{auth_ref}",
        daemon=True,
    )
    if current.expires_at is not None:
        renewal.start()
    try:
        yield failures
    finally:
        stop.set()
        if renewal.is_alive():
            renewal.join(timeout=30)


def _current(access: Access, auth_ref: str) -> Credentials:
    hint = "use an engine that reads this storage"
    return identities.current(access, auth_ref, engine="embedded", hint=hint)


def _renew(
    cursor: DuckDBPyConnection,
    access: Access,
    auth_ref: str,
    current: Credentials,
    stop: threading.Event,
    failures: list[HeadwaterError],
    clock: Callable[[], datetime],
) -> None:
    wait = _until(current, clock())
    while wait is not None and not stop.wait(wait.total_seconds()):
        try:
            current = _current(access, auth_ref)
        except HeadwaterError as error:
            # What is open can still be read; the read fails by itself when it can't go on.
            _log.warning("credentials of %r could not be renewed: %s", auth_ref, error.message)
            failures[:] = [error]
            wait = RETRY
            continue
        failures.clear()
        _apply_keys(cursor, current)
        wait = _until(current, clock())


def _until(current: Credentials, now: datetime) -> timedelta | None:
    if current.expires_at is None:
        return None
    left = current.expires_at - now
    # Credentials that live shorter than the lead are renewed at half their life.
    return max(left - AHEAD if left > 2 * AHEAD else left / 2, SOONEST)


def _apply_settings(connection: DuckDBPyConnection, credentials: Credentials) -> None:
    if region := credentials.settings.get("region"):
        connection.execute(f"SET GLOBAL s3_region = {text(region)}")
    if url := credentials.settings.get("endpoint_url"):
        parts = urlsplit(url)
        secure = "true" if parts.scheme == "https" else "false"
        address = parts.netloc + parts.path.rstrip("/")
        connection.execute(f"SET GLOBAL s3_endpoint = {text(address)}")
        connection.execute(f"SET GLOBAL s3_use_ssl = {secure}")
        connection.execute("SET GLOBAL s3_url_style = 'path'")


def _apply_keys(connection: DuckDBPyConnection, credentials: Credentials) -> None:
    def of(key: str) -> str:
        secret = credentials.secrets.get(key)
        return text(secret.reveal() if secret else "")

    connection.execute(
        f"SET GLOBAL s3_access_key_id = {of('access_key_id')};"
        f"SET GLOBAL s3_secret_access_key = {of('secret_access_key')};"
        f"SET GLOBAL s3_session_token = {of('session_token')};"
    )
