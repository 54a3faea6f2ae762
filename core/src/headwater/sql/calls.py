"""Calls of functions: their arguments, lambdas and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql import functions, lambdas, operands, signatures
from headwater.sql.context import Clause, Context, Work
from headwater.types import DataType

TypeOf = Callable[[Work, exp.Expr, Context], DataType]

_UNIT_FIRST: Final = frozenset(
    ["date_add", "dateadd", "datediff", "date_diff", "timestampadd", "timestampdiff", "timediff"]
)
_ALIKE: Final = frozenset(["greatest", "least"])
_CHOOSING: Final = {"coalesce": 0, "nvl": 0, "ifnull": 0, "if": 1, "nvl2": 1}
"""Functions that give one of their arguments, and the first of those."""
_NO_AGGREGATES: Final = frozenset([Clause.WHERE, Clause.JOIN, Clause.GROUP])


def struct_of(work: Work, items: Sequence[exp.Expr], context: Context, type_of: TypeOf) -> DataType:
    """Return the type of `struct(...)`, and of several values in brackets."""
    found: list[tuple[str, DataType]] = []
    for number, item in enumerate(items, 1):
        if _is_star(item):
            found += starred(work, item, context)
            continue
        type_ = type_of(work, item, context)
        found.append((_field_name(item) or f"col{number}", type_))
    return t.struct(*found)


def _field_name(item: exp.Expr) -> str | None:
    if isinstance(item, exp.Alias):
        return str(item.alias)
    while isinstance(item, exp.Paren):
        item = item.this
    return item.name if isinstance(item, (exp.Column, exp.Identifier, exp.Dot)) else None


def _is_star(node: exp.Expr) -> bool:
    return isinstance(node, exp.Star) or (
        isinstance(node, exp.Column) and isinstance(node.this, exp.Star)
    )


def starred(work: Work, node: exp.Expr, context: Context) -> list[tuple[str, DataType]]:
    """Return names and types of what a `*` or `t.*` among arguments stands for."""
    if isinstance(node, exp.Column):
        qualifier = [p.name for p in node.parts[:-1]]
        sources = context.frame.sources(qualifier)
        return [(c.name, c.type) for s in sources for c in context.frame.of(s)]
    return [(c.name, c.type) for c in context.frame.starred]


def call(work: Work, node: exp.Expr, context: Context, type_of: TypeOf) -> DataType:
    """Type a call, with the clauses that may follow it (FILTER, WITHIN GROUP, IGNORE NULLS)."""
    name = functions.name_of(_innermost(node))
    if name in functions.WINDOW_ONLY:
        work.report(
            "misplaced-window", f"{name}() needs an OVER clause", node,
            hint=f"write {name}(...) OVER (PARTITION BY ... ORDER BY ...)",
        )  # fmt: skip
    if name in functions.GENERATORS:
        work.report(
            "misplaced-generator",
            f"{name}() makes many rows; it stands alone in SELECT, or in LATERAL VIEW or FROM",
            node,
            hint=f"write LATERAL VIEW {name}(...) t AS x, and use x",
        )
    if name in functions.AGGREGATES:
        _check_place(work, node, name, context)
        context = replace(context, inside=name)
    return _unwrapped(work, node, context, type_of)


def call_in_window(work: Work, node: exp.Expr, context: Context, type_of: TypeOf) -> DataType:
    """Type the call before an OVER clause; an aggregate function is none there."""
    return work.typed(node, _unwrapped(work, node, context, type_of))


def check_windowed(work: Work, node: exp.Expr) -> None:
    """Report what Spark has not before OVER: DISTINCT, FILTER, ranks without an order."""
    function = node.this
    if isinstance(function, exp.Filter):
        work.report(
            "unsupported-syntax", "Spark has no FILTER before OVER", node,
            hint="write the condition into the argument: sum(CASE WHEN condition THEN x END)",
        )  # fmt: skip
    inner = _innermost(function)
    if any(isinstance(a, exp.Distinct) for a in inner.expressions):
        work.report(
            "unsupported-syntax", "Spark has no DISTINCT before OVER", node,
            hint="for the number of values write size(collect_set(x) OVER (...))",
        )  # fmt: skip
    name = functions.name_of(inner)
    named = node.args.get("alias") is not None
    if name in functions.WINDOW_ONLY and node.args.get("order") is None and not named:
        work.report(
            "misplaced-window", f"{name}() needs an ORDER BY in its OVER clause", node,
            hint=f"write {name}(...) OVER (ORDER BY ...)",
        )  # fmt: skip


def _innermost(node: exp.Expr) -> exp.Expr:
    while isinstance(node, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        node = node.this
    return node


def _check_place(work: Work, node: exp.Expr, name: str, context: Context) -> None:
    if context.clause in _NO_AGGREGATES:
        work.report(
            "misplaced-aggregate",
            f"{name}() is an aggregate; {context.clause} looks at one row at a time",
            node,
            hint="filter groups with HAVING" if context.clause is Clause.WHERE else
            "aggregate in a subquery first",
        )  # fmt: skip
    elif context.inside:
        work.report(
            "nested-aggregate", f"{name}() stands inside of {context.inside}()", node,
            hint="aggregate in a subquery first",
        )  # fmt: skip


def _unwrapped(work: Work, node: exp.Expr, context: Context, type_of: TypeOf) -> DataType:
    if isinstance(node, (exp.IgnoreNulls, exp.RespectNulls)):
        return work.typed(node.this, _unwrapped(work, node.this, context, type_of))
    if isinstance(node, exp.Filter):
        # A condition of its own: no aggregate, whatever it filters.
        type_of(work, node.expression.this, replace(context, clause=Clause.WHERE, inside=None))
        return work.typed(node.this, _unwrapped(work, node.this, context, type_of))
    if isinstance(node, exp.WithinGroup):
        ordered = [type_of(work, o.this, context) for o in node.expression.expressions]
        inner = work.typed(node.this, _unwrapped(work, node.this, context, type_of))
        name = functions.name_of(node.this) or ""
        return signatures.within_group(name, ordered, inner)
    if isinstance(node, exp.Anonymous):
        return _result(work, node, context, type_of)
    return type_of(work, node, context)


def _result(work: Work, node: exp.Anonymous, context: Context, type_of: TypeOf) -> DataType:
    name = functions.name_of(node) or ""
    arguments = list(node.expressions)
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        arguments = list(arguments[0].expressions)
    if name == "struct":
        return struct_of(work, arguments, context, type_of)
    if any(isinstance(a, exp.Lambda) for a in arguments):
        return lambdas.call(work, name, arguments, context, type_of)
    found: list[DataType] = []
    for index, argument in enumerate(arguments):
        if index == 0 and len(arguments) == 3 and name in _UNIT_FIRST:
            found.append(t.STRING)
        elif _is_star(argument):
            found += [type_ for _, type_ in starred(work, argument, context)]
        else:
            value = argument.expression if isinstance(argument, exp.Kwarg) else argument
            found.append(type_of(work, value, context))
    if name in _ALIKE:
        _check_alike(work, node, name, found)
    elif name in _CHOOSING:
        if name == "if" and found:
            operands.check_condition(work, arguments[0], found[0], "if()", also=(t.VOID,))
        operands.check_alike(work, node, found[_CHOOSING[name] :], f"the values of {name}()")
    return signatures.result(name, found, arguments)


def _check_alike(work: Work, node: exp.Expr, name: str, found: Sequence[DataType]) -> None:
    """Spark makes numbers of different kinds alike here, and a text and something else not."""
    known = {x for x in found if x not in (t.VOID, t.UNKNOWN) and x.name != "unreadable"}
    if t.STRING in known and len(known) > 1:
        listed = ", ".join(str(x) for x in found)
        work.report(
            "argument-types", f"{name}() compares values of one type, not {listed}", node,
            hint="cast the texts, or the other values",
        )  # fmt: skip
