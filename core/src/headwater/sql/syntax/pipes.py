"""Pipe syntax: `FROM t |> WHERE ... |> SELECT ...` as the nested SELECTs that it stands for.

Works on tokens, before sqlglot's parser (whose own reading of pipes merges stages that must not be
merged). Made-up tokens bear the place of the `|>` that they come from; names are always the
user's own.

    FROM t |> WHERE a > 1 |> AGGREGATE sum(b) GROUP BY c |> LIMIT 3
    SELECT * FROM (SELECT c, sum(b) FROM t WHERE a > 1 GROUP BY ALL) LIMIT 3

Source: Apache Spark, "SQL Pipe Syntax"; `SqlBaseParser.g4`, `operatorPipeRightSide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot.tokenizer_core import Token, TokenType

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.syntax.tokens import token_at, word_of

_SETS: Final = frozenset([TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT])
_JOINS: Final = frozenset(
    [
        TokenType.JOIN, TokenType.LEFT, TokenType.RIGHT, TokenType.FULL, TokenType.INNER,
        TokenType.CROSS, TokenType.NATURAL, TokenType.SEMI, TokenType.ANTI,
    ]
)  # fmt: skip
_ENDINGS: Final = frozenset(
    [
        TokenType.ORDER_BY, TokenType.SORT_BY, TokenType.DISTRIBUTE_BY, TokenType.CLUSTER_BY,
        TokenType.LIMIT, TokenType.OFFSET,
    ]
)  # fmt: skip
_AFTER_TABLE: Final = frozenset([TokenType.PIVOT, TokenType.UNPIVOT, TokenType.TABLE_SAMPLE])
_SUPPORTED: Final = (
    "SELECT, EXTEND, DROP, AS, WHERE, JOIN, AGGREGATE, UNION and the like, ORDER BY, LIMIT, PIVOT, "
    "UNPIVOT and TABLESAMPLE"
)


class _RefusedError(Exception):
    def __init__(self, token: Token, message: str, hint: str) -> None:
        super().__init__(message)
        self.token, self.message, self.hint = token, message, hint


def without_pipes(tokens: Sequence[Token], text: str) -> list[Token] | Diagnostic:
    """Return the tokens with every pipe replaced by what it stands for.

    Example: `FROM t |> WHERE i > 1 |> LIMIT 3` -> `SELECT * FROM t WHERE i > 1 LIMIT 3`
    """
    try:
        return _level(list(tokens))
    except _RefusedError as refused:
        at = Span(refused.token.start, refused.token.end + 1)
        return Diagnostic("pipe", refused.message, span=at, text=text, hint=refused.hint)


def _level(tokens: list[Token]) -> list[Token]:
    """Replace the pipes in brackets first, then those between them."""
    flat: list[Token] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.token_type is TokenType.L_PAREN:
            end = _closing(tokens, index)
            flat += [token, *_level(tokens[index + 1 : end]), tokens[end]]
            index = end
        else:
            flat.append(token)
        index += 1
    if not any(t.token_type is TokenType.PIPE_GT for t in flat):
        return flat
    stages = _split(flat, TokenType.PIPE_GT)
    if len(stages) == 1:
        return flat
    prefix, first = _with(stages[0][1])
    current = _Stage.first(first)
    for pipe, stage in stages[1:]:
        current = _apply(current, pipe, stage)
    return prefix + current.query(tokens[-1])


def _closing(tokens: Sequence[Token], start: int) -> int:
    depth = 0
    for index in range(start, len(tokens)):
        kind = tokens[index].token_type
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
        if depth == 0:
            return index
    return len(tokens) - 1


def _split(tokens: Sequence[Token], kind: TokenType) -> list[tuple[Token, list[Token]]]:
    """Cut at tokens of a kind that stand outside of brackets; each part with its cut."""
    if not tokens:
        return []
    parts: list[tuple[Token, list[Token]]] = [(tokens[0], [])]
    depth = 0
    for token in tokens:
        depth += token.token_type in (TokenType.L_PAREN, TokenType.L_BRACKET)
        depth -= token.token_type in (TokenType.R_PAREN, TokenType.R_BRACKET)
        if token.token_type is kind and depth == 0:
            parts.append((token, []))
        else:
            parts[-1][1].append(token)
    return parts


def _with(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    """Part WITH ... from the query after it: it holds for all stages."""
    if not tokens or tokens[0].token_type is not TokenType.WITH:
        return [], tokens
    index = 1
    while index < len(tokens):
        kind = tokens[index].token_type
        if kind is TokenType.L_PAREN:
            index = _closing(tokens, index)
            following = tokens[index + 1].token_type if index + 1 < len(tokens) else None
            if following not in (TokenType.COMMA, TokenType.ALIAS):
                return tokens[: index + 1], tokens[index + 1 :]
        index += 1
    return [], tokens


@dataclass(slots=True)
class _Stage:
    """A SELECT that is being put together.

    Args:
        source: What stands after FROM, joins included.
        where: The condition after WHERE.
        whole: A whole query instead, that nothing can be added to.
        name: The token of the name under which its columns are known, if it is one table's.
        ordered: Whether the whole query ends in ORDER BY: a LIMIT behind it takes the first rows.
    """

    source: list[Token] = field(default_factory=list)
    where: list[Token] = field(default_factory=list)
    whole: list[Token] | None = None
    name: Token | None = None
    ordered: bool = False

    @classmethod
    def first(cls, tokens: list[Token]) -> _Stage:
        """Return the stage before the first pipe."""
        starts = bool(tokens) and tokens[0].token_type is TokenType.FROM
        if starts and len(_split(tokens, TokenType.SELECT)) == 1:
            source = tokens[1:]
            names = source if all(t.token_type is not TokenType.JOIN for t in source) else []
            plain = names and not any(t.token_type is TokenType.COMMA for t in names)
            return cls(source=source, name=names[-1] if plain and _is_name(names[-1]) else None)
        endings = [p for k in _ENDINGS for p in _split(tokens, k)[1:]]
        for _, part in endings:
            raise _RefusedError(
                part[0] if part else tokens[-1],
                "ORDER BY and LIMIT can't stand before a pipe",
                "put the query before the pipe into brackets",
            )
        return cls(whole=tokens)

    def query(self, at: Token) -> list[Token]:
        """Return the stage as a query."""
        if self.whole is not None:
            return self.whole
        return self.select(at, [token_at(at, TokenType.STAR, "*")])

    def select(self, at: Token, items: list[Token], after: Sequence[Token] = ()) -> list[Token]:
        """Return the SELECT of these items."""
        source = self.source if self.whole is None else self._bracketed(at)
        where = [token_at(at, TokenType.WHERE, "WHERE"), *self.where] if self.where else []
        return [
            token_at(at, TokenType.SELECT, "SELECT"), *items,
            token_at(at, TokenType.FROM, "FROM"), *source, *where, *after,
        ]  # fmt: skip

    def _bracketed(self, at: Token) -> list[Token]:
        opening, closing = (
            token_at(at, TokenType.L_PAREN, "("),
            token_at(at, TokenType.R_PAREN, ")"),
        )
        inner = [opening, *(self.whole or ()), closing]
        return [*inner, self.name] if self.name is not None else inner

    def closed(self, at: Token) -> _Stage:
        """Return the stage as something that can be selected from."""
        whole = self.query(at)
        return _Stage(source=_Stage(whole=whole, name=self.name)._bracketed(at), name=self.name)


def _is_name(token: Token) -> bool:
    return token.token_type in (TokenType.VAR, TokenType.IDENTIFIER)


def _apply(before: _Stage, pipe: Token, stage: list[Token]) -> _Stage:
    """Return what a stage makes of the one before it."""
    if not stage:
        raise _RefusedError(pipe, "nothing follows this |>", f"stages: {_SUPPORTED}")
    head, rest = stage[0], stage[1:]
    word = word_of(head)
    if head.token_type is TokenType.WHERE:
        if before.whole is not None or before.where:
            before = before.closed(pipe)
        return _Stage(source=before.source, where=rest, name=before.name)
    if head.token_type in _JOINS:
        if before.whole is not None or before.where:
            before = before.closed(pipe)
        return _Stage(source=[*before.source, *stage])
    if head.token_type in _AFTER_TABLE:
        before = before.closed(pipe) if before.whole is not None or before.where else before
        return _Stage(source=[*before.source, *stage])
    if head.token_type is TokenType.LIMIT and before.ordered:
        return _Stage(whole=[*before.query(pipe), *stage], name=before.name)
    if head.token_type in _ENDINGS:
        also = _ENDINGS - ({TokenType.OFFSET} if head.token_type is TokenType.LIMIT else set())
        for other in (part for kind in also for _, part in _split(rest, kind)[1:]):
            raise _RefusedError(
                other[0] if other else head,
                "one stage sorts, or cuts off rows, and not both",
                "write |> ORDER BY ... |> LIMIT ...",
            )
        ordered = head.token_type is TokenType.ORDER_BY
        star = [token_at(pipe, TokenType.STAR, "*")]
        whole = before.select(pipe, star, stage)
        return _Stage(whole=whole, name=before.name, ordered=ordered)
    if head.token_type in _SETS:
        return _Stage(whole=[*before.query(pipe), *stage])
    if head.token_type is TokenType.SELECT:
        return _Stage(whole=_selected(before, pipe, rest))
    if word == "EXTEND":
        star = [token_at(pipe, TokenType.STAR, "*"), token_at(pipe, TokenType.COMMA, ",")]
        return _Stage(whole=before.select(pipe, [*star, *rest]), name=before.name)
    if word == "DROP":
        star = [
            token_at(pipe, TokenType.STAR, "*"),
            token_at(pipe, TokenType.EXCEPT, "EXCEPT"),
            token_at(pipe, TokenType.L_PAREN, "("), *rest, token_at(pipe, TokenType.R_PAREN, ")"),
        ]  # fmt: skip
        return _Stage(whole=before.select(pipe, star), name=before.name)
    if word == "AS" and len(rest) == 1:
        return _Stage(whole=before.query(pipe), name=rest[0])
    if word == "AGGREGATE":
        return _Stage(whole=_aggregated(before, pipe, rest))
    hint = f"stages: {_SUPPORTED}"
    if word == "SET":
        hint = "write |> SELECT * EXCEPT (a), ... AS a, which has the column last"
    raise _RefusedError(head, f"the stage |> {head.text} ... is not read here", hint)


def _selected(before: _Stage, pipe: Token, rest: list[Token]) -> list[Token]:
    parts = _split(rest, TokenType.WINDOW)
    if not parts:
        raise _RefusedError(pipe, "nothing follows |> SELECT", "name columns, or write *")
    windows = [t for cut, part in parts[1:] for t in (cut, *part)]
    return before.select(pipe, parts[0][1], windows)


def _aggregated(before: _Stage, pipe: Token, rest: list[Token]) -> list[Token]:
    """The group's keys come first, then the aggregates."""
    parts = _split(rest, TokenType.GROUP_BY)
    if not parts:
        raise _RefusedError(
            pipe, "nothing follows |> AGGREGATE", "name an aggregate, e.g. count(*)"
        )
    items = parts[0][1]
    if len(parts) == 1:
        return before.select(pipe, items)
    cut, keys = parts[1]
    if len(keys) == 1 and keys[0].token_type is TokenType.ALL:
        raise _RefusedError(keys[0], "GROUP BY ALL has no place here", "name the columns")
    for _, key in _split(keys, TokenType.COMMA) if keys else ():
        if len(key) == 1 and key[0].token_type is TokenType.NUMBER:
            raise _RefusedError(key[0], "a number is no name of a group here", "name the column")
    comma = [token_at(pipe, TokenType.COMMA, ",")] if items else []
    grouped = [cut, token_at(pipe, TokenType.ALL, "ALL")]
    return before.select(pipe, [*keys, *comma, *items], grouped)
