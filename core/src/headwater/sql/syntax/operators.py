"""Operators that sqlglot's parser loses or does not know: a plus before a value, and `>>>`.

sqlglot reads `+ a` as `a`; to Spark it is `positive(a)`: of a text it makes a number, and it has a
place in the name of a column. `a >>> b` is no operator of sqlglot's at all. Both go through its
parser as operators of the same rank that Spark does not have, and are what they are in the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.syntax.tokens import BEFORE_VALUES, word_of

UNSIGNED: Final = "unsigned"
"""Part of a BitwiseRightShift that was written `>>>`."""

_CUTS: Final = frozenset([TokenType.LIMIT, TokenType.OFFSET])
_STAND_INS: Final = frozenset([TokenType.PIPE_SLASH, TokenType.DQMARK])
SIGNS: Final = _CUTS | _STAND_INS | {TokenType.PLUS, TokenType.GT}
"""Where none of these is among the tokens, none is changed, and nothing is restored."""
_BEFORE_VALUES: Final = BEFORE_VALUES | _STAND_INS
"""What a value follows; a plus behind anything else adds."""


def with_stand_ins(tokens: Sequence[Token], text: str) -> list[Token] | Diagnostic:
    """Return the tokens with what stands for `+ a` and `a >>> b` in sqlglot's parser."""
    rewritten: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        kind = token.token_type
        if kind in _STAND_INS:
            return Diagnostic(
                "syntax", f"Spark has no operator {token.text}", text=text,
                span=Span(token.start, token.end + 1), hint="write another operator",
            )  # fmt: skip
        if kind is TokenType.GT and _is_unsigned(tokens, index):
            rewritten.append(_stand_in(token, TokenType.DQMARK, tokens[index + 2].end))
            index += 3
            continue
        if kind is TokenType.PLUS and word_of(rewritten[-1] if rewritten else token) == "INTERVAL":
            index += 1  # the sign of an interval's number
            continue
        if kind in _CUTS and index + 1 < len(tokens):
            if kind is TokenType.LIMIT and len(rewritten) > 1 and rewritten[-2].token_type in _CUTS:
                return Diagnostic(
                    "limit", f"LIMIT stands before {rewritten[-2].text.upper()}", text=text,
                    span=Span(token.start, token.end + 1), hint="write LIMIT 10 OFFSET 5",
                )  # fmt: skip
            rewritten.append(token)
            index += 1
            after = _without_signs(tokens, index)
            if after is None:
                return _no_number(token, tokens[index], text)
            index = after
            continue
        if kind is TokenType.PLUS and (not rewritten or rewritten[-1].token_type in _BEFORE_VALUES):
            token = _stand_in(token, TokenType.PIPE_SLASH, token.end)
        rewritten.append(token)
        index += 1
    return rewritten


def _without_signs(tokens: Sequence[Token], index: int) -> int | None:
    """Return where the number of a LIMIT begins behind its signs; None if it is a sum, or none."""
    start = index
    while index < len(tokens) and tokens[index].token_type is TokenType.PLUS:
        index += 1
    if index == start:
        return start
    here, after = tokens[index : index + 1], tokens[index + 1 : index + 2]
    number = bool(here) and here[0].token_type is TokenType.NUMBER
    goes_on = bool(after) and after[0].token_type in _BEFORE_VALUES - _CUTS
    return index if number and not goes_on else None


def _no_number(token: Token, first: Token, text: str) -> Diagnostic:
    return Diagnostic(
        "limit", f"{token.text.upper()} takes one whole number here", text=text,
        span=Span(token.start, first.end + 1), hint="write the number itself, e.g. LIMIT 10",
    )  # fmt: skip


def restored(tree: exp.Expr, tokens: Sequence[Token], text: str) -> Diagnostic | None:
    """Put into the tree what the stand-ins stand for.

    Args:
        tree: As parsed; it is changed.
        tokens: What it was parsed from.
        text: The user's text.

    Returns:
        What is wrong with a plus that the parser did not read as an operator.
    """
    added = 0
    for node in list(tree.walk()):
        added += isinstance(node, exp.Add)
        if isinstance(node, exp.Sqrt):
            node.replace(exp.Anonymous(this="positive", expressions=[node.this]))
        elif isinstance(node, exp.Coalesce):
            if len(node.expressions) != 1:
                return Diagnostic(
                    "syntax", "an operand of >>> is missing", text=text, hint="write a >>> 2"
                )
            shift = exp.BitwiseRightShift(this=node.this, expression=node.expressions[0])
            shift.set(UNSIGNED, True)
            node.replace(shift)
    pluses = [t for t in tokens if t.token_type is TokenType.PLUS]
    if len(pluses) <= added:  # the parser also adds the parts of INTERVAL '1 day 2 hours'
        return None
    return Diagnostic(
        "two-readings", "a + here can be read in two ways", text=text,
        span=Span(pluses[0].start, pluses[0].end + 1) if pluses else None,
        hint="put brackets around what it adds",
    )  # fmt: skip


def _is_unsigned(tokens: Sequence[Token], index: int) -> bool:
    three = tokens[index : index + 3]
    return (
        len(three) == 3
        and all(t.token_type is TokenType.GT for t in three)
        and three[2].start == three[0].start + 2
    )


def _stand_in(like: Token, kind: TokenType, end: int) -> Token:
    return Token(kind, like.text, like.line, like.col, like.start, end)
