"""Files of a folder as an S3 bucket: list, head, get with ranges, straight from disk to socket.

A process of its own (`python -m benchmarks.support_s3 FOLDER [MILLISECONDS]`), on 127.0.0.1, that
checks no signature and waits so long before each answer. `/-/told` gives its CPU seconds, the bytes
that it sent and the requests that it got, so that a benchmark can show what was read and that it
did not measure its server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from benchmarks.support_glue import CALLER

BUCKET = "lake"


@contextmanager
def served(folder: Path, delay_ms: float = 0) -> Iterator[str]:
    """Serve a folder as the bucket `lake` while the context lasts; gives its address."""
    command = [sys.executable, "-m", "benchmarks.support_s3", str(folder), str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def told(url: str) -> dict[str, float]:
    """Return `cpu_s`, `sent_bytes` and `requests` of a server so far."""
    with urllib.request.urlopen(f"{url}/-/told") as answer:
        found: dict[str, float] = json.loads(answer.read())
    return found


class Handler(BaseHTTPRequestHandler):
    """Answers what readers ask of a bucket."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # it holds the body back until the header is acknowledged
    folder: Path
    delay = 0.0
    sent = 0
    requests = 0

    def do_HEAD(self) -> None:
        self._wait()
        self._object(body=False)

    def _wait(self) -> None:
        """Let the answer come as late as that of storage that is not on this machine."""
        Handler.requests += 1
        if self.delay:
            time.sleep(self.delay)

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path == "/-/told":
            figures = {
                "cpu_s": time.process_time(),
                "sent_bytes": Handler.sent,
                "requests": Handler.requests,
            }
            self._text(json.dumps(figures), "application/json")
            return
        self._wait()
        if url.path.strip("/") == BUCKET:
            asked = parse_qs(url.query, keep_blank_values=True)
            self._list(asked.get("prefix", [""])[0], asked.get("delimiter", [""])[0])
        else:
            self._object(body=True)

    def do_POST(self) -> None:
        """Answer STS, which a plan asks who reads."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._text(CALLER.decode(), "text/xml")

    def _list(self, prefix: str, delimiter: str) -> None:
        names = sorted(
            p.relative_to(self.folder).as_posix()
            for p in self.folder.rglob("*.parquet")
            if p.relative_to(self.folder).as_posix().startswith(prefix)
        )
        parts, common = [], []
        for name in names:
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                common.append(prefix + rest.partition(delimiter)[0] + delimiter)
                continue
            size = (self.folder / name).stat().st_size
            parts.append(
                f"<Contents><Key>{escape(name)}</Key><Size>{size}</Size><ETag>&quot;{size:032x}"
                "&quot;</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                "<StorageClass>STANDARD</StorageClass></Contents>"
            )
        parts += [
            f"<CommonPrefixes><Prefix>{escape(c)}</Prefix></CommonPrefixes>"
            for c in dict.fromkeys(common)
        ]
        self._text(
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult '
            f'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>{BUCKET}</Name>'
            f"<Prefix>{escape(prefix)}</Prefix><KeyCount>{len(parts)}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{''.join(parts)}"
            "</ListBucketResult>",
            "application/xml",
        )

    def _object(self, *, body: bool) -> None:
        path = self.folder / unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/")
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        size = path.stat().st_size
        first, last = self._range(size)
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(last - first))
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{size:032x}"')
        self.send_header("Last-Modified", formatdate(1_767_225_600, usegmt=True))
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {first}-{last - 1}/{size}")
        self.end_headers()
        if body:
            self.wfile.flush()
            with path.open("rb") as file:
                while first < last:
                    done = os.sendfile(self.connection.fileno(), file.fileno(), first, last - first)
                    first += done
                    Handler.sent += done

    def _range(self, size: int) -> tuple[int, int]:
        """Return the first byte that is asked for, and the one after the last."""
        given = self.headers.get("Range")
        if given is None:
            return 0, size
        first, _, last = given.removeprefix("bytes=").partition("-")
        if not first:
            return max(0, size - int(last)), size
        return int(first), min(size, int(last) + 1) if last else size

    def _text(self, text: str, kind: str) -> None:
        data = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: it would be measured."""


def main(folder: str, delay_ms: str = "0") -> None:
    """Serve a folder until the process is ended; print the port first."""
    Handler.folder, Handler.delay = Path(folder), float(delay_ms) / 1000
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
