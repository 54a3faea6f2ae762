"""`headwater monitor report`, from a configuration file to the page and the figures."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.cli.support import Program
from sklearn import metrics

import headwater as hw
from headwater_monitor import drift, performance, plugin, report

START = datetime(2026, 1, 1, tzinfo=UTC)
CONFIG = """
version: 1
models:
  shop:
    versions:
      v1:
        model_type: binary
        features: {amount: numeric, owner: string}
        predictions: {buys: boolean, proba: numeric}
        serving:
          source: {type: files, tables: {log: log.parquet}, query: SELECT * FROM log}
          id_column: id
          timestamp_column: at
        actuals:
          source: {type: files, tables: {labels: labels.parquet}, query: SELECT * FROM labels}
          id_column: id
          timestamp_column: set_at
          labels: {buys: bought}
        training:
          source: {type: files, tables: {train: train.parquet}, query: SELECT * FROM train}
          id_column: id
          timestamp_column: at
          labels: {buys: bought}
"""


def rows(seed: int, count: int, shift: float) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    found = []
    for n in range(count):
        proba = chance.random()
        found.append(
            {
                "id": f"{seed}-{n}",
                "at": START + timedelta(minutes=90 * n),
                "amount": chance.gauss(10 + shift, 2),
                "owner": chance.choice(["ann", "bob"]),
                "buys": proba >= 0.5,
                "proba": proba,
                "bought": chance.random() < proba,
            }
        )
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("shop")
    logged = rows(1, 640, 3.0)  # forty days
    hidden = [{k: v for k, v in row.items() if k != "bought"} for row in logged]
    labels = [
        {"id": r["id"], "set_at": r["at"] + timedelta(days=n % 12), "bought": r["bought"]}
        for n, r in enumerate(logged)
    ]
    for name, table in (("log", hidden), ("labels", labels), ("train", rows(2, 900, 0.0))):
        pq.write_table(pa.Table.from_pylist(table), place / f"{name}.parquet")
    (place / "headwater.yaml").write_text(CONFIG)
    return place


@pytest.fixture
def headwater(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Program:
    monkeypatch.chdir(folder)
    program = Program(capsys, folder)
    program.modules.append(plugin)
    return program


WEEKS = ("2026-01-05", "2026-02-09", "--every", "1 week", "--as-of", "2026-02-09")


def test_a_report_of_weeks_is_written_and_told(headwater: Program, folder: Path) -> None:
    done = headwater("monitor", "report", "serving", *WEEKS, "--out", "weeks.html")
    assert done.code == 0, done.err
    assert "shop/v1/serving in production" in done.out
    assert "amount moved: PSI" in done.out
    assert "the report: weeks.html" in done.out
    assert "not final: 2026-02-02: " in done.out
    page = (folder / "weeks.html").read_text(encoding="utf-8")
    assert '<tr class="provisional">' in page
    assert headwater("monitor", "report", "serving", "--threshold", "psi").code == 2
    refused = headwater("monitor", "report", "serving", *WEEKS, "--out", "weeks.pdf")
    assert refused.code == 2
    assert "end its name in .html" in refused.err
    assert not (folder / "weeks.pdf").exists()
    assert "expected by now" in page


@pytest.mark.slow
def test_its_figures_are_those_of_the_rows(headwater: Program, folder: Path) -> None:
    words = ("--out", "json.html", "--by", "owner", "--threshold", "accuracy=0.99", "--json")
    told = headwater("monitor", "report", "serving", *WEEKS, *words).json
    assert told["path"] == "json.html"
    with hw.Workspace.open(folder / "headwater.yaml") as workspace:
        serving = workspace.connection("serving")
        data = [d.to_arrow() for d in serving.read(*WEEKS[:2], every="1 week", as_of=WEEKS[-1])]
    figures = {
        (f["window_start"][:10], f["metric"]): f
        for f in told["figures"]
        if f["segment"] is None and f["subject"] == "performance"
    }
    for week in data:
        known = week.filter(week["actual_buys"].is_valid())
        was, said = known["actual_buys"].to_pylist(), known["buys"].to_pylist()
        monday = str(min(week["timestamp"].to_pylist()))[:10]
        found = figures[monday, "accuracy"]
        assert found["value"] == pytest.approx(metrics.accuracy_score(was, said))
        assert found["threshold"] == 0.99
        auc = figures[monday, "auc"]
        assert auc["low"] <= metrics.roc_auc_score(was, known["proba"].to_pylist()) <= auc["high"]
    segments = {f["segment"] for f in told["figures"]} - {None}
    assert segments == {'{"owner": "ann"}', '{"owner": "bob"}'}


@pytest.mark.slow
def test_strictly_a_breach_is_a_no(headwater: Program) -> None:
    words = ("monitor", "report", "serving", *WEEKS, "--out", "s.html", "--strict")
    assert headwater(*words).code == 1
    calm = headwater(*words, "--threshold", "psi=none", "--threshold", "accuracy=0.1",
                     "--threshold", "f1=none", "--threshold", "auc=none")  # fmt: skip
    assert calm.code == 0, calm.out
    unknown = headwater(*words, "--threshold", "pis=1")
    assert unknown.code == 1
    assert "no figure is called 'pis'" in unknown.err


@pytest.mark.slow
def test_a_saved_profile_is_a_reference(headwater: Program, folder: Path) -> None:
    with hw.Workspace.open(folder / "headwater.yaml") as workspace:
        reference = workspace.connection("training").profile()
        reference.save(folder / "reference.parquet")
        serving = workspace.connection("serving")
        profile = serving.profile(*WEEKS[:2], edges=reference.edges(), as_of=WEEKS[-1])
        assert (drift(profile, reference)["amount"].psi or 0) > 0.25
        assert performance(profile).labelled > 400
        here = report(profile, reference).to_arrow()
    words = ("monitor", "report", "serving", *WEEKS[:2], "--as-of", WEEKS[-1], "--json")
    told = headwater(*words, "--against", "reference.parquet", "--out", "r.html").json
    assert [f["value"] for f in told["figures"]] == here["value"].to_pylist()
    assert headwater(*words, "--against", "nobody").code == 1


def test_a_ranking_without_its_query_says_how_to_name_it(headwater: Program, folder: Path) -> None:
    table: dict[str, Any] = {
        "id": [f"r{n}" for n in range(300)],
        "at": [START + timedelta(hours=n) for n in range(300)],
        "q": [n // 5 for n in range(300)],
        "score": [n % 5 / 5 for n in range(300)],
        "clicked": [float(n % 5 > 2) for n in range(300)],
    }
    pq.write_table(pa.table(table), folder / "ranked.parquet")
    (folder / "ranking.yaml").write_text("""
version: 1
models:
  shop:
    versions:
      v1:
        model_type: ranking
        features: {q: numeric}
        predictions: {score: numeric}
        serving:
          source: {type: files, tables: {ranked: ranked.parquet}}
          id_column: id
          timestamp_column: at
          labels: {score: clicked}
""")
    words = ("monitor", "report", "serving", "--config", "ranking.yaml", "--out", "ranked.html")
    assert "--query FIELD" in headwater(*words).err
    named = headwater(*words, "--query", "q")
    assert "--query FIELD" not in named.err
    assert "ndcg" in named.out
