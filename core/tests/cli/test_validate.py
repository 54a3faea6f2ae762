import io
import json
import sys
from pathlib import Path

import pytest
from core.tests.cli.support import Outcome, Program

CATALOG = {
    "my_db": {
        "predictions": {"id": "string", "amount": "double", "tags": "array<string>"},
        "labels": {"id": "string", "did_buy": "boolean"},
    },
    "other": {"t": {"x": "int"}},
}


@pytest.fixture(autouse=True)
def catalog(headwater: Program) -> None:
    Path("catalog.json").write_text(json.dumps(CATALOG))


def validated(headwater: Program, query: str, *more: str) -> Outcome:
    return headwater("validate", query, "--catalog", "catalog.json", "-d", "my_db", *more)


def test_a_right_query(headwater: Program) -> None:
    outcome = validated(headwater, "SELECT id, amount * 2 AS twice FROM predictions")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == (
        "the query is right; it reads my_db.predictions\n"
        "  id     string\n"
        "  twice  double\n"
        "portable: every engine answers it alike\n"
    )


def test_a_wrong_query_shows_every_finding(headwater: Program) -> None:
    outcome = validated(headwater, "SELECT amout, idd FROM predictions")
    assert outcome.code == 1
    assert outcome.out.endswith("the query is refused\n")
    assert "did you mean 'amount'?" in outcome.out
    assert "did you mean 'id'?" in outcome.out
    assert "  1 | SELECT amout, idd FROM predictions\n    |        ^^^^^\n" in outcome.out


def test_an_attack_is_refused(headwater: Program) -> None:
    outcome = validated(headwater, "SELECT reflect('java.lang.Runtime', 'exit', 0)")
    assert outcome.code == 1
    assert "reflect" in outcome.out


def test_as_json(headwater: Program) -> None:
    answer = validated(headwater, "SELECT id FROM predictions", "--json").json
    assert answer["ok"] is True
    assert answer["portable"] is True
    refused = validated(headwater, "SELECT amout FROM predictions", "--json")
    assert refused.code == 1
    assert refused.json["ok"] is False
    [finding] = refused.json["diagnostics"]
    assert (finding["line"], finding["column"]) == (1, 8)


def test_other_databases_are_named(headwater: Program) -> None:
    query = "SELECT x FROM other.t"
    assert validated(headwater, query).code == 1
    assert validated(headwater, query, "--databases", "other").code == 0
    assert validated(headwater, query, "--databases", "a, other").code == 0


def test_a_query_that_needs_spark_says_why(headwater: Program) -> None:
    outcome = validated(headwater, "SELECT histogram_numeric(length(id), 5) AS h FROM predictions")
    assert outcome.code == 0
    assert "not portable: it needs Spark\n" in outcome.out
    assert "histogram_numeric" in outcome.out.partition("not portable")[2]


def test_the_query_may_come_from_a_file_or_a_pipe(
    headwater: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("query.sql").write_text("SELECT id FROM predictions")
    assert validated(headwater, "@query.sql").code == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT idd FROM predictions"))
    assert validated(headwater, "-").code == 1


def test_a_yaml_catalog(headwater: Program) -> None:
    Path("catalog.yaml").write_text("my_db:\n  predictions:\n    id: string\n")
    outcome = headwater(
        "validate", "SELECT id FROM predictions", "--catalog", "catalog.yaml", "-d", "my_db"
    )
    assert outcome.code == 0


@pytest.mark.parametrize(
    ("catalog", "message"),
    [
        ({"my_db": ["t"]}, "catalog.json: database 'my_db' is no mapping of tables"),
        ({"my_db": {"t": "x"}}, "catalog.json: table my_db.t is no mapping of columns"),
        ({"my_db": {"t": {"x": 1}}}, "catalog.json: column my_db.t.x has no type"),
    ],
)
def test_a_catalog_of_another_shape(headwater: Program, catalog: object, message: str) -> None:
    Path("catalog.json").write_text(json.dumps(catalog))
    outcome = validated(headwater, "SELECT 1 AS one")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f'error: {message}\n  hint: expected {{"database": {{"table": {{"column": "type"}}}}}}\n'
    )


def test_files_that_are_not_there(headwater: Program) -> None:
    assert "the query file q.sql can't be read" in validated(headwater, "@q.sql").err
    outcome = headwater("validate", "SELECT 1", "--catalog", "c.json", "-d", "x")
    assert outcome.code == 1
    assert "there is no catalog file c.json" in outcome.err
