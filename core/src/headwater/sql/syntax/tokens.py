"""From Spark's tokens to those that sqlglot's parser reads.

sqlglot cuts the text as well; here its tokens are checked against Spark's (`lexer`), one by one,
and changed where its parser would lose what the analysis needs:

- a call `name(...)` keeps its name and its arguments as written. sqlglot's parser replaces most
  functions by others (`nvl` by COALESCE, `date_sub(d, 1)` by an addition of `1 * -1`,
  `first(x, true)` by IGNORE NULLS); a mark on the name's token makes it an `exp.Anonymous`;
- a number keeps its suffix (`1L` is a literal, not a TRY_CAST);
- a string has the value that Spark gives it; adjacent strings are one;
- `DATE '...'` is told from CAST by a mark in the string;
- words that are keywords for sqlglot, and plain names for Spark, are names (`stream`, `glob`);
- hints and comments are left out (the guard reads hints from Spark's tokens).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Final

from sqlglot.dialects.databricks import Databricks
from sqlglot.parsers.databricks import DatabricksParser
from sqlglot.tokenizer_core import Token, TokenType

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.syntax import lexer
from headwater.sql.syntax.lexer import Lexeme
from headwater.sql.syntax.words import words

MARK: Final = "\udfff"
"""Ends the name of a call that sqlglot must not interpret. It is half of a character, which a
text holds only where an escape says so (`'\\udfff'`)."""

WRITTEN: Final = "written"
"""Comment of a bracket that the user wrote: sqlglot's parser makes some of its own."""

_OWN_SYNTAX: Final = words("CASE CAST EXTRACT OVERLAY POSITION SUBSTR SUBSTRING TRIM TRY_CAST")
"""Words whose parentheses hold more than arguments; these stay with sqlglot's parser."""

_KEYWORDS: Final = words(
    """
    ALL AND ANTI ANY ARRAY AS ASC BETWEEN BIGINT BINARY BOOLEAN BYTE CASE CHAR CHARACTER COLLATE
    CREATE CROSS CUBE CURRENT_DATE CURRENT_TIMESTAMP CURRENT_USER DATE DEC DECIMAL DELETE DESC
    DISTINCT DIV DOUBLE DROP ELSE END ESCAPE EXCEPT EXISTS FALSE FILTER FIRST FLOAT FOR FROM FULL
    HAVING ILIKE IN INNER INSERT INT INTEGER INTERSECT INTERVAL INTO IS JOIN LATERAL LEFT LIKE
    LIMIT LONG MAP MERGE MINUS NATURAL NOT NULL NUMERIC OFFSET ON OR OUTER OVER PERCENT PIVOT
    QUALIFY RANGE REAL RECURSIVE REGEXP RIGHT RLIKE ROLLUP ROW ROWS SELECT SEMI SESSION_USER SHORT
    SMALLINT SOME STRING STRUCT TABLE TABLESAMPLE THEN TIMESTAMP TIMESTAMP_LTZ TIMESTAMP_NTZ TINYINT
    TRUE UNION UNKNOWN UNPIVOT UPDATE USING VALUES VARCHAR VARIANT VIEW VOID WHEN WHERE WINDOW WITH
    """
)
"""Words that sqlglot's parser gets as keywords; INSERT and its like so that it refuses them."""

_PHRASES: Final = frozenset(
    [
        "CLUSTER BY", "DISTRIBUTE BY", "GROUP BY", "GROUPING SETS", "ORDER BY", "PARTITION BY",
        "SORT BY",
    ]
)  # fmt: skip
"""Several words that are one token for sqlglot's parser."""

_INTERPRETED: Final = (
    frozenset(DatabricksParser.FUNCTIONS)
    | frozenset(DatabricksParser.FUNCTION_PARSERS)
    | frozenset(DatabricksParser.NO_PAREN_FUNCTION_PARSERS)
) - _OWN_SYNTAX
_TYPED_LITERALS: Final = frozenset(["DATE", "TIMESTAMP", "TIMESTAMP_NTZ", "TIMESTAMP_LTZ"])
"""Words that make a literal of the string after them; sqlglot makes a CAST of it."""

_PATTERN_WORDS: Final = frozenset([TokenType.LIKE, TokenType.ILIKE, TokenType.RLIKE])
_QUANTIFIERS: Final = frozenset([TokenType.ANY, TokenType.ALL, TokenType.SOME])

_TYPES: Final = words(
    """
    ARRAY BIGINT BINARY BOOLEAN BYTE CHAR CHARACTER DATE DEC DECIMAL DOUBLE FLOAT INT INTEGER LONG
    MAP NUMERIC REAL SHORT SMALLINT STRING STRUCT TIMESTAMP TIMESTAMP_LTZ TIMESTAMP_NTZ TINYINT
    VARCHAR VARIANT VOID
    """
)
"""Words that are keywords where a type is named, or before a literal, and names elsewhere."""

_TYPE_OPENS: Final = frozenset([TokenType.L_PAREN, TokenType.LT])
_TYPE_CLOSES: Final = frozenset([TokenType.R_PAREN, TokenType.GT])
_CASTS: Final = frozenset(["CAST", "TRY_CAST"])
BEFORE_VALUES: Final = frozenset(
    [
        TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.COMMA, TokenType.PLUS, TokenType.DASH,
        TokenType.STAR, TokenType.SLASH, TokenType.MOD, TokenType.DIV, TokenType.TILDE,
        TokenType.AMP, TokenType.PIPE, TokenType.CARET, TokenType.DPIPE, TokenType.EQ,
        TokenType.NEQ, TokenType.LT, TokenType.LTE, TokenType.GT, TokenType.GTE,
        TokenType.NULLSAFE_EQ, TokenType.ARROW, TokenType.FARROW, TokenType.COLON, TokenType.NOT,
        TokenType.SELECT, TokenType.DISTINCT, TokenType.ALL, TokenType.WHERE, TokenType.HAVING,
        TokenType.QUALIFY, TokenType.ON, TokenType.AND, TokenType.OR, TokenType.CASE,
        TokenType.WHEN, TokenType.THEN, TokenType.ELSE, TokenType.BETWEEN, TokenType.LIKE,
        TokenType.ILIKE, TokenType.RLIKE, TokenType.ESCAPE, TokenType.IN, TokenType.FROM,
        TokenType.FOR, TokenType.GROUP_BY, TokenType.ORDER_BY, TokenType.SORT_BY,
        TokenType.PARTITION_BY, TokenType.DISTRIBUTE_BY, TokenType.CLUSTER_BY, TokenType.LIMIT,
        TokenType.OFFSET, TokenType.VALUES, TokenType.ROWS, TokenType.RANGE,
    ]
)  # fmt: skip
"""What a value follows."""
_LIMITS: Final = frozenset([TokenType.LIMIT, TokenType.OFFSET])
_AFTER_LIMITS: Final = frozenset([TokenType.NUMBER, TokenType.ALL])
_BEFORE_LIMIT_COLUMNS: Final = (
    BEFORE_VALUES | {TokenType.DOT, TokenType.ALIAS, TokenType.HINT}
) - {TokenType.ALL}  # LIMIT ALL OFFSET +1
"""Behind these, `limit + 1` is a sum."""
_LITERALS: Final = {
    lexer.STRING: frozenset([TokenType.STRING, TokenType.RAW_STRING]),
    lexer.NUMBER: frozenset([TokenType.NUMBER]),
    lexer.BINARY: frozenset([TokenType.HEX_STRING]),
    lexer.QUOTED: frozenset([TokenType.IDENTIFIER]),
}
_ANY_LITERAL: Final = frozenset().union(*_LITERALS.values())
_AS_THEY_ARE: Final = frozenset([lexer.WORD, lexer.OPERATOR])
"""Kinds of what both lexers cut alike, mostly."""

# Kinds that each token is compared with: to look one up in the enumeration takes longer than the
# rest of a step.
_NAME: Final = TokenType.VAR
_TEXT: Final = TokenType.STRING
_HINTED: Final = TokenType.HINT
_OPENS: Final = TokenType.L_PAREN
_CLOSES: Final = TokenType.R_PAREN
_AS: Final = TokenType.ALIAS
_TYPED: Final = TokenType.DCOLON


@cache
def dialect() -> Databricks:
    """Return sqlglot's Spark dialect."""
    return Databricks()


def parser_tokens(text: str, lexemes: Sequence[Lexeme]) -> list[Token] | Diagnostic:
    """Return the tokens for sqlglot's parser, or where the two lexers do not agree.

    Args:
        text: The text, up to the end of the last lexeme.
        lexemes: The same text as Spark cuts it.

    Raises:
        sqlglot.errors.TokenError: If sqlglot's lexer can't cut the text at all.
    """
    tokens: list[Token] = []
    at = covered = 0
    count = len(lexemes)
    for token in dialect().tokenize(text):
        start, end = token.start, token.end + 1
        if end <= covered:
            continue  # what sqlglot makes of a number's suffix, of the `5` in `.5`, of `''`
        kind = token.token_type
        if at < count and kind not in _ANY_LITERAL and kind is not _HINTED:
            alike = lexemes[at]
            if alike.start == start and alike.end == end and alike.kind in _AS_THEY_ARE:
                if alike.kind == lexer.WORD and alike.word not in _KEYWORDS:
                    token.token_type = _NAME
                token.text = alike.text
                token.comments = []
                at, covered = at + 1, end
                tokens.append(token)
                continue
        group = _group(lexemes, at, start, end)
        parser_token = _parser_token(token, group)
        if not group or parser_token is None:
            return _disagreement(text, Span(start, max(end, start + 1)))
        at, covered = at + len(group), group[-1].end
        if token.token_type is TokenType.HINT:
            continue
        if tokens and parser_token.token_type is TokenType.STRING is tokens[-1].token_type:
            before = tokens.pop()
            parser_token = _token(
                parser_token,
                TokenType.STRING,
                before.text + parser_token.text,
                before.start,
                covered,
            )
        tokens.append(parser_token)
    if at < len(lexemes):
        return _disagreement(text, lexemes[at].span)
    return _marked(tokens)


def _group(lexemes: Sequence[Lexeme], at: int, start: int, end: int) -> Sequence[Lexeme]:
    """Spark's tokens that one token of sqlglot covers; several words make one `GROUP BY`."""
    if at >= len(lexemes) or lexemes[at].start != start:
        return ()
    if lexemes[at].end == end or lexemes[at].kind in (lexer.NUMBER, lexer.STRING):
        return (lexemes[at],)
    last = at
    while last < len(lexemes) and lexemes[last].end < end:
        last += 1
    return lexemes[at : last + 1] if last < len(lexemes) and lexemes[last].end == end else ()


def _parser_token(token: Token, group: Sequence[Lexeme]) -> Token | None:
    """The token for the parser, or None where its kind is not the one that Spark sees."""
    if not group:
        return None
    first = group[0]
    end = group[-1].end
    if first.kind == lexer.HINT:
        return token if token.token_type is TokenType.HINT else None
    if len(group) > 1:
        is_phrase = token.text in _PHRASES and all(x.kind == lexer.WORD for x in group)
        return _token(token, token.token_type, token.text, first.start, end) if is_phrase else None
    if first.kind == lexer.NUMBER:
        starts = token.token_type in (TokenType.NUMBER, TokenType.DOT)
        return _token(token, TokenType.NUMBER, first.text, first.start, end) if starts else None
    if first.kind in _LITERALS:
        if token.token_type not in _LITERALS[first.kind]:
            return None
        kind = TokenType.STRING if first.kind == lexer.STRING else token.token_type
        return _token(token, kind, first.text, first.start, end)
    if token.token_type in _ANY_LITERAL:
        return None
    is_name = first.kind == lexer.WORD and first.word not in _KEYWORDS
    kind = TokenType.VAR if is_name else token.token_type
    return _token(token, kind, first.text, first.start, end)


def _token(like: Token, kind: TokenType, text: str, start: int, end: int) -> Token:
    return Token(kind, text, like.line, like.col, start, end - 1)


def _marked(tokens: list[Token]) -> list[Token]:
    """Mark the names of calls that sqlglot would interpret."""
    types = _type_places(tokens)
    for token in tokens:
        if token.text.endswith(MARK):
            token.text += MARK  # the user's own: one is taken off
    before: Token | None = None
    for index, (token, following) in enumerate(pairwise(tokens)):
        kind = token.token_type
        following_kind = following.token_type
        literal = following_kind is _TEXT
        if index not in types and not literal and word_of(token) in _TYPES:
            # A name, or a function's; sqlglot would first try a type, at every level anew.
            token.token_type = TokenType.VAR
        elif kind in _LIMITS and not _cuts(before, following):
            token.token_type = TokenType.VAR  # a name: `t.offset`
        if kind is _OPENS:
            token.comments.append(WRITTEN)
        if following_kind is _OPENS and kind is not _TEXT:
            if kind is TokenType.WINDOW:
                token.token_type = TokenType.VAR  # the function; the clause has a name before `(`
            if token.text.upper() in _INTERPRETED and not _is_quantifier(token, before):
                token.text += MARK
        elif literal and word_of(token) in _TYPED_LITERALS:
            following.text += MARK
        before = token
    return tokens


def _cuts(before: Token | None, following: Token) -> bool:
    """Whether LIMIT or OFFSET is the clause, and no column of that name."""
    if following.token_type is not TokenType.PLUS:
        return following.token_type in _AFTER_LIMITS
    return before is not None and before.token_type not in _BEFORE_LIMIT_COLUMNS


def token_at(place: Token, kind: TokenType, text: str) -> Token:
    """Return a token that the text does not have; errors point to the place of another one."""
    return Token(kind, text, place.line, place.col, place.start, place.end)


def word_of(token: Token) -> str:
    """Return a bare word in upper case; empty for anything else, a string of that text included."""
    return "" if token.token_type in _ANY_LITERAL else token.text.upper()


def _type_places(tokens: Sequence[Token]) -> set[int]:
    """Indexes of the tokens that name a type: in `CAST(x AS ...)` and behind `::`."""
    places: set[int] = set()
    casts: list[bool] = []  # for each open bracket, whether it is that of a CAST
    inside = 0  # how deep the bracket is whose type is being named
    for index, token in enumerate(tokens):
        kind = token.token_type
        if kind is _OPENS:
            casts.append(index > 0 and word_of(tokens[index - 1]) in _CASTS)
        elif kind is _CLOSES and casts:
            inside = 0 if inside == len(casts) else inside
            casts.pop()
        elif kind is _AS and casts and casts[-1] and not inside:
            inside = len(casts)
        elif kind is _TYPED:
            places |= _type_behind(tokens, index + 1)
        if inside:
            places.add(index)
    return places


def _type_behind(tokens: Sequence[Token], start: int) -> set[int]:
    """The type behind `::`: a word, with what stands in brackets after it."""
    end, depth = start + 1, 0
    while end < len(tokens):
        kind = tokens[end].token_type
        opens, closes = kind in _TYPE_OPENS, kind in _TYPE_CLOSES
        if not depth and not opens:
            break
        depth += opens - closes
        end += 1
    return set(range(start, end))


def _is_quantifier(token: Token, before: Token | None) -> bool:
    """Whether ANY or ALL belongs to `LIKE ANY (...)`, and is no call."""
    pattern = before is not None and before.token_type in _PATTERN_WORDS
    return pattern and token.token_type in _QUANTIFIERS


def _disagreement(text: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "two-readings",
        f"{text[span.start : span.end]!r} can be read in two ways",
        span=span,
        text=text,
        hint="put spaces around operators, and write each string and number on its own",
    )
