"""Columns whose names are words of SQL: Spark takes them for names, sqlglot for the words.

`SELECT coalesce(all, k)` is a call of two columns to Spark; sqlglot reads `coalesce(ALL k)` and
forgets the word. Where such a word has nothing to govern it can only be a name, and is refused
until it is quoted. Found by putting every keyword of sqlglot's Spark dialects into every place of
an expression.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.syntax import lexer
from headwater.sql.syntax.lexer import Lexeme
from headwater.sql.syntax.words import words

_QUANTIFIERS: Final = frozenset(["ALL", "DISTINCT"])
_BEFORE_QUANTIFIERS: Final = words("BY UNION EXCEPT MINUS INTERSECT IS NOT LIMIT")
_SET_OPERATIONS: Final = words("UNION EXCEPT MINUS INTERSECT")
_BEFORE_EXPRESSIONS: Final = words(
    """
    SELECT DISTINCT ALL BY WHERE WHEN THEN ELSE AND OR NOT ON HAVING BETWEEN CASE LIKE RLIKE
    """
)
_PREFIXES: Final = frozenset("-+*~([")
_AFTER_NAMES: Final = words("IS FROM AND OR THEN ELSE END WHEN WHERE GROUP ORDER HAVING LIMIT ASC")


_BANG_IS_NOT_NOT: Final = words("IN LIKE ILIKE RLIKE REGEXP BETWEEN NULL TRUE FALSE UNKNOWN")


def check_names(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Yield the unquoted words that stand where only a name can be meant.

    Example: `SELECT coalesce(all, i) FROM t` -> `syntax`
    """
    for index, token in enumerate(lexemes):
        before = lexemes[index - 1] if index else None
        if token.kind != lexer.WORD:
            if token.symbol in ("!", "-"):
                yield from _sign(text, lexemes, index)
            continue
        after = lexemes[index + 1] if index + 1 < len(lexemes) else None
        if _is_name(token.word, before, after):
            yield Diagnostic(
                "syntax", f"{token.text} is a word of SQL and has nothing to do here",
                span=token.span, text=text,
                hint=f"if it is a name, write `{token.text}` in backticks",
            )  # fmt: skip


def _sign(text: str, lexemes: Sequence[Lexeme], index: int) -> Iterator[Diagnostic]:
    """Yield a `!` in the place of NOT, and a minus that `::` leaves out, or takes in, as one likes.

    To Spark the minus of `-1::STRING` is the number's, of `-a::STRING` the text's.
    """
    token, rest = lexemes[index], lexemes[index + 1 : index + 3]
    if token.symbol == "!" and index and rest and rest[0].word in _BANG_IS_NOT_NOT:
        operand = lexemes[index - 1]
        if operand.word == "IS" or _ends_an_operand(operand):
            yield Diagnostic(
                "syntax", "! negates a whole condition; it can't stand for NOT here",
                span=token.span, text=text, hint="write NOT",
            )  # fmt: skip
    if token.symbol == "-" and len(rest) == 2 and rest[0].kind == lexer.NUMBER:
        signs = not index or not _ends_an_operand(lexemes[index - 1])
        if signs and rest[1].symbol == "::":
            yield Diagnostic(
                "two-readings", f"-{rest[0].text}:: can be read in two ways",
                span=Span(token.start, rest[1].end), text=text,
                hint=f"write CAST(-{rest[0].text} AS ...)",
            )  # fmt: skip


def _ends_an_operand(token: Lexeme) -> bool:
    if token.kind == lexer.OPERATOR:
        return token.symbol in (")", "]")
    return token.word not in _BEFORE_EXPRESSIONS


def _is_name(word: str, before: Lexeme | None, after: Lexeme | None) -> bool:
    word_before = before.word if before else ""
    if word_before == "AS" or (before is not None and before.symbol == "."):
        return False  # an alias or a field: sqlglot takes it for a name too
    if before is not None and before.symbol == "|>":
        return False  # the stage `|> AS name`
    next_symbol = after.symbol if after else ""
    if word == "DISTINCT" and word_before == "BY":
        return True  # GROUP BY ALL is something to Spark; sqlglot reads over BY DISTINCT
    if word in _QUANTIFIERS:
        return word_before not in _BEFORE_QUANTIFIERS and _ends_a_name(after)
    if word == "AS":
        return (
            before is None
            or after is None
            or _begins_an_expression(before)
            or (after.kind == lexer.OPERATOR and after.symbol != "(")
        )
    if word == "VALUES":
        return _ends_a_name(after)
    if word in _SET_OPERATIONS:
        return _ends_a_name(after) or (before is not None and before.symbol == ",")
    if word == "TABLESAMPLE":
        return next_symbol != "("
    return word in ("IN", "NOT") and _ends_a_name(after)


def _begins_an_expression(token: Lexeme) -> bool:
    """Return whether what follows a token is the first word of an expression."""
    if token.kind == lexer.OPERATOR:
        return token.symbol not in (")", "]", "*")
    return token.word in _BEFORE_EXPRESSIONS


def _ends_a_name(token: Lexeme | None) -> bool:
    """Return whether a token goes on after a name, rather than begin an expression or a query."""
    if token is None:
        return True
    if token.kind == lexer.OPERATOR:
        return token.symbol not in _PREFIXES
    return token.word in _AFTER_NAMES
