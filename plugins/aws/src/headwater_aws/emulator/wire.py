"""HTTP/1.1 on 127.0.0.1, one thread a connection, connections kept alive.

The emulator and the OIDC issuer both answer through `HttpServer`. It is not a WSGI server: a
truncated body and a dropped connection, which faults need, cannot be said in WSGI.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """One HTTP request, as it was sent.

    Args:
        method: `GET`, `HEAD`, `POST`, `PUT` or `DELETE`.
        target: Path and query string, still percent-encoded.
        headers: Headers, with names in lower case.
        body: The whole body, transfer coding removed.
    """

    method: str
    target: str = field(repr=False)  # a presigned one is as good as a key
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def raw_path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.split("?", 1)[0]

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path)

    @property
    def query(self) -> list[tuple[str, str]]:
        """Names and values of the query string, decoded, in the order sent."""
        return parse_qsl(urlsplit("//h" + self.target).query, keep_blank_values=True)


@dataclass(frozen=True)
class Response:
    """One HTTP response.

    Args:
        status: HTTP status.
        headers: Headers; `content-length` is added when it is missing.
        body: Bytes of the body; a HEAD request sends only its length.
        send_only: How many bytes of the body to send before the connection is cut; None: all.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | memoryview = b""
    send_only: int | None = None


class ConnectionDroppedError(Exception):
    """Raised by a handler to close the connection without an answer."""


class HttpServer:
    """A threaded HTTP/1.1 server on a free port of 127.0.0.1.

    Args:
        handle: Answers one request; called from the connection's thread.
        name: Name of the server's threads.
        server_header: Value of the `Server` header.
    """

    def __init__(
        self, handle: Callable[[Request], Response], *, name: str, server_header: str
    ) -> None:
        self._server = _Server(handle, name, server_header)
        self._thread = threading.Thread(target=self._server.accept, name=name, daemon=True)

    @property
    def url(self) -> str:
        """Address of the server, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering, cut open connections, and wait for their threads to end."""
        self._server.stop_accepting()
        if self._thread.is_alive():
            self._thread.join()
        self._server.close_connections()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    # An interpreter that exits without close() must not wait for idle keep-alive connections;
    # close_connections() waits for the threads itself.
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self, handle: Callable[[Request], Response], name: str, server_header: str
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.handle = handle
        self.thread_name = name
        self.server_header = server_header
        self._open: dict[socket.socket, threading.Thread] = {}
        self._guard = threading.Lock()

    def accept(self) -> None:
        # serve_forever() polls, and so takes up to its interval to stop; tests stop often.
        while True:
            try:
                connection, address = self.get_request()
            except OSError:
                return
            self.process_request(connection, address)

    def stop_accepting(self) -> None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"{self.thread_name}-connection",
            daemon=True,
        )
        with self._guard:
            self._open[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        with self._guard:
            connections = dict(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in connections.values():
            thread.join(timeout=10)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that hangs up is none of the server's errors."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Without this a small response waits 40 ms for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the emulator has its own record of requests."""

    def version_string(self) -> str:
        return self.server.server_header

    def _answer(self) -> None:
        request = Request(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self._body(),
        )
        try:
            response = self.server.handle(request)
        except ConnectionDroppedError:
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if "content-length" not in response.headers and response.status not in (204, 304):
            self.send_header("content-length", str(len(response.body)))
        if response.send_only is not None:
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body[: response.send_only])

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers say nothing that the emulator checks
        return b"".join(chunks)
