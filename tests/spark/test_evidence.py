"""Evidence across engines: what one of them read, the other gives again, to the digest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from core.tests.changes.test_changes import NOW, Lake, at, connect
from core.tests.changes.test_lake_changes import DAYS, Delta, day

import headwater as hw
from headwater.engines.spark import SparkEngine
from headwater.evidence.evidence import Evidence


@pytest.fixture
def workspace(spark_engine: SparkEngine) -> Iterator[hw.Workspace]:
    with hw.Workspace() as made:
        made.use_engine(SparkEngine(spark_engine.opened().session))
        yield made


def by(evidence: Evidence, engine: str) -> Evidence:
    """Return the evidence as if another engine had read."""
    told = {**evidence.document["engine"], "name": engine}
    return replace(evidence, document={**evidence.document, "engine": told})


def replayed(workspace: hw.Workspace, evidence: Evidence) -> Any:
    data = workspace.replay(evidence)
    assert data.plan.engine == evidence.engine
    data.to_arrow()
    return data.replay


def test_files_give_the_same_on_both(workspace: hw.Workspace, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    serving = connect(workspace, lake)
    kept = []
    for engine, other in (("embedded", "spark"), ("spark", "embedded")):
        data = serving.read(at(1), at(2), as_of=NOW, engine=engine, digests=True)
        data.to_arrow()
        evidence = data.evidence()
        assert evidence.document["engine"]["version"]
        kept.append(evidence)
        for name in (engine, other):
            done = replayed(workspace, by(evidence, name))
            assert (done.exact, done.same, done.count) == (True, True, 40)
    assert kept[0].document["content"] == kept[1].document["content"]
    lake.predictions(1, range(20), name="a", shift=1.0)
    done = replayed(workspace, kept[1])
    assert (done.rows, done.labels) == (False, True)


def test_a_lake_is_read_as_it_was_on_both(workspace: hw.Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    lake = Delta(folder)
    for number in range(DAYS):
        lake.append(day(number))
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
    serving = version.connect_serving(lake.source(), "id", "at")
    data = serving.read(at(1), at(2), engine="embedded", digests=True)
    data.to_arrow()
    lake.append(day(1, first=3))
    lake.delete("id = '1-0'")
    for engine in ("embedded", "spark"):
        done = replayed(workspace, by(data.evidence(), engine))
        assert (done.exact, done.same, done.count) == (True, True, 3)
