"""What the benchmarks share: data of any size, and a process that is measured from outside."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def make_log(folder: Path, days: int, rows_a_day: int, columns: int) -> Path:
    """Write a production log partitioned by day: an id, a time, and float columns.

    Args:
        folder: Where; made if missing, and kept if it is complete already.
        days: Partitions.
        rows_a_day: Rows of each.
        columns: Float columns beside id and time.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    done = folder / f"_made_{days}_{rows_a_day}_{columns}"
    if done.exists():
        return folder
    random = np.random.default_rng(7)
    for day in range(days):
        start = FIRST + timedelta(days=day)
        offsets = np.sort(random.integers(0, 86_400_000_000, rows_a_day))
        base = int(start.timestamp() * 1_000_000)
        table = pa.table(
            {
                "pid": pa.array(np.arange(day * rows_a_day, (day + 1) * rows_a_day)),
                "ts": pa.array(base + offsets, pa.timestamp("us", tz="UTC")),
                **{f"f{i}": pa.array(random.normal(size=rows_a_day)) for i in range(columns)},
            }
        )
        target = folder / f"dt={start:%Y-%m-%d}"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target / "part-0.parquet", row_group_size=250_000)
    done.touch()
    return folder


def measured(module: str, *arguments: str) -> dict[str, float]:
    """Run `python -m MODULE ARGUMENTS` alone; return what it printed as JSON, seconds and memory.

    Returns:
        The module's own figures, with `wall_s` (the whole process) and `peak_mb`.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=True
    )
    wall = time.perf_counter() - started
    return {**json.loads(done.stdout.splitlines()[-1]), "wall_s": wall}


def told(work: Callable[[], int]) -> None:
    """Do some work in this process; print its rows, seconds (also of the processor) and memory."""
    started = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {
        "rows": rows,
        "seconds": seconds,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }
    print(json.dumps(figures))
