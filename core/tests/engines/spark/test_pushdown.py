"""What headwater writes around a query takes nothing from Spark's own skipping.

For each shape of SQL that a plan can have, the physical plan must read only the columns that are
used, only the directories that the conditions leave, and hand the window to the row groups.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from core.tests.engines.spark.test_files import write

import headwater as hw
from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.sources.files import FileDataSource
from headwater.tables.table import TimePartition

DAYS = ("2026-01-01", "2026-01-02", "2026-01-03")
WINDOW = ("2026-01-02", "2026-01-03")


@pytest.fixture
def tables(tmp_path: Path) -> dict[str, str]:
    for n, day in enumerate(DAYS):
        moment = datetime.fromisoformat(day).replace(tzinfo=UTC, hour=12)
        write(
            tmp_path / "events" / f"dt={day}" / "a.parquet",
            id=[f"e{n}"],
            at=pa.array([moment], pa.timestamp("us", "UTC")),
            score=[0.5],
            unused=["x"],
        )
        write(
            tmp_path / "labels" / "a.parquet",
            id=["e0", "e1"],
            at=pa.array([moment, moment], pa.timestamp("us", "UTC")),
            outcome=[0.1, 0.2],
            noise=["x", "y"],
        )
    return {name: str(tmp_path / name) for name in ("events", "labels")}


def source(tables: dict[str, str], query: str) -> FileDataSource:
    rule = TimePartition(column="at", keys={"dt": "yyyy-MM-dd"})
    return FileDataSource(tables=tables, query=query, partitions={"events": rule})


def scans(text: str) -> list[dict[str, str]]:
    """Return what each file scan of a formatted physical plan says of itself."""
    return [
        dict(re.findall(r"^(\w+): (.*)$", block, re.MULTILINE))
        for block in text.split("\n\n")
        if re.search(r"\(\d+\) Scan parquet", block)
    ]


def explained(
    engine: SparkEngine, tables: dict[str, str], query: str, *, actuals: bool = False
) -> list[dict[str, str]]:
    with hw.Workspace() as workspace:
        workspace.use_engine(SparkEngine(engine.opened().session))
        workspace.create_model("m")
        version = workspace.create_model_version(
            model_id="m",
            model_version="v",
            model_type="regression",
            predictions={"score": "numeric"},
        )
        made = version.connect_serving(source(tables, query), id_column="id", timestamp_column="at")
        if actuals:
            version.connect_actuals(
                FileDataSource(tables={"labels": tables["labels"]}),
                id_column="id",
                timestamp_column="at",
                labels={"score": "outcome"},
            )
        plan = made.plan(*WINDOW, engine="spark")
    return scans(engine.explain(plan, Access()))


SHAPES = {
    "bare": "SELECT * FROM events",
    "renamed": "SELECT id, at, score FROM events AS e WHERE score > 0.1",
    "qualified": "SELECT files.events.id, at, score FROM files.events",
    "subquery": "SELECT * FROM (SELECT id, at, score FROM events) AS q",
    "cte": "WITH c AS (SELECT * FROM events) SELECT id, at, score FROM c",
    "union": "SELECT id, at, score FROM events UNION ALL SELECT id, at, score FROM events",
    "join": "SELECT e.id, e.at, e.score FROM events AS e JOIN labels AS l ON e.id = l.id",
    "latest": (
        "SELECT id, at, score FROM (SELECT *, row_number() OVER (PARTITION BY id, at "
        "ORDER BY score) AS n FROM events) AS r WHERE n = 1"
    ),
    "trailing comment": "SELECT * FROM events -- all of them",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_columns_directories_and_row_groups_are_skipped(
    engine: SparkEngine, tables: dict[str, str], shape: str
) -> None:
    found = [s for s in explained(engine, tables, SHAPES[shape]) if "score" in s["ReadSchema"]]
    assert len(found) == (2 if shape == "union" else 1)
    for scan in found:
        assert "unused" not in scan["ReadSchema"]
        # The plan kept the window's day alone: nothing else is there to be listed.
        assert re.search(r"FileIndex \[[^,]*dt=2026-01-02[^,]*\]", scan["Location"])
        pushed = scan["PushedFilters"]
        assert "GreaterThanOrEqual(at,2026-01-02" in pushed
        assert "LessThan(at,2026-01-03" in pushed


def test_actuals_of_another_source_read_what_the_join_needs(
    engine: SparkEngine, tables: dict[str, str]
) -> None:
    found = explained(engine, tables, SHAPES["bare"], actuals=True)
    (labels,) = [s for s in found if "outcome" in s["ReadSchema"]]
    assert "noise" not in labels["ReadSchema"]
    # An actual may be dated 36 hours before the window; without a time, it is counted.
    assert "GreaterThanOrEqual(at,2025-12-31" in labels["PushedFilters"]
    assert "IsNull(at)" in labels["PushedFilters"]
    (events,) = [s for s in found if "score" in s["ReadSchema"]]
    assert "GreaterThanOrEqual(at,2026-01-02" in events["PushedFilters"]


def test_a_condition_on_keys_that_only_spark_understands_chooses_directories(
    engine: SparkEngine, tables: dict[str, str]
) -> None:
    query = "SELECT * FROM events WHERE dt = date_add(DATE '2026-01-01', 1)"
    with hw.Workspace() as workspace:
        workspace.use_engine(SparkEngine(engine.opened().session))
        data = workspace.sql(query, source(tables, query), engine="spark")
        (scan,) = scans(engine.explain(data.plan, Access()))
    assert len(data.plan.scans[0].relation.files) == 3  # type: ignore[union-attr]
    assert "dt" in scan["PartitionFilters"]
    assert re.search(r"InMemoryFileIndex \[[^,]*dt=2026-01-02[^,]*\]", scan["Location"])
