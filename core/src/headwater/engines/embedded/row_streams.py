"""Rows that come from Python, which DuckDB's threads ask for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.embedded import open_reads

if TYPE_CHECKING:
    import pyarrow as pa

_PATIENCE: Final = 60.0
"""Seconds for which the rows that a thread has asked for are waited for where a read is left."""


class RowStream:
    """Rows that can be streamed any number of times, through Arrow's C interface.

    Args:
        open_: Opens the rows from their beginning.
    """

    def __init__(self, open_: Callable[[], pa.RecordBatchReader]) -> None:
        self._open = open_

    def reader(self) -> pa.RecordBatchReader:
        """Return the rows from their beginning."""
        return self._open()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        reader: Any = self._open()
        return reader.__arrow_c_stream__(requested_schema)


class Taking:
    """The streams of a read that DuckDB's threads take, until it is left.

    DuckDB does not wait for a thread that is in Python. It would go on there, or in what ends the
    stream, while the interpreter takes itself down, which aborts the process; and whoever then let
    go of the stream would wait for that thread for ever.
    """

    def __init__(self) -> None:
        self.left = threading.Event()
        self._changed = threading.Condition()
        self._open: dict[int, pa.RecordBatchReader] = {}
        self._pending = self._opened = 0
        self._process = os.getpid()

    def taken(self, stream: RowStream) -> RowStream:
        """Return the rows of a stream, which end where the read is left."""

        def opened() -> pa.RecordBatchReader:
            import pyarrow as pa

            open_reads.opened(self)
            reader = stream.reader()
            with self._changed:
                self._opened += 1
                number = self._opened
                self._open[number] = reader
            return pa.RecordBatchReader.from_batches(reader.schema, self._batches(number))

        return RowStream(opened)

    def _batches(self, number: int) -> Iterator[pa.RecordBatch]:
        while True:
            with self._changed:
                reader = self._open.get(number)
                if reader is None or self.left.is_set():
                    return
                self._pending += 1
            try:
                batch = reader.read_next_batch()
            except StopIteration:
                return
            finally:
                del reader  # the one in `_open` is the last, so that `close` ends the stream
                with self._changed:
                    self._pending -= 1
                    self._changed.notify_all()
            yield batch

    def close(self) -> None:
        """End the streams, after the rows that are being asked for have come."""
        if os.getpid() != self._process:
            return  # who asked for them is no thread of this process, and never gets them
        self.left.set()
        with self._changed:
            self._changed.wait_for(lambda: not self._pending, _PATIENCE)
            ended, self._open = self._open, {}
        ended.clear()
        open_reads.closed(self)
