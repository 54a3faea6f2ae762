"""HTTP server: one address of this process on which the JVMs of an application ask it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

_LARGEST: Final = 16_384
"""Bytes of a request; those of S3A's provider have a few hundred, Iceberg's none."""


class HttpServer(ABC):
    """Listens from the moment when it is made until it is closed; a subclass answers.

    Args:
        host: Address to listen on: the loopback's, or the driver's own in its cluster.
    """

    method: ClassVar[str]
    content_type: ClassVar[str]

    def __init__(self, host: str) -> None:
        self.host = host
        respond = {"service": self, f"do_{self.method}": _Handler.respond}
        self._server = ThreadingHTTPServer((host, 0), type("Handler", (_Handler,), respond))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name=f"headwater-{type(self).__name__}", daemon=True
        )
        self._thread.start()

    @abstractmethod
    def answer(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        """Return status and text for a request.

        Args:
            path: What is asked for, without parameters.
            headers: The request's headers, by lower-case name.
            body: Its body.
        """

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    service: HttpServer

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST:
            self.close_connection = True
            status, text = 413, ""
        else:
            body = self.rfile.read(length)
            headers = {k.lower(): v for k, v in self.headers.items()}
            status, text = self.service.answer(self.path.partition("?")[0], headers, body)
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", self.service.content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: requests are Spark's own, a few a table, one an identity and hour."""
