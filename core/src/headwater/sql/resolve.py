"""Binding: every name of a query to the column it means, every expression to its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headwater.sql.analysis import Analysis, ParsedQuery
from headwater.sql.context import Work, folded
from headwater.sql.queries import resolve_query
from headwater.table import Table, TableName


def resolve(
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
        resolved even where the guard refused something, so that all is told at once.
    """
    if parsed.tree is None:
        return Analysis(parsed, tables, None, parsed.diagnostics)
    known = {folded(name): table for name, table in tables.items()}
    work = Work(
        text=parsed.text,
        tables={folded(n): known[folded(n)] for n in parsed.table_names if folded(n) in known},
        references={id(r.node): r for r in parsed.references},
        query=lambda node, outer, ctes, parent: resolve_query(work, node, outer, ctes, parent),
        suggest=suggest or (lambda name: None),
    )
    root = resolve_query(work, parsed.tree, None, {}, None)
    return Analysis(
        parsed,
        tables,
        root,
        (*parsed.diagnostics, *work.diagnostics),
        work.types,
        work.bindings,
        work.aliases,
    )
