"""A query against a live catalog: all findings at once."""

from __future__ import annotations

import pytest

from headwater.errors import DatabaseNotFoundError
from headwater.sql import Validation
from headwater_glue.query.validate import validate
from headwater_glue.testing import GlueLake


@pytest.fixture
def seeded(lake: GlueLake) -> GlueLake:
    lake.table("t", {"id": "string", "amount": "double"}, keys={"dt": "string"})
    lake.table("csv", {"id": "string", "n": "int"}, serde="open-csv")
    lake.create_database("other")
    lake.table("u", {"k": "string"}, database="other")
    return lake


def found(lake: GlueLake, query: str) -> Validation:
    return validate(lake.source(query=query))


def test_a_right_query(seeded: GlueLake) -> None:
    answer = found(seeded, "SELECT id, sum(amount) AS total FROM t GROUP BY id")
    assert answer.ok
    assert [str(t) for t in answer.tables] == ["ml.t"]
    assert [(c.name, c.type) for c in answer.columns] == [("id", "string"), ("total", "double")]
    assert answer.diagnostics == ()


@pytest.mark.parametrize(
    ("query", "code", "hint"),
    [
        ("SELECT amont FROM t", "unknown-column", "did you mean 'amount'?"),
        ("SELECT * FROM tt", "unknown-table", "did you mean 't'?"),
        ("SELECT * FROM other.u", "forbidden-database", "allow it: databases=['other']"),
        ("SELECT reflect('a', 'b')", "forbidden-function", None),
        ("DROP TABLE t", "not-a-query", None),
    ],
)
def test_a_wrong_query(seeded: GlueLake, query: str, code: str, hint: str | None) -> None:
    answer = found(seeded, query)
    assert not answer.ok
    assert answer.diagnostics[0].code == code
    if hint is not None:
        assert hint in (answer.diagnostics[0].hint or "")


def test_what_glue_knows_is_remarked(seeded: GlueLake) -> None:
    answer = found(seeded, "SELECT id FROM csv")
    assert answer.ok
    assert [d.code for d in answer.diagnostics] == ["text-columns"]
    assert "declared otherwise: n" in answer.diagnostics[0].message


def test_a_missing_database_is_no_finding_but_an_error(seeded: GlueLake) -> None:
    with pytest.raises(DatabaseNotFoundError, match="did you mean 'ml'"):
        validate(seeded.source(database="mll", query="SELECT * FROM t"))


def test_only_the_tables_that_are_named_are_asked_for(seeded: GlueLake) -> None:
    found(seeded, "SELECT id FROM t JOIN csv USING (id)")
    asked = [r.action for r in seeded.aws.requests if r.service == "glue"]
    assert asked == ["GetTable", "GetTable"]
