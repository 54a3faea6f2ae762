"""PIVOT and UNPIVOT: which columns come out of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Binding, Generated
from headwater.sql.binding import grouping, naming
from headwater.sql.binding.context import Clause, Context, Work
from headwater.sql.binding.expressions import type_of
from headwater.sql.binding.frame import Frame, Visible, key_for, qualifiers_of
from headwater.sql.typing import rules as typing
from headwater.tables.table import Column
from headwater.types import DataType


def pivoted(work: Work, node: exp.Pivot, context: Context) -> Frame:
    """Return what PIVOT or UNPIVOT makes of the context's frame.

    Example: `SELECT * FROM (SELECT s, i FROM t) PIVOT (sum(i) FOR s IN ('x', 'y'))`
        -> `x bigint, y bigint`
    """
    inner = replace(context, clause=Clause.SELECT)
    columns = _unpivot(work, node, inner) if node.args.get("unpivot") else _pivot(work, node, inner)
    return _as_source(node, columns, context)


def _as_source(node: exp.Pivot, columns: list[tuple[str, DataType]], context: Context) -> Frame:
    """The result hides what it was made of, and stays visible under the same qualifiers."""
    hidden = [context.scope.sources.pop(key, None) for key in context.frame.qualifiers]
    inputs = tuple(s for s in hidden if s is not None)
    source = Generated(node, tuple(Column(n, x) for n, x in columns), inputs)
    alias = node.alias
    key = key_for(alias, source, context.scope.sources)
    context.scope.sources[key] = source
    visible = [Visible(n, x, key, Binding(context.scope, key, n, x)) for n, x in columns]
    vague = {key} if context.frame.vague else set()
    qualifiers = qualifiers_of(alias, source) if alias else _inherited(context.frame)
    return Frame(visible, vague, {key: qualifiers})


def _inherited(frame: Frame) -> tuple[tuple[str, ...], ...]:
    return tuple(q for qualifiers in frame.qualifiers.values() for q in qualifiers)


def _bound(work: Work, nodes: Sequence[exp.Expr]) -> set[str]:
    """Folded names of the columns that these expressions name."""
    named = (c for n in nodes for c in n.find_all(exp.Column))
    return {c.name.casefold() for c in named}


def _pivot(work: Work, node: exp.Pivot, context: Context) -> list[tuple[str, DataType]]:
    aggregates = list(node.expressions)
    types = [type_of(work, a, context) for a in aggregates]
    for aggregate in aggregates:
        if not grouping.aggregates(aggregate):
            work.report(
                "missing-aggregation", "PIVOT makes one value of many rows: this is no aggregate",
                aggregate, hint="take an aggregate of it, e.g. max(...)",
            )  # fmt: skip
    values: list[str] = []
    used = _bound(work, aggregates)
    for field in node.args.get("fields") or ():
        axis = field.this.expressions if isinstance(field.this, exp.Tuple) else [field.this]
        for column in axis:
            type_of(work, column, context)
        used |= _bound(work, axis)
        values += [_value_name(work, v) for v in field.expressions]
    columns = [(c.name, c.type) for c in context.frame.starred if c.name.casefold() not in used]
    names = [naming.output_name(work, a)[0] for a in aggregates]
    work.spend(len(values) * len(names), node)
    for value in values:
        for own, type_ in zip(names, types, strict=True):
            columns.append((value if len(aggregates) == 1 else f"{value}_{own}", type_))
    return columns


def _value_name(work: Work, node: exp.Expr) -> str:
    if isinstance(node, (exp.PivotAlias, exp.Alias)):
        return str(node.alias)
    if isinstance(node, exp.Tuple):
        return f"{{{', '.join(_value_name(work, e) for e in node.expressions)}}}"
    return naming.pretty(work, node)


def _unpivot(work: Work, node: exp.Pivot, context: Context) -> list[tuple[str, DataType]]:
    """`UNPIVOT (value FOR name IN (a, b AS c))`, or with several values at once."""
    used: set[str] = set()
    wide: list[list[DataType]] = []
    names: list[str] = []
    for field in node.args.get("fields") or ():
        names.append(field.this.name)
        for item in field.expressions:
            inner = item.this if isinstance(item, (exp.PivotAlias, exp.Alias)) else item
            parts = inner.expressions if isinstance(inner, exp.Tuple) else [inner]
            wide.append([type_of(work, p, context) for p in parts])
            used |= _bound(work, parts)
    columns = [(c.name, c.type) for c in context.frame.starred if c.name.casefold() not in used]
    columns += [(name, t.STRING) for name in names]
    values = [
        v.name
        for e in node.expressions
        for v in (e.expressions if isinstance(e, exp.Tuple) else [e])
    ]
    for index, name in enumerate(values):
        columns.append((name, typing.wider(w[index] for w in wide if index < len(w))))
    return columns
