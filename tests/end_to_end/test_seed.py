"""The seed's snippet, word for word but for the comma and the product's name."""

import pyarrow as pa
import pytest

import headwater as hw
from headwater.reading.conversion import role_of
from headwater.workspace import default
from headwater_glue import GlueDataSource

WINDOW = ("2026-01-02", "2026-01-04")


@pytest.fixture
def apr_model(account, monkeypatch):
    monkeypatch.setattr(default, "_workspaces", [])
    hw.create_model("<MODEL_ID>", "<MODEL_NAME>")
    return hw.create_model_version(
        model_id="<MODEL_ID>",
        model_version="v1",
        model_type="binary",
        raw_inputs={
            "raw_text": "text",
        },
        features={
            "amount": "numeric",
            "owner": "string",
            "is_new": "boolean",
            "embeddings": {"type": "tensor", "dimensions": [768]},
        },
        predictions={
            "will_buy_insurance": "boolean",
            "proba": "numeric",
        },
    )


def connect(apr_model, **more):
    return apr_model.connect_serving(
        data_source=GlueDataSource(
            database="my_db",
            query="SELECT * FROM model_predictions",
        ),
        # Names of the prediction ID and prediction timestamp columns
        id_column="prediction_id",
        timestamp_column="prediction_timestamp",
        **more,
    )


def test_a_read_gives_the_declared_types_and_roles(apr_model):
    data = connect(apr_model, labels={"will_buy_insurance": "did_buy_insurance"}).read(*WINDOW)
    rows = data.to_arrow()
    assert [(f.name, f.type, str(role_of(f))) for f in rows.schema] == [
        ("id", pa.string(), "id"),
        ("timestamp", pa.timestamp("us", tz="UTC"), "timestamp"),
        ("raw_text", pa.string(), "raw_input"),
        ("amount", pa.float64(), "feature"),
        ("owner", pa.string(), "feature"),
        ("is_new", pa.bool_(), "feature"),
        ("embeddings", pa.list_(pa.float32(), 768), "feature"),
        ("will_buy_insurance", pa.bool_(), "prediction"),
        ("proba", pa.float64(), "prediction"),
        ("actual_will_buy_insurance", pa.bool_(), "actual"),
    ]
    assert sorted(rows["id"].to_pylist()) == [f"d{d}-{i}" for d in (1, 2) for i in range(8)]
    assert data.stats.actuals == {"actual_will_buy_insurance": 10}
    assert rows["embeddings"][0].as_py()[:2] == [
        float(rows["id"][0].as_py()[-1]) + j for j in range(2)
    ]


def test_the_plan_names_the_identity_and_what_keeps_the_table_unpruned(apr_model):
    plan = connect(apr_model).plan(*WINDOW)
    assert ":assumed-role/monitoring/" in next(iter(plan.identities.values())).name
    assert plan.scans[0].estimate.partitions_total == 7
    assert plan.files == 7
    assert "TimePartition" in plan.scans[0].blocker


def test_a_training_set_needs_no_window(apr_model):
    training = apr_model.connect_training(
        data_source=GlueDataSource(database="my_db", query="SELECT * FROM model_predictions"),
        id_column="prediction_id",
        timestamp_column="prediction_timestamp",
    )
    assert training.read().to_arrow().num_rows == 56
