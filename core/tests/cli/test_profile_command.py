"""`headwater profile`: on local files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.cli.support import Program

import headwater as hw

CONFIG = """
version: 1
engine: {type: embedded}
models:
  insurance:
    versions:
      v1:
        model_type: binary
        features: {age: numeric, city: string}
        predictions: {will_buy: boolean}
        training:
          source: {type: files, tables: {rows: training.parquet}}
        serving:
          source: {type: files, tables: {rows: serving.parquet}}
          id_column: id
          timestamp_column: at
"""
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
WHEN = "2026-01-05", "2026-01-07"


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    for name, count in (("training", 40), ("serving", 30)):
        at = [FIRST + timedelta(hours=n) for n in range(count)]
        rows: dict[str, Any] = {
            "id": [str(n) for n in range(count)],
            "at": pa.array(at, pa.timestamp("us", "UTC")),
            "age": pa.array([None if n % 10 == 0 else 20 + n for n in range(count)], pa.int32()),
            "city": [["Bonn", "Rome", "Z\u00fcrich"][n % 3] for n in range(count)],
            "will_buy": [n % 4 == 0 for n in range(count)],
        }
        pq.write_table(pa.table(rows), f"{name}.parquet")
    Path("headwater.yaml").write_text(CONFIG)


def test_it_counts_rows_by_edges_that_were_saved(headwater: Program) -> None:
    outcome = headwater("profile", "training", "--save-edges", "edges.json")
    assert (outcome.code, outcome.err) == (0, "")
    edges = hw.Edges.load("edges.json")
    assert outcome.out == (
        f"profile of insurance/v1/training, 40 rows, edges {edges.digest[:12]}\n"
        "  all rows  40 rows\n"
        "  age        10.0% NULL  21 to 59  mean 40\n"
        "  city        0.0% NULL  3 values\n"
        "  will_buy    0.0% NULL  25.0% true\n"
        "wrote the edges to edges.json\n"
    )
    outcome = headwater(
        "profile", "serving", *WHEN, "--every", "1 day", "--by", "city", "--edges", "edges.json",
        "-o", "days.parquet",
    )  # fmt: skip
    assert outcome.code == 0
    days = hw.Profile.load("days.parquet")
    assert days.edges() == edges
    assert [w.start.day for w in days.windows if w] == [5, 6]
    assert days.by == ("city",)
    assert days.count() == 30
    assert "[2026-01-05, 2026-01-06)  city=Z\u00fcrich  8 rows" in outcome.out
    again = headwater("profile", "serving", *WHEN, "--edges", "days.parquet", "--json").json
    assert again["edges"]["digest"] == edges.digest
    assert {"field": "age", "statistic": "null", "count": 3} in [
        {k: v for k, v in cell.items() if k != "window"} for cell in again["cells"]
    ]
    assert again["cells"][0]["window"]["start"] == "2026-01-05T00:00:00+00:00"


def test_what_is_wrong_is_told(headwater: Program) -> None:
    assert headwater("profile", "serving", "--every", "1 day").code == 2
    outcome = headwater("profile", "serving", "--by", "age")
    assert outcome.code == 1
    assert "segments can't be made of 'age', which is numeric" in outcome.err
    Path("edges.json").write_text("{}")
    outcome = headwater("profile", "serving", "--edges", "edges.json")
    assert outcome.code == 1
    assert "it does not say that it is edges of profiles" in outcome.err
    outcome = headwater("profile", "serving", "2026-03-01", "2026-03-02", "--fail-on", "empty")
    assert outcome.code == 1
    assert "the data runs from" in outcome.out
    assert "there are no rows" in outcome.err
