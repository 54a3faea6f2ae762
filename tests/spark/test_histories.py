"""Histories on Spark: what windows hold, and which of them are offered, is what it says, too."""

from __future__ import annotations

import pytest
from core.tests.changes.test_histories import (
    MANY,
    DeltaHistories,
    Histories,
    IcebergHistories,
    run,
)

import headwater as hw
from headwater.engines.spark import SparkEngine

pytestmark = pytest.mark.spark
SOME = max(1, MANY // 24)
"""Histories of each kind: of those of the embedded engine, a part."""


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("machine", [Histories, DeltaHistories, IcebergHistories])
def test_histories(
    machine: type[Histories], spark_engine: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = spark_engine.opened().session

    def opened(_: Histories) -> hw.Workspace:
        made = hw.Workspace(engine="spark")
        made.use_engine(SparkEngine(session))
        return made

    monkeypatch.setattr(machine, "opened", opened)
    run(machine, SOME, 8)
