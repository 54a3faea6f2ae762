"""Shares that the session fetches: the rows are DuckDB's own; bytes, memory, errors, ends."""

from __future__ import annotations

import dataclasses
import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.object_store import ObjectStore, PartingSession
from core.tests.engines.embedded.support import columns, file, partitioned, plan
from core.tests.engines.embedded.test_shares import IN_ORDER, QUERIES, WHOLE, log, read, text

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine, fetched_shares
from headwater.engines.embedded.errors import failure
from headwater.engines.embedded.fetched_shares import Excerpt, FetchedShares
from headwater.engines.embedded.formats.parquet_places import joined, places
from headwater.errors import AccessDeniedError, DataChangedError, EngineError
from headwater.interfaces.plan import Planned
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import TableName

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="tells which files are open"
)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> FileRelation:
    return log(tmp_path_factory.mktemp("local") / "log")


def stored(store: ObjectStore, relation: FileRelation) -> FileRelation:
    """Put a relation's files into the store, and return them as a listing would."""
    files = []
    for one in relation.files:
        key = f"lake/{Path(one.path).name}"
        store.objects[key] = Path(one.path).read_bytes()
        files.append(dataclasses.replace(one, path=f"s3://{key}", etag="one"))
    return dataclasses.replace(relation, files=tuple(files), auth_ref="a")


@pytest.mark.parametrize("query", IN_ORDER)
def test_rows_are_those_that_duckdb_fetches(
    store: ObjectStore, session: PartingSession, local: FileRelation, query: str
) -> None:
    expected = text(read(QUERIES[query], WHOLE, None, workers=1, log=local))
    far = stored(store, local)
    for size in (1, 4_000):
        rows = read(QUERIES[query], size, Access({"a": session}), log=far)
        assert text(rows) == expected
    # Where a condition may leave out row groups, DuckDB fetches those that are left.
    assert bool(session.given) == (query in ("everything", "computed", "only a key", "keys"))


def test_only_what_is_read_is_fetched(
    store: ObjectStore,
    session: PartingSession,
    local: FileRelation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetched_shares, "_GAP", 0)
    far = stored(store, local)
    read("SELECT x FROM log", 4_000, Access({"a": session}), log=far)
    some = sum(last - first for _, first, last in session.given)
    session.given.clear()
    read("SELECT * FROM log", 4_000, Access({"a": session}), log=far)
    every = sum(last - first for _, first, last in session.given)
    assert some < every / 2
    assert every >= sum(f.size for f in far.files if f.size > 2_000) * 0.9


def test_files_of_which_a_window_takes_a_part_are_left_to_duckdb(
    store: ObjectStore, session: PartingSession, tmp_path: Path
) -> None:
    import headwater as hw

    files = []
    for day in range(1, 4):
        times = [f"2026-01-0{day}T{h:02}:00:00" for h in range(24)]
        rows = pa.table({"ts": pa.array(times).cast(pa.timestamp("us")), "n": range(24)})
        path = tmp_path / f"{day}.parquet"
        pq.write_table(rows, path, row_group_size=6)
        files.append(DataFile(str(path), path.stat().st_size))
    own = columns(ts="timestamp_ntz", n="bigint")
    far = stored(store, FileRelation(TableName("db", "t"), own, files=tuple(files)))
    sql = (
        "SELECT n FROM t WHERE ts >= TIMESTAMP_NTZ '2026-01-01 12:00:00' "
        "AND ts < TIMESTAMP_NTZ '2026-01-04 00:00:00'"
    )
    planned = plan(sql, t=far)
    window = hw.Window.of("2026-01-01T12:00:00", "2026-01-04")
    scans = tuple(dataclasses.replace(s, time_column="ts") for s in planned.scans)
    planned = dataclasses.replace(planned, window=window, scans=scans)
    with EmbeddedEngine(share_bytes=1).read(Planned.of(planned), Access({"a": session})) as stream:
        assert sum(b.num_rows for b in stream) == 60
    assert {path for path, _, _ in session.given} == {"s3://lake/2.parquet", "s3://lake/3.parquet"}


def test_a_window_asks_text_for_no_footer(store: ObjectStore, session: PartingSession) -> None:
    store.objects["lake/t"] = b"2026-01-01 12:00:00,1\n2026-01-02 12:00:00,2\n"
    file = DataFile("s3://lake/t", len(store.objects["lake/t"]), etag="one")
    own = columns(ts="timestamp_ntz", n="bigint")
    far = FileRelation(TableName("db", "t"), own, format="csv", files=(file,), auth_ref="a")
    planned = plan("SELECT n FROM t WHERE ts >= TIMESTAMP_NTZ '2026-01-02 00:00:00'", t=far)
    scans = tuple(dataclasses.replace(s, time_column="ts") for s in planned.scans)
    planned = dataclasses.replace(planned, scans=scans)
    with EmbeddedEngine(share_bytes=1).read(Planned.of(planned), Access({"a": session})) as stream:
        assert pa.Table.from_batches(list(stream)).to_pylist() == [{"n": 2}]


@pytest.mark.parametrize("etag", ["one", ""])
def test_files_without_a_mark_are_left_to_duckdb(
    store: ObjectStore, session: PartingSession, local: FileRelation, etag: str
) -> None:
    far = stored(store, local)
    files = tuple(dataclasses.replace(f, etag=etag) for f in far.files)
    read("SELECT id FROM log", 1, Access({"a": session}), log=dataclasses.replace(far, files=files))
    assert bool(session.given) == bool(etag)


def test_a_share_that_does_not_fit_is_left_to_duckdb(
    store: ObjectStore,
    session: PartingSession,
    local: FileRelation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetched_shares, "AHEAD", 3_000)
    far = stored(store, local)
    rows = read("SELECT id FROM log", 1, Access({"a": session}), log=far)
    assert text(rows) == text(read("SELECT id FROM log", WHOLE, None, workers=1, log=local))
    assert session.given
    assert max(last - first for _, first, last in session.given) <= 3_000


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ours() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("headwater-")]


@pytest.mark.parametrize("taken", [0, 1, 99])
def test_a_read_leaves_no_memory_thread_or_file(
    store: ObjectStore,
    session: PartingSession,
    local: FileRelation,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    taken: int,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    far = stored(store, local)
    read("SELECT * FROM log", 1, Access({"a": session}), log=far)
    before = descriptors()
    engine = EmbeddedEngine(threads=2, share_bytes=500)
    with engine.read(plan("SELECT * FROM log", log=far), Access({"a": session})) as stream:
        for _, _batch in zip(range(taken), stream, strict=False):
            pass
    assert session.given
    assert not ours()
    assert descriptors() <= before
    assert not list(tmp_path.rglob("*.parquet"))


def test_what_storage_says_comes_behind_the_rows_before_it(
    store: ObjectStore,
    session: PartingSession,
    local: FileRelation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = session.part

    def part(file: DataFile, first: int, last: int, doing: str) -> io.RawIOBase:
        if file.path.endswith("part-4.parquet"):
            raise AccessDeniedError(f"can't {doing}")
        return original(file, first, last, doing)

    monkeypatch.setattr(session, "part", part)
    far = stored(store, local)
    engine = EmbeddedEngine(threads=2, share_bytes=1)
    count = 0
    with engine.read(plan("SELECT * FROM log", log=far), Access({"a": session})) as stream:
        batches = iter(stream)
        while count < 3010:
            count += next(batches).num_rows
        with pytest.raises(AccessDeniedError, match=r"read s3://lake/part-4.parquet of table"):
            next(batches)
    assert count == 3010
    assert not ours()


def test_a_folder_without_room_is_told(
    store: ObjectStore,
    session: PartingSession,
    local: FileRelation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = stored(store, local)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headwater.engines.embedded.fetched_shares.os.pwrite", full)
    with pytest.raises(EngineError, match=r"kept in .*: No space left on device") as caught:
        read("SELECT id FROM log", 1, Access({"a": session}), log=far)
    assert "TMPDIR" in str(caught.value.hint)
    session.given.clear()
    monkeypatch.setattr(fetched_shares, "AHEAD", 2**80)
    rows = read("SELECT id FROM log", 1, Access({"a": session}), log=far)
    assert rows.num_rows == 3919
    assert not session.given


def test_a_process_that_can_open_no_more_files_is_told(tmp_path: Path) -> None:
    import resource

    def opened(file: DataFile, first: int, last: int) -> io.RawIOBase:
        return io.BytesIO(bytes(last - first))  # type: ignore[return-value]

    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    fetched = FetchedShares(excerpts(tmp_path, 6, 100), opened, ahead=1000)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, most))
    try:
        fetched.start()
        with pytest.raises(
            EngineError, match=r"no file can be opened any more .*: Too many"
        ) as told:
            fetched.ready(5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
        fetched.close()
    assert "ulimit -n" in (told.value.hint or "")
    assert "TMPDIR" not in (told.value.hint or "")
    again = FetchedShares(excerpts(tmp_path, 6, 100), opened, ahead=1000)
    again.start()
    again.ready(5)
    again.close()
    of_duckdb = failure('IO Error: Cannot open file "a": Too many open files', ())
    assert of_duckdb.hint == told.value.hint


def test_a_table_may_be_called_by_braces(
    store: ObjectStore, session: PartingSession, local: FileRelation
) -> None:
    far = dataclasses.replace(stored(store, local), name=TableName("db", "{x}"))
    rows = read("SELECT id FROM log", 1, Access({"a": session}), log=far)
    assert rows.num_rows == 3919
    assert session.given


def test_an_object_that_ends_early_is_an_error(
    store: ObjectStore,
    session: PartingSession,
    local: FileRelation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = session.part
    monkeypatch.setattr(session, "part", lambda f, a, b, d: original(f, a, b - 1, d))
    with pytest.raises(DataChangedError, match="ended before its end"):
        read("SELECT id FROM log", 1, Access({"a": session}), log=stored(store, local))


# -- what is held --------------------------------------------------------------------------------


class Slow(io.RawIOBase):
    """Bytes that come when they are let."""

    def __init__(self, length: int, let: threading.Event) -> None:
        self.left, self.let = length, let

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self.let.wait(10)
        count = min(self.left, len(buffer))
        buffer[:count] = b"x" * count
        self.left -= count
        return count


def excerpts(folder: Path, count: int, size: int) -> list[list[Excerpt]]:
    file = DataFile("s3://lake/a", size)
    return [[Excerpt(file, ((0, size),), folder / f"{i}")] for i in range(count)]


def test_no_more_is_held_than_may_be(tmp_path: Path) -> None:
    begun: list[int] = []
    let = threading.Event()
    let.set()

    def opened(file: DataFile, first: int, last: int) -> io.RawIOBase:
        begun.append(first)
        return Slow(last - first, let)

    fetched = FetchedShares(excerpts(tmp_path, 6, 100), opened, ahead=250)
    fetched.start()
    fetched.ready(1)
    time.sleep(0.1)
    assert len(begun) == 2
    assert (tmp_path / "0").read_bytes() == b"x" * 100
    fetched.done(0)
    assert not (tmp_path / "0").exists()
    fetched.ready(2)
    # Who waits is never kept waiting by what is held.
    fetched.ready(5)
    assert len(begun) == 6
    fetched.close()
    assert not list(tmp_path.iterdir())
    assert not ours()


def test_who_waits_is_let_go_where_the_read_is_left(tmp_path: Path) -> None:
    let, begun = threading.Event(), threading.Semaphore(0)

    def opened(file: DataFile, first: int, last: int) -> io.RawIOBase:
        begun.release()
        return Slow(last - first, let)

    fetched = FetchedShares(excerpts(tmp_path, 2, 2 * fetched_shares._BLOCK), opened, ahead=0)
    fetched.start()
    waiting = threading.Thread(target=fetched.ready, args=(1,))
    waiting.start()
    for _ in range(2):
        assert begun.acquire(timeout=5)
    before = descriptors()
    fetched.stop()
    waiting.join(5)
    assert not waiting.is_alive()
    let.set()
    fetched.close()
    assert descriptors() == before - 2
    assert not list(tmp_path.iterdir())
    assert not ours()


def test_a_file_stays_open_while_somebody_writes_to_it(tmp_path: Path) -> None:
    """Its descriptor may become another file's."""
    lets, begun = [threading.Event(), threading.Event()], threading.Semaphore(0)

    def opened(file: DataFile, first: int, last: int) -> io.RawIOBase:
        if first == 90:
            assert begun.acquire(timeout=5)
            assert begun.acquire(timeout=5)
            raise AccessDeniedError("no")
        begun.release()
        return Slow(last - first, lets[first // 20])

    file = DataFile("s3://lake/a", 100)
    spans = ((0, 10), (20, 30), (90, 100))
    fetched = FetchedShares([[Excerpt(file, spans, tmp_path / "a")]], opened, ahead=0)
    before = descriptors()
    fetched.start()
    with pytest.raises(AccessDeniedError):
        fetched.ready(0)
    fetched.done(0)
    lets[0].set()
    fetched._threads[0].join(0.5)
    assert descriptors() == before + 1
    lets[1].set()
    fetched.close()
    assert descriptors() == before
    assert not list(tmp_path.iterdir())


def test_a_large_span_is_fetched_by_several_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_shares, "AT_ONCE", 30)
    content = os.urandom(100)
    asked: list[tuple[int, int]] = []

    def opened(file: DataFile, first: int, last: int) -> io.RawIOBase:
        asked.append((first, last))
        return io.BytesIO(content[first:last])  # type: ignore[return-value]

    file = DataFile("s3://lake/a", 100)
    spans = ((0, 70), (90, 100))
    fetched = FetchedShares([[Excerpt(file, spans, tmp_path / "a")]], opened, ahead=0)
    fetched.start()
    fetched.ready(0)
    assert sorted(asked) == [(0, 23), (23, 46), (46, 70), (90, 100)]
    assert (tmp_path / "a").read_bytes() == content[:70] + bytes(20) + content[90:]
    fetched.done(0)
    fetched.close()


# -- where bytes lie -----------------------------------------------------------------------------


def test_a_column_goes_on_until_something_else_begins(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    rows = pa.table({"a, b": range(900), "a": range(900), "s": [{"x": 1, "y": "é"}] * 900})
    pq.write_table(rows, path, row_group_size=400)
    footer = pq.read_metadata(path)
    connection = duckdb.connect()
    (found,) = places(connection, [str(path)], [0, 2, 3]).values()
    size = path.stat().st_size
    assert found.footer == (size - 8 - footer.serialized_size, size)
    assert [g.rows for g in found.groups] == [400, 400, 100]

    def begins(group: int, column: int) -> int:
        chunk = footer.row_group(group).column(column)
        return min(chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset)

    spans = [[begins(g, c) for c in range(4)] for g in range(3)]
    assert found.groups[0].spans == (
        (spans[0][0], spans[0][1]),
        (spans[0][2], spans[0][3]),
        (spans[0][3], spans[1][0]),
    )
    assert found.spans((400, 401)) == [found.footer, *found.groups[1].spans]
    assert len(found.spans(None)) == 1 + 9
    (nothing,) = places(connection, [str(path)], []).values()
    assert nothing.spans(None) == [nothing.footer]


def test_filters_of_a_column_are_read_with_it(tmp_path: Path) -> None:
    """They lie elsewhere; one of zeros would say that no row has a value."""
    path = tmp_path / "t.parquet"
    connection = duckdb.connect()
    connection.execute(
        f"COPY (SELECT i % 7 AS k, i AS v FROM range(9000) t(i)) TO '{path}' (ROW_GROUP_SIZE 3000)"
    )
    offsets = connection.execute(
        f"SELECT bloom_filter_offset FROM parquet_metadata('{path}') "
        "WHERE path_in_schema = 'k' ORDER BY row_group_id"
    ).fetchall()
    (found,) = places(connection, [str(path)], [0]).values()
    for group, (offset,) in zip(found.groups, offsets, strict=True):
        assert offset is not None
        assert any(first == offset < last for first, last in group.spans)


def test_spans_that_lie_close_are_fetched_together() -> None:
    assert joined([(50, 60), (0, 10), (12, 20), (20, 20), (15, 30)], 2) == [(0, 30), (50, 60)]
    assert joined([(0, 10), (12, 20)], 1) == [(0, 10), (12, 20)]


# -- holes ---------------------------------------------------------------------------------------

VARIED: dict[str, tuple[pa.DataType, Callable[[int], object]]] = {
    "i": (pa.int64(), lambda i: i if i % 3 else None),
    "s": (pa.string(), lambda i: f"v{i}" * (i % 7) if i % 5 else None),
    "same": (pa.string(), lambda i: "one"),
    "none": (pa.int32(), lambda i: None),
    "b": (pa.bool_(), lambda i: i % 3 > 0),
    "f": (pa.float64(), lambda i: i / 7),
    "l": (pa.list_(pa.list_(pa.int64())), lambda i: [[i], [], None] if i % 4 else None),
    "t": (
        pa.struct([("x", pa.int64()), ("y", pa.struct([("z", pa.string())]))]),
        lambda i: {"x": i, "y": {"z": str(i)}} if i % 5 else None,
    ),
    "a, b": (pa.int64(), lambda i: -i),
    "a": (pa.int16(), lambda i: i),
    'a.b"': (pa.string(), str),
}
"""Columns of every shape, by name: the type, and the value in each row."""
LEAVES = {name: 2 if name == "t" else 1 for name in VARIED}
WRITERS: dict[str, dict[str, Any]] = {
    "plain": {"compression": "none"},
    "small pages": {"data_page_size": 64, "write_batch_size": 10, "dictionary_pagesize_limit": 99},
    "pages of version 2": {"data_page_version": "2.0", "write_page_checksum": True},
    "page index": {"write_page_index": True},
    "no dictionary": {"use_dictionary": False, "write_statistics": False},
    "bloom filters": {"bloom_filter_options": {"i": {"ndv": 100}, "s": {"ndv": 100}}},
}


@pytest.mark.parametrize("writer", [*WRITERS, "duckdb 1", "duckdb 2"])
def test_no_row_depends_on_what_is_in_holes(tmp_path: Path, writer: str) -> None:
    count, path = 2500, tmp_path / "t.parquet"
    rows = pa.table(
        {c: pa.array([of(i) for i in range(count)], t) for c, (t, of) in VARIED.items()}
    )
    connection = duckdb.connect(config={"threads": 1})
    if writer in WRITERS:
        pq.write_table(rows, path, row_group_size=2048, **WRITERS[writer])
    else:
        connection.register("t", rows)
        connection.execute(
            f"COPY t TO '{path}' (ROW_GROUP_SIZE 2048, PARQUET_VERSION V{writer[-1]})"
        )
    content = path.read_bytes()
    leaf = 0
    for column, leaves in LEAVES.items():
        (found,) = places(connection, [str(path)], range(leaf, leaf + leaves)).values()
        leaf += leaves
        for hole, part in ((0, None), (255, None), (255, (2048, count))):
            spans = joined(found.spans(part), 0)
            poisoned = bytearray([hole]) * len(content)
            for first, last in spans:
                poisoned[first:last] = content[first:last]
            holes = tmp_path / f"{leaf}-{hole}-{part is None}.parquet"
            holes.write_bytes(poisoned)
            name = column.replace('"', '""')
            begin, end = part or (0, count)
            given = connection.execute(
                f"SELECT \"{name}\" FROM read_parquet('{holes}') WHERE file_row_number >= {begin}"
            ).fetchall()
            assert given == [(value,) for value in rows[column].to_pylist()[begin:end]]
            assert sum(last - first for first, last in spans) < len(content) / 2


def number(value: int) -> bytes:
    """A whole number as footers have it. Source: Apache Thrift, compact protocol, zigzag."""
    value, found = value << 1, bytearray()
    while value >= 128:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def test_a_share_has_one_stand_in_of_a_file(
    store: ObjectStore,
    session: PartingSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A share may take the end of a file, and then its beginning, where two partitions have it."""
    monkeypatch.setattr(fetched_shares, "_GAP", 0)
    path, first = tmp_path / "t.parquet", 0
    with pq.ParquetWriter(path, pa.schema({"n": pa.int64()})) as writer:
        for count in (300, 600, 300):
            writer.write_table(pa.table({"n": range(first, first + count)}))
            first += count
    own = columns(n="bigint")
    relation = FileRelation(TableName("db", "log"), own, files=(file(path), file(path)))
    far = stored(store, partitioned(relation, {"k": "string"}, [("a",), ("b",)]))
    size = int(path.stat().st_size * 0.6)
    rows = read("SELECT k, n FROM log", size, Access({"a": session}), log=far)
    assert session.given
    assert text(rows) == [repr({"k": k, "n": n}) for k in "ab" for n in range(1200)]


@pytest.mark.parametrize("stated", [70, 8_000])
def test_a_length_that_is_not_true_leaves_no_hole(tmp_path: Path, stated: int) -> None:
    path = tmp_path / "t.parquet"
    rows = pa.table({"a": range(500), "b": range(500), "c": range(500)})
    pq.write_table(rows, path, compression="none", use_dictionary=False, write_statistics=False)
    content, footer = path.read_bytes(), pq.read_metadata(path)
    length = footer.row_group(0).column(1).total_compressed_size
    begin = len(content) - 8 - footer.serialized_size
    assert len(number(stated)) == len(number(length))
    path.write_bytes(content[:begin] + content[begin:].replace(number(length), number(stated)))
    (found,) = places(duckdb.connect(), [str(path)], [1]).values()
    holes = bytearray(len(content))
    for first, last in found.spans(None):
        holes[first:last] = path.read_bytes()[first:last]
    path.write_bytes(holes)
    given = duckdb.sql(f"SELECT b FROM read_parquet('{path}')").fetchall()
    assert given == [(i,) for i in range(500)]


def test_columns_are_found_whatever_their_bytes_are_called(tmp_path: Path) -> None:
    """DuckDB goes by their numbers, so what is fetched must, too."""
    path = tmp_path / "t.parquet"
    rows = pa.table({"first": range(500), "other": range(500, 1000)})
    pq.write_table(rows, path, use_dictionary=False)
    content = path.read_bytes()
    begin = len(content) - 8 - pq.read_metadata(path).serialized_size
    footer = content[begin:]
    schema, chunks = footer[: (at := footer.rindex(b"first") - 1)], footer[at:]
    assert b"first" in schema
    chunks = chunks.replace(b"first", b"wrong").replace(b"other", b"first")
    path.write_bytes(content[:begin] + schema + chunks)
    connection = duckdb.connect()
    given = connection.execute(f"SELECT first FROM '{path}'").fetchall()
    assert given == [(i,) for i in range(500)]
    (found,) = places(connection, [str(path)], [0]).values()
    (span,) = found.groups[0].spans
    assert span[0] == 4
