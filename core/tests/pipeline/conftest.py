"""A small production log on disk, partitioned by day, and its delayed actuals in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import headwater as hw

DAYS = 10
ROWS = 6
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")


def day(number: int) -> pa.Table:
    """Return one day of predictions: ids d0-0, d0-1 ..., four hours apart."""
    start = FIRST + timedelta(days=number)
    return pa.table(
        {
            "pid": [f"d{number}-{i}" for i in range(ROWS)],
            "ts": pa.array([start + timedelta(hours=4 * i) for i in range(ROWS)], TIME),
            "amount": [float(number * ROWS + i) for i in range(ROWS)],
            "owner": [["ann", "bob"][i % 2] for i in range(ROWS)],
            "buy": [i % 2 == 0 for i in range(ROWS)],
            "bought": [None if i == 0 else i % 3 == 0 for i in range(ROWS)],
        }
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Folder of the production log: `dt=2026-01-01/` and so on."""
    root = tmp_path / "predictions"
    for number in range(DAYS):
        folder = root / f"dt={FIRST + timedelta(days=number):%Y-%m-%d}"
        folder.mkdir(parents=True)
        pq.write_table(day(number), folder / "part-0.parquet")
    return root


@pytest.fixture
def workspace():
    """A workspace that runs nothing but the embedded engine."""
    with hw.Workspace(engine="embedded") as made:
        made.create_model("insurance")
        yield made


@pytest.fixture
def version(workspace):
    """A version of the insurance model."""
    return workspace.create_model_version(
        "insurance",
        "v1",
        "binary",
        features={"amount": "numeric", "owner": "string"},
        predictions={"buy": "boolean"},
    )


RULE = {"column": "ts", "keys": {"dt": "yyyy-MM-dd"}}


def files(log: Path, query: str | None = None, **more) -> hw.FileDataSource:
    """Return the log as a source, its days pruned by the window."""
    given = {"tables": {"predictions": str(log)}, "partitions": {"predictions": RULE}, **more}
    return hw.FileDataSource(query=query, **given)


@pytest.fixture
def serving(version, log):
    """The log, connected."""
    return version.connect_serving(files(log), "pid", "ts", labels={"buy": "bought"})
