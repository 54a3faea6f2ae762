"""Histories on Spark: what windows hold, and which of them are offered, is what it says, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from core.tests.changes.test_histories import (
    MANY,
    WINDOWS,
    DeltaHistories,
    Histories,
    IcebergHistories,
    run,
)

import headwater as hw
from headwater.changes.changes import Change, Changes
from headwater.engines.spark import SparkEngine

pytestmark = pytest.mark.spark
SOME = max(1, MANY // 24)
"""Histories of each kind: of those of the embedded engine, a part."""


@pytest.fixture(params=[Histories, DeltaHistories, IcebergHistories])
def machine(
    request: pytest.FixtureRequest, spark_engine: SparkEngine, monkeypatch: pytest.MonkeyPatch
) -> type[Histories]:
    session = spark_engine.opened().session

    def opened(_: Histories) -> hw.Workspace:
        made = hw.Workspace(engine="spark")
        made.use_engine(SparkEngine(session))
        return made

    monkeypatch.setattr(request.param, "opened", opened)
    kind: type[Histories] = request.param
    return kind


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_histories(machine: type[Histories]) -> None:
    run(machine, SOME, 8)


@pytest.mark.slow
def test_labels_that_land(machine: type[Histories], monkeypatch: pytest.MonkeyPatch) -> None:
    """Spark reads all files of a lake's state: there, all windows are read."""
    left_out = []
    each = Changes.__iter__

    def watched(changes: Changes) -> Iterator[Change]:
        some = each(changes)
        left_out.append(len(changes.untouched))
        return some

    monkeypatch.setattr(Changes, "__iter__", watched)
    history = machine()
    try:
        history.begin(None, True)
        history.nothing_but_labels_lands(3, False, "one")
        by_ids = max(left_out)
        left_out.clear()
        history.nothing_but_labels_lands(3, True, "one")
        by_files = max(left_out)
    finally:
        history.teardown()
    assert (by_ids, by_files) == ((WINDOWS - 1,) * 2 if machine is Histories else (0, 0))
