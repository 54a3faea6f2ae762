"""Changes on Spark: what is counted and told of windows is what the embedded engine says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from core.tests.changes.test_changes import ROWS, Lake, asked, at, connect, taken

import headwater as hw
from headwater.engines.spark import SparkEngine


@pytest.fixture
def workspace(spark_engine: SparkEngine) -> Iterator[hw.Workspace]:
    with hw.Workspace() as made:
        made.use_engine(SparkEngine(spark_engine.opened().session))
        yield made


def test_late_labels_and_rows_outside_their_rule_are_counted(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "lake")
    serving, ledger = connect(workspace, lake), hw.Ledger()
    taken(asked(serving, ledger, engine="embedded"))
    lake.labels(3, [f"0-{i}" for i in range(1, 9, 2)], at(3), name="just in time")
    lake.labels(3, [f"0-{i}" for i in range(9, ROWS, 2)], at(3, hours=6), name="very late")
    lake.predictions(0, range(ROWS, ROWS + 20), name="lost", partition=2)
    engines = ("embedded", "spark")
    both = [asked(serving, ledger, engine=engine) for engine in engines]
    assert [changes.beyond_horizon for changes in both] == [16, 16]
    third = [next(c for c in changes if c.window.start == at(2)) for changes in both]
    told = [[w.to_dict() for w in change.warnings] for change in third]
    assert "20 rows of 2026-01-01 lie in dt=2026-01-03" in told[0][0]["message"]
    assert told[0] == told[1]
    assert third[1].read().to_arrow().num_rows == ROWS
    assert third[1].same
