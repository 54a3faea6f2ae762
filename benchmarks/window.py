"""A window of a production log to Arrow: headwater beside plain DuckDB and plain pyarrow.

Same files, same rows, each way in a process of its own, the ways taken in turn. Local Parquet, so
that no server is measured. Also: how memory grows with the rows (it should not).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.support import FIRST, make_log, measured, told

if TYPE_CHECKING:
    from pyarrow import RecordBatchReader

    from headwater import Dataset, Workspace

DAYS = 10
COLUMNS = 8
ROWS_A_DAY = (100_000, 1_000_000)
ROUNDS = 3


def main() -> None:
    """Measure every way for each size, and print ratios against the fastest peer."""
    with tempfile.TemporaryDirectory() as folder:
        for rows in ROWS_A_DAY:
            log = make_log(Path(folder) / str(rows), DAYS, rows, COLUMNS)
            figures: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way in WAYS:
                    figures[way].append(measured("benchmarks.window", way, str(log)))
            print(f"{rows * (DAYS - 2):,} of {rows * DAYS:,} rows, {COLUMNS + 2} columns")
            floor = min(median(figures[w], "seconds") for w in WAYS if w != "headwater")
            for way, runs in figures.items():
                seconds, peak = median(runs, "seconds"), median(runs, "peak_mb")
                print(
                    f"  {way:<10} {seconds:6.2f} s  {seconds / floor:5.2f}x the fastest peer  "
                    f"{peak:7.0f} MB peak  {runs[0]['rows']:,} rows"
                )


def median(runs: list[dict[str, float]], figure: str) -> float:
    """Return the median of a figure."""
    return statistics.median(r[figure] for r in runs)


def headwater(log: Path) -> int:
    """Read by headwater's embedded engine, batch by batch."""
    import headwater as hw

    with hw.Workspace(engine="embedded") as workspace:
        return sum(batch.num_rows for batch in dataset(workspace, log))


def dataset(workspace: Workspace, log: Path) -> Dataset:
    """Return the window of a log, to be read by headwater."""
    import headwater as hw

    workspace.create_model("m")
    features = {f"f{i}": "numeric" for i in range(COLUMNS)}
    version = workspace.create_model_version("m", "v1", "regression", features=features)
    rule = hw.TimePartition(column="ts", keys={"dt": "yyyy-MM-dd"})
    source = hw.FileDataSource(tables={"log": str(log)}, partitions={"log": rule})
    return version.connect_serving(source, "pid", "ts").read(*window())


def duckdb(log: Path) -> int:
    """Read by DuckDB alone, with the partition filter written by hand."""
    return sum(batch.num_rows for batch in stream(log))


def stream(log: Path) -> RecordBatchReader:
    """Return the window of a log, to be read by DuckDB."""
    import duckdb as db

    start, end = window()
    names = ", ".join(f"f{i}" for i in range(COLUMNS))
    connection = db.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute(
        f"SELECT pid, ts, {names} FROM read_parquet('{log}/*/*.parquet', hive_partitioning = true) "
        f"WHERE dt >= '{start}' AND dt < '{end}' AND ts >= '{start}' AND ts < '{end}'"
    ).to_arrow_reader(100_000)


def pyarrow(log: Path) -> int:
    """Read by a pyarrow dataset alone, with the partition filter written by hand."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.dataset as ds

    start, end = window()
    data = ds.dataset(
        log, partitioning=ds.partitioning(pa.schema([("dt", pa.string())]), flavor="hive")
    )
    first, last = (pa.scalar(datetime.fromisoformat(f"{t}T00:00:00+00:00")) for t in (start, end))
    days = (pc.field("dt") >= start) & (pc.field("dt") < end)
    keep = days & (pc.field("ts") >= first) & (pc.field("ts") < last)
    names = ["pid", "ts", *(f"f{i}" for i in range(COLUMNS))]
    return sum(batch.num_rows for batch in data.to_batches(columns=names, filter=keep))


WAYS: dict[str, Callable[[Path], int]] = {
    "headwater": headwater,
    "duckdb": duckdb,
    "pyarrow": pyarrow,
}


def window() -> tuple[str, str]:
    """Return the window: all days but the first and the last."""
    return (
        f"{FIRST + timedelta(days=1):%Y-%m-%d}",
        f"{FIRST + timedelta(days=DAYS - 1):%Y-%m-%d}",
    )


if __name__ == "__main__":
    told(lambda: WAYS[sys.argv[1]](Path(sys.argv[2])))
