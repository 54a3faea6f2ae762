"""The reader is pyarrow's, to whoever takes it."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from headwater.errors import CancelledError, DataError
from headwater.reading.arrow_reader import ArrowReader

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), metadata={"headwater.role": "id"}),
        pa.field("t", pa.list_(pa.string())),
    ],
    metadata={"a": "b"},
)
ROWS = 5000


def reader(
    count: int = 3, error: Exception | None = None, closed: threading.Event | None = None
) -> ArrowReader:
    def batches() -> Generator[pa.RecordBatch, None, None]:
        try:
            for i in range(count):
                arrays = [pa.array(range(i * ROWS, (i + 1) * ROWS)), pa.array([["a", None]] * ROWS)]
                yield pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
            if error is not None:
                raise error
        finally:
            if closed is not None:
                closed.set()

    return ArrowReader(SCHEMA, batches(), "reading t", lambda: None)


def ids(table: pa.Table) -> bool:
    return table["id"].to_pylist() == list(range(3 * ROWS))


def test_it_is_a_reader_of_pyarrow() -> None:
    made = reader()
    assert isinstance(made, pa.RecordBatchReader)
    assert made.schema.equals(SCHEMA, check_metadata=True)


def test_all_ways_to_take_it_give_all_rows() -> None:
    import duckdb
    import pandas as pd
    import polars as pl

    assert ids(reader().read_all())
    assert ids(pa.Table.from_batches(list(reader())))
    assert ids(pa.table(reader()))
    assert ids(pa.RecordBatchReader.from_stream(reader()).read_all())
    assert ids(ds.Scanner.from_batches(reader()).to_table())  # it takes the reader in C++
    assert ids(reader().cast(SCHEMA).read_all())
    assert [b.num_rows for b, _ in reader().iter_batches_with_custom_metadata()] == [ROWS] * 3
    assert pl.DataFrame(reader()).height == 3 * ROWS
    assert reader().read_pandas().shape == (3 * ROWS, 2)
    assert pd.DataFrame(reader().read_pandas())["id"].sum() == sum(range(3 * ROWS))
    rows = reader()
    found = duckdb.sql("SELECT count(*), sum(id) FROM rows").fetchone()
    assert found == (3 * ROWS, sum(range(3 * ROWS)))
    del rows


def test_an_error_stays_what_it_is() -> None:
    error = DataError("a value does not fit", code="own")
    with pytest.raises(DataError) as caught:
        reader(error=error).read_all()
    assert caught.value is error
    with pytest.raises(DataError, match="does not fit"):
        ds.Scanner.from_batches(reader(error=error)).to_table()


def test_what_is_closed_is_not_at_its_end() -> None:
    closed = threading.Event()
    made = reader(closed=closed)
    made.read_next_batch()
    exported = made.__arrow_c_stream__()
    made.close()
    made.close()
    assert closed.is_set()
    with pytest.raises(CancelledError, match="its reader was closed"):
        made.read_next_batch()
    with pytest.raises(pa.ArrowException, match="its reader was closed"):
        pa.RecordBatchReader._import_from_c_capsule(exported).read_all()  # type: ignore[attr-defined]


def test_a_reader_at_its_end_may_be_closed() -> None:
    with reader() as made:
        made.read_all()
    with pytest.raises(StopIteration):
        made.read_next_batch()
