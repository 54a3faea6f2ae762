"""The table of functions: each row can be read, and code and rows know the same words."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from tests.differential import ask_functions

from headwater.sql import functions as room
from headwater.sql import portable, validate
from headwater.sql.binding import lambdas, row_order
from headwater.sql.binding.binder import bind
from headwater.sql.functions import names, results, table, values
from headwater.sql.functions.table import Function, functions
from headwater.sql.guard import tree as guard
from headwater.sql.parser import parse
from headwater.sql.portable import (
    aggregates,
    calls,
    constructs,
    generators,
    grouping,
    statistics,
    tolerance,
    windows,
)
from headwater.tables.table import Column, Table, TableName
from headwater.types import DOUBLE, VOID
from headwater.types.text import parse_type

KINDS = {"scalar", "aggregate", "window", "generator", "table"}
ENTRIES = {
    *("alias", "takes", "asked", "values", "gives", "lambdas", "within", "written", "varies"),
    *("order", "duckdb", "equal", "over", "frame", "note"),
}
TEXT = files("headwater.sql.functions").joinpath(table.FILE).read_text(encoding="utf-8")
ROWS = re.findall(r"^(\S+): (\w+)$", TEXT, re.MULTILINE)
CATALOG = {"db": {"t": {"s": "string", "i": "int"}}}


def words(entry: str) -> set[str]:
    """Return the words that rows have in an entry."""
    return {f.entry(entry) for f in functions().values()} - {""}


def rules(entry: str) -> set[str]:
    """Return the rules that rows name in an entry."""
    return {word[1:] for word in words(entry) if word.startswith("=")}


@pytest.mark.parametrize("function", functions().values(), ids=lambda f: f.name)
def test_a_row_can_be_read(function: Function) -> None:
    assert function.kind in KINDS
    assert set(function.entries) <= ENTRIES
    assert all(len(said) == 1 for name, said in function.entries.items() if name != "duckdb")
    if function.result and not function.result.startswith("="):
        assert parse_type(function.result).is_known
    most = 0
    for form in function.forms:
        assert all(p.takes for p in form.parameters)
        assert form.needed <= len(form.parameters)
        assert form.repeated <= len(form.parameters)
        assert all(p < len(form.parameters) for a in form.agreement for p in a.places)
        most = max(most, 99 if form.repeated else len(form.parameters))
    assert all(v.place < most and (v.count or 0) <= most for v in function.values)
    counts = [int(n) for n in re.findall(r"(?:^| ; )(\d): ", function.entry("written"))]
    assert all(any(f.fits(n) for f in function.forms) for n in counts)
    for construct in constructs.constructs(function.name):
        repeated = any(a.endswith("...") for a in construct.args)
        assert repeated or any(f.fits(len(construct.args)) for f in function.forms)
        assert construct.result in ("?", "=0") or parse_type(construct.result) != VOID
        assert all(int(n) < len(construct.args) for n in re.findall(r"\{(\d)\}", construct.duckdb))
        assert construct.raises in (None, "spark", "embedded")
    assert not function.rule or function.equals == function.entries["duckdb"][1:]
    assert function.rule or function.equals == function.entries.get("duckdb", ())
    assert function.entry("asked") in ("", "by hand")


def test_no_name_stands_twice_and_all_are_sorted() -> None:
    assert [name for name, _ in ROWS] == sorted({name for name, _ in ROWS})


def test_an_alias_is_of_a_function_that_is_none() -> None:
    for function in functions().values():
        if other := function.entry("alias"):
            assert functions()[other].kind == function.kind
            assert not functions()[other].entry("alias")


def test_what_is_refused_has_a_reason_and_nothing_else() -> None:
    assert all(table.refused().values())
    assert table.refused().keys() == {name for name, kind in ROWS if kind == "refused"}
    assert not table.refused().keys() & functions().keys()


IN_CODE: list[tuple[set[str], set[str]]] = [
    (
        {f.result[1:] for f in functions().values() if f.result.startswith("=")},
        {*results.RULES, *results.COLUMNS},
    ),
    ({v.rule for f in functions().values() for v in f.values}, {*values.RULES}),
    (words("lambdas"), {*lambdas.RULES}),
    (words("within"), {"inner", "ordered", "percentile"}),
    ({w.partition(" ")[0] for w in words("varies")}, {"read", "bare", "rows", "seed"}),
    (words("order"), {*row_order.OF_GROUPS, *row_order.OF_WINDOWS, "sum", "rank", "lost"}),
    (
        rules("duckdb"),
        {
            *(*calls.FORMS, *calls.BUILDERS, *aggregates.BUILDERS, *statistics.BUILDERS),
            *aggregates.WITHIN,
            *generators.RULES,
            "range",
            *grouping.RULES,
        },
    ),
    (rules("over"), {*windows.RULES}),
    (words("frame"), {"rows", "range", "back", "ahead", "whole"}),
    ({w.partition(" ")[0] for w in words("equal")}, {*tolerance.INEXACT}),
    ({*tolerance.MEANINGS}, {*tolerance.INEXACT}),
]


@pytest.mark.parametrize(("in_rows", "in_code"), IN_CODE)
def test_each_word_of_a_row_is_a_rule_and_each_rule_is_of_a_row(
    in_rows: set[str], in_code: set[str]
) -> None:
    assert in_rows == in_code


@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (
            {"aggregate"},
            {
                **aggregates.BUILDERS,
                **aggregates.WITHIN,
                **statistics.BUILDERS,
                **dict.fromkeys(grouping.RULES),
            },
        ),
        ({"scalar"}, {**calls.FORMS, **calls.BUILDERS}),
        ({"generator", "table"}, dict.fromkeys((*generators.RULES, "range"))),
    ],
    ids=["aggregates", "scalars", "generators"],
)
def test_a_rule_is_of_a_function_of_its_kind(kind: set[str], known: dict[str, object]) -> None:
    for function in functions().values():
        if function.kind in kind and function.rule:
            assert function.rule in known, function.name


def test_rules_for_columns_are_of_what_makes_rows() -> None:
    made = {f.result[1:] for f in functions().values() if f.kind in ("generator", "table")}
    assert made == {*results.COLUMNS}
    assert not made & {*results.RULES}


def test_what_takes_options_says_so() -> None:
    """One option makes Spark read a file: no map of constants comes past the guard unseen."""
    options = frozenset(["string->string"])
    for function in functions().values():
        told = {v.place for v in function.values if v.rule == "options"}
        places = {
            place
            for form in function.forms
            for place, parameter in enumerate(form.parameters)
            if parameter.only_constant and parameter.takes == options
        }
        assert told == places, function.name
    assert "options" in guard.CONSTANTS


@pytest.mark.parametrize("name", ["std", "signum", "bool_or"])
def test_a_refused_or_unknown_name_has_an_empty_row(name: str) -> None:
    assert room.named(name).name == name
    assert room.named(f"no_{name}").kind == ""
    assert room.refusal(f"ai_{name}")


def tokens(name: str) -> Iterator[str]:
    """Yield files of core that name a function in quotes."""
    source = Path(room.__file__).parents[2]
    for path in source.rglob("*.py"):
        if re.search(rf"[\"']{name}[\"']", path.read_text(encoding="utf-8")):
            yield path.name


@pytest.mark.parametrize(
    "name",
    ["date_add", "listagg", "rand", "from_json", "percentile_cont", "lead", "zip_with", "mean"],
)
def test_nothing_but_the_table_knows_a_function(name: str) -> None:
    assert not list(tokens(name))


NEW = """
rot13: scalar
    takes    text [, !int]
    gives    string
    values   2:positive
    written  ROT13({*})
    varies   read
    duckdb   (string) -> string: translate({0}, 'ab', 'no')
"""


def test_a_function_is_added_by_a_row(tmp_path: Path) -> None:
    """Guard, binder, naming, compiler and documentation know it then."""
    (tmp_path / "table.txt").write_text(TEXT + NEW, encoding="utf-8")
    script = f"""
import sys
from headwater.sql import validate
from headwater.sql.functions import table
from headwater.sql.portable import compile
from headwater.sql.parser import parse
from headwater.sql.binding.binder import bind
from headwater.tables.table import Column, Table, TableName
from headwater.types import STRING

table.FILE = {str(tmp_path / "table.txt")!r}
def told(sql):
    found = validate(sql, catalog={CATALOG!r}, database="db")
    return [d.code for d in found.diagnostics], found.columns, found.portable
print(told("SELECT rot13(s) FROM t"))
print(told("SELECT rot13(s, 0) AS x FROM t"))
print(told("SELECT rot13() AS x FROM t"))
name = TableName("db", "t")
analysis = bind(
    parse("SELECT rot13(s) FROM t", database="db"), {{name: Table(name, (Column("s", STRING),))}}
)
print("translate(" in compile(analysis, str))
from docs.hooks import functions
print("rot13" in functions.listed())
"""
    root = Path(ask_functions.__file__).parents[2]
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=False
    )
    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        "(['non-reproducible'], (OutputColumn(name='ROT13(s)', type='string'),), True)",
        "(['non-reproducible', 'argument-value'], (OutputColumn(name='x', type='string'),), False)",
        "(['non-reproducible', 'argument-count'], (OutputColumn(name='x', type='string'),), False)",
        "True",
        "True",
    ]
    assert not validate("SELECT rot13(s) FROM t", catalog=CATALOG, database="db").ok


def test_the_asking_command_leaves_what_it_does_not_ask(tmp_path: Path) -> None:
    relations = dict(re.findall(r"^%(\w+) = (.*)$", TEXT, re.MULTILINE))
    assert ask_functions.rewritten(TEXT, {}, relations) == TEXT
    asked = ask_functions.rewritten(TEXT, {"abs": "int", "len": "int", "pi": "?"}, relations)
    assert "abs: scalar\n    takes    int\n" in asked
    assert "len: scalar\n    alias    length\n\n" in asked
    assert "pi: scalar\n    gives" in asked


@pytest.mark.parametrize("digits", range(7))
def test_a_number_of_digits_is_a_constant_to_duckdb(digits: int) -> None:
    duckdb = pytest.importorskip("duckdb")
    name = TableName("db", "t")
    tables = {name: Table(name, (Column("x", DOUBLE),))}
    analysis = bind(parse(f"SELECT round(x, {digits}) AS y FROM t", database="db"), tables)
    sql = portable.compile(analysis, lambda table: "(SELECT 1.25::DOUBLE AS x)")
    assert duckdb.sql(sql).fetchone() == (round(1.25 + 1e-9, digits),)


def test_what_spark_writes_for_a_number_of_arguments() -> None:
    def shown(name: str, *arguments: str, star: bool = False) -> tuple[str, bool]:
        return names.call_name(functions()[name], len(arguments), arguments.__getitem__, star=star)

    assert shown("round", "a") == ("round(a, 0)", True)
    assert shown("round", "a", "b") == ("round(a, b)", True)
    assert shown("ceil", "a", "b") == ("CEIL(a, b)", False)
    assert shown("to_json", "a", "b") == ("to_json(a)", True)
    assert shown("to_json") == ("to_json()", True)
    assert shown("count", "*", star=True) == ("count(1)", True)
    assert shown("ceiling", "a") == ("ceiling(a)", True)
