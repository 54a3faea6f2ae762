"""A new user's first afternoon: pandas' files, `init` to a report; five types of models.

No file is edited, but for the comment that `init` asks to uncomment where the actuals are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.cli.main import run

pd = pytest.importorskip("pandas")

ROWS = 48
Answer = tuple[int, str, str]


def log(**columns: Any) -> dict[str, Any]:
    """Two days of hourly predictions, and what a user has beside them."""
    return {
        "id": range(ROWS),
        "request_id": [f"r{n // 2}" for n in range(ROWS)],
        "predicted_at": pd.date_range("2026-01-01", periods=ROWS, freq="h", tz="UTC"),
        "age": [20 + n for n in range(ROWS)],
        "plan": ["free", "paid"] * (ROWS // 2),
        **columns,
    }


FLAGS = [n % 2 for n in range(ROWS)]
KINDS = ["cat", "dog", "cow"] * (ROWS // 3)
SURE = [{"cat": 0.5, "dog": 0.25, "cow": 0.25}] * ROWS
TAGS = [["news", "sport"], ["sport"]] * (ROWS // 2)
NUMBERS = [n / 10 for n in range(ROWS)]
MODELS: dict[str, tuple[dict[str, Any], str]] = {
    "binary": (
        log(will_churn=FLAGS, proba=[n / ROWS for n in range(ROWS)], did_churn=FLAGS),
        "actual_will_churn",
    ),
    "multiclass": (
        log(predicted_species=KINDS, probabilities=SURE, true_species=KINDS),
        "actual_predicted_species",
    ),
    "regression": (
        log(predicted_price=NUMBERS, price_actual=NUMBERS),
        "actual_predicted_price",
    ),
    "ranking": (
        {
            "query_id": [f"q{n // 4}" for n in range(ROWS)],
            "item_id": [f"i{n % 4}" for n in range(ROWS)],
            "predicted_at": pd.date_range("2026-01-01", periods=ROWS, freq="h", tz="UTC"),
            "price": NUMBERS,
            "score": NUMBERS,
            "relevance": FLAGS,
        },
        "actual_score",
    ),
    "multi-label": (
        log(predicted_tags=TAGS, true_tags=TAGS),
        "actual_predicted_tags",
    ),
}


@pytest.fixture
def program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Runs headwater in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def uncommented(path: Path) -> str:
    """Take in what `init` asks to uncomment: where the actuals are."""
    text = path.read_text()
    path.write_text(
        re.sub(r"(?m)^( +)# (labels: \{(?!PREDICTION).*|label_timestamp.*)$", r"\1\2", text)
    )
    return text


@pytest.mark.parametrize("kind", MODELS)
def test_from_a_file_to_a_report(program: Callable[..., Answer], kind: str) -> None:
    columns, actual = MODELS[kind]
    pd.DataFrame(columns).to_parquet("predictions.parquet")
    code, out, err = program("init", "--from", "files:predictions.parquet")
    assert (code, err) == (0, ""), err
    text = uncommented(Path("headwater.yaml"))
    assert "nanoseconds" in text or pd.DataFrame(columns).predicted_at.dt.unit != "ns"
    (model,) = yaml.safe_load(Path("headwater.yaml").read_text())["models"].values()
    version = model["versions"]["v1"]
    assert version["model_type"] == kind
    assert not any("true" in n or "actual" in n or "did" in n for n in version["features"])
    code, out, err = program("check")
    assert code == 0, out + err
    assert f"{actual} known for 100.0%" in out
    assert "0 duplicate ids" in out or kind == "ranking"
    code, out, err = program("read", "serving", "2026-01-02", "2026-01-03", "--out", "day.parquet")
    assert code == 0, err
    day = pd.read_parquet("day.parquet")
    assert len(day) == ROWS / 2
    assert day[actual].notna().all()
    assert set(version["predictions"]) <= set(day.columns)
    query = ("--query", *version["raw_inputs"]) if kind == "ranking" else ()
    days = ("2026-01-01", "2026-01-03", "--every", "1 day")
    code, out, err = program(
        "monitor",
        "report",
        "serving",
        *days,
        "--engine",
        "embedded",
        "--out",
        "report.html",
        *query,
    )
    assert (code, err) == (0, ""), err
    figure = {"regression": "mae", "ranking": "ndcg"}.get(kind, "accuracy")
    assert figure in out, out
    assert out.count("24    100%") == 2, out
    assert Path("report.html").stat().st_size > 10_000


def test_actuals_that_lie_beside_their_predictions(program: Callable[..., Answer]) -> None:
    columns = log(will_churn=FLAGS)
    pd.DataFrame(columns).to_parquet("predictions.parquet")
    known = pd.date_range("2026-01-05", periods=ROWS, freq="h", tz="UTC")
    truth = {"id": range(ROWS), "churned": FLAGS, "recorded_at": known}
    pd.DataFrame(truth).to_parquet("outcomes.parquet")
    pd.DataFrame({"customer_id": ["c1"], "age": [1]}).to_parquet("customers.parquet")
    for table in ("predictions", "outcomes"):
        path = f"{table}.yaml"
        assert program("init", path, "--from", f"files:{table}.parquet")[0] == 0
        (model,) = yaml.safe_load(Path(path).read_text())["models"].values()
        actuals = model["versions"]["v1"]["actuals"]
        assert actuals["labels"] == {"will_churn": "churned"}
        assert (actuals["id_column"], actuals["timestamp_column"]) == ("id", "recorded_at")
        code, out, _ = program("check", "--config", path)
        assert code == 0, out
        assert "actual_will_churn known for 100.0%" in out
    both = ("--from", "files:outcomes.parquet", "--from", "files:predictions.parquet")
    assert program("init", "both.yaml", *both)[0] == 0
    assert "labels: {will_churn: churned}" in Path("both.yaml").read_text()
    wrong = ("--from", "files:customers.parquet", "--from", "files:predictions.parquet")
    code, _, err = program("init", "wrong.yaml", *wrong)
    assert code == 1
    told = " ".join(err.split())
    assert "does not look like the actuals" in told
    assert "in files.customers the id is customer_id, predictions none, actuals none" in told
    assert "in files.predictions the id is id, predictions will_churn, actuals none" in told


def test_a_flag_that_is_none_ends_the_read(program: Callable[..., Answer]) -> None:
    pd.DataFrame(log(will_churn=FLAGS)).to_parquet("predictions.parquet")
    assert program("init", "--from", "files:predictions.parquet")[0] == 0
    pd.DataFrame(log(will_churn=[2] * ROWS)).to_parquet("predictions.parquet")
    code, _, err = program("read", "serving", "--out", "all.parquet")
    assert code == 1
    assert not Path("all.parquet").exists()
    assert "not a value of type boolean" in err


def test_a_model_without_predictions_is_refused(program: Callable[..., Answer]) -> None:
    columns = log()
    pd.DataFrame(columns).to_parquet("visits.parquet")
    assert program("init", "--from", "files:visits.parquet")[0] == 0
    code, out, _ = program("check")
    assert code == 1
    assert "has no predictions" in out
