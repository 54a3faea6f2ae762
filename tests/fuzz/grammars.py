"""The grammars of others that headwater reads: for each, inputs and what reads them.

What reads an input returns where it was read or refused as it should be. A `HeadwaterError` is a
refusal too; every other exception is a fault, as is a right-looking answer that is not right.
"""

from __future__ import annotations

import base64
import io
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fuzz import mutation

CORPUS: Final = Path(__file__).parent / "corpus"

Make = Callable[[Random], Any]
Read = Callable[[Any], None]


@dataclass(frozen=True)
class Grammar:
    """A grammar of somebody else's.

    Args:
        name: What it is called.
        opened: Gives what makes inputs and what reads them, for as long as its context lasts.
        inputs: That every change is tried with; some seconds of them.
        seconds: Of processor time that one input may take.
        megabytes: By which reading all inputs may make the process grow.
    """

    name: str
    opened: Callable[[], Any]
    inputs: int
    seconds: float = 3.0
    megabytes: int = 400


GRAMMARS: Final[dict[str, Grammar]] = {}


def grammar(
    name: str, inputs: int, **more: Any
) -> Callable[[Callable[[], Iterator[tuple[Make, Read]]]], None]:
    """Register a generator that yields how inputs are made and read, once."""

    def register(opened: Callable[[], Iterator[tuple[Make, Read]]]) -> None:
        GRAMMARS[name] = Grammar(name, contextmanager(opened), inputs, **more)

    return register


def corpus(name: str) -> list[str]:
    """Return the committed inputs of a grammar; a line of `===` parts them."""
    written = (CORPUS / f"{name}.txt").read_text(encoding="utf-8")
    return [part.strip("\n") for part in written.split("\n===\n")]


def documents(name: str) -> list[Any]:
    """Return the committed JSON documents of a grammar."""
    return [json.loads(part) for part in corpus(name)]


# -- SQL -------------------------------------------------------------------------------------------

_COLUMNS: Final = {
    "id": "string", "n": "int", "b": "bigint", "x": "double", "p": "decimal(10,2)", "ok": "boolean",
    "d": "date", "ts": "timestamp", "s": "struct<a:int,b:string>", "a": "array<int>",
    "m": "map<string,double>",
}  # fmt: skip


@grammar("sql", inputs=2_500)
def _sql() -> Iterator[tuple[Make, Read]]:
    import duckdb

    from headwater.sql import portable, validate
    from headwater.sql.binding.binder import bind
    from headwater.sql.parser import parse
    from headwater.tables.table import Column, Table, TableName
    from headwater.types.text import parse_type

    queries = corpus("sql")
    catalog = {"db": {"t": _COLUMNS, "u": {"k": "string", "n": "int"}}}
    tables = {
        TableName("db", name): Table(
            TableName("db", name), tuple(Column(n, parse_type(x)) for n, x in columns.items())
        )
        for name, columns in catalog["db"].items()
    }

    def made(rng: Random) -> str:
        return mutation.text(rng, rng.choice(queries), queries)

    def read(sql: str) -> None:
        found = validate(sql, catalog=catalog, database="db")
        found.render()
        json.dumps(found.to_dict())
        if found.ok and found.portable:
            analysis = bind(parse(sql, database="db"), tables)
            written = portable.compile(analysis, lambda name: f'"{name.name}"')
            assert len(duckdb.extract_statements(written)) == 1

    yield made, read


# -- types and tables of Glue ----------------------------------------------------------------------


@grammar("hive-types", inputs=20_000)
def _hive_types() -> Iterator[tuple[Make, Read]]:
    from headwater.types.text import parse_type
    from headwater_glue.hive_types import column_type, hive_text

    types = corpus("hive-types")

    def made(rng: Random) -> str:
        return mutation.text(rng, rng.choice(types), types)

    def read(written: str) -> None:
        found = column_type(written)
        assert len(found.reason or "") < 1_000
        if found.is_known:
            assert parse_type(str(found)) == found
            try:
                again = hive_text(found)
            except ValueError:
                return  # Hive has no such type, or no such name
            assert column_type(again) == found, (again, found)

    yield made, read


@grammar("tables", inputs=10_000)
def _tables() -> Iterator[tuple[Make, Read]]:
    from headwater.tables.table import KeyCondition, TableName
    from headwater_glue.descriptions import describe
    from headwater_glue.entry import GlueTable

    tables = documents("tables")
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def made(rng: Random) -> dict[str, Any]:
        table = json.loads(json.dumps(rng.choice(tables)))
        properties = table.setdefault("Parameters", {})
        serde = table["StorageDescriptor"]["SerdeInfo"].setdefault("Parameters", {})
        texts = [v for t in tables for v in (t.get("Parameters") or {}).values()]
        for _ in range(rng.choice((1, 2, 4))):
            holder = rng.choice((properties, properties, serde))
            if holder and rng.random() < 0.8:
                key = rng.choice(list(holder))
                holder[key] = mutation.text(rng, str(holder[key]), texts or ["x"])
            elif holder:
                del holder[rng.choice(list(holder))]
            else:
                holder[rng.choice(("field.delim", "serialization.format", "line.delim"))] = (
                    mutation.odd(rng)
                )
        if rng.random() < 0.3:
            column = rng.choice(table["StorageDescriptor"]["Columns"])
            column["Type"] = mutation.text(rng, column["Type"], [column["Type"]])
        return table

    def read(raw: dict[str, Any]) -> None:
        name = TableName("db", "t")
        table = describe(name, GlueTable.of(raw, region="us-east-1"), now=lambda: now)
        assert table.kind != "unknown", table.problem
        assert table.name == name
        known = table.detail
        if known.projection is not None and not table.unqueryable:
            known.projection.total()
            key = table.partition_keys[0]
            for condition in ((), (KeyCondition(key, "in", ("1", "2026-01-01", "²", "9" * 5000)),)):
                for partition in islice(_few(known.projection, condition), 50):
                    assert len(partition.values) == len(table.partition_keys)

    def _few(projection: Any, where: tuple[Any, ...]) -> Iterator[Any]:
        from headwater.errors import HeadwaterError

        try:
            yield from projection.partitions(where)
        except HeadwaterError:
            return

    yield made, read


@grammar("athena-views", inputs=3_000)
def _athena_views() -> Iterator[tuple[Make, Read]]:
    from plugins.glue.tests.query.athena_tables import lookup

    from headwater.sql.parser import parse
    from headwater.tables.table import Column
    from headwater_glue.entry import GlueTable
    from headwater_glue.hive_types import column_type
    from headwater_glue.kinds import Kind
    from headwater_glue.query.views import CannotExpandError, view_sql

    views = corpus("athena-views")

    def made(rng: Random) -> tuple[str, tuple[Column, ...]]:
        given = rng.choice(views)
        head, _, sql = given.partition("\n")
        columns = tuple(Column(n, column_type(t)) for n, t in json.loads(head).items())
        changed = mutation.text(rng, sql, views) if rng.random() < 0.9 else sql
        told: Any = {"originalSql": changed, "catalog": "awsdatacatalog", "schema": "ml"}
        if rng.random() < 0.2:
            told = mutation.document(rng, told)
        raw = json.dumps(told).encode("utf-8", "surrogatepass")
        stored = f"/* Presto View: {base64.b64encode(raw).decode()} */"
        if rng.random() < 0.1:
            stored = mutation.text(rng, stored, [stored])
        return stored, columns

    def read(given: tuple[str, tuple[Column, ...]]) -> None:
        stored, columns = given
        entry = GlueTable("ml", "v", table_type="VIRTUAL_VIEW", view_text=stored)
        try:
            sql = view_sql(entry, Kind.ATHENA_VIEW, columns, lookup)
        except CannotExpandError:
            return
        parsed = parse(sql)
        beyond = {d.code for d in parsed.diagnostics} <= {"too-deep", "too-long", "too-much-work"}
        assert parsed.tree is not None or beyond, (sql, parsed.diagnostics)

    yield made, read


# -- lakes -----------------------------------------------------------------------------------------


class _OneObject:
    """A session that knows one object."""

    content = b""

    def client(self, _: str) -> _OneObject:
        return self

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"ContentLength": len(self.content), "Body": io.BytesIO(self.content)}


@grammar("iceberg-metadata", inputs=10_000)
def _iceberg() -> Iterator[tuple[Make, Read]]:
    import gzip

    from headwater_aws.lakes.iceberg import iceberg_state

    metadata = documents("iceberg-metadata")
    session: Any = _OneObject()

    def made(rng: Random) -> bytes:
        written = mutation.json_text(rng, rng.choice(metadata))
        return mutation.data(rng, gzip.compress(written)) if rng.random() < 0.2 else written

    def read(given: bytes) -> None:
        session.content = given
        state = iceberg_state(session, "s3://lake/t/v1.metadata.json", "db.t")
        for column in state.columns:
            assert isinstance(column.name, str)
            str(column.type).encode()

    yield made, read


@grammar("delta-log", inputs=400, seconds=10.0)
def _delta() -> Iterator[tuple[Make, Read]]:
    from headwater_aws.lakes.delta import delta_state
    from headwater_aws.testing import Emulator
    from headwater_glue.testing import GlueLake

    logs = corpus("delta-log")

    with Emulator() as aws:
        lake = GlueLake(aws)
        source = lake.source(query="SELECT 1")
        with source.access() as access:
            session = source._session(access)

            def made(rng: Random) -> bytes:
                lines = rng.choice(logs).splitlines()
                at = rng.randrange(len(lines))
                if rng.random() < 0.3:
                    schema = json.loads(lines[1])
                    inner = json.loads(schema["metaData"]["schemaString"])
                    schema["metaData"]["schemaString"] = json.dumps(mutation.document(rng, inner))
                    changed = json.dumps(schema).encode()
                    at = 1
                else:
                    changed = mutation.json_text(rng, json.loads(lines[at]))
                rest = [line.encode() for line in lines]
                return b"\n".join([*rest[:at], changed, *rest[at + 1 :]])

            def read(given: bytes) -> None:
                lake.write("t/_delta_log/00000000000000000000.json", given)
                state = delta_state(session, lake.uri("t"), "db.t")
                for column in state.columns:
                    str(column.type).encode()

            yield made, read


@grammar("symlink-manifests", inputs=40_000)
def _manifests() -> Iterator[tuple[Make, Read]]:
    from headwater_glue.manifests import _lines

    manifests = corpus("symlink-manifests")

    def made(rng: Random) -> bytes:
        if rng.random() < 0.5:
            return mutation.text(rng, rng.choice(manifests), manifests).encode(errors="replace")
        return mutation.data(rng, rng.choice(manifests).encode())

    def read(given: bytes) -> None:
        for uri in _lines(given, "s3://lake/m/manifest", "db.t"):
            assert uri.startswith("s3://")

    yield made, read


# -- files -----------------------------------------------------------------------------------------


def _table() -> Any:
    import pyarrow as pa

    return pa.table(
        {
            "id": [f"p-{i}" for i in range(40)],
            "n": list(range(40)),
            "x": [i / 3 for i in range(40)],
            "a": [[i, None] for i in range(40)],
            "s": [{"k": i, "v": str(i)} for i in range(40)],
            "ts": pa.array(range(40), pa.timestamp("us", "UTC")),
        }
    )


def _files(format: Any, wholes: list[bytes]) -> Iterator[tuple[Make, Read]]:
    import headwater as hw

    folder = Path(tempfile.mkdtemp())
    path = folder / f"t.{format}"

    def made(rng: Random) -> bytes:
        return mutation.data(rng, rng.choice(wholes))

    def read(given: bytes) -> None:
        path.write_bytes(given)
        source = hw.FileDataSource(tables={"t": str(path)}, format=format)
        workspace = hw.Workspace()
        workspace.sql("SELECT * FROM t", source, engine="embedded").to_arrow().validate()

    try:
        yield made, read
    finally:
        shutil.rmtree(folder)


@grammar("parquet", inputs=250, seconds=10.0, megabytes=900)
def _parquet() -> Iterator[tuple[Make, Read]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wholes = []
    ways: tuple[dict[str, Any], ...] = ({"compression": "none"}, {"compression": "zstd"}, {})
    for more in ways:
        sink = pa.BufferOutputStream()
        pq.write_table(_table(), sink, **more)
        wholes.append(sink.getvalue().to_pybytes())
    yield from _files("parquet", wholes)


@grammar("orc", inputs=250, seconds=10.0, megabytes=900)
def _orc() -> Iterator[tuple[Make, Read]]:
    import pyarrow as pa
    from pyarrow import orc

    wholes = []
    ways: tuple[Any, ...] = ("uncompressed", "zlib", "snappy")
    for compression in ways:
        sink = pa.BufferOutputStream()
        orc.write_table(_table(), sink, compression=compression)
        wholes.append(sink.getvalue().to_pybytes())
    yield from _files("orc", wholes)


@grammar("avro", inputs=250, seconds=10.0, megabytes=900)
def _avro() -> Iterator[tuple[Make, Read]]:
    import fastavro
    from core.tests.engines.embedded import support

    from headwater.tables.relation import FileRelation
    from headwater.tables.table import TableName

    schemas = documents("avro-schemas")
    rows: list[dict[str, Any]] = [
        {"id": f"p-{i}", "n": i, "x": i / 3, "a": [i], "s": {"k": i}} for i in range(40)
    ]
    wholes = []
    for codec in ("null", "deflate"):
        sink = io.BytesIO()
        fastavro.writer(sink, schemas[0], rows, codec=codec)
        wholes.append(sink.getvalue())
    plain = wholes[0]
    own = json.dumps(fastavro.reader(io.BytesIO(plain)).writer_schema).encode()
    folder = Path(tempfile.mkdtemp())
    path = folder / "t.avro"
    columns = support.columns(id="string", n="int", x="double", a="array<int>", s="struct<k:int>")

    def made(rng: Random) -> tuple[bytes, str | None]:
        if rng.random() < 0.5:
            return mutation.data(rng, rng.choice(wholes)), None
        changed = mutation.json_text(rng, rng.choice(schemas))
        return plain, changed.decode("utf-8", "surrogatepass")

    def read(given: tuple[bytes, str | None]) -> None:
        content, schema = given
        path.write_bytes(content)
        options = {} if schema is None else {"avroSchema": schema}
        relation = FileRelation(
            TableName("db", "t"), columns, format="avro", options=options,
            files=(support.file(path),),
        )  # fmt: skip
        support.read("SELECT * FROM t", t=relation).validate()

    assert own
    try:
        yield made, read
    finally:
        shutil.rmtree(folder)


# -- configuration, tokens, answers ----------------------------------------------------------------


@grammar("config", inputs=1_000)
def _config() -> Iterator[tuple[Make, Read]]:
    import headwater as hw
    from headwater.config.document import read as read_document
    from headwater.plugins import PluginRegistry

    registry = PluginRegistry()
    files = {ending: corpus(f"config-{ending}") for ending in ("yaml", "toml", "json")}
    folder = Path(tempfile.mkdtemp())

    def made(rng: Random) -> tuple[str, bytes]:
        ending = rng.choice(list(files))
        changed = mutation.text(rng, rng.choice(files[ending]), files[ending])
        written = changed.encode("utf-8", "surrogatepass")
        return ending, mutation.data(rng, written) if rng.random() < 0.1 else written

    def read(given: tuple[str, bytes]) -> None:
        ending, written = given
        path = folder / f"headwater.{ending}"
        path.write_bytes(written)
        found = read_document(path)
        json.dumps(found.data)
        hw.Workspace.open(path, registry).close()

    try:
        yield made, read
    finally:
        shutil.rmtree(folder)


@grammar("tokens", inputs=10_000)
def _tokens() -> Iterator[tuple[Make, Read]]:
    from headwater.auth.tokens.jwt import claims, header, is_jwt
    from headwater_aws.sts_errors import show_claims

    tokens = documents("tokens")
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)

    def encoded(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    def made(rng: Random) -> str:
        head, body = rng.choice(tokens)
        parts = [json.dumps(head).encode(), json.dumps(body).encode(), b"signature"]
        at = rng.randrange(2)
        parts[at] = mutation.json_text(rng, (head, body)[at])
        token = ".".join(map(encoded, parts))
        return mutation.text(rng, token, [token]) if rng.random() < 0.3 else token

    def read(token: str) -> None:
        is_jwt(token)
        show_claims(claims(token), now)
        header(token)

    yield made, read


@grammar("token-answers", inputs=10_000)
def _answers() -> Iterator[tuple[Make, Read]]:
    from headwater.auth.tokens.http import fetch

    answers = corpus("token-answers")
    server = socket.create_server(("127.0.0.1", 0))
    content = b""

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.settimeout(1)
                    connection.recv(65536)
                    connection.sendall(content)
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()

    def made(rng: Random) -> bytes:
        given = rng.choice(answers).replace("\n", "\r\n")
        if rng.random() < 0.5:
            return mutation.text(rng, given, answers).encode("utf-8", "surrogatepass")
        return mutation.data(rng, given.encode())

    def read(given: bytes) -> None:
        nonlocal content
        content = given
        answer = fetch(
            f"http://127.0.0.1:{server.getsockname()[1]}/token", what="the token endpoint",
            proxies=False, timeout=1.0,
        )  # fmt: skip
        answer.json_text("access_token")

    try:
        yield made, read
    finally:
        server.close()
