"""`headwater changes`: on local files, with a ledger beside the configuration."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Outcome, Program

import headwater as hw

LEDGER = "version: 1\nledger: {type: file, path: state/headwater.ledger}\n"
DAYS = "2026-01-01", "2026-01-05"


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    predictions.write(headwater.folder)
    Path("headwater.yaml").write_text(predictions.CONFIG.replace("version: 1\n", LEDGER))


def rewrite(day: int) -> None:
    path = Path(f"data/dt=2026-01-{day:02}/part.parquet")
    rows = pq.ParquetFile(path).read()
    pq.write_table(rows.slice(1), path)


def handed_over(headwater: Program, *more: str) -> Outcome:
    return headwater("changes", "serving", *DAYS, "--out", "out", *more)


def test_it_shows_what_changed_and_hands_nothing_over(headwater: Program) -> None:
    for _ in range(2):
        outcome = headwater("changes", "serving", *DAYS)
        assert (outcome.code, outcome.err) == (0, "")
        first, *rest = outcome.out.splitlines()
        assert first.startswith("insurance/v1/serving: 4 of 4 windows, 4 files")
        assert [line.split()[-1] for line in rest] == ["new"] * 4
    assert not Path("state/headwater.ledger").exists()


def test_it_hands_over_what_changed_to_files(headwater: Program) -> None:
    outcome = handed_over(headwater)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.endswith("wrote 4 windows to out, 4 of them with other content\n")
    files = sorted(str(p) for p in Path("out").rglob("*.parquet"))
    assert files[0] == "out/insurance/v1/serving/1d/2026-01-01T0000Z.parquet"
    assert len(files) == 4
    assert len(hw.Ledger.load("state/headwater.ledger")) == 4

    assert "0 of 4 windows" in handed_over(headwater).out
    rewrite(2)
    outcome = handed_over(headwater, "--json")
    [change] = outcome.json["changes"]
    assert change["reasons"] == ["files:files.predictions"]
    assert (change["generation"], change["same"], change["restated"]) == (
        2,
        False,
        ["rows", "labels"],
    )
    assert pq.ParquetFile(files[1]).metadata.num_rows == 9


def test_a_window_that_can_not_be_read_keeps_no_other_back(headwater: Program) -> None:
    path = Path("data/dt=2026-01-02/part.parquet")
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    outcome = handed_over(headwater)
    assert outcome.code == 1
    assert "insurance/v1/serving/1d/2026-01-02T00:00Z stays as it was" in outcome.err
    assert outcome.out.endswith("wrote 3 windows to out, 3 of them with other content; 1 failed\n")
    assert len(hw.Ledger.load("state/headwater.ledger")) == 3
    outcome = handed_over(headwater, "--json")
    assert list(outcome.json["failed"]) == ["insurance/v1/serving/1d/2026-01-02T00:00Z"]
    path.write_bytes(whole)
    outcome = handed_over(headwater)
    assert (outcome.code, outcome.err) == (0, "")
    assert "wrote 1 windows" in outcome.out


def test_rows_of_another_day_are_told_with_how_many_they_are(headwater: Program) -> None:
    handed_over(headwater)
    rows = pq.ParquetFile("data/dt=2026-01-01/part.parquet").read()
    pq.write_table(rows.slice(0, 3), "data/dt=2026-01-03/late.parquet")
    outcome = handed_over(headwater)
    assert outcome.code == 0
    assert outcome.out.endswith("wrote 1 windows to out, 0 of them with other content\n")
    assert "3 rows of 2026-01-01 lie in dt=2026-01-03; no lateness is declared" in outcome.err
    rows = pq.ParquetFile("data/dt=2026-01-03/late.parquet").read()
    pq.write_table(rows.slice(1), "data/dt=2026-01-03/late.parquet")
    [change] = handed_over(headwater, "--json").json["changes"]
    assert [w["code"] for w in change["warnings"]] == ["rule-broken"]


def test_a_window_that_is_gone_leaves_an_empty_file(headwater: Program) -> None:
    handed_over(headwater)
    Path("data/dt=2026-01-03/part.parquet").unlink()
    outcome = handed_over(headwater)
    assert (outcome.code, outcome.err) == (0, "")
    assert "gone" in outcome.out
    file = "out/insurance/v1/serving/1d/2026-01-03T0000Z.parquet"
    assert pq.ParquetFile(file).metadata.num_rows == 0
    assert "0 of 4 windows" in handed_over(headwater).out


def test_steps_and_zones_are_those_that_are_asked_for_or_declared(headwater: Program) -> None:
    outcome = headwater("changes", "serving", *DAYS, "--every", "1 week", "--json")
    assert [c["start"] for c in outcome.json["changes"]] == ["2025-12-29T00:00Z"]
    windows = "        windows: {every: 12 hours, timezone: Europe/Berlin}\n        serving:\n"
    text = Path("headwater.yaml").read_text().replace("        serving:\n", windows)
    Path("headwater.yaml").write_text(text)
    outcome = headwater("changes", "serving", "2026-01-01", "2026-01-02", "--json")
    assert [c["start"] for c in outcome.json["changes"]] == [
        "2025-12-31T23:00Z",
        "2026-01-01T11:00Z",
    ]


def test_another_ledger_may_be_named(headwater: Program) -> None:
    handed_over(headwater, "--ledger", "mine.ledger")
    assert len(hw.Ledger.load("mine.ledger")) == 4
    assert not Path("state/headwater.ledger").exists()


def test_another_query_may_leave_old_windows(headwater: Program) -> None:
    handed_over(headwater)
    query = "data}\n            query: SELECT * FROM predictions WHERE amount > 1"
    text = Path("headwater.yaml").read_text().replace("data}", query)
    Path("headwater.yaml").write_text(text)
    assert "0 of 4 windows" in headwater("changes", "serving", *DAYS, "--forward").out
    assert "4 of 4 windows" in headwater("changes", "serving", *DAYS).out


def test_time_and_ledger_must_be_told(headwater: Program) -> None:
    assert headwater("changes", "serving").code == 2
    Path("headwater.yaml").write_text(predictions.CONFIG)
    outcome = headwater("changes", "serving", *DAYS)
    assert outcome.code == 1
    assert "nothing says where a ledger is kept" in outcome.err


def read_alone(headwater: Program, number: int, *more: str) -> Outcome:
    days = f"2026-01-0{number}", f"2026-01-0{number + 1}"
    return headwater(
        "read", "serving", *days, "-o", "w.parquet", "--overwrite", "--evidence", "w.json", *more
    )


def test_a_window_that_was_read_by_itself_is_done_by_its_evidence(headwater: Program) -> None:
    changes = headwater("changes", "serving", *DAYS, "--json").json["changes"]
    assert read_alone(headwater, 2).code == 0
    for _ in range(2):  # again, it is a no-op
        outcome = headwater(
            "changes", "serving", "--done", changes[1]["key"], "--evidence", "w.json"
        )
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out == f"{changes[1]['key']} is in the ledger: 10 rows\n"
    left = headwater("changes", "serving", *DAYS, "--json").json["changes"]
    assert [c["key"] for c in left] == [changes[n]["key"] for n in (0, 2, 3)]
    [entry] = hw.Ledger.load("state/headwater.ledger").entries.values()
    assert entry.evidence == hw.Evidence.load("w.json").sha256


def test_evidence_of_something_else_does_nothing(headwater: Program) -> None:
    changes = headwater("changes", "serving", *DAYS, "--json").json["changes"]
    key = changes[1]["key"]
    read_alone(headwater, 3)
    outcome = headwater("changes", "serving", "--done", key, "--evidence", "w.json")
    assert outcome.code == 1
    assert "is not what is to be handed over of the evidence's window" in outcome.err
    read_alone(headwater, 2)
    rewrite(2)
    outcome = headwater("changes", "serving", "--done", key, "--evidence", "w.json")
    assert outcome.code == 1
    assert "is not what is to be handed over of the evidence's window" in outcome.err
    key = headwater("changes", "serving", *DAYS, "--json").json["changes"][1]["key"]
    outcome = headwater("changes", "serving", "--done", key, "--evidence", "w.json")
    assert outcome.code == 1
    assert "overwritten" in outcome.err
    read_alone(headwater, 2, "--sample", "0.5")
    outcome = headwater("changes", "serving", "--done", key, "--evidence", "w.json")
    assert "another query, mapping or rule" in outcome.err
    assert not Path("state/headwater.ledger").exists()
    assert headwater("changes", "serving", "--done", key).code == 2
    assert headwater("changes", "serving", *DAYS, "--evidence", "w.json").code == 2
