"""Shorthand of the identity tests: a seeded account, a token that can be told what to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from headwater_aws import AwsSession, OidcRole
from headwater_aws.testing import Emulator

ACCOUNT, OTHER = "123456789012", "210987654321"
REGION = "us-east-1"


def oidc_role(aws: Emulator, role: str | None = None, **more: Any) -> OidcRole:
    """A strategy for a role that trusts subject `me`, with a good token."""
    role = role or aws.create_oidc_role(subject="me")
    return OidcRole(role_arn=role, token=lambda: aws.issuer.token(sub="me"), **more)


def opened(aws: Emulator, strategy: Any = None, **more: Any) -> AwsSession:
    """A session at the emulator."""
    strategy = strategy or oidc_role(aws)
    session: AwsSession = strategy.open(region=REGION, endpoint_url=aws.endpoint_url, **more)
    return session


def seed(aws: Emulator, account_id: str = ACCOUNT, database: str = "db", tables: int = 1) -> None:
    """A database with tables."""
    glue = aws.client("glue", account_id=account_id)
    glue.create_database(DatabaseInput={"Name": database})
    for number in range(tables):
        glue.create_table(DatabaseName=database, TableInput={"Name": f"t{number:03}"})


def client_error(code: str, message: str = "", operation: str = "GetTable") -> ClientError:
    """What botocore raises for an answer."""
    answer: Any = {"Error": {"Code": code, "Message": message}}
    return ClientError(answer, operation)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime(2026, 1, 1, tzinfo=UTC)
        self.asked = 0

    def __call__(self) -> datetime:
        self.asked += 1
        return self.now

    def move(self, **delta: float) -> None:
        self.now += timedelta(**delta)


class Asked:
    """One request as a local server saw it."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        self.method = handler.command
        self.path = parts.path
        self.query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        self.headers = handler.headers


Answer = tuple[int, dict[str, str], str]


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[str]:
    """A server on this machine; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = answer(Asked(self))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            raw = body.encode()
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def as_json(status: int, body: Any) -> Answer:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body)


@contextmanager
def soon_again() -> Iterator[None]:
    """Have botocore try again at once: it waits up to a second before the first time, then two."""
    with mock.patch("botocore.retries.standard.ExponentialBackoff.delay_amount", return_value=0.01):
        yield
