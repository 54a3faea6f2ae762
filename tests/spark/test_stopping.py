"""Reads of Spark that are stopped: a classic session, and Spark Connect."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from core.tests.leftovers import nothing_left
from tests.spark_reads import planned_sql

from headwater.engines.spark import SparkEngine
from headwater.engines.spark.session.sessions import is_connect
from headwater.errors import CancelledError, ReadTimeoutError
from headwater.reading.dataset import Dataset
from headwater.sources.memory import MemoryDataSource

pytestmark = pytest.mark.spark  # their engine is asked for by name, which no mark follows

PATIENCE = 60.0
COUNT = 20_000
ROWS = pa.table({"id": range(COUNT), "g": [0] * COUNT})
QUERIES = {
    # Each of them takes minutes: 400,000,000 pairs of rows, each with a hash of its own. No more:
    # a job that Spark begins while it is told to end goes on, and holds the cores of what follows.
    "before its last stage": "SELECT max(hash(a.id, b.id)) AS n FROM t a JOIN t b ON a.g = b.g",
    "in its last stage": "SELECT a.id FROM t a JOIN t b ON a.g = b.g WHERE hash(a.id, b.id) = 7",
    "as it sorts": "SELECT a.id FROM t a JOIN t b ON a.g = b.g ORDER BY hash(a.id, b.id)",
}


@pytest.fixture(params=["classic", "connect"])
def engine(request: pytest.FixtureRequest) -> SparkEngine:
    name = "spark_engine" if request.param == "classic" else "spark_connect"
    engine: SparkEngine = request.getfixturevalue(name)
    return engine


def long_read(engine: SparkEngine, query: str) -> Dataset:
    return planned_sql(MemoryDataSource(tables={"t": ROWS}), query, engine)


def busy(spark_engine: SparkEngine) -> int:
    """Return how many jobs of reads a classic session runs."""
    tracker = spark_engine.opened().session.sparkContext.statusTracker()
    return len(tracker.getActiveJobsIds())


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def stopped(data: Dataset, running: Callable[[], bool]) -> None:
    """Take a dataset's rows, and cancel it while it runs."""
    errors: list[CancelledError] = []

    def take() -> None:
        try:
            data.to_arrow()
        except CancelledError as error:
            errors.append(error)

    taking = threading.Thread(target=take, daemon=True)
    taking.start()
    wait_for(running)
    time.sleep(1)
    data.cancel()
    taking.join(PATIENCE)
    assert [e.code for e in errors] == ["cancelled"]


@pytest.mark.slow
@pytest.mark.parametrize("where", QUERIES)
def test_a_query_that_runs_is_cancelled(engine: SparkEngine, where: str, tmp_path: Path) -> None:
    data = long_read(engine, QUERIES[where])
    classic = not is_connect(engine.opened().session)
    assert long_read(engine, "SELECT id FROM t").to_arrow().num_rows  # what each process opens once
    with nothing_left(tmp_path):
        stopped(data, lambda: not classic or busy(engine) > 0)
        if classic:
            wait_for(lambda: busy(engine) == 0)
    # The session goes on, and is not held up by what was cancelled.
    assert long_read(engine, "SELECT count(*) AS n FROM t").to_arrow()["n"].to_pylist() == [COUNT]


@pytest.mark.slow
def test_a_read_that_takes_too_long_is_ended(engine: SparkEngine, tmp_path: Path) -> None:
    data = Dataset(long_read(engine, QUERIES["before its last stage"])._reading, timeout=3)
    with nothing_left(tmp_path), pytest.raises(ReadTimeoutError):
        data.to_arrow()


@pytest.mark.slow
def test_a_write_is_cancelled_and_leaves_nothing(spark_engine: SparkEngine, tmp_path: Path) -> None:
    data = long_read(spark_engine, QUERIES["in its last stage"])
    errors: list[CancelledError] = []

    def write() -> None:
        try:
            data.write_parquet(f"file://{tmp_path}/out")
        except CancelledError as error:
            errors.append(error)

    with nothing_left(tmp_path):
        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        wait_for(lambda: busy(spark_engine) > 0)
        time.sleep(1)
        data.cancel()
        writing.join(PATIENCE)
        wait_for(lambda: busy(spark_engine) == 0)
    assert [e.code for e in errors] == ["cancelled"]
    assert not (tmp_path / "out").exists()
    wait_for(lambda: not list(tmp_path.iterdir()))


def test_the_schema_is_told_without_reading(engine: SparkEngine) -> None:
    query = (
        "SELECT id, CAST(id AS DECIMAL(12, 2)) AS d, struct(g, id AS i) AS s, map('k', 1.5D) AS m, "
        "array(DATE '2026-01-01') AS l, TIMESTAMP '2026-01-01 00:00:00Z' AS t, NULL AS v FROM t"
    )
    data = long_read(engine, query)
    assert data.schema.equals(data.to_arrow().schema, check_metadata=True)


@pytest.mark.slow
def test_the_callers_thread_keeps_its_own_job_group(spark_engine: SparkEngine) -> None:
    context = spark_engine.opened().session.sparkContext
    context.setJobGroup("mine", "what the caller does")
    data = long_read(spark_engine, "SELECT count(*) AS n FROM t")
    assert data.to_arrow().num_rows == 1
    assert context.getLocalProperty("spark.jobGroup.id") == "mine"
