"""Label maturity across engines: whole numbers leave them, so everything made of these is equal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest
from core.tests.pipeline import test_maturity as small
from core.tests.pipeline.test_label_time import memory, times, version

import headwater as hw
from headwater.engines.spark import SparkEngine

DAY = timedelta(days=1)


@pytest.fixture
def workspace(spark_engine: SparkEngine) -> Iterator[hw.Workspace]:
    with hw.Workspace() as made:
        made.use_engine(SparkEngine(spark_engine.opened().session))
        yield made


def test_maturity_is_the_same_on_both_engines(workspace: hw.Workspace) -> None:
    rows, labels = small.drawn(days=40, per_day=60)
    # All that is counted apart: ids twice, labels before, again, corrected, without a time.
    rows += [(*rows[5][:1], rows[5][1] + DAY / 3, True), rows[7]]
    labels += [(i, at + DAY, not v) for i, at, v in labels[:40]]
    labels += [(i, at + DAY, v) for i, at, v in labels[50:70]]
    labels += [(i, at - timedelta(hours=30), v) for i, at, v in rows[100:110]]
    labels += [(i, None, v) for i, at, v in rows[200:205]]
    serving = small.connect(workspace, rows, labels, horizon="12 days")
    asked: list[dict[str, Any]] = [
        {"as_of": small.END},
        {"as_of": small.NOON + 30 * DAY, "by": "prediction", "timezone": "Asia/Kathmandu"},
        {"as_of": small.END, "every": "1 week"},
        {"as_of": small.END, "every": "6 hours"},
    ]
    for options in asked:
        told = [
            serving.maturity(small.FIRST, small.END, engine=engine, **options)
            for engine in ("embedded", "spark")
        ]
        assert told[0].counts == told[1].counts
        assert told[0].to_dict() == told[1].to_dict()
        assert str(told[0]) == str(told[1])
    first = told[0]
    assert first.corrected > 20
    assert first.repeated > 10
    assert first.before > 0
    assert first.untimed > 0
    assert first.duplicates == 2


def test_labels_in_the_serving_table_and_of_nested_types_too(workspace: hw.Workspace) -> None:
    rows, labels = small.drawn(days=20, per_day=30)
    by_id = {i: (at, v) for i, at, v in labels}
    table = memory(
        id=[r[0] for r in rows],
        at=times(*(r[1] for r in rows)),
        y=[r[2] for r in rows],
        t=pa.array([by_id.get(r[0], (None, None))[1] for r in rows], pa.bool_()),
        set_at=times(*(by_id.get(r[0], (None, None))[0] for r in rows)),
    )
    own = version(workspace, "binary", y="boolean").connect_serving(
        table, "id", "at", labels={"y": "t"}, label_timestamp_column="set_at"
    )
    kind = pa.map_(pa.string(), pa.float64())
    nested = version(workspace, "multi-label", y="dict")
    nested.connect_serving(
        memory(id=["a"], at=times(small.NOON), y=pa.array([[("k", 0.5)]], kind)), "id", "at"
    )
    answers = [[("k", 1.0), ("l", 0.0)], [("l", 0.0), ("k", 1.0)], [("k", 0.0)]]
    for given, corrected in ((answers[:2], 0), (answers, 1)):
        nested.disconnect("actuals")
        moments = times(*(small.NOON + n * DAY for n, _ in enumerate(given, start=1)))
        actuals = memory(id=["a"] * len(given), t=pa.array(given, kind), set_at=moments)
        nested.connect_actuals(actuals, "id", {"y": "t"}, "set_at")
        for engine in ("embedded", "spark"):
            maturity = nested.connections["serving"].maturity(
                small.FIRST, small.FIRST + DAY, as_of=small.END, engine=engine
            )
            assert (maturity.labelled, maturity.corrected) == (1, corrected)
    told = [
        own.maturity(small.FIRST, small.FIRST + 20 * DAY, as_of=small.END, engine=engine).to_dict()
        for engine in ("embedded", "spark")
    ]
    assert told[0] == told[1]
