"""`--fail-on warning|empty`, and ids that repeat too often: what a daily job must not miss."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Program

LATER = ("2027-01-01", "2027-01-02")
DAY = ("2026-01-02", "2026-01-03")


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    predictions.write(headwater.folder)


def doubled(rows: int) -> None:
    """Write a day of a hundred rows, some of which repeat an id."""
    path = Path("data/dt=2026-01-01/part.parquet")
    table = pq.read_table(path).slice(0, 1)
    many = [dict(row) for row in pq.read_table(path).to_pylist() * 10]
    for n, row in enumerate(many):
        row["prediction_id"] = f"x{max(n, rows)}"
    pq.write_table(table.from_pylist(many, table.schema), path)


def test_an_empty_read_or_plan_or_check_is_no_where_that_was_asked(headwater: Program) -> None:
    empty: list[tuple[str, ...]] = [
        ("check", "serving", *LATER),
        ("plan", "serving", *LATER),
        ("read", "serving", *LATER, "--overwrite", "--out", "day.parquet"),
    ]
    for arguments in empty:
        assert headwater(*arguments).code == 0
        outcome = headwater(*arguments, "--fail-on", "empty")
        assert outcome.code == 1
        assert "there are no rows, and --fail-on empty was given" in outcome.err
        assert headwater(*arguments, "--fail-on", "empty", "--json").json["failed_on"] == ["empty"]
    assert Path("day.parquet").exists()
    full: list[tuple[str, ...]] = [
        ("check", "serving", *DAY),
        ("plan", "serving", *DAY),
        ("read", "serving", *DAY, "--out", "full.parquet"),
    ]
    for arguments in full:
        outcome = headwater(*arguments, "--fail-on", "empty", "--fail-on", "warning")
        assert outcome.code == 0, outcome.err


def test_one_empty_day_of_several_is_enough(headwater: Program) -> None:
    arguments = ("serving", "2026-01-04", "2026-01-06", "--every", "1 day")
    assert headwater("read", *arguments, "--out", "days").code == 0
    assert headwater("read", *arguments, "--out", "again", "--fail-on", "empty").code == 1
    assert headwater("plan", *arguments, "--fail-on", "empty").code == 1


def test_a_warning_is_no_where_that_was_asked(headwater: Program) -> None:
    config = Path("headwater.yaml")
    text = config.read_text()
    config.write_text(
        text.replace("partitions: {predictions: {column: at, keys: {dt: yyyy-MM-dd}}}", "")
    )
    warned: list[tuple[str, ...]] = [
        ("plan", "serving", *DAY),
        ("check", "serving", *DAY),
        ("read", "serving", *DAY, "--overwrite", "--out", "day.parquet"),
    ]
    for arguments in warned:
        assert headwater(*arguments).code == 0
        outcome = headwater(*arguments, "--fail-on", "warning")
        assert outcome.code == 1, arguments
        assert "there are warnings" in outcome.err
        assert headwater(*arguments, "--fail-on", "empty").code == 0


def test_validate_fails_on_warnings_and_on_no_table(headwater: Program) -> None:
    Path("catalog.json").write_text('{"db": {"t": {"a": "int", "b": "string"}}}')
    options = ("--catalog", "catalog.json", "-d", "db")
    warned = "SELECT a FROM t LIMIT 1"
    assert headwater("validate", warned, *options).code == 0
    assert headwater("validate", warned, *options, "--fail-on", "warning").code == 1
    assert headwater("validate", "SELECT a FROM t", *options, "--fail-on", "warning").code == 0
    assert headwater("validate", "SELECT 1 AS a", *options, "--fail-on", "empty").code == 1
    outcome = headwater("validate", "SELECT 1 AS a", *options, "--fail-on", "empty", "--json")
    assert (outcome.code, outcome.json["failed_on"]) == (1, ["empty"])


def test_ids_that_repeat_fail_above_a_share(headwater: Program) -> None:
    doubled(4)
    outcome = headwater("check", "serving", "2026-01-01", "2026-01-02")
    assert outcome.code == 0, outcome.out
    assert "warning[duplicate-id]: 4 rows repeat an id that another row has (4.0% of" in outcome.out
    asked = ("check", "serving", "2026-01-01", "2026-01-02", "--max-duplicates")
    assert headwater(*asked, "0.03").code == 1
    assert headwater(*asked, "0").code == 1
    doubled(500)
    outcome = headwater("check", "serving", "2026-01-01", "2026-01-02")
    assert outcome.code == 1
    assert "error[duplicate-id]" in outcome.out
    assert headwater(*asked, "0.9").code == 0


def test_the_help_tells_the_exit_codes(headwater: Program) -> None:
    told = " ".join(headwater("--help").out.split())
    for code in ("0 fine", "1 the answer is no", "2 wrong usage", "70 a fault"):
        assert code in told


def test_a_version_is_checked_by_its_name_and_may_be_empty(headwater: Program) -> None:
    report = headwater("check", "insurance/v1", "--json")
    assert report.code == 0, report.out
    (told,) = report.json["reports"]
    assert told["connection"] == "insurance/v1"
    assert {"serving", "ids", "overlap"} <= {s["name"] for s in told["stages"]}
    assert "Check of insurance/v1" in headwater("check", "insurance/v1", *DAY).out
    empty = headwater("check", "insurance/v1", *LATER, "--fail-on", "empty", "--json")
    assert empty.code == 1
    assert empty.json["failed_on"] == ["empty"]
