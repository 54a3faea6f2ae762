"""Aggregates in the stages of a pipe: they stand behind `|> AGGREGATE`, and nowhere else.

Source: Apache Spark 4.1, `PIPE_OPERATOR_CONTAINS_AGGREGATE_FUNCTION`,
`PIPE_OPERATOR_AGGREGATE_EXPRESSION_CONTAINS_NO_AGGREGATE_FUNCTION`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.functions import named
from headwater.sql.syntax import lexer
from headwater.sql.syntax.lexer import Lexeme

_OPENING: Final = frozenset("([")
_CLOSING: Final = frozenset(")]")
_QUERIES: Final = frozenset({"SELECT", "FROM", "WITH", "VALUES", "TABLE"})
_BEHIND_CALLS: Final = frozenset({"FILTER", "WITHIN", "GROUP", "IGNORE", "RESPECT", "NULLS"})


def check_pipes(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Yield aggregates where a stage has none, and an AGGREGATE without one.

    Example: `FROM t |> SELECT sum(i) AS s` -> `pipe`
    """
    for index, token in enumerate(lexemes):
        if token.symbol != "|>" or index + 1 == len(lexemes):
            continue
        head, stage = lexemes[index + 1], lexemes[index + 2 : _end(lexemes, index + 1)]
        if head.word in ("SELECT", "EXTEND"):
            for call in _aggregates(stage):
                yield Diagnostic(
                    "pipe", f"{call.text}() is an aggregate, and |> {head.word} has none",
                    span=call.span, text=text,
                    hint=f"write |> AGGREGATE {call.text}(...) AS name GROUP BY ...",
                )  # fmt: skip
        elif head.word == "AGGREGATE":
            for item in _items(stage):
                if next(_aggregates(item), None) is None:
                    yield Diagnostic(
                        "pipe", "this is no aggregate, and stands behind |> AGGREGATE",
                        span=Span(item[0].start, item[-1].end), text=text,
                        hint="take an aggregate of it, e.g. max(...), or write it behind GROUP BY",
                    )  # fmt: skip


def _end(lexemes: Sequence[Lexeme], start: int, ends: str = "|>") -> int:
    """Return where it ends: before what ends it (the next pipe), or the bracket around it."""
    depth = 0
    for index in range(start, len(lexemes)):
        symbol = lexemes[index].symbol
        depth += (symbol in _OPENING) - (symbol in _CLOSING)
        if depth < 0 or (depth == 0 and symbol == ends):
            return index
    return len(lexemes)


def _items(stage: Sequence[Lexeme]) -> Iterator[Sequence[Lexeme]]:
    """Yield what stands between the commas before GROUP BY."""
    start = 0
    while start < len(stage) and stage[start].word != "GROUP":
        end = _end(stage, start, ",")
        group = next((i for i in range(start, end) if _groups(stage, i)), end)
        if group > start:
            yield stage[start:group]
        if group < end:
            return
        start = end + 1


def _groups(stage: Sequence[Lexeme], index: int) -> bool:
    """Whether GROUP BY stands here, and no WITHIN GROUP."""
    return [x.word for x in stage[index : index + 2]] == ["GROUP", "BY"]


def _aggregates(lexemes: Sequence[Lexeme]) -> Iterator[Lexeme]:
    """Yield the names of aggregates that are called, not over a window, nor in a subquery."""
    index = 0
    while index + 1 < len(lexemes):
        token, after = lexemes[index], lexemes[index + 1]
        if token.symbol == "(" and after.word in _QUERIES:
            index = _end(lexemes, index + 1, ")") + 1
            continue
        called = token.kind in (lexer.WORD, lexer.QUOTED) and after.symbol == "("
        aggregate = called and named(token.text.strip("`").lower()).kind == "aggregate"
        if aggregate and not _is_over(lexemes, index + 1):
            yield token
        index += 1


def _is_over(lexemes: Sequence[Lexeme], opening: int) -> bool:
    index = _end(lexemes, opening + 1) + 1
    while index < len(lexemes) and lexemes[index].word in _BEHIND_CALLS:
        index += 1
        if index < len(lexemes) and lexemes[index].symbol == "(":
            index = _end(lexemes, index + 1) + 1
    return index < len(lexemes) and lexemes[index].word == "OVER"
