"""Expressions: each node of a checked tree as DuckDB SQL with Spark's type, or a `Refusal`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Analysis, Binding, TableReference
from headwater.sql.binding import row_order
from headwater.sql.binding.from_clause import spread
from headwater.sql.functions import called, name_of
from headwater.sql.portable import (
    aggregates,
    arithmetic,
    bits,
    calls,
    casts,
    chars,
    conditions,
    containers,
    grouping,
    intervals,
    literals,
    nested,
    ranges,
    time_windows,
    windows,
)
from headwater.sql.portable.comparing import compare, widened
from headwater.sql.portable.pieces import Cascade, Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import has_spans, has_type, is_span, null
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.queries import Queries
    from headwater.sql.portable.scopes import Query

_Handler = Callable[["Expressions", exp.Expr], Piece]

COMPARISONS: Final[dict[type[exp.Expr], str]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "IS NOT DISTINCT FROM",
    exp.NullSafeNEQ: "IS DISTINCT FROM",
}
_ARITHMETIC: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.IntDiv: "div",
}


class Expressions:
    """Compiles the expressions of one SELECT.

    Args:
        analysis: The query.
        queries: Compiles the queries around and below it.
        query: The SELECT whose expressions these are.
    """

    def __init__(self, analysis: Analysis, queries: Queries, query: Query) -> None:
        self.analysis = analysis
        self.queries = queries
        self.query = query
        self.keys: Mapping[str, str] | None = None
        """In a grouped SELECT: what stands for each grouping expression; else None."""
        self.counted: tuple[str, ...] | None = None
        """The grouping expressions of ROLLUP, CUBE and GROUPING SETS, as Spark counts them."""
        self.slides = ""
        """What numbers the windows of a row, where a SELECT has windows that slide."""
        self.sessions = ""
        """What has the session of a row, where a SELECT groups by sessions."""
        self.variables: list[tuple[str, Piece]] = []
        """Lambda variables in force, innermost last."""
        self.around: list[tuple[int, str, dict[str, tuple[str, Piece]]]] = []
        """Lambdas that see nothing around them: how many variables stand outside of each, the one
        whose parts stand for what is there, and the names of these parts by their SQL."""
        self.made: dict[int, Piece] = {}
        """The columns of rows that a generator of the SELECT makes, by `id` of the output."""
        self.early: dict[int, Piece] = {}
        """Columns that stand for parts of conditions, by `id` of the node; see `early`."""
        self.facts: dict[str, ranges.Range] = {}
        """What is known of pieces, by their SQL: in a branch of CASE, what its condition says."""
        self.sides: dict[int, Piece] = {}
        """What comparisons compared last, by `id` of the node: CASE learns of it what they say."""
        self.learns = True
        """Whether conditions of CASE are looked at."""

    def piece(self, node: exp.Expr) -> Piece:
        """Return a compiled expression.

        Raises:
            Refusal: With the construct for which Spark's answer can't be promised.
        """
        if id(node) in self.early:
            return self._inside(self.early[id(node)])
        try:
            piece = self._compiled(node)
            self.queries.spend(piece.sql)
        except Refusal as refusal:
            if refusal.node is None:
                refusal.node = node
            raise
        if self.keys is not None and piece.sql in self.keys:
            piece = replace(piece, sql=self.keys[piece.sql], literal=None)
        if piece.sql in self.facts:
            piece = replace(piece, range=piece.values.narrowed(self.facts[piece.sql]))
        return piece

    @contextmanager
    def knowing(self, condition: exp.Expr | None, value: exp.Expr | None = None) -> Iterator[None]:
        """Know of the values that a condition is about what it says, where it is true.

        Args:
            condition: The condition.
            value: What it has to be equal to, in `CASE value WHEN condition THEN ...`.
        """
        before = self.facts
        self.facts = dict(before)
        try:
            if value is not None and condition is not None:
                self._learn(value, condition, "=")
            else:
                for conjunct in spread(condition, exp.And):
                    if operator := COMPARISONS.get(type(conjunct)):
                        self._learn(conjunct.this, conjunct.expression, operator)
            yield
        finally:
            self.facts = before

    def learn_not(self, condition: exp.Expr | None, value: exp.Expr | None = None) -> None:
        """Know what a condition says where it is not true: in the branches of CASE behind it.

        Where it is NULL, the value that it compares with a literal is NULL, and raises nothing. NaN
        is the greatest number, on both engines: it meets the opposite of what it does not meet.
        """
        if value is not None and condition is not None:
            self._learn(value, condition, "<>")
            return
        for disjunct in spread(condition, exp.Or):
            operator = ranges.OPPOSITE.get(COMPARISONS.get(type(disjunct), ""))
            if operator is not None:
                self._learn(disjunct.this, disjunct.expression, operator)

    def _learn(self, one_side: exp.Expr, other_side: exp.Expr, operator: str) -> None:
        """Keep what a comparison of a number with a literal says.

        Literals only: Spark may evaluate `a.x > 0` and what depends on it apart, but never the
        latter on other rows; of two tables' columns it may.
        """
        if operator not in ranges.FLIPPED or not self.learns:
            return
        # Compiled again here, what nests in conditions would be compiled exponentially often.
        left, right = (self.sides.get(id(x)) or self.piece(x) for x in (one_side, other_side))
        for one, other, how in ((left, right, operator), (right, left, ranges.FLIPPED[operator])):
            numbers = one.type.is_numeric and other.type.is_numeric
            if numbers and one.literal is None and other.literal is not None:
                values = ranges.compared(how, other.values)
                if values is not None:
                    earlier = self.facts.get(one.sql)
                    self.facts[one.sql] = earlier.narrowed(values) if earlier else values

    def boolean(self, node: exp.Expr) -> Piece:
        """Return a compiled condition."""
        piece = self.piece(node)
        if piece.type == t.VOID:
            return Piece(null(t.BOOLEAN), t.BOOLEAN)
        if piece.type != t.BOOLEAN:
            raise Refusal(f"a {piece.type} as a condition: write a comparison", node)
        return piece

    def compared(self, operator: str, left: exp.Expr, right: exp.Expr) -> Piece:
        """Return `left operator right`; see `compare`."""
        sides = (left, self.piece(left)), (right, self.piece(right))
        self.sides.update((id(node), piece) for node, piece in sides)
        return compare(operator, *chars.compared(self.analysis, *sides))

    def type_of(self, node: exp.Expr) -> DataType:
        """Return the type that the analysis gives a node.

        Raises:
            Refusal: If it is not known, or DuckDB has none for it.
        """
        type_ = self.analysis.type_of(node)
        if not type_.is_known:
            raise Refusal("the type of this expression can't be told", node)
        if type_ != t.VOID and not has_type(type_):
            raise Refusal(f"{type_}: DuckDB has no such type", node)
        return type_

    def checked(self, piece: Piece, node: exp.Expr) -> Piece:
        """Return a piece if the analysis gives its node the same type."""
        analysed = self.type_of(node)
        if analysed != piece.type:
            raise Refusal(f"it would be {piece.type} here and is {analysed} in Spark", node)
        return piece

    def refuse_sorted(self, node: exp.Expr) -> None:
        """Refuse a call, or an OVER, that depends on an order of rows if a subquery sorts them."""
        if id(node) in self.analysis.unordered:
            sorting = row_order.sorted_below(self.query.scope)
            refuse_unless(sorting is None, f"{_called(node)} {row_order.SORTED}", sorting)

    def _compiled(self, node: exp.Expr) -> Piece:
        if operator := COMPARISONS.get(type(node)):
            _only(node, _OPERATOR)
            return self.compared(operator, node.this, node.expression)
        if operator := _ARITHMETIC.get(type(node)):
            _only(node, _OPERATOR)
            return self._arithmetic(operator, node)
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise Refusal(f"{_named(node)}: not proven to mean the same on both engines", node)
        _only(node, _PARTS[type(node)])
        return handler(self, node)

    def _arithmetic(self, operator: str, node: exp.Expr) -> Piece:
        if operator in "+-" and (shift := intervals.shifted(self, node, operator)):
            return shift
        left, right = self.piece(node.this), self.piece(node.expression)
        type_ = self.type_of(node)
        if is_span(type_) or is_span(left.type) or is_span(right.type):
            return intervals.arithmetic(operator, left, right, type_)
        if left.type == t.VOID or right.type == t.VOID:
            return Piece(null(type_), type_)
        if type_ == t.DATE:
            return intervals.days(operator, left, right)
        left, right = (self._number(p, o) for p, o in ((left, right), (right, left)))
        return self.checked(arithmetic.binary(operator, left, right, type_), node)

    def _number(self, piece: Piece, other: Piece) -> Piece:
        """A text next to a number is cast to one."""
        if piece.type != t.STRING or not other.type.is_numeric:
            return piece
        return widened(piece, t.BIGINT if other.type.is_integer else t.DOUBLE, texts=True)

    def column(self, node: exp.Expr) -> Piece:
        """Return a column, a lambda variable, or what an alias of this SELECT stands for."""
        binding = self.analysis.binding_of(node)
        if binding is not None:
            return self._inside(self.bound(binding, node))
        if (
            self.counted is not None
            and node.name.lower() == "grouping__id"
            and not node.args.get("table")
        ):
            return grouping.identity(self.counted)
        folded = node.name.casefold()
        for place, (name, piece) in reversed(list(enumerate(self.variables))):
            if name == folded:
                return self._inside(piece, place)
        if (of_window := time_windows.named(self, node)) is not None:
            return of_window
        named = self.analysis.alias_of(node)
        if named is not None and named.node is not None:
            inner = named.node
            piece = self.piece(inner.this if isinstance(inner, exp.Alias) else inner)
            # `w.start` where `w` is the name of a struct.
            fields = node.parts[1:] if isinstance(node, exp.Column) else []
            for field in fields:
                piece = nested.field(piece, field.name)
            return piece
        raise Refusal(f"the name {node.name!r}: what it means can't be told", node)

    def _inside(self, piece: Piece, place: int = -1) -> Piece:
        """Return what stands for a column or a variable inside of lambdas that see none."""
        for outside, item, parts in self.around:
            if place < outside:
                name, _ = parts.setdefault(piece.sql, (f"c{len(parts)}", piece))
                piece = Piece(f"struct_extract({item}, '{name}')", piece.type)
        return piece

    def sorted_by(self, node: exp.Expr) -> Piece:
        """Return what ORDER BY sorts by, which may be what a generator made."""
        named = self.analysis.alias_of(node)
        return self.made.get(id(named)) or self.piece(node)

    def bound(self, binding: Binding, node: exp.Expr | None = None) -> Piece:
        """Return the column that a binding means."""
        piece = self.queries.column_of(binding)
        if piece.type == t.UNKNOWN and binding.type != t.UNKNOWN:
            raise Cascade(f"column {binding.column!r}", node)
        stored = has_spans(piece.type) and isinstance(
            binding.scope.sources.get(binding.source), TableReference
        )
        if not piece.type.is_known or not has_type(piece.type) or stored:
            raise Refusal(f"column {binding.column!r} of type {piece.type}", node)
        for field in binding.fields:
            piece = nested.field(piece, field)
        return piece


def _only(node: exp.Expr, parts: frozenset[str]) -> None:
    """Refuse a node with a part that is passed over: `negate` turns a LIKE around."""
    strange = [k for k, v in node.args.items() if v and k not in parts]
    if strange:
        raise Refusal(f"{_named(node)} with {', '.join(strange)}: not proven", node)


def _called(node: exp.Expr) -> str:
    name = name_of(windows.called(node) if isinstance(node, exp.Window) else node)
    return f"{name}()"


def _named(node: exp.Expr) -> str:
    return type(node).__name__.lower()


def _literal(e: Expressions, node: exp.Expr) -> Piece:
    if node.is_string:
        return literals.string(node.name)
    return literals.number(node.name, e.type_of(node))


def _boolean(_: Expressions, node: exp.Expr) -> Piece:
    return Piece("true" if node.this else "false", t.BOOLEAN, literal=bool(node.this))


def _null(_: Expressions, __: exp.Expr) -> Piece:
    return Piece("NULL", t.VOID)


def _paren(e: Expressions, node: exp.Expr) -> Piece:
    return e.piece(node.this)


def _negation(e: Expressions, node: exp.Expr) -> Piece:
    inner = node.this.unnest() if isinstance(node.this, exp.Paren) else node.this
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return literals.number(f"-{inner.name}", e.type_of(node))
    piece = e.piece(node.this)
    if is_span(piece.type):
        return intervals.negated(piece)
    number = widened(piece, t.DOUBLE, texts=True) if piece.type == t.STRING else piece
    return e.checked(arithmetic.negated(number), node)


def _cast(e: Expressions, node: exp.Expr) -> Piece:
    target = e.type_of(node)
    trying = isinstance(node, exp.TryCast)
    inner = node.this
    # DATE '...' and TIMESTAMP '...' are casts of a text, too.
    if isinstance(inner, exp.Literal) and inner.is_string:
        try:
            return literals.typed(inner.name, target)
        except Refusal:
            if target == t.TIMESTAMP_NTZ:
                raise
    return casts.cast(e.piece(inner), target, trying=trying)


def _call(e: Expressions, node: exp.Expr) -> Piece:
    function, name = called(node), name_of(node)
    if function.rule in grouping.RULES:
        return e.checked(grouping.marks(e, node), node)
    if function.kind == "aggregate":
        return e.checked(aggregates.aggregate(e, node), node)
    if function.kind == "window":
        raise Refusal(f"{name}() without OVER", node)
    if function.kind == "generator":
        hint = f"write FROM ... LATERAL VIEW {name}(...) name AS column" if function.rule else None
        raise Refusal(f"{name}() among the columns: it makes rows", node, hint)
    return e.checked(calls.call(e, node), node)


def _subquery(e: Expressions, node: exp.Expr) -> Piece:
    return e.queries.scalar(e, node)


def _tuple(e: Expressions, node: exp.Expr) -> Piece:
    return containers.struct(e, node, e.type_of(node))


def _case(e: Expressions, node: exp.Expr) -> Piece:
    return conditions.case(e, node)


_HANDLERS: Final[dict[type[exp.Expr], _Handler]] = {
    exp.Literal: _literal,
    exp.Boolean: _boolean,
    exp.Null: _null,
    exp.Paren: _paren,
    exp.Column: lambda e, n: e.column(n),
    exp.Identifier: lambda e, n: e.column(n),
    exp.Alias: _paren,
    exp.Neg: _negation,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Anonymous: _call,
    exp.Subquery: _subquery,
    exp.And: conditions.conjunction,
    exp.Or: conditions.disjunction,
    exp.Not: conditions.negation,
    exp.Is: conditions.is_,
    exp.In: conditions.in_,
    exp.Between: conditions.between,
    exp.Like: conditions.like,
    exp.ILike: conditions.like,
    exp.RegexpLike: conditions.rlike,
    exp.Exists: conditions.exists,
    exp.CurrentDate: lambda e, n: calls.clock([], e.type_of(n)),
    exp.CurrentTimestamp: lambda e, n: calls.clock([], e.type_of(n)),
    exp.Case: _case,
    exp.DPipe: calls.joined,
    exp.Substring: calls.substring,
    exp.Trim: calls.trim,
    exp.StrPosition: calls.position,
    exp.Extract: calls.extract,
    exp.Interval: lambda e, n: intervals.literal(n, e.type_of(n)),
    exp.Overlay: calls.overlay,
    exp.HexString: lambda _, n: literals.binary(n.name),
    exp.Escape: conditions.escaped_like,
    exp.BitwiseAnd: bits.combined,
    exp.BitwiseOr: bits.combined,
    exp.BitwiseXor: bits.combined,
    exp.BitwiseNot: bits.inverted,
    exp.BitwiseLeftShift: bits.shifted,
    exp.BitwiseRightShift: bits.shifted,
    exp.Window: windows.window,
    exp.Filter: aggregates.filtered,
    exp.WithinGroup: aggregates.ordered,
    exp.Bracket: nested.bracket,
    exp.Dot: nested.dot,
    exp.Tuple: _tuple,
}

_OPERATOR: Final = frozenset({"this", "expression", "typed", "safe"})
"""The parts of an operator of two operands; `/` notes that it divides as typed."""

_PARTS: Final[dict[type[exp.Expr], frozenset[str]]] = {
    kind: frozenset(parts.split())
    for kind, parts in (
        (exp.Literal, "this is_string"),
        (exp.Boolean, "this"),
        (exp.Null, ""),
        (exp.Paren, "this"),
        (exp.Column, "this table db catalog"),
        (exp.Identifier, "this quoted"),
        (exp.Alias, "this alias"),
        (exp.Neg, "this"),
        (exp.Cast, "this to"),
        (exp.TryCast, "this to safe"),
        (exp.Anonymous, "this expressions"),
        (exp.Subquery, "this"),
        (exp.And, "this expression"),
        (exp.Or, "this expression"),
        (exp.Not, "this"),
        (exp.Is, "this expression"),
        (exp.In, "this expressions query"),
        (exp.Between, "this low high symmetric"),
        (exp.Like, "this expression negate"),
        (exp.ILike, "this expression negate"),
        (exp.RegexpLike, "this expression"),
        (exp.Exists, "this"),
        (exp.CurrentDate, ""),
        (exp.CurrentTimestamp, ""),
        (exp.Case, "this ifs default"),
        (exp.DPipe, "this expression safe"),
        (exp.Substring, "this start length"),
        (exp.Trim, "this expression position"),
        (exp.StrPosition, "this substr position"),
        (exp.Extract, "this expression"),
        (exp.Interval, "this unit"),
        (exp.Overlay, "this expression from_ for_"),
        (exp.HexString, "this is_integer"),
        (exp.Escape, "this expression"),
        (exp.BitwiseAnd, "this expression"),
        (exp.BitwiseOr, "this expression"),
        (exp.BitwiseXor, "this expression"),
        (exp.BitwiseNot, "this"),
        (exp.BitwiseLeftShift, "this expression"),
        (exp.BitwiseRightShift, "this expression unsigned"),
        (exp.Window, "this partition_by order spec over alias"),
        (exp.Filter, "this expression"),
        (exp.WithinGroup, "this expression"),
        (exp.Bracket, "this expressions offset safe"),
        (exp.Dot, "this expression"),
        (exp.Tuple, "expressions"),
    )
}
"""The parts of each node that its handler looks at."""
