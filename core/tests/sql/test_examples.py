"""The examples in docstrings of `headwater.sql`: "Example: `SQL` -> `what comes of it`".

What comes of it is, by room,

    syntax           the tokens after the step that the example is of
    guard, binding   codes of what is found, else the columns of the result
    pruning          for each table the column that a window on `ts` reaches, or what is in the way;
                     for `conditions` what is known of partition keys, for `request` what a source
                     is asked
    portable         the DuckDB SQL of one expression; `...` stands for any text

Tables `t` and `u` have the columns of COLUMNS; `dt` is a partition key.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from sqlglot.tokenizer_core import Token

import headwater.sql
from headwater.diagnostics import Diagnostic
from headwater.sql import portable
from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.pruning import key_conditions, row_shares, scan_requests, windows
from headwater.sql.syntax.joins import with_conditions
from headwater.sql.syntax.lexer import lex
from headwater.sql.syntax.pipes import without_pipes
from headwater.sql.syntax.pivot_fields import with_one_field
from headwater.sql.syntax.short_forms import spelled_out
from headwater.sql.syntax.tokens import parser_tokens
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

ROOMS: Final = ("syntax", "guard", "binding", "pruning", "portable")
ROOT: Final = Path(headwater.sql.__file__).parent
_EXAMPLE: Final = re.compile(r"^ *Example: `(.+?)`\s+-> `(.+)`$", re.MULTILINE)
COLUMNS: Final = {
    "i": "int", "b": "bigint", "d": "double", "s": "string", "o": "boolean", "ts": "timestamp",
    "day": "date", "a": "array<int>", "st": "struct<x:int>", "m": "map<string,double>",
    "dt": "string",
}  # fmt: skip
TABLES: Final = {
    TableName("db", name): Table(
        TableName("db", name),
        tuple(Column(c, parse_type(text)) for c, text in COLUMNS.items()),
        ("dt",),
    )
    for name in ("t", "u")
}
STEPS: Final = (with_one_field, without_pipes, spelled_out, with_conditions)


@dataclass(frozen=True)
class Example:
    """An example of a docstring.

    Args:
        room: The folder.
        function: `module.function`, or the module.
        sql: What stands before the arrow.
        outcome: What stands behind it.
    """

    room: str
    function: str
    sql: str
    outcome: str

    def __str__(self) -> str:
        return f"{self.function}-{self.sql[:40]}"


def examples() -> Iterator[Example]:
    """Yield the examples of all rooms."""
    for room in ROOMS:
        for path in sorted((ROOT / room).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                    name = path.stem if isinstance(node, ast.Module) else f"{path.stem}.{node.name}"
                    for sql, outcome in _EXAMPLE.findall(ast.get_docstring(node) or ""):
                        yield Example(room, name, sql, outcome)


def analysed(sql: str) -> Analysis:
    return bind(parse(sql, database="db"), TABLES)


def rewritten(sql: str, function: str) -> str:
    tokens: list[Token] | Diagnostic = parser_tokens(sql, lex(sql)[0])
    for step in STEPS:
        assert isinstance(tokens, list)
        tokens = step(tokens, sql)
        if step.__name__ == function:
            break
    return tokens.code if isinstance(tokens, Diagnostic) else " ".join(t.text for t in tokens)


def checked(sql: str, _: str) -> str:
    analysis = analysed(sql)
    if analysis.diagnostics:
        return ", ".join(dict.fromkeys(d.code for d in analysis.diagnostics))
    return ", ".join(f"{c.name} {c.type}" for c in analysis.columns)


def pruned(sql: str, function: str) -> str:
    analysis = analysed(sql)
    assert analysis.ok, sql
    if function == "divisible":
        return ", ".join(r.name.name for r in row_shares.divisible(analysis))
    if function == "request":
        (reference,) = analysis.parsed.references
        asked = scan_requests.request(analysis, reference, [])
        return " and ".join(map(str, asked.conditions))
    if function == "conditions":
        (reference,) = analysis.parsed.references
        conditions = key_conditions.conditions(analysis, reference)
        return ", ".join(f"{c.key} {c.operator} {' '.join(c.values)}" for c in conditions)
    reached = windows.reach(analysis, "ts")
    return ", ".join(
        f"{r.name.name}.{v.table_column}" if isinstance(v, windows.Reaches) else v.reason
        for r, v in zip(analysis.parsed.references, reached.values(), strict=True)
    )


def compiled(sql: str, _: str) -> str:
    whole = sql.startswith("SELECT ")
    analysis = analysed(sql if whole else f"SELECT named_struct('v', {sql}) AS v FROM t AS t")
    assert analysis.ok, sql
    text, refused = portable.compiled(analysis, lambda name: f'"{name.name}"')
    if text is None:
        return f"refused: {refused[0].message.partition(' answer for ')[2]}"
    if whole:
        return text
    match = re.search(r"\{'v': (.*)\} AS STRUCT\(", text, re.DOTALL)
    assert match, text
    return match[1].replace("t1.", "")


ANSWERS: Final[dict[str, Callable[[str, str], str]]] = {
    "syntax": rewritten,
    "guard": checked,
    "binding": checked,
    "pruning": pruned,
    "portable": compiled,
}


def outcome(room: str, function: str, sql: str) -> str:
    return ANSWERS[room](sql, function.rpartition(".")[2])


@pytest.mark.parametrize("example", list(examples()), ids=str)
def test_it_is_so(example: Example) -> None:
    got = outcome(example.room, example.function, example.sql)
    pattern = ".*".join(map(re.escape, example.outcome.split("...")))
    assert re.fullmatch(pattern, got, re.DOTALL), got


def test_each_room_has_examples() -> None:
    assert {e.room for e in examples()} == set(ROOMS)
