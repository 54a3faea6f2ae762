"""Reads that are stopped: by another thread, by time, by who leaves them, by Ctrl-C."""

from __future__ import annotations

import _thread
import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.leftovers import nothing_left

from headwater.auth.credentials import Access
from headwater.errors import (
    CancelledError,
    ConfigError,
    DataError,
    ReadTimeoutError,
    SourceError,
    UnsupportedError,
)
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.stopping import Stop
from headwater.reading.arrow_reader import ArrowReader
from headwater.reading.dataset import Dataset
from headwater.reading.running import SOON, Given, Reads, seconds
from headwater.sources.files import FileDataSource
from headwater.sources.memory import MemoryDataSource
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.table import Catalog, Column, Partition, Table, TableName
from headwater.types.arrow import data_type
from headwater.workspace.workspace import Workspace

PATIENCE = 30.0
"""Seconds that a test waits for what takes a second at most, on a machine that is busy."""
LONG = "SELECT max(a.id + b.id) AS n FROM t a JOIN t b ON a.g = b.g"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace(engine="embedded") as workspace:
        yield workspace


def long_query(workspace: Workspace, **options: Any) -> Dataset:
    """Return what takes an hour: each of 400,000 rows is joined to 8,000 others."""
    rows = pa.table({"id": range(400_000), "g": [i % 50 for i in range(400_000)]})
    return workspace.sql(LONG, MemoryDataSource(tables={"t": rows}), **options)


def shares(workspace: Workspace, folder: Path) -> Dataset:
    """Return what is read in shares, side by side."""
    folder.mkdir()
    for i in range(8):
        rows = pa.table({"id": range(i * 200_000, (i + 1) * 200_000)})
        pq.write_table(rows, folder / f"{i}.parquet")
    return workspace.sql("SELECT id FROM t", FileDataSource(tables={"t": str(folder)}))


class Numbers:
    """A source's stream of numbers, which has no end, and what became of it."""

    def __init__(self, each: Callable[[], None] = lambda: None) -> None:
        self.each = each
        self.begun, self.closed = threading.Event(), threading.Event()

    def __call__(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        schema = pa.schema([("id", pa.int64())])

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                while True:
                    self.begun.set()
                    self.each()
                    yield pa.record_batch([pa.array(range(1000))], schema=schema)
            finally:
                self.closed.set()

        return pa.RecordBatchReader.from_batches(schema, batches())


def assert_(is_so: bool) -> None:
    assert is_so


class Streamed(DataSource):
    """A source of one table, which a function streams."""

    kind: ClassVar[str] = "streamed"

    open: Any

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        columns = (Column("id", data_type(pa.int64())),)
        return SingleDatabase("streamed", {"t": lambda: Table(TableName("streamed", "t"), columns)})

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        return StreamRelation(table.name, table.columns, self.open)

    def sql(self) -> str:
        return "SELECT * FROM t"

    @property
    def default_database(self) -> str:
        return "streamed"


def streamed(workspace: Workspace, numbers: Numbers, **options: Any) -> Dataset:
    return workspace.sql("SELECT id FROM t", Streamed(open=numbers), **options)


class Taking(threading.Thread):
    """A thread that takes all rows of a dataset, and what it got."""

    def __init__(self, data: Dataset) -> None:
        super().__init__(daemon=True)
        self.data = data
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.data.to_arrow()
        except BaseException as error:  # noqa: BLE001
            self.error = error

    def ended(self) -> BaseException | None:
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.error


def working() -> bool:
    return any(t.name == "headwater-read" for t in threading.enumerate())


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


# -- cancel --------------------------------------------------------------------------------------


def test_a_query_that_runs_is_cancelled_by_another_thread(
    workspace: Workspace, tmp_path: Path
) -> None:
    data = long_query(workspace)
    with nothing_left(tmp_path):
        taking = Taking(data)
        taking.start()
        wait_for(working)
        data.cancel()
        error = taking.ended()
        assert isinstance(error, CancelledError)
        assert error.code == "cancelled"
        assert "was cancelled" in error.message
        assert not error.retryable
        assert not data.stats.finished
        del taking, error


def test_a_cancelled_dataset_can_be_read_again(workspace: Workspace) -> None:
    source = MemoryDataSource(tables={"t": pa.table({"id": range(300_000)})})
    data = workspace.sql("SELECT id FROM t", source)
    batches = iter(data)
    next(batches)
    data.cancel()
    with pytest.raises(CancelledError):
        list(batches)
    assert data.to_arrow().num_rows == 300_000
    data.cancel()  # nothing is at work
    assert data.to_arrow().num_rows == 300_000


def test_shares_end_though_nobody_asks_for_their_rows(workspace: Workspace, tmp_path: Path) -> None:
    data = shares(workspace, tmp_path / "t")
    with nothing_left(tmp_path):
        batches = iter(data)
        next(batches)
        data.cancel()  # whoever takes the rows does something else at the moment
        wait_for(lambda: not working())
        with pytest.raises(CancelledError):
            next(batches)
        del batches


def test_a_sources_stream_is_closed(workspace: Workspace, tmp_path: Path) -> None:
    numbers = Numbers()
    data = streamed(workspace, numbers)
    with nothing_left(tmp_path):
        batches = iter(data)
        next(batches)
        data.cancel()
        assert numbers.closed.wait(PATIENCE)
        with pytest.raises(CancelledError):
            list(batches)
        del batches


def test_a_source_that_waits_hears_of_it(workspace: Workspace, tmp_path: Path) -> None:
    numbers = Numbers(lambda: Stop.current().wait(PATIENCE))
    data = streamed(workspace, numbers)
    with nothing_left(tmp_path):
        taking = Taking(data)
        taking.start()
        assert numbers.begun.wait(PATIENCE)
        data.cancel()
        assert isinstance(taking.ended(), CancelledError)
        assert numbers.closed.wait(PATIENCE)
        del taking


def test_a_sources_driver_is_told_to_end(workspace: Workspace) -> None:
    """As a driver has it: one call waits, and another one, from another thread, ends it."""
    answered = threading.Event()

    def ask() -> None:
        with Stop.current().ending(answered.set):
            assert answered.wait(PATIENCE)

    numbers = Numbers(ask)
    data = streamed(workspace, numbers)
    taking = Taking(data)
    taking.start()
    assert numbers.begun.wait(PATIENCE)
    data.cancel()
    assert isinstance(taking.ended(), CancelledError)
    assert answered.is_set()


def test_a_source_that_never_answers_holds_nobody_up(workspace: Workspace, tmp_path: Path) -> None:
    answer = threading.Event()
    numbers = Numbers(lambda: assert_(answer.wait(PATIENCE * 10)))
    data = streamed(workspace, numbers)
    with nothing_left(tmp_path):
        taking = Taking(data)
        taking.start()
        assert numbers.begun.wait(PATIENCE)
        data.cancel()
        assert isinstance(taking.ended(), CancelledError)
        answer.set()  # all of it is gone when the source answers
        del taking


def test_what_fails_by_itself_is_told_as_it_is(workspace: Workspace) -> None:
    def fail() -> None:
        raise DataError("a value does not fit", code="own")

    with pytest.raises(DataError, match="does not fit"):
        streamed(workspace, Numbers(fail)).to_arrow()


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_would_end_a_thread_is_told_with_its_cause(
    workspace: Workspace, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(SourceError, match=type(error).__name__) as caught:
        streamed(workspace, Numbers(fail)).to_arrow()
    assert caught.value.__cause__ is error


def test_a_source_that_cancels_its_own_read_waits_for_nothing(workspace: Workspace) -> None:
    took: list[float] = []

    def cancel() -> None:
        since = time.monotonic()
        data.cancel()
        took.append(time.monotonic() - since)

    data = streamed(workspace, Numbers(cancel))
    with pytest.raises(CancelledError):
        data.to_arrow()
    assert took[0] < SOON


def test_a_file_is_not_written_by_halves(workspace: Workspace, tmp_path: Path) -> None:
    numbers = Numbers()
    data = streamed(workspace, numbers)
    errors: list[BaseException] = []

    def write() -> None:
        try:
            data.write_parquet(tmp_path / "out" / "rows.parquet")
        except CancelledError as error:
            errors.append(error)

    writing = threading.Thread(target=write, daemon=True)
    writing.start()
    assert numbers.begun.wait(PATIENCE)
    data.cancel()
    writing.join(PATIENCE)
    assert len(errors) == 1
    assert list((tmp_path / "out").iterdir()) == []


# -- time ----------------------------------------------------------------------------------------


def test_a_read_that_takes_too_long_is_ended(workspace: Workspace, tmp_path: Path) -> None:
    with nothing_left(tmp_path):
        with pytest.raises(ReadTimeoutError, match=r"not over after 0\.3 seconds") as caught:
            long_query(workspace, timeout=0.3).to_arrow()
        assert caught.value.code == "timeout"
        assert caught.value.retryable
        del caught


def test_time_runs_out_while_nobody_asks_for_rows(workspace: Workspace, tmp_path: Path) -> None:
    numbers = Numbers()
    with nothing_left(tmp_path):
        batches = iter(streamed(workspace, numbers, timeout=0.5))
        with pytest.raises(ReadTimeoutError):  # noqa: PT012 -- where the machine is busy, at once
            next(batches)
            assert numbers.closed.wait(PATIENCE)  # what it held is let go of
            list(batches)
        del batches


def test_each_read_has_all_of_its_time(workspace: Workspace) -> None:
    source = MemoryDataSource(tables={"t": pa.table({"id": [1]})})
    data = workspace.sql("SELECT id FROM t", source, timeout="1 minute")
    assert data.to_arrow() == data.to_arrow()


@pytest.mark.parametrize(
    ("written", "meant"),
    [(None, None), (2, 2.0), (0.5, 0.5), ("90", 90.0), ("90s", 90.0), ("5 minutes", 300.0)],
)
def test_a_timeout_is_written_as_a_duration(written: Any, meant: float | None) -> None:
    assert seconds(written) == meant
    assert seconds(timedelta(minutes=1)) == 60.0


@pytest.mark.parametrize("written", [0, -1, float("nan"), float("inf"), "soon", True, []])
def test_a_timeout_that_is_none_is_refused(written: Any) -> None:
    with pytest.raises(ConfigError, match="timeout"):
        seconds(written)


# -- leaving -------------------------------------------------------------------------------------


def test_closing_the_workspace_ends_its_reads(tmp_path: Path) -> None:
    numbers = Numbers()
    workspace, other = Workspace(engine="embedded"), Workspace(engine="embedded")
    mine, theirs = iter(streamed(workspace, numbers)), iter(streamed(other, Numbers()))
    next(mine)
    next(theirs)
    workspace.close()
    assert numbers.closed.wait(PATIENCE)
    with pytest.raises(CancelledError, match="its workspace was closed"):
        list(mine)
    assert next(theirs).num_rows  # another workspace knows nothing of it
    other.close()


@pytest.mark.parametrize("how", ["close", "drop", "break", "close the reader", "leave the reader"])
def test_a_read_that_is_left_ends(workspace: Workspace, tmp_path: Path, how: str) -> None:
    numbers = Numbers()
    data = streamed(workspace, numbers)
    with nothing_left(tmp_path):
        match how:
            case "close":
                batches: Any = iter(data)
                next(batches)
                batches.close()
            case "close the reader":
                reader = data.reader()
                reader.read_next_batch()
                reader.close()
                with pytest.raises(CancelledError, match="its reader was closed"):
                    reader.read_all()
            case "leave the reader":
                with data.reader() as reader:
                    reader.read_next_batch()
            case "drop":
                reader = data.reader()
                reader.read_next_batch()
                del reader
            case _:
                for _ in data:
                    break
        assert numbers.closed.is_set()


def test_a_reader_is_closed_by_another_thread(workspace: Workspace, tmp_path: Path) -> None:
    taken, waits = threading.Event(), threading.Event()

    def each() -> None:
        if taken.is_set():
            waits.set()
            Stop.current().wait(PATIENCE)

    data = streamed(workspace, Numbers(each))
    rows = data.reader()
    rows.read_next_batch()
    taken.set()
    errors: list[BaseException] = []

    def take() -> None:
        try:
            rows.read_all()
        except CancelledError as error:
            errors.append(error)

    taking = threading.Thread(target=take, daemon=True)
    taking.start()
    assert waits.wait(PATIENCE)
    rows.close()
    taking.join(PATIENCE)
    assert [type(e) for e in errors] == [CancelledError]


@pytest.mark.parametrize("how", ["iterate", "reader", "read_all"])
def test_a_reader_serves_one_thread_at_a_time(how: str) -> None:
    schema = pa.schema([("id", pa.int64())])
    waits, goes_on = threading.Event(), threading.Event()

    def batches() -> Generator[pa.RecordBatch, None, None]:
        waits.set()
        assert goes_on.wait(PATIENCE)
        yield pa.record_batch([pa.array([1])], schema=schema)

    ended: list[bool] = []
    end = lambda: ended.append(True)  # noqa: E731
    rows: Any = Given(batches(), "reading t", end)
    if how != "iterate":
        rows = ArrowReader(schema, batches(), "reading t", end)
    took: list[pa.RecordBatch] = []
    taking = threading.Thread(target=lambda: took.append(next(rows)), daemon=True)
    taking.start()
    assert waits.wait(PATIENCE)
    with pytest.raises(UnsupportedError, match="reading t: another thread takes the rows") as told:
        rows.read_all() if how == "read_all" else next(rows)
    assert told.value.code == "shared-reader"
    rows.close()
    assert ended == [True], "the other thread's read is ended"
    goes_on.set()
    taking.join(PATIENCE)
    assert [b.num_rows for b in took] == [1]
    with pytest.raises(CancelledError, match="its reader was closed"):
        next(rows)


LEFT_OPEN = """
import pyarrow as pa
import headwater as hw
from headwater.interfaces import hookimpl

class Observer:
    __name__ = "observer"
    @staticmethod
    @hookimpl
    def headwater_read_finished(plan, stats, error):
        import colorsys  # what nobody has imported yet
        print("told:", stats.rows > 0, stats.finished, error)

workspace = hw.Workspace(hw.PluginRegistry([Observer]), engine="embedded")
source = hw.MemoryDataSource(tables={"t": pa.table({"id": range(300_000)})})
data = workspace.sql("SELECT id FROM t", source)
reader = HOW
next(reader)
class Late:
    def __del__(self): reader.close() if hasattr(reader, "close") else None
import sys
sys.left = reader, Late()
"""


@pytest.mark.parametrize("how", ["data.reader()", "iter(data)"])
def test_observers_hear_of_a_read_that_was_left_open_at_the_end(how: str) -> None:
    """They may import what they need: they are told before the interpreter goes."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN.replace("HOW", how)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("told: True False None\n", "")


def test_a_read_within_a_read_ends_with_it() -> None:
    """As one that looks for why another had no rows."""
    inner, outer = Reads(), Reads()
    begun = threading.Event()
    reasons: list[BaseException] = []

    def wait() -> None:
        begun.set()
        Stop.current().wait(PATIENCE)

    def within() -> None:
        try:
            inner.call(wait, "the inner one")
        except CancelledError as error:
            reasons.append(error)
            raise

    def ask() -> None:
        with pytest.raises(CancelledError, match="enough"):
            outer.call(within, "the outer one")

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    assert begun.wait(PATIENCE)
    outer.end(lambda what: CancelledError(f"{what}: enough"))
    asking.join(PATIENCE)
    wait_for(lambda: bool(reasons))
    assert str(reasons[0]) == "the outer one: enough"


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handler of SIGINT, which a shell has ignored where it runs this behind `&`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(
    "how", [lambda: os.kill(os.getpid(), signal.SIGINT), _thread.interrupt_main]
)
def test_ctrl_c_ends_a_query_at_once(
    workspace: Workspace, tmp_path: Path, how: Callable[[], None]
) -> None:
    data = long_query(workspace)

    def interrupt() -> None:
        wait_for(working)
        how()

    with nothing_left(tmp_path):
        interrupting = threading.Thread(target=interrupt, daemon=True)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt) as caught:
            data.to_arrow()
        interrupting.join(PATIENCE)
        del caught


FORKED = """
import os, sys, headwater as hw, pyarrow as pa

numbers = pa.table({"id": range(500_000)})
told = []

class Observer:
    @hw.hookimpl
    def headwater_read_finished(self, plan, stats, error):
        told.append(os.getpid())

workspace = hw.Workspace(hw.PluginRegistry([Observer()]), engine="embedded")
data = workspace.sql("SELECT id FROM t", hw.MemoryDataSource(tables={"t": numbers}))
batches = iter(data)
taken = next(batches).num_rows
if not (child := os.fork()):
    try:
        next(batches)
    except hw.errors.EngineError as error:
        print(error.message, told, flush=True)
    batches.close()
    print(told, flush=True)
    os._exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(taken + sum(b.num_rows for b in batches), len(told))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_leaves_the_read_to_its_parent() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.stderr == ""
    said, left, status, rows = ended.stdout.splitlines()
    assert said == (
        "reading a query on memory was begun by another process, which forked this one []"
    )
    assert (left, status, rows) == ("[]", "3", "500000 1")
