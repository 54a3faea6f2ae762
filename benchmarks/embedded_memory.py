"""How much memory the embedded engine takes for reads of growing size: it should stay flat.

Run: python benchmarks/embedded_memory.py [--rows 10000000] [--memory-limit 512MB]

Each size is read in a process of its own, batch by batch, as a consumer would who keeps none; the
process tells its peak resident memory. Three shapes: all rows, the rows of a window with a label
joined, and a deduplication by row_number(), which has to hold all keys and spills.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHAPES = {
    "all rows": "SELECT * FROM p",
    "window and label": (
        "SELECT p.id, p.ts, p.score, l.label FROM p LEFT JOIN l ON p.id = l.id "
        "WHERE p.ts >= TIMESTAMP '2024-01-01 00:00:00Z'"
    ),
    "latest by id": (
        "SELECT id, score FROM (SELECT *, "
        "row_number() OVER (PARTITION BY id ORDER BY ts DESC) AS n FROM p) AS x WHERE n = 1"
    ),
}
FILE_ROWS = 500_000


def write(folder: Path, rows: int) -> None:
    """Write predictions (a file for each half million rows) and labels (a tenth of them)."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(1)
    for number in range(max(1, rows // FILE_ROWS)):
        count = min(rows, FILE_ROWS)
        ids = np.arange(count, dtype=np.int64) + number * FILE_ROWS
        micros = 1_704_067_200_000_000 + random.integers(0, 86_400 * 10**6, count)
        table = pa.table(
            {
                "id": ids,
                "ts": pa.array(micros, pa.timestamp("us", "UTC")),
                "score": random.random(count),
                "country": pa.array(random.choice(["US", "DE", "FR", "日本"], count)),
                "embedding": pa.FixedSizeListArray.from_arrays(
                    pa.array(random.random(count * 4)), 4
                ).cast(pa.list_(pa.float64())),
            }
        )
        pq.write_table(table, folder / f"p-{number:04}.parquet")
    labels = np.arange(0, rows, 10, dtype=np.int64)
    pq.write_table(pa.table({"id": labels, "label": labels % 2}), folder / "l-0.parquet")


def read(folder: Path, shape: str, memory_limit: str) -> None:
    """Read a shape to its end and print rows, seconds and the peak of memory as JSON."""
    import pyarrow.parquet as pq

    from headwater.auth.credentials import Access
    from headwater.engines.embedded import EmbeddedEngine
    from headwater.interfaces.mapping import BoundMapping
    from headwater.interfaces.plan import Plan, Scan, ScanEstimate
    from headwater.tables.relation import DataFile, FileRelation
    from headwater.tables.table import Column, TableName
    from headwater.types.arrow import data_type

    scans = []
    for slot in ("p", "l"):
        paths = sorted(folder.glob(f"{slot}-*.parquet"))
        columns = tuple(Column(f.name, data_type(f.type)) for f in pq.read_schema(paths[0]))
        files = tuple(DataFile(str(p), p.stat().st_size) for p in paths)
        relation = FileRelation(TableName("bench", slot), columns, files=files)
        scans.append(Scan(slot, relation.name, relation, ScanEstimate(1, 1, len(files), 0)))
    sql = SHAPES[shape]
    plan = Plan("bench", sql, sql, tuple(scans), BoundMapping(()), None, "embedded", "asked for")
    start, rows = time.perf_counter(), 0
    with EmbeddedEngine(memory_limit=memory_limit).read(plan, Access()) as stream:
        for batch in stream:
            rows += batch.num_rows
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - start, "peak_mb": peak}))


def main() -> None:
    """Write, read in processes of their own, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--memory-limit", default="512MB")
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "SHAPE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        read(Path(options.child[0]), options.child[1], options.memory_limit)
        return
    print(f"memory_limit {options.memory_limit}")
    print(f"{'rows':>12}  {'shape':<18} {'out':>12} {'seconds':>8} {'peak MB':>8}")
    for rows in (options.rows // 10, options.rows):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder), rows)
            for shape in SHAPES:
                command = [sys.executable, __file__, "--memory-limit", options.memory_limit]
                done = subprocess.run(
                    [*command, "--child", folder, shape], capture_output=True, text=True, check=True
                )
                found = json.loads(done.stdout)
                print(
                    f"{rows:>12,}  {shape:<18} {found['rows']:>12,} {found['seconds']:>8.1f} "
                    f"{found['peak_mb']:>8.0f}"
                )


if __name__ == "__main__":
    main()
