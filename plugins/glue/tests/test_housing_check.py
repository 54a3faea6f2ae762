"""The demo's real data drifts, and has no fault: a check of its version says so."""

from pathlib import Path

import pytest

import headwater as hw
import headwater_glue.demo

DATA = Path(headwater_glue.demo.__file__).parent / "data"
FEATURES = "MedInc HouseAge AveRooms AveBedrms Population AveOccup Latitude Longitude"


@pytest.mark.parametrize("window", [(), ("2021-10-01", "2021-11-01"), ("2021-07-05", "2021-07-06")])
def test_no_finding_on_housing(window):
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("housing")
    version = workspace.create_model_version(
        "housing",
        "v1",
        "binary",
        features=dict.fromkeys(FEATURES.split(), "numeric"),
        predictions={"y_pred": "numeric", "y_pred_proba": "numeric"},
    )
    files = {
        name: hw.FileDataSource(tables={name: str(DATA / f"housing_{name}.parquet")})
        for name in ("serving", "training", "actuals")
    }
    labels = {"y_pred": "clf_target"}
    version.connect_serving(files["serving"], "id", "timestamp")
    version.connect_training(files["training"], "id", "timestamp", labels=labels)
    version.connect_actuals(files["actuals"], "id", labels)
    report = version.check(*window)
    assert [d for s in report.stages for d in s.diagnostics] == []
    assert report.verdict == "it works"
