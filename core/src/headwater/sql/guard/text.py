"""What may not be in a query's text, seen on Spark's own tokens.

This comes before sqlglot reads them: whatever sqlglot may make of the text, these findings stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.guard.literals import check_numbers, check_typed_literals
from headwater.sql.guard.names import check_names
from headwater.sql.guard.pipes import check_pipes
from headwater.sql.syntax import lexer
from headwater.sql.syntax.lexer import Lexeme
from headwater.sql.syntax.words import words
from headwater.types.text import TypeTextError, parse_type
from headwater.untrusted import limits

_QUERY_WORDS: Final = frozenset(["SELECT", "WITH", "FROM", "VALUES"])
_PREFIXES: Final = frozenset(["NOT", "!", "-", "+", "~", "->", "INTERVAL", "DISTINCT", "ALL"])
_OPENING: Final = frozenset(["(", "[", "CASE"])
_CLOSING: Final = frozenset([")", "]", "END"])
_NAMES: Final = frozenset([lexer.WORD, lexer.QUOTED])
_NESTED_TYPES: Final = frozenset(["ARRAY", "MAP", "STRUCT"])
_OPERAND_ENDS: Final = frozenset([")", "]"])
_VERSIONS: Final = frozenset(["VERSION", "TIMESTAMP", "SYSTEM_VERSION", "SYSTEM_TIME"])
_HINTS: Final = words(
    """
    BROADCAST BROADCASTJOIN COALESCE MAPJOIN MERGE MERGEJOIN REBALANCE REPARTITION
    REPARTITION_BY_RANGE SHUFFLE_HASH SHUFFLE_MERGE SHUFFLE_REPLICATE_NL
    """
)
_CASTS: Final = frozenset(["CAST", "TRY_CAST"])
_INTERVAL_WORDS: Final = words("YEAR MONTH DAY HOUR MINUTE SECOND TO")
_LIMITS: Final = frozenset(["LIMIT", "OFFSET"])
_AFTER_LIMIT: Final = frozenset([")", "|>", ";"])
_HINT_PUNCTUATION: Final = frozenset("(),.")
_BEFORE_COMMA: Final = frozenset(["(", "[", ","])
_CLAUSES: Final = {
    "WHERE": 1, "GROUP": 2, "HAVING": 3, "ORDER": 4, "CLUSTER": 4, "DISTRIBUTE": 4, "SORT": 4,
    "LIMIT": 5, "OFFSET": 5,
}  # fmt: skip
"""The clauses of a SELECT, in the order in which Spark reads them; sqlglot takes them in any."""
_WITH_BY: Final = frozenset(["GROUP", "ORDER", "CLUSTER", "DISTRIBUTE", "SORT"])
_NEW_SELECT: Final = words("SELECT UNION EXCEPT MINUS INTERSECT |>")
_BEFORE_STAR: Final = frozenset(["SELECT", "DISTINCT", "ALL", ",", "(", "."])
_SET_QUANTIFIERS: Final = frozenset(["ALL", "DISTINCT"])
_BEFORE_SELECT: Final = words("ALL DISTINCT UNION EXCEPT MINUS INTERSECT")
_AFTER_COMMA: Final = frozenset([")", "]", ","])
_AFTER_LISTS: Final = words("FROM WHERE GROUP HAVING ORDER LIMIT")
_AS_SELECT: Final = {
    "VALUES": "write SELECT * FROM VALUES ...",
    "TABLE": "write SELECT * FROM and the table",
}
_SUPPORTED: Final = "write one query: SELECT ..., or WITH ... SELECT ..."


def statement_end(text: str, lexemes: Sequence[Lexeme]) -> tuple[int, list[Diagnostic]]:
    """Return where the one statement ends, its closing `;` left out, and what follows it.

    Example: `SELECT 1; DROP TABLE t` -> `multiple-statements`
    """
    for index, token in enumerate(lexemes):
        if token.symbol == ";":
            rest = [x for x in lexemes[index:] if x.symbol != ";"]
            if not rest:
                return (lexemes[index - 1].end if index else 0), []
            finding = Diagnostic(
                "multiple-statements",
                "a query is one statement; another one follows here",
                span=Span(rest[0].start, rest[-1].end),
                text=text,
                hint="keep one; a `;` inside a string needs quotes around it",
            )
            return lexemes[-1].end, [finding]
    return (lexemes[-1].end if lexemes else 0), []


def half_a_character(text: str) -> Diagnostic:
    """Return the refusal of a text with half of a surrogate pair, which no engine accepts."""
    at = next(i for i, c in enumerate(text) if "\ud800" <= c <= "\udfff")
    return Diagnostic(
        "unexpected-character",
        f"the text holds half of a character (the lone surrogate U+{ord(text[at]):04X})",
        span=Span(at, at + 1), text=text, hint="write the whole character",
    )  # fmt: skip


def too_long(text: str) -> Diagnostic:
    """Return the refusal of a text that is longer than any query."""
    most = limits.QUERY_CHARACTERS
    return Diagnostic(
        "too-long", f"the query has {len(text):,} characters; {most:,} are the most",
        hint="put long lists of values into a table and join it",
    )  # fmt: skip


def too_many_tokens(lexemes: Sequence[Lexeme]) -> Diagnostic:
    """Return the refusal of a text of more words and signs than any query."""
    most = limits.QUERY_TOKENS
    return Diagnostic(
        "too-long", f"the query has {len(lexemes):,} words and signs; {most:,} are the most",
        hint="put long lists of values into a table and join it",
    )  # fmt: skip


def not_a_query(text: str, lexemes: Sequence[Lexeme]) -> Diagnostic:
    """Return the refusal of a statement that is no query."""
    word = next((x for x in lexemes if x.kind == lexer.WORD), None)
    if word is None:
        return Diagnostic(
            "empty-query", "there is no query in this text", text=text, hint=_SUPPORTED
        )
    first = word.text.upper()
    if first in ("VALUES", "TABLE"):
        return Diagnostic(
            "not-a-query", f"{first} stands alone; a query of SELECT is read",
            span=word.span, text=text, hint=_AS_SELECT[first],
        )  # fmt: skip
    more = "this statement does more than that" if first in _QUERY_WORDS else f"this is {first} ..."
    return Diagnostic(
        "not-a-query", f"only queries are read; {more}",
        span=word.span, text=text, hint=_SUPPORTED,
    )  # fmt: skip


def check_statement(text: str, lexemes: Sequence[Lexeme]) -> list[Diagnostic]:
    """Return what keeps a statement from being given to sqlglot at all.

    Example: `INSERT INTO t SELECT 1` -> `not-a-query`
    """
    first = next((x for x in lexemes if x.symbol != "("), None)
    if first is None or first.word not in _QUERY_WORDS:
        return [not_a_query(text, lexemes)]
    return [*_depth(text, lexemes), *_points(text, lexemes)]


def check_words(text: str, lexemes: Sequence[Lexeme]) -> list[Diagnostic]:
    """Return what the tokens alone show to be refused.

    Example: `SELECT db.upper(s) FROM t` -> `qualified-function`
    """
    return [
        *_substitutions(text),
        *_words(text, lexemes),
        *_hints(text, lexemes),
        *_types(text, lexemes),
        *_limits(text, lexemes),
        *_qualified_calls(text, lexemes),
        *check_numbers(text, lexemes),
        *_gaps(text, lexemes),
        *_exceptions(text, lexemes),
        *_clauses(text, lexemes),
        *_from_first(text, lexemes),
        *check_pipes(text, lexemes),
        *check_names(text, lexemes),
        *check_typed_literals(text, lexemes),
    ]


def _qualified_calls(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Yield calls of functions by more than one name, wherever they stand.

    Spark looks for `other_db.range(1)` in that database, and has none of its own functions there;
    sqlglot keeps such names in several shapes of its tree, and forgets some.
    """
    for index, (point, name, bracket) in enumerate(
        zip(lexemes, lexemes[1:], lexemes[2:], strict=False)
    ):
        if point.symbol != "." or bracket.symbol != "(" or name.kind not in _NAMES:
            continue
        start = index
        while start > 0 and lexemes[start].symbol == "." and lexemes[start - 1].kind in _NAMES:
            start -= 2
        yield Diagnostic(
            "qualified-function", "functions are called by their bare names",
            span=Span(lexemes[start + 1].start, name.end), text=text,
            hint="leave out what stands before the last dot",
        )  # fmt: skip


def _substitutions(text: str) -> Iterator[Diagnostic]:
    at = text.find("${")
    if at >= 0:
        yield Diagnostic(
            "substitution",
            "Spark replaces ${...} before it reads the query, inside strings and comments too",
            span=Span(at, at + 2),
            text=text,
            hint="write the value itself; for the two characters in a string: concat('$', '{')",
        )


def _words(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    for index, token in enumerate(lexemes[:-1]):
        following = lexemes[index + 1]
        word = token.word
        if word == "USING" and following.kind == lexer.STRING:
            yield Diagnostic(
                "script-transform",
                "TRANSFORM, MAP and REDUCE ... USING run a program on the engine",
                span=Span(token.start, following.end), text=text,
                hint="use SQL functions, or TRANSFORM(array, x -> ...) for arrays",
            )  # fmt: skip
        elif word == "IDENTIFIER" and following.symbol == "(":
            yield Diagnostic(
                "identifier-clause",
                "IDENTIFIER(...) makes a name at run time, so that it can't be checked",
                span=token.span, text=text, hint="write the name itself",
            )  # fmt: skip
        elif word == "AS" and following.word == "OF" and _is_version(lexemes, index):
            yield Diagnostic(
                "time-travel", "a table's past versions are not read",
                span=Span(lexemes[index - 1].start, following.end), text=text,
                hint="leave out VERSION AS OF and TIMESTAMP AS OF",
            )  # fmt: skip
        elif token.symbol == ":" and _is_parameter(lexemes, index):
            yield _parameter(text, Span(token.start, following.end))
    for token in lexemes:
        if token.symbol == "?":
            yield _parameter(text, token.span)


def _is_version(lexemes: Sequence[Lexeme], index: int) -> bool:
    before = lexemes[index - 1] if index else None
    return before is not None and before.word in _VERSIONS


def _is_parameter(lexemes: Sequence[Lexeme], index: int) -> bool:
    """`:name` is a parameter where no operand ends before it; else it picks from a JSON text."""
    if index == 0:
        return True
    before = lexemes[index - 1]
    if before.kind == lexer.OPERATOR:
        return before.symbol not in _OPERAND_ENDS
    return before.end != lexemes[index].start


def _parameter(text: str, span: Span) -> Diagnostic:
    return Diagnostic(
        "parameter", "parameters have no values here", span=span, text=text,
        hint="write the value itself",
    )  # fmt: skip


def _hints(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    inside = False
    depth = 0
    for index, token in enumerate(lexemes):
        if token.kind == lexer.HINT:
            inside, depth = token.text == "/*+", 0
            if inside and (index == 0 or lexemes[index - 1].word != "SELECT"):
                yield _hint(text, token, "a hint stands right after SELECT")
                inside = False
        elif inside:
            depth += {"(": 1, ")": -1}.get(token.symbol, 0)
            problem = _hint_problem(token, depth)
            if lexemes[index - 1].kind == token.kind != lexer.OPERATOR:
                problem = f"a comma is missing before {token.text!r}"
            if problem is not None:
                yield _hint(text, token, problem)
                inside = False


def _hint_problem(token: Lexeme, depth: int) -> str | None:
    """Why a token can't stand in a hint: names of hints, with names and numbers in brackets."""
    if token.kind == lexer.OPERATOR:
        fits = token.text in _HINT_PUNCTUATION and depth <= 1
    elif depth == 0:
        return None if token.word in _HINTS else f"{token.text!r} is no hint that is admitted"
    else:
        fits = token.kind in (lexer.WORD, lexer.QUOTED, lexer.NUMBER)
    return None if fits else f"{token.text!r} has no place in a hint"


def _hint(text: str, token: Lexeme, message: str) -> Diagnostic:
    return Diagnostic(
        "hint", message, span=token.span, text=text,
        hint=f"hints that are admitted: {', '.join(sorted(_HINTS))}, with names and numbers",
    )  # fmt: skip


def _depth(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Refuse what nests too deep: brackets, CASE, types, lambdas, runs of prefix operators."""
    selects = [x for x in lexemes if x.word == "SELECT"]
    if len(selects) > limits.QUERY_SELECTS:
        yield Diagnostic(
            "too-much-work", f"the query has more than {limits.QUERY_SELECTS:,} SELECTs",
            span=selects[limits.QUERY_SELECTS].span, text=text,
            hint="part the query, or join a table of what is looked up",
        )  # fmt: skip
        return
    pipes = [x for x in lexemes if x.symbol == "|>"]
    if len(pipes) > limits.QUERY_TERMS:
        yield too_many_terms(text, pipes[limits.QUERY_TERMS].span)
        return
    levels = [0]  # for each open bracket or CASE, how many lambdas began inside of it
    angles = run = casts = 0
    before = ""
    for index, token in enumerate(lexemes):
        word = token.word or token.symbol
        run = run + 1 if word in _PREFIXES else 0
        if word in _OPENING:
            levels.append(0)
        elif word in _CLOSING and len(levels) > 1:
            levels.pop()
        elif word == "->":
            levels[-1] += 1
        elif word == "<" and before in _NESTED_TYPES:
            angles += 1
        elif word == ">":
            angles = max(0, angles - 1)
        elif word == "::":
            after = index + 1 + len(_type_after(lexemes, index + 1))
            casts = casts + 1 if after < len(lexemes) and lexemes[after].symbol == "::" else 0
            run = casts
        before = word
        if len(levels) + levels[-1] + angles > limits.QUERY_LEVELS or run > limits.QUERY_LEVELS:
            yield too_deep(text, token.span)
            return


def too_deep(text: str, span: Span | None) -> Diagnostic:
    """Return the refusal of a query that nests deeper than can be read safely."""
    return Diagnostic(
        "too-deep", f"the query nests deeper than {limits.QUERY_LEVELS} levels here",
        span=span, text=text,
        hint="move inner parts into WITH ... AS (...)",
    )  # fmt: skip


def too_many_terms(text: str, span: Span | None) -> Diagnostic:
    """Return the refusal of a row of terms that engines nest into each other."""
    return Diagnostic(
        "too-deep", f"more than {limits.QUERY_TERMS} terms in a row", span=span, text=text,
        hint="for values write IN (...), or join a table of them; part the query",
    )  # fmt: skip


def _points(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """A point wants a name behind it, or a star; sqlglot makes up an empty one."""
    for index, token in enumerate(lexemes):
        if token.symbol != ".":
            continue
        after = lexemes[index + 1] if index + 1 < len(lexemes) else None
        if after is None or (after.kind == lexer.OPERATOR and after.symbol != "*"):
            yield Diagnostic(
                "syntax", "a name is missing behind the point", span=token.span, text=text,
                hint="write the name, or leave the point out",
            )  # fmt: skip


def _types(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Check the types that CAST and `::` name: sqlglot knows those of other engines as well."""
    casts: list[bool] = []
    for index, token in enumerate(lexemes):
        if token.symbol == "(":
            before = lexemes[index - 1] if index else token
            casts.append(before.word in _CASTS)
        elif token.symbol == ")" and casts:
            casts.pop()
        elif token.word == "AS" and casts and casts[-1]:
            yield from _type(text, _until_closed(lexemes, index + 1))
        elif token.symbol == "::":
            yield from _type(text, _type_after(lexemes, index + 1))


def _until_closed(lexemes: Sequence[Lexeme], start: int) -> Sequence[Lexeme]:
    depth = 0
    for index in range(start, len(lexemes)):
        depth += {"(": 1, ")": -1}.get(lexemes[index].symbol, 0)
        if depth < 0:
            return lexemes[start:index]
    return lexemes[start:]


def _type_after(lexemes: Sequence[Lexeme], start: int) -> Sequence[Lexeme]:
    """The type behind `::`: a word, with what stands in brackets after it."""
    end, depth = start + 1, 0
    if start < len(lexemes) and lexemes[start].word == "INTERVAL":
        while end < len(lexemes) and lexemes[end].word in _INTERVAL_WORDS:
            end += 1
    while end < len(lexemes):
        depth += {"(": 1, "<": 1, ")": -1, ">": -1}.get(lexemes[end].symbol, 0)
        if depth == 0 and lexemes[end].symbol not in (")", ">"):
            break
        if depth < 0:
            break
        end += 1
    return lexemes[start:end]


def _type(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    if not lexemes:
        return  # sqlglot's parser says so
    type_text = " ".join(f"`{x.text}`" if x.kind == lexer.QUOTED else x.text for x in lexemes)
    try:
        parse_type(type_text)
    except TypeTextError as error:
        yield Diagnostic(
            "unknown-type",
            str(error),
            span=Span(lexemes[0].start, lexemes[-1].end),
            text=text,
            hint="e.g. STRING, INT, BIGINT, DOUBLE, DECIMAL(10,2), DATE, TIMESTAMP, ARRAY<INT>",
        )


def _limits(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """LIMIT and OFFSET take one number: an expression there makes sqlglot's parser start anew."""
    for index, token in enumerate(lexemes):
        if token.word in _LIMITS:
            rest = lexemes[index + 1 : index + 3]
            if not rest or rest[0].kind != lexer.NUMBER:
                continue
            if (
                len(rest) > 1
                and rest[1].kind == lexer.OPERATOR
                and rest[1].text not in _AFTER_LIMIT
            ):
                yield Diagnostic(
                    "limit", f"{token.word} takes one number here",
                    span=Span(token.start, rest[1].end), text=text, hint="write the number itself",
                )  # fmt: skip


def _gaps(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Commas, FROM, JOIN and values that stand side by side: sqlglot reads over what is missing."""
    for index, token in enumerate(lexemes):
        after = lexemes[min(index + 1, len(lexemes) - 1)]
        following = after.word if after is not token else ""
        if token.word in ("FROM", "JOIN") and following in ("FROM", "SELECT"):
            yield Diagnostic(
                "syntax", f"a table is missing behind {token.word}", span=token.span, text=text,
                hint=f"for a table of that name write `{following.lower()}`",
            )  # fmt: skip
        if after is not token and _is_pair(token, after):
            yield Diagnostic(
                "syntax", "something is missing between these two",
                span=Span(token.start, lexemes[index + 1].end), text=text,
                hint="write what stands between them, or leave one out",
            )  # fmt: skip
        if token.symbol != ",":
            continue
        before = lexemes[max(index - 1, 0)]
        earlier = lexemes[index - 2] if index > 1 else None
        first = before.word == "SELECT" and (
            earlier is None or earlier.symbol in ("(", ")") or earlier.word in _BEFORE_SELECT
        )
        last = after.symbol in _AFTER_COMMA or after.word in _AFTER_LISTS
        if before.symbol in _BEFORE_COMMA or first or last:
            yield Diagnostic(
                "syntax", "a comma has nothing to part here", span=token.span, text=text,
                hint="leave the comma out, or write what is missing",
            )  # fmt: skip


def _clauses(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Clauses that stand in another order than Spark reads them in."""
    before = [""]  # for each open bracket, the last clause inside of it
    for token, after in pairwise(lexemes):
        word = token.word or token.symbol
        if word == "(":
            before.append("")
        elif word == ")" and len(before) > 1:
            before.pop()
        elif word in _NEW_SELECT:
            before[-1] = ""
        elif word in _CLAUSES:
            if word in _WITH_BY and after.word != "BY":
                continue
            if word in _LIMITS and after.kind != lexer.NUMBER and after.word != "ALL":
                continue
            if _CLAUSES[word] < _CLAUSES.get(before[-1], 0):
                yield Diagnostic(
                    "syntax", f"{word} stands before {before[-1]}", span=token.span, text=text,
                    hint="the order is WHERE, GROUP BY, HAVING, ORDER BY, LIMIT, OFFSET",
                )  # fmt: skip
            before[-1] = word


def _exceptions(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """What `* EXCEPT` leaves out stands in brackets; sqlglot takes a bare name, none, and EXCLUDE.

    A SELECT behind `* EXCEPT` is the other side of a set operation.
    """
    for index, token in enumerate(lexemes):
        if token.symbol != "*" or index == 0 or index + 2 >= len(lexemes):
            continue
        before, word, first = lexemes[index - 1], lexemes[index + 1], lexemes[index + 2]
        if before.word not in _BEFORE_STAR and before.symbol not in _BEFORE_STAR:
            continue
        closed = index + 3 < len(lexemes) and lexemes[index + 3].symbol == ")"
        named = first.symbol == "(" and not closed
        other_side = first.word in _QUERY_WORDS or first.word in _SET_QUANTIFIERS
        if word.word == "EXCLUDE" or (word.word == "EXCEPT" and not named and not other_side):
            yield Diagnostic(
                "syntax", "what * leaves out stands in brackets behind EXCEPT",
                span=Span(word.start, first.end), text=text,
                hint="write * EXCEPT (column, column)",
            )  # fmt: skip


def _is_pair(first: Lexeme, second: Lexeme) -> bool:
    """Return whether two tokens can't stand together: a number behind a value, `<` behind `<`."""
    if second.kind == lexer.NUMBER:
        return first.kind in (lexer.NUMBER, lexer.STRING)
    return first.symbol == second.symbol == "<" and first.end < second.start


def _from_first(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """What starts with FROM goes on with SELECT or with pipes, and only then with conditions."""
    for index, token in enumerate(lexemes):
        if token.word != "FROM" or (index and lexemes[index - 1].symbol != "("):
            continue
        depth = 0
        for later in lexemes[index + 1 :]:
            depth += {"(": 1, ")": -1}.get(later.symbol, 0)
            if depth < 0 or (not depth and (later.word == "SELECT" or later.symbol == "|>")):
                break
            if not depth and later.word == "WHERE":
                yield Diagnostic(
                    "syntax", "WHERE stands behind SELECT, or behind |>", span=later.span,
                    text=text, hint="write FROM ... SELECT ... WHERE ..., or FROM ... |> WHERE ...",
                )  # fmt: skip
                break
