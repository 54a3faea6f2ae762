"""The open read: what DuckDB says of a failure, and what the reader is told."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from headwater.engines.embedded.running import Run
from headwater.engines.embedded.stream import Stream
from headwater.errors import EngineError
from headwater.tables.table import Column
from headwater.types import BIGINT

SCHEMA = pa.schema([("v", pa.int64())])
BATCH = pa.RecordBatch.from_arrays([pa.array([1])], schema=SCHEMA)
REASON = "Conversion Error: Could not convert string 'x' to INT32"
INTERRUPTED = "INTERRUPT Error: Interrupted!"


class Query:
    """A query that gives a batch and then fails, each time it runs, with the next message."""

    def __init__(self, *messages: str) -> None:
        self.messages = list(messages)

    def __call__(self) -> pa.RecordBatchReader:
        message = self.messages.pop(0)

        def batches() -> Iterator[pa.RecordBatch]:
            yield BATCH
            raise OSError(message)

        return pa.RecordBatchReader.from_batches(SCHEMA, batches())


def read(query: Query) -> None:
    for _batch in Stream(Run(query), [Column("v", BIGINT)], [], [], []):
        pass


@pytest.mark.parametrize("interruptions", [0, 1, 2])
def test_a_failure_is_told_by_its_reason_and_not_by_what_it_interrupted(interruptions: int) -> None:
    query = Query(*[INTERRUPTED] * interruptions, REASON)
    with pytest.raises(EngineError, match="Could not convert") as caught:
        read(query)
    assert caught.value.code == "spark-runtime-error"
    assert not query.messages


def test_an_interruption_without_a_reason_stays_one() -> None:
    with pytest.raises(EngineError, match="Interrupted"):
        read(Query(*[INTERRUPTED] * 9))
