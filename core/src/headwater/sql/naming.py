"""How Spark names an output column that has no AS."""

from __future__ import annotations

from sqlglot import exp

from headwater.sql.context import Work


def output_name(work: Work, node: exp.Expr) -> str:
    """Return the name of an output column as Spark gives it."""
    if isinstance(node, exp.Alias):
        return str(node.alias)
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Column):
        return node.name
    return pretty(node)


def pretty(node: exp.Expr) -> str:
    """Return an expression as Spark writes it in a column's name."""
    return str(node.name)
