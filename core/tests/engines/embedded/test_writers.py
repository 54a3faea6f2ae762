"""Parquet files as other programs write them, all their types, read to the writers' own values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

import headwater as hw
from headwater.errors import HeadwaterError

UTC = dt.UTC
MOMENT = dt.datetime(2026, 1, 1, 0, 0, 0, 1)  # noqa: DTZ001
EARLY = dt.datetime(1969, 12, 31, 23, 59, 59, 999999)  # noqa: DTZ001
REFUSED = object()
"""Of a column that no engine reads: Spark has no such type."""


def by_pandas(path: Path) -> dict[str, Any]:
    moments = pd.Series([MOMENT, EARLY]).astype("datetime64[ns]")
    summer = pd.to_datetime(["2026-01-01", "2026-07-01"]).as_unit("ns")
    columns: dict[str, tuple[Any, Any]] = {
        "i8": (pd.array([1, None], "Int8"), [1, None]),
        "u32": (np.array([1, 2**32 - 1], "uint32"), [1, 2**32 - 1]),
        "u64": (np.array([1, 2**64 - 1], "uint64"), [1, 2**64 - 1]),
        "f32": (np.array([0.5, -0.0], "float32"), [0.5, -0.0]),
        "text": (["\u00e9", None], ["\u00e9", None]),
        "string": (pd.array(["a", None], "string"), ["a", None]),
        "category": (pd.Categorical(["a", "b"]), ["a", "b"]),
        "ns": (moments, [MOMENT, EARLY]),
        "utc": (moments.dt.tz_localize("UTC"), [m.replace(tzinfo=UTC) for m in (MOMENT, EARLY)]),
        "berlin": (
            summer.tz_localize("Europe/Berlin"),
            [dt.datetime(2025, 12, 31, 23, tzinfo=UTC), dt.datetime(2026, 6, 30, 22, tzinfo=UTC)],
        ),
        "date": ([dt.date(2026, 1, 1), None], [dt.date(2026, 1, 1), None]),
        "bool": (pd.array([True, None], "boolean"), [True, None]),
        "decimal": ([Decimal("1.50"), None], [Decimal("1.50"), None]),
        "list": ([[1, 2], None], [[1, 2], None]),
        "struct": ([{"a": 1, "b": "x"}, None], [{"a": 1, "b": "x"}, None]),
        "bytes": ([b"\xff", None], [b"\xff", None]),
        "timedelta": (pd.to_timedelta(["1s", "2s"]), REFUSED),
        "period": (pd.period_range("2026-01", periods=2, freq="M"), REFUSED),
    }
    pd.DataFrame({n: held for n, (held, _) in columns.items()}).to_parquet(path)
    return {n: expected for n, (_, expected) in columns.items()}


def by_polars(path: Path) -> dict[str, Any]:
    columns: dict[str, tuple[pl.Series, Any]] = {
        "i8": (pl.Series([1, None], dtype=pl.Int8), [1, None]),
        "u64": (pl.Series([1, 2**64 - 1], dtype=pl.UInt64), [1, 2**64 - 1]),
        "f32": (pl.Series([0.5, None], dtype=pl.Float32), [0.5, None]),
        "text": (pl.Series(["\u00e9", None]), ["\u00e9", None]),
        "categorical": (pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        "enum": (pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), ["a", "b"]),
        "ns": (pl.Series([MOMENT, EARLY], dtype=pl.Datetime("ns")), [MOMENT, EARLY]),
        "utc": (
            pl.Series([MOMENT, EARLY], dtype=pl.Datetime("ns")).dt.replace_time_zone("UTC"),
            [m.replace(tzinfo=UTC) for m in (MOMENT, EARLY)],
        ),
        "ms": (pl.Series([0, None]).cast(pl.Datetime("ms")), [dt.datetime(1970, 1, 1), None]),  # noqa: DTZ001
        "date": (pl.Series([dt.date(2026, 1, 1), None]), [dt.date(2026, 1, 1), None]),
        "decimal": (
            pl.Series([Decimal("1.50"), None], dtype=pl.Decimal(10, 2)),
            [Decimal("1.50"), None],
        ),
        "list": (pl.Series([[1], None]), [[1], None]),
        "array": (pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int64, 2)), [[1, 2], [3, 4]]),
        "struct": (pl.Series([{"a": 1}, {"a": None}]), [{"a": 1}, {"a": None}]),
        "bytes": (pl.Series([b"\xff", None]), [b"\xff", None]),
        "bool": (pl.Series([True, None]), [True, None]),
        "time": (pl.Series([dt.time(1), None]), REFUSED),
        "duration": (pl.Series([dt.timedelta(seconds=1), None]), REFUSED),
    }
    pl.DataFrame({n: held for n, (held, _) in columns.items()}).write_parquet(path)
    return {n: expected for n, (_, expected) in columns.items()}


def by_duckdb(path: Path) -> dict[str, Any]:
    columns: dict[str, tuple[str, Any]] = {
        "tiny": ("1::TINYINT", 1),
        "u16": ("65535::USMALLINT", 65535),
        "u64": ("18446744073709551615::UBIGINT", 2**64 - 1),
        "dec": ("1.5::DECIMAL(30,1)", Decimal("1.5")),
        "ts": ("TIMESTAMP '2026-01-01 00:00:00.000001'", MOMENT),
        "tz": ("TIMESTAMPTZ '2026-01-01 00:00:00.000001+00'", MOMENT.replace(tzinfo=UTC)),
        "ns": ("TIMESTAMP_NS '2026-01-01 00:00:00.000001'", MOMENT),
        "ms": ("TIMESTAMP_MS '2026-01-01'", MOMENT.replace(microsecond=0)),
        "list": ("[1, NULL]", [1, None]),
        "fixed": ("[1, 2]::INT[2]", [1, 2]),
        "struct": ("{'a': 1}", {"a": 1}),
        "map": ("MAP {'k': 1}", [("k", 1)]),
        "enum": ("'a'::ENUM('a', 'b')", "a"),
        "bytes": ("'\\xff'::BLOB", b"\xff"),
        "bits": ("'101'::BIT", "101"),
        "uuid": ("uuid()", REFUSED),
        "time": ("TIME '01:00'", REFUSED),
        "iv": ("INTERVAL 1 DAY", REFUSED),
        "ivs": ("[INTERVAL 1 DAY]", REFUSED),
    }
    listed = ", ".join(f'{sql} AS "{name}"' for name, (sql, _) in columns.items())
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {listed}) TO '{path}'")
    return {n: v if v is REFUSED else [v] for n, (_, v) in columns.items()}


@pytest.mark.parametrize("writer", [by_pandas, by_polars, by_duckdb])
def test_every_column_is_the_writers_own_or_refused(tmp_path: Path, writer: Any) -> None:
    expected = writer(tmp_path / "log.parquet")
    source = hw.FileDataSource(tables={"t": str(tmp_path / "log.parquet")})
    workspace = hw.Workspace(engine="embedded")
    readable = [n for n, values in expected.items() if values is not REFUSED]
    listed = ", ".join(f"`{n}`" for n in readable)
    found = workspace.sql(f"SELECT {listed} FROM t", source).to_arrow().to_pydict()
    assert found == {n: expected[n] for n in readable}
    for name in expected.keys() - set(readable):
        with pytest.raises(HeadwaterError) as caught:
            workspace.sql(f"SELECT `{name}` FROM t", source).to_arrow()
        told = {d.code for d in getattr(caught.value, "diagnostics", ())} | {caught.value.code}
        assert told == {"unreadable-column", "query"}


def test_what_pyarrow_fails_on_beside_nanoseconds_is_told(tmp_path: Path) -> None:
    """Lists of a fixed size of which one is NULL; read by DuckDB where no instant stands by."""
    path = tmp_path / "log.parquet"
    arrays = pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2))
    moments = pl.Series([0, 1000]).cast(pl.Datetime("ns", "UTC"))
    pl.DataFrame({"xs": arrays, "at": moments}).write_parquet(path)
    source = hw.FileDataSource(tables={"t": str(path)})
    workspace = hw.Workspace(engine="embedded")
    alone = workspace.sql("SELECT xs FROM t", source).to_arrow().to_pydict()
    assert alone == {"xs": [[1, 2], None]}
    with pytest.raises(HeadwaterError, match="nanoseconds in UTC") as caught:
        workspace.sql("SELECT xs, at FROM t", source).to_arrow()
    assert "spark engine" in (caught.value.hint or "")


def test_a_type_that_arrow_does_not_read_stops_declared_columns_not(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pl.DataFrame({"id": [1], "big": pl.Series([1], dtype=pl.Int128)}).write_parquet(path)
    source = hw.FileDataSource(tables={"t": str(path)})
    workspace = hw.Workspace(engine="embedded")
    with pytest.raises(HeadwaterError, match="a type that is not known") as caught:
        workspace.sql("SELECT id FROM t", source)
    assert "columns={...}" in (caught.value.hint or "")
    declared = {"t": {"id": "bigint", "big": "decimal(38,0)"}}
    source = hw.FileDataSource(tables={"t": str(path)}, columns=declared)
    assert workspace.sql("SELECT id FROM t", source).to_arrow().to_pylist() == [{"id": 1}]
    with pytest.raises(HeadwaterError, match="column 'big'"):
        workspace.sql("SELECT big FROM t", source).to_arrow()
