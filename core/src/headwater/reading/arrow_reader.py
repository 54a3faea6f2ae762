"""A `pyarrow.RecordBatchReader` that ends its read where it is closed.

pyarrow's own reader of Python's batches has a `close` that does nothing, and goes on giving them:
what reads would go on until the last reference is gone. Its reader of a stream of bytes can be
derived from. So this is one: Python's calls take the batches as they are, and whoever takes them in
C++ (`pyarrow.dataset`, say) gets them as such a stream, written as it is asked for.

It can go when `RecordBatchReader.from_batches(...).close()` closes its iterator.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

import pyarrow as pa

from headwater.reading.running import Given

_END: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""What ends a stream (Arrow's columnar format, "IPC Streaming Format")."""


class ArrowReader(pa.ipc.RecordBatchStreamReader):
    """Record batches as they come; closing it ends what gives them.

    Args:
        schema: Schema of all batches.
        batches: The batches; closed with the reader.
        what: What is read, for messages.
        end: Ends the read where another thread waits for a batch of it.
    """

    def __init__(
        self,
        schema: pa.Schema,
        batches: Generator[pa.RecordBatch, None, None],
        what: str,
        end: Callable[[], object],
    ) -> None:
        self._batches = Given(batches, what, end)
        self._rows = pa.RecordBatchReader.from_batches(schema, self._batches)
        super().__init__(_Bytes(schema, self._batches))

    def read_next_batch(self) -> pa.RecordBatch:
        """Return the next batch; raises `StopIteration` behind the last one."""
        return self._rows.read_next_batch()

    def read_all(self) -> pa.Table:
        """Return all batches that are left, as a table."""
        return self._rows.read_all()

    def __iter__(self) -> ArrowReader:
        return self

    def __next__(self) -> pa.RecordBatch:
        return self.read_next_batch()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export what is left as an Arrow PyCapsule."""
        rows: Any = self._rows
        return rows.__arrow_c_stream__(requested_schema)

    def close(self) -> None:
        """End the read; whoever still asks for rows gets an error."""
        self._batches.close()

    def __exit__(self, *error: object) -> None:
        self.close()


class _Bytes(io.RawIOBase):
    """A file of Arrow's stream of batches, each written when its bytes are asked for."""

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._written = bytearray(memoryview(schema.serialize()))
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._written) < size and not self._ended:
            batch = next(self._batches, None)
            self._ended = batch is None
            self._written += _END if batch is None else memoryview(batch.serialize())
        content = bytes(self._written[:size])
        del self._written[:size]
        return content
