"""Profiles by day of a production log: headwater beside DuckDB's own GROUP BY for each field.

Same files, same bins, each way in a process of its own, the ways taken in turn. Local Parquet, so
that no server is measured. Also: how memory grows with the rows (it should not).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from benchmarks.support import FIRST, make_log, measured, told
from benchmarks.window import median

DAYS = 10
COLUMNS = 8
ROWS_A_DAY = (100_000, 1_000_000, 3_000_000)
ROUNDS = 3
_EDGES = tuple(round(-1.9 + 0.2 * n, 1) for n in range(20))


def main() -> None:
    """Measure both ways for each size, and print ratios: of the clock, and of the processor."""
    with tempfile.TemporaryDirectory() as folder:
        for rows in ROWS_A_DAY:
            log = Path(folder) / str(rows)
            # A process keeps the peak of the one that it was forked from.
            measured("benchmarks.profile", "make", str(log), str(rows))
            figures: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(ROUNDS):
                for way in WAYS:
                    figures[way].append(measured("benchmarks.profile", way, str(log)))
            print(f"{rows * DAYS:,} rows, {COLUMNS} fields, {DAYS} days, {len(_EDGES) + 1} bins")
            floor = {f: median(figures["duckdb"], f) for f in ("seconds", "cpu_s")}
            for way, runs in figures.items():
                seconds, cpu = median(runs, "seconds"), median(runs, "cpu_s")
                print(
                    f"  {way:<10} {seconds:6.2f} s {seconds / floor['seconds']:5.2f}x  "
                    f"{cpu:6.2f} cpu s {cpu / floor['cpu_s']:5.2f}x  "
                    f"{median(runs, 'peak_mb'):7.0f} MB peak  {runs[0]['rows']:,} counts"
                )


def headwater(log: Path) -> int:
    """Profile it by headwater's embedded engine."""
    import headwater as hw
    from headwater.interfaces.schema import ModelType, Role
    from headwater.profiling.edges import FieldEdges
    from headwater.types import FieldType

    field = FieldEdges(FieldType.NUMERIC, Role.FEATURE, _EDGES)
    names = [f"f{n}" for n in range(COLUMNS)]
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", "regression", features=dict.fromkeys(names, "numeric")
        )
        rule = hw.TimePartition(column="ts", keys={"dt": "yyyy-MM-dd"})
        source = hw.FileDataSource(tables={"log": str(log)}, partitions={"log": rule})
        serving = version.connect_serving(source, "pid", "ts")
        edges = hw.Edges(ModelType.REGRESSION, dict.fromkeys(names, field))
        start, end = (FIRST, FIRST + timedelta(days=DAYS))
        profile = serving.profile(start, end, every="1 day", edges=edges)
    return sum(len(profile.counts(name, "histogram")) for name in names) * DAYS


def duckdb(log: Path) -> int:
    """Count by DuckDB alone: a GROUP BY for each field, with its extremes and sums."""
    import duckdb as db

    connection = db.connect()
    connection.execute("SET TimeZone = 'UTC'")
    counts = 0
    for number in range(COLUMNS):
        name = f"f{number}"
        bins = "".join(f" WHEN {name} < {e}::DOUBLE THEN {n}" for n, e in enumerate(_EDGES))
        rows = connection.execute(
            f"SELECT date_trunc('day', ts), CASE WHEN {name} IS NULL THEN -1 WHEN isnan({name}) "
            f"THEN -2 WHEN isinf({name}) THEN -3{bins} ELSE {len(_EDGES)} END AS bin, count(*), "
            f"count(*) FILTER ({name} = 0), min({name}), max({name}), "
            f"sum(CAST({name} AS DECIMAL(28,6))), sum(CAST({name} * {name} AS DECIMAL(28,6))) "
            f"FROM read_parquet('{log}/*/*.parquet') GROUP BY ALL"
        ).fetchall()
        counts += len(rows)
    return counts


WAYS: dict[str, Callable[[Path], int]] = {"headwater": headwater, "duckdb": duckdb}


if __name__ == "__main__":
    way, place = sys.argv[1], Path(sys.argv[2])
    if way == "make":
        make_log(place, DAYS, int(sys.argv[3]), COLUMNS)
    told(lambda: WAYS[way](place) if way in WAYS else 0)
