"""Where `read` writes, and in which format; what `discover` gives is what `validate` takes."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Program

DAY = ("serving", "2026-01-02", "2026-01-03")


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    predictions.write(headwater.folder)


@pytest.mark.parametrize("name", ["day.txt", "day.json", "day.parquet.gz", "x/day.xlsx"])
def test_an_unknown_ending_is_refused_with_those_that_are_known(
    headwater: Program, name: str
) -> None:
    outcome = headwater("read", *DAY, "--out", name)
    assert outcome.code == 1
    assert f"no format's files end in {Path(name).suffix}" in outcome.err
    assert ".parquet, .csv, .jsonl, .arrow" in outcome.err
    assert not Path(name).exists()


def test_an_ending_of_another_format_is_refused(headwater: Program) -> None:
    outcome = headwater("read", *DAY, "--out", "day.parquet", "--format", "csv")
    assert outcome.code == 1
    assert "day.parquet ends in .parquet" in outcome.err
    assert not Path("day.parquet").exists()


def test_names_of_folders(headwater: Program) -> None:
    for folder in ("out", "2026.01"):
        assert headwater("read", *DAY, "--out", folder).code == 0
        assert pq.read_table(f"{folder}/part-0.parquet").num_rows == 10
    Path("day.v2").mkdir()
    assert headwater("read", *DAY, "--out", "day.v2").code == 0
    assert headwater("read", *DAY, "--out", "DAY.CSV").code == 0
    assert pyarrow.csv.read_csv("DAY.CSV").num_rows == 10


def test_json_lines(headwater: Program) -> None:
    assert headwater("read", *DAY, "--out", "day.jsonl").code == 0
    lines = Path("day.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"2-{n}" for n in range(10)]
    assert json.loads(lines[0]) == {
        "id": "2-0",
        "timestamp": "2026-01-02T00:00:00Z",
        "amount": 0.0,
        "will_buy": True,
        "actual_will_buy": True,
    }


def test_standard_output(headwater: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(*arguments: str) -> bytes:
        buffer = io.BytesIO()
        with monkeypatch.context() as patched:
            patched.setattr("sys.stdout", io.TextIOWrapper(buffer, encoding="utf-8"))
            outcome = headwater("read", *DAY, "--out", "-", *arguments)
            assert (outcome.code, outcome.out) == (0, "")
            assert "10 rows" in outcome.err, "what was read is told beside the rows"
            return buffer.getvalue()

    assert rows().splitlines()[1].startswith(b'"2-0",2026-01-02')
    assert len(rows("-f", "jsonl").splitlines()) == 10
    assert pa.ipc.open_stream(rows("--format", "arrow")).read_all().num_rows == 10


def test_what_can_not_be_streamed(headwater: Program) -> None:
    outcome = headwater("read", *DAY, "--out", "-", "--format", "parquet")
    assert outcome.code == 1
    assert "csv, jsonl, arrow" in outcome.err
    for more in (("--json",), ("--every", "1 day")):
        assert headwater("read", *DAY, "--out", "-", *more).code == 2


def test_a_discovered_catalog_validates(headwater: Program) -> None:
    found = headwater("discover", "serving", "--json")
    assert found.code == 0, found.err
    Path("found.json").write_text(found.out)
    query = "SELECT prediction_id, amount + 1 AS more, dt FROM predictions"
    asked = ("validate", query, "-d", "files", "--catalog", "found.json", "--json")
    assert headwater(*asked).json["ok"] is True
    wrong = headwater("validate", "SELECT amont FROM predictions", *asked[2:])
    assert wrong.code == 1
    everywhere = headwater("discover", "--json")
    Path("found.json").write_text(everywhere.out)
    outcome = headwater(*asked)
    assert outcome.code == 1
    assert "discover CONNECTION --json" in outcome.err
    Path("found.json").write_text(headwater("discover", "serving", "--names", "--json").out)
    assert "without --names" in headwater(*asked).err
    one = headwater("discover", "serving", "--table", "predictions", "--json")
    Path("found.json").write_text(one.out)
    assert headwater(*asked).code == 0
