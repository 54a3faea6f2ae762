"""Performance equals scikit-learn's on the binned data; its bounds hold for the rows."""

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from plugins.monitor.tests.made_profiles import BOOLEAN, NUMERIC, STRING, edges_of, profile_of
from sklearn import metrics

from headwater.errors import ConfigError, UnsupportedError
from headwater.interfaces.schema import Role
from headwater.profiling.edges import FieldEdges
from headwater.profiling.profile import Profile
from headwater.tables.window import Window
from headwater_monitor import Ranking, performance
from headwater_monitor.query_ranking import Totals

RANDOM = np.random.default_rng(29)
BUY, PROBA = FieldEdges(BOOLEAN, Role.PREDICTION), FieldEdges(NUMERIC, Role.PREDICTION)
PRICE = FieldEdges(NUMERIC, Role.PREDICTION, errors=(-1.0, 0.0, 1.0))
KIND = FieldEdges(STRING, Role.PREDICTION, vocabulary=("ant", "bee", "cat"))
BINARY = edges_of("binary", {"f": [1.0, 2.0, 3.0]}, {"buy": BUY, "proba": PROBA})


def binary(scores, actual, edges=BINARY, known=1.0):
    labels = [bool(a) if RANDOM.random() < known else None for a in actual]
    columns = {"f": [1.0] * len(labels), "buy": [bool(s >= 0.4) for s in scores], "proba": scores}
    return profile_of(edges, columns, {"buy": labels}), labels, columns["buy"]


def scores_of_kind(number, count=400):
    """Scores of many shapes: even, at both ends, all alike, on edges of bins, well separated."""
    actual = RANDOM.random(count) < 0.3
    scores = [
        lambda: RANDOM.random(count),
        lambda: RANDOM.beta(0.05, 0.05, count),
        lambda: np.full(count, 0.5),
        lambda: RANDOM.integers(0, 201, count) / 200,
        lambda: np.clip(0.6 * actual + RANDOM.normal(0.2, 0.1, count), 0, 1),
        lambda: np.where(RANDOM.random(count) < 0.5, 1e-9, 1 - 1e-9),
    ][number % 6]()
    return scores, actual


@pytest.mark.parametrize("number", range(18))
def test_a_binary_models_figures_are_scikit_learns(number):
    scores, actual = scores_of_kind(number)
    profile, labels, said = binary(scores.tolist(), actual, known=0.8)
    kept = [i for i, label in enumerate(labels) if label is not None]
    was, score = np.array([labels[i] for i in kept]), scores[kept]
    found: Any = performance(profile)
    assert (found.rows, found.labelled, found.scored) == (400, len(kept), len(kept))
    assert found.coverage == len(kept) / 400
    decided = np.array([said[i] for i in kept])
    assert found.accuracy == pytest.approx(metrics.accuracy_score(was, decided))
    assert (found.recall or 0.0) == pytest.approx(metrics.recall_score(was, decided))
    if decided.any():
        assert found.precision == pytest.approx(metrics.precision_score(was, decided))
        assert found.f1 == pytest.approx(metrics.f1_score(was, decided))
    else:
        assert found.precision is None

    # Of the binned data: each score is its bin, or the average of its bin and class.
    bins = np.searchsorted(np.arange(1, 200) / 200, score, side="right")
    assert found.auc == pytest.approx(metrics.roc_auc_score(was, bins))
    means = {k: score[(bins == k[0]) & (was == k[1])].mean() for k in zip(bins, was, strict=True)}
    binned = [means[k] for k in zip(bins, was, strict=True)]
    if number % 6 != 5:  # of scores of 1e-9 a profile's sums, of 6 digits, know nothing
        assert found.log_loss == pytest.approx(metrics.log_loss(was, binned), rel=1e-4, abs=1e-3)

    # And of the rows as they were.
    for figure, exact in (
        (found.auc, metrics.roc_auc_score(was, score)),
        (found.log_loss, metrics.log_loss(was, score)),
        (found.brier, metrics.brier_score_loss(was, score)),
        (found.ece, calibration_error(was, score)),
    ):
        assert figure.low - 1e-12 <= exact <= figure.high + 1e-12
        assert figure.low <= figure <= figure.high
    assert found.brier.high - found.brier.low < 5e-6


def calibration_error(was, score):
    tenth = np.minimum(np.searchsorted(np.arange(1, 10) / 10, score, side="right"), 9)
    parts = [(tenth == b) for b in range(10)]
    return sum(abs(score[p].mean() - was[p].mean()) * p.sum() for p in parts if p.any()) / len(was)


def test_a_score_alone_is_decided_by_at_one_half():
    edges = edges_of("binary", {}, {"proba": PROBA})
    scores, actual = scores_of_kind(3)
    profile = profile_of(edges, {"proba": scores.tolist()}, {"proba": [bool(a) for a in actual]})
    found: Any = performance(profile)
    assert found.accuracy == metrics.accuracy_score(actual, scores >= 0.5)
    assert found.notes == ("decided for true from a score of 0.5 on",)


def test_scores_that_are_no_probabilities_are_told():
    profile, _, _ = binary([0.2, 0.9, 1.7, -0.1], [False, True, True, False])
    found: Any = performance(profile)
    assert found.notes == ("2 scores are no number from 0 to 1, and left out",)
    assert (found.scored, found.auc) == (4, 1.0)


@pytest.mark.parametrize("number", range(6))
def test_a_multiclass_models_figures_are_scikit_learns(number):
    edges = edges_of("multiclass", {}, {"kind": KIND})
    words = ["ant", "bee", "cat"][: 2 + number % 2]
    was = RANDOM.choice(words, 200).tolist()
    said = [w if RANDOM.random() < 0.6 else str(RANDOM.choice(words)) for w in was]
    found: Any = performance(profile_of(edges, {"kind": said}, {"kind": was}))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(was, said))
    assert found.precision == pytest.approx(metrics.precision_score(was, said, average="macro"))
    assert found.recall == pytest.approx(metrics.recall_score(was, said, average="macro"))
    assert found.f1 == pytest.approx(metrics.f1_score(was, said, average="macro"))
    each = metrics.recall_score(was, said, average=None, labels=words)
    assert [found.by_class[word].recall for word in words] == pytest.approx(list(each))


def test_classes_beyond_the_vocabulary_count_for_accuracy_and_are_told():
    edges = edges_of("multiclass", {}, {"kind": KIND})
    said, was = ["ant", "elk", "elk", "fox"], ["ant", "elk", "fox", "fox"]
    found: Any = performance(profile_of(edges, {"kind": said}, {"kind": was}))
    assert found.accuracy == 0.75
    assert found.notes[0].startswith("3 rows are of classes beyond the 1 that are counted")


@pytest.mark.parametrize("number", range(6))
def test_a_regressions_figures_are_scikit_learns(number):
    edges = edges_of("regression", {}, {"price": PRICE})
    was = RANDOM.normal(10 * number, 5, 300)
    said = was + RANDOM.normal(0.5, 1 + number, 300)
    found: Any = performance(profile_of(edges, {"price": said.tolist()}, {"price": was.tolist()}))
    assert found.mae == pytest.approx(metrics.mean_absolute_error(was, said), abs=1e-6)
    assert found.rmse == pytest.approx(metrics.root_mean_squared_error(was, said), abs=1e-6)
    assert found.bias == pytest.approx((said - was).mean(), abs=1e-6)
    assert found.r2 == pytest.approx(metrics.r2_score(was, said), abs=1e-5)
    assert found.mae.low <= metrics.mean_absolute_error(was, said) <= found.mae.high


def test_r2_is_left_out_where_not_all_labelled_rows_were_predicted():
    edges = edges_of("regression", {}, {"price": PRICE})
    found: Any = performance(
        profile_of(edges, {"price": [1.0, None, 3.0]}, {"price": [1.0, 2.0, 4.0]})
    )
    assert (found.labelled, found.scored, found.mae, found.r2) == (3, 2, 0.5, None)


def test_without_labels_there_are_no_figures():
    profile, _, _ = binary([0.2, 0.8], [True, False], known=0.0)
    found: Any = performance(profile)
    assert (found.coverage, found.figures) == (0.0, {})
    empty = performance(Profile.empty(BINARY))
    assert (empty.rows, empty.coverage, empty.figures) == (0, None, {})
    assert performance(Profile.empty(edges_of("regression", {}, {"price": PRICE}))).figures == {}
    assert performance(Profile.empty(edges_of("multiclass", {}, {"kind": KIND}))).figures == {}


def test_parts_of_a_whole_give_the_figures_of_the_whole():
    scores, actual = scores_of_kind(0)
    whole, labels, said = binary(scores.tolist(), actual)
    parts = [
        profile_of(
            BINARY,
            {"f": [1.0] * 100, "buy": said[i : i + 100], "proba": scores[i : i + 100].tolist()},
            {"buy": labels[i : i + 100]},
        )
        for i in range(0, 400, 100)
    ]
    merged: Any = performance(sum(parts, start=Profile.empty(BINARY)))
    assert merged.figures == performance(whole).figures
    assert merged == performance(whole)


def test_one_of_several_predictions_is_named():
    two = {"low": PRICE, "high": PRICE}
    edges = edges_of("regression", {}, two)
    columns = {"low": [1.0, 2.0], "high": [3.0, 5.0]}
    profile = profile_of(edges, columns, {"low": [1.0, 2.0], "high": [2.0, 2.0]})
    with pytest.raises(ConfigError, match="2 predictions \\(low, high\\)") as caught:
        performance(profile)
    assert caught.value.hint == "name one: prediction='low' (--prediction)"
    assert performance(profile_of(edges, columns, {"high": [2.0, 2.0]})).prediction == "high"
    assert performance(profile, "low").mae == 0.0
    assert performance(profile, "high").mae == 2.0
    with pytest.raises(ConfigError, match="no prediction 'hihg'"):
        performance(profile, "hihg")
    assert performance(binary([0.1], [True])[0], "proba").prediction == "buy"


def test_a_class_is_judged_beside_the_probabilities_of_all_classes():
    shares = {f"p_{name}": PROBA for name in ("ant", "bee", "cat")}
    edges = edges_of("multiclass", {}, {**shares, "kind": KIND})
    columns: dict[str, Any] = {"kind": ["ant", "bee"], **{name: [0.2, 0.5] for name in shares}}
    found = performance(profile_of(edges, columns, {"kind": ["ant", "cat"]}))
    assert (found.prediction, found.accuracy) == ("kind", 0.5)
    assert performance(profile_of(edges, columns)).prediction == "kind"
    with pytest.raises(ConfigError, match="no prediction 'knid'"):
        performance(profile_of(edges, columns), "knid")


def test_what_a_profile_does_not_tell_is_said():
    for kind in ("ranking", "multi-label"):
        edges = edges_of(kind, {}, {"scores": PROBA})
        with pytest.raises(UnsupportedError, match="a profile does not tell"):
            performance(Profile.empty(edges))


def test_a_ranking_is_judged_by_its_queries():
    june = Window(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    sums = dict.fromkeys(
        ("ndcg", "ndcg_low", "ndcg_high", "mrr", "mrr_high", "hits", "hits_high"), Decimal(3)
    )
    found: Any = performance(Ranking("score", 10, {june: Totals(5, 4, 1, sums)}))
    assert (found.rows, found.labelled, found.coverage) == (5, 4, 0.8)
    assert (found.ndcg, found.mrr, found.hit_rate) == (0.75, 0.75, 0.75)
    assert found.notes == (
        "1 of 5 queries have an item without a label or a score, and are left out",
        "1 queries have no relevant item, and count as 0",
    )


def test_figures_are_a_table_and_a_text():
    profile, _, _ = binary([0.1, 0.9, 0.8, 0.3], [False, True, False, True])
    found: Any = performance(profile)
    table = found.to_arrow()
    assert dict(zip(*table.select(["metric", "value"]).to_pydict().values(), strict=True)) == {
        name: float(figure) for name, figure in found.figures.items()
    }
    assert list(found.to_pandas().columns) == ["metric", "value", "low", "high"]
    assert str(found).startswith("Performance of buy: 4 of 4 rows are labelled (100%)\n  accuracy")
    assert "<table>" in found._repr_html_()
    assert math.isclose(table["value"].to_pylist()[0], 0.5)
