"""The portable subset: which queries mean the same on DuckDB as on Spark, and their DuckDB SQL.

`compiled` gives the SQL of a query, or says why it is not in the subset, in one walk: what is
compiled is what was admitted. Nothing is admitted by default: node classes, functions and types are
on lists, and each entry was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Severity, Span
from headwater.sql.analysis import Analysis
from headwater.sql.functions import called
from headwater.sql.portable.pieces import Cascade, Refusal
from headwater.sql.portable.queries import Queries
from headwater.sql.portable.scopes import Compiled
from headwater.sql.portable.spelling import has_spans, has_type
from headwater.sql.portable.tolerance import MEANINGS
from headwater.sql.syntax.lexer import OPERATOR, Lexeme, lex
from headwater.sql.syntax.nodes import span_of
from headwater.tables.table import TableName
from headwater.untrusted import limits

_OPEN: Final = frozenset("([")
_CLOSED: Final = frozenset(")]")
_SPANS: Final = (
    "ask for a number: CAST(... AS BIGINT) gives its seconds or months, "
    "timestampdiff(MINUTE, start, end) whole minutes between two times"
)
HINT = "to run it as it is: pip install headwater[spark], then engine: {type: spark}"


def compiled(
    analysis: Analysis, names: Callable[[TableName], str], tolerance: float | None = None
) -> tuple[str | None, tuple[Diagnostic, ...]]:
    """Return the DuckDB SQL of a query, or why the embedded engine can't promise Spark's answer.

    Its columns are called c0, c1 ... in the order of the query's, with the types of
    `analysis.columns`. Statements may stand before it, which raise where Spark does.

    Args:
        analysis: A query that was bound without errors.
        names: DuckDB's name of each table, quoted.
        tolerance: How far numbers may be from Spark's; None admits only what is equal to the bit.

    Returns:
        The SQL, and a warning for each function that uses the tolerance; or None, and for each
        construct outside of the subset one diagnostic with its place, the reason, and how to get
        Spark.
    """
    queries = Queries(analysis, names, tolerance)
    query, refused = _compiled(queries)
    if query is not None and not refused:
        return _text(queries, query), tuple(
            _remark(queries, *item) for item in queries.inexact.items()
        )
    refused = list(dict.fromkeys(refused))[: limits.FINDINGS]
    lexemes = lex(analysis.text)[0]
    return None, tuple(dict.fromkeys(_diagnostic(analysis, r, lexemes) for r in refused))


def refusals(analysis: Analysis) -> tuple[Diagnostic, ...]:
    """Return why the embedded engine can't promise Spark's answer to a query; empty if it can.

    Args:
        analysis: A query that was bound without errors.
    """
    return compiled(analysis, str)[1]


def compile(  # noqa: A001  (it is what it does, and is called as portable.compile)
    analysis: Analysis, names: Mapping[TableName, str] | Callable[[TableName], str]
) -> str:
    """Return the DuckDB SQL of a query in the portable subset; see `compiled`.

    Args:
        analysis: A query without refusals.
        names: DuckDB's name of each table, quoted.

    Raises:
        ValueError: If it is not in the subset (`refusals`).
    """
    queries = Queries(analysis, names if callable(names) else names.__getitem__)
    query, refused = _compiled(queries)
    if query is None or refused:
        reasons = "; ".join(r.reason for r in refused)
        raise ValueError(f"not in the portable subset: {reasons}")
    return _text(queries, query)


def _text(queries: Queries, query: Compiled) -> str:
    """Return a query behind those that are asked before it, as statements."""
    return ";\n".join([*queries.asked_first, query.sql])


def _compiled(queries: Queries) -> tuple[Compiled | None, list[Refusal]]:
    analysis = queries.analysis
    if analysis.root is None:
        return None, [Refusal("the query could not be resolved")]
    try:
        query = queries.compiled(analysis.root, root=True)
    except RecursionError:
        return None, [Refusal("a query that nests so deep")]
    except Refusal as refusal:
        refused = [*queries.refusals, refusal]
        return None, [r for r in refused if not isinstance(r, Cascade)] or refused
    refused = [r for r in queries.refusals if not isinstance(r, Cascade)]
    if not refused:
        for output in analysis.root.outputs:
            if not output.certain:
                reason = f"the name that Spark makes up for {output.name!r}"
                refused.append(Refusal(reason, output.node, "write AS and a name behind it"))
            if not output.type.is_known or not has_type(output.type):
                refused.append(Refusal(f"a column of type {output.type}", output.node))
            elif has_spans(output.type):
                refused.append(Refusal(f"a column of type {output.type}", output.node, _SPANS))
    return query, refused


def _remark(queries: Queries, name: str, node: exp.Expr) -> Diagnostic:
    """Return what the plan says of a function that uses the tolerance."""
    meaning = MEANINGS[called(node).entry("equal").partition(" ")[0]]
    return Diagnostic(
        "within-tolerance",
        f"{name}() may differ from Spark's by {queries.tolerance:g} {meaning}; what the query "
        "makes of it, conditions and groups too, follows from its own value",
        Severity.WARNING,
        span=span_of(node),
        text=queries.analysis.text,
        hint="leave the engine's tolerance out to have such queries refused",
    )


def _place(text: str, node: exp.Expr | None, lexemes: Sequence[Lexeme]) -> Span | None:
    """Return a node's place with the brackets that belong to it, which have no nodes."""
    span = span_of(node) if node is not None else None
    if span is None:
        return None
    start, end = span.start, span.end
    if text.startswith("()", end):
        end += 2
    inside = [x for x in lexemes if start <= x.start < end and x.kind == OPERATOR]
    depth = lowest = 0
    for lexeme in inside:
        depth += (lexeme.text in _OPEN) - (lexeme.text in _CLOSED)
        lowest = min(lowest, depth)
    missing = depth - lowest
    for lexeme in lexemes:
        if missing > 0 and lexeme.start >= end and lexeme.text in _CLOSED:
            end, missing = lexeme.end, missing - 1
    for index in range(len(lexemes) - 1, 0, -1):
        if lowest < 0 and lexemes[index].start < start and lexemes[index].text in _OPEN:
            called = lexemes[index - 1].end == lexemes[index].start
            start, lowest = lexemes[index - called].start, lowest + 1
    return Span(start, end)


def _diagnostic(analysis: Analysis, refusal: Refusal, lexemes: Sequence[Lexeme]) -> Diagnostic:
    return Diagnostic(
        "not-portable",
        f"the embedded engine can't promise Spark's answer for {refusal.reason}",
        span=_place(analysis.text, refusal.node, lexemes),
        text=analysis.text,
        hint=f"{refusal.hint}\n{HINT}" if refusal.hint else HINT,
    )
