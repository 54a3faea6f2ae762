"""Queries side by side: the order of their batches, what may wait, how they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pytest

from headwater.engines.embedded.running import SideBySide

SCHEMA = pa.schema([("v", pa.int64())])
ROWS = 100
SIZE = 8 * ROWS


def batch(value: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([value] * ROWS)], schema=SCHEMA)


class Query:
    """A query of a few batches that tells how many it has made.

    Args:
        number: What its batches hold.
        batches: How many.
        fails: What it raises behind them.
        wait: Called before each batch.
    """

    def __init__(
        self,
        number: int,
        batches: int = 5,
        fails: Exception | None = None,
        wait: Callable[[], object] = lambda: None,
    ) -> None:
        self.number, self.batches, self.fails, self.wait = number, batches, fails, wait
        self.made = 0

    def __call__(self, _: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
        def rows() -> Iterator[pa.RecordBatch]:
            for _ in range(self.batches):
                self.wait()
                self.made += 1
                yield batch(self.number)
            if self.fails is not None:
                raise self.fails

        return pa.RecordBatchReader.from_batches(SCHEMA, rows())


@contextmanager
def running(
    queries: list[Query], *, readers: int = 3, ahead: int = 100 * SIZE
) -> Iterator[SideBySide]:
    with duckdb.connect() as connection:
        rows = SideBySide(queries, connection.cursor, readers=readers, ahead=ahead)
        rows.start()
        try:
            yield rows
        finally:
            rows.close()
            assert not [t for t in threading.enumerate() if t.name.startswith("headwater-share")]


def values(rows: SideBySide) -> list[int]:
    return [b.column(0)[0].as_py() for b in rows]


@pytest.mark.parametrize("readers", [1, 2, 3, 9])
@pytest.mark.parametrize("ahead", [0, SIZE, 3 * SIZE, 1000 * SIZE])
def test_batches_come_in_the_order_of_the_queries(readers: int, ahead: int) -> None:
    # The first are slow, so that the others would be before them.
    queries = [Query(i, wait=lambda i=i: time.sleep(0.01 / (i + 1))) for i in range(6)]  # type: ignore[misc]
    with running(queries, readers=readers, ahead=ahead) as rows:
        assert rows.schema == SCHEMA
        assert values(rows) == [i for i in range(6) for _ in range(5)]
        assert rows.held == 0


@pytest.mark.parametrize("readers", [2, 5])
def test_no_more_waits_than_is_allowed(readers: int) -> None:
    queries = [Query(i, batches=9) for i in range(8)]
    with running(queries, readers=readers, ahead=4 * SIZE) as rows:
        batches = iter(rows)
        taken = [next(batches).column(0)[0].as_py()]
        settled(lambda: sum(q.made for q in queries))
        # What waits, the next one in order, one in the hand of each reader, and what was taken.
        assert sum(q.made for q in queries) <= 4 + 1 + readers + 1
        taken += [b.column(0)[0].as_py() for b in batches]
        assert taken == [i for i in range(8) for _ in range(9)]
        # The next batch in order is let by, whatever those behind it hold.
        assert rows.most_held <= 5 * SIZE


def settled(figure: Callable[[], int]) -> None:
    """Wait until a figure stays as it is."""
    before = -1
    while (now := figure()) != before:
        before = now
        time.sleep(0.2)


def test_what_one_query_raises_comes_behind_the_rows_before_it() -> None:
    failed = threading.Event()

    def late() -> None:
        assert failed.wait(10)

    error = OSError("of the second")

    class Failing(Query):
        def __call__(self, connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
            failed.set()
            raise error

    queries = [Query(0, wait=late), Failing(1), Query(2), *(Query(i) for i in range(3, 20))]
    with running(queries, readers=2) as rows:
        batches = iter(rows)
        assert [next(batches).column(0)[0].as_py() for _ in range(5)] == [0] * 5
        with pytest.raises(OSError, match="of the second"):
            next(batches)
    assert not any(q.made for q in queries[4:]), "nothing is begun behind an error"


def test_of_two_errors_the_first_in_order_is_raised() -> None:
    second = threading.Event()

    class Second(Query):
        def __call__(self, connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
            second.set()
            raise OSError("of the second")

    queries = [Query(0, fails=OSError("of the first"), wait=lambda: second.wait(10)), Second(1)]
    with running(queries, readers=2) as rows, pytest.raises(OSError, match="of the first"):
        values(rows)


def test_an_error_of_the_first_query_is_raised_before_a_row_is_asked_for() -> None:
    class Failing(Query):
        def __call__(self, connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
            raise OSError("at once")

    with running([Failing(0), Query(1)]) as rows, pytest.raises(OSError, match="at once"):
        _ = rows.schema


def test_a_query_that_may_be_run_again_goes_on_where_it_failed() -> None:
    class Twice(Query):
        runs = 0

        def __call__(self, connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
            Twice.runs += 1
            error = OSError("once") if Twice.runs == 1 else None

            def rows() -> Iterator[pa.RecordBatch]:
                # Cut otherwise the second time: rows are what is counted.
                whole = pa.table({"v": range(1000)}, schema=SCHEMA)
                size = 300 if error else 250
                yield from whole.to_batches(max_chunksize=size)[: 2 if error else None]
                if error:
                    raise error

            return pa.RecordBatchReader.from_batches(SCHEMA, rows())

    with duckdb.connect() as connection:
        rows = SideBySide(
            [Twice(0)],
            connection.cursor,
            readers=1,
            ahead=10**6,
            again=lambda e: "once" in str(e),
        )
        rows.start()
        assert [v for b in rows for v in b.column(0).to_pylist()] == list(range(1000))
        rows.close()
    assert Twice.runs == 2


@pytest.mark.parametrize("taken", [0, 1, 12])
def test_a_read_that_is_left_ends_at_once(taken: int) -> None:
    queries = [Query(i, batches=10_000) for i in range(6)]
    with running(queries, readers=3, ahead=8 * SIZE) as rows:
        batches = iter(rows)
        for _ in range(taken):
            next(batches)
    # What was taken, what waited, the next one in order, and one in the hand of each reader.
    assert sum(q.made for q in queries) <= taken + 8 + 1 + 3


def test_a_query_that_gives_nothing_is_interrupted() -> None:
    """It counts for minutes: to leave the read does not wait for it."""
    begun = threading.Event()

    def long(connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
        begun.set()
        many = "range(1000000)"
        sql = f"SELECT count(*) AS v FROM {many} a, {many} b WHERE a.range + b.range = 3"
        return connection.execute(sql).to_arrow_reader()

    started = time.monotonic()
    with duckdb.connect() as connection:
        rows = SideBySide([long], connection.cursor, readers=1, ahead=0)
        rows.start()
        assert begun.wait(10)
        time.sleep(0.3)
        rows.close()
    assert time.monotonic() - started < 30
    assert not [t for t in threading.enumerate() if t.name.startswith("headwater-share")]


def test_an_interruption_between_two_queries_is_not_lost() -> None:
    """Closed while a reader is about to begin: what it then begins is interrupted, too."""
    begun, closed = threading.Event(), threading.Event()

    def late(connection: duckdb.DuckDBPyConnection) -> pa.RecordBatchReader:
        begun.set()
        assert closed.wait(10)
        time.sleep(0.3)
        many = "range(1000000)"
        sql = f"SELECT count(*) AS v FROM {many} a, {many} b WHERE a.range + b.range = 3"
        return connection.execute(sql).to_arrow_reader()

    started = time.monotonic()
    with duckdb.connect() as connection:
        rows = SideBySide([late], connection.cursor, readers=1, ahead=0)
        rows.start()
        assert begun.wait(10)
        threading.Timer(0.1, closed.set).start()
        rows.close()
    assert time.monotonic() - started < 30
