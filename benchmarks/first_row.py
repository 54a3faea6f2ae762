"""A fresh process to the first row of a window: headwater beside DuckDB, and how long help takes.

Each run is a process of its own, from its start to its end, right behind the first batch; the ways
are taken in turn. What Python compiled is kept from the first round, which is not counted, as it is
of an installed package. Seconds of the processor are told too: on a busy machine they say more than
those of the clock.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.support import make_log
from benchmarks.window import COLUMNS, DAYS, dataset, stream

ROWS_A_DAY = (1_000, 100_000)
ROUNDS = 7


def main() -> None:
    """Print the medians of each way, and their ratios to DuckDB's."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for rows in ROWS_A_DAY:
            log = make_log(Path(folder) / str(rows), DAYS, rows, COLUMNS)
            runs: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS + 1):
                for way, taken in runs.items():
                    taken.append(_run(environment, "-m", "benchmarks.first_row", way, str(log)))
            print(f"{rows * DAYS:,} rows, {COLUMNS + 2} columns, to the first batch of a window")
            base = _medians(runs["duckdb"])
            for way, taken in runs.items():
                wall, processor = _medians(taken)
                print(
                    f"  {way:<10} {wall:6.2f} s {wall / base[0]:5.2f}x   "
                    f"CPU {processor:6.2f} s {processor / base[1]:5.2f}x"
                )
        code = "from headwater.cli.main import run; run(['--help'])"
        wall, processor = _medians([_run(environment, "-c", code) for _ in range(ROUNDS + 1)])
        print(f"headwater --help: {wall:.2f} s, CPU {processor:.2f} s")


def _run(environment: dict[str, str], *arguments: str) -> tuple[float, float]:
    """Return seconds of the clock and of the processor that a process took."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return time.perf_counter() - started, used.ru_utime + used.ru_stime


def _medians(runs: list[tuple[float, float]]) -> tuple[float, float]:
    walls, processors = zip(*runs[1:], strict=True)
    return statistics.median(walls), statistics.median(processors)


def headwater(log: Path) -> None:
    """Take the first batch of headwater's embedded engine."""
    import headwater as hw

    with hw.Workspace(engine="embedded") as workspace:
        assert next(iter(dataset(workspace, log))).num_rows


def duckdb(log: Path) -> None:
    """Take the first batch of DuckDB alone, with the partition filter written by hand."""
    assert stream(log).read_next_batch().num_rows


WAYS: dict[str, Callable[[Path], None]] = {"headwater": headwater, "duckdb": duckdb}

if __name__ == "__main__":
    WAYS[sys.argv[1]](Path(sys.argv[2]))
