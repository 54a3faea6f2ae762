"""Tables in memory: what Arrow has and Spark lacks is refused by its name, wherever it nests."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import ConfigError, HeadwaterError, QueryError

TIMES = pa.array([dt.time(1)], pa.time64("us"))
LACKING = {
    "time": TIMES,
    "duration": pa.array([dt.timedelta(1)]),
    "interval": pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
    "decimal of 50 digits": pa.array([1], pa.decimal256(50, 2)),
    "decimal of a negative scale": pa.array([100], pa.decimal128(5, -2)),
    "half float": pa.array([np.float16(1)], pa.float16()),
    "union": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    "runs": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array([7])),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16))),
    "categories": TIMES.dictionary_encode(),
    "list": pa.array([[dt.time(1)]], pa.list_(TIMES.type)),
    "struct": pa.array([{"a": 1, "b": dt.timedelta(1)}]),
    "map": pa.array([[("a", dt.time(1))]], pa.map_(pa.string(), TIMES.type)),
}


def read(rows: pa.Table, query: str, engine: str | None = None) -> list[dict[str, Any]]:
    source = hw.MemoryDataSource(tables={"t": rows})
    with hw.Workspace() as workspace:
        return workspace.sql(query, source, engine=engine).to_arrow().to_pylist()


@pytest.mark.parametrize("name", LACKING)
def test_a_type_that_spark_lacks_is_refused_where_it_is_used(name: str) -> None:
    rows = pa.table({"i": [1], "c": LACKING[name]})
    assert read(rows, "SELECT i FROM t") == [{"i": 1}]
    for query in ("SELECT c FROM t", "SELECT * FROM t", "SELECT i FROM t WHERE c IS NULL"):
        with pytest.raises(QueryError) as caught:  # whichever engine would be chosen
            read(rows, query)
        assert [d.code for d in caught.value.diagnostics] == ["unreadable-column"]


def test_a_struct_without_fields_is_sparks() -> None:
    rows = pa.table({"c": pa.array([{}], pa.struct([]))})
    with pytest.raises(HeadwaterError) as caught:
        read(rows, "SELECT c FROM t", "embedded")
    assert [d.code for d in getattr(caught.value, "diagnostics", ())] == ["not-portable"]


def test_a_frame_is_told_how_it_becomes_a_table() -> None:
    frame = pl.DataFrame({"n": pl.Series([2**100], dtype=pl.Int128)})
    with pytest.raises(ConfigError, match="a DataFrame of polars") as caught:
        hw.MemoryDataSource(tables={"t": frame})
    assert "to_arrow()" in (caught.value.hint or "")
    rows = frame.with_columns(pl.col("n").cast(pl.Decimal(38, 0))).to_arrow()
    assert read(rows, "SELECT n FROM t", "embedded") == [{"n": 2**100}]
