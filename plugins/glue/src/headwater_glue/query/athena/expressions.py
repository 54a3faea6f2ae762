"""Expressions: names, literals, operators, CASE, from Trino's tree to typed Spark SQL."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlglot import exp

from headwater import types as t
from headwater.types import DataType
from headwater.untrusted import limits
from headwater.untrusted.texts import decimal_number, whole_number
from headwater_glue.query.athena import aggregates, casts, functions, moments
from headwater_glue.query.athena.arithmetic import arithmetic, decimal_literal
from headwater_glue.query.athena.comparing import OPERATORS, check_comparable, compare
from headwater_glue.query.athena.scopes import Scope
from headwater_glue.query.athena.values import (
    Typed,
    common,
    refuse,
    string_literal,
)

Subquery = Callable[[exp.Query, Scope], "tuple[str, tuple[DataType, ...]]"]
"""Translates a query inside an expression: its text, and the types of its columns."""

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?"
)


class Expressions:
    """Translates expressions of one SELECT.

    Args:
        scope: What its names mean.
        subquery: Translates queries inside it.
    """

    def __init__(self, scope: Scope, subquery: Subquery) -> None:
        self._scope = scope
        self._subquery = subquery

    def __call__(self, node: exp.Expr) -> Typed:
        """Return an expression's translation.

        Raises:
            UntranslatableError: If a part of it does not carry over.
        """
        translate = _BY_NODE.get(type(node))
        if translate is None:
            refuse(node, f"{_named(node)} is not among the constructs that do")
        translated = translate(self, node)
        if len(translated.text) > limits.QUERY_CHARACTERS:  # some operands have to be written twice
            refuse(node, "it would become too long an expression")
        return translated

    def boolean(self, node: exp.Expr) -> Typed:
        """Return a condition's translation."""
        value = self(node)
        if value.type not in (t.BOOLEAN, t.VOID):
            refuse(node, f"a condition of type {value.type}")
        return value

    def _column(self, node: exp.Column) -> Typed:
        parts = [p.name for p in node.parts]
        return self._scope.column(parts, node)

    def _dot(self, node: exp.Dot) -> Typed:
        parts = [p.name for p in node.parts]
        return self._scope.column(parts, node)

    def _paren(self, node: exp.Paren) -> Typed:
        return self(node.this)

    def _literal(self, node: exp.Literal) -> Typed:
        text = node.name
        if node.is_string:
            return Typed(string_literal(text, node), t.STRING, text)
        if re.fullmatch(r"[0-9]+", text):
            whole = whole_number(text)
            if whole is None or whole >= 2**63:
                refuse(node, "an integer beyond 64 bits")
            return Typed(str(whole), t.INT if whole < 2**31 else t.BIGINT, text)
        if re.fullmatch(r"[0-9]*\.[0-9]*", text):
            return decimal_literal(text, node)
        number = decimal_number(text)
        if number is None or math.isinf(float(number)):
            refuse(node, f"{text[:40]!r}, which is no double")
        return Typed(f"{text}D", t.DOUBLE, text)

    def _boolean(self, node: exp.Boolean) -> Typed:
        text = "true" if node.this else "false"
        return Typed(text, t.BOOLEAN, text)

    def _null(self, node: exp.Null) -> Typed:
        return Typed("NULL", t.VOID, "")

    def _compare(self, node: exp.Binary) -> Typed:
        if isinstance(node.expression, exp.Any | exp.All):
            refuse(node, "a comparison with ANY or ALL of a query")
        return compare(self(node.this), OPERATORS[type(node)], self(node.expression), node)

    def _distinct(self, node: exp.Binary) -> Typed:
        left, right = self(node.this), self(node.expression)
        check_comparable(left, right, node)
        same = f"({left.text} <=> {right.text})"
        return Typed(same if isinstance(node, exp.NullSafeEQ) else f"(NOT {same})", t.BOOLEAN)

    def _between(self, node: exp.Between) -> Typed:
        only(node, "this", "low", "high")
        value = self(node.this)
        low = compare(value, ">=", self(node.args["low"]), node)
        high = compare(value, "<=", self(node.args["high"]), node)
        return Typed(f"({low.text} AND {high.text})", t.BOOLEAN)

    def _in(self, node: exp.In) -> Typed:
        only(node, "this", "expressions", "query")
        value = self(node.this)
        query = node.args.get("query")
        if query is not None:
            text, types = self._subquery(query.unnest(), self._scope)
            if len(types) != 1:
                refuse(node, "IN over a query of several columns")
            compare(value, "=", Typed(text, types[0]), node)
            if value.may_be_nan and types[0].is_floating:
                refuse(node, "IN over a query of floating numbers, in which NaN may turn up")
            return Typed(f"({value.text} IN ({text}))", t.BOOLEAN)
        options = [self(e) for e in node.expressions]
        for option in options:
            check_comparable(value, option, node)
            if value.may_be_nan and option.may_be_nan:
                refuse(node, "IN over floating numbers that are not literals")
        return Typed(f"({value.text} IN ({', '.join(o.text for o in options)}))", t.BOOLEAN)

    def _exists(self, node: exp.Exists) -> Typed:
        text, _ = self._subquery(node.this.unnest(), self._scope)
        return Typed(f"EXISTS ({text})", t.BOOLEAN)

    def _scalar(self, node: exp.Subquery) -> Typed:
        only(node, "this")
        text, types = self._subquery(node.this, self._scope)
        if len(types) != 1:
            refuse(node, "a query of several columns as a value")
        return Typed(f"({text})", types[0])

    def _is(self, node: exp.Is) -> Typed:
        if not isinstance(node.expression, exp.Null):
            refuse(node, f"IS {node.expression.sql(dialect='trino')}")
        return Typed(f"({self(node.this).text} IS NULL)", t.BOOLEAN)

    def _not(self, node: exp.Not) -> Typed:
        if isinstance(node.this, exp.Is):
            self._is(node.this)
            return Typed(f"({self(node.this.this).text} IS NOT NULL)", t.BOOLEAN)
        return Typed(f"(NOT {self.boolean(node.this).text})", t.BOOLEAN)

    def _logic(self, node: exp.Binary) -> Typed:
        word = "AND" if isinstance(node, exp.And) else "OR"
        left, right = self.boolean(node.this), self.boolean(node.expression)
        return Typed(f"({left.text} {word} {right.text})", t.BOOLEAN)

    def _like(self, node: exp.Like | exp.Escape) -> Typed:
        escape = None
        like = node
        if isinstance(node, exp.Escape):
            like, escape = node.this, node.expression.name
        value, pattern = self(like.this), like.expression
        if not isinstance(pattern, exp.Literal) or not value.type.is_text:
            refuse(node, "LIKE with a pattern that is not a literal")
        # Spark's patterns escape by a backslash unless told otherwise, Trino's by nothing.
        if escape is None and "\\" in pattern.name:
            escape = next(c for c in "|!#~^@\x01" if c not in pattern.name)
        escape_clause = "" if escape is None else f" ESCAPE {string_literal(escape, node)}"
        return Typed(
            f"({value.text} LIKE {string_literal(pattern.name, node)}{escape_clause})", t.BOOLEAN
        )

    def _concat(self, node: exp.DPipe) -> Typed:
        left, right = self(node.this), self(node.expression)
        if not (left.type.is_text and right.type.is_text):
            refuse(node, f"{left.type} || {right.type}")
        return Typed(f"({left.text} || {right.text})", t.STRING)

    def _arithmetic(self, node: exp.Binary) -> Typed:
        if isinstance(node.expression, exp.Interval):
            return self._moved(node)
        left, right = self(node.this), self(node.expression)
        return arithmetic(left, type(node), right, node)

    def _negative(self, node: exp.Neg) -> Typed:
        value = self(node.this)
        if not value.type.is_numeric:
            refuse(node, f"minus {value.type}")
        literal = None if value.literal is None else f"-{value.literal}"
        return Typed(f"(- {value.text})", value.type, literal)

    def _moved(self, node: exp.Binary) -> Typed:
        """A date or timestamp plus or minus an interval."""
        value, interval = self(node.this), node.expression
        unit = interval.args["unit"].name.upper() if interval.args.get("unit") else ""
        amount = interval.this.name
        if not re.fullmatch(r"[0-9]{1,6}", amount) or value.type.name not in ("date", "timestamp"):
            refuse(node, f"{value.type} and an interval of {amount!r} {unit}")
        if type(node) not in (exp.Add, exp.Sub):
            refuse(node, "an interval multiplied or divided")
        count = int(amount) * (1 if isinstance(node, exp.Add) else -1)
        return moments.moved(value, unit, str(count), node)

    def _case(self, node: exp.Case) -> Typed:
        subject = self(node.this) if node.this is not None else None
        conditions, answers = [], []
        for branch in node.args["ifs"]:
            if subject is None:
                conditions.append(self.boolean(branch.this))
            else:
                conditions.append(compare(subject, "=", self(branch.this), branch))
            answers.append(self(branch.args["true"]))
        default = node.args.get("default")
        otherwise = self(default) if default is not None else Typed("NULL", t.VOID)
        type_ = one_type([*answers, otherwise], node)
        whens = " ".join(
            f"WHEN {c.text} THEN {a.cast(type_).text}"
            for c, a in zip(conditions, answers, strict=True)
        )
        return Typed(f"(CASE {whens} ELSE {otherwise.cast(type_).text} END)", type_)

    def _cast(self, node: exp.Cast) -> Typed:
        text, to = node.this, node.args["to"]
        if isinstance(text, exp.Literal) and text.is_string and type(node) is exp.Cast:
            if to.this == exp.DType.DATE and _DATE.fullmatch(text.name):
                return Typed(f"DATE '{text.name}'", t.DATE, text.name)
            if to.this == exp.DType.TIMESTAMP and _TIMESTAMP.fullmatch(text.name):
                return Typed(f"TIMESTAMP '{text.name}'", t.TIMESTAMP, text.name)
            if to.this == exp.DType.DECIMAL and not to.expressions:
                return decimal_literal(text.name, node)
        return casts.cast(self(node.this), node)

    def _extract(self, node: exp.Extract) -> Typed:
        return functions.call(node.name.lower(), [self(node.expression)], node)

    def _call(self, node: exp.Anonymous) -> Typed:
        name = str(node.this)
        if aggregates.is_aggregate(name):
            return aggregates.call(name, node.expressions, self, node)
        return functions.call(name, [self(e) for e in node.expressions], node)

    def _filter(self, node: exp.Filter) -> Typed:
        if not isinstance(node.this, exp.Anonymous) or not aggregates.is_aggregate(node.this.this):
            refuse(node, "FILTER on what is not a listed aggregate")
        value = self(node.this)
        return Typed(
            f"{value.text} FILTER (WHERE {self.boolean(node.expression.this).text})", value.type
        )

    def _window(self, node: exp.Window) -> Typed:
        return aggregates.window(node, self)

    def _today(self, node: exp.CurrentDate) -> Typed:
        return Typed("current_date()", t.DATE)


def one_type(values: Sequence[Typed], node: exp.Expr) -> DataType:
    """Return the type that a choice among values has in both engines."""
    joint = t.VOID
    for value in values:
        joined = common(joint, value.type)
        if joined is None:
            refuse(node, f"a choice between {joint} and {value.type}")
        joint = joined
    return joint


def only(node: exp.Expr, *names: str) -> None:
    """Refuse a node with arguments other than these."""
    for name, value in node.args.items():
        if value and name not in names:
            refuse(node, f"{_named(node)} with {name.rstrip('_').upper()}")


def _named(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return f"{node.name}()"
    return _WORDS.get(type(node), type(node).__name__)


_WORDS: Final[dict[type, str]] = {
    exp.Bracket: "a subscript, x[i]",
    exp.AtTimeZone: "AT TIME ZONE",
    exp.Lambda: "a lambda",
    exp.Array: "ARRAY[...]",
    exp.Struct: "ROW(...)",
    exp.HexString: "a binary literal",
    exp.Interval: "an interval by itself",
    exp.TableSample: "TABLESAMPLE",
    exp.Group: "GROUP BY",
    exp.Cube: "CUBE",
    exp.Rollup: "ROLLUP",
    exp.GroupingSets: "GROUPING SETS",
    exp.Unnest: "UNNEST",
    exp.Table: "a table",
    exp.Join: "a join",
    exp.Select: "SELECT",
}
"""What to call constructs whose class in sqlglot says little to a reader of SQL."""


_BY_NODE: Final[dict[type, Callable[[Expressions, Any], Typed]]] = {
    exp.Column: Expressions._column,
    exp.Dot: Expressions._dot,
    exp.Paren: Expressions._paren,
    exp.Literal: Expressions._literal,
    exp.Boolean: Expressions._boolean,
    exp.Null: Expressions._null,
    **dict.fromkeys(OPERATORS, Expressions._compare),
    exp.NullSafeEQ: Expressions._distinct,
    exp.NullSafeNEQ: Expressions._distinct,
    exp.Between: Expressions._between,
    exp.In: Expressions._in,
    exp.Exists: Expressions._exists,
    exp.Subquery: Expressions._scalar,
    exp.Is: Expressions._is,
    exp.Not: Expressions._not,
    exp.And: Expressions._logic,
    exp.Or: Expressions._logic,
    exp.Like: Expressions._like,
    exp.Escape: Expressions._like,
    exp.DPipe: Expressions._concat,
    exp.Add: Expressions._arithmetic,
    exp.Sub: Expressions._arithmetic,
    exp.Mul: Expressions._arithmetic,
    exp.Div: Expressions._arithmetic,
    exp.Mod: Expressions._arithmetic,
    exp.Neg: Expressions._negative,
    exp.Case: Expressions._case,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Extract: Expressions._extract,
    exp.Anonymous: Expressions._call,
    exp.Filter: Expressions._filter,
    exp.Window: Expressions._window,
    exp.CurrentDate: Expressions._today,
}
