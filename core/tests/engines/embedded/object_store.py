"""A small object store on 127.0.0.1, strict about keys: it answers only those that are valid now.

It does not check signatures; it is about who reads when. `headwater_aws.testing.Emulator`, which
does, is used where plugins may be (tests/end_to_end).
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from headwater.auth.credentials import Credentials, Identity, Permission, Secret
from headwater.tables.relation import DataFile


@dataclass
class ObjectStore:
    """Objects by `bucket/key`, keys with their ends, and what was asked.

    Args:
        objects: What lies where.
        keys: Access key to the buckets that it opens and until when (`time.monotonic()`).
        requests: Access key, method and object of each request.
        denied: Access keys that were turned away.
    """

    objects: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, tuple[set[str], float]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    etags: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def admits(self, key: str, name: str) -> bool:
        """Return whether a key opens an object now."""
        buckets, until = self.keys.get(key, (set(), 0.0))
        return name.partition("/")[0] in buckets and time.monotonic() < until


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        store = self.server.store
        name = unquote(urlsplit(self.path).path).lstrip("/")
        found = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
        key = found[1] if found else "anonymous"
        store.requests.append((key, self.command, name))
        if not store.admits(key, name):
            store.denied.append(key)
            return self._send(403, b"<Error><Code>ExpiredToken</Code></Error>", body=body)
        if name not in store.objects:
            return self._send(404, b"<Error><Code>NoSuchKey</Code></Error>", body=body)
        data, asked = store.objects[name], self.headers.get("Range")
        headers = {"ETag": store.etags.get(name, '"one"')}
        if asked and body:
            first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", asked).groups()  # type: ignore[union-attr]
            end = int(last) if last else len(data) - 1
            headers["Content-Range"] = f"bytes {first}-{end}/{len(data)}"
            return self._send(206, data[int(first) : end + 1], body=True, **headers)
        return self._send(200, data, body=body, **headers)

    def _send(self, status: int, data: bytes, *, body: bool, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if body:
            self.wfile.write(data)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    store: ObjectStore


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Run an object store for as long as the context lasts."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.store = ObjectStore(url=f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class KeySession:
    """An identity whose keys live shortly: each time it is asked it issues a new one.

    Args:
        store: Where the keys are valid.
        name: Prefix of its keys.
        buckets: What they open.
        life: How long, in seconds; None lets them live for an hour, without an end in sight.
    """

    store: ObjectStore
    name: str
    buckets: set[str]
    life: float | None = None
    issued: int = 0

    def identity(self) -> Identity:
        return Identity(self.name)

    def storage(self) -> Credentials:
        self.issued += 1
        key, life = f"{self.name}{self.issued}", self.life or 3600
        self.store.keys[key] = (self.buckets, time.monotonic() + life)
        secrets = {
            "access_key_id": Secret(key),
            "secret_access_key": Secret("canary-secret"),
            "session_token": Secret("canary-token"),
        }
        end = datetime.now(UTC) + timedelta(seconds=life) if self.life else None
        settings = {"region": "eu-west-1", "endpoint_url": self.store.url}
        return Credentials("s3", secrets, settings, end)

    def narrowed(self, permissions: list[Permission]) -> KeySession:  # type: ignore[override]
        return self

    def close(self) -> None:
        pass


@dataclass
class PartingSession(KeySession):
    """Gives parts of objects by itself, and keeps which."""

    given: list[tuple[str, int, int]] = field(default_factory=list)

    def part(self, file: DataFile, first: int, last: int, doing: str) -> io.RawIOBase:
        self.given.append((file.path, first, last))
        stored = self.store.objects[file.path.removeprefix("s3://")]
        return io.BytesIO(stored[first:last])  # type: ignore[return-value]
