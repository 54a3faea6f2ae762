"""What headwater reads, in Evidently's words: a report comes out of it."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

import headwater as hw
from headwater.adapters.evidently import data_definition, to_evidently
from headwater.errors import ConfigError, UnsupportedError
from headwater.interfaces.schema import Schema


@pytest.fixture(autouse=True)
def evidently() -> None:
    """Evidently, which takes seconds to import: for whoever runs these tests, not who collects."""
    pytest.importorskip("evidently", reason="the evidently extra is not installed")


def rows(shift: float) -> pa.Table:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    count = range(200)
    return pa.table(
        {
            "pid": [f"p{i}" for i in count],
            "ts": pa.array([start + timedelta(hours=i) for i in count], pa.timestamp("us", "UTC")),
            "amount": [float(i % 17) + shift for i in count],
            "owner": [["ann", "bob"][i % 2] for i in count],
            "emb": [[float(i)] for i in count],
            "buy": [i % 2 == 0 for i in count],
            "proba": [i / 200 for i in count],
            "bought": [i % 3 == 0 for i in count],
        }
    )


@pytest.fixture
def serving():
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m",
            "v1",
            "binary",
            features={"amount": "numeric", "owner": "string", "emb": "vector"},
            predictions={"buy": "boolean", "proba": "numeric"},
        )
        source = hw.MemoryDataSource(tables={"t": rows(0.0)})
        yield version.connect_serving(source, "pid", "ts", labels={"buy": "bought"})


def test_every_column_keeps_its_role(serving):
    found = to_evidently(serving.read(), serving.schema)
    definition = found.data_definition
    assert definition.id_column == "id"
    assert definition.timestamp == "timestamp"
    assert definition.numerical_columns == ["amount"]
    assert definition.categorical_columns == ["owner"]
    (task,) = definition.classification
    assert (task.target, task.prediction_labels, task.prediction_probas) == (
        "actual_buy",
        "buy",
        "proba",
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Evidently's own, about its own calls of pandas and numpy
def test_a_drift_report_comes_out(serving):
    from evidently import Report
    from evidently.presets import DataDriftPreset

    current = to_evidently(serving.read(), serving.schema)
    reference = to_evidently(serving.read("2026-01-01", "2026-01-05"), serving.schema)
    told = Report([DataDriftPreset()]).run(current, reference).dict()
    assert told["metrics"]


MODELS = {
    "decision and score": ("binary", {"buy": "boolean", "proba": "numeric"}, {"buy": "bought"}),
    "decision": ("binary", {"buy": "boolean"}, {"buy": "bought"}),
    "score": ("binary", {"proba": "numeric"}, {"proba": "bought_or_not"}),
    "classes": ("multiclass", {"kind": "string"}, {"kind": "true_kind"}),
    "numbered classes": ("multiclass", {"number": "numeric"}, {"number": "true_number"}),
    "regression": ("regression", {"price": "numeric"}, {"price": "paid"}),
    "two regressions": (
        "regression",
        {"price": "numeric", "low": "numeric"},
        {"price": "paid", "low": "paid_low"},
    ),
}


def answers(known: range) -> pa.Table:
    """Ninety rows of every model above; labels are known of those in `known`."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    count = range(90)

    def label(values):
        return [value if i in known else None for i, value in enumerate(values)]

    return pa.table(
        {
            "pid": [f"p{i}" for i in count],
            "ts": pa.array([start + timedelta(hours=i) for i in count], pa.timestamp("us", "UTC")),
            "amount": [float(i) for i in count],
            "buy": [i % 2 == 0 for i in count],
            "proba": [0.6 + i / 300 if i % 2 == 0 else i / 300 for i in count],
            "bought": label([i % 3 != 0 for i in count]),
            "bought_or_not": label([int(i % 3 != 0) for i in count]),
            "kind": ["abc"[i % 3] for i in count],
            "true_kind": label(["abc"[i % 2] for i in count]),
            "number": [i % 3 for i in count],
            "true_number": label([i % 2 for i in count]),
            "price": [float(i) for i in count],
            "paid": label([float(i + i % 5) for i in count]),
            "low": [i / 2 for i in count],
            "paid_low": label([i / 2 + 1 for i in count]),
        }
    )


def right(name: str, rows: pa.Table) -> float:
    """Accuracy, or mean absolute error, of the rows whose label is known."""
    _, predictions, labels = MODELS[name]
    known = [r for r in rows.to_pylist() if r[next(iter(labels.values()))] is not None]
    if "regression" in name:
        return sum(abs(r["price"] - r["paid"]) for r in known) / len(known)
    if name in {"score", "decision", "decision and score"}:
        return sum(r["buy"] == r["bought"] for r in known) / len(known)
    first, label = next(iter(predictions)), next(iter(labels.values()))
    return sum(r[first] == r[label] for r in known) / len(known)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Evidently's own, about its own calls of pandas and numpy
@pytest.mark.parametrize("name", MODELS)
def test_the_quality_presets_judge_the_rows_whose_label_is_known(name):
    from evidently import Report
    from evidently.presets import ClassificationPreset, DataDriftPreset, RegressionPreset

    model_type, predictions, labels = MODELS[name]
    rows = answers(range(60))
    preset = RegressionPreset() if model_type == "regression" else ClassificationPreset()
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version(
            "m", "v1", model_type, features={"amount": "numeric"}, predictions=predictions
        )
        found = {}
        for part, table in (("current", rows), ("reference", answers(range(90)))):
            source = hw.MemoryDataSource(tables={part: table})
            connect = version.connect_serving if part == "current" else version.connect_training
            connection = connect(source, "pid", "ts", labels=labels)
            found[part] = to_evidently(connection.read(), connection.schema)
        assert found["current"].as_dataframe().shape[0] == 90  # drift is of all rows
        told = Report([preset, DataDriftPreset()]).run(
            current_data=found["current"], reference_data=found["reference"]
        )
    values = {m["metric_name"].partition("(")[0]: m["value"] for m in told.dict()["metrics"]}
    wanted = values["MAE"]["mean"] if model_type == "regression" else values["Accuracy"]
    assert wanted == pytest.approx(right(name, rows))


def test_while_no_label_is_known_predictions_are_columns_without_a_task():
    definition = data_definition(
        Schema.define("binary", predictions={"buy": "boolean", "proba": "numeric"}),
        ["buy", "proba"],
    )
    assert not definition.classification
    assert (definition.numerical_columns, definition.categorical_columns) == (["proba"], ["buy"])


def test_it_is_said_where_evidently_would_decide_otherwise(serving, caplog):
    with caplog.at_level("WARNING", "headwater"):
        both = to_evidently(serving.read(), serving.schema)
    assert (
        "not what buy says in 100 of 200 rows; to_evidently(..., prediction='buy')" in caplog.text
    )
    assert both.data_definition.classification[0].prediction_probas == "proba"
    caplog.clear()
    decided = to_evidently(serving.read(), serving.schema, prediction="buy")
    assert decided.data_definition.classification[0].prediction_probas is None
    assert not caplog.text
    with pytest.raises(ConfigError, match="no prediction 'bye'"):
        to_evidently(serving.read(), serving.schema, prediction="bye")


def test_what_evidently_can_not_describe_is_said():
    with pytest.raises(UnsupportedError, match="ranking"):
        data_definition(Schema.define("ranking", predictions={"s": "array"}), ["s"])


def test_a_regression_without_actuals_has_no_task_yet():
    schema = Schema.define("regression", predictions={"y": "numeric"})
    assert not data_definition(schema, ["y"]).regression
    (task,) = data_definition(schema, ["y", "actual_y"]).regression
    assert (task.name, task.target) == ("default", "actual_y")  # the name that presets look for


def test_how_ripe_the_labels_are_is_in_its_metadata(serving):
    data = serving.read("2026-01-01", "2026-01-02")
    found = to_evidently(data, serving.schema)
    assert json.loads(found.metadata["headwater.maturity"]) == data.maturity
    assert data.maturity["state"] == "unknown"
    serving.version.disconnect("serving")
    source = serving.definition.source
    bare = serving.version.connect_serving(source, "pid", "ts")
    assert not to_evidently(bare.read(), bare.schema).metadata
