"""Streaming: a DataFrame's rows to this process as Arrow, in bounded memory.

Classic Spark has no such stream: `toArrow` and `toPandas` hold everything, `toLocalIterator` runs
one task at a time and pickles rows. Here every partition is a job of its own, a few of them at
once, and the next begins when the oldest was taken: the driver and this process hold at most
`WINDOW` partitions' results. Shuffles before the last stage run once; the jobs share them.

On Spark Connect the client gives batches as the server sends them.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.spark.errors import translated
from headwater.engines.spark.session.sessions import is_connect
from headwater.engines.spark.types import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from headwater.interfaces.plan import Scan

WINDOW: Final = 8
"""Partitions in flight at most: the driver's own pipe is full with fewer."""


_GROUP: Final = "headwater-"


class Stream:
    """Record batches of a running query.

    Args:
        schema: Schema of all batches.
        batches: The batches.
        partitions: Into how many parts Spark cut the result; None where it does not say.
    """

    def __init__(
        self, schema: pa.Schema, batches: Iterator[pa.RecordBatch], partitions: int | None = None
    ) -> None:
        self._schema = schema
        self._batches = batches
        self.partitions = partitions

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        return self._schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches


def opened_again(stream: Stream, error: type[Exception], again: Callable[[], Stream]) -> Stream:
    """Return a stream that begins anew in another way, where its first batch fails of an error.

    Args:
        stream: The stream.
        error: What it may fail of.
        again: Opens the other one.
    """

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            first = next(iter(stream), None)
        except error:
            yield from again()
            return
        if first is not None:
            yield first
            yield from stream

    return Stream(stream.schema, batches(), stream.partitions)


def interrupting(session: SparkSession) -> Callable[[], object]:
    """Have all jobs that this thread runs for a read be one group; return what cancels them.

    Args:
        session: The read's own session.
    """
    remote: Any = session
    if is_connect(session):
        client = remote.client
        # Of this session's operations alone. A closed channel has none left.
        return lambda: client.interrupt_all()
    context = session.sparkContext
    group = f"{_GROUP}{secrets.token_hex(6)}"
    context.setJobGroup(group, "headwater read", interruptOnCancel=True)
    return lambda: context.cancelJobGroup(group)


@contextmanager
def opened(frame: DataFrame, scans: Sequence[Scan] = ()) -> Iterator[Stream]:
    """Open the stream of a DataFrame; leaving it cancels what still runs.

    Args:
        frame: The query.
        scans: The tables that are read, for errors.
    """
    stream = _connect if is_connect(frame.sparkSession) else _classic
    with stream(frame, scans) as batches:
        yield batches


def rows(frame: DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a small DataFrame."""
    with opened(frame) as stream:
        return [row for batch in stream for row in batch.to_pylist()]


@contextmanager
def _classic(frame: DataFrame, scans: Sequence[Scan]) -> Iterator[Stream]:
    with translated(scans):
        schema = arrow_schema(frame.schema)
        group = frame.sparkSession.sparkContext.getLocalProperty("spark.jobGroup.id") or ""
        if not group.startswith(_GROUP):
            group = f"{_GROUP}{secrets.token_hex(6)}"
        jobs = _Jobs(frame, group)
        try:
            yield Stream(schema, _decoded(jobs, schema, scans), jobs.count)
        finally:
            jobs.close()


@contextmanager
def _connect(frame: DataFrame, scans: Sequence[Scan]) -> Iterator[Stream]:
    with translated(scans):
        schema = arrow_schema(frame.schema)
        remote: Any = frame
        client = remote.sparkSession.client
        tables = client.to_table_as_iterator(remote._plan.to_proto(client), {})
        try:
            yield Stream(schema, _received(tables, schema, scans))
        finally:
            tables.close()


class _Jobs:
    """The partitions of a query's result, each fetched by a job of its own, in order."""

    def __init__(self, frame: DataFrame, group: str) -> None:
        session = frame.sparkSession
        self._context = session.sparkContext
        self._group = group
        self._settings: Mapping[str, str] = {
            k: v for k, v in session.conf.getAll.items() if k.startswith("spark.")
        }
        java: Any = frame._jdf
        self._mark()
        # With adaptive execution this runs the stages before the last one.
        self._rdd = java.toArrowBatchRdd().toJavaRDD()
        self.count: int = self._rdd.getNumPartitions()
        self._window = max(1, min(WINDOW, self._context.defaultParallelism))

    def results(self) -> Generator[list[bytes], None, None]:
        """Yield the serialized batches of each partition, in the order of the partitions."""
        with ThreadPoolExecutor(self._window, thread_name_prefix="headwater-spark") as pool:
            running: deque[Future[list[bytes]]] = deque()
            try:
                for index in range(self.count):
                    running.append(pool.submit(self._run, index))
                    if len(running) >= self._window:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                for future in running:
                    future.cancel()
                if running:
                    self._context.cancelJobGroup(self._group)

    def _run(self, index: int) -> list[bytes]:
        from pyspark.serializers import NoOpSerializer
        from pyspark.util import local_connect_and_auth

        jvm: Any = self._context._jvm
        self._mark()
        partitions = jvm.java.util.ArrayList()
        partitions.add(index)
        served = jvm.PythonRDD.runJob(self._context._jsc.sc(), self._rdd, partitions)
        file, socket = local_connect_and_auth(served[0], served[1])
        # pyspark's own helper leaves the socket to the garbage collector.
        with socket, file:
            serializer: Any = NoOpSerializer()
            return list(serializer.load_stream(file))

    def _mark(self) -> None:
        """Tell Spark what this thread's jobs are, and give tasks the session's settings.

        Spark does the latter for a query's own action (`SQLExecution.withSQLConfPropagated`); these
        jobs are started beside it.
        """
        self._context.setJobGroup(self._group, "headwater read", interruptOnCancel=True)
        for name, value in self._settings.items():
            self._context.setLocalProperty(name, value)

    def close(self) -> None:
        """Cancel what still runs."""
        self._context.cancelJobGroup(self._group)


def _decoded(jobs: _Jobs, schema: pa.Schema, scans: Sequence[Scan]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    results = jobs.results()
    try:
        while True:
            with translated(scans):
                batches = next(results, None)
            if batches is None:
                return
            for data in batches:
                yield pa.ipc.read_record_batch(pa.py_buffer(data), schema)
    finally:
        results.close()


def _received(
    tables: Iterator[Any], schema: pa.Schema, scans: Sequence[Scan]
) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    while True:
        with translated(scans):
            table = next(tables, None)
        if table is None:
            return
        if isinstance(table, pa.Table):
            yield from pa.table(table.columns, schema=schema).to_batches()
