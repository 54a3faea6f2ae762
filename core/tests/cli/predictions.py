"""A folder with ten predictions a day for four days, and the file that describes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CONFIG = """
version: 1
engine: {type: embedded}
models:
  insurance:
    versions:
      v1:
        model_type: binary
        features: {amount: numeric}
        predictions: {will_buy: boolean}
        serving:
          source:
            type: files
            tables: {predictions: data}
            partitions: {predictions: {column: at, keys: {dt: yyyy-MM-dd}}}
          id_column: prediction_id
          timestamp_column: at
          labels: {will_buy: did_buy}
        training:
          source: {type: files, tables: {predictions: data/dt=2026-01-01}}
          id_column: prediction_id
"""


def write(folder: Path) -> None:
    """Write data and headwater.yaml into a folder."""
    for day in range(1, 5):
        home = folder / "data" / f"dt=2026-01-{day:02}"
        home.mkdir(parents=True)
        table = pa.table(
            {
                "prediction_id": [f"{day}-{n}" for n in range(10)],
                "at": pa.array(
                    [datetime(2026, 1, day, n, tzinfo=UTC) for n in range(10)],
                    pa.timestamp("us", "UTC"),
                ),
                "amount": [float(n) for n in range(10)],
                "will_buy": [n % 2 == 0 for n in range(10)],
                "did_buy": pa.array(
                    [None if day > 2 else n % 3 == 0 for n in range(10)], pa.bool_()
                ),
            }
        )
        pq.write_table(table, home / "part.parquet")
    (folder / "headwater.yaml").write_text(CONFIG)
