"""Every place of the guard that can refuse does, and says what `guarded.sql` says.

Above all stands that texts which must not pass do not (`test_attacks`); here each finding is made
once, so that none is lost when the guard is changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from core.tests.sql.cases import FIXTURES
from core.tests.sql.places import Place, places, recorded, shown
from sqlglot import exp

from headwater.diagnostics import Diagnostic, Severity
from headwater.sql.analysis import ParsedQuery
from headwater.sql.guard import literals as guard_literals
from headwater.sql.guard import names as guard_names
from headwater.sql.guard import precedence as guard_precedence
from headwater.sql.guard import text as guard_text
from headwater.sql.guard import tree as guard
from headwater.sql.parser import parse
from headwater.sql.syntax.lexer import lex

MODULES: Final = tuple(
    Path(str(m.__file__))
    for m in (guard, guard_literals, guard_names, guard_precedence, guard_text)
)
GROWN: Final = {
    "SELECT " + "(" * 60 + "1" + ")" * 60: "too-deep",
    "SELECT " + "(1 + 1 * -" * 45 + "1" + ")" * 45: "too-deep",
    "SELECT " + " + ".join(["1"] * 200): "too-deep",
    "FROM u " + "|> WHERE true " * 160: "too-deep",
    "SELECT " + ", ".join(["(SELECT 1)"] * 5_001): "too-much-work",
}
"""Queries that are too large for a file, with the code of what is found."""


@dataclass(frozen=True)
class Row:
    """A query, and what the guard finds in it: code, place, message; warnings are marked."""

    sql: str
    expected: tuple[str, ...]

    def __str__(self) -> str:
        return self.sql[:60]


@cache
def rows() -> tuple[Row, ...]:
    """Return the queries of the fixture."""
    found = []
    for block in (FIXTURES / "guarded.sql").read_text(encoding="utf-8").strip().split("\n\n")[1:]:
        lines = block.split("\n")
        sql = "\n".join(x for x in lines if not x.startswith("=> "))
        found.append(Row(sql, tuple(x.removeprefix("=> ") for x in lines if x.startswith("=> "))))
    return tuple(found)


def written(sql: str, found: Diagnostic) -> str:
    """Return a finding as the fixture writes it."""
    place = sql[found.span.start : found.span.end] if found.span else "-"
    mark = "" if found.severity is Severity.ERROR else "(warning) "
    return f"{mark}{found.code}: {place}: {found.message}"


@cache
def helpers() -> frozenset[str]:
    """Return the functions that make a finding for whoever calls them."""
    return frozenset(f.name for f in _functions() if _returns(f) == "Diagnostic")


def _functions() -> Iterator[ast.FunctionDef]:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield node


def _returns(function: ast.FunctionDef) -> str:
    return ast.unparse(function.returns) if function.returns is not None else ""


@cache
def sources() -> dict[Place, str]:
    """Return the places of the guard that make a finding."""
    return places(MODULES, {"Diagnostic"}, helpers())


@cache
def outcome(sql: str) -> tuple[ParsedQuery, frozenset[Place]]:
    """Return what is read of a query, and where findings were made."""
    with recorded(Diagnostic, helpers()) as seen:
        parsed = parse(sql, database="hw")
    return parsed, frozenset(seen)


@pytest.mark.parametrize("row", rows(), ids=str)
def test_it_is_found(row: Row) -> None:
    found = outcome(row.sql)[0].diagnostics
    assert [written(row.sql, d) for d in found] == list(row.expected)
    assert all(d.hint for d in found)


@pytest.mark.parametrize(("sql", "code"), GROWN.items(), ids=lambda x: x[:30])
def test_what_is_too_large_is_refused(sql: str, code: str) -> None:
    assert [d.code for d in outcome(sql)[0].diagnostics] == [code]


def test_a_name_is_as_long_as_it_is_written() -> None:
    """sqlglot may not put words together to a name that Spark reads as several."""
    text = "SELECT id FROM u"
    lexemes, tree = lex(text)[0], parse(text, database="hw").tree
    assert tree is not None
    assert guard.check_tree(tree, text, lexemes) == []
    name = next(x for x in tree.find_all(exp.Identifier) if x.name == "id")
    name.meta["end"] += 5
    assert [d.code for d in guard.check_tree(tree, text, lexemes)] == ["syntax"]


def test_every_place_is_reached() -> None:
    reached = {place for sql in (*(r.sql for r in rows()), *GROWN) for place in outcome(sql)[1]}
    missing = [p for p in sources() if p not in reached]
    assert not missing, f"no query of guarded.sql reaches\n{shown(missing, sources())}"


def test_every_reason_is_given() -> None:
    """Some functions of the guard say only what is wrong: each of their texts is told once."""
    told = [line for row in rows() for line in row.expected]
    lost = [
        f"{function.name}, line {text.lineno}: {ast.unparse(text)}"
        for function in _functions()
        if _returns(function) == "str | None"
        for text in _texts(function)
        if not any(re.search(_pattern(text), line) for line in told)
    ]
    assert not lost


def _texts(function: ast.FunctionDef) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            ends = [node.value]
            if isinstance(node.value, ast.IfExp):
                ends = [node.value.body, node.value.orelse]
            yield from (x for x in ends if isinstance(x, ast.JoinedStr) or _is_text(x))


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _pattern(text: ast.expr) -> str:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in parts)
