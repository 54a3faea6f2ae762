"""`headwater read --evidence` and `headwater replay`: on local files."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Program

import headwater as hw

DAY = "2026-01-02", "2026-01-03"


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    predictions.write(headwater.folder)
    Path("headwater.yaml").write_text(predictions.CONFIG)


def kept(headwater: Program) -> None:
    outcome = headwater(
        "read", "serving", *DAY, "-o", "day.parquet", "--evidence", "day.json", "--json"
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.json["evidence"] == "day.json"
    assert outcome.json["evidence_sha256"] == hw.Evidence.load("day.json").sha256


def rewrite(rows: int) -> None:
    path = Path("data/dt=2026-01-02/part.parquet")
    table = pq.ParquetFile(path).read()
    pq.write_table(table.slice(rows), path)


def test_the_same_files_give_the_same(headwater: Program) -> None:
    kept(headwater)
    outcome = headwater("replay", "day.json")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "the same 1 file, 10 rows, the same digests\n"
    outcome = headwater("replay", "day.json", "-o", "again.parquet", "--json")
    assert (outcome.json["same"], outcome.json["changes"]) == (True, [])
    assert pq.ParquetFile("again.parquet").metadata.num_rows == 10


def test_what_was_overwritten_is_named_and_the_answer_is_no(headwater: Program) -> None:
    kept(headwater)
    rewrite(1)
    outcome = headwater("replay", "day.json")
    assert outcome.code == 1
    assert "1 of 1 files was overwritten since" in outcome.out
    assert "part.parquet: " in outcome.out
    assert "rows differ" in outcome.out
    assert "10 rows then, 9 now" in outcome.out
    answer = headwater("replay", "day.json", "--json").json
    assert (answer["same"], answer["same_rows"]) == (False, False)
    assert [c["kind"] for c in answer["changes"]] == ["overwritten"]


def test_each_window_has_its_own(headwater: Program) -> None:
    outcome = headwater(
        "read", "serving", "2026-01-01", "2026-01-05", "--every", "1 day", "-o", "out",
        "--evidence", "kept",
    )  # fmt: skip
    assert outcome.code == 0
    files = sorted(Path("kept").iterdir())
    assert [f.name for f in files] == [f"2026-01-0{n}.json" for n in range(1, 5)]
    for file in files:
        assert headwater("replay", str(file)).out.endswith("the same digests\n")


def test_tampered_evidence_is_refused(headwater: Program) -> None:
    kept(headwater)
    told = json.loads(Path("day.json").read_text())
    told["counts"]["rows"] = 11
    Path("day.json").write_text(json.dumps(told))
    outcome = headwater("replay", "day.json")
    assert outcome.code == 1
    assert "its SHA-256 is another" in outcome.err
    assert headwater("replay", "none.json").code == 1
