"""What a PIVOT would make, counted before it is parsed.

In Spark a PIVOT has one `FOR column IN (values)`. sqlglot reads any number of them, and makes up a
name for each combination of their values and the aggregates while it parses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from headwater.diagnostics import Diagnostic, Span
from headwater.untrusted import limits

PIVOTS: Final = frozenset([TokenType.PIVOT, TokenType.UNPIVOT])
_OPENING: Final = frozenset([TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE])
_CLOSING: Final = frozenset([TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE])


def with_one_field(tokens: Sequence[Token], text: str) -> list[Token] | Diagnostic:
    """Return the tokens, or what is wrong with a PIVOT or UNPIVOT among them.

    Example: `SELECT * FROM t PIVOT (sum(i) FOR s IN ('a') FOR d IN (1))` -> `syntax`
    """
    for index, token in enumerate(tokens[:-1]):
        opens = tokens[index + 1].token_type is TokenType.L_PAREN
        if token.token_type in PIVOTS and opens:
            problem = _problem(tokens, index, text)
            if problem is not None:
                return problem
    return list(tokens)


def _problem(tokens: Sequence[Token], index: int, text: str) -> Diagnostic | None:
    pivot, first = tokens[index], tokens[index + 1]
    depth, commas = 0, 0
    aggregates = aggregates_length = 0
    listed: Token | None = None
    """Behind FOR: the bracket that opens the values."""
    after_for = False
    for place in range(index + 1, len(tokens)):
        token = tokens[place]
        kind = token.token_type
        if kind in _OPENING:
            depth += 1
            if depth == 2 and after_for and tokens[place - 1].token_type is TokenType.IN:
                listed, commas = token, 0
        elif kind in _CLOSING:
            depth -= 1
            if depth == 0:
                return None
            if depth == 1 and listed is not None:
                if place + 1 < len(tokens) and tokens[place + 1].token_type not in _CLOSING:
                    return _more(pivot, tokens[place + 1], text)
                values, length = commas + 1, token.start - listed.start
                if pivot.token_type is TokenType.PIVOT:
                    return _too_many(pivot, values * aggregates, aggregates_length * values
                                     + length * aggregates, text)  # fmt: skip
                return None
        elif kind is TokenType.COMMA and depth == (2 if listed is not None else 1):
            commas += 1
        elif kind is TokenType.FOR and depth == 1 and not after_for:
            after_for, aggregates, aggregates_length = True, commas + 1, token.start - first.start
    return None


def _more(pivot: Token, token: Token, text: str) -> Diagnostic:
    name = pivot.text.upper()
    return Diagnostic(
        "syntax", f"behind its IN (...) this {name} goes on; Spark's has one FOR and one IN",
        span=Span(token.start, token.end + 1), text=text,
        hint=f"write {name} (... FOR column IN (...)); several columns stand in brackets",
    )  # fmt: skip


def _too_many(pivot: Token, columns: int, characters: int, text: str) -> Diagnostic | None:
    if columns <= limits.QUERY_COLUMNS and characters <= limits.SQL_CHARACTERS:
        return None
    most = f"{limits.QUERY_COLUMNS:,} columns"
    if columns <= limits.QUERY_COLUMNS:
        most = f"{limits.SQL_CHARACTERS:,} characters of names"
    return Diagnostic(
        "too-much-work", f"this PIVOT makes more than {most}",
        span=Span(pivot.start, pivot.end + 1), text=text,
        hint="name fewer values, take fewer aggregates, or give them shorter names",
    )  # fmt: skip
