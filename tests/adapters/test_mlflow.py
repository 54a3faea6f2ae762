"""What headwater reads, as MLflow logs it with a run: target, prediction, where it came from."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pytest

import headwater as hw
from headwater.adapters.mlflow import evaluated, to_mlflow
from headwater.errors import ConfigError, PluginError
from headwater.interfaces.schema import Schema


@pytest.fixture
def mlflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """MLflow, keeping its runs in this test's folder and telling nobody."""
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    # Its other stores want packages that mlflow-skinny leaves out.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    import mlflow

    monkeypatch.chdir(tmp_path)
    return mlflow


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as workspace:
        yield workspace


@pytest.fixture
def serving(workspace: hw.Workspace) -> hw.Connection:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    count = range(48)
    rows = pa.table(
        {
            "pid": [f"p{i}" for i in count],
            "ts": pa.array([start + timedelta(hours=i) for i in count], pa.timestamp("us", "UTC")),
            "amount": list(count),
            "emb": [[float(i)] for i in count],
            "buy": [i % 2 == 0 for i in count],
            "proba": [i / 48 for i in count],
            "bought": [None if i > 20 else i % 3 == 0 for i in count],
        }
    )
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m",
        "v1",
        "binary",
        features={"amount": "numeric", "emb": "vector"},
        predictions={"proba": "numeric", "buy": "boolean"},
    )
    source = hw.MemoryDataSource(tables={"t": rows})
    return version.connect_serving(source, "pid", "ts", labels={"buy": "bought"})


def test_its_source_tells_how_ripe_the_labels_are(serving: hw.Connection, mlflow: Any) -> None:
    data = serving.read("2026-01-01", "2026-01-02")
    dataset = to_mlflow(data, serving.schema)
    source: Any = dataset.source
    assert data.maturity is not None
    assert source.to_dict()["maturity"] == data.maturity
    assert type(source).from_dict(source.to_dict()) == source
    old = {k: v for k, v in source.to_dict().items() if k != "maturity"}
    assert type(source).from_dict(old).maturity is None


def test_target_and_prediction_are_named(mlflow: Any, serving: hw.Connection) -> None:
    found = to_mlflow(serving.read("2026-01-01", "2026-01-02"), serving.schema)
    assert (found.targets, found.predictions) == ("actual_buy", "buy")
    assert found.name == "m/v1/serving"
    assert found.profile == {"num_rows": 24, "num_elements": 24 * 7}
    # Integers, lists and delayed actuals are in its schema: MLflow drops a schema it can't infer.
    assert found.schema is not None
    types = {c["name"]: c["type"] for c in found.schema.to_dict()}
    assert (types["amount"], types["emb"], types["actual_buy"]) == ("long", "array", "boolean")


def test_another_prediction_can_be_asked_for(mlflow: Any, serving: hw.Connection) -> None:
    found = to_mlflow(serving.read(), serving.schema, prediction="proba", name="scores")
    assert (found.targets, found.predictions, found.name) == (None, "proba", "scores")
    with pytest.raises(ConfigError, match="no prediction 'prob'") as caught:
        to_mlflow(serving.read(), serving.schema, prediction="prob")
    assert "proba" in str(caught.value.hint)


def test_a_run_keeps_where_its_data_came_from(
    mlflow: Any, serving: hw.Connection, workspace: hw.Workspace, tmp_path: Path
) -> None:
    client = mlflow.MlflowClient(tracking_uri=f"{tmp_path}/runs")
    run = client.create_run(client.create_experiment("e"))
    data = to_mlflow(serving.read("2026-01-01", "2026-01-02", sample=0.5), serving.schema)
    tagged = mlflow.entities.DatasetInput(data._to_mlflow_entity(), [])
    client.log_inputs(run.info.run_id, [tagged])

    (logged,) = client.get_run(run.info.run_id).inputs.dataset_inputs
    source = mlflow.data.get_source(logged)  # found by the entry point, not by what is loaded here
    assert source == data.source
    assert source.query == "SELECT * FROM `t`"
    assert source.tables == ("memory.t",)
    assert source.roles["actual_buy"] == "actual"
    again = source.load(workspace)
    assert again.plan.window == hw.Window.of("2026-01-01", "2026-01-02")
    assert again.to_arrow()["id"].to_pylist() == data.df["id"].tolist()
    with pytest.raises(ConfigError, match="m/v1/serving: a run keeps no credentials"):
        source.load()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # MLflow's own, about its own calls
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_what_has_no_label_yet_is_logged_and_not_evaluated(
    mlflow: Any,
    serving: hw.Connection,
    workspace: hw.Workspace,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
) -> None:
    connection = serving
    if kind == "regressor":
        version = workspace.create_model_version(
            "m", "v2", "regression", predictions={"price": "numeric"}
        )
        source = hw.MemoryDataSource(
            tables={"t": cast("hw.MemoryDataSource", serving.source).tables["t"]},
            query="SELECT pid, ts, amount AS price, IF(bought IS NULL, NULL, amount + 1) AS paid"
            " FROM t",
        )
        connection = version.connect_serving(source, "pid", "ts", labels={"price": "paid"})
    data = to_mlflow(connection.read(), connection.schema)
    assert len(data.df) == 48
    mlflow.set_tracking_uri(f"{tmp_path}/runs")
    with mlflow.start_run(), caplog.at_level("WARNING", "headwater"):
        mlflow.log_input(data, context="monitoring")
        told = mlflow.models.evaluate(data=data, model_type=kind).metrics
    assert told["example_count"] == 21
    assert "known for 21 of 48 rows" in caplog.text
    if kind == "regressor":
        assert told["mean_absolute_error"] == 1.0
    else:
        right = sum((i % 2 == 0) == (i % 3 == 0) for i in range(21))
        assert told["accuracy_score"] == pytest.approx(right / 21)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["headwater.adapters.mlflow", "mlflow"])
def test_it_does_not_matter_who_is_imported_first(first: str) -> None:
    code = (
        f"import {first}\n"
        "from headwater.adapters.mlflow import HeadwaterDatasetSource as ours\n"
        "from mlflow.data.dataset_source_registry import get_registered_sources\n"
        "assert ours in get_registered_sources()"
    )
    command = [sys.executable, "-W", "error::UserWarning", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("model_type", "predictions", "columns", "wanted"),
    [
        ("binary", {"score": "numeric", "label": "boolean"}, [], "label"),
        ("binary", {"score": "numeric", "label": "boolean"}, ["actual_score"], "score"),
        ("multiclass", {"per_class": "dict", "kind": "string"}, ["actual_per_class"], "kind"),
        ("regression", {"low": "numeric", "high": "numeric"}, ["actual_high"], "high"),
        ("multi-label", {"tags": "dict"}, ["actual_tags"], None),
    ],
)
def test_which_prediction_is_evaluated(
    model_type: str, predictions: dict[str, str], columns: list[str], wanted: str | None
) -> None:
    schema = Schema.define(model_type, predictions=predictions)
    found = evaluated(schema, [*predictions, *columns])
    assert (found and found.name) == wanted


def test_without_mlflow_it_says_what_to_install(
    serving: hw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow.data.pandas_dataset", None)
    with pytest.raises(PluginError, match="MLflow is not here") as caught:
        to_mlflow(serving.read(), serving.schema)
    assert caught.value.hint == "pip install 'headwater[mlflow]'"
