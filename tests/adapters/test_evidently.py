"""What headwater reads, in Evidently's words: a report comes out of it."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

import headwater as hw
from headwater.adapters.evidently import data_definition, to_evidently
from headwater.errors import UnsupportedError
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


def test_what_evidently_can_not_describe_is_said():
    with pytest.raises(UnsupportedError, match="ranking"):
        data_definition(Schema.define("ranking", predictions={"s": "array"}), ["s"])


def test_a_regression_without_actuals_has_no_task_yet():
    schema = Schema.define("regression", predictions={"y": "numeric"})
    assert not data_definition(schema, ["y"]).regression
    assert data_definition(schema, ["y", "actual_y"]).regression[0].target == "actual_y"
