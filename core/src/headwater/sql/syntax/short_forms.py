"""Shorter forms of Spark's that sqlglot reads otherwise or not at all, spelled out in tokens.

    VALUES (1) UNION ALL SELECT 2       SELECT * FROM VALUES (1) UNION ALL SELECT 2
    a JOIN VALUES (1), (2) AS b (x)     a JOIN (VALUES (1), (2)) AS b (x)
    r (n) MAX RECURSION LEVEL 9 AS      r (n) AS
    PIVOT (sum(a) + 1 AS s FOR ...)     PIVOT (PIVOTED(sum(a) + 1) AS s FOR ...)

Made-up tokens bear the place of the token that they stand at. What `PIVOTED` is around stands alone
in the tree again (`unwrapped`).

Source: Apache Spark 4.1, `SqlBaseParser.g4`: `inlineTable`, `namedQuery`, `pivotClause`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from headwater.diagnostics import Diagnostic
from headwater.sql.syntax.tokens import MARK, token_at, word_of

_PIVOTED: Final = f"pivoted{MARK}{MARK}"
_SETS: Final = frozenset([TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT])
_AFTER_SETS: Final = frozenset([TokenType.ALL, TokenType.DISTINCT])
_TAILS: Final = _SETS | {
    TokenType.ORDER_BY, TokenType.SORT_BY, TokenType.LIMIT, TokenType.OFFSET,
}  # fmt: skip
_MAX: Final = "MAX"
_OPENING: Final = frozenset([TokenType.L_PAREN, TokenType.L_BRACKET])
_CLOSING: Final = frozenset([TokenType.R_PAREN, TokenType.R_BRACKET])
_NAMES: Final = frozenset([TokenType.VAR, TokenType.IDENTIFIER])
_VALUE_ENDS: Final = _CLOSING | {
    TokenType.NUMBER, TokenType.STRING, TokenType.NULL, TokenType.TRUE, TokenType.FALSE,
}  # fmt: skip
_AFTER_VALUES: Final = _SETS | {
    TokenType.ALIAS, TokenType.ON, TokenType.USING, TokenType.JOIN, TokenType.LEFT,
    TokenType.RIGHT, TokenType.FULL, TokenType.INNER, TokenType.CROSS, TokenType.NATURAL,
    TokenType.SEMI, TokenType.ANTI, TokenType.LATERAL, TokenType.PIVOT, TokenType.UNPIVOT,
    TokenType.WHERE, TokenType.GROUP_BY, TokenType.HAVING, TokenType.QUALIFY, TokenType.WINDOW,
    TokenType.ORDER_BY, TokenType.SORT_BY, TokenType.DISTRIBUTE_BY, TokenType.CLUSTER_BY,
    TokenType.LIMIT, TokenType.OFFSET,
}  # fmt: skip


def spelled_out(tokens: Sequence[Token], text: str) -> list[Token] | Diagnostic:
    """Return the tokens with each of these forms spelled out.

    Example: `VALUES (1)` -> `SELECT * FROM VALUES ( 1 )`
    """
    rewritten: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        kind = token.token_type
        if kind is TokenType.VALUES and _is_query(tokens, index):
            rewritten += [
                token_at(token, TokenType.SELECT, "SELECT"),
                token_at(token, TokenType.STAR, "*"),
                token_at(token, TokenType.FROM, "FROM"),
                token,
            ]
        elif kind is TokenType.VALUES and rewritten and rewritten[-1].token_type is TokenType.JOIN:
            end = _end_of_values(tokens, index + 1)
            rewritten.append(token_at(token, TokenType.L_PAREN, "("))
            rewritten += tokens[index:end]
            rewritten.append(token_at(tokens[end - 1], TokenType.R_PAREN, ")"))
            index = end
            continue
        elif len(token.text) == len(_MAX) and _is_recursion_level(tokens, index):
            index += 4
            if index < len(tokens) and tokens[index].token_type is TokenType.L_PAREN:
                rewritten.append(token_at(tokens[index], TokenType.ALIAS, "AS"))
            continue
        elif (
            kind is TokenType.L_PAREN and rewritten and rewritten[-1].token_type is TokenType.PIVOT
        ):
            end = _end_of_aggregates(tokens, index + 1)
            rewritten.append(token)
            rewritten += _pivoted(tokens[index + 1 : end])
            index = end
            continue
        else:
            rewritten.append(token)
        index += 1
    return rewritten


def unwrapped(tree: exp.Expr) -> None:
    """Remove `PIVOTED(...)` from around the expressions of a PIVOT."""
    for node in list(tree.find_all(exp.Anonymous)):
        if node.this == _PIVOTED and len(node.expressions) == 1:
            node.replace(node.expressions[0])


def _is_query(tokens: Sequence[Token], index: int) -> bool:
    """Whether VALUES is a query, and no table of FROM."""
    if index == 0:
        return True
    before = tokens[index - 1].token_type
    earlier = tokens[index - 2].token_type if index > 1 else None
    if before in _SETS or (before in _AFTER_SETS and earlier in _SETS):
        return True
    if before is not TokenType.L_PAREN:
        return False
    return earlier is TokenType.ALIAS or _has_tail(tokens, index)


def _has_tail(tokens: Sequence[Token], index: int) -> bool:
    """Whether in these brackets more follows than values and a name."""
    depth = 0
    for token in tokens[index:]:
        kind = token.token_type
        if depth == 0 and kind in _TAILS:
            return True
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if depth < 0:
            return False
    return False


def _end_of_values(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        named = kind in _NAMES and tokens[index - 1].token_type in _VALUE_ENDS
        if depth == 0 and (kind in _AFTER_VALUES or kind in _CLOSING or named):
            return index
        depth += (kind in _OPENING) - (kind in _CLOSING)
    return len(tokens)


def _is_recursion_level(tokens: Sequence[Token], index: int) -> bool:
    """Whether `MAX RECURSION LEVEL 9` stands here, behind the name of a recursive query."""
    if word_of(tokens[index]) != _MAX:
        return False
    phrase = [word_of(t) for t in tokens[index : index + 3]]
    if phrase != [_MAX, "RECURSION", "LEVEL"] or index + 4 >= len(tokens) or index == 0:
        return False
    after = tokens[index + 4].token_type
    recursive = any(t.token_type is TokenType.RECURSIVE for t in tokens[:index])
    return (
        recursive
        and tokens[index + 3].token_type is TokenType.NUMBER
        and tokens[index + 3].text.isdigit()
        and tokens[index - 1].token_type in _NAMES | {TokenType.R_PAREN}
        and after in (TokenType.ALIAS, TokenType.L_PAREN)
    )


def _end_of_aggregates(tokens: Sequence[Token], start: int) -> int:
    """Index of a PIVOT's FOR."""
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        if depth == 0 and (kind is TokenType.FOR or kind in _CLOSING):
            return index
        depth += (kind in _OPENING) - (kind in _CLOSING)
    return len(tokens)


def _pivoted(tokens: Sequence[Token]) -> list[Token]:
    """The aggregates of a PIVOT; those that are more than one call are put into one."""
    rewritten: list[Token] = []
    depth = start = 0
    for index in range(len(tokens) + 1):
        kind = tokens[index].token_type if index < len(tokens) else TokenType.COMMA
        if depth == 0 and kind is TokenType.COMMA:
            rewritten += _as_call(tokens[start:index])
            rewritten += tokens[index : index + 1]
            start = index + 1
        depth += (kind in _OPENING) - (kind in _CLOSING)
    return rewritten


def _as_call(item: Sequence[Token]) -> list[Token]:
    end = len(item)
    if end > 2 and item[-2].token_type is TokenType.ALIAS:
        end -= 2
    elif end > 1 and item[-1].token_type in _NAMES and item[-2].token_type in _VALUE_ENDS:
        end -= 1
    if end == 0 or _is_call(item[:end]):
        return list(item)
    return [
        token_at(item[0], TokenType.VAR, _PIVOTED),
        token_at(item[0], TokenType.L_PAREN, "("),
        *item[:end],
        token_at(item[end - 1], TokenType.R_PAREN, ")"),
        *item[end:],
    ]


def _is_call(item: Sequence[Token]) -> bool:
    """Whether these tokens are `name(...)` and nothing more."""
    if len(item) < 3 or item[1].token_type is not TokenType.L_PAREN:
        return False
    depth = 0
    for index, token in enumerate(item):
        kind = token.token_type
        depth += (kind in _OPENING) - (kind in _CLOSING)
        if index and depth == 0:
            return index == len(item) - 1
    return False
