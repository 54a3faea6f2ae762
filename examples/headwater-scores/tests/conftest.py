"""A server of the tests' own, on 127.0.0.1: tables in pages, OAuth, and faults on demand."""

from __future__ import annotations

import json
import threading
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pytest

CLIENT, SECRET = "monitoring", "s3cret-canary"
TYPES = {
    "string": "string",
    "bool": "boolean",
    "int32": "int32",
    "int64": "int64",
    "double": "double",
    "date32[day]": "date",
    "timestamp[us, tz=UTC]": "timestamp",
    "decimal128(18, 4)": "decimal(18,4)",
}


class Service:
    """The service: its tables, its tokens, and what it did."""

    def __init__(self) -> None:
        self.tables: dict[str, pa.Table] = {}
        self._rows: dict[str, tuple[pa.Table, list[dict[str, Any]]]] = {}
        self.page = 1000
        self.tokens: set[str] = set()
        self.issued = 0
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.asked: list[str] = []
        self.sent = 0
        self.url = ""
        self.lock = threading.Lock()

    def token(self) -> str:
        """Issue a token; JWTs, as most providers give."""
        with self.lock:
            self.issued += 1
            parts = ({"alg": "none"}, {"sub": CLIENT, "n": self.issued})
            head, claims = (
                urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts
            )
            self.tokens.add(f"{head}.{claims}.x")
            return f"{head}.{claims}.x"

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
        """Return status and document of a GET by a client that was let in."""
        match [unquote(part) for part in path.strip("/").split("/")]:
            case ["whoami"]:
                return 200, {"client": CLIENT}
            case ["tables"]:
                return 200, {"tables": sorted(self.tables)}
            case ["tables", name] if name in self.tables:
                table = self.tables[name]
                columns = [
                    {"name": f.name, "type": TYPES.get(str(f.type), "odd")} for f in table.schema
                ]
                return 200, {"columns": columns, "time_column": "at", "rows": table.num_rows}
            case ["tables", name, "rows"] if name in self.tables:
                return 200, self.rows(name, query)
        return 404, {"error": "not found"}

    def rows(self, name: str, query: dict[str, list[str]]) -> Any:
        """Return one page."""
        table = self.tables[name]
        if self._rows.get(name, (None,))[0] is not table:
            self._rows[name] = table, table.to_pylist()
        (start,), (end,) = query.get("from", [None]), query.get("to", [None])
        kept = [
            row
            for row in self._rows[name][1]
            if (start is None and end is None)
            or (
                row["at"] is not None
                and (start is None or row["at"].isoformat() >= start)
                and (end is None or row["at"].isoformat() < end)
            )
        ]
        first = int(query.get("cursor", ["0"])[0])
        page = kept[first : first + self.page]
        with self.lock:
            self.sent += len(page)
        last = first + self.page >= len(kept)
        values = [[_json(row[c]) for c in query["column"]] for row in page]
        return {"rows": values, "next": None if last else str(first + self.page)}


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else str(value)
    return value if isinstance(value, bool | int | str | None) else _text(value)


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            pair = b64decode(self.headers.get("Authorization", "Basic ")[6:]).decode()
            if pair != f"{CLIENT}:{SECRET}":
                return self.reply(401, {"error": "invalid_client"})
            return self.reply(200, {"access_token": service.token(), "token_type": "Bearer"})

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            with service.lock:
                service.asked.append(self.path)
                fault = service.faults.pop(0) if service.faults else None
            if fault is not None:
                return self.reply(fault[0], {"error": "fault"}, fault[1])
            if self.headers.get("Authorization", "")[7:] not in service.tokens:
                return self.reply(401, {"error": "token"})
            return self.reply(*service.answer(parts.path, parse_qs(parts.query)))

        def reply(self, status: int, document: Any, headers: dict[str, str] | None = None) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            cut = (headers or {}).pop("cut", None)
            self.send_header("Content-Length", str(len(body) + (100 if cut else 0)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(made)) as server:
        made.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
