"""A Glue catalog of any size that costs nothing to serve: every page is made before it is asked.

A process of its own (`python -m benchmarks.support_glue TABLES LATENCY_MS PARTITIONS`), on
127.0.0.1. Its CPU time is told on request, so that a benchmark can show that it did not measure its
server.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.support_partitions import TABLE, Partitions

DATABASES = 10
PAGE = 100
COLUMNS = [{"Name": f"c{i:02}", "Type": "double", "Comment": "a feature"} for i in range(18)]
CALLER = (
    b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
    b"<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/benchmark</Arn>"
    b"<UserId>AIDAEXAMPLE</UserId><Account>123456789012</Account></GetCallerIdentityResult>"
    b"</GetCallerIdentityResponse>"
)
LISTING = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>lake</Name>'
    b"<KeyCount>1</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents>"
    b"<Key>%s/part-0.parquet</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    b"<ETag>&quot;0&quot;</ETag><Size>1000</Size></Contents></ListBucketResult>"
)


@contextmanager
def served(tables: int, latency_ms: int, partitions: int = 0) -> Iterator[str]:
    """Serve a catalog while the context lasts; gives its address."""
    sizes = [str(n) for n in (tables, latency_ms, partitions)]
    command = [sys.executable, "-m", "benchmarks.support_glue", *sizes]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def cpu_seconds(url: str) -> float:
    """Return the CPU time that the server has used."""
    with urllib.request.urlopen(f"{url}/-/cpu") as answer:
        return float(answer.read())


class Recorded:
    """The answers of a catalog, as bytes.

    Args:
        tables: How many there are, in ten databases.
        latency: Seconds that every answer waits.
        partitions: Of one more table, `db0.hourly`, which `GetTables` does not list.
    """

    def __init__(self, tables: int, latency: float, partitions: int) -> None:
        self._latency = latency
        self._partitions = Partitions(partitions, _columns())
        each = max(tables // DATABASES, 1)
        databases = [f"db{d}" for d in range(min(DATABASES, tables))]
        names = {d: [f"t{i:05}" for i in range(each)] for d in databases}
        self._databases = _bytes({"DatabaseList": [{"Name": d} for d in databases]})
        self._one = {(d, n): _bytes({"Table": _table(d, n)}) for d in databases for n in names[d]}
        self._full = {d: _pages([_listed(d, n) for n in names[d]]) for d in databases}
        self._names = {d: _pages([{"Name": n} for n in names[d]]) for d in databases}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the calls of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *rest = head.decode().split("\r\n")
                headers = {k.lower(): v.strip() for k, _, v in (r.partition(":") for r in rest)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                status, answer = self._answer(first.split(" ")[1], headers, body)
                if "/-/" not in first:
                    await asyncio.sleep(self._latency)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\n"
                    f"Content-Length: {len(answer)}\r\n\r\n".encode()
                )
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is done
        finally:
            writer.close()

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[str, bytes]:
        if path == "/-/cpu":
            return "200 OK", str(time.process_time()).encode()
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        if not action and "list-type=2" in path:
            return "200 OK", LISTING % path.partition("prefix=")[2].partition("%2F")[0].encode()
        if b"Action=GetCallerIdentity" in body:
            return "200 OK", CALLER
        asked = json.loads(body or b"{}")
        match action:
            case "GetDatabase":
                return "200 OK", _bytes({"Database": {"Name": asked["Name"]}})
            case "GetDatabases":
                return "200 OK", self._databases
            case "GetTables":
                kept = self._names if asked.get("AttributesToGet") == ["NAME"] else self._full
                return "200 OK", kept[asked["DatabaseName"]][int(asked.get("NextToken", 0))]
            case "GetPartitions":
                return "200 OK", self._partitions.answer(asked)
            case "GetTable" if asked["Name"] == TABLE:
                return "200 OK", _bytes({"Table": _table("db0", TABLE, ("dt", "hour"))})
            case "GetTable":
                return "200 OK", self._one[asked["DatabaseName"], asked["Name"]]
        return "400 Bad Request", _bytes({"__type": "InvalidInputException", "Message": action})


def _pages(rows: list[dict[str, Any]]) -> list[bytes]:
    starts = range(0, len(rows), PAGE)
    return [
        _bytes(
            {
                "TableList": rows[start : start + PAGE],
                **({"NextToken": str(number)} if start + PAGE < len(rows) else {}),
            }
        )
        for number, start in enumerate(starts, 1)
    ]


def _listed(database: str, name: str) -> dict[str, Any]:
    """Return a table of a list, in which every tenth is Iceberg's."""
    table = _table(database, name)
    if name.endswith("0"):
        where = f"s3://lake/{name}/metadata/0.metadata.json"
        table["Parameters"] = {"table_type": "ICEBERG", "metadata_location": where}
    return table


def _columns() -> list[dict[str, str]]:
    return [{"Name": "id", "Type": "bigint"}, {"Name": "ts", "Type": "timestamp"}, *COLUMNS]


def _table(database: str, name: str, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    hive = "org.apache.hadoop.hive.ql.io.parquet"
    return {
        "Name": name,
        "DatabaseName": database,
        "CreateTime": 1767225600.0,
        "UpdateTime": 1767225600.0,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"},
        "PartitionKeys": [{"Name": key, "Type": "string"} for key in keys],
        "StorageDescriptor": {
            "Columns": _columns(),
            "Location": f"s3://lake/{name}/",
            "InputFormat": f"{hive}.MapredParquetInputFormat",
            "OutputFormat": f"{hive}.MapredParquetOutputFormat",
            "SerdeInfo": {"SerializationLibrary": f"{hive}.serde.ParquetHiveSerDe"},
        },
        "CatalogId": "123456789012",
        "VersionId": "0",
    }


def _bytes(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode()


async def main(tables: int, latency_ms: int, partitions: int) -> None:
    """Serve until the process is ended; prints the port."""
    recorded = Recorded(tables, latency_ms / 1000, partitions)
    server = await asyncio.start_server(recorded.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*(int(argument) for argument in sys.argv[1:4])))
