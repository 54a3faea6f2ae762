"""`headwater maturity`: on local files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.cli.support import Program

CONFIG = """
version: 1
engine: {type: embedded}
models:
  insurance:
    versions:
      v1:
        model_type: binary
        predictions: {will_buy: boolean}
        serving:
          source: {type: files, tables: {predictions: predictions.parquet}}
          id_column: id
          timestamp_column: at
        actuals:
          source: {type: files, tables: {labels: labels.parquet}}
          id_column: id
          timestamp_column: decided
          labels: {will_buy: bought}
          horizon: 20 days
        windows: {every: 1 week, ripe: 0.5, lateness: 6 hours}
"""
FIRST = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
WHEN = "2026-01-05", "2026-02-02", "--as-of", "2026-02-02T06:00"


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    time = pa.timestamp("us", "UTC")
    made = [FIRST + n * DAY / 20 for n in range(28 * 20)]
    ids = [str(n) for n in range(len(made))]
    bought = [n % 3 == 0 for n in range(len(made))]
    said = [n % 2 == 0 for n in range(len(made))]
    predictions: dict[str, Any] = {"id": ids, "at": pa.array(made, time), "will_buy": said}
    pq.write_table(pa.table(predictions), "predictions.parquet")
    decided = pa.array([at + (n % 10) * DAY for n, at in enumerate(made)], time)
    labels: dict[str, Any] = {"id": ids, "decided": decided, "bought": bought}
    pq.write_table(pa.table(labels), "labels.parquet")
    Path("headwater.yaml").write_text(CONFIG)


def test_it_says_how_many_labels_are_known_and_should_be(headwater: Program) -> None:
    outcome = headwater("maturity", "serving", *WHEN)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(
        "labels of insurance/v1/serving (will_buy), 560 predictions, as of 2026-02-02 06:00\n"
        "  half of those that ever come are known after 4.96 d, 50% after 4.96 d; "
        "eventually 100%"
    )
    assert "2026-01-12 to 2026-01-19  2 windows ripe\n" in outcome.out
    assert "2026-01-26                coverage 0.44 of 0.43 expected   ripening\n" in outcome.out
    assert "horizon of 20 d: it loses 0.0% of the labels" in outcome.out


def test_its_json_is_that_of_the_library(headwater: Program) -> None:
    answer = headwater("maturity", "serving", *WHEN, "--json").json
    assert (answer["rows"], answer["label"], answer["ripe"]) == (560, "will_buy", 0.5)
    assert [w["state"] for w in answer["windows"]] == ["closed", "ripe", "ripe", "ripening"]
    assert len(answer["curve"]) == 28
    daily = headwater("maturity", "serving", *WHEN, "--every", "1 day", "--json").json
    assert len(daily["windows"]) == 28
    by = headwater("maturity", "serving", *WHEN, "--by", "prediction", "--json").json["by"]
    assert sorted(by) == ["False", "True"]


def test_wrong_usage_is_told(headwater: Program) -> None:
    assert headwater("maturity", "serving", *WHEN, "--by", "age").code == 2
    assert headwater("maturity", "serving", "2026-01-05").code == 2
    outcome = headwater("maturity", "serving", *WHEN, "--label", "will_bye")
    assert outcome.code == 1
    assert "did you mean" in outcome.err


def test_without_a_window_it_is_of_the_last_60_days(headwater: Program) -> None:
    answer = headwater("maturity", "serving", "--every", "1 day", "--json").json
    assert len(answer["windows"]) == 61
