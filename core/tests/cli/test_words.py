"""Words: hints in the language of the file, headlines that say the error, lines, near names."""

from __future__ import annotations

from pathlib import Path

import pytest
from core.tests.cli import predictions
from core.tests.cli.support import Program

import headwater as hw
from headwater.cli.terminal import _hanging
from headwater.errors import QueryError


@pytest.fixture(autouse=True)
def data(headwater: Program) -> None:
    predictions.write(headwater.folder)


def configured(old: str, new: str) -> None:
    assert old in predictions.CONFIG
    Path("headwater.yaml").write_text(predictions.CONFIG.replace(old, new))


ACTUALS = """\
        actuals: {source: {type: files, tables: {a: data}}, id_column: prediction_id,
          labels: {will_buy: did_buy}}
        training:"""
RULE = "partitions: {predictions: {column: at, keys: {dt: yyyy-MM-dd}}}"


def test_a_hint_names_the_keys_of_the_file(headwater: Program) -> None:
    configured(RULE, "")
    told = headwater("plan", "serving", "2026-01-02", "2026-01-03").out
    assert "partitions: {predictions: {column: ..., keys: {...}}}" in told
    assert "TimePartition" not in told
    outcome = headwater("plan", "serving", "--as-of", "2026-01-02")
    assert "label_timestamp_column: ..." in outcome.err
    assert "without --as-of" in outcome.err
    with hw.Workspace.open("headwater.yaml") as workspace:
        plan = workspace.connection("serving").plan("2026-01-02", "2026-01-03")
        assert "keys: {...}" in plan.explain(), "a workspace that a file described says so too"
        workspace.from_file = False
        plan = workspace.connection("serving").plan("2026-01-02", "2026-01-03")
        assert "TimePartition(column=..., keys=...)" in plan.explain()


def test_the_headline_says_what_is_wrong(headwater: Program) -> None:
    configured(RULE, "query: SELECT amout, x FROM predictions")
    outcome = headwater("plan", "serving")
    first = outcome.err.splitlines()[0]
    assert first.endswith("is refused: there is no column 'amout' (and 1 more)")
    assert "is refused: there is no column 'amout'" in headwater("check", "serving").out
    with hw.Workspace.open("headwater.yaml") as workspace:
        with pytest.raises(QueryError, match="no column 'amout'") as caught:
            workspace.connection("serving").plan()
        assert str(caught.value).startswith(first.removeprefix("error: "))


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        (
            "        training:",
            ACTUALS,
            19,
            "actuals.labels.will_buy: serving has labels for it already",
        ),
        ("  insurance:", "  in/surance:", 5, "'in/surance' is no name"),
        ("{type: embedded}", "{type: embedded, memroy_limit: 1}", 3, "unknown key engine.memroy"),
        ("partitions: {predictions:", "partitions: {predicions:", 12, "no table 'predicions'"),
    ],
)
def test_what_is_wrong_by_itself_is_told_with_its_line(
    headwater: Program, old: str, new: str, line: int, says: str
) -> None:
    configured(old, new)
    outcome = headwater("plan", "training")
    assert outcome.code == 1
    told = outcome.err.splitlines()[0]
    assert says in told
    where = int(told.split("line ")[1].split(":")[0])
    assert abs(where - line) <= 1, told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("srving", "insurance/v1/serving"),
        ("v1/trainning", "insurance/v1/training"),
        ("insurence", "insurance/v1/serving"),
        ("insurance/v1/serv", "insurance/v1/serving"),
    ],
)
def test_a_connection_that_is_none_has_near_ones(headwater: Program, name: str, meant: str) -> None:
    outcome = headwater("plan", name)
    assert outcome.code == 1
    assert "did you mean " in outcome.err
    assert meant in outcome.err


def test_long_lines_go_on_below_themselves() -> None:
    text = (
        "  ok   rows     60 rows and much more that is told of them\n"
        "  hint: name the column that says it, or leave it out of the query\n"
        "  1 | SELECT a_column_of_a_long_name FROM a_table_of_a_long_name\n"
        "wrote a file"
    )
    assert _hanging(text, 40).split("\n") == [
        "  ok   rows     60 rows and much more",
        "                that is told of them",
        "  hint: name the column that says it, or",
        "        leave it out of the query",
        "  1 | SELECT a_column_of_a_long_name FROM a_table_of_a_long_name",
        "wrote a file",
    ]
