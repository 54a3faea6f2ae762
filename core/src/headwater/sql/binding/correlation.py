"""Subqueries that name columns of the queries around them: where Spark has them.

Source: Apache Spark 4.1, `ValidateSubqueryExpression`: UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY,
SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from headwater.sql import functions
from headwater.sql.analysis import Scope
from headwater.sql.binding import grouping
from headwater.sql.binding.context import Work
from headwater.sql.syntax.nodes import own_nodes


def check(work: Work, node: exp.Select, scope: Scope) -> None:
    """Report names of columns around a SELECT, and subqueries that name its own, out of place.

    Example: `SELECT i FROM t ORDER BY (SELECT max(u.i) FROM u WHERE u.s = t.s)`
        -> `unsupported-syntax`
    """
    group, order = node.args.get("group"), node.args.get("order")
    grouped = group is not None or any(grouping.aggregates(e) for e in node.expressions)
    if scope.parent is not None:
        _check_names(work, scope, "GROUP BY", [group] if group is not None else [])
        _check_names(work, scope, "ORDER BY", [order] if order is not None else [])
        if grouped:
            _check_names(work, scope, "a SELECT with aggregates", node.expressions)
    if not scope.subqueries:  # as of most: to compare all that is selected with all keys takes time
        return
    for subquery in _correlated(work, scope, order):
        work.report(
            "unsupported-syntax",
            "Spark does not order by a subquery that names columns of the query around it",
            subquery,
            hint="select it under a name, and order by that name",
        )
    if grouped:
        _check_grouped(work, node, scope)


def _check_names(work: Work, scope: Scope, where: str, clauses: Sequence[exp.Expr]) -> None:
    for clause in clauses:
        for column in own_nodes(clause):
            binding = work.bindings.get(id(column))
            if binding is None or binding.scope.is_within(scope):
                continue
            name = ".".join(p.name for p in column.parts) if isinstance(column, exp.Column) else ""
            work.report(
                "unsupported-syntax",
                f"a subquery names {name}, a column around it, in {where}: Spark has that in "
                "WHERE, HAVING, and a SELECT without aggregates",
                column,
                hint="compute with it outside of the subquery; for one row around it is one value",
            )


def _check_grouped(work: Work, node: exp.Select, scope: Scope) -> None:
    """Report subqueries in a grouped SELECT that are neither grouped nor in an aggregate."""
    group = node.args.get("group")
    keys = list(grouping.grouped_expressions(work, group, scope)) if group is not None else []
    everything = group is not None and bool(group.args.get("all"))
    for item in node.expressions:
        if everything and not grouping.aggregates(item):
            continue
        for subquery in _correlated(work, scope, item, keys):
            work.report(
                "unsupported-syntax",
                "a subquery names columns of the query around it, which groups its rows; there "
                "Spark has it as a group, or in an aggregate",
                subquery,
                hint="add it to GROUP BY, or take one of its values: max((SELECT ...))",
            )
    selected = [x for item in node.expressions for x in item.find_all(exp.Subquery)]
    for subquery in _correlated(work, scope, group):
        if not any(x == subquery for x in selected):
            work.report(
                "unsupported-syntax",
                "Spark does not group by a subquery that names columns of the query around it, and "
                "is not selected",
                subquery,
                hint="select it under a name, and group by that name",
            )


def _correlated(
    work: Work, scope: Scope, node: exp.Expr | None, keys: Sequence[exp.Expr] = ()
) -> Iterator[exp.Subquery]:
    """Yield the subqueries for one value that name a SELECT's columns, outside of aggregates."""
    todo = [node] if node is not None else []
    while todo:
        here = todo.pop()
        bare = here.unalias()
        if any(bare == key.unalias() for key in keys) or functions.is_aggregate(here):
            continue
        if isinstance(here, exp.Subquery):
            bound = (work.bindings.get(id(c)) for c in here.find_all(exp.Column))
            if any(b is not None and b.scope is scope for b in bound):
                yield here
        elif not isinstance(here, exp.Query):
            todo += here.iter_expressions()
