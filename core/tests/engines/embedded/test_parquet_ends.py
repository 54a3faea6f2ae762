"""Footers in object storage: told by the end of each file, fetched by one request."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.object_store import ObjectStore, PartingSession
from core.tests.engines.embedded.support import columns

from headwater.auth.credentials import Access
from headwater.engines.embedded.formats import parquet_ends
from headwater.engines.embedded.formats.parquet_statistics import footers_of, ranges, times
from headwater.errors import AccessDeniedError, EngineError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import TableName


def put(store: ObjectStore, *contents: bytes) -> FileRelation:
    files = []
    for number, content in enumerate(contents):
        store.objects[f"lake/{number}.parquet"] = content
        files.append(DataFile(f"s3://lake/{number}.parquet", len(content), etag="one"))
    own = columns(ts="timestamp", v="bigint")
    return FileRelation(TableName("db", "t"), own, files=tuple(files), auth_ref="a")


def parquet(day: int, others: int = 0, rows: int = 40_000) -> bytes:
    moments = pa.array(range(rows), pa.int64()).cast(pa.timestamp("ms"))
    shifted = pa.compute.add(moments, pa.scalar(day * 86_400_000, pa.duration("ms")))
    names = {f"column_{i}": [i] * rows for i in range(others)}
    sink = io.BytesIO()
    pq.write_table(pa.table({"ts": shifted, "v": range(rows), **names}), sink)
    return sink.getvalue()


@pytest.mark.parametrize("others", [0, 700])
def test_a_footer_is_told_by_the_end_of_its_file(
    store: ObjectStore, session: PartingSession, others: int, tmp_path: Path
) -> None:
    rows = 40_000 if not others else 10
    relation = put(store, parquet(1, others, rows), parquet(2, others, rows))
    found = ranges(relation, relation.files, "ts", Access({"a": session}))
    assert [r.first.day for r in found.values()] == [2, 3]
    read = footers_of(relation, relation.files, Access({"a": session}))
    assert [f.rows for f in read.values()] == [rows, rows]
    assert [f.size for f in read.values()] == [f.size for f in relation.files]
    assert not store.requests, "DuckDB asked for nothing"
    assert len(session.given) == 4 * (1 if not others else 2)
    if not others:
        assert all(last - first == 65536 for _, first, last in session.given)


def test_files_that_can_not_be_told_so_are_asked_by_duckdb(
    store: ObjectStore, session: PartingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    relation = put(store, parquet(1), parquet(2))
    unmarked = tuple(dataclasses.replace(f, etag="") for f in relation.files)
    assert len(ranges(relation, unmarked, "ts", Access({"a": session}))) == 2
    monkeypatch.setattr(parquet_ends, "_FILES", 1)
    assert len(ranges(relation, relation.files, "ts", Access({"a": session}))) == 2
    monkeypatch.setattr(parquet_ends, "_FILES", 2)
    monkeypatch.setattr(parquet_ends, "_LARGEST", 10)
    assert len(ranges(relation, relation.files, "ts", Access({"a": session}))) == 2
    assert len(session.given) == 2
    assert store.requests


def test_who_may_not_read_the_end_is_told_by_duckdb(
    store: ObjectStore, session: PartingSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def part(*_: object) -> io.RawIOBase:
        raise AccessDeniedError("no")

    monkeypatch.setattr(session, "part", part)
    relation = put(store, parquet(1))
    assert len(ranges(relation, relation.files, "ts", Access({"a": session}))) == 1
    session.buckets.clear()
    with pytest.raises(EngineError, match=r"the footer of s3://lake/0.parquet can't be read"):
        ranges(relation, relation.files, "ts", Access({"a": session}))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"x" * 92 + b"\xff\xff\xff\x7fPAR1"])
def test_what_is_no_parquet_says_nothing_of_the_others(
    store: ObjectStore, session: PartingSession, content: bytes
) -> None:
    relation = put(store, parquet(1), content)
    found = times(relation, relation.files, "ts", Access({"a": session}))
    assert [f.path for f in found] == ["s3://lake/0.parquet"]
