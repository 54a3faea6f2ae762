"""Reading a query: from its text to a guarded tree and the tables that it names.

    syntax.lexer            cuts the text by Spark's own rules
    syntax.tokens           checks that sqlglot cuts it at the same places
    guard.text, guard.tree  admit what is on their lists
    parse                   puts them together, and finds the table references

What the tree is like (see `tokens` for why): every call `name(...)` is an `exp.Anonymous` whose
name `functions.name_of(node)` gives and whose arguments are `node.expressions`, as written, for
aggregates and window functions too. Exceptions are calls with a syntax of their own: CASE,
CAST, TRY_CAST, EXTRACT, OVERLAY, POSITION, SUBSTRING and TRIM. A number's literal keeps its suffix
(`1L`). Hints are not in the tree.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Sequence
from typing import Final

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import TokenType

from headwater.diagnostics import Diagnostic, Severity, Span, errors_in
from headwater.sql.analysis import ParsedQuery
from headwater.sql.guard import text as guard_text
from headwater.sql.guard import tree as guard
from headwater.sql.syntax import references
from headwater.sql.syntax.joins import with_conditions
from headwater.sql.syntax.lexer import Lexeme, lex
from headwater.sql.syntax.operators import SIGNS, restored, with_stand_ins
from headwater.sql.syntax.pipes import without_pipes
from headwater.sql.syntax.pivot_fields import PIVOTS, with_one_field
from headwater.sql.syntax.short_forms import spelled_out, unwrapped
from headwater.sql.syntax.tokens import MARK, dialect, parser_tokens
from headwater.sql.typing.literals import TYPED
from headwater.untrusted import limits
from headwater.untrusted.texts import has_halves

_STUMBLES: Final = (
    SqlglotError, RecursionError, ValueError, AttributeError, TypeError, LookupError,
    AssertionError,
)  # fmt: skip
"""What sqlglot's parser may raise over a text that is no SQL, besides its own ParseError."""

_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")

_STEPS: Final = (
    (with_one_field, PIVOTS),
    (without_pipes, frozenset([TokenType.PIPE_GT])),
    (spelled_out, frozenset([TokenType.VALUES, TokenType.PIVOT, TokenType.RECURSIVE])),
    (with_conditions, frozenset([TokenType.JOIN])),
    (with_stand_ins, SIGNS),
)
"""How tokens are rewritten, in this order: each step, and the kinds of token that it looks for.

Without any of these a step changes nothing, and no step makes up one for a step behind it.
"""


def parse(
    text: str, *, database: str | None = None, databases: Collection[str] | None = None
) -> ParsedQuery:
    """Read and guard one query, before any catalog is asked.

    Args:
        text: Spark SQL: one query, perhaps with a `;` at its end.
        database: Where tables without a database lie.
        databases: Databases that the query may name besides `database`; None where neither is
            given allows every database.

    Returns:
        The query with everything that was found. It never raises because of the text.
    """
    if len(text) > limits.QUERY_CHARACTERS:
        return _refused(text, guard_text.too_long(text))
    if has_halves(text):
        return _refused(text, guard_text.half_a_character(text))
    lexemes, findings = lex(text)
    if len(lexemes) > limits.QUERY_TOKENS:
        return _refused(text, guard_text.too_many_tokens(lexemes))
    end, stray = guard_text.statement_end(text, lexemes)
    lexemes = [x for x in lexemes if x.end <= end]
    findings += stray
    if not findings:
        findings += guard_text.check_statement(text, lexemes)
    if findings:
        return _refused(text, *findings)
    findings = guard_text.check_words(text, lexemes)
    tree = _tree(text, end, lexemes)
    if isinstance(tree, Diagnostic):
        # What sqlglot stumbles over is most often what was refused already.
        return _refused(text, *(findings or [tree]))
    codes = {d.code for d in errors_in(findings)}
    refused = guard.check_tree(tree, text, lexemes)
    if any(d.code == "too-deep" for d in refused):
        return _refused(text, *refused)
    findings += [d for d in refused if d.code not in codes]
    tables, misplaced = references.find(tree, text, database=database, databases=databases)
    return ParsedQuery(text, tree, tuple(tables), _limited([*findings, *misplaced]), end)


def _refused(text: str, *findings: Diagnostic) -> ParsedQuery:
    return ParsedQuery(text, None, (), _limited(findings), len(text))


def _limited(findings: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return as many findings as somebody reads, what forbids to go on among them."""
    if len(findings) <= limits.FINDINGS:
        return tuple(findings)
    ordered = [*errors_in(findings), *(p for p in findings if p.severity is not Severity.ERROR)]
    return tuple(ordered[: limits.FINDINGS])


def _tree(text: str, end: int, lexemes: list[Lexeme]) -> exp.Query | Diagnostic:
    log = logging.getLogger("sqlglot")
    try:
        tokens = parser_tokens(text[:end], lexemes)
        if isinstance(tokens, Diagnostic):
            return tokens
        kinds = {token.token_type for token in tokens}
        for step, concerned in _STEPS:
            if not kinds.isdisjoint(concerned):
                rewritten = step(tokens, text)
                if isinstance(rewritten, Diagnostic):
                    return rewritten
                tokens = rewritten
        trees = _parser(end).parse(tokens, text[:end])
    except ParseError as error:
        return _syntax(text, error)
    except _STUMBLES as error:
        log.debug("sqlglot could not read a query", exc_info=error)
        return Diagnostic(
            "syntax",
            "this is not Spark SQL that can be read",
            text=text,
            hint="check brackets, commas and quotes",
        )
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        return guard_text.not_a_query(text, lexemes)
    tree = trees[0]
    if TokenType.PIVOT in kinds:
        unwrapped(tree)
    _unmark(tree)
    if not kinds.isdisjoint(PIVOTS):
        _hang_pivots(tree)
    return (None if kinds.isdisjoint(SIGNS) else restored(tree, tokens, text)) or tree


def _parser(length: int) -> Parser:
    # The context of its errors is the whole text before them, so that it tells their place.
    return dialect().parser(error_message_context=length)


def _unmark(tree: exp.Expr) -> None:
    """Take off the marks, names that sqlglot makes up for a PIVOT's columns, and LIMIT ALL."""
    for node in list(tree.walk()):
        if isinstance(node, (exp.Anonymous, exp.Identifier, exp.Var, exp.Literal)):
            this = node.this
            if isinstance(this, str) and this.endswith(MARK):
                node.set("this", this[: -len(MARK)])
                if isinstance(node, exp.Literal) and isinstance(node.parent, exp.Cast):
                    node.parent.meta[TYPED] = True
        elif isinstance(node, exp.Pivot):
            node.set("columns", None)
        elif (
            isinstance(node, exp.Limit)
            and isinstance(node.expression, exp.Var)
            and isinstance(node.parent, exp.Query)
        ):
            node.pop()  # LIMIT ALL is no limit; where it may not stand, `guard` finds it


def _hang_pivots(tree: exp.Expr) -> None:
    """Hang a PIVOT behind a join on the join: Spark makes it of all that was joined so far.

    sqlglot hangs it on the join or on its table.
    """
    for join in tree.find_all(exp.Join):
        pivots = [p for node in (join.this, join) for p in node.args.get("pivots") or ()]
        if pivots:
            join.this.set("pivots", None)
            join.set("pivots", pivots)


def _syntax(text: str, error: ParseError) -> Diagnostic:
    first = error.errors[0] if error.errors else {}
    message = _ANSI.sub("", str(first.get("description") or "the query can't be read")).strip(". ")
    message = re.sub(r" but got <Token .*", "", message.partition("\n")[0])
    code = "unknown-type" if message.startswith("Expected TYPE") else "syntax"
    hint = "check the words, brackets, commas and quotes around this place"
    before, place = str(first.get("start_context") or ""), str(first.get("highlight") or "")
    sentence = f"this is not Spark SQL at {place!r}: {message[:1].lower()}{message[1:]}"
    if place.upper() in ("LIMIT", "OFFSET"):
        code, sentence = "limit", f"{place.upper()} takes one whole number here"
        hint = "write the number itself, e.g. LIMIT 10; a name is written in backticks"
    return Diagnostic(
        code,
        sentence,
        span=Span(len(before), len(before) + max(1, len(place))),
        text=text,
        hint=hint,
    )
