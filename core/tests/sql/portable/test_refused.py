"""Every place of the gate that can refuse does, and says what `refused.sql` says.

A block of the file is a query and what is refused of it; the blocks are ordered by module. A place
that none reaches fails `test_every_place_is_reached` with its file and line: give it a query, or
take it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from core.tests.sql.places import Place, places, recorded, shown

from headwater.diagnostics import Diagnostic, errors_in
from headwater.sql import portable
from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.portable.pieces import Refusal
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

MODULES: Final = Path(portable.__file__).parent
FIXTURE: Final = Path(__file__).parent / "fixtures" / "refused.sql"
DATABASE: Final = "hw"
NAMES: Final = frozenset({"Refusal", "Cascade"})
HELPERS: Final = frozenset({"refuse_unless", "_refusal"})
PREFIX: Final = "the embedded engine can't promise Spark's answer for "

UNREACHED: Final = {
    "in decimal arithmetic: not proven": "no other types have a decimal as their result",
    "a struct whose fields can't be told": "the binder types a struct by its fields",
    "it would be {piece.type} here and is {analysed} in Spark": "two ways to tell a type agree",
    "it would be {piece.type} here and is {output.type} in Spark": "two ways to tell a type agree",
    "{left.type} {operator} {right.type}'": "the binder gives such a sum no type",
    "{operator} {right.type}: only numbers are proven": "other operands have no such type",
    "the number {literal}: its type can't be told": "the binder types every number",
    "its table can't be told": "a query is compiled within those around it",
    "a subquery: its scope can't be told": "the binder makes a scope of each subquery",
    "{type(node).__name__}: not proven to mean the same'": "there is no other kind of query",
    "len(of_item) == len(rows.types)": "a generator whose columns are not known is vague before",
    "a LATERAL VIEW: its columns can't be told": "the binder makes a source of each",
    "(): its types can't be told": "two ways to tell a type agree",
    "the tolerance of {self.tolerance": "the queries of the fixture have no tolerance",
}
"""Places for what the stages before the gate rule out today, by their text, and why they stand."""


@dataclass(frozen=True)
class Row:
    """A query and what is refused of it.

    Args:
        module: The module of the gate that refuses it.
        sql: The query.
        invalid: Codes of the errors that are found before the gate is asked: its word is the
            second one, and counts if the first one ever fails.
        expected: For each refusal the part of the query, and what is said of it.
    """

    module: str
    sql: str
    invalid: tuple[str, ...]
    expected: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.module.removesuffix('.py')}-{self.sql[:60]}"


@cache
def rows() -> tuple[Row, ...]:
    """Return the queries of the fixture."""
    module, found = "", []
    for block in FIXTURE.read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        if block.startswith("== "):
            module = lines.pop(0).removeprefix("== ")
        if not lines or block.startswith(("-- ", "@")):
            continue
        sql = "\n".join(x for x in lines if not x.startswith(("!! ", "=> ")))
        invalid = tuple(x.removeprefix("!! ") for x in lines if x.startswith("!! "))
        expected = tuple(x.removeprefix("=> ") for x in lines if x.startswith("=> "))
        found.append(Row(module, sql, invalid, expected))
    return (*found, Row("__init__.py", DEEP, (), ("-: a query that nests so deep",)))


DEEP: Final = f"SELECT i AS a0, {', '.join(f'a{n} + 1 AS a{n + 1}' for n in range(300))} FROM u"
"""Names that mean names: the tree is flat, and what is made of it is not."""


@cache
def tables() -> dict[TableName, Table]:
    """Return the tables of the fixture: lines `@name column type, ...`."""
    found = {}
    for line in FIXTURE.read_text(encoding="utf-8").splitlines():
        if line.startswith("@"):
            name, _, listed = line[1:].partition(" ")
            fields = ",".join(x.strip().replace(" ", ":", 1) for x in listed.split(", "))
            columns = tuple(Column(n, t) for n, t in parse_type(f"struct<{fields}>").fields)
            found[TableName(DATABASE, name)] = Table(TableName(DATABASE, name), columns)
    return found


def analysed(sql: str) -> Analysis:
    """Return a query, resolved against the tables of the fixture."""
    return bind(parse(sql, database=DATABASE), tables())


def shown_of(sql: str, found: Diagnostic) -> str:
    """Return a finding as the fixture writes it."""
    place = sql[found.span.start : found.span.end] if found.span else "-"
    return f"{place}: {found.message.removeprefix(PREFIX)}"


@cache
def outcome(row: Row) -> tuple[Analysis, tuple[Diagnostic, ...], frozenset[Place]]:
    """Return what is known of a row's query, what is refused of it, and where."""
    analysis = analysed(row.sql)
    with recorded(Refusal, HELPERS) as seen:
        found = portable.refusals(analysis)
    return analysis, found, frozenset(seen)


@cache
def sources() -> dict[Place, str]:
    """Return the places of the gate that can refuse."""
    return places(MODULES.glob("*.py"), NAMES, HELPERS)


def unreached(place: Place) -> list[str]:
    """Return the entries of UNREACHED that speak of a place."""
    return [x for x in UNREACHED if x in sources()[place]]


@pytest.mark.parametrize("row", rows(), ids=str)
def test_it_is_refused(row: Row) -> None:
    analysis, found, seen = outcome(row)
    assert sorted({d.code for d in errors_in(analysis.diagnostics)}) == list(row.invalid)
    assert [shown_of(row.sql, d) for d in found] == list(row.expected)
    assert {d.code for d in found} == {"not-portable"}
    assert all(d.hint and "pip install headwater[spark]" in d.hint for d in found)
    assert row.module in {place.module for place in seen}
    assert seen <= sources().keys(), "a refusal is made where none was found in the text"


def test_every_place_is_reached() -> None:
    reached = {place for row in rows() for place in outcome(row)[2]}
    missing = [p for p in sources() if p not in reached and not unreached(p)]
    assert not missing, f"no query of refused.sql reaches\n{shown(missing, sources())}"


def test_what_is_said_to_be_unreached_is() -> None:
    """The list stays short and true: each entry speaks of one place, and no query reaches it."""
    reached = {place for row in rows() for place in outcome(row)[2]}
    spoken = {x: [p for p in sources() if x in unreached(p)] for x in UNREACHED}
    assert {x: len(found) for x, found in spoken.items()} == dict.fromkeys(UNREACHED, 1)
    assert [p for found in spoken.values() for p in found if p in reached] == []


def test_the_file_is_ordered_by_module() -> None:
    modules = list(dict.fromkeys(row.module for row in rows()[:-1]))
    assert modules == sorted(modules)
    assert {p.module for p in sources()} == set(modules)


def test_what_is_refused_is_not_compiled() -> None:
    for row in rows():
        with pytest.raises(ValueError, match="not in the portable subset: "):
            portable.compile(outcome(row)[0], lambda table: table.name)
