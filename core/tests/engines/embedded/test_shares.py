"""Reads in shares: the rows and their order are those of one run; ends, errors, changes, keys."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.object_store import KeySession, ObjectStore
from core.tests.engines.embedded.support import columns, file, partitioned, plan
from core.tests.engines.embedded.test_storage import put
from core.tests.sql.pruning import analysed
from core.tests.sql.query_maker import Maker

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine, running
from headwater.engines.embedded.formats.parquet_statistics import footers_of, number_ranges, times
from headwater.engines.embedded.running import SideBySide
from headwater.errors import DataChangedError, EngineError, HeadwaterError
from headwater.interfaces.plan import Planned
from headwater.sql.pruning.row_shares import divisible
from headwater.tables.relation import DataFile, FileRelation, MemoryRelation, Relation
from headwater.tables.table import TableName

WHOLE = 2**40
SCHEMA = pa.table(
    {
        "id": pa.array([], pa.int64()),
        "x": pa.array([], pa.float64()),
        "s": pa.array([], pa.string()),
        "l": pa.array([], pa.list_(pa.int64())),
    }
).schema


@pytest.fixture(autouse=True)
def _copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy columns of small files, too."""
    monkeypatch.setattr("headwater.engines.embedded.copied_columns.LEAST", 0)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[SideBySide]:
    """What was run side by side."""
    made: list[SideBySide] = []

    class Kept(SideBySide):
        def __init__(self, *given: object, **more: object) -> None:
            super().__init__(*given, **more)  # type: ignore[arg-type]
            made.append(self)

    monkeypatch.setattr("headwater.engines.embedded.engine.SideBySide", Kept)
    return made


def table(first: int, count: int) -> pa.Table:
    chance = Random(first)
    ids = range(first, first + count)
    return pa.table(
        {
            "id": list(ids),
            "x": [chance.choice([None, float("nan"), -0.0, i / 7]) for i in ids],
            "s": [chance.choice([None, "", "é", f"v{i}"]) for i in ids],
            "l": [[i, None] if i % 3 else None for i in ids],
        },
        schema=SCHEMA,
    )


def log(folder: Path) -> FileRelation:
    """A large file of many row groups, small files, one without rows, one of other types."""
    folder.mkdir()
    counts = [3000, 5, 5, 0, 900, 5, 4]
    files, first = [], 0
    for number, count in enumerate(counts):
        path = folder / f"part-{number}.parquet"
        rows = table(first, count)
        if number == 5:
            rows = rows.set_column(0, "id", rows["id"].cast(pa.int32()))
        pq.write_table(rows, path, row_group_size=250)
        files.append(file(path))
        first += count
    own = columns(id="bigint", x="double", s="string", l="array<bigint>")
    relation = FileRelation(TableName("db", "log"), own, files=tuple(files))
    values = [("a",), ("b",), ("a",), (None,), ("c",), ("b",), ("c",)]
    return partitioned(relation, {"k": "string"}, values)


def read(
    sql: str, size: int, access: Access | None = None, /, workers: int = 2, **tables: Relation
) -> pa.Table:
    engine = EmbeddedEngine(threads=workers, share_bytes=size)
    with engine.read(plan(sql, **tables), access or Access()) as stream:
        return pa.Table.from_batches(list(stream), stream.schema)


QUERIES = {
    "everything": "SELECT * FROM log",
    "a window": "SELECT id, x FROM log WHERE id >= 100 AND id < 3100",
    "a few": "SELECT id, s FROM log WHERE s = 'v2900' OR id = 3907",
    "none": "SELECT id FROM log WHERE id < 0",
    "computed": "SELECT id % 7 AS m, length(s) AS u, x > 1 AS b, size(l) AS n, k FROM log",
    "keys": "SELECT k, id FROM log WHERE k <> 'b' OR k IS NULL",
    "only a key": "SELECT k FROM log",
    "nested": "SELECT q.i FROM (SELECT id + 1 AS i, x FROM log WHERE x <> 0) q WHERE q.i > 9",
    "exploded": "SELECT id, e FROM log LATERAL VIEW explode(l) v AS e",
    "joined": "SELECT log.id, u.name FROM log JOIN u ON log.k = u.k",
    "joined to several": "SELECT log.id, u.name FROM log LEFT JOIN u ON log.id % 5 = u.i",
    "semi": "SELECT id FROM log WHERE k IN (SELECT k FROM u)",
    "anti": "SELECT id FROM log ANTI JOIN u ON log.k = u.k",
    "grouped beside": (
        "SELECT log.id, g.n FROM log LEFT JOIN (SELECT k, count(*) AS n FROM u GROUP BY k) g "
        "ON log.k = g.k"
    ),
}


def users(kind: str, folder: Path) -> Relation:
    rows = pa.table({"k": ["a", "c", "c", None], "name": ["A", "C", "D", "N"], "i": [1, 2, 2, 4]})
    own = columns(k="string", name="string", i="bigint")
    name = TableName("db", "u")
    if kind == "memory":
        return MemoryRelation(name, own, rows)
    pq.write_table(rows, folder / "u.parquet")
    return FileRelation(name, own, files=(file(folder / "u.parquet"),))


IN_ORDER = list(QUERIES)[: list(QUERIES).index("exploded")]
"""Those whose rows come in the order of the files. DuckDB's joins keep none, but give the same rows
in the same order at each read."""


OF_USERS = [name for name, sql in QUERIES.items() if re.search(r"\bu\b", sql)]


@pytest.fixture(scope="module")
def whole_log(tmp_path_factory: pytest.TempPathFactory) -> FileRelation:
    return log(tmp_path_factory.mktemp("whole") / "log")


@pytest.mark.parametrize(
    ("query", "kind"),
    [(name, "files") for name in QUERIES] + [(name, "memory") for name in OF_USERS],
)
def test_rows_are_those_of_one_run(
    tmp_path: Path, runs: list[SideBySide], whole_log: FileRelation, query: str, kind: str
) -> None:
    sql = QUERIES[query]
    tables: dict[str, Relation] = {"log": whole_log}
    if query in OF_USERS:
        tables["u"] = users(kind, tmp_path)
    whole = read(sql, WHOLE, None, workers=1, **tables)
    assert not runs
    expected = text(whole)
    for size, several in ((1, (1, 2, 5)), (1_000, (1, 5)), (4_000, (2,))):
        read_by = [read(sql, size, None, workers=workers, **tables) for workers in several]
        assert {shares.schema for shares in read_by} == {whole.schema}
        texts = [text(shares) for shares in read_by]
        assert all(t == texts[0] for t in texts)
        assert sorted(texts[0]) == sorted(expected)
        if query in IN_ORDER:
            assert texts[0] == expected
    assert len(runs) >= 4


def text(rows: pa.Table) -> list[str]:
    """Rows as texts, in which NaN is itself and -0.0 is not 0.0."""
    return [repr(row) for row in rows.to_pylist()]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM log ORDER BY s, id",
        "SELECT id FROM log ORDER BY id LIMIT 5",
        "SELECT k, count(*) AS n FROM log GROUP BY k",
        "SELECT DISTINCT k FROM log",
        "SELECT id, row_number() OVER (ORDER BY id) AS n FROM log",
        "SELECT a.id FROM log a JOIN log b ON a.id = b.id",
        "SELECT count(*) AS n FROM log",
    ],
)
def test_what_looks_at_several_rows_runs_whole(
    tmp_path: Path, runs: list[SideBySide], sql: str
) -> None:
    read(sql, 1, log=log(tmp_path / "log"))
    assert not runs


def test_a_table_that_is_not_small_is_not_read_for_each_share(
    tmp_path: Path, runs: list[SideBySide]
) -> None:
    pq.write_table(pa.table({"k": [str(i) for i in range(100_001)]}), tmp_path / "u.parquet")
    name = TableName("db", "u")
    u = FileRelation(name, columns(k="string"), files=(file(tmp_path / "u.parquet"),))
    read("SELECT log.id FROM log JOIN u ON log.k = u.k", 1, log=log(tmp_path / "log"), u=u)
    assert not runs


def test_a_small_table_is_read_whole(tmp_path: Path, runs: list[SideBySide]) -> None:
    engine = EmbeddedEngine()
    with engine.read(plan("SELECT * FROM log", log=log(tmp_path / "log")), Access()) as stream:
        assert sum(b.num_rows for b in stream) == 3919
    assert not runs


@pytest.mark.parametrize(
    ("own", "value", "type_"),
    [
        ("file_row_number", 5, "bigint"),
        ("FILE_ROW_NUMBER", 5, "bigint"),
        ("file_index", 5, "bigint"),
        ("file_index", True, "boolean"),
        ("File_Index", "five", "string"),
    ],
)
def test_columns_called_as_duckdb_calls_its_own_are_read(
    tmp_path: Path, own: str, value: object, type_: str
) -> None:
    paths = [tmp_path / f"{i}.parquet" for i in range(3)]
    for i, path in enumerate(paths):
        rows = pa.table({"id": range(i * 900, i * 900 + 900), own: [value] * 900})
        pq.write_table(rows, path, row_group_size=100)
    given = columns(**{"id": "bigint", own: type_})
    relation = FileRelation(TableName("db", "t"), given, files=tuple(map(file, paths)))
    relation = partitioned(relation, {"k": "string"}, [("a",), ("b",), ("c",)])
    rows = read(f"SELECT id, {own} AS o, k FROM t", 500, t=relation)
    assert rows["id"].to_pylist() == list(range(2700))
    assert set(rows["o"].to_pylist()) == {value}
    assert rows["k"].to_pylist() == ["a"] * 900 + ["b"] * 900 + ["c"] * 900


@pytest.mark.parametrize("depth", [0, 1])
def test_generated_queries_give_the_same_rows(
    tmp_path: Path, runs: list[SideBySide], depth: int
) -> None:
    own = columns(t="timestamp", id="int", k="string", n="int")
    tables: dict[str, Relation] = {}
    for name, seed in (("logs", 1), ("facts", 2)):
        chance, files = Random(seed), []
        for number in range(4):
            count = chance.randrange(30)
            rows = pa.table(
                {
                    "t": pa.array(
                        [chance.choice([None, 0, 86_400, 172_800]) for _ in range(count)],
                        pa.timestamp("s", "UTC"),
                    ).cast(pa.timestamp("us", "UTC")),
                    "id": pa.array([chance.randint(1, 3) for _ in range(count)], pa.int32()),
                    "k": pa.array([chance.choice("ab") for _ in range(count)], pa.string()),
                    "n": pa.array([chance.randint(0, 2) for _ in range(count)], pa.int32()),
                }
            )
            path = tmp_path / f"{name}-{number}.parquet"
            pq.write_table(rows, path, row_group_size=4)
            files.append(file(path))
        tables[name] = FileRelation(TableName("db", name), own, files=tuple(files))
    tried = 0
    for seed in range(60):
        sql = Maker(Random(seed)).query(depth)
        if not divisible(analysed(sql)):
            continue
        names = {n: r for n, r in tables.items() if n in sql}
        try:
            whole = read(sql, WHOLE, None, workers=1, **names)
        except HeadwaterError:
            continue
        before = len(runs)
        shares = read(sql, 1, None, workers=2, **names)
        if len(runs) > before:
            tried += 1
            assert text(shares) == text(read(sql, 1, None, workers=1, **names)), sql
            assert sorted(text(shares)) == sorted(text(whole)), sql
        else:
            assert sorted(text(shares)) == sorted(text(whole)), sql
    assert tried > 2


def threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("headwater-")]


@pytest.mark.parametrize("taken", [0, 1, 4])
def test_a_read_that_is_left_leaves_nothing(
    tmp_path: Path, runs: list[SideBySide], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    relation = log(tmp_path / "log")
    engine = EmbeddedEngine(threads=3, share_bytes=500)
    with engine.read(plan("SELECT * FROM log", log=relation), Access()) as stream:
        batches = iter(stream)
        for _ in range(taken):
            next(batches)
    assert runs
    assert not threads()
    assert not [p for p in (tmp_path / "scratch").rglob("*") if p.is_file()]


def test_an_error_comes_behind_the_rows_of_the_shares_before_it(tmp_path: Path) -> None:
    relation = log(tmp_path / "log")
    sql = "SELECT id, CAST(s AS INT) AS n FROM log"
    with pytest.raises(EngineError) as whole:
        read(sql, WHOLE, log=relation)
    sql = (
        "SELECT id, CASE WHEN id >= 2900 THEN CAST(s AS INT) END AS n FROM log "
        "WHERE id < 2900 OR s LIKE 'v%'"
    )
    seen: list[object] = []
    engine = EmbeddedEngine(threads=2, share_bytes=500)
    with engine.read(plan(sql, log=relation), Access()) as stream:
        batches = iter(stream)
        with pytest.raises(EngineError) as caught:
            seen.extend(i for batch in batches for i in batch.column(0).to_pylist())
    assert (caught.value.code, whole.value.code) == ("spark-runtime-error",) * 2
    assert seen == list(range(len(seen)))
    assert len(seen) >= 2000
    assert not threads()


@pytest.mark.parametrize("size", [WHOLE, 1, 4_000])
def test_a_value_that_is_refused_is_told_with_its_own_file(tmp_path: Path, size: int) -> None:
    """Whichever files are read with it: each keeps its number."""
    paths = [tmp_path / f"{i}.parquet" for i in range(7)]
    for number, path in enumerate(paths):
        moments = [10**9 + (7 if number == 5 and i == 900 else 0) for i in range(1000)]
        rows = pa.table({"t": pa.array(moments, pa.timestamp("ns")), "id": range(1000)})
        pq.write_table(rows, path, row_group_size=100)
    own = columns(t="timestamp_ntz", id="bigint")
    relation = FileRelation(TableName("db", "t"), own, files=tuple(map(file, paths)))
    with pytest.raises(HeadwaterError, match=r"5\.parquet"):
        read("SELECT t, id FROM t", size, t=relation)


def test_a_file_that_is_gone_before_its_share_begins_is_named(tmp_path: Path) -> None:
    relation = log(tmp_path / "log")
    engine = EmbeddedEngine(threads=1, memory_limit="200MB", share_bytes=500)
    planned = Planned.of(plan("SELECT * FROM log", log=relation))
    with engine.read(planned, Access()) as stream:
        Path(relation.files[-1].path).unlink()
        with pytest.raises(DataChangedError, match=r"part-6.*gone now"):
            list(stream)


def test_no_more_waits_than_the_limit_lets(
    tmp_path: Path, runs: list[SideBySide], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.engines.embedded.engine.BATCH_ROWS", 2048)
    monkeypatch.setattr("headwater.engines.embedded.memory._AHEAD", 100_000)
    monkeypatch.setattr("headwater.engines.embedded.copied_columns.LEAST", WHOLE)
    paths = [tmp_path / f"{i}.parquet" for i in range(12)]
    for i, path in enumerate(paths):
        pq.write_table(pa.table({"id": range(i * 9000, i * 9000 + 9000)}), path)
    own = columns(id="bigint")
    relation = FileRelation(TableName("db", "t"), own, files=tuple(map(file, paths)))
    engine = EmbeddedEngine(threads=4, share_bytes=1)
    with engine.read(plan("SELECT id FROM t", t=relation), Access()) as stream:
        time.sleep(0.5)
        ids = [i for batch in stream for i in batch.column(0).to_pylist()]
    assert ids == list(range(12 * 9000))
    (run,) = runs
    batch = 9 * 2048
    assert 100_000 - batch < run.most_held <= 100_000 + batch


# -- reads that nobody closes --------------------------------------------------------------------

UNCLOSED = """
import gc, os, sys, threading
from pathlib import Path
from core.tests.engines.embedded.support import columns, file, plan
from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine, memory
from headwater.errors import EngineError
from headwater.tables.relation import FileRelation
from headwater.tables.table import TableName

memory._AHEAD = 1
files = tuple(map(file, sorted(Path(sys.argv[1]).iterdir())))
relation = FileRelation(TableName("db", "t"), columns(id="bigint"), files=files)
read = EmbeddedEngine(threads=2, share_bytes=1).read(plan("SELECT id FROM t", t=relation), Access())
batches = iter(read.__enter__())
taken = next(batches).num_rows

def working():
    return sum(t.name.startswith("headwater-share") for t in threading.enumerate())

assert working() == 2
"""


def unclosed(folder: Path, then: str) -> subprocess.CompletedProcess[str]:
    """Run a script that reads a batch, with shares at work, and then something else."""
    folder.mkdir()
    for i in range(8):
        rows = pa.table({"id": range(i * 150_000, (i + 1) * 150_000)})
        pq.write_table(rows, folder / f"{i}.parquet")
    command = [sys.executable, "-c", UNCLOSED + then, str(folder)]
    root = Path(__file__).parents[4]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=root
    )


def test_a_script_that_leaves_its_read_open_ends(tmp_path: Path) -> None:
    ended = unclosed(tmp_path / "t", "print('last line')")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "last line\n", "")


def test_a_script_that_fails_while_it_reads_ends_with_its_error(tmp_path: Path) -> None:
    ended = unclosed(tmp_path / "t", "raise ValueError('of the consumer')")
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "ValueError: of the consumer"


def test_a_read_that_is_dropped_leaves_no_thread(tmp_path: Path) -> None:
    ended = unclosed(tmp_path / "t", "del read, batches; gc.collect(); print(working())")
    assert (ended.stdout, ended.stderr) == ("0\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_is_told_that_the_read_is_not_its_own(tmp_path: Path) -> None:
    """It has none of the threads that read: it would wait for their rows for ever."""
    forked = """
if not (child := os.fork()):
    try:
        next(batches)
    except EngineError as error:
        print(error.message, flush=True)
    os._exit(3)  # as multiprocessing does: DuckDB's own threads are not in this process either
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(taken + sum(b.num_rows for b in batches))
"""
    ended = unclosed(tmp_path / "t", forked)
    said, status, rows = ended.stdout.splitlines()
    assert "begun by another process" in said
    assert (status, rows) == ("3", str(8 * 150_000))


@pytest.mark.parametrize(
    ("given", "ahead"),
    [(None, 128 * 2**20), ("8GB", 128 * 2**20), ("400MB", 100_000_000), ("1 KiB", 256)],
)
def test_rows_that_wait_are_a_part_of_the_limit(given: str | None, ahead: int) -> None:
    from headwater.engines.embedded.memory import memory

    allowed = memory(given)
    assert allowed.ahead == ahead
    assert allowed.limit is not None
    assert allowed.beside == allowed.limit - ahead


# -- object storage ------------------------------------------------------------------------------


def test_shares_of_a_bucket_are_read_with_its_identity_alone(
    store: ObjectStore, runs: list[SideBySide]
) -> None:
    relation = put(store, "lake", 9, 3_000, auth="a")
    access = Access({"a": KeySession(store, "A", {"lake"})})
    rows = read("SELECT id FROM t", 1, access, t=relation)
    assert rows["id"].to_pylist() == list(range(27_000))
    assert {key for key, _, _ in store.requests} == {"A1"}
    assert len(runs) == 1


def test_credentials_are_renewed_between_shares(
    store: ObjectStore, runs: list[SideBySide], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.engines.embedded.memory._AHEAD", 1)
    monkeypatch.setattr("headwater.engines.embedded.engine._READERS", 2)
    relation = put(store, "lake", 16, 60_000, auth="a")
    session = KeySession(store, "A", {"lake"}, life=2.0)
    begin, count = time.monotonic(), 0
    engine = EmbeddedEngine(share_bytes=1)
    with engine.read(plan("SELECT id FROM t", t=relation), Access({"a": session})) as stream:
        for batch in stream:
            count += batch.num_rows
            time.sleep(0.3)
    assert runs
    assert count == 16 * 60_000
    assert time.monotonic() - begin > 2.5, "the first key must have ended during the read"
    assert not store.denied
    assert len({key for key, _, _ in store.requests}) >= 3


def test_a_share_whose_keys_ended_while_its_rows_waited_goes_on_with_new_ones(
    store: ObjectStore, runs: list[SideBySide], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file was opened with keys that ended: it is opened again, and no row comes twice."""
    monkeypatch.setattr("headwater.engines.embedded.memory._AHEAD", 1)
    monkeypatch.setattr("headwater.engines.embedded.engine.BATCH_ROWS", 2048)
    files = []
    for number in range(4):
        sink = io.BytesIO()
        some = pa.array(range(number * 40_000, (number + 1) * 40_000))
        # More than DuckDB makes ahead of who takes the rows.
        rows = pa.table({"id": some, **{f"c{i}": pc.multiply(some, i) for i in range(12)}})
        pq.write_table(rows, sink, row_group_size=4_000, use_dictionary=False, compression="none")
        store.objects[f"lake/{number}.parquet"] = sink.getvalue()
        files.append(DataFile(f"s3://lake/{number}.parquet", len(sink.getvalue())))
    own = columns(id="bigint", **{f"c{i}": "bigint" for i in range(12)})
    relation = FileRelation(TableName("db", "t"), own, files=tuple(files), auth_ref="a")
    session = KeySession(store, "A", {"lake"}, life=3.0)
    engine = EmbeddedEngine(share_bytes=2**22)
    with engine.read(plan("SELECT * FROM t", t=relation), Access({"a": session})) as stream:
        batches = iter(stream)
        ids: list[object] = next(batches).column(0).to_pylist()
        time.sleep(2)  # renewed, and the first keys end now
        store.keys["A1"] = (set(), 0.0)
        ids += [i for batch in batches for i in batch.column(0).to_pylist()]
    assert runs
    assert store.denied, "a share was in the middle of a file"
    assert ids == list(range(160_000))


def test_an_object_that_is_overwritten_before_its_share_is_an_error(
    store: ObjectStore, runs: list[SideBySide], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headwater.engines.embedded.memory._AHEAD", 1)
    monkeypatch.setattr("headwater.engines.embedded.engine._READERS", 1)
    relation = put(store, "lake", 5, 60_000, auth="a")
    access = Access({"a": KeySession(store, "A", {"lake"})})
    engine = EmbeddedEngine(share_bytes=1)
    with engine.read(plan("SELECT id FROM t", t=relation), access) as stream:
        batches = iter(stream)
        next(batches)
        name = relation.files[-1].path.removeprefix("s3://")
        store.etags[name] = '"two"'
        with pytest.raises(DataChangedError, match="overwritten"):
            for _ in batches:
                pass
    assert runs


def test_no_share_opens_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a share reads is held to the table's files by the database, not by its text alone."""
    relation = log(tmp_path / "log")
    other = tmp_path / "other.parquet"
    pq.write_table(table(0, 3), other)
    changed = dataclasses.replace(relation)

    def elsewhere(self: object, connection: object, number: int) -> object:
        return connection.execute(f"SELECT * FROM read_parquet('{other}')").to_arrow_reader()  # type: ignore[attr-defined]

    seen: list[BaseException] = []
    original = running.SideBySide._give

    def give(self: SideBySide, number: int, connection: object) -> None:
        try:
            elsewhere(self, connection, number)
        except Exception as error:  # noqa: BLE001
            seen.append(error)
        original(self, number, connection)  # type: ignore[arg-type]

    monkeypatch.setattr(running.SideBySide, "_give", give)
    assert read("SELECT id FROM log", 500, log=changed).num_rows == 3919
    assert seen
    assert all("Permission Error" in str(e) for e in seen)


@pytest.mark.parametrize(
    "least",
    [
        pa.array([-(2**63)], pa.int64()).view(pa.timestamp("us", "UTC")),
        pa.array([2**62], pa.int64()).view(pa.timestamp("ms")),
        pa.array([2**31 - 1], pa.int32()).view(pa.time32("ms")),
    ],
    ids=["least", "milliseconds", "clock"],
)
def test_statistics_that_duckdb_can_not_write_out_stop_no_read(
    tmp_path: Path, least: pa.Array
) -> None:
    """A file of them is not cut; others are."""
    files = []
    for number in range(2):
        ids = pa.array(range(number * 300, number * 300 + 300), pa.int64())
        given = {"id": ids} | ({} if number else {"z": pa.concat_arrays([least] * 300)})
        pq.write_table(pa.table(given), path := tmp_path / f"{number}.parquet", row_group_size=100)
        files.append(file(path))
    relation = FileRelation(TableName("db", "t"), columns(id="bigint"), files=tuple(files))
    found = read("SELECT id, id % 2 AS o FROM t", 1, t=relation)
    assert found["id"].to_pylist() == list(range(600))
    assert number_ranges(relation, files, Access()) == {}
    assert footers_of(relation, files, Access()).keys() == set(files)
    assert times(relation, files, "id", Access()) == dict.fromkeys(files)
