"""Running: a query's batches, of one run or of several side by side.

DuckDB makes Arrow of its rows in the thread that asks for them. Where a table is read in shares,
each reader therefore runs whole shares in a thread of its own, ahead of who takes the rows, and
these come in the order of the shares: the same at each read.

A read may be left without being closed, by a script that ends or by one that failed. Its threads
wait then for somebody who never comes, so they end with the interpreter; and a process that was
forked from this one has none of them.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Final, Protocol

from headwater.engines.embedded import open_reads
from headwater.errors import EngineError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

    from headwater.engines.embedded.fetched_shares import FetchedShares

_INTERRUPTED: Final = "INTERRUPT Error"
_RUNS_FOR_A_REASON: Final = 3
_INTERRUPTED_EVERY: Final = 0.1
"""Seconds: an interruption between two queries stops neither."""


class Rows(Protocol):
    """Batches of a query that runs."""

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

    def close(self) -> None:
        """End what runs, and wait for it."""
        ...


class Batches(Protocol):
    """Batches that are asked for one by one, as of a `pyarrow.RecordBatchReader`."""

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        ...

    def read_next_batch(self) -> pa.RecordBatch:
        """Return the next batch.

        Raises:
            StopIteration: After the last.
        """
        ...

    def close(self) -> None:
        """End what runs."""
        ...


def batches(reader: Batches) -> Iterator[pa.RecordBatch]:
    """Yield the batches that are left of a reader."""
    while True:
        try:
            batch = reader.read_next_batch()
        except StopIteration:
            return
        yield batch


class Run:
    """Batches of one run, each fetched when it is asked for.

    Args:
        run: Starts the query.
        left: Whether the read was left: then an interruption has no other reason.
    """

    def __init__(
        self, run: Callable[[], Batches], left: Callable[[], bool] = lambda: False
    ) -> None:
        self._run, self._left = run, left
        with self._with_reason():
            self._reader = run()

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        return self._reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        rows = batches(self._reader)
        while True:
            with self._with_reason():
                batch = next(rows, None)
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        """End the query, and wait for DuckDB's threads: they may be in a stream of Python's.

        They would go on there while the interpreter ends, which aborts the process.
        """
        self._reader.close()

    @contextmanager
    def _with_reason(self) -> Iterator[None]:
        """Raise why a query failed where DuckDB only tells that its threads were interrupted.

        One thread's failure ends the others, and now and then what these say hides it
        (duckdb/duckdb#25902). Who leaves a read interrupts, and nobody else, so the query is run
        anew for its reason.
        """
        import duckdb
        import pyarrow as pa

        failures = (duckdb.Error, pa.ArrowException, OSError)
        try:
            yield
        except failures as error:
            reason: Exception = error
            for _ in range(_RUNS_FOR_A_REASON):
                if _INTERRUPTED not in str(reason) or self._left():
                    break
                try:
                    for _batch in batches(self._run()):
                        pass
                except failures as again:
                    reason = again
            raise reason from None


def workers(work: Callable[[], None], count: int, name: str) -> list[threading.Thread]:
    """Return threads that have not begun, each for the same work in a context of its own.

    Args:
        work: What each does.
        count: How many.
        name: What their names begin with.
    """
    return [
        threading.Thread(
            target=copy_context().run, args=(work,), name=f"{name}-{number}", daemon=True
        )
        for number in range(count)
    ]


class SideBySide:
    """Batches of several queries, in their order, of which some run ahead.

    Args:
        queries: What is run on a connection to make each a reader of rows, in order.
        connect: Opens a connection of one reader.
        readers: How many run side by side.
        ahead: Bytes of rows that may wait to be taken, beside the next batch and one in the hand
            of each reader.
        again: Whether a query that failed may be run once more, from where it failed: it gives the
            same rows in the same order.
        fetched: Fetches what the queries read, before they are run; None where they do it.
    """

    def __init__(
        self,
        queries: Sequence[Callable[[DuckDBPyConnection], Batches]],
        connect: Callable[[], DuckDBPyConnection],
        *,
        readers: int,
        ahead: int,
        again: Callable[[Exception], bool] = lambda _: False,
        fetched: FetchedShares | None = None,
    ) -> None:
        self._queries = queries
        self._fetched = fetched
        self._connect = connect
        self._ahead = ahead
        self._again = again
        self._lock = threading.Condition()
        self._waiting: list[deque[pa.RecordBatch]] = [deque() for _ in queries]
        self._ended: list[BaseException | bool] = [False] * len(queries)
        self._next = self._front = self.held = self.most_held = 0
        self._left = False
        self._process = os.getpid()
        self._schema: pa.Schema | None = None
        self._open: list[DuckDBPyConnection] = []
        self._threads = workers(self._read, min(readers, len(queries)), "headwater-share")

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        self._check_process()
        with self._lock:
            self._lock.wait_for(lambda: self._schema is not None or self._ended[0] or self._left)
            self._raise_of(0)
            self._raise_if_left()
            assert self._schema is not None, "the first share has begun"
            return self._schema

    def start(self) -> None:
        """Let the readers begin."""
        open_reads.opened(self)
        if self._fetched is not None:
            self._fetched.start()
        for thread in self._threads:
            thread.start()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for number in range(len(self._queries)):
            while (batch := self._get(number)) is not None:
                yield batch

    def _get(self, number: int) -> pa.RecordBatch | None:
        """Wait for the next batch of a share, whose turn it is; None where it has ended."""
        self._check_process()
        waiting = self._waiting[number]
        with self._lock:
            if self._front != number:
                self._front = number
                self._lock.notify_all()
            self._lock.wait_for(lambda: waiting or self._ended[number] or self._left)
            self._raise_if_left()
            if not waiting:
                self._raise_of(number)
                return None
            batch = waiting.popleft()
            self.held -= batch.nbytes
            self._lock.notify_all()
        return batch

    def _put(self, number: int, batch: pa.RecordBatch) -> bool:
        """Wait until a batch of a share may wait to be taken; false where the read was left."""
        waiting, size = self._waiting[number], batch.nbytes

        def may() -> bool:
            # Who is next in order never waits for those behind it.
            first = number == self._front and not waiting
            return self._left or first or self.held + size <= self._ahead

        with self._lock:
            self._lock.wait_for(may)
            if self._left:
                return False
            waiting.append(batch)
            self.held += size
            self.most_held = max(self.most_held, self.held)
            self._lock.notify_all()
        return True

    def close(self) -> None:
        """End what runs, and wait for it; nothing of it is left."""
        if os.getpid() != self._process:
            return
        self.stop()
        for thread in self._threads:
            # A reader's thread may be the one that collects the garbage that a read has become.
            while thread.is_alive() and thread is not threading.current_thread():
                self.stop()
                thread.join(_INTERRUPTED_EVERY)
        if self._fetched is not None:
            self._fetched.close()
        open_reads.closed(self)
        for waiting in self._waiting:
            waiting.clear()
        # An error's traceback knows this object, and the connection that it came from.
        self._ended = [True] * len(self._queries)

    def stop(self) -> None:
        """Have what runs end soon: from any thread, again and again until it has."""
        with self._lock:
            self._left = True
            self._lock.notify_all()
            # In the lock: a reader closes its connection only after it took it from here.
            for connection in self._open:
                connection.interrupt()
        if self._fetched is not None:
            self._fetched.stop()

    def _raise_if_left(self) -> None:
        if self._left:
            raise EngineError("embedded engine: the read was stopped")

    def _check_process(self) -> None:
        """Refuse to wait for threads that this process does not have.

        Raises:
            EngineError: If it was forked from the one that reads.
        """
        if os.getpid() != self._process:
            raise EngineError(
                "embedded engine: this read was begun by another process, which forked this one",
                hint="begin a read in the process that takes its rows",
            )

    def _raise_of(self, number: int) -> None:
        ended = self._ended[number]
        if isinstance(ended, BaseException):
            raise ended

    def _read(self) -> None:
        """Read one share after the other, until none is left or the read is."""
        connection = None
        while (number := self._next_share()) is not None:
            ended: BaseException | bool = True
            try:
                if connection is None:
                    connection = self._connect()
                    with self._lock:
                        self._open.append(connection)
                if self._fetched is not None:
                    self._fetched.ready(number)
                if not self._left:
                    self._give(number, connection)
            except BaseException as error:  # noqa: BLE001  (raised where its rows would come)
                ended = error
            if self._fetched is not None:
                self._fetched.done(number)
            with self._lock:
                self._ended[number] = ended
                self._lock.notify_all()
        if connection is not None:
            with self._lock:
                self._open.remove(connection)
            connection.close()

    def _next_share(self) -> int | None:
        """Return the next share; none after one that failed, whose rows end the read."""
        with self._lock:
            failed = any(isinstance(e, BaseException) for e in self._ended)
            if self._left or failed or self._next >= len(self._queries):
                return None
            self._next += 1
            return self._next - 1

    def _give(self, number: int, connection: DuckDBPyConnection) -> None:
        """Run a query, once more where that may help, until all its rows wait or were taken."""
        rows = 0
        for last in (False, True):
            try:
                for batch in self._rows(number, connection, rows):
                    if not self._put(number, batch):
                        return
                    rows += batch.num_rows
            except Exception as error:
                if last or self._left or not self._again(error):
                    raise
            else:
                return

    def _rows(
        self, number: int, connection: DuckDBPyConnection, skipped: int
    ) -> Iterator[pa.RecordBatch]:
        query = self._queries[number]
        with closing(Run(lambda: query(connection), lambda: self._left)) as rows:
            if number == 0:
                with self._lock:
                    self._schema = rows.schema
                    self._lock.notify_all()
            for batch in rows:
                if skipped < batch.num_rows:
                    yield batch.slice(skipped) if skipped else batch
                skipped = max(0, skipped - batch.num_rows)
