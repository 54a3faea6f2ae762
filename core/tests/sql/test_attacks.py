"""What must not pass does not, and each is refused for its own reason."""

from __future__ import annotations

import pytest
from core.tests.sql.cases import Case, cases
from core.tests.sql.support import DATABASE, catalog

from headwater.diagnostics import errors_in
from headwater.sql import validate
from headwater.sql.parser import parse

ATTACKS = cases("attacks.sql")

PREFIXES = ("", "\n", "-- a\n", "/* a */ ", "\t", "(", "WITH x AS (SELECT 1) ")
CONTROLS = [
    *range(0x09),
    0x0B,
    0x0C,
    *range(0x0E, 0x20),
    0x7F,
    0x85,
    0xA0,
    0x200B,
    0x2028,
    0xFEFF,
]


def test_there_are_enough() -> None:
    assert len(ATTACKS) >= 100


@pytest.mark.parametrize("case", ATTACKS, ids=str)
def test_it_is_refused(case: Case) -> None:
    found = validate(case.sql, catalog=catalog(), database=DATABASE)
    assert not found.ok
    errors = errors_in(found.diagnostics)
    assert case.argument in {d.code for d in errors}, found.render()
    assert all(d.message and d.hint for d in errors)


# A column may be called `user`; only the resolver knows whether one is.
NEEDS_COLUMNS = {"user without brackets"}


@pytest.mark.parametrize("case", [c for c in ATTACKS if c.title not in NEEDS_COLUMNS], ids=str)
def test_the_guard_alone_refuses_it(case: Case) -> None:
    """Before any catalog is asked: what it names may well exist."""
    assert not parse(case.sql, database=DATABASE).ok


@pytest.mark.parametrize("code", CONTROLS, ids=lambda c: f"U+{c:04X}")
@pytest.mark.parametrize("sql", ["SELECT{}1", "SELECT 1{}", "{}SELECT 1", "SELECT 1 AS a{}b"])
def test_odd_characters_are_refused(sql: str, code: int) -> None:
    parsed = parse(sql.format(chr(code)))
    assert not parsed.ok
    assert parsed.diagnostics[0].code in {"control-character", "unexpected-character"}


@pytest.mark.parametrize("sql", ["SELECT '{}'", "SELECT 1 AS `{}`", "SELECT 1 -- {}"])
def test_half_of_a_character_is_refused(sql: str) -> None:
    parsed = parse(sql.format("\ud800"))
    assert [d.code for d in parsed.diagnostics] == ["unexpected-character"]


@pytest.mark.parametrize("name", ["reflect", "REFLECT", "Reflect", "`reflect`", "`ReFlEcT`"])
@pytest.mark.parametrize("gap", ["", " ", "\n", "/**/", " -- x\n "])
def test_no_spelling_hides_a_function(name: str, gap: str) -> None:
    parsed = parse(f"SELECT {name}{gap}('a.B', 'c')")
    assert [d.code for d in parsed.diagnostics] == ["forbidden-function"]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(
    "statement", ["DROP TABLE t", "SET a = 1", "INSERT INTO t SELECT 1", "SHOW TABLES", "ADD JAR x"]
)
def test_no_prefix_makes_a_statement_a_query(prefix: str, statement: str) -> None:
    closing = ")" if prefix == "(" else ""
    assert not parse(f"{prefix}{statement}{closing}", database="d").ok
