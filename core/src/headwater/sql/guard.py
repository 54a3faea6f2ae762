"""What may not be in a query. An allow-list: what is not known to be harmless is refused.

`check_text` looks at Spark's tokens, before sqlglot reads them: whatever sqlglot may make of them, these
findings stand. `check_tree` then admits node by node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Severity, Span, did_you_mean
from headwater.sql import functions, lexer, nodes
from headwater.sql.lexer import Lexeme

MAX_DEPTH: Final = 64
"""How deep brackets, CASE and prefix operators may nest; sqlglot's parser recurses."""

_QUERY_WORDS: Final = frozenset(["SELECT", "WITH", "FROM", "VALUES", "TABLE"])
_PREFIXES: Final = frozenset(["NOT", "!", "-", "+", "~", "->", "INTERVAL", "DISTINCT", "ALL"])
_OPERAND_ENDS: Final = frozenset([")", "]"])
_VERSIONS: Final = frozenset(["VERSION", "TIMESTAMP", "SYSTEM_VERSION", "SYSTEM_TIME"])
_HINTS: Final = frozenset(
    """
    BROADCAST BROADCASTJOIN MAPJOIN MERGE SHUFFLE_MERGE MERGEJOIN SHUFFLE_HASH SHUFFLE_REPLICATE_NL
    COALESCE REPARTITION REPARTITION_BY_RANGE REBALANCE
    """.split()
)
_PATTERNS: Final = (exp.Like, exp.ILike)
_HINT_PUNCTUATION: Final = frozenset("(),.")
_SUPPORTED: Final = "write one query: SELECT ..., or WITH ... SELECT ..."


def statement_end(text: str, lexemes: Sequence[Lexeme]) -> tuple[int, list[Diagnostic]]:
    """Return where the one statement ends, its closing `;` left out, and what follows it."""
    for index, token in enumerate(lexemes):
        if token.kind == lexer.OPERATOR and token.text == ";":
            rest = [x for x in lexemes[index:] if x.text != ";" or x.kind != lexer.OPERATOR]
            if not rest:
                return (lexemes[index - 1].end if index else 0), []
            found = Diagnostic(
                "multiple-statements",
                "a query is one statement; another one follows here",
                span=Span(rest[0].start, rest[-1].end),
                text=text,
                hint="keep one; a `;` inside a string needs quotes around it",
            )
            return lexemes[-1].end, [found]
    return (lexemes[-1].end if lexemes else 0), []


def too_long(text: str, most: int) -> Diagnostic:
    """Return the refusal of a text that is longer than any query."""
    return Diagnostic(
        "too-long", f"the query has {len(text):,} characters; {most:,} are the most",
        hint="put long lists of values into a table and join it",
    )  # fmt: skip


def not_a_query(text: str, lexemes: Sequence[Lexeme]) -> Diagnostic:
    """Return the refusal of a statement that is no query."""
    word = next((x for x in lexemes if x.kind == lexer.WORD), None)
    if word is None:
        return Diagnostic(
            "empty-query", "there is no query in this text", text=text, hint=_SUPPORTED
        )
    return Diagnostic(
        "not-a-query",
        f"only queries are read; this is {word.text.upper()} ..."
        if word.text.upper() not in _QUERY_WORDS
        else "only queries are read; this statement does more than that",
        span=word.span,
        text=text,
        hint=_SUPPORTED,
    )


def check_text(text: str, lexemes: Sequence[Lexeme]) -> list[Diagnostic]:
    """Return what is refused by the look of the tokens alone."""
    substitutions = list(_substitutions(text))
    first = next((x for x in lexemes if x.text != "(" or x.kind != lexer.OPERATOR), None)
    if first is None or first.kind != lexer.WORD or first.text.upper() not in _QUERY_WORDS:
        return [not_a_query(text, lexemes)]
    found = [*substitutions, *_words(text, lexemes)]
    found += _hints(text, lexemes)
    found += _depth(text, lexemes)
    return found


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
        word = token.text.upper() if token.kind == lexer.WORD else ""
        if word == "USING" and following.kind == lexer.STRING:
            yield Diagnostic(
                "script-transform", "TRANSFORM, MAP and REDUCE ... USING run a program on the engine",
                span=Span(token.start, following.end), text=text,
                hint="use SQL functions, or TRANSFORM(array, x -> ...) for arrays",
            )  # fmt: skip
        elif word == "IDENTIFIER" and following.text == "(" and following.kind == lexer.OPERATOR:
            yield Diagnostic(
                "identifier-clause", "IDENTIFIER(...) makes a name at run time, so that it can't be checked",
                span=token.span, text=text, hint="write the name itself",
            )  # fmt: skip
        elif word == "AS" and following.text.upper() == "OF" and _is_version(lexemes, index):
            yield Diagnostic(
                "time-travel", "a table's past versions are not read",
                span=Span(lexemes[index - 1].start, following.end), text=text,
                hint="leave out VERSION AS OF and TIMESTAMP AS OF",
            )  # fmt: skip
        elif token.kind == lexer.OPERATOR and token.text == ":" and _is_parameter(lexemes, index):
            yield _parameter(text, Span(token.start, following.end))
    for token in lexemes:
        if token.kind == lexer.OPERATOR and token.text == "?":
            yield _parameter(text, token.span)


def _is_version(lexemes: Sequence[Lexeme], index: int) -> bool:
    before = lexemes[index - 1] if index else None
    return before is not None and before.text.upper() in _VERSIONS


def _is_parameter(lexemes: Sequence[Lexeme], index: int) -> bool:
    """`:name` is a parameter where no operand ends before it; else it picks from a JSON text."""
    if index == 0:
        return True
    before = lexemes[index - 1]
    if before.kind == lexer.OPERATOR:
        return before.text not in _OPERAND_ENDS
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
            if inside and (index == 0 or lexemes[index - 1].text.upper() != "SELECT"):
                yield _hint(text, token, "a hint stands right after SELECT")
                inside = False
        elif inside:
            if token.kind == lexer.OPERATOR:
                depth += {"(": 1, ")": -1}.get(token.text, 0)
            problem = _hint_problem(token, depth)
            if problem is not None:
                yield _hint(text, token, problem)
                inside = False


def _hint_problem(token: Lexeme, depth: int) -> str | None:
    """Why a token can't stand in a hint: names of hints, with names and numbers in brackets."""
    if token.kind == lexer.OPERATOR:
        fits = token.text in _HINT_PUNCTUATION and depth <= 1
    elif depth == 0:
        known = token.kind == lexer.WORD and token.text.upper() in _HINTS
        return None if known else f"{token.text!r} is no hint that is admitted"
    else:
        fits = token.kind in (lexer.WORD, lexer.QUOTED, lexer.NUMBER)
    return None if fits else f"{token.text!r} has no place in a hint"


def _hint(text: str, token: Lexeme, message: str) -> Diagnostic:
    return Diagnostic(
        "hint", message, span=token.span, text=text,
        hint=f"hints that are admitted: {', '.join(sorted(_HINTS))}, with names and numbers",
    )  # fmt: skip


def _depth(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    depth = run = 0
    for token in lexemes:
        word = token.text.upper() if token.kind in (lexer.WORD, lexer.OPERATOR) else ""
        run = run + 1 if word in _PREFIXES else 0
        if word in ("(", "[", "CASE") or (word == "<" and token.kind == lexer.OPERATOR):
            depth += word != "<"
        elif word in (")", "]", "END"):
            depth = max(0, depth - 1)
        if depth > MAX_DEPTH or run > MAX_DEPTH:
            yield Diagnostic(
                "too-deep", f"the query nests deeper than {MAX_DEPTH} levels here",
                span=token.span, text=text, hint="move inner parts into WITH ... AS (...)",
            )  # fmt: skip
            return


def check_tree(tree: exp.Expr, text: str, lexemes: Sequence[Lexeme]) -> list[Diagnostic]:
    """Return what is refused in the tree, and warnings about what it admits."""
    names = {x.start: x for x in lexemes if x.kind in (lexer.WORD, lexer.QUOTED)}
    found: list[Diagnostic] = []
    for node in tree.walk(bfs=False, prune=lambda n: type(n) not in nodes.ALLOWED):
        kind = type(node)
        if kind not in nodes.ALLOWED:
            found.append(_refused_node(node, text))
        elif isinstance(node, exp.Anonymous):
            found += _function(node, text)
        elif isinstance(node, exp.Identifier):
            start = node.meta.get("start")
            if start not in names or names[start].end != node.meta.get("end", 0) + 1:
                found.append(_no_name(node, text))
        elif isinstance(node, (exp.CurrentDate, exp.CurrentTimestamp)):
            found.append(_non_reproducible(node, kind.__name__, text))
        elif isinstance(node, exp.TableSample):
            found += _sample(node, text)
        elif isinstance(node, exp.Extract) and node.name.lower() not in nodes.EXTRACT_UNITS:
            found.append(_unit(node, text))
        elif isinstance(node, (exp.Any, exp.All)) and not isinstance(node.parent, _PATTERNS):
            found.append(_quantified(node, text))
    return list(dict.fromkeys(found))


def _function(node: exp.Anonymous, text: str) -> Iterator[Diagnostic]:
    name = functions.name_of(node) or ""
    at = _span(node)
    if isinstance(node.parent, exp.Dot) and node.arg_key == "expression":
        yield _qualified_function(node.parent, text)
        return
    in_from = isinstance(node.parent, (exp.Table, exp.Lateral))
    if name in (functions.TABLE_FUNCTIONS if in_from else functions.ALLOWED):
        if name in functions.NON_REPRODUCIBLE:
            yield _non_reproducible(node, f"{name}()", text)
        yield from _options(node, name, text)
        return
    why = functions.refusal(name)
    if why is not None:
        yield Diagnostic(
            "forbidden-function", f"{name}() is not admitted: {why}", span=at, text=text,
            hint="a query reads tables of its source, and nothing else",
        )  # fmt: skip
        return
    known = functions.TABLE_FUNCTIONS if in_from else functions.ALLOWED
    yield Diagnostic(
        "unknown-function",
        f"{name}() is no {'table ' if in_from else ''}function of Spark SQL that is admitted",
        span=at,
        text=text,
        hint=did_you_mean(name, known)
        or "functions that were registered by a user are not known here",
    )


def _options(node: exp.Anonymous, name: str, text: str) -> Iterator[Diagnostic]:
    """Options are spelled out, and known: one of them makes Spark read a file."""
    index = functions.OPTIONS_AT.get(name)
    if index is None or len(node.expressions) <= index:
        return
    options = node.expressions[index]
    keys = options.expressions[::2] if functions.name_of(options) == "map" else []
    wrong = [k for k in keys if not k.is_string or k.name.lower() not in functions.OPTIONS]
    if wrong or not keys:
        yield Diagnostic(
            "forbidden-option",
            f"{name}() is admitted with options that are written out as map('option', 'value')"
            + (f", and {wrong[0].name!r} is none that is admitted" if wrong else ""),
            span=_span(options) or _span(node),
            text=text,
            hint=(did_you_mean(wrong[0].name, functions.OPTIONS) if wrong else None)
            or "leave the option out",
        )


def _quantified(node: exp.Expr, text: str) -> Diagnostic:
    return Diagnostic(
        "unsupported-syntax", f"{type(node).__name__.upper()} stands after LIKE only",
        span=_span(node), text=text, hint="use IN, EXISTS, or an aggregate in a subquery",
    )  # fmt: skip


def _qualified_function(node: exp.Dot, text: str) -> Diagnostic:
    return Diagnostic(
        "qualified-function", "functions are called by their bare names", span=_span(node),
        text=text, hint="leave out what stands before the last dot",
    )  # fmt: skip


def _no_name(node: exp.Identifier, text: str) -> Diagnostic:
    return Diagnostic(
        "syntax", f"{node.name!r} can't stand for a name here", span=_span(node), text=text,
        hint="write names bare or in backticks; strings are values",
    )  # fmt: skip


def _non_reproducible(node: exp.Expr, what: str, text: str) -> Diagnostic:
    return Diagnostic(
        "non-reproducible", f"{what} may answer differently each time", Severity.WARNING,
        span=_span(node), text=text, hint="two reads of the same window may then differ",
    )  # fmt: skip


def _sample(node: exp.TableSample, text: str) -> Iterator[Diagnostic]:
    if node.args.get("bucket_field") is not None:
        yield Diagnostic(
            "unsupported-syntax", "TABLESAMPLE (BUCKET ... ON column) is not read by Spark",
            span=_span(node), text=text, hint="filter by a hash: pmod(hash(column), 10) = 0",
        )  # fmt: skip
    yield _non_reproducible(node, "TABLESAMPLE", text)


def _unit(node: exp.Extract, text: str) -> Diagnostic:
    return Diagnostic(
        "unknown-unit", f"EXTRACT knows no unit {node.name}", span=_span(node), text=text,
        hint=did_you_mean(node.name, nodes.EXTRACT_UNITS) or "e.g. YEAR, MONTH, DAY, HOUR",
    )  # fmt: skip


def _refused_node(node: exp.Expr, text: str) -> Diagnostic:
    code, message, hint = nodes.REFUSED.get(type(node), ("", "", ""))
    if not code:
        what = type(node).key.upper() if not isinstance(node, exp.Func) else f"{node.sql_name()}()"
        code, message = "unsupported-syntax", f"{what} is not admitted"
        hint = "rewrite this part with other SQL"
    return Diagnostic(code, message, span=_span(node), text=text, hint=hint)


def _span(node: exp.Expr) -> Span | None:
    """The place of a node: from its first to its last name or call that has a place."""
    return nodes.span_of(node)
