"""Trino's text to sqlglot's tree, in which every call keeps its name and its arguments as written.

sqlglot's parser replaces functions by others (`element_at(m, k)` by `m[k]`), which loses what
decides whether they carry over. A mark on the name's token makes a call an `exp.Anonymous`.
"""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]

from headwater.untrusted import limits
from headwater_glue.query.athena.values import UntranslatableError

_MARK: Final = "\x01"
_OWN_SYNTAX: Final = frozenset({"cast", "try_cast", "extract", "unnest", "exists", "any", "all"})
"""Words whose parentheses hold more than arguments; these stay with sqlglot's parser."""
_CALLED: Final = frozenset(
    {TokenType.VAR, TokenType.DATE, TokenType.REPLACE, TokenType.ROW, TokenType.MAP,
     TokenType.ARRAY, TokenType.TIMESTAMP, TokenType.TIME, TokenType.LEFT, TokenType.RIGHT}
)  # fmt: skip
"""Tokens that name a function where a parenthesis follows."""
_OPENING: Final = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.CASE})
_UNCONDITIONAL: Final = frozenset({TokenType.CROSS, TokenType.NATURAL})
_CONDITIONS: Final = frozenset({TokenType.ON, TokenType.USING})
_MOST_WAITING: Final = 8
_CLOSING: Final = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.END})
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")


def parse_trino(text: str) -> exp.Query:
    """Return the one query of a text in Trino's SQL.

    Raises:
        UntranslatableError: If it can't be read as one.
    """
    if len(text) > limits.QUERY_CHARACTERS:
        raise UntranslatableError(
            None, f"it has {len(text):,} characters; {limits.QUERY_CHARACTERS:,} are the most"
        )
    dialect = Trino()
    try:
        tokens = dialect.tokenize(text)
        _check_depth(tokens)
        trees = dialect.parser().parse(_marked(tokens), text)
    except (
        SqlglotError,
        RecursionError,
        ValueError,
        AttributeError,
        TypeError,
        LookupError,
        AssertionError,
    ) as error:  # what sqlglot may raise over a text that is no SQL
        message = _ANSI.sub("", str(error)).partition("\n")[0]
        raise UntranslatableError(None, f"it can't be read: {message}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise UntranslatableError(None, "it is not one query")
    tree = trees[0]
    for node in tree.walk():
        this = node.args.get("this")
        if isinstance(this, str) and this.endswith(_MARK):
            node.set("this", this.removesuffix(_MARK).lower())
    return tree


def _check_depth(tokens: list[Token]) -> None:
    if len(tokens) > limits.QUERY_TOKENS:
        raise UntranslatableError(
            None, f"it has {len(tokens):,} words and signs; {limits.QUERY_TOKENS:,} are the most"
        )
    depth = 0
    waiting = [0]  # for each open bracket, how many joins in it wait for their conditions
    before: Token | None = None
    for token in tokens:
        kind, kind_before = token.token_type, before.token_type if before is not None else None
        before = token
        if kind is TokenType.L_PAREN:
            waiting.append(0)
        elif kind is TokenType.R_PAREN and len(waiting) > 1:
            waiting.pop()
        elif kind is TokenType.JOIN and kind_before not in _UNCONDITIONAL:
            waiting[-1] += 1
        elif kind in _CONDITIONS:
            waiting[-1] = max(0, waiting[-1] - 1)
        if waiting[-1] > _MOST_WAITING:
            # sqlglot tries each of them with and without: twice as long for each one more.
            raise UntranslatableError(None, "its joins lack conditions, or nest them too deep")
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth > limits.QUERY_LEVELS:
            raise UntranslatableError(None, f"it nests deeper than {limits.QUERY_LEVELS} levels")


def _marked(tokens: list[Token]) -> list[Token]:
    marked: list[Token] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if (
            following is not None
            and following.token_type is TokenType.L_PAREN
            and token.token_type in _CALLED
            and token.text.lower() not in _OWN_SYNTAX
            and not (marked and marked[-1].token_type is TokenType.ALIAS)
        ):
            text = token.text + _MARK
            token = Token(TokenType.VAR, text, token.line, token.col, token.start, token.end)
        marked.append(token)
    return marked
