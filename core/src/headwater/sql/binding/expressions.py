"""What an expression means and is: binds the names in it, and types every node of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql import functions
from headwater.sql.binding import calls, operands
from headwater.sql.binding.columns import bind_column, fields
from headwater.sql.binding.context import Clause, Context, Work
from headwater.sql.functions.results import extracted
from headwater.sql.syntax import intervals
from headwater.sql.syntax.nodes import EXTRACT_UNITS
from headwater.sql.typing import rules as typing
from headwater.sql.typing.literals import next_to
from headwater.sql.typing.names import data_type
from headwater.types import UNKNOWN, DataType

_ARITHMETIC: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.IntDiv: "div",
}
_BITWISE: Final = (exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor)
_CONNECTORS: Final = (exp.And, exp.Or)
_CHAINED: Final = (*_ARITHMETIC, *_BITWISE, *_CONNECTORS, exp.DPipe)
_PREDICATES: Final = (
    exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Is, exp.Between, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape, exp.Any, exp.All,
)  # fmt: skip
_UNITS: Final = re.compile(
    r"(year|month|week|day|hour|minute|second|millisecond|microsecond)s?", re.IGNORECASE
)
_UNIT_OF: Final = {"week": "day", "millisecond": "second", "microsecond": "second"}


def type_of(work: Work, node: exp.Expr, context: Context) -> DataType:
    """Bind the names in an expression, keep the type of each node in it, return its own.

    Example: `SELECT i + b AS v FROM t` -> `v bigint`
    """
    if isinstance(node, _CHAINED):
        return _chain(work, node, context)
    rule = _RULES.get(type(node))
    if rule is not None:
        return work.typed(node, rule(work, node, context))
    if isinstance(node, _PREDICATES):
        types = [type_of(work, part, context) for part in node.iter_expressions()]
        operands.check_predicate(work, node, types)
        return work.typed(node, t.BOOLEAN)
    return work.typed(node, UNKNOWN)


def _chain(work: Work, node: exp.Expr, context: Context) -> DataType:
    """A long `a OR b OR c ...` leans to the left: walked, not recursed into."""
    chain: list[exp.Expr] = []
    here: exp.Expr = node
    while isinstance(here, _CHAINED):
        chain.append(here)
        here = here.this
    left = type_of(work, here, context)
    for link in reversed(chain):
        right = type_of(work, link.expression, context)
        result = work.typed(link, _combined(link, left, right))
        operands.check_chained(work, link, left, right)
        left = result
    return left


def _combined(node: exp.Expr, left: DataType, right: DataType) -> DataType:
    if isinstance(node, _CONNECTORS):
        return t.BOOLEAN
    if isinstance(node, exp.DPipe):
        return typing.joined([left, right])
    if isinstance(node, _BITWISE):
        return typing.bitwise(left, right)
    operator = _ARITHMETIC[type(node)]
    return typing.arithmetic(
        operator,
        next_to(node.this, left, right),
        next_to(node.expression, right, left),
    )


def _literal(work: Work, node: exp.Expr, context: Context) -> DataType:
    return t.STRING if node.is_string else typing.number(node.name)


def _negated(work: Work, node: exp.Expr, context: Context) -> DataType:
    inner = type_of(work, node.this, context)
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return typing.number(f"-{node.this.name}")
    if inner == t.STRING:
        return t.DOUBLE
    operands.check_negated(work, node, inner)
    return inner if inner.is_numeric or inner.name == "interval" else UNKNOWN


def _bits(work: Work, node: exp.Expr, context: Context) -> DataType:
    inner = type_of(work, node.this, context)
    operands.check_negated(work, node, inner)
    return inner if inner.is_integer else UNKNOWN


def _shift(work: Work, node: exp.Expr, context: Context) -> DataType:
    left = type_of(work, node.this, context)
    type_of(work, node.expression, context)
    return left if left == t.BIGINT else t.INT if left.is_integer else UNKNOWN


def _variable(work: Work, node: exp.Expr, context: Context) -> DataType:
    return context.variables.get(node.name.casefold(), UNKNOWN)


def _dot(work: Work, node: exp.Expr, context: Context) -> DataType:
    names: list[exp.Expr] = []
    here: exp.Expr = node
    while isinstance(here, exp.Dot):
        names.append(here)
        here = here.this
    type_ = type_of(work, here, context)
    for link in reversed(names):
        if not isinstance(link.expression, exp.Identifier):
            return UNKNOWN
        above = here.name or "the expression"
        type_ = work.typed(link, fields(work, link, type_, [link.expression.name], above))
        here = link.expression
    return type_


def _bracket(work: Work, node: exp.Expr, context: Context) -> DataType:
    container = type_of(work, node.this, context)
    if len(node.expressions) != 1:
        return UNKNOWN
    key = node.expressions[0]
    key_type = type_of(work, key, context)
    return typing.picked(container, key_type, key.name if key.is_string else None)


def _cast(work: Work, node: exp.Expr, context: Context) -> DataType:
    type_of(work, node.this, context)
    return data_type(node.args["to"])


def _in(work: Work, node: exp.Expr, context: Context) -> DataType:
    types = [type_of(work, part, context) for part in (node.this, *node.expressions)]
    operands.check_predicate(work, node, types)
    if node.args.get("query") is not None:
        _check_filter(work, node, context)
        scope = work.subquery(node.args["query"], context)
        width = len(node.this.expressions) if isinstance(node.this, exp.Tuple) else 1
        if len(scope.outputs) != width and id(scope) not in work.vague:
            work.report(
                "subquery-columns",
                f"IN compares {width} column{'s' * (width != 1)} with a subquery of "
                f"{len(scope.outputs)}",
                node.args["query"],
                hint=f"let the subquery give {width}",
            )
    return t.BOOLEAN


def _check_filter(work: Work, node: exp.Expr, context: Context) -> None:
    """Report a condition over a subquery where Spark has none: it joins such subqueries."""
    if context.clause is Clause.ORDER:
        work.report(
            "unsupported-syntax", "Spark does not order by EXISTS or IN (SELECT ...)", node,
            hint="select it under a name, and order by that name",
        )  # fmt: skip


def _exists(work: Work, node: exp.Expr, context: Context) -> DataType:
    _check_filter(work, node, context)
    work.subquery(node.this, context)
    return t.BOOLEAN


def _scalar(work: Work, node: exp.Expr, context: Context) -> DataType:
    scope = work.subquery(node, context)
    if id(scope) in work.vague:
        return UNKNOWN
    if len(scope.outputs) != 1:
        work.report(
            "subquery-columns",
            f"a subquery that stands for a value gives one column, not {len(scope.outputs)}",
            node,
            hint="select one column in it",
        )
        return UNKNOWN
    return scope.outputs[0].type


def _tuple(work: Work, node: exp.Expr, context: Context) -> DataType:
    return calls.struct_of(work, node.expressions, context, type_of)


def _case(work: Work, node: exp.Expr, context: Context) -> DataType:
    subject = None if node.this is None else type_of(work, node.this, context)
    results = []
    for branch in node.args["ifs"]:
        type_ = type_of(work, branch.this, context)
        if subject is None:
            operands.check_condition(work, branch.this, type_, "WHEN")
        else:
            operands.check_compared(work, branch.this, [subject, type_])
        results.append(work.typed(branch, type_of(work, branch.args["true"], context)))
    if node.args.get("default") is not None:
        results.append(type_of(work, node.args["default"], context))
    operands.check_alike(work, node, results, "the results of CASE")
    return typing.wider(results)


def _interval(work: Work, node: exp.Expr, context: Context) -> DataType:
    unit = node.args.get("unit")
    if node.this is not None:
        type_of(work, node.this, context)
    _check_interval(work, node)
    if isinstance(unit, exp.IntervalSpan):
        first, last = (_unit(str(u.name)) for u in (unit.this, unit.expression))
        return t.interval(first, last) if first and last else UNKNOWN
    if unit is not None:
        only = _unit(unit.name)
        return t.interval(only, only) if only else UNKNOWN
    named = [_UNIT_OF.get(u.lower(), u.lower()) for u in _UNITS.findall(node.this.name)]
    return typing.wider([t.interval(u, u) for u in named]) if named else UNKNOWN


def _check_interval(work: Work, node: exp.Expr) -> None:
    """Report a literal whose text says no interval of its units."""
    unit, value = node.args.get("unit"), node.this
    if not isinstance(value, (exp.Literal, exp.Neg)):
        work.report(
            "syntax", "INTERVAL needs a number or a text that is written out", node,
            hint="for a computed number write make_interval(...), or INTERVAL 1 DAY * number",
        )  # fmt: skip
    if not isinstance(value, exp.Literal):
        return
    span = (unit.this, unit.expression) if isinstance(unit, exp.IntervalSpan) else (unit, None)
    first, last = (u.name.lower().removesuffix("s") if u is not None else None for u in span)
    if not intervals.says(value.name, first, last):
        units = " TO ".join(u.name.upper() for u in span if u is not None)
        work.report(
            "invalid-literal",
            f"{value.name!r} is no interval{f' of {units}' * bool(units)}",
            node,
            hint="write INTERVAL '1' DAY, INTERVAL '1-6' YEAR TO MONTH or INTERVAL '1 day 2 hours'",
        )


def _unit(text: str) -> str | None:
    match = _UNITS.fullmatch(text)
    return _UNIT_OF.get(match[1].lower(), match[1].lower()) if match else None


def _extract(work: Work, node: exp.Expr, context: Context) -> DataType:
    source = type_of(work, node.expression, context)
    # The guard tells units that there are none of.
    known = node.name.lower() in EXTRACT_UNITS
    unit = exp.Literal.string(node.name) if known else exp.null()
    arguments = [unit, node.expression]
    calls.check(
        work, node, functions.named("date_part"), [t.STRING, source], arguments, name="extract"
    )
    return extracted(node.name, source)


_SPELLED_OUT: Final[dict[type[exp.Expr], tuple[str, tuple[str, ...]]]] = {
    exp.Substring: ("substring", ("this", "start", "length")),
    exp.StrPosition: ("position", ("substr", "this", "position")),
    exp.Overlay: ("overlay", ("this", "expression", "from_", "for_")),
    exp.Trim: ("trim", ("expression", "this")),
}
"""Calls with a syntax of their own, and where their arguments are."""


def _text(work: Work, node: exp.Expr, context: Context) -> DataType:
    operand_types = [type_of(work, part, context) for part in node.iter_expressions()]
    name, keys = _SPELLED_OUT[type(node)]
    more = [key for key in node.args if key not in keys and not isinstance(node, exp.Trim)]
    parts = [p for key in (*keys, *more) if isinstance(p := node.args.get(key), exp.Expr)]
    types = [work.types.get(id(part), UNKNOWN) for part in parts]
    calls.check(work, node, functions.named(name), types, parts)
    if isinstance(node, exp.StrPosition):
        return t.INT
    return t.BINARY if operand_types[0] == t.BINARY and not isinstance(node, exp.Trim) else t.STRING


def _alias(work: Work, node: exp.Expr, context: Context) -> DataType:
    return type_of(work, node.this, context)


def _window(work: Work, node: exp.Expr, context: Context) -> DataType:
    if context.clause in (Clause.WHERE, Clause.JOIN, Clause.GROUP, Clause.HAVING):
        work.report(
            "misplaced-window",
            f"a window function can't stand in {context.clause}",
            node,
            hint="compute it in a subquery's SELECT, or use QUALIFY",
        )
    calls.check_windowed(work, node)
    inner = replace(context, windowed=True)
    window_parts(work, node, inner)
    return calls.call_in_window(work, node.this, inner, type_of)


def window_parts(work: Work, node: exp.Expr, context: Context) -> None:
    """Bind what a window's PARTITION BY, ORDER BY and frame name."""
    for part in node.args.get("partition_by") or ():
        operands.check_ordered(work, part, type_of(work, part, context))
    order = node.args.get("order")
    if order is not None:
        for item in order.expressions:
            type_ = work.typed(item, type_of(work, item.this, context))
            operands.check_ordered(work, item.this, type_)
    spec = node.args.get("spec")
    if spec is not None:
        for key in ("start", "end"):
            bound = spec.args.get(key)
            if isinstance(bound, exp.Expr):
                type_of(work, bound, context)


def _call(work: Work, node: exp.Expr, context: Context) -> DataType:
    return calls.call(work, node, context, type_of)


def _fixed(type_: DataType) -> Rule:
    return lambda work, node, context: type_


def _now(name: str, type_: DataType) -> Rule:
    """Today or now; without brackets Spark looks for a column of that name first."""

    def rule(work: Work, node: exp.Expr, context: Context) -> DataType:
        if context.frame.named(name) or name in context.variables:
            work.report(
                "two-readings", f"{name} is a function, and here a column too", node,
                hint=f"write `{name}` in backticks for the column",
            )  # fmt: skip
        return type_

    return rule


def _json(work: Work, node: exp.Expr, context: Context) -> DataType:
    inner = type_of(work, node.this, context)
    if inner not in (UNKNOWN, t.VOID) and inner.name != "unreadable":
        work.report(
            "not-a-variant",
            f"`:` reads values of type variant; this is of type {inner}, which Spark refuses",
            node,
            hint="write get_json_object(column, '$.path'), or parse_json(column):path",
        )
    return UNKNOWN


def _collated(work: Work, node: exp.Expr, context: Context) -> DataType:
    type_of(work, node.this, context)
    return UNKNOWN


Rule = Callable[[Work, exp.Expr, Context], DataType]

_RULES: Final[dict[type[exp.Expr], Rule]] = {
    exp.Literal: _literal,
    exp.HexString: _fixed(t.BINARY),
    exp.Boolean: _fixed(t.BOOLEAN),
    exp.Null: _fixed(t.VOID),
    exp.Column: bind_column,
    exp.Identifier: _variable,
    exp.Dot: _dot,
    exp.Bracket: _bracket,
    exp.Neg: _negated,
    exp.BitwiseNot: _bits,
    exp.BitwiseLeftShift: _shift,
    exp.BitwiseRightShift: _shift,
    exp.Paren: _alias,
    exp.Alias: _alias,
    exp.PivotAlias: _alias,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.In: _in,
    exp.Exists: _exists,
    exp.Subquery: _scalar,
    exp.Select: _scalar,
    exp.Union: _scalar,
    exp.Tuple: _tuple,
    exp.Case: _case,
    exp.Interval: _interval,
    exp.Extract: _extract,
    exp.Trim: _text,
    exp.Substring: _text,
    exp.StrPosition: _text,
    exp.Overlay: _text,
    exp.CurrentDate: _now("current_date", t.DATE),
    exp.CurrentTimestamp: _now("current_timestamp", t.TIMESTAMP),
    exp.Window: _window,
    exp.Anonymous: _call,
    exp.Filter: _call,
    exp.WithinGroup: _call,
    exp.IgnoreNulls: _call,
    exp.RespectNulls: _call,
    exp.JSONExtract: _json,
    exp.Collate: _collated,
    exp.Ordered: _alias,
}


def condition(work: Work, node: exp.Expr, context: Context) -> None:
    """Type an expression that decides about rows; Spark takes nothing but a boolean.

    Example: `SELECT s FROM t WHERE i` -> `not-a-condition`
    """
    operands.check_condition(work, node, type_of(work, node, context), context.clause)


def types_of(work: Work, nodes: Sequence[exp.Expr], context: Context) -> list[DataType]:
    """Return `type_of` for each of a call's arguments, `name => value` by its value."""
    values = (n.expression if isinstance(n, exp.Kwarg) else n for n in nodes)
    return [type_of(work, v, context) for v in values]
