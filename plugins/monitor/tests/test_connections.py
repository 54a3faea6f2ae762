"""From connections: profiles that headwater counts give scikit-learn's figures of each model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

import headwater as hw
from headwater.errors import ConfigError
from headwater_monitor import drift, multilabel, performance, ranking, report

RANDOM = np.random.default_rng(8)
START = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 240


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        yield workspace


def connected(
    workspace: hw.Workspace,
    model_type: str,
    predictions: dict[str, str],
    labels: dict[str, str],
    columns: dict[str, Any],
) -> Any:
    count = len(next(iter(columns.values())))
    table = pa.table(
        {
            "id": [f"r{n}" for n in range(count)],
            "at": pa.array(
                [START + timedelta(hours=n) for n in range(count)], pa.timestamp("us", "UTC")
            ),
            "q": [f"q{n // 6}" for n in range(count)],
            **columns,
        }
    )
    version = workspace.create_model_version(
        "m", model_type, model_type, features={"q": "string"}, predictions=predictions
    )
    source = hw.MemoryDataSource(tables={"t": table})
    return version.connect_serving(source, "id", "at", labels=labels)


def some(values: Any) -> list[Any]:
    """Values of which every fifth is not known."""
    return [None if n % 5 == 0 else v for n, v in enumerate(values)]


def known(*columns: Any) -> list[list[Any]]:
    """The rows whose last column is known, as columns."""
    rows = [row for row in zip(*columns, strict=True) if row[-1] is not None]
    return [list(column) for column in zip(*rows, strict=True)]


def test_binary(workspace: hw.Workspace) -> None:
    proba = RANDOM.random(COUNT)
    buys, bought = (proba > 0.4).tolist(), some((RANDOM.random(COUNT) < proba).tolist())
    serving = connected(
        workspace, "binary", {"buys": "boolean", "proba": "numeric"}, {"buys": "bought"},
        {"buys": buys, "proba": proba, "bought": bought},
    )  # fmt: skip
    found: Any = performance(serving.profile())
    said, score, was = known(buys, proba.tolist(), bought)
    assert found.accuracy == metrics.accuracy_score(was, said)
    assert found.f1 == pytest.approx(metrics.f1_score(was, said))
    assert found.auc.low <= metrics.roc_auc_score(was, score) <= found.auc.high
    assert found.log_loss.low <= metrics.log_loss(was, score) <= found.log_loss.high
    assert found.brier == pytest.approx(metrics.brier_score_loss(was, score), abs=2e-6)


@pytest.mark.parametrize("kind", ["string", "numeric"])
def test_multiclass(workspace: hw.Workspace, kind: str) -> None:
    words: list[Any] = ["ant", "bee", "cat"] if kind == "string" else [1.0, 2.0, 3.5]
    said = [words[n] for n in RANDOM.integers(0, 3, COUNT)]
    was = some([s if RANDOM.random() < 0.5 else words[n % 3] for n, s in enumerate(said)])
    serving = connected(
        workspace, "multiclass", {"kind": kind}, {"kind": "was"}, {"kind": said, "was": was}
    )
    found: Any = performance(serving.profile())
    guess, truth = ([str(v) for v in column] for column in known(said, was))
    assert found.accuracy == metrics.accuracy_score(truth, guess)
    if kind == "string":
        assert found.f1 == pytest.approx(metrics.f1_score(truth, guess, average="macro"))


def test_regression(workspace: hw.Workspace) -> None:
    price = RANDOM.normal(1000, 300, COUNT)
    paid = some((price + RANDOM.normal(5, 40, COUNT)).tolist())
    serving = connected(
        workspace, "regression", {"price": "numeric"}, {"price": "paid"},
        {"price": price, "paid": paid},
    )  # fmt: skip
    found: Any = performance(serving.profile())
    said, was = known(price.tolist(), paid)
    exact = {
        "mae": metrics.mean_absolute_error(was, said),
        "rmse": metrics.root_mean_squared_error(was, said),
        "bias": np.mean(np.array(said) - was),
    }
    for name, value in exact.items():
        assert found.figures[name] == pytest.approx(value, abs=1e-5)
        assert found.figures[name].low <= value <= found.figures[name].high
    assert found.r2 == pytest.approx(metrics.r2_score(was, said), abs=1e-6)


def test_ranking_joins_the_report(workspace: hw.Workspace) -> None:
    serving = connected(
        workspace, "ranking", {"score": "numeric"}, {"score": "gain"},
        {"score": RANDOM.random(COUNT), "gain": RANDOM.integers(0, 3, COUNT).astype(float)},
    )  # fmt: skip
    days = ("2026-01-01", "2026-01-11")
    profile = serving.profile(*days, every="1 day")
    found = report(profile, ranking=ranking(serving, *days, query="q", every="1 day"))
    frame = found.to_pandas()
    assert (frame.metric == "ndcg").sum() == 10
    assert "NDCG" in found.to_html()


def label_sets(names: list[str], share: float) -> list[dict[str, float]]:
    return [{n: RANDOM.random() for n in names if RANDOM.random() < share} for _ in range(COUNT)]


def test_multilabel(workspace: hw.Workspace) -> None:
    names = ["new", "old", "red"]
    said = label_sets(names, 0.8)
    was = some(
        [
            {n: 1.0 for n in names if RANDOM.random() < (0.8 if d.get(n, 0) > 0.5 else 0.2)}
            for d in said
        ]
    )
    maps = pa.map_(pa.string(), pa.float64())
    serving = connected(
        workspace, "multi-label", {"tags": "dict"}, {"tags": "true_tags"},
        {
            "tags": pa.array([list(d.items()) for d in said], maps),
            "true_tags": pa.array([d if d is None else list(d.items()) for d in was], maps),
        },
    )  # fmt: skip
    counted = multilabel(serving)
    found: Any = performance(counted)
    predicted, actual = known(said, was)
    guess = np.array([[d.get(n, 0) >= 0.5 for n in names] for d in predicted])
    truth = np.array([[n in d for n in names] for d in actual])
    assert (found.rows, found.labelled) == (COUNT, len(truth))
    assert found.accuracy == metrics.accuracy_score(truth, guess)  # of whole rows
    for name, score in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        assert found.figures[name] == pytest.approx(score(truth, guess, average="macro"))
    each = metrics.recall_score(truth, guess, average=None)
    assert [found.by_class[n].recall for n in names] == pytest.approx(list(each))

    days = multilabel(serving, "2026-01-01", "2026-01-11", every="1 day")
    assert len(days.counts) == 10
    assert days.total == counted.total
    halves = multilabel(serving, "2026-01-01", "2026-01-06", every="1 day")
    halves += multilabel(serving, "2026-01-06", "2026-01-11", every="1 day")
    assert halves == days
    with pytest.raises(ConfigError, match="can't be added"):
        halves + multilabel(serving, threshold=0.7)
    profile = serving.profile("2026-01-01", "2026-01-11", every="1 day")
    frame = report(profile, labels=days).to_pandas()
    assert (frame.metric == "accuracy").sum() == 10


def test_a_connection_is_a_reference_too(workspace: hw.Workspace) -> None:
    proba = RANDOM.random(COUNT)
    serving = connected(
        workspace, "binary", {"proba": "numeric"}, {}, {"proba": proba}
    )  # fmt: skip
    profile = serving.profile()
    assert drift(profile, serving)["proba"] == drift(profile, profile)["proba"]
    assert drift(profile, serving)["proba"].psi == 0.0
    assert report(profile, against=serving).findings == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([1.0] * 60, [2.0] * 60),
        ([0.0] * 58 + [3.0, 5.0], [4.0] * 60),
        ([0] * 60, [1] * 60),
        ([3.5], [4.5]),
    ],
    ids=["constant", "mostly-zero", "whole", "one-row"],
)
def test_a_value_that_nearly_all_rows_have_is_told_from_larger_ones(
    workspace: hw.Workspace, before: list[float], after: list[float]
) -> None:
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"x": "numeric"}, predictions={"p": "boolean"}
    )
    sources = [
        hw.MemoryDataSource(tables={"t": pa.table({"x": v, "p": [True] * len(v)})})
        for v in (before, after)
    ]
    reference = version.connect_training(sources[0]).profile()
    now = version.connect_testing(sources[1]).profile(edges=reference.edges())

    found = drift(now, reference)["x"]

    assert found.mean == pytest.approx(np.mean(after)), "sums are scaled by values"
    assert found.psi is not None
    assert found.psi > 1
    assert found.ks is not None
    assert found.ks >= 0.9
