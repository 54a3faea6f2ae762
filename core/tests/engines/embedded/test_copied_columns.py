"""Copied columns: Arrow's values are DuckDB's, and what is unusual is read by DuckDB alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.support import columns, file, partitioned, plan

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine
from headwater.engines.embedded.copied_columns import TimeRange, _ascend
from headwater.engines.embedded.engine import _ShareQueries
from headwater.engines.embedded.formats import parquet_values
from headwater.engines.embedded.formats.parquet_values import FileValues
from headwater.engines.embedded.running import batches
from headwater.errors import HeadwaterError
from headwater.interfaces.plan import Planned
from headwater.tables.relation import FileRelation
from headwater.tables.table import TableName

TYPES = {
    "id": "bigint",
    "at": "timestamp",
    "n": "timestamp_ntz",
    "d": "date",
    "x": "double",
    "f": "float",
    "i": "int",
    "b": "boolean",
    "s": "string",
    "u": "string",
    "m": "decimal(9,2)",
}
EXTREMES = (None, float("nan"), -0.0, float("inf"), 5e-324, 1.5)


def rows(first: int, count: int) -> pa.Table:
    """Rows of all types: `s` is one of few texts, each text of `u` is another one."""
    chance = Random(first)
    ids = range(first, first + count)

    def some(values: Callable[[int], Any]) -> list[Any]:
        return [None if chance.random() < 0.2 else values(i) for i in ids]

    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "at": pa.array(some(lambda i: i * 10**9 - 10**12), pa.timestamp("us", "UTC")),
            "n": pa.array(some(lambda i: i * 7 + 10**15), pa.timestamp("us")),
            "d": pa.array(some(lambda i: i - 700_000), pa.date32()),
            "x": pa.array([chance.choice(EXTREMES) for _ in ids], pa.float64()),
            "f": pa.array([chance.choice(EXTREMES) for _ in ids], pa.float32()),
            "i": pa.array(some(lambda i: -(2**31) + i), pa.int32()),
            "b": pa.array(some(lambda i: i % 3 == 0), pa.bool_()),
            "s": pa.array(some(lambda i: ("", "é", "ab" * 40)[i % 3]), pa.string()),
            "u": pa.array([f"{i:032}" for i in ids], pa.string()),
            "m": pa.array(some(lambda i: i), pa.decimal128(9, 0)).cast(pa.decimal128(9, 2)),
        }
    )


def made(folder: Path, counts: tuple[int, ...] = (900, 40, 0, 700), **options: Any) -> FileRelation:
    """A table of some files of many row groups."""
    files, first = [], 0
    for number, count in enumerate(counts):
        path = folder / f"{number}.parquet"
        pq.write_table(rows(first, count), path, row_group_size=130, **options)
        files.append(file(path))
        first += count
    relation = FileRelation(TableName("db", "t"), columns(**TYPES), files=tuple(files))
    keys = [(f"k{i}",) for i in range(len(counts))]
    return partitioned(relation, {"k": "string"}, keys)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.engines.embedded.copied_columns.LEAST", 0)
    monkeypatch.setattr("headwater.engines.embedded.engine.BATCH_ROWS", 100)
    monkeypatch.setattr("headwater.engines.embedded.engine._FEW_ROWS", 600)
    monkeypatch.setattr(parquet_values, "_BATCH_ROWS", 90)


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which columns were copied, each time that some were."""
    seen: list[str] = []
    for method in ("slice", "take"):
        whole = getattr(FileValues, method)

        def kept(self: FileValues, *given: Any, whole: Any = whole, name: str = method) -> Any:
            seen.append(f"{name} {' '.join(self._columns)}")
            return whole(self, *given)

        monkeypatch.setattr(FileValues, method, kept)
    return seen


def read(sql: str, relation: FileRelation, size: int = 2_000) -> pa.Table:
    engine = EmbeddedEngine(threads=2, share_bytes=size)
    with engine.read(plan(sql, t=relation), Access()) as stream:
        return pa.Table.from_batches(list(stream), stream.schema)


def alone(sql: str, relation: FileRelation) -> pa.Table:
    """The rows as DuckDB reads them alone."""
    return read(sql, relation, 2**40)


def text(table: pa.Table) -> list[str]:
    """Rows as texts, in which NaN is itself and -0.0 is not 0.0."""
    return [repr(row) for row in table.to_pylist()]


def same(sql: str, relation: FileRelation) -> None:
    shares, whole = read(sql, relation), alone(sql, relation)
    assert shares.schema == whole.schema
    assert text(shares) == text(whole)
    shares.validate(full=True)


@pytest.mark.parametrize(
    ("sql", "how"),
    [
        ("SELECT * FROM t", "slice id at n d x f i b s"),
        ("SELECT id, at, x, s FROM t WHERE id >= 100 AND id < 1100", "slice at x s"),
        ("SELECT id, x, f, i, b FROM t WHERE id % 3 <> 0", "take x f i b"),
        ("SELECT x AS y, f, x AS z, i + 1 AS j, k FROM t", "slice x f"),
        ("SELECT y FROM (SELECT x AS y, k FROM t WHERE k <> 'k1') WHERE k <> 'k3'", "slice x"),
        ("SELECT s, at, x FROM t WHERE d IS NOT NULL", "take s at x"),
        ("WITH a AS (SELECT *, id % 2 AS o FROM t) SELECT x, i, o FROM a WHERE o = 1", "take x i"),
        ("SELECT T.X, t.`F`, i FROM t", "slice x f i"),
    ],
)
@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zstd", "data_page_version": "2.0"}, {"use_dictionary": ["s", "x"]}],
    ids=["usual", "pages", "dictionaries"],
)
def test_rows_are_those_of_duckdb_alone(
    tmp_path: Path, copied: list[str], sql: str, how: str, options: dict[str, Any]
) -> None:
    same(sql, made(tmp_path, **options))
    assert how in copied


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT x, x > 1 AS y, x AS z FROM t",  # it is looked at, too
        "SELECT x, f FROM t WHERE id % 30 = 7",  # few rows of many
        "SELECT e, x FROM t LATERAL VIEW explode(array(1, 2)) v AS e",  # each row twice
        "SELECT a.x, a.f, a.i FROM t AS a JOIN (SELECT 1 AS one) ON id > 5",
        "SELECT u, m FROM t",  # long texts, decimals
        "SELECT f, b, d, i FROM t",  # none can hold the number of a row
    ],
)
def test_what_is_not_only_given_out_or_not_plain_comes_from_duckdb(
    tmp_path: Path, copied: list[str], sql: str
) -> None:
    same(sql, made(tmp_path))
    assert not copied


def moment(row: int) -> str:
    return f"TIMESTAMP '{datetime.fromtimestamp(row, UTC):%Y-%m-%d %H:%M:%S}Z'"


def timed(folder: Path, **options: Any) -> FileRelation:
    """A table whose `at` is each row's number in seconds, in order."""
    files, first = [], 0
    for number, count in enumerate((900, 40, 0, 700)):
        table = rows(first, count)
        at = pa.array([i * 10**6 for i in range(first, first + count)], pa.timestamp("us", "UTC"))
        path = folder / f"{number}.parquet"
        table = table.set_column(1, "at", at).drop_columns(["u", "m"])
        pq.write_table(table, path, row_group_size=130, **options)
        files.append(file(path))
        first += count
    own = columns(**{n: t for n, t in TYPES.items() if n not in "um"})
    return FileRelation(TableName("db", "t"), own, files=tuple(files))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that DuckDB gave."""
    seen: list[int] = []

    def rows_of(reader: Any) -> Iterator[pa.RecordBatch]:
        for batch in batches(reader):
            seen.append(batch.num_rows)
            yield batch

    monkeypatch.setattr("headwater.engines.embedded.copied_columns.batches", rows_of)
    return seen


@pytest.mark.parametrize(
    ("columns_", "where", "alone_"),
    [
        ("*", f"at >= {moment(130)} AND at < {moment(1640)}", True),
        ("*", f"at >= {moment(131)} AND at < {moment(1639)}", True),
        ("at, x, s", f"at >= {moment(0)}", True),
        ("x AS y, at AS z, x, id", f"at < {moment(5000)}", True),
        ("*", f"NOT at < {moment(130)}", False),
        ("*", f"at >= {moment(130)} AND id < 1400", False),
        ("*", f"at >= {moment(130)} AND hour(at) < 24", False),
        ("*, id + 1 AS next", f"at >= {moment(130)}", False),
        ("id, x", f"at >= {moment(130)}", False),
    ],
)
@pytest.mark.parametrize("statistics", [True, False])
def test_shares_in_a_time_range_are_read_by_arrow_alone(
    tmp_path: Path,
    copied: list[str],
    asked: list[int],
    columns_: str,
    where: str,
    alone_: bool,
    statistics: bool,
) -> None:
    relation = timed(tmp_path, write_statistics=statistics)
    same(f"SELECT {columns_} FROM t WHERE {where}", relation)
    assert copied
    assert (sum(asked) < 500) == (alone_ and statistics)


@pytest.mark.parametrize(
    ("moments", "held"),
    [([10, 19], True), ([9, 12], False), ([12, 20], False), ([12, None], False)],
)
def test_a_time_range_begins_with_its_first_moment_and_ends_before_its_last(
    moments: list[int | None], held: bool
) -> None:
    assert TimeRange(0, 10, 20).holds(pa.array(moments, pa.timestamp("us", "UTC"))) is held


@pytest.mark.parametrize(
    ("numbers", "ascend"),
    [([], True), ([7], True), ([1, 2, 9], True), ([1, 2, 2], False), ([2, 1, 3], False)],
)
def test_no_row_is_copied_twice_or_after_a_later_one(numbers: list[int], ascend: bool) -> None:
    assert _ascend(pa.array(numbers, pa.int64())) is ascend


@pytest.mark.parametrize("wrong", [10**9, None])
def test_statistics_that_are_wrong_leave_no_row_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str], wrong: int | None
) -> None:
    """Neither one behind the range nor one without a time."""
    at: list[int | None] = [10**6 * i for i in range(1000)]
    at[777] = wrong and wrong * 10**6
    path = tmp_path / "t.parquet"
    table = pa.table({"id": IDS, "at": pa.array(at, pa.timestamp("us", "UTC"))})
    pq.write_table(table, path, row_group_size=100)
    own = columns(id="bigint", at="timestamp")
    relation = FileRelation(TableName("db", "t"), own, files=(file(path),))
    monkeypatch.setattr(parquet_values.Footer, "lies_in", lambda *_: True)
    found = read(f"SELECT id, at FROM t WHERE at < {moment(5000)}", relation, 1)
    assert copied
    assert found["id"].to_pylist() == [i for i in range(1000) if i != 777]


def written(path: Path, table: pa.Table, **options: Any) -> FileRelation:
    pq.write_table(table, path, row_group_size=100, **options)
    types = {"id": "bigint", "s": "string", "t": "timestamp"}
    own = columns(**{n: types[n.lower()] for n in table.column_names if n.lower() in types})
    return FileRelation(TableName("db", "t"), own, files=(file(path),))


IDS = pa.array(range(1000), pa.int64())
WORDS = pa.array(["a", "b"] * 500)
TIMES = pa.array(range(1000), pa.timestamp("us", "UTC"))


@pytest.mark.parametrize(
    "table",
    {
        "large texts": pa.table({"id": IDS, "s": WORDS.cast(pa.large_string())}),
        "numbers of texts": pa.table({"id": IDS, "s": WORDS.dictionary_encode()}),
        "views": pa.table({"id": IDS, "s": WORDS.cast(pa.string_view())}),
        "another zone": pa.table({"id": IDS, "t": TIMES.cast(pa.timestamp("us", "Asia/Tokyo"))}),
        "milliseconds": pa.table({"id": IDS, "t": IDS.cast(pa.timestamp("ms", "UTC"))}),
        "a duration": pa.table({"id": pa.array(range(1000), pa.duration("us")), "s": WORDS}),
        "another case": pa.table({"ID": IDS, "S": WORDS}),
        "a path": pa.table({"id": IDS, "s": WORDS, "s.a": WORDS, "q": [{"id": 5}] * 1000}),
        "a twin": pa.table({"id": IDS, "s": WORDS, "s_1": IDS}),
    }.values(),
    ids=["large", "numbers", "views", "zone", "ms", "duration", "case", "path", "twin"],
)  # fmt: skip
def test_files_that_arrow_reads_as_other_types(tmp_path: Path, table: pa.Table) -> None:
    relation = written(tmp_path / "t.parquet", table)
    shares = read("SELECT * FROM t", relation, 1)
    whole = alone("SELECT * FROM t", relation)
    assert shares.schema == whole.schema
    assert text(shares) == text(whole)
    assert shares.num_rows == 1000


def outcome(relation: FileRelation, size: int) -> list[str]:
    """The rows that come, and the error behind them."""
    seen: list[str] = []
    try:
        with EmbeddedEngine(threads=2, share_bytes=size).read(
            plan("SELECT id, s FROM t", t=relation), Access()
        ) as stream:
            for batch in stream:
                seen += text(pa.table(batch))
    except HeadwaterError as error:
        seen.append(f"{error.code}: {error}")
    return seen


def test_a_text_that_is_not_utf8_is_told_as_ever(tmp_path: Path, copied: list[str]) -> None:
    """Arrow would pass it on."""
    words = pa.array([b"a"] * 850 + [b"\xff"] * 150).cast(pa.string(), safe=False)
    relation = written(tmp_path / "t.parquet", pa.table({"id": IDS, "s": words}))
    found = outcome(relation, 1)
    assert copied
    assert found[-1] == outcome(relation, 2**40)[-1]
    assert "UTF" in found[-1]
    assert found[:-1] == [repr({"id": i, "s": "a"}) for i in range(800)]


def test_a_page_that_is_damaged_is_told_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    relation = written(path, pa.table({"id": IDS, "s": WORDS}), compression="zstd")
    chunk = pq.read_metadata(path).row_group(7).column(1)
    data = bytearray(path.read_bytes())
    last = chunk.data_page_offset + 40
    first = chunk.dictionary_page_offset or 0
    data[first:last] = b"\x15" * (last - first)
    path.write_bytes(data)
    relation = FileRelation(relation.name, relation.columns, files=(file(path),))
    found, expected = outcome(relation, 1), outcome(relation, 2**40)
    assert found[-1] == expected[-1]
    assert found[-1].startswith("engine: ")
    assert len(found) == 701


def test_a_text_that_is_told_again_and_again_is_not_written_out_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str]
) -> None:
    words = pa.array(["x" * 5_000 if i % 100 == 7 else "y" for i in range(1000)])
    relation = written(tmp_path / "t.parquet", pa.table({"id": IDS, "s": words}))
    monkeypatch.setattr("headwater.engines.embedded.formats.parquet_values._PACKED", 10**6)
    monkeypatch.setattr("headwater.untrusted.limits.ROWS_BYTES", 4_000)
    shares = read("SELECT * FROM t", relation, 1)
    assert copied
    assert shares["s"].to_pylist() == words.to_pylist()


@pytest.mark.parametrize(("columns_", "rows_"), [("id, x, u", 100), ("id, x, m", 300)])
def test_batches_of_texts_that_duckdb_reads_are_no_larger_than_others(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    copied: list[str],
    columns_: str,
    rows_: int,
) -> None:
    """Where many rows are asked for at once, as most columns are copied, a text may be of any
    length."""
    seen: list[int] = []
    whole = _ShareQueries._rows_of_few

    def asked_for(self: _ShareQueries, places: Sequence[int]) -> int:
        seen.append(whole(self, places))
        return seen[-1]

    monkeypatch.setattr(_ShareQueries, "_rows_of_few", asked_for)
    same(f"SELECT {columns_} FROM t", made(tmp_path))
    assert copied
    assert set(seen) == {rows_}


@pytest.mark.parametrize("expected", [64, 1])
def test_texts_of_several_columns_are_written_out_within_one_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: int
) -> None:
    """Where they are longer than was expected, DuckDB reads them."""
    words = pa.array(["x" * 50, "y"] * 500)
    texts = {f"s{i}": words for i in range(39)}
    pq.write_table(pa.table({"id": IDS, **texts}), path := tmp_path / "t", row_group_size=100)
    own = columns(id="bigint", **dict.fromkeys(texts, "string"))
    relation = FileRelation(TableName("db", "t"), own, files=(file(path),))
    held: list[int] = []
    whole = FileValues.slice

    def kept(self: FileValues, first: int, last: int) -> list[pa.Array[Any]]:
        found = whole(self, first, last)
        held.append(sum(a.nbytes for a in found))
        return found

    monkeypatch.setattr(FileValues, "slice", kept)
    monkeypatch.setattr("headwater.untrusted.limits.ROWS_BYTES", 40_000)
    monkeypatch.setattr(parquet_values, "_TEXT", expected)
    same("SELECT * FROM t", relation)
    assert bool(held) == (expected == 64)
    assert max(held, default=0) < 50_000


def test_no_row_is_half_of_a_file_that_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str]
) -> None:
    path, other = tmp_path / "t.parquet", tmp_path / "other"
    relation = written(path, pa.table({"id": IDS, "s": WORDS}))
    written(other, pa.table({"id": pa.array(range(5000, 6000)), "s": ["c", "d"] * 500}))
    whole = FileValues.at

    def overwritten(self: FileValues, row: int) -> int:
        if row >= 500 and other.exists():
            other.rename(path)
        return whole(self, row)

    monkeypatch.setattr(FileValues, "at", overwritten)
    found = set(outcome(relation, 1))
    assert copied
    old = {repr({"id": i, "s": "ab"[i % 2]}) for i in range(1000)}
    new = {repr({"id": i, "s": "cd"[i % 2]}) for i in range(5000, 6000)}
    assert found <= old | new
    assert found & new


@pytest.mark.parametrize("large", [True, False])
def test_a_column_that_swells_in_memory_is_left_to_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str], large: bool
) -> None:
    """DuckDB counts what it takes. A small file can hold a page of gigabytes."""
    zeros = pa.array([0.0] * 2000)
    numbers = pa.array([Random(i).random() for i in range(2000)])
    table = pa.table({"id": range(2000), "x": zeros, "y": numbers})
    pq.write_table(
        table, path := tmp_path / "t", row_group_size=1000, compression="zstd", use_dictionary=False
    )
    own = columns(id="bigint", x="double", y="double")
    relation = FileRelation(TableName("db", "t"), own, files=(file(path),))
    monkeypatch.setattr(parquet_values, "_LARGE", 1000 if large else 10_000)
    same("SELECT * FROM t", relation)
    assert set(copied) == {"slice id y" if large else "slice id x y"}


def varint(place: int) -> bytes:
    """A place in a file, as footers write it."""
    place, found = place * 2, b""
    while place > 127:
        found, place = found + bytes([place & 127 | 128]), place >> 7
    return found + bytes([place])


def test_a_column_whose_pages_are_said_to_be_before_its_dictionary(tmp_path: Path) -> None:
    """DuckDB begins with the dictionary; Arrow took the values of another row group."""
    path = tmp_path / "t.parquet"
    relation = written(path, pa.table({"id": IDS}), write_statistics=False)
    other, own = (pq.read_metadata(path).row_group(i).column(0) for i in (6, 7))
    data = path.read_bytes()
    said, wrong = (
        b"\x26" + varint(first) + b"\x26" + varint(own.dictionary_page_offset or 0)
        for first in (own.data_page_offset, other.dictionary_page_offset or 0)
    )
    assert data.count(said) == 1
    assert len(said) == len(wrong)
    path.write_bytes(data.replace(said, wrong))
    same("SELECT id, id AS again FROM t", relation)


@pytest.mark.parametrize("etag", [None, "a plugin's own"])
def test_no_row_is_of_two_files_where_no_plan_has_marked_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str], etag: str | None
) -> None:
    path, other = tmp_path / "t.parquet", tmp_path / "other"
    plain: dict[str, Any] = {"compression": "none", "use_dictionary": False}
    relation = written(path, pa.table({"id": IDS, "s": WORDS}), **plain)
    relation = replace(relation, files=(replace(relation.files[0], etag=etag),))
    written(other, pa.table({"id": pa.array(range(5000, 6000)), "s": ["c", "d"] * 500}), **plain)
    os.utime(other, (1, 1))  # DuckDB keeps footers of files by their times
    whole = FileValues.__init__

    def overwritten(self: FileValues, *given: Any) -> None:
        if copied and other.exists():
            other.rename(path)
        whole(self, *given)

    monkeypatch.setattr(FileValues, "__init__", overwritten)
    found = read("SELECT id, upper(s) AS u FROM t", relation, 1)
    assert not other.exists()
    kinds = {(r["id"] >= 5000, r["u"] in "CD") for r in found.to_pylist()}
    assert kinds == {(False, False), (True, True)}


def test_rows_that_come_in_another_order_are_left_to_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str]
) -> None:
    relation = made(tmp_path)
    sql = "SELECT id, x, u FROM t"
    whole = alone(sql, relation)
    monkeypatch.setattr(
        "headwater.engines.embedded.copied_columns.batches",
        lambda reader: reversed(list(batches(reader))),
    )
    found = read(sql, relation, 8_000)
    assert copied
    assert sorted(text(found)) == sorted(text(whole))


def test_files_of_more_rows_than_have_a_number_are_left_to_duckdb(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str]
) -> None:
    monkeypatch.setattr(parquet_values.Footer, "rows", 2**32 + 1)
    same("SELECT id, x, u FROM t", made(tmp_path))
    assert not copied


def test_old_dates_of_another_calendar_are_moved(tmp_path: Path, copied: list[str]) -> None:
    path = tmp_path / "t.parquet"
    days = pa.array([date(1500, 1, 1)] * 1000)
    table = pa.table({"id": IDS, "d": days}).replace_schema_metadata(
        {"org.apache.spark.version": "2.4.5", "org.apache.spark.legacyDateTime": ""}
    )
    pq.write_table(table, path, row_group_size=100)
    own = columns(id="bigint", d="date")
    relation = FileRelation(TableName("db", "t"), own, files=(file(path),))
    same("SELECT id, d FROM t", relation)
    assert set(read("SELECT d, id FROM t", relation, 1)["d"].to_pylist()) == {date(1499, 12, 23)}
    assert set(copied) == {"slice id"}


def test_a_share_ends_where_its_read_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: list[str]
) -> None:
    opened: list[FileValues] = []
    closed: list[FileValues] = []
    begin, close = FileValues.__init__, FileValues.close

    def begun(self: FileValues, *given: Any) -> None:
        opened.append(self)
        begin(self, *given)

    def ended(self: FileValues) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(FileValues, "__init__", begun)
    monkeypatch.setattr(FileValues, "close", ended)
    relation = made(tmp_path)
    planned = Planned.of(plan("SELECT * FROM t", t=relation))
    with EmbeddedEngine(threads=2, share_bytes=1).read(planned, Access()) as stream:
        batches_ = iter(stream)
        taken = next(batches_)
        while not copied:
            next(batches_)
    assert taken.column(0)[0].as_py() == 0
    assert opened
    assert set(map(id, opened)) == set(map(id, closed))
