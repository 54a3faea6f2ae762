"""What may not be in a query's tree. An allow-list: what is not known to be harmless is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Severity, Span, did_you_mean
from headwater.sql import functions
from headwater.sql.functions.table import functions as admitted
from headwater.sql.guard import text as guard_text
from headwater.sql.guard.precedence import RANKS, misread
from headwater.sql.syntax import lexer, nodes
from headwater.sql.syntax.lexer import Lexeme
from headwater.sql.syntax.words import words
from headwater.sql.typing.literals import position
from headwater.untrusted import limits

_PATTERNS: Final = (exp.Like, exp.ILike)
_ENDINGS: Final = (exp.Order, exp.Limit, exp.Offset)
_ENDED: Final = (
    exp.Select,
    exp.SetOperation,
    exp.Subquery,
    exp.Values,
    exp.Window,
    exp.WithinGroup,
)
_COMPLETED: Final = (
    exp.Select,
    exp.Group,
    exp.Tuple,
    exp.SetOperation,
    exp.Window,
    exp.Alias,
    exp.Lateral,
    exp.Star,
    exp.Interval,
)
"""What `_incomplete` looks at; most nodes are nothing of these."""
_LOOKED_AT: Final = (
    exp.Anonymous,
    exp.Identifier,
    exp.CurrentDate,
    exp.CurrentTimestamp,
    exp.TableSample,
    exp.Join,
    exp.Extract,
    exp.Any,
    exp.All,
    *_ENDINGS,
    *_COMPLETED,
)
"""What `check_tree` looks at, beside operators."""
_HARMLESS: Final = frozenset(
    kind for kind in nodes.ALLOWED if kind not in RANKS and not issubclass(kind, _LOOKED_AT)
)
"""What it has nothing to say of: most of a tree is columns and literals."""
_LISTING: Final = frozenset([exp.With, exp.Select])
"""What `_in_a_row` counts in."""
_MOST_ROWS: Final = 2**31 - 1
_SIZE: Final = re.compile(r"[(,]\s*[0-9]{10}")
_INTERVAL_UNITS: Final = words(
    "YEAR MONTH WEEK DAY HOUR MINUTE SECOND MILLISECOND MICROSECOND NANOSECOND"
)


def check_tree(tree: exp.Expr, text: str, lexemes: Sequence[Lexeme]) -> list[Diagnostic]:
    """Return what is refused in the tree, and warnings about what it admits.

    Example: `SELECT reflect('java.lang.System', 'exit') AS v` -> `forbidden-function`
    """
    names = {x.start: x for x in lexemes if x.kind in (lexer.WORD, lexer.QUOTED)}
    deep = _too_deep(tree, text)
    if deep is not None:
        return [deep]
    findings: list[Diagnostic] = []
    for node in tree.walk(bfs=False, prune=lambda n: type(n) not in nodes.ALLOWED):
        if len(findings) > limits.FINDINGS:
            break
        kind = type(node)
        if kind in _HARMLESS:
            continue
        if kind not in nodes.ALLOWED:
            findings.append(_refused_node(node, text))
        elif isinstance(node, exp.Anonymous):
            findings += _function(node, text)
        elif isinstance(node, exp.Identifier):
            start = node.meta.get("start")
            if start not in names or names[start].end != node.meta.get("end", 0) + 1:
                findings.append(_no_name(node, text))
        elif isinstance(node, (exp.CurrentDate, exp.CurrentTimestamp)):
            findings.append(_non_reproducible(node, node.sql_name(), text))
        elif isinstance(node, exp.TableSample):
            findings += _sample(node, text)
        elif isinstance(node, exp.Join) and (wrong := _listed(node, text, lexemes)) is not None:
            findings.append(wrong)
        elif isinstance(node, exp.Extract) and node.name.lower() not in nodes.EXTRACT_UNITS:
            findings.append(_unit(node, text))
        elif isinstance(node, (exp.Any, exp.All)) and not isinstance(node.parent, _PATTERNS):
            findings.append(_quantified(node, text))
        elif isinstance(node, _ENDINGS) and not isinstance(node.parent, _ENDED):
            findings.append(_misplaced(node, text))
        elif isinstance(node, (exp.Limit, exp.Offset)) and (wrong := _cut(node, text)) is not None:
            findings.append(wrong)
        elif problem := _incomplete(node):
            findings.append(_syntax(node, problem, text))
        elif (wrong := misread(node, text)) is not None:
            findings.append(wrong)
    return list(dict.fromkeys(findings))


def _too_deep(tree: exp.Expr, text: str) -> Diagnostic | None:
    """Return the refusal of a tree that is too deep.

    It comes first: other checks recurse, or look at whole branches.
    """
    todo: list[tuple[exp.Expr, int, int]] = [(tree, 0, 0)]
    while todo:
        node, depth, links = todo.pop()
        kind = type(node)
        if kind in nodes.CHAINS and node.arg_key == "this" and type(node.parent) in nodes.CHAINS:
            links += 1
        else:
            depth, links = depth + 1, 0
        if depth > limits.TREE_LEVELS:
            return guard_text.too_deep(text, _span(node))
        row = max(links, _in_a_row(node)) if kind in _LISTING else links
        if row > limits.QUERY_TERMS:
            return guard_text.too_many_terms(text, _span(node))
        if kind in nodes.ALLOWED:
            todo += [(child, depth, links) for child in node.iter_expressions(reverse=True)]
    return None


def _in_a_row(node: exp.Expr) -> int:
    """How many things of one kind a clause lists that engines nest into each other."""
    if isinstance(node, exp.With):
        return len(node.expressions)
    if isinstance(node, exp.Select):
        return len(node.args.get("joins") or ()) + len(node.args.get("laterals") or ())
    return 0


def _cut(node: exp.Limit | exp.Offset, text: str) -> Diagnostic | None:
    """Check the number of a LIMIT or OFFSET: to Spark an INT, and so is what both add up to."""
    number, word = position(node.expression), type(node).__name__.upper()
    other = node.parent.args.get("offset") if node.parent and word == "LIMIT" else None
    more = position(other.expression) if other is not None else None
    if number is None:
        message, hint = f"{word} takes one whole number here", "write the number itself"
    elif number + (more or 0) > _MOST_ROWS:
        what = "LIMIT and OFFSET add up" if number <= _MOST_ROWS else f"{word} goes"
        message, hint = f"{what} to {_MOST_ROWS:,} at most", "leave it out to read all rows"
    else:
        return None
    return Diagnostic(
        "limit", message, span=_span(node) or _span(node.parent or node), text=text, hint=hint
    )


def _incomplete(node: exp.Expr) -> str | None:
    """Return what is missing where sqlglot reads on and Spark does not, or reads something else."""
    if not isinstance(node, _COMPLETED):
        return None
    if isinstance(node, exp.Select) and not node.expressions:
        return "a SELECT needs columns"
    if isinstance(node, exp.Select) and node.args.get("joins") and not node.args.get("from_"):
        return "a FROM is missing before JOIN"
    if isinstance(node, exp.Group) and not any(node.args.values()):
        return "a GROUP BY needs columns"
    if isinstance(node, exp.Tuple) and not node.expressions and type(node.parent) is exp.Group:
        return "GROUP BY () is no grouping to Spark: leave GROUP BY out"
    if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
        return "a set operation matches columns by their places: Spark knows no BY NAME"
    if isinstance(node, exp.Window) and node.args.get("alias") and _adds(node):
        return "a window that goes by a name takes nothing more in OVER"
    if isinstance(node, exp.Alias) and node.alias.upper() == "DIV" and not _is_quoted(node):
        return "DIV is an operator and lacks its second operand; as a name, write it in backticks"
    if isinstance(node, exp.Lateral) and node.args.get("view") and not _is_named(node):
        return "a LATERAL VIEW needs a name"
    if isinstance(node, exp.Alias) and isinstance(node.this, exp.Star):
        return "* takes no name"
    if isinstance(node, exp.Alias) and _names_a_set(node):
        return "a comma is missing: a column takes no name here"
    if isinstance(node, exp.Star) and any(
        not isinstance(e, (exp.Column, exp.Alias)) or isinstance(e.this, exp.Star)
        for e in node.args.get("except_") or ()
    ):
        return "EXCEPT behind * takes names of columns"
    if isinstance(node, exp.Lateral) and node.arg_key == "laterals" and not node.args.get("view"):
        return "a comma or JOIN is missing before LATERAL"
    if isinstance(node, exp.Star) and isinstance(node.parent, exp.Binary):
        fits = isinstance(node.parent, exp.Dot) and node.arg_key == "expression"
        return None if fits else "* stands for columns, not for a value"
    if isinstance(node, exp.Interval) and isinstance(node.args.get("unit"), exp.Var):
        unit = node.args["unit"].name.upper().removesuffix("S")
        return None if unit in _INTERVAL_UNITS else f"INTERVAL knows no unit {unit}"
    return None


def _is_named(node: exp.Lateral) -> bool:
    """Whether a LATERAL VIEW has a name; of `explode(a) AS x` Spark takes AS for the name."""
    alias = node.args.get("alias")
    return bool(node.alias or (isinstance(alias, exp.TableAlias) and alias.columns))


def _adds(node: exp.Window) -> bool:
    return any(node.args.get(key) for key in ("partition_by", "order", "spec"))


def _is_quoted(node: exp.Alias) -> bool:
    return bool(node.args["alias"].args.get("quoted"))


def _names_a_set(node: exp.Alias) -> bool:
    above = node.parent
    if isinstance(above, (exp.Tuple, exp.Paren)):
        above = above.parent
    return isinstance(above, (exp.GroupingSets, exp.Rollup, exp.Cube, exp.Star))


def _syntax(node: exp.Expr, message: str, text: str) -> Diagnostic:
    hint = "complete it, or leave it out"
    return Diagnostic("syntax", message, span=_span(node), text=text, hint=hint)


def _listed(node: exp.Join, text: str, lexemes: Sequence[Lexeme]) -> Diagnostic | None:
    """Refuse `(a, b)` in FROM: in brackets Spark has joins, and no list."""
    span = _span(node.this) if not isinstance(node.parent, exp.Select) else None
    before = [x for x in lexemes if span is not None and x.start < span.start]
    while before and (before[-1].symbol == "(" or before[-1].word in ("SELECT", "LATERAL")):
        before.pop()
    if not before or before[-1].symbol != ",":
        return None
    return Diagnostic(
        "syntax", "a comma parts tables in FROM, and not in brackets there", span=before[-1].span,
        text=text, hint="write CROSS JOIN",
    )  # fmt: skip


def _misplaced(node: exp.Expr, text: str) -> Diagnostic:
    return Diagnostic(
        "syntax", f"{type(node).__name__.upper()} has no place among arguments", span=_span(node),
        text=text, hint="for ordered aggregates write WITHIN GROUP (ORDER BY ...)",
    )  # fmt: skip


def _function(node: exp.Anonymous, text: str) -> Iterator[Diagnostic]:
    function, name = functions.called(node), functions.name_of(node) or ""
    at = _span(node)
    if name == "identifier" and isinstance(node.this, str):
        return  # `guard.text` refuses the clause, whatever stands in it
    above = node.parent
    if (isinstance(above, exp.Dot) and node.arg_key == "expression") or (
        isinstance(above, exp.Table) and above.args.get("db") is not None
    ):
        return  # `guard.text` refuses names with a point before a call's bracket
    in_from = isinstance(node.parent, (exp.Table, exp.Lateral))
    kinds = functions.IN_FROM if in_from else functions.ADMITTED
    if function.kind in kinds:
        if function.may_vary(len(node.expressions)):
            yield _non_reproducible(node, f"{name}()", text)
        for value in function.values:
            constant = node.expressions[value.place : value.place + 1]
            for argument in constant if value.rule in CONSTANTS else ():
                yield from CONSTANTS[value.rule](node, argument, text)
        return
    why = functions.refusal(name)
    if why is not None:
        yield Diagnostic(
            "forbidden-function", f"{name}() is not admitted: {why}", span=at, text=text,
            hint="a query reads tables of its source, and nothing else",
        )  # fmt: skip
        return
    names = [f.name for f in admitted().values() if f.kind in kinds]
    yield Diagnostic(
        "unknown-function",
        f"{name}() is no {'table ' if in_from else ''}function of Spark SQL that is admitted",
        span=at,
        text=text,
        hint=did_you_mean(name, names)
        or "functions that were registered by a user are not known here",
    )


def _schema(node: exp.Anonymous, schema: exp.Expr, text: str) -> Iterator[Diagnostic]:
    """A schema is a text within the text: its numbers are none that `check_numbers` sees."""
    if isinstance(schema, exp.Literal) and schema.is_string and _SIZE.search(schema.name):
        yield Diagnostic(
            "unknown-type", "no type in a schema has a size of so many digits",
            span=_span(schema) or _span(node), text=text, hint="e.g. 'a DECIMAL(10,2), b STRING'",
        )  # fmt: skip


def _options(node: exp.Anonymous, options: exp.Expr, text: str) -> Iterator[Diagnostic]:
    """Options are spelled out, and known: one of them makes Spark read a file."""
    keys = options.expressions[::2] if functions.name_of(options) == "map" else []
    wrong = [k for k in keys if not k.is_string or k.name.lower() not in functions.OPTIONS]
    if wrong or not keys:
        yield Diagnostic(
            "forbidden-option",
            f"{functions.name_of(node)}() is admitted with options that are written out as "
            "map('option', 'value')"
            + (f", and {wrong[0].name!r} is none that is admitted" if wrong else ""),
            span=_span(options) or _span(node),
            text=text,
            hint=(did_you_mean(wrong[0].name, functions.OPTIONS) if wrong else None)
            or "leave the option out",
        )


CONSTANTS: Final = {"options": _options, "schema": _schema}
"""Values that are looked at before anything is bound, by their rules in the table."""


def _quantified(node: exp.Expr, text: str) -> Diagnostic:
    return Diagnostic(
        "unsupported-syntax", f"{type(node).__name__.upper()} stands after LIKE only",
        span=_span(node), text=text, hint="use IN, EXISTS, or an aggregate in a subquery",
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
    if isinstance(node.parent, exp.Select):
        yield _syntax(node, "TABLESAMPLE stands before the name that a table is given", text)
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
