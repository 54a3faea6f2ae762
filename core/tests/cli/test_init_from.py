"""`headwater init --from`: a whole configuration, proposed for one table, that works."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from core.tests.cli.predictions import write
from core.tests.cli.support import Program


def proposed(headwater: Program, path: str) -> tuple[str, dict[str, Any]]:
    """Return the file that was proposed, and its only version.

    `check` must say that it works, or that no column is named like a prediction, and nothing else.
    """
    outcome = headwater("init", "new.yaml", "--from", f"files:{path}")
    assert (outcome.code, outcome.err) == (0, "")
    checked = headwater("check", "--config", "new.yaml")
    text = Path("new.yaml").read_text()
    [model] = yaml.safe_load(text)["models"].values()
    version = model["versions"]["v1"]
    assert checked.code == (not version["predictions"]), checked.out
    assert checked.out.count("FAIL") <= (not version["predictions"]), checked.out
    return text, version


def log(day_of_rows: int, folder_day: int, zone_hours: int = 0) -> None:
    """Write a partition whose rows are of some day, maybe another than the folder's."""
    home = Path("log") / f"dt=2026-01-{folder_day:02}"
    home.mkdir(parents=True)
    start = datetime(2026, 1, day_of_rows, 1, tzinfo=UTC) + timedelta(hours=zone_hours)
    times = pa.array([start, start + timedelta(hours=20)], pa.timestamp("us", "UTC"))
    table = pa.table({"event_id": [f"{folder_day}a", f"{folder_day}b"], "event_time": times})
    pq.write_table(table, home / "part.parquet")


def test_everything_that_can_be_told(headwater: Program) -> None:
    write(Path())
    text, version = proposed(headwater, "data")
    assert version == {
        "model_type": "binary",
        "features": {"amount": "numeric"},
        "predictions": {"will_buy": "boolean"},
        "serving": {
            "source": {
                "type": "files",
                "format": "parquet",
                "tables": {"data": "data"},
                "partitions": {"data": {"column": "at", "keys": {"dt": "yyyy-MM-dd"}}},
            },
            "id_column": "prediction_id",
            "timestamp_column": "at",
        },
    }
    assert "# labels: {will_buy: did_buy}  # boolean" in text
    assert "# Checked: the rows of 4 files" in text
    plan = headwater("plan", "serving", "2026-01-02", "2026-01-03", "-c", "new.yaml", "--json")
    assert plan.json["files"] == 1


def test_rows_that_are_older_than_their_partition_say_lateness(headwater: Program) -> None:
    for day in (2, 3, 4):
        log(day - 1, day)
    text, version = proposed(headwater, "log")
    [rule] = version["serving"]["source"]["partitions"].values()
    assert rule["lateness"] == "86400 seconds"
    assert "# Only with lateness" in text


def test_a_rule_that_a_footer_contradicts_stays_a_comment(headwater: Program) -> None:
    log(9, 2)
    log(3, 3)
    text, version = proposed(headwater, "log")
    assert "partitions" not in version["serving"]["source"]
    assert "# 2026-01-02 holds 2026-01-09 01:00:00 to 2026-01-09 21:00:00 UTC." in text
    assert "# partitions: {log: {column: event_time" in text


def test_a_time_kept_as_text_is_cast(headwater: Program) -> None:
    Path("log.csv").write_text("id,ts,score\n1,2026-01-01T00:00:00Z,x\n")
    _, version = proposed(headwater, "log.csv")
    assert version["serving"]["source"]["query"] == (
        "SELECT `id`, CAST(`ts` AS TIMESTAMP) AS `ts`, `score` FROM `log`"
    )
    assert version["predictions"] == {"score": "string"}


def test_without_an_id_it_is_no_serving_log(headwater: Program) -> None:
    pq.write_table(pa.table({"x": [1.0], "on": [True], "emb": [[0.5]], "m": [b"1"]}), "t.parquet")
    text, version = proposed(headwater, "t.parquet")
    assert version["features"] == {"x": "numeric", "on": "boolean", "emb": "vector"}
    assert list(version)[-1] == "training"
    assert "# m: binary: no field holds it as it is; convert it in the query" in text


def test_names_that_yaml_or_headwater_would_take_for_something_else(headwater: Program) -> None:
    columns = ["prediction_id", "id", "timestamp", "yes", "a b: #", "${env:X}", "actual_x"]
    pq.write_table(pa.table({name: [1] for name in columns}), "2026 log.parquet")
    text, version = proposed(headwater, "2026 log.parquet")
    assert version["features"] == dict.fromkeys(["yes", "a b: #"], "numeric")
    assert "# timestamp: bigint: the name is that of an output column" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--from", "files"), 2, "--from takes KIND:TABLE, e.g. files:data/log/, got 'files'"),
        (("--from", "files:nowhere"), 1, "there is nothing at nowhere"),
        (("--from", "flies:a.b"), 1, "did you mean 'files'?"),
        (("--from", "files:x", "--source", "files"), 2, "give --from or --source, not both"),
        (("--region", "x"), 2, "--region, --endpoint-url and --set go with --from"),
    ],
)
def test_used_wrongly(
    headwater: Program, arguments: tuple[str, ...], code: int, message: str
) -> None:
    outcome = headwater("init", *arguments)
    assert outcome.code == code
    assert message in outcome.err
    assert list(Path.cwd().iterdir()) == []


def test_when_labels_were_set_is_proposed_and_is_no_feature(headwater: Program) -> None:
    times = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table = pa.table({"prediction_id": ["a"], "will_buy": [True], "did_buy": [True]})
    for name in ("predicted_at", "label_set_at", "opened_at"):
        table = table.append_column(name, times)
    pq.write_table(table, "log.parquet")
    text, version = proposed(headwater, "log.parquet")
    assert version["features"] == {"opened_at": "datetime"}
    wanted = ("# labels:", "# label_timestamp_column: label_set_at")
    for line in wanted:
        assert line in text
        text = text.replace(line, line[2:])
    Path("new.yaml").write_text(text)
    plan = headwater("plan", "serving", "--as-of", "2026-01-01", "-c", "new.yaml", "--json")
    assert plan.json["as_of"] == "2026-01-01T00:00:00+00:00"


def test_a_time_is_no_time_of_labels_where_there_are_none(headwater: Program) -> None:
    times = pa.array([datetime(2026, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table = pa.table({"prediction_id": ["a"], "score": [0.5]})
    for name in ("predicted_at", "decided_at"):
        table = table.append_column(name, times)
    pq.write_table(table, "log.parquet")
    text, version = proposed(headwater, "log.parquet")
    assert version["features"] == {"decided_at": "datetime"}
    assert "label_timestamp_column" not in text


def test_times_in_nanoseconds_are_told_with_what_cuts_them(headwater: Program) -> None:
    at = pa.array([0, 1000], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"event_id": ["a", "b"], "event_time": at}), "log.parquet")
    text, version = proposed(headwater, "log.parquet")
    assert "'event_time' holds timestamps in nanoseconds" in text
    assert "nanoseconds: truncate" in text
    assert "nanoseconds" not in version["serving"]["source"]
    Path("cut.yaml").write_text(
        Path("new.yaml")
        .read_text()
        .replace("type: files", "type: files\n            nanoseconds: truncate")
    )
    plan = headwater("plan", "serving", "-c", "cut.yaml")
    assert "nanoseconds are cut to microseconds" in plan.out
