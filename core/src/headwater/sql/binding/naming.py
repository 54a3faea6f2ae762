"""How Spark names an output column that has no AS.

Spark writes the expression out: `count(1)`, `(a + b)`, `CAST(x AS STRING)`. Names that are not
certain here say so, and are answered with advice to write AS.

Source: Apache Spark 4.1, `toPrettySQL`, `ResolveAliases`, and the expressions' `sql`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from sqlglot import exp

from headwater.diagnostics import Span
from headwater.sql import functions
from headwater.sql.binding.context import Work
from headwater.sql.functions import names
from headwater.sql.functions.table import Function
from headwater.sql.syntax.nodes import named_window, span_of
from headwater.sql.syntax.operators import UNSIGNED
from headwater.sql.typing import literals
from headwater.sql.typing.names import data_type
from headwater.types import DATE, DataType
from headwater.untrusted import limits

_OPERATORS: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "div",
    exp.EQ: "=", exp.GT: ">", exp.GTE: ">=", exp.LT: "<", exp.LTE: "<=", exp.NullSafeEQ: "<=>",
    exp.DPipe: "||",
    exp.And: "AND", exp.Or: "OR", exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^",
    exp.BitwiseLeftShift: "<<", exp.BitwiseRightShift: ">>",
}  # fmt: skip
_COMPARISONS: Final = frozenset(["=", ">", ">=", "<", "<=", "<=>"])
_MOMENTS: Final = ("date", "timestamp", "timestamp_ntz")
_CUT: Final = re.compile(r"\b(substr|substring)\s*\([\s(]*$", re.IGNORECASE)
_FROM: Final = re.compile(r"[\s)]*\bFROM\b", re.IGNORECASE)
_EXTRACTED: Final = re.compile(r"\bextract\s*\(\s*`?(\w+)`?\s+from[\s(]*$", re.IGNORECASE)
_SO_FAR: Final = {
    "rows": "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "range": "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
}
_WHOLE: Final = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"


def output_name(work: Work, node: exp.Expr) -> tuple[str, bool]:
    """Return the name of an output column, and whether it is certain.

    Example: `SELECT i + 1, upper(s) FROM t` -> `(i + 1) int, upper(s) string`
    """
    if isinstance(node, exp.Alias):
        return str(node.alias), True
    inner = _bare(node)
    if isinstance(inner, exp.Column) or (isinstance(inner, exp.Dot) and _is_path(inner)):
        return _last_name(inner), True
    if isinstance(inner, (exp.Cast, exp.TryCast)) and _is_attribute(work, inner.this):
        return _bare(inner.this).name, True
    if functions.called(inner).is_cast and len(inner.expressions) == 1:
        child = inner.expressions[0]
        if _is_attribute(work, child):
            return _bare(child).name, True
    writer = _Writer(work)
    try:
        return writer.text(inner), writer.certain
    except _TooLongError:
        return type(inner).key, False


def pretty(work: Work, node: exp.Expr) -> str:
    """Return an expression as Spark writes it in a column's name."""
    try:
        return _Writer(work).text(node)
    except _TooLongError:
        return type(node).key


def _bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _is_path(node: exp.Expr) -> bool:
    """Whether a node is a column and fields below it, and nothing else."""
    while isinstance(node, exp.Dot):
        node = node.this
    return isinstance(node, exp.Column)


def _last_name(node: exp.Expr) -> str:
    return str(node.expression.name if isinstance(node, exp.Dot) else node.name)


def _is_attribute(work: Work, node: exp.Expr) -> bool:
    """Whether a node is a column itself, not a field below one."""
    node = _bare(node)
    if not isinstance(node, exp.Column):
        return False
    binding = work.bindings.get(id(node))
    return binding is None or not binding.fields


class _TooLongError(Exception):
    """A name grows longer than any column's."""


class _Writer:
    """Writes expressions; `certain` falls where Spark's text is not known."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self.certain = True
        self._texts: dict[int, str] = {}

    def text(self, node: exp.Expr) -> str:
        """Return one expression, written out.

        Raises:
            _TooLongError: If it is longer than any column's name: Spark repeats operands, so that
                a name may be exponentially longer than its expression.
        """
        text = self._texts.get(id(node))
        if text is None:
            rule = _Writer._operation if type(node) in _OPERATORS else _RULES.get(type(node))
            text = rule(self, node) if rule is not None else self._unknown(node)
            if len(text) > limits.NAME_CHARACTERS:
                raise _TooLongError
            self._texts[id(node)] = text
        return text

    def _unknown(self, node: exp.Expr) -> str:
        self.certain = False
        return str(node.name or type(node).key)

    def _type(self, node: exp.Expr) -> DataType | None:
        return self._work.types.get(id(node))

    def _list(self, nodes: Sequence[exp.Expr]) -> str:
        return ", ".join(self.text(n) for n in nodes)

    def _inner(self, node: exp.Expr) -> str:
        return self.text(node.this)

    def _operation(self, node: exp.Expr) -> str:
        chain: list[exp.Expr] = []
        here = node
        while type(here) in _OPERATORS:
            chain.append(here)
            here = here.this
        left, left_node = self.text(here), here
        for link in reversed(chain):
            right = self.text(link.expression)
            left = self._joined(link, left_node, left, right)
            left_node = link
        return left

    def _joined(self, node: exp.Expr, left_node: exp.Expr, left: str, right: str) -> str:
        operator = ">>>" if node.args.get(UNSIGNED) else _OPERATORS[type(node)]
        if operator == "||":
            return f"concat({left}, {right})"
        if operator in "+-":
            a, b = self._type(left_node), self._type(node.expression)
            if a is not None and b is not None:
                return self._sum(operator, (left, a), (right, b))
        if operator == "*":
            b = self._type(node.expression)
            if b is not None and b.name == "interval":
                return f"({right} * {left})"
        if operator in _COMPARISONS:
            self._check_comparison(operator, left_node, node.expression)
        return f"({left} {operator} {right})"

    def _check_comparison(self, operator: str, *nodes: exp.Expr) -> None:
        """Spark rewrites `whole > 1.5` as `whole > 1`; equality it leaves alone."""
        types = [self._type(n) for n in nodes]
        literal = [
            isinstance(_bare(n), (exp.Literal, exp.Neg)) and t is not None and t.name == "decimal"
            for n, t in zip(nodes, types, strict=True)
        ]
        whole = any(t is not None and t.is_integer for t in types)
        if operator[0] in "<>" and operator != "<=>" and any(literal) and whole:
            self.certain = False

    def _sum(self, operator: str, left: tuple[str, DataType], right: tuple[str, DataType]) -> str:
        if left[1].name == "interval" and right[1].name in _MOMENTS:
            left, right = right, left
        (a, a_type), (b, b_type) = left, right
        if a_type.name == b_type.name == "interval":
            self.certain = False  # `INTERVAL 1 DAY 2 HOURS` is one literal for Spark
        if a_type.is_integer and b_type == DATE:
            (a, a_type), (b, b_type) = (b, b_type), (a, a_type)
        if a_type == DATE and b_type.is_integer:
            return f"date_{'add' if operator == '+' else 'sub'}({a}, {b})"
        if a_type.name in _MOMENTS and b_type.name == "interval":
            if a_type == DATE and b_type.field_names == ("day",):
                days = f"extractansiintervaldays({b})"
                return f"date_add({a}, {days if operator == '+' else f'(- {days})'})"
            return f"{a} {operator} {b}"
        return f"({a} {operator} {b})"

    def _column(self, node: exp.Expr) -> str:
        assert isinstance(node, exp.Column)
        if id(node) in self._work.aliases or node.name.lower() == "grouping__id":
            self.certain = False
        binding = self._work.bindings.get(id(node))
        if binding is None or not binding.fields:
            return str(node.name)
        return ".".join(p.name for p in node.parts[-len(binding.fields) - 1 :])

    def _dot(self, node: exp.Expr) -> str:
        return f"{self.text(node.this)}.{node.expression.name}"

    def _bracket(self, node: exp.Expr) -> str:
        container = self._type(node.this)
        key = self._list(node.expressions)
        if container is not None and container.name == "struct":
            return f"{self.text(node.this)}.{key}"
        return f"{self.text(node.this)}[{key}]"

    def _literal(self, node: exp.Expr) -> str:
        if node.is_string:
            return str(node.name)
        return self._or_uncertain(literals.number_name(node.name))

    def _or_uncertain(self, text: str | None) -> str:
        if text is None:
            self.certain = False
        return text or "?"

    def _negated(self, node: exp.Expr) -> str:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return self._or_uncertain(literals.number_name(f"-{node.this.name}"))
        return f"(- {self.text(node.this)})"

    def _not(self, node: exp.Expr) -> str:
        inner = node.this
        if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
            return f"({self.text(inner.this)} IS NOT NULL)"
        return f"(NOT {self.text(inner)})"

    def _is(self, node: exp.Expr) -> str:
        if isinstance(node.expression, exp.Null):
            return f"({self.text(node.this)} IS NULL)"
        return f"({self.text(node.this)} <=> {self.text(node.expression)})"

    def _unequal(self, node: exp.Expr) -> str:
        same = "<=>" if isinstance(node, exp.NullSafeNEQ) else "="
        return f"(NOT ({self.text(node.this)} {same} {self.text(node.expression)}))"

    def _between(self, node: exp.Expr) -> str:
        ends = [node.this, node.args["low"], node.args["high"]]
        return f"between({self._list(ends)})"

    def _in(self, node: exp.Expr) -> str:
        if (query := node.args.get("query")) is not None:
            self._subquery(query)
            return f"({self.text(node.this)} IN (listquery()))"
        return f"({self.text(node.this)} IN ({self._list(node.expressions)}))"

    def _like(self, node: exp.Expr) -> str:
        if isinstance(node.expression, (exp.Any, exp.All)):
            self.certain = False
        if isinstance(node, exp.Like):
            text = f"{self.text(node.this)} LIKE {self.text(node.expression)}"
        else:
            name = "ilike" if isinstance(node, exp.ILike) else "RLIKE"
            text = f"{name}({self.text(node.this)}, {self.text(node.expression)})"
        return f"(NOT {text})" if node.args.get("negate") else text

    def _escape(self, node: exp.Expr) -> str:
        self.certain = False
        return self.text(node.this)

    def _case(self, node: exp.Expr) -> str:
        parts = ["CASE"]
        for branch in node.args["ifs"]:
            condition = self.text(branch.this)
            if node.this is not None:
                condition = f"({self.text(node.this)} = {condition})"
            parts.append(f"WHEN {condition} THEN {self.text(branch.args['true'])}")
        if node.args.get("default") is not None:
            parts.append(f"ELSE {self.text(node.args['default'])}")
        return " ".join([*parts, "END"])

    def _cast(self, node: exp.Expr) -> str:
        typed = literals.typed_literal_name(node)
        if typed is not None:
            return self._or_uncertain(typed or None)
        type_ = data_type(node.args["to"])
        if type_.children or type_.name in ("unknown", "interval"):
            self.certain = False
        head = "TRY_CAST" if isinstance(node, exp.TryCast) else "CAST"
        return f"{head}({self.text(node.this)} AS {str(type_).upper()})"

    def _interval(self, node: exp.Expr) -> str:
        return self._or_uncertain(literals.interval_name(node))

    def _extract(self, node: exp.Expr) -> str:
        # Spark keeps the unit's case; sqlglot does not.
        unit = self._written_before(node.expression, _EXTRACTED)
        return f"extract({unit or node.name.lower()} FROM {self.text(node.expression)})"

    def _written_before(self, node: exp.Expr, pattern: re.Pattern[str]) -> str | None:
        """Return a word that stands before an expression in the text; without it uncertain."""
        span = span_of(node)
        if span is None or node.find(exp.Substring, exp.Extract) is not None:
            self.certain = False  # the word would be that of the inner call
            return None
        match = pattern.search(self._work.text[: span.start])
        if match is None:
            self.certain = False
        return match[1] if match is not None else None

    def _trim(self, node: exp.Expr) -> str:
        position = (node.args.get("position") or "").upper()
        if node.expression is None:
            name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "trim")
            return f"{name}({self.text(node.this)})"
        what, source = self.text(node.expression), self.text(node.this)
        return f"TRIM({position or 'BOTH'} {what} FROM {source})"

    def _substring(self, node: exp.Expr) -> str:
        # `substr` and `substring` are one node in the tree, and two names in Spark.
        arguments = [node.this, node.args.get("start"), node.args.get("length")]
        texts = [self.text(part) for part in arguments if part is not None]
        name = self._written_before(node.this, _CUT) or "substring"
        behind = self._work.text[(span_of(node.this) or Span(0, 0)).end :]
        name = "substring" if _FROM.match(behind) else name.lower()
        return f"{name}({', '.join([*texts, '2147483647'][:3])})"

    def _subquery(self, node: exp.Expr) -> str:
        """Spark names it by the columns around it that it uses; none is certain."""
        within = {id(x) for x in node.walk()}
        bound = (self._work.bindings.get(id(c)) for c in node.find_all(exp.Column))
        if any(b is None or id(b.scope.node) not in within for b in bound):
            self.certain = False
        return "exists()" if isinstance(node, exp.Exists) else "scalarsubquery()"

    def _lambda(self, node: exp.Expr) -> str:
        variables = ", ".join("namedlambdavariable()" for _ in node.expressions)
        return f"lambdafunction({self.text(node.this)}, {variables})"

    def _distinct(self, node: exp.Expr) -> str:
        return f"DISTINCT {self._list(node.expressions)}"

    def _filter(self, node: exp.Expr) -> str:
        return f"{self.text(node.this)} FILTER (WHERE {self.text(node.expression.this)})"

    def _window(self, node: exp.Expr) -> str:
        select = node.find_ancestor(exp.Select)
        frame = named_window(select, node) if select is not None else None
        call = node.this
        if frame is None or not isinstance(call, exp.Anonymous):
            self.certain = False
            return self.text(call)
        parts = []
        if keys := frame.args.get("partition_by"):
            parts.append(f"PARTITION BY {self._list(keys)}")
        if order := frame.args.get("order"):
            parts.append(f"ORDER BY {', '.join(map(self._ordered, order.expressions))}")
        spec = frame.args.get("spec")
        default = self._default_frame(call, ordered=frame.args.get("order") is not None)
        parts.append(default if spec is None else self._frame(spec))
        return f"{self.text(call)} OVER ({' '.join(parts)})"

    def _default_frame(self, call: exp.Expr, *, ordered: bool) -> str:
        """Return the frame of a window that writes none."""
        frame = functions.called(call).entry("frame")
        if frame in _SO_FAR:
            return _SO_FAR[frame]
        if frame not in ("back", "ahead"):
            return _SO_FAR["range"] if ordered else _WHOLE
        arguments = call.expressions
        offset = literals.position(arguments[1]) if len(arguments) > 1 else 1
        if offset is None:
            self.certain = False
        at = -(offset or 0) if frame == "back" else offset
        return f"ROWS BETWEEN {at} FOLLOWING AND {at} FOLLOWING"

    def _ordered(self, node: exp.Expr) -> str:
        item = node.this if isinstance(node, exp.Ordered) else node
        down, first = bool(node.args.get("desc")), bool(node.args.get("nulls_first", True))
        nulls = "FIRST" if first else "LAST"
        return f"{self.text(item)} {'DESC' if down else 'ASC'} NULLS {nulls}"

    def _frame(self, spec: exp.Expr) -> str:
        bounds = []
        for which in ("start", "end"):
            bound = spec.args.get(which)
            side = str(spec.args.get(f"{which}_side") or "").upper()
            written = self.text(bound) if isinstance(bound, exp.Expr) else bound or "CURRENT ROW"
            bounds.append(f"{written} {side}".strip())
        return f"{str(spec.args.get('kind')).upper()} BETWEEN {bounds[0]} AND {bounds[1]}"

    def _call(self, node: exp.Expr) -> str:
        arguments = list(node.expressions)
        function = functions.called(node)
        if not function.name:
            function = Function(functions.name_of(node) or "", "", {})
        star = arguments[0] if len(arguments) == 1 and isinstance(arguments[0], exp.Star) else None
        with_unit = len(arguments) == 3 and function.takes_unit

        def argument(place: int) -> str:
            if with_unit and place == 0:
                return str(arguments[0].name)
            return self.text(arguments[place])

        text, certain = names.call_name(function, len(arguments), argument, star=star is not None)
        if not certain or (star is not None and star.args.get("except_")):
            self.certain = False
        return text


_RULES: Final[dict[type[exp.Expr], Callable[[_Writer, exp.Expr], str]]] = {
    exp.Paren: _Writer._inner,
    exp.Alias: lambda w, n: f"{w.text(n.this)} AS {n.alias}",
    exp.Column: _Writer._column,
    exp.Identifier: lambda w, n: "namedlambdavariable()",
    exp.Dot: _Writer._dot,
    exp.Bracket: _Writer._bracket,
    exp.Literal: _Writer._literal,
    exp.HexString: lambda w, n: f"X'{n.name.upper()}'",
    exp.Boolean: lambda w, n: "true" if n.this else "false",
    exp.Null: lambda w, n: "NULL",
    exp.Neg: _Writer._negated,
    exp.Not: _Writer._not,
    exp.Is: _Writer._is,
    exp.NEQ: _Writer._unequal,
    exp.NullSafeNEQ: _Writer._unequal,
    exp.Between: _Writer._between,
    exp.In: _Writer._in,
    exp.Like: _Writer._like,
    exp.ILike: _Writer._like,
    exp.RegexpLike: _Writer._like,
    exp.Escape: _Writer._escape,
    exp.Case: _Writer._case,
    exp.Cast: _Writer._cast,
    exp.TryCast: _Writer._cast,
    exp.Interval: _Writer._interval,
    exp.Extract: _Writer._extract,
    exp.Trim: _Writer._trim,
    exp.Substring: _Writer._substring,
    exp.BitwiseNot: lambda w, n: f"~{w.text(n.this)}",
    exp.CurrentDate: lambda w, n: "current_date()",
    exp.CurrentTimestamp: lambda w, n: "current_timestamp()",
    exp.Lambda: _Writer._lambda,
    exp.Distinct: _Writer._distinct,
    exp.Filter: _Writer._filter,
    exp.Window: _Writer._window,
    exp.Exists: _Writer._subquery,
    exp.Subquery: _Writer._subquery,
    exp.Anonymous: _Writer._call,
}
