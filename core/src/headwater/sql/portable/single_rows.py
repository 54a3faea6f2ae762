"""Which queries give one row at most, whatever is in their tables."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from headwater.sql.analysis import Analysis, Binding, Generated, Scope, Source
from headwater.sql.binding import row_order
from headwater.sql.binding.char_columns import length_of_binding
from headwater.sql.binding.from_clause import (
    JoinKind,
    Unclear,
    conditions_of,
    read_from,
    same_column,
)
from headwater.sql.functions import called
from headwater.sql.portable import clauses
from headwater.sql.typing.literals import position


def at_most_one_row(analysis: Analysis, scope: Scope) -> bool:
    """Return whether a query surely gives no second row.

    Example: `SELECT max(i) AS m FROM t`, and `SELECT m FROM` that; `SELECT i FROM t LIMIT 1`;
    `SELECT k, sum(i) AS n FROM t WHERE k = 'a' GROUP BY k`
    """
    return _is_single(analysis, scope, set())


def _is_single(analysis: Analysis, source: Source, visited: set[int]) -> bool:
    if isinstance(source, Generated):
        return isinstance(source.node, exp.Values) and len(source.node.expressions) == 1
    if not isinstance(source, Scope) or id(source) in visited:
        return False
    visited = {*visited, id(source)}
    node = source.node
    limits = (x.args["limit"].expression for x in row_order.layers(node) if x.args.get("limit"))
    if any(position(x) in (0, 1) for x in limits):
        return True
    if isinstance(node, exp.Values):
        return len(node.expressions) == 1
    if not isinstance(node, exp.Select) or node.args.get("laterals"):
        return False
    if any(called(clauses.bare(x)).kind == "generator" for x in node.expressions):
        return False
    group = node.args.get("group")
    if group is not None:
        return _is_one_group(analysis, source, node, group)
    if node.args.get("having") or any(clauses.aggregated(x) for x in node.expressions):
        return True
    items = read_from(analysis, source)
    if isinstance(items, Unclear) or any(x.kind is JoinKind.FULL for x in items):
        return False
    return all(_is_single(analysis, x.source, visited) for x in items)


def _is_one_group(analysis: Analysis, scope: Scope, node: exp.Select, group: exp.Expr) -> bool:
    """Whether WHERE leaves one value of each column that rows are grouped by."""
    if any(v for k, v in group.args.items() if k != "expressions") or not group.expressions:
        return False
    fixed = list(_fixed(analysis, node))
    keys = [analysis.binding_of(k) for k in group.expressions]
    return all(k is not None and any(same_column(k, f) for f in fixed) for k in keys)


def _fixed(analysis: Analysis, node: exp.Select) -> Iterator[Binding]:
    for condition in conditions_of(node.args.get("where")):
        if not isinstance(condition, exp.EQ):
            continue
        for column, value in (
            (condition.this, condition.expression),
            (condition.expression, condition.this),
        ):
            binding = analysis.binding_of(column)
            plain = (
                binding is not None
                and not binding.type.is_floating
                and length_of_binding(analysis, binding) is None
            )
            if plain and binding is not None and isinstance(value, exp.Literal):
                yield binding
