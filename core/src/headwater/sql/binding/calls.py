"""Calls of functions: their arguments, lambdas and results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql import functions
from headwater.sql.binding import lambdas, operands
from headwater.sql.binding.columns import qualify, without_excepted
from headwater.sql.binding.context import Clause, Context, Work
from headwater.sql.functions.arguments import problems
from headwater.sql.functions.results import Call, result, within_group
from headwater.sql.functions.table import Function
from headwater.types import DataType

TypeOf = Callable[[Work, exp.Expr, Context], DataType]

_OF_ORDERED: Final = ("ordered", "percentile")
"""What comes of WITHIN GROUP where a function aggregates what it orders by."""
_NO_AGGREGATES: Final = frozenset([Clause.WHERE, Clause.JOIN, Clause.GROUP, Clause.FROM])


def struct_of(work: Work, items: Sequence[exp.Expr], context: Context, type_of: TypeOf) -> DataType:
    """Return the type of `struct(...)`, and of several values in brackets.

    Example: `SELECT struct(i, d AS x) AS v FROM t` -> `v struct<i:int,x:double>`
    """
    fields: list[tuple[str, DataType]] = []
    for number, item in enumerate(items, 1):
        if _is_star(item):
            fields += starred(work, item, context)
            continue
        type_ = type_of(work, item, context)
        fields.append((_field_name(item) or f"col{number}", type_))
    return t.struct(*fields)


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
    """Return names and types of what a `*` or `t.*` among arguments stands for.

    Example: `SELECT struct(u.*) AS v FROM (SELECT i, s FROM u) AS u` -> `v struct<i:int,s:string>`
    """
    if isinstance(node, exp.Column):
        qualifier = [p.name for p in node.parts[:-1]]
        sources = context.frame.sources(qualifier)
        qualify(work, node, len(qualifier), context.scope, sources)
        columns = [c for s in sources for c in context.frame.of(s)]
        star = node.this
    else:
        columns, star = context.frame.starred, node
    return [(c.name, c.type) for c in without_excepted(work, star, columns, context.frame)]


def call(work: Work, node: exp.Expr, context: Context, type_of: TypeOf) -> DataType:
    """Type a call, with the clauses that may follow it (FILTER, WITHIN GROUP, IGNORE NULLS).

    Example: `SELECT count(*) FILTER (WHERE i > 0) AS n FROM t` -> `n bigint`
    """
    function = functions.called(_innermost(node))
    name = function.name
    if function.kind == "window":
        work.report(
            "misplaced-window", f"{name}() needs an OVER clause", node,
            hint=f"write {name}(...) OVER (PARTITION BY ... ORDER BY ...)",
        )  # fmt: skip
    if function.kind == "generator":
        work.report(
            "misplaced-generator",
            f"{name}() makes many rows; it stands alone in SELECT, or in LATERAL VIEW or FROM",
            node,
            hint=f"write LATERAL VIEW {name}(...) t AS x, and use x",
        )
    if function.kind != "aggregate":
        return _unwrapped(work, node, context, type_of)
    type_ = _unwrapped(work, node, replace(context, inside=name), type_of)
    if not _is_around(work, node, name, context):
        _check_place(work, node, name, context)
    return type_


def _is_around(work: Work, node: exp.Expr, name: str, context: Context) -> bool:
    """Return whether an aggregate is of the query around: HAVING EXISTS (... WHERE x = max(b))."""
    bound = [work.bindings.get(id(c)) for c in node.find_all(exp.Column)]
    outside = [b for b in bound if b is not None and not b.scope.is_within(context.scope)]
    if not outside or (context.outer is not None and context.outer.clause is Clause.FROM):
        return False
    around = context.outer.clause if context.outer is not None else None
    in_filter = context.clause is Clause.WHERE and around is Clause.HAVING
    if in_filter and len(outside) == len(bound):
        return True
    work.report(
        "misplaced-aggregate",
        f"{name}() is given columns of the query around; that stands in a HAVING's subquery only, "
        "in its WHERE",
        node,
        hint="aggregate in a subquery of FROM, and compare with its column",
    )
    return True


def call_in_window(work: Work, node: exp.Expr, context: Context, type_of: TypeOf) -> DataType:
    """Type the call before an OVER clause, where an aggregate function is a window function."""
    return work.typed(node, _unwrapped(work, node, context, type_of))


def check_windowed(work: Work, node: exp.Expr) -> None:
    """Report what Spark does not allow before OVER: DISTINCT, FILTER, ranks without an order.

    Example: `SELECT rank() OVER (PARTITION BY s) AS v FROM t` -> `misplaced-window`
    """
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
    function = functions.called(inner)
    named = node.args.get("alias") is not None
    ordered = node.args.get("order") is not None or node.args.get("spec") is not None
    if function.entry("frame") == "whole" and ordered and not named:
        work.report(
            "unsupported-syntax",
            f"Spark takes {function.name}() of whole partitions only, without ORDER BY or a frame",
            node,
            hint=f"write {function.name}(...) OVER (PARTITION BY ...), or percentile(x, 0.5) OVER",
        )
    if function.kind == "window" and node.args.get("order") is None and not named:
        work.report(
            "misplaced-window", f"{function.name}() needs an ORDER BY in its OVER clause", node,
            hint=f"write {function.name}(...) OVER (ORDER BY ...)",
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
        inside = [o.this for o in node.expression.expressions]
        ordered = [type_of(work, item, context) for item in inside]
        function = functions.called(node.this)
        if function.entry("within") in _OF_ORDERED:
            inner = work.typed(node.this, _result(work, node.this, context, type_of, inside))
        else:
            inner = work.typed(node.this, _unwrapped(work, node.this, context, type_of))
        return within_group(function, ordered, inner)
    if isinstance(node, exp.Anonymous):
        return _result(work, node, context, type_of)
    return type_of(work, node, context)


def _result(
    work: Work,
    node: exp.Anonymous,
    context: Context,
    type_of: TypeOf,
    ordered: Sequence[exp.Expr] = (),
) -> DataType:
    function, name = functions.called(node), functions.name_of(node) or ""
    arguments = list(node.expressions)
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        arguments = list(arguments[0].expressions)
    if name == "struct":
        return struct_of(work, arguments, context, type_of)
    if any(isinstance(a, exp.Lambda) for a in arguments):
        result_type = lambdas.call(work, function, arguments, context, type_of)
        types = [work.types.get(id(a), t.UNKNOWN) for a in arguments]
        check(work, node, function, types, arguments)
        return result_type
    types = []
    for index, argument in enumerate(arguments):
        if index == 0 and len(arguments) == 3 and function.takes_unit:
            types.append(t.STRING)
        elif _is_star(argument):
            types += [type_ for _, type_ in starred(work, argument, context)]
        else:
            value = argument.expression if isinstance(argument, exp.Kwarg) else argument
            types.append(type_of(work, value, context))
    if name == "if" and types:
        operands.check_condition(work, arguments[0], types[0], "if()", also=(t.VOID,))
        types[0] = t.BOOLEAN
    if not any(map(_is_star, arguments)):
        values = [work.types.get(id(item), t.UNKNOWN) for item in ordered]
        check(work, node, function, [*types, *values], [*arguments, *ordered])
    return result(function, Call(tuple(types), tuple(arguments)))


def check(
    work: Work,
    node: exp.Expr,
    function: Function,
    types: Sequence[DataType],
    arguments: Sequence[exp.Expr],
    *,
    name: str = "",
) -> None:
    """Report what `functions.arguments` finds wrong with the arguments of a call.

    Example: `SELECT upper(s, 1) AS v FROM t` -> `argument-count`
    """
    for problem in problems(function, types, arguments, name=name):
        work.report(problem.code, problem.message, node, hint=problem.hint)
