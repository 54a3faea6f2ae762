"""Profiles across engines: equal to the bit, whatever values, types, windows and segments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from core.tests.profiling import rows as made
from core.tests.profiling.test_counting import cells, splits

import headwater as hw
from headwater.engines.spark import SparkEngine

END = made.START + timedelta(days=3)


@pytest.fixture
def workspace(spark_engine: SparkEngine) -> Iterator[hw.Workspace]:
    with hw.Workspace() as opened:
        opened.use_engine(SparkEngine(spark_engine.opened().session))
        yield opened


def both(connection: hw.Connection, *moments: Any, **options: Any) -> hw.Profile:
    """Return a profile that both engines agree on: its edges, too, where none are given."""
    told = [connection.profile(*moments, engine=e, **options) for e in ("embedded", "spark")]
    assert told[0].edges().to_json() == told[1].edges().to_json()
    assert dict(_listed(told[0])) == dict(_listed(told[1]))
    assert told[0].to_arrow().equals(told[1].to_arrow())
    return told[0]


def _listed(profile: hw.Profile) -> Iterator[tuple[Any, Any]]:
    yield from (((place, key), repr(value)) for place, key, value in profile.cells())


def test_edges_and_counts_are_the_same_on_both_engines(workspace: hw.Workspace) -> None:
    rows = made.table(Random(21), 300)
    told = both(made.binary(workspace, rows))
    assert cells(told) == made.expected(rows, told.edges())


def test_windows_and_segments_are_the_same_on_both_engines(workspace: hw.Workspace) -> None:
    serving = made.binary(workspace, made.table(Random(25), 300))
    edges = serving.profile(engine="embedded").edges()
    told = both(
        serving, made.START, END, every="4 hours", timezone="Europe/Berlin",
        by=("vip", "owner", "code"), edges=edges, sample=0.7,
    )  # fmt: skip
    assert len(told.windows) > 12
    assert len(told.segments) > 50


def test_parts_merge_to_the_whole_on_spark(workspace: hw.Workspace) -> None:
    training = made.binary(workspace, made.table(Random(24), 100), "training")
    edges = training.profile(engine="embedded").edges()
    splits(workspace, edges, Random(22), 20, engine="spark")


def test_models_of_other_types_too(workspace: hw.Workspace) -> None:
    random = Random(23)
    rows = 120
    late = pa.timestamp("us", tz="UTC")
    labels = ["a", "Zu\u0308rich", "Z\u00fcrich", None, ""]

    def dicts() -> Any:
        kind = pa.map_(pa.string(), pa.float64())
        values = [0.5, 0.5, 1.0, float("nan"), -0.0]
        names = [n for n in labels if n is not None]
        drawn = [
            [(n, random.choice(values)) for n in random.sample(names, random.randrange(4))]
            for _ in range(rows)
        ]
        return pa.array([d if random.random() < 0.9 else None for d in drawn], kind)

    table = pa.table(
        {
            "id": [str(n) for n in range(rows)],
            "at": pa.array([made.START + timedelta(hours=n / 2) for n in range(rows)], late),
            "guess": pa.array(
                [random.choice([Decimal("-1.05"), Decimal("3.1"), None]) for _ in range(rows)],
                pa.decimal128(9, 2),
            ),
            "kind": [random.choice(labels) for _ in range(rows)],
            "likely": dicts(),
            "digit": [
                random.choice([0.0, -0.0, 3.0, 0.5, 1e300, float("nan")]) for _ in range(rows)
            ],
        }
    )
    truths = pa.table(
        {
            "id": [str(random.randrange(rows)) for _ in range(rows)],
            "set_at": pa.array([made.START + timedelta(days=n % 9) for n in range(rows)], late),
            "price": [random.choice([1e-9, 2.0, float("inf"), None, -7.25]) for _ in range(rows)],
            "kind": [random.choice(labels) for _ in range(rows)],
            "digit": [random.choice([0.0, 3.0, 0.5, 7.0]) for _ in range(rows)],
            "likely": dicts(),
        }
    )
    workspace.create_model("other")
    for kind, fields in (
        ("regression", {"guess": "numeric"}),
        ("multiclass", {"kind": "string", "digit": "numeric", "likely": "dict"}),
    ):
        version = workspace.create_model_version("other", kind, kind, predictions=fields)
        serving = version.connect_serving(made.memory(table), "id", "at")
        columns = {"guess": "price", "kind": "kind", "digit": "digit", "likely": "likely"}
        version.connect_actuals(
            made.memory(truths), "id", {f: columns[f] for f in fields}, "set_at", horizon="4 days"
        )
        found = both(serving, made.START, END, every="1 day")
        for field in fields:
            assert found.count(field, "scored") > 10
            assert 0 < found.count(field, "labelled") < found.count()
