"""Joins without a condition get one, so that sqlglot reads them as Spark does.

In Spark a join's right side is one table, and its condition, if it has any, stands right behind
it. sqlglot allows `a JOIN b JOIN c ON .. ON ..` as well; it tries that for each join without a
condition, which takes twice as long for each one more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from headwater.diagnostics import Diagnostic, Span

_SIDES: Final = frozenset(
    [
        TokenType.LEFT, TokenType.RIGHT, TokenType.FULL, TokenType.INNER, TokenType.OUTER,
        TokenType.SEMI, TokenType.ANTI, TokenType.CROSS, TokenType.NATURAL,
    ]
)  # fmt: skip
_UNCONDITIONAL: Final = frozenset([TokenType.CROSS, TokenType.NATURAL])
_CONDITIONS: Final = frozenset([TokenType.ON, TokenType.USING])
_ENDS: Final = _SIDES | {
    TokenType.JOIN, TokenType.COMMA, TokenType.LATERAL, TokenType.PIVOT, TokenType.UNPIVOT,
    TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY, TokenType.WINDOW,
    TokenType.ORDER_BY, TokenType.SORT_BY, TokenType.DISTRIBUTE_BY, TokenType.CLUSTER_BY,
    TokenType.LIMIT, TokenType.OFFSET, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT,
    TokenType.SELECT, TokenType.PIPE_GT,
}  # fmt: skip
_JOINS: Final = frozenset([TokenType.JOIN])
_OPENING: Final = frozenset([TokenType.L_PAREN, TokenType.L_BRACKET])
_CLOSING: Final = frozenset([TokenType.R_PAREN, TokenType.R_BRACKET])


def with_conditions(tokens: Sequence[Token], text: str) -> list[Token] | Diagnostic:
    """Return the tokens with `ON TRUE` behind each join that has no condition of its own.

    Example: `SELECT 1 FROM t JOIN u WHERE o` -> `SELECT 1 FROM t JOIN u ON TRUE WHERE o`

    Returns:
        The tokens, or what is wrong with a JOIN that no table follows.
    """
    rewritten: list[Token] = []
    waiting = [False]  # for each open bracket, whether a join in it waits for its condition
    for index, token in enumerate(tokens):
        kind = token.token_type
        if waiting[-1] and _ends(tokens, index):
            rewritten += _condition(tokens[index - 1])
            waiting[-1] = False
        if kind in _OPENING:
            waiting.append(False)
        elif kind in _CLOSING and len(waiting) > 1:
            waiting.pop()
        elif kind in _CONDITIONS:
            waiting[-1] = False
        elif kind in _JOINS:
            if index + 1 == len(tokens) or _ends(tokens, index + 1):
                return _nothing_joined(token, text)
            waiting[-1] = not _unconditional(tokens, index)
        rewritten.append(token)
    return [*rewritten, *_condition(tokens[-1])] if waiting[-1] else rewritten


def _nothing_joined(token: Token, text: str) -> Diagnostic:
    return Diagnostic(
        "syntax", "this JOIN names no table", span=Span(token.start, token.end + 1), text=text,
        hint="write JOIN table ON condition",
    )  # fmt: skip


def _ends(tokens: Sequence[Token], index: int) -> bool:
    """Whether the table that is joined ends before this token."""
    kind = tokens[index].token_type
    if kind is TokenType.LATERAL:
        return tokens[index - 1].token_type is not TokenType.JOIN  # LATERAL VIEW, or a next item
    return kind in _ENDS or kind in _CLOSING


def _unconditional(tokens: Sequence[Token], index: int) -> bool:
    while index > 0 and tokens[index - 1].token_type in _SIDES:
        index -= 1
        if tokens[index].token_type in _UNCONDITIONAL:
            return True
    return False


def _condition(after: Token) -> list[Token]:
    return [
        Token(kind, text, after.line, after.col, after.end, after.end)
        for kind, text in ((TokenType.ON, "ON"), (TokenType.TRUE, "TRUE"))
    ]
