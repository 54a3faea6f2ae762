"""CHAR columns: which names still mean one, and so are padded where they are compared.

Spark reads a `char(n)` column as strings of n characters or more, and compares it as CHAR: of two
sides of one comparison, the shorter is padded with spaces. It tells such a column by what it keeps
beside the column's type, which passes through aliases, subqueries and the first branch of a set
operation, and through nothing that computes: `upper(c)`, `coalesce(c)`, `max(c)` are plain strings.

Source: Apache Spark 4.1, `ApplyCharTypePadding`, `CharVarcharUtils`; more than 200 queries on
tables with CHAR columns (`tests/differential/test_char.py`).
"""

from __future__ import annotations

from sqlglot import exp

from headwater.sql.analysis import Analysis, Binding, Scope, TableReference
from headwater.tables.table import Column


def length_of(analysis: Analysis, node: exp.Expr) -> int | None:
    """Return the length of the CHAR column that an expression is; None if it is none."""
    return length_of_binding(analysis, binding_of(analysis, node))


def binding_of(analysis: Analysis, node: exp.Expr) -> Binding | None:
    """Return the column that an expression is, maybe in brackets; None if it is none."""
    return analysis.binding_of(node.unnest() if isinstance(node, exp.Paren) else node)


def holds_char(analysis: Analysis, binding: Binding | None) -> bool:
    """Return whether a name means a column in whose arrays or structs CHARs are."""
    column = _column(analysis, binding)
    return column is not None and bool(column.type.children) and column.type.has_char


def length_of_binding(analysis: Analysis, binding: Binding | None) -> int | None:
    """Return the length of the CHAR column that a name means; None if it means none."""
    column = _column(analysis, binding)
    return column.type.precision if column is not None and column.type.name == "char" else None


def _column(analysis: Analysis, binding: Binding | None) -> Column | None:
    """Return the column of a table that a name means, handed on untouched; None if none."""
    visited: set[int] = set()
    while binding is not None and not binding.fields and id(binding) not in visited:
        visited.add(id(binding))
        source = binding.scope.sources.get(binding.source)
        if isinstance(source, TableReference):
            table = analysis.tables.get(source.name)
            return table.column(binding.column) if table is not None else None
        if not isinstance(source, Scope):
            return None
        binding = _origin(source, binding.column)
    return None


def length_of_output(analysis: Analysis, column: str) -> int | None:
    """Return the length of the CHAR column that a query gives under a name; None if it is none."""
    if analysis.root is None:
        return None
    return length_of_binding(analysis, _origin(analysis.root, column))


def _origin(scope: Scope, column: str) -> Binding | None:
    """Return the column that an output of a query is, untouched; of a set operation, its first."""
    folded = column.casefold()
    places = [i for i, o in enumerate(scope.outputs) if o.name.casefold() == folded]
    if len(places) != 1:
        return None
    while scope.branches:
        scope = scope.branches[0]
    return scope.outputs[places[0]].origin if places[0] < len(scope.outputs) else None
