"""Datasets: the rows of many windows, a dataset for each, in order, from one plan.

Windows that need the same files are read together, once: as the first of them is read, the rows of
the others are put aside, in memory or a scratch folder. Each window's rows are given from there
once; whoever reads a window again reads it anew, by its own plan.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from headwater.diagnostics import Diagnostic
from headwater.engines.scratch_folders import scratch_folder
from headwater.errors import UnsupportedError
from headwater.interfaces.engine import ArrowStream, notes_of
from headwater.interfaces.plan import Plan
from headwater.interfaces.read_stats import ReadStats
from headwater.interfaces.stopping import Stop
from headwater.planning.plans import Plans
from headwater.plugins import hooks
from headwater.reading.dataset import Dataset
from headwater.sql.private_names import PART
from headwater.tables.window import Window

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from headwater.plugins.registry import PluginRegistry
    from headwater.reading.reader import Reading

IN_MEMORY: Final = 64 * 2**20
"""Bytes of rows that are put aside in memory; beyond that they go to a scratch folder."""

_FEW: Final = 8192
"""Rows of a batch below which several of a window are put together."""


class Datasets:
    """A dataset for each window, in order. Nothing is read before rows are asked for.

    Each has its `window`. Every iteration begins anew.

    Args:
        plans: The windows' plans.
        make: Makes the dataset of a window, of those that are read together with it.
    """

    def __init__(self, plans: Plans, make: Callable[[int, Group | None], Dataset]) -> None:
        self.plan = plans
        self.make = make

    @property
    def windows(self) -> tuple[Window, ...]:
        """The windows."""
        return self.plan.windows

    def __len__(self) -> int:
        return len(self.plan)

    def __iter__(self) -> Iterator[Dataset]:
        for numbers in self.plan.groups():
            group = Group(numbers) if len(numbers) > 1 else None
            for number in numbers:
                yield self.make(number, group)

    def __reduce__(self) -> NoReturn:
        """Say what to send instead: the rows of one window may have been read with another's.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            "datasets of many windows can't be sent to another process together",
            hint="send them one by one: each of them pickles",
        )

    def __repr__(self) -> str:
        return repr(self.plan).replace("<Plans", "<Datasets")


class Group:
    """Windows that are read together.

    Args:
        windows: Which of a plan's windows they are.
    """

    def __init__(self, windows: range) -> None:
        self._windows = windows
        self._lock = threading.Lock()
        self._aside: _Aside | None = None

    def rows(
        self, window: int, read: Callable[[range], AbstractContextManager[ArrowStream]]
    ) -> ArrowStream | None:
        """Return the rows of a window if they are put aside, and forget them; None if not.

        The first window that is asked for, whichever it is, has all behind it read too.

        Args:
            window: Which of the plan's windows.
            read: Opens the rows of several windows at once.
        """
        Stop.current().acquire(self._lock)
        try:
            if self._aside is None:
                rest = range(window, self._windows.stop)
                if len(rest) < 2:
                    return None
                aside = _Aside()
                with read(rest) as stream:
                    aside.fill(stream, window)
                self._aside = aside
            return self._aside.take(window)
        finally:
            self._lock.release()


class _Aside:
    """Rows that are put aside, by window."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        weakref.finalize(self, self._stack.close)
        self._folder: Path | None = None
        self._batches: dict[int, list[pa.RecordBatch]] = {}
        self._writers: dict[int, tuple[Any, Any]] = {}
        self._bytes = 0
        self._schema: pa.Schema | None = None
        self._notes: tuple[Diagnostic, ...] = ()
        self._handed_out: set[int] = set()
        self._first = 0

    def fill(self, stream: ArrowStream, first: int) -> None:
        """Take all rows of a read of several windows.

        Args:
            stream: The rows; a column says of which window each of them is, from 0.
            first: Which of the plan's windows is 0 there.
        """
        import pyarrow.compute as pc

        self._schema, self._first = stream.schema, first
        for batch in stream:
            numbers = batch.column(PART)
            windows = pc.unique(numbers)
            for number in windows:
                rows = batch
                if len(windows) > 1:
                    mask: Any = pc.equal(numbers, number)
                    rows = batch.filter(mask)
                self._batches.setdefault(first + number.as_py(), []).append(rows)
            self._bytes += batch.nbytes
            if self._bytes > IN_MEMORY:
                self._write(stream.schema)
        for sink, writer in self._writers.values():
            writer.close()
            sink.close()
        self._notes = notes_of(stream)

    def take(self, window: int) -> ArrowStream | None:
        """Return the rows of a window, once."""
        if window < self._first or window in self._handed_out:
            return None
        self._handed_out.add(window)
        assert self._schema is not None, "it was filled"
        batches = self._batches.pop(window, [])
        path = None if self._folder is None else self._folder / f"{window}.arrow"
        return _Rows(self, self._schema, batches, path if window in self._writers else None)

    @property
    def notes(self) -> tuple[Diagnostic, ...]:
        """What a reader should know of all of them."""
        return self._notes

    def _write(self, schema: pa.Schema) -> None:
        """Put what is in memory into files, one for each window."""
        import pyarrow as pa

        if self._folder is None:
            self._folder = self._stack.enter_context(scratch_folder())
        for window, batches in self._batches.items():
            if window not in self._writers:
                path = str(self._folder / f"{window}.arrow")
                sink = self._stack.enter_context(pa.OSFile(path, "wb"))
                options = pa.ipc.IpcWriteOptions(compression="lz4")
                writer = pa.ipc.new_stream(sink, schema, options=options)
                self._writers[window] = sink, writer
            for batch in batches:
                self._writers[window][1].write_batch(batch)
        self._batches, self._bytes = {}, 0


class _Rows:
    """The rows of one window that were put aside.

    Args:
        aside: Keeps their file; kept alive until they are read.
        schema: Their schema.
        batches: Those in memory, behind those of the file.
        path: The file, if there is one; gone when they were read.
    """

    def __init__(
        self,
        aside: _Aside,
        schema: pa.Schema,
        batches: Sequence[pa.RecordBatch],
        path: Path | None,
    ) -> None:
        self.schema = schema
        self.notes = aside.notes
        self._aside, self._batches, self._path = aside, batches, path

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        if self._path is not None:
            with pa.OSFile(str(self._path), "rb") as file, pa.ipc.open_stream(file) as reader:
                yield from reader
            self._path.unlink(missing_ok=True)
        if self._batches:
            table = pa.Table.from_batches(list(self._batches))
            if table.num_rows < _FEW * len(self._batches):
                table = table.combine_chunks()
            yield from table.to_batches()


class WindowReading:
    """Opens reads of one window: together with others the first time, by its own plan after that.

    Args:
        plan: The window's own plan.
        number: Which of the windows it is.
        group: Those that are read together with it.
        together: Opens the rows of several windows at once.
        alone: Makes what reads the window by its own plan.
        explain_empty: Gives the verdict on a read without rows.
        registry: The plugins, which are told of each read's end.
    """

    def __init__(
        self,
        plan: Plan,
        number: int,
        group: Group | None,
        together: Callable[[range], AbstractContextManager[ArrowStream]],
        alone: Callable[[], Reading],
        explain_empty: Callable[[], Diagnostic],
        registry: PluginRegistry | None,
    ) -> None:
        self.plan = plan
        self._number, self._group, self._together = number, group, together
        self._make = alone
        self._reading: Reading | None = None
        self._explain_empty, self._registry = explain_empty, registry

    @property
    def schema(self) -> pa.Schema:
        """Schema of the engine's batches; as `Reading.schema`."""
        return self._own_reading.schema

    @contextmanager
    def open(self) -> Iterator[ArrowStream]:
        """Open a read; as `Reading.open`."""
        rows = None if self._group is None else self._group.rows(self._number, self._together)
        if rows is not None:
            yield rows
            return
        with self._own_reading.open() as stream:
            yield stream

    def to_spark(self) -> DataFrame:
        """Return the window as a Spark DataFrame; as `Reading.to_spark`."""
        return self._own_reading.to_spark()

    def write(
        self, target: str, format: str, overwrite: bool
    ) -> tuple[int, tuple[Diagnostic, ...]]:
        """Let the engine write the window's rows; as `Reading.write`."""
        return self._own_reading.write(target, format, overwrite)

    def writes(self, format: str) -> bool:
        """Return whether a plugin provides a writer of a format."""
        return self._own_reading.writes(format)

    def writer(self, format: str) -> Callable[..., None] | None:
        """Return what writes a dataset in a format that a plugin provides."""
        return self._own_reading.writer(format)

    def finished(self, stats: ReadStats, error: BaseException | None) -> None:
        """Tell the plugins that a read has ended."""
        if self._registry is not None:
            hooks.read_finished(self._registry, self.plan, stats, error)

    def why_empty(self) -> Diagnostic | None:
        """Return the verdict on a read that gave no rows."""
        return self._explain_empty()

    @property
    def _own_reading(self) -> Reading:
        if self._reading is None:
            self._reading = self._make()
        return self._reading
