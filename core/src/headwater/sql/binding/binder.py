"""Binding: every name of a query to the column it means, every expression to its type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from sqlglot import exp

from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.sql.analysis import Analysis, ParsedQuery, Scope
from headwater.sql.binding import row_order
from headwater.sql.binding.context import TooManyFindingsError, TooMuchWorkError, Work, folded
from headwater.sql.binding.queries import bind_query
from headwater.sql.guard import text as guard_text
from headwater.sql.syntax.nodes import span_of
from headwater.tables.table import Table, TableName


def bind(
    parsed: ParsedQuery,
    tables: Mapping[TableName, Table],
    *,
    suggest: Callable[[TableName], str | None] | None = None,
) -> Analysis:
    """Bind and type a query against the tables that it names.

    Args:
        parsed: The query, as `parse` gave it.
        tables: Its tables (`parsed.table_names`), less those that do not exist. More do no harm and
            cost nothing.
        suggest: Returns a hint for a table that is not there, e.g. a did-you-mean.

    Returns:
        Everything that could be found out. Diagnostics of `parsed` are included; the tree is
        bound even where the guard refused something, so that all findings come at once.
    """
    if parsed.tree is None:
        return Analysis(parsed, tables, None, parsed.diagnostics)
    work = Work(
        text=parsed.text,
        tables={
            folded(n): t for n in parsed.table_names if (t := _table_of(tables, n)) is not None
        },
        references={id(r.node): r for r in parsed.references},
        query=lambda node, outer, ctes, parent: bind_query(work, node, outer, ctes, parent),
        suggest=suggest or (lambda name: None),
    )
    root: Scope | None = None
    unordered: set[int] = set()
    try:
        scope = bind_query(work, parsed.tree, None, {}, None)
        work.spend(sum(o.type.parts for o in scope.outputs))
        _check_names(work, scope, parsed.tree)
        unordered = row_order.check(work, scope) if not errors_in(work.diagnostics) else set()
        root = scope
    except TooMuchWorkError as error:
        work.diagnostics.append(_too_much(error, parsed.text))
    except TooManyFindingsError:
        pass
    except RecursionError:
        work.diagnostics.append(guard_text.too_deep(parsed.text, None))
    return Analysis(
        parsed,
        tables,
        root,
        (*parsed.diagnostics, *work.diagnostics),
        work.types,
        work.bindings,
        work.aliases,
        work.qualifiers,
        frozenset(work.vague),
        frozenset(unordered),
    )


def _too_much(error: TooMuchWorkError, text: str) -> Diagnostic:
    span = span_of(error.node) if error.node is not None else None
    return Diagnostic("too-much-work", str(error), span=span, text=text, hint=error.hint)


def _table_of(tables: Mapping[TableName, Table], name: TableName) -> Table | None:
    """Return a table by its name as Spark compares it; only a name in other case costs a search."""
    if name in tables:
        return tables[name]
    folded_name = folded(name)
    return next((t for n, t in tables.items() if folded(n) == folded_name), None)


def _check_names(work: Work, root: Scope, tree: exp.Expr) -> None:
    """Warn of output columns that can't be named from outside."""
    counts: Counter[str] = Counter()
    for output in root.outputs:
        node = output.node if output.node is not None else tree
        if not output.certain:
            work.report(
                "unnamed-column",
                "the name that Spark gives to this column is not certain",
                node,
                severity=Severity.WARNING,
                hint="name it: ... AS name",
            )
        if counts[output.name.casefold()] == 1:
            work.report(
                "duplicate-column",
                f"more than one output column is called {output.name!r}",
                node,
                severity=Severity.WARNING,
                hint="give each its own name with AS, or list the columns in place of *",
            )
        counts[output.name.casefold()] += 1
