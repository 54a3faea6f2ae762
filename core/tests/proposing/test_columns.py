"""What columns seem to be: five kinds of models, labels that are no features, ids that repeat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from headwater.interfaces.schema import ModelType
from headwater.proposing.columns import Roles, roles
from headwater.proposing.sample import Sample
from headwater.tables.table import Column, Table, TableName
from headwater.types.arrow import data_type

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = pa.array([START + timedelta(hours=n) for n in range(6)], pa.timestamp("us", "UTC"))
FLAGS = pa.array([0, 1, 1, 0, 1, 0])
FLOATS = pa.array([0.1, 5.0, 0.3, 0.4, 2.5, 9.0])
TEXTS = pa.array(["cat", "dog", "cow", "cat", "cat", "dog"])
MAP = pa.map_(pa.string(), pa.float64())


def proposed(**columns: Any) -> Roles:
    """Roles of a table of six rows."""
    rows = pa.table({"prediction_id": list("abcdef"), "ts": TIMES, **columns})
    listed = tuple(Column(f.name, data_type(f.type)) for f in rows.schema)
    return roles(Table(TableName("db", "log"), listed), Sample(rows))


def of(found: Roles) -> dict[str, str]:
    return {p.name: str(p.type) for p in found.predictions}


def actuals(found: Roles) -> dict[str, str | None]:
    return {a.column.name: a.prediction for a in found.labels}


SURE = pa.array([{"cat": 0.5, "dog": 0.3, "cow": 0.2}] * 6)
TAGS = pa.array([{"news": 0.9, "sport": 0.8}] * 6)
LISTS = pa.array([["a", "b"]] * 6)

MODELS: list[tuple[ModelType, dict[str, Any], dict[str, str], dict[str, str | None]]] = [
    (
        ModelType.BINARY,
        {"churn_pred": FLAGS, "churn_proba": FLOATS, "true_churn": FLAGS},
        {"churn_pred": "boolean", "churn_proba": "numeric"},
        {"true_churn": "churn_pred"},
    ),
    (
        ModelType.BINARY,
        {"score": pa.array([0.5] * 6), "label": FLAGS},
        {"score": "numeric"},
        {"label": "score"},
    ),
    (
        ModelType.BINARY,
        {"will_buy": FLAGS, "buy_actual": pa.array([0.0, 1.0, None, 1.0, 0.0, None])},
        {"will_buy": "numeric"},
        {"buy_actual": "will_buy"},
    ),
    (
        ModelType.MULTICLASS,
        {"probabilities": SURE, "predicted_species": TEXTS, "true_species": TEXTS},
        {"probabilities": "dict", "predicted_species": "string"},
        {"true_species": "predicted_species"},
    ),
    (
        ModelType.MULTICLASS,
        {"predicted_class": pa.array([3, 1, 2, 0, 4, 4]), "class_actual": pa.array([3] * 6)},
        {"predicted_class": "categorical"},
        {"class_actual": "predicted_class"},
    ),
    (
        ModelType.MULTICLASS,
        {"proba_a": FLOATS, "proba_b": FLOATS, "proba_c": FLOATS, "target": TEXTS},
        dict.fromkeys(("proba_a", "proba_b", "proba_c"), "numeric"),
        {"target": None},
    ),
    (
        ModelType.REGRESSION,
        {"predicted_price": FLOATS, "price_actual": FLOATS},
        {"predicted_price": "numeric"},
        {"price_actual": "predicted_price"},
    ),
    (
        ModelType.REGRESSION,
        {"price": FLOATS, "true_price": FLOATS},
        {"price": "numeric"},
        {"true_price": "price"},
    ),
    (
        ModelType.RANKING,
        {"score": FLOATS, "rank": pa.array([1, 2, 3, 1, 2, 3]), "relevance": FLAGS},
        {"score": "numeric", "rank": "numeric"},
        {"relevance": "score"},
    ),
    (
        ModelType.RANKING,
        {"recommended_items": LISTS, "clicked_items": LISTS},
        {"recommended_items": "array"},
        {"clicked_items": "recommended_items"},
    ),
    (
        ModelType.MULTI_LABEL,
        {"predicted_tags": TAGS, "true_tags": TAGS},
        {"predicted_tags": "dict"},
        {"true_tags": "predicted_tags"},
    ),
    (
        ModelType.MULTI_LABEL,
        {"predicted_tags": pa.array([[("a", 0.9), ("b", 0.8)]] * 6, MAP)},
        {"predicted_tags": "dict"},
        {},
    ),
    (
        ModelType.MULTI_LABEL,
        {"predicted_labels": LISTS, "labels": LISTS},
        {"predicted_labels": "dict"},
        {"labels": "predicted_labels"},
    ),
    (
        ModelType.MULTI_LABEL,
        {"pred_a": FLAGS, "pred_b": FLAGS, "true_a": FLAGS, "true_b": FLAGS},
        {"predicted_labels": "dict"},
        {"true_labels": "predicted_labels"},
    ),
]


@pytest.mark.parametrize(("kind", "columns", "predictions", "labels"), MODELS)
def test_what_a_model_answers(
    kind: ModelType,
    columns: dict[str, Any],
    predictions: dict[str, str],
    labels: dict[str, str | None],
) -> None:
    found = proposed(age=pa.array([30, 40, 50, 30, 40, 50]), **columns)
    assert found.model_type is kind
    assert of(found) == predictions
    assert actuals(found) == labels
    assert [f.name for f in found.features] == ["age"]
    assert found.id == "prediction_id"


def test_a_label_of_any_name_is_the_key_that_the_query_writes() -> None:
    names = ["pred_{a}", "pred_it's", "pred_c"]
    found = proposed(**dict.fromkeys(names, FLAGS))
    (made,) = found.predictions
    assert made.sql == (
        "map('{a}', CAST(`pred_{a}` AS INT), 'it\\'s', CAST(`pred_it's` AS INT), "
        "'c', CAST(`pred_c` AS INT))"
    )


def test_what_is_later_than_its_prediction_is_no_feature() -> None:
    days: list[Any] = [START + timedelta(days=3, hours=n) for n in range(6)]
    later = pa.array(days, pa.timestamp("us", "UTC"))
    settled = pa.array([*days[:4], None, None], pa.timestamp("us", "UTC"))
    bought = pa.array(["x", "y", "x", "y", None, None])
    found = proposed(
        proba=FLOATS, loaded=later, seen_at=settled, answer=bought, opened=TIMES, plan=TEXTS
    )
    assert [f.name for f in found.features] == ["opened", "plan"]
    assert actuals(found) == {"answer": None}, "it is known since seen_at, and NULL before"
    assert [c.name for c in found.label_times] == ["seen_at", "loaded"]


def test_of_two_ids_the_one_that_does_not_repeat_identifies_a_row() -> None:
    def ids(**columns: Any) -> Roles:
        rows = pa.table({**columns, "ts": TIMES, "score": FLOATS})
        listed = tuple(Column(f.name, data_type(f.type)) for f in rows.schema)
        return roles(Table(TableName("db", "log"), listed), Sample(rows))

    unique, repeated = list("abcdef"), list("aabbcc")
    assert ids(request_id=unique, id=list(range(6))).id == "id"
    assert ids(request_id=unique, id=[1, 1, 2, 2, 3, 3]).id == "request_id"
    found = ids(item_id=[1, 2, 1, 2, 1, 2], query_id=repeated)
    assert (found.id, found.model_type) == ("row_id", ModelType.RANKING)
    assert found.added[0].sql == "concat(`query_id`, '/', `item_id`)"
    found = ids(request_id=repeated)
    assert (found.id, found.id_note) == ("request_id", "repeats in the rows that were looked at")


def test_numbers_that_are_told_by_footers_beyond_the_rows_are_no_booleans() -> None:
    rows = pa.table({"id": [1, 2], "ts": TIMES[:2], "prediction": [0, 1]})
    listed = tuple(Column(f.name, data_type(f.type)) for f in rows.schema)
    table = Table(TableName("db", "log"), listed)
    assert roles(table, Sample(rows, {"prediction": (0, 1)})).model_type is ModelType.BINARY
    assert roles(table, Sample(rows, {"prediction": (0, 7)})).model_type is ModelType.REGRESSION


def test_what_is_read_with_care_is_flagged() -> None:
    rows = pa.table({"id": [1], "ts": TIMES[:1], "score": [0.5], "opened": TIMES[:1], "vip": [1]})
    columns = tuple(Column(f.name, data_type(f.type)) for f in rows.schema)
    found = roles(Table(TableName("db", "log"), columns), Sample(rows, {}, frozenset({"opened"})))
    notes = {f.name: f.note for f in found.features}
    assert "in nanoseconds" in str(notes["opened"])
    assert "only 0 and 1 were seen" in str(notes["vip"])
