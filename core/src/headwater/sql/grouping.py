"""GROUP BY: what is grouped, and whether everything else is aggregated."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from headwater.sql.analysis import Scope
from headwater.sql.context import Context, Work
from headwater.sql.expressions import type_of


def group_by(
    work: Work,
    node: exp.Select,
    context: Context,
    ordinal: Callable[[Work, exp.Expr, Context], bool],
) -> frozenset[str] | None:
    """Resolve GROUP BY; return the folded names of the columns in it, or None without one."""
    group = node.args.get("group")
    if group is None:
        return None
    named: set[str] = set()
    for item in _items(group):
        if not ordinal(work, item, context):
            type_of(work, item, context)
            named |= {c.name.casefold() for c in item.find_all(exp.Column)}
    return frozenset(named)


def _items(group: exp.Expr) -> list[exp.Expr]:
    """The grouping expressions, those inside of ROLLUP, CUBE and GROUPING SETS included."""
    found: list[exp.Expr] = []
    for part in group.iter_expressions():
        if isinstance(part, (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple)):
            found += _items(part)
        elif isinstance(part, exp.Paren):
            found.append(part.this)
        else:
            found.append(part)
    return found


def check(work: Work, node: exp.Select, scope: Scope) -> None:
    """Report columns of a grouped SELECT that are neither grouped nor aggregated."""
