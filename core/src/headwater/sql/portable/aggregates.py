"""Aggregate functions, over groups and over windows."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions import called, name_of
from headwater.sql.portable import casts, sketches, statistics
from headwater.sql.portable.comparing import comparable, direction, order_key, orderable, widened
from headwater.sql.portable.pieces import Piece, Refusal, evaluated, made, refuse_unless
from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.ranges import Range
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import decimal_text, in_months, is_span, text
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_SUMMED_DIGITS: Final = 28
"""Digits of decimals whose sums have room for ten more, as Spark gives them."""

_EXTREMES: Final = {"max_by": "arg_max_null", "min_by": "arg_min_null"}

_COUNTED: Final = Range(0, 2**63 - 1)

_Over = Callable[[str], str]
"""Adds what stands behind an aggregate call: FILTER, OVER, or nothing."""

_Builder = Callable[["list[Piece]", bool, DataType, _Over], Piece]

_Ordered = Callable[["Expressions", exp.Expr, _Over], Piece]


def aggregate(
    e: Expressions,
    node: exp.Expr,
    over: _Over = lambda sql: sql,
    *,
    windowed: bool = False,
) -> Piece:
    """Return a call of an aggregate function.

    Example: `sum(b)` -> `CASE WHEN ... ELSE CAST(sum("b") AS BIGINT) END`

    Args:
        e: Compiles its arguments.
        node: The call.
        over: Puts FILTER or OVER behind each aggregate that the expression is made of.
        windowed: Whether it runs over a window: its arguments then are those of the groups.

    Raises:
        Refusal: If the function, with arguments of these types, is not in the portable subset.
    """
    name = name_of(node) or node.key
    rule = called(node).rule
    build = BUILDERS.get(rule)
    if build is None and rule not in statistics.BUILDERS:
        raise Refusal(f"{name}(): not proven to mean the same on both engines", node)
    e.refuse_sorted(node)
    own = (e.analysis.binding_of(c) for c in node.find_all(exp.Column))
    around = any(b is not None and not b.scope.is_within(e.query.scope) for b in own)
    refuse_unless(not around, f"{name}() of a column of the query around it", node)
    distinct, nodes = _arguments(node)
    keys = e.keys
    if not windowed:
        e.keys = None
    try:
        star = nodes[0] if len(nodes) == 1 and isinstance(nodes[0], exp.Star) else None
        if build is _count and not distinct and star is not None:
            # Of `* EXCEPT (a)` it counts the rows in which no column that is left is NULL.
            refuse_unless(not star.args.get("except_"), "count(* EXCEPT (...))", node)
            return made(over("count(*)"), t.BIGINT, range_=_COUNTED)
        shares = _shares(nodes) if build in (_percentile, _approximate) else []
        arguments = [e.piece(a) for a in nodes if not shares or a is not nodes[1]]
        if build is not None and shares:
            value, *rest = arguments
            type_ = e.type_of(node)
            several = [
                build([value, e.piece(s), *rest], distinct, type_.element, over) for s in shares
            ]
            listed = ", ".join(p.sql for p in several)
            some = over(f"count({value.sql})")
            return made(f"CASE WHEN {some} > 0 THEN [{listed}] END", type_, several)
    finally:
        e.keys = keys
    if build is None:
        piece = statistics.BUILDERS[rule](arguments, distinct, over, e.queries.tolerance or 0.0)
        e.queries.allow(node)
        return piece
    piece = build(arguments, distinct, e.type_of(node), over)
    if rule in _EXTREMES:
        # Two zeros are other values of the same place, though the value is what it goes by.
        zeros = any(part.is_floating for part in piece.type.walk())
        unordered = zeros or {id(node), id(node.parent)} & e.analysis.unordered
        if unordered and not (piece.type.children and _goes_by_itself(node, piece.type)):
            return _untied(rule, piece, arguments, over)
    return piece


def _shares(nodes: list[exp.Expr]) -> list[exp.Expr]:
    """Return the shares of a percentile that are written as an array."""
    array = nodes[1] if len(nodes) > 1 and called(nodes[1]).rule == "array" else None
    return list(array.expressions) if array is not None else []


def filtered(e: Expressions, node: exp.Expr) -> Piece:
    """Return `aggregate(...) FILTER (WHERE ...)`, and with WITHIN GROUP before it."""
    inner = node.this
    if isinstance(inner, exp.WithinGroup):
        return ordered(e, inner, filter_of(e, node))
    return e.checked(aggregate(e, inner, filter_of(e, node)), inner)


def filter_of(e: Expressions, node: exp.Expr) -> _Over:
    """Return what adds a FILTER clause."""
    keys, e.keys = e.keys, None
    condition = e.boolean(node.expression.this)
    e.keys = keys
    refuse_unless(not condition.risky, "FILTER with a condition that may raise", node)
    return lambda sql: f"{sql} FILTER (WHERE {condition.sql})"


def _arguments(node: exp.Expr) -> tuple[bool, list[exp.Expr]]:
    nodes = list(node.expressions)
    if len(nodes) == 1 and isinstance(nodes[0], exp.Distinct):
        return True, list(nodes[0].expressions)
    return False, nodes


def _single(arguments: list[Piece], name: str) -> Piece:
    refuse_unless(len(arguments) == 1, f"{name} of several arguments")
    return arguments[0]


def _count(arguments: list[Piece], distinct: bool, _: DataType, over: _Over) -> Piece:
    if len(arguments) > 1:
        some = " AND ".join(f"{evaluated(a)} IS NOT NULL" for a in arguments)
        raises = any(a.raises for a in arguments)
        if not distinct:
            return Piece(over(f"count(CASE WHEN {some} THEN 1 END)"), t.BIGINT, raises)
        exact = all(comparable(a.type) and not a.type.is_floating for a in arguments)
        refuse_unless(exact, "count(DISTINCT ...) of these types")
        row = ", ".join(a.sql for a in arguments)
        return Piece(over(f"count(DISTINCT CASE WHEN {some} THEN ({row}) END)"), t.BIGINT, raises)
    value = _single(arguments, "count")
    if distinct:
        refuse_unless(orderable(value.type), f"count(DISTINCT {value.type})")
    if distinct and value.type.children:
        key = order_key(value.sql, value.type)
        some = f"CASE WHEN {value.sql} IS NOT NULL THEN {key} END"
        return Piece(over(f"count(DISTINCT {some})"), t.BIGINT, value.raises)
    word = "DISTINCT " if distinct else ""
    return made(over(f"count({word}{evaluated(value)})"), t.BIGINT, [value], range_=_COUNTED)


def _count_if(arguments: list[Piece], distinct: bool, _: DataType, over: _Over) -> Piece:
    value = _single(arguments, "count_if")
    refuse_unless(not distinct, "count_if(DISTINCT ...)")
    refuse_unless(value.type == t.BOOLEAN, f"count_if({value.type})")
    return made(
        over(f"count(CASE WHEN {value.sql} THEN 1 END)"), t.BIGINT, [value], range_=_COUNTED
    )


def _extreme(word: str) -> _Builder:
    def build(arguments: list[Piece], _: bool, __: DataType, over: _Over) -> Piece:
        value = _single(arguments, word)
        if value.type.children and orderable(value.type):
            return _nested_extreme(word, value, over)
        refuse_unless(comparable(value.type), f"{word}({value.type})")
        return made(over(f"{word}({value.sql})"), value.type, [value], range_=value.values)

    return build


def _nested_extreme(word: str, value: Piece, over: _Over) -> Piece:
    """Return the largest or smallest array or struct; of two that differ by a zero's sign none."""
    signs = _signs("x", value.type)
    by = {"max": "max_by", "min": "min_by"}[word]
    found = _nested_by(by, value, value, over)
    if not signs:
        return found
    then = f", list_transform([{value.sql}], lambda x: {signs})[1]"
    ends = (_nested_by(by, value, value, over, f"{then} {way}") for way in ("ASC", "DESC"))
    first, last = (f"list_transform([{p.sql}], lambda x: {signs})[1]" for p in ends)
    several = not_portable(f"the {word} of values that differ by the sign of a zero", value.type)
    sql = f"CASE WHEN {first} IS DISTINCT FROM {last} THEN {several} ELSE {found.sql} END"
    return made(sql, value.type, [found], declines=True)


def _signs(sql: str, type_: DataType) -> str:
    """Return SQL of the signs of all floats in a struct, nothing where there are none.

    Raises:
        Refusal: If an array has floats.
    """
    floats = [n for n, x in type_.fields if x.is_floating] if type_.name == "struct" else []
    inner = [x for x in type_.children if not x.is_floating and x.children]
    deep = any(part.is_floating for x in inner for part in x.walk())
    deep |= type_.name == "array" and type_.element.is_floating
    refuse_unless(not deep, "the largest or smallest of values with floats deep inside")
    listed = ", ".join(f"signbit(struct_extract({sql}, {text(n)}))" for n in floats)
    return f"[{listed}]" if floats else ""


def _number(piece: Piece) -> Piece:
    """A text is cast to a number, as Spark does."""
    return widened(piece, t.DOUBLE, texts=True) if piece.type == t.STRING else piece


def _sum(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    value = _number(_single(arguments, "sum"))
    word = "DISTINCT " if distinct else ""
    total = over(f"sum({word}{value.sql})")
    if value.type == t.BIGINT:
        # Spark overflows in the middle of a sum, in an order that is its own; only where no order
        # can overflow is the sum the same everywhere.
        most = over(f"sum({word}abs(CAST({value.sql} AS HUGEINT)))")
        other = not_portable("sum of bigints that may overflow in some order", type_)
        sql = f"CASE WHEN {most} > 9223372036854775807 THEN {other} ELSE {spell(total, type_)} END"
        return Piece(sql, type_, raises=True)
    if is_span(value.type):
        most = over(f"sum({word}abs(CAST({value.sql} AS HUGEINT)))")
        largest = 2 ** (31 if in_months(type_) else 63) - 1
        other = not_portable("sum of intervals that may overflow in some order", type_)
        sql = f"CASE WHEN {most} > {largest} THEN {other} ELSE {spell(total, type_)} END"
        return Piece(sql, type_, raises=True)
    if value.type.is_integer:
        return made(spell(total, type_), type_, [value])
    if value.type.is_floating:
        wide = over(f"sum({word}CAST({value.sql} AS DOUBLE))")
        return made(wide, type_, [value])
    if value.type.name == "decimal":
        if (value.type.precision or 0) <= _SUMMED_DIGITS:
            return made(spell(total, type_), type_, [value])
        # As of bigints: Spark overflows in the middle of a sum.
        largest = decimal_text(10**t.MOST_DIGITS - 1, type_.scale or 0)
        most = over(f"sum({word}abs({spell(value.sql, type_)}))")
        other = not_portable("sum of decimals that may overflow in some order", type_)
        beyond = f"{most} > {spell(text(largest), type_)}"
        sql = f"CASE WHEN {beyond} THEN {other} ELSE {spell(total, type_)} END"
        return made(sql, type_, [value], raises=True)
    raise Refusal(f"sum({value.type})")


def _avg(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    value = _number(_single(arguments, "avg"))
    if value.type.is_integer or value.type.is_floating:
        word = "DISTINCT " if distinct else ""
        return made(over(f"avg({word}CAST({value.sql} AS DOUBLE))"), type_, [value])
    refuse_unless(not distinct, f"avg(DISTINCT {value.type})")
    if is_span(value.type):
        summed = _sum(arguments, False, type_, over)
        count = over(f"count({value.sql})")
        mean = spell(f"sp_hdiv(CAST({summed.sql} AS HUGEINT), CAST({count} AS HUGEINT))", type_)
        return replace(summed, sql=f"CASE WHEN {count} > 0 THEN {mean} END")
    if value.type.name == "decimal":
        refuse_unless((value.type.precision or 0) <= 24, f"avg({value.type}): beyond 38 digits")
        scale = type_.scale or 0
        total, count = over(f"sum({value.sql})"), over(f"count({value.sql})")
        shift = scale - (value.type.scale or 0)
        quotient = f"sp_hdiv(sp_unscaled({total}) * {10**shift}, CAST({count} AS HUGEINT))"
        mean = spell(f"sp_scaled({quotient}, {10**scale}::HUGEINT, {scale})", type_)
        return made(f"CASE WHEN {count} > 0 THEN {mean} END", type_, [value])
    raise Refusal(f"avg({value.type})")


def _boolean(word: str) -> _Builder:
    def build(arguments: list[Piece], _: bool, __: DataType, over: _Over) -> Piece:
        value = _single(arguments, word)
        refuse_unless(value.type == t.BOOLEAN, f"{word}({value.type})")
        return Piece(over(f"{word}({value.sql})"), t.BOOLEAN, value.raises)

    return build


def _bits(word: str) -> _Builder:
    def build(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
        value = _single(arguments, word)
        refuse_unless(not distinct and value.type.is_integer, f"{word}({value.type})")
        return made(over(f"{word}({value.sql})"), type_, [value])

    return build


def _extreme_by(word: str) -> _Builder:
    def build(arguments: list[Piece], distinct: bool, _: DataType, over: _Over) -> Piece:
        refuse_unless(not distinct, f"{word}(DISTINCT ...)")
        refuse_unless(len(arguments) == 2, f"{word} takes two arguments")
        value, key = arguments
        exact = orderable(key.type)
        refuse_unless(exact, f"{word}(..., {key.type}): the order of such values was not measured")
        if value.type.children or key.type.children:
            return _nested_by(word, value, key, over)
        return Piece(over(f"{_EXTREMES[word]}({value.sql}, {key.sql})"), value.type, value.raises)

    return build


def _nested_by(word: str, value: Piece, key: Piece, over: _Over, then: str = "") -> Piece:
    """Take the first of a sorted list: DuckDB's arg_max makes 0.0 of a -0.0 within a value."""
    refuse_unless(over("") == "", f"{word}() of arrays, maps and structs with FILTER or OVER")
    refuse_unless(not key.risky, f"{word}() by what may raise")
    direction = {"max_by": "DESC", "min_by": "ASC"}[word]
    order = f"{order_key(key.sql, key.type)} {direction}"
    listed = f"list({value.sql} ORDER BY {order}{then}) FILTER (WHERE {key.sql} IS NOT NULL)"
    return Piece(f"({listed})[1]", value.type, value.raises)


def _untied(word: str, found: Piece, arguments: list[Piece], over: _Over) -> Piece:
    """Return `max_by` or `min_by` where no other value goes by the same key.

    Which of several Spark takes, the order of its rows decides: such a group ends the read.
    Whether there are several is seen without a list of them: the one whose hash is the least has
    the same hash as the one whose hash is the largest.
    """
    value, key = arguments
    hashed, by = _told_apart(value), order_key(key.sql, key.type)
    marks = (hashed, f"18446744073709551615 - {hashed}")
    ends = [
        over(
            f"{_EXTREMES[word]}({hashed}, "
            f"CASE WHEN {key.sql} IS NOT NULL THEN {{k: {by}, h: {mark}}} END)"
        )
        for mark in marks
    ]
    several = not_portable(f"{word}() of several values that go by the same", found.type)
    sql = f"CASE WHEN {ends[0]} IS DISTINCT FROM {ends[1]} THEN {several} ELSE {found.sql} END"
    return made(sql, found.type, [found], declines=True)


def _goes_by_itself(node: exp.Expr, type_: DataType) -> bool:
    """Return whether a column goes by its canonical form, as labels do.

    Values of one form then differ by a zero's sign, or the order of entries, alone.
    """
    value, key = node.expressions[:2]
    return isinstance(value, exp.Column) and _is_form(key, value.sql(), type_)


def _is_form(key: exp.Expr, value: str, type_: DataType) -> bool:
    """Return whether a key is a value, with the sorted entries of each map in its place.

    Args:
        key: The key.
        value: The value, as sqlglot writes it.
        type_: Its type.
    """
    if key.sql() == value:
        return True
    name, parts = name_of(key), key.expressions
    if isinstance(key, exp.Case):
        branch, *others = key.args["ifs"]
        alone = not others and key.args.get("default") is None
        known = alone and branch.this.sql() == f"NOT {value} IS NULL"
        return known and _is_form(branch.args["true"], value, type_)
    if type_.name == "map" and name == "sort_array" and len(parts) == 1:
        entries = exp.Anonymous(this="map_entries", expressions=[exp.Var(this=value)]).sql()
        entry = t.struct(("key", type_.key), ("value", type_.value))
        return _is_form(parts[0], entries, t.array(entry))
    if type_.name == "array" and name == "transform" and isinstance(parts[-1], exp.Lambda):
        listed, lambda_ = parts
        element, *others = lambda_.expressions
        same = listed.sql() == value and not others
        return same and _is_form(lambda_.this, element.sql(), type_.element)
    if type_.name == "struct" and name == "named_struct":
        fields = [
            (f"{value}.{exp.to_identifier(n, quoted=True).sql()}", x) for n, x in type_.fields
        ]
        given = parts[1::2]
        return len(given) == len(fields) and all(
            _is_form(part, field, x) for part, (field, x) in zip(given, fields, strict=True)
        )
    return False


def _told_apart(value: Piece) -> str:
    """Return a hash of a value, another one for 0.0 and -0.0; of a map whatever its order."""
    sql = value.sql
    if value.type.name == "map":
        sql = f"list_sort(map_entries({sql}))"
    elif not (value.type.is_floating or value.type.name == "decimal" or value.type.children):
        return f"hash({sql})"
    # DuckDB has one hash for both zeros, for [] and [NULL], and for wide 0 and -1.
    return f"hash({sql}, CAST({sql} AS VARCHAR))"


def _percentile(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    refuse_unless(not distinct, "percentile(DISTINCT ...)")
    refuse_unless(len(arguments) == 2, "percentile by a frequency")
    return _quantile(arguments[0], arguments[1], type_, over)


def _median(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    refuse_unless(not distinct, "median(DISTINCT ...)")
    return _quantile(
        _single(arguments, "median"), Piece("0.5", t.DOUBLE, literal=Decimal("0.5")), type_, over
    )


def ordered(
    e: Expressions, node: exp.Expr, over: _Over = lambda sql: sql, *, windowed: bool = False
) -> Piece:
    """Return `aggregate(share) WITHIN GROUP (ORDER BY x)`.

    Example: `percentile_disc(0.5) WITHIN GROUP (ORDER BY i)` -> `list_sort(...)[...]`

    Args:
        e: Compiles its arguments.
        node: The call with WITHIN GROUP.
        over: Puts FILTER or OVER behind each aggregate that the expression is made of.
        windowed: Whether it runs over a window: its arguments then are those of the groups.
    """
    name, build = name_of(node.this) or "", WITHIN.get(called(node.this).rule)
    if build is None:
        raise Refusal(f"{name}() WITHIN GROUP: not proven to mean the same on both engines", node)
    keys = e.keys
    if not windowed:
        e.keys = None
    piece = build(e, node, over)
    e.keys = keys
    return e.checked(piece, node)


def _of_share(build: Callable[[Piece, Piece, DataType, _Over, str], Piece]) -> _Ordered:
    """Return a rule of the value, the share, the type, OVER, ASC or DESC as one of the call."""

    def of_call(e: Expressions, node: exp.Expr, over: _Over) -> Piece:
        call, items = node.this, node.expression.expressions
        one = len(call.expressions) == len(items) == 1
        refuse_unless(one, f"{name_of(call)}() WITHIN GROUP of several values", node)
        share, value = e.piece(call.expressions[0]), e.piece(items[0].this)
        down = "DESC" if items[0].args.get("desc") else "ASC"
        return build(value, share, e.type_of(node), over, down)

    return of_call


def _joined(e: Expressions, node: exp.Expr, over: _Over) -> Piece:
    """Return `listagg(a, ',') WITHIN GROUP (ORDER BY b)` where the order tells all values apart.

    Example: `listagg(s, ',') WITHIN GROUP (ORDER BY s)` -> `string_agg("s", ',' ORDER BY "s" ...)`
    """
    name, (distinct, nodes) = name_of(node.this), _arguments(node.this)
    refuse_unless(over("") == "", f"{name}() with FILTER or OVER", node)
    pieces = [e.piece(a) for a in nodes]
    order = [(e.piece(i.this), direction(i)) for i in node.expression.expressions]
    value, *separators = pieces
    separator = separators[0].literal if separators else ""
    refuse_unless(isinstance(separator, str), f"{name}() by what is no literal text")
    exact = all(comparable(k.type) and not k.type.is_floating for k, _ in order)
    refuse_unless(exact and not any(p.risky for p in pieces), f"{name}() in such an order")
    shown = casts.cast(value, t.STRING)
    by = ", ".join(f"{k.sql} {how}" for k, how in order)
    if distinct:
        same = value.type == t.STRING and [k.sql for k, _ in order] == [value.sql]
        refuse_unless(same, f"{name}(DISTINCT ...) in another order than its own")
    word = "DISTINCT " if distinct else ""
    sql = f"string_agg({word}{shown.sql}, {text(str(separator))} ORDER BY {by})"
    if value.sql in [k.sql for k, _ in order]:
        return made(sql, t.STRING, [shown, *(k for k, _ in order)])
    # Of values that are equal in the order, Spark takes them as the rows come.
    listed = ", ".join(k.sql for k, _ in order)
    places = f"count(DISTINCT CASE WHEN {value.sql} IS NOT NULL THEN row({listed}) END)"
    values = (
        f"count(DISTINCT CASE WHEN {value.sql} IS NOT NULL THEN row({listed}, {value.sql}) END)"
    )
    several = not_portable(f"{name}() of values that its order does not tell apart", t.STRING)
    sql = f"CASE WHEN {places} < {values} THEN {several} ELSE {sql} END"
    return made(sql, t.STRING, [shown, *(k for k, _ in order)], declines=True)


def _discrete(value: Piece, share: Piece, type_: DataType, over: _Over, down: str) -> Piece:
    """Return the first value to which that share of the values goes."""
    number = _share(value, share)
    if " OVER " in over(""):
        return _quantile_over(value, number, type_, over, down, discrete=True)
    listed, count = _listed(value, widened(value, t.DOUBLE), over), over(f"count({value.sql})")
    place = f"CAST(greatest(ceil({count} * CAST('{number}' AS DOUBLE)), 1) AS BIGINT)"
    return _no_zero(value, f"list_sort({listed}, '{down}')[{place}]", type_)


def _approximate(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    """Return `percentile_approx`, which is exact for less than half as many rows as its accuracy.

    Source: Apache Spark 4.1, `QuantileSummaries`: up to there no two values are merged. Of two
    parts of a group it compares values by `<`, so that it depends on the parts where NaN stands.
    """
    refuse_unless(not distinct, "an approximate percentile of DISTINCT values")
    value, share = arguments[:2]
    accuracy = arguments[2].literal if len(arguments) > 2 else 10_000
    refuse_unless(" OVER " not in over(""), "an approximate percentile OVER")
    refuse_unless(isinstance(accuracy, int) and accuracy > 0, "an accuracy that is no number")
    refuse_unless(value.type.name != "decimal", f"an approximate percentile of {value.type}")
    number = _share(value, share)
    listed, count = _listed(value, value, over), over(f"count({value.sql})")
    place = f"CAST(greatest(ceil({count} * CAST('{number}' AS DOUBLE)), 1) AS BIGINT)"
    many = not_portable(f"an approximate percentile of {accuracy} / 2 rows or more", type_)
    if value.type.is_floating:
        odd, what = f"isnan({over(f'max({value.sql})')})", "values that are NaN"
    else:
        largest = over(f"max(abs(CAST({value.sql} AS DOUBLE)))")
        odd, what = f"{largest} > 9007199254740992", "numbers beyond 2^53"
    none = not_portable(f"an approximate percentile of {what}", type_)
    value_at = _no_zero(value, f"list_sort({listed})[{place}]", type_)
    sql = (
        f"CASE WHEN {count} * 2 >= {accuracy} THEN {many} "
        f"WHEN {odd} THEN {none} ELSE {value_at.sql} END"
    )
    return made(sql, type_, [value], declines=True)


def _mode(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    """Return the most frequent value; which of several, Spark does not fix."""
    value = _single(arguments, "mode")
    refuse_unless(not distinct, "mode(DISTINCT ...)")
    exact = comparable(value.type) and not value.type.is_floating
    refuse_unless(exact, f"mode({value.type})")
    refuse_unless(" OVER " not in over(""), "mode() OVER")
    tie = not_portable("the mode of values of which several are as frequent", type_)
    sql = (
        f"list_transform([{_most_frequent(value, over)}], lambda l: "
        f"CASE WHEN len(l) > 1 THEN {tie} ELSE l[1] END)[1]"
    )
    return made(sql, type_, [value], declines=True)


def _most_frequent(value: Piece, over: _Over) -> str:
    """Return the list of a group's most frequent values; NULL of no values."""
    entries = f"map_entries({over(f'histogram({value.sql})')})"
    most = "list_max(list_transform(l, lambda z: struct_extract(z, 'value')))"
    first = f"list_filter(l, lambda z: struct_extract(z, 'value') = {most})"
    keys = f"list_transform({first}, lambda z: struct_extract(z, 'key'))"
    return f"list_transform([{entries}], lambda l: {keys})[1]"


def _mode_in_order(e: Expressions, node: exp.Expr, over: _Over) -> Piece:
    """Return `mode() WITHIN GROUP (ORDER BY x)`: of several modes the first in that order.

    Example: `mode() WITHIN GROUP (ORDER BY i)` -> `list_min(...)`
    """
    items = node.expression.expressions
    refuse_unless(" OVER " not in over(""), "mode() OVER", node)
    refuse_unless(not node.this.expressions and len(items) == 1, "mode() of several values", node)
    value = e.piece(items[0].this)
    exact = comparable(value.type) and not value.type.is_floating
    refuse_unless(exact, f"mode({value.type})", node)
    pick = "list_max" if items[0].args.get("desc") else "list_min"
    return made(f"{pick}({_most_frequent(value, over)})", value.type, [value])


def _constant(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
    """Return `any_value(x)` of groups in which all rows have the same value.

    Which of several Spark takes, the order of its rows decides: such a group ends the read.
    """
    value, *ignoring = arguments
    exact = comparable(value.type) and not value.type.is_floating
    refuse_unless(exact and not distinct, f"any_value({value.type})")
    least, most = over(f"min({value.sql})"), over(f"max({value.sql})")
    alike = f"{least} IS NOT DISTINCT FROM {most}"
    if not (ignoring and ignoring[0].literal is True):
        alike += f" AND {over(f'count({value.sql})')} IN (0, {over('count(*)')})"
    several = not_portable("any_value(), first() or last() of a group with several values", type_)
    sql = f"CASE WHEN {alike} THEN {least} ELSE {several} END"
    return made(sql, type_, [value], declines=True)


def _share(value: Piece, share: Piece) -> Decimal | int:
    """Return the share of a percentile, a literal."""
    refuse_unless(value.type.is_numeric, f"percentile({value.type})")
    number = share.literal
    if not isinstance(number, Decimal | int) or not 0 <= number <= 1:
        raise Refusal("percentile by what is not written as one decimal from 0 to 1, e.g. 0.95")
    refuse_unless(not value.risky, "percentile of what may raise")
    return number


def _no_zero(value: Piece, sql: str, type_: DataType) -> Piece:
    """Return a percentile; of doubles it may be one of two zeros, which are equal when sorted."""
    if value.type.is_integer or value.type.name == "decimal":
        return made(sql, type_, [value])
    zero = not_portable("a percentile that may be 0.0 or -0.0", type_)
    return made(f"CASE WHEN {sql} = 0 THEN {zero} ELSE {sql} END", type_, [value], declines=True)


def _quantile(value: Piece, share: Piece, type_: DataType, over: _Over, down: str = "ASC") -> Piece:
    """Interpolate between the two values around a position, in Spark's order of operations."""
    number = _share(value, share)
    if " OVER " in over(""):
        return _quantile_over(value, number, type_, over, down)
    x = widened(value, t.DOUBLE)
    sorted_ = f"list_sort({_listed(value, x, over)}{_DIRECTIONS[down]})"
    return _no_zero(value, f"sp_percentile({sorted_}, CAST('{number}' AS DOUBLE))", type_)


_DIRECTIONS: Final = {"ASC": "", "DESC": ", 'DESC'"}


def _listed(value: Piece, shown: Piece, over: _Over) -> str:
    """Return the list of a group's values that are not NULL; a call has one FILTER only."""
    if " FILTER " in over(""):
        return f"list_filter({over(f'list({shown.sql})')}, lambda z: z IS NOT NULL)"
    return over(f"list({shown.sql}) FILTER (WHERE {value.sql} IS NOT NULL)")


def _quantile_over(
    value: Piece,
    number: Decimal | int,
    type_: DataType,
    over: _Over,
    down: str = "ASC",
    *,
    discrete: bool = False,
) -> Piece:
    """Interpolate over a window, of whose rows DuckDB gives single ones and no cheap list.

    The first, the last, and the two in the middle are the same rows for both engines.
    """
    x, whole = widened(value, t.DOUBLE).sql, not re.search(" (ORDER BY|ROWS|RANGE) ", over(""))
    number = 1 - number if down == "DESC" else number
    share = f"CAST('{number}' AS DOUBLE)"
    exact = value.type.is_integer and value.type != t.BIGINT and number * 4 % 1 == 0
    if exact and not discrete:
        # Of whole numbers and quarters both formulas are exact.
        return made(over(f"quantile_cont({x}, {share})"), type_, [value])
    hint = "aggregate by the keys of the window in a subquery, and join it"
    refuse_unless(
        number in (0, Decimal("0.5"), 1),
        "percentile OVER by another share than 0, 0.5 and 1",
        hint=hint,
    )
    # In moving frames DuckDB takes other rows when asked for both, and breaks off at a NaN.
    refuse_unless(whole, "percentile OVER of such numbers in an order or a frame", hint=hint)
    below, above = (over(f"quantile_disc({x}, {sign}{share})") for sign in ("", "-"))
    if discrete and down == "DESC" and number == Decimal("0.5"):
        return _no_zero(value, above, type_)
    if discrete or number in (0, 1):
        return _no_zero(value, below, type_)
    middle = f"0.5e0 * {below} + 0.5e0 * {above}"
    return _no_zero(value, f"CASE WHEN {below} = {above} THEN {below} ELSE {middle} END", type_)


def collected(e: Expressions, node: exp.Expr, over: str = "") -> Piece:
    """Return collect_list or collect_set, whose order is not fixed, for a caller that sorts it.

    Args:
        e: Compiles its argument.
        node: The call.
        over: The window that it runs over; its argument then is of the groups.
    """
    name = name_of(node)
    keys = e.keys
    e.keys = keys if over else None
    distinct, nodes = _arguments(node)
    refuse_unless(len(nodes) == 1, f"{name} of several arguments", node)
    value = e.piece(nodes[0])
    e.keys = keys
    once = distinct or name == "collect_set"
    exact = not value.type.is_floating or (value.type == t.DOUBLE and not once)
    refuse_unless(comparable(value.type) and exact, f"{name}({value.type})", node)
    word = "DISTINCT " if once else ""
    listed = f"list({word}{value.sql}) FILTER (WHERE {value.sql} IS NOT NULL) {over}".rstrip()
    type_ = t.array(value.type)
    if value.type.is_floating:
        # Where both zeros stand among equals, the rows decide.
        zeros = not_portable(f"{name}() of both 0.0 and -0.0", type_)
        either = f"CASE WHEN sp_zeros(l) THEN {zeros} ELSE l END"
        listed = f"list_transform([{listed}], lambda l: {either})[1]"
        return made(f"coalesce({listed}, [])", type_, [value], declines=True)
    return Piece(f"coalesce({listed}, [])", type_, value.raises)


def _pairs(arguments: list[Piece], place: int) -> Piece:
    """Return one of two numbers where both have a value, which raise nothing."""
    numbers = [_number(a) for a in arguments]
    refuse_unless(not any(n.risky for n in numbers), "pairs of what may raise")
    return statistics.of_pair(numbers, place)


def _counted_pairs(arguments: list[Piece], distinct: bool, _: DataType, over: _Over) -> Piece:
    refuse_unless(not distinct, "regr_count(DISTINCT ...)")
    return made(over(f"count({_pairs(arguments, 0).sql})"), t.BIGINT, arguments, range_=_COUNTED)


def _average_of(place: int) -> _Builder:
    def build(arguments: list[Piece], distinct: bool, type_: DataType, over: _Over) -> Piece:
        refuse_unless(not distinct, "the average of pairs that are DISTINCT")
        return _avg([_pairs(arguments, place)], False, type_, over)

    return build


BUILDERS: Final[dict[str, _Builder]] = {
    "regr_count": _counted_pairs,
    "regr_avgx": _average_of(1),
    "regr_avgy": _average_of(0),
    "count": _count,
    "count_if": _count_if,
    "min": _extreme("min"),
    "max": _extreme("max"),
    "sum": _sum,
    "avg": _avg,
    "bool_and": _boolean("bool_and"),
    "bool_or": _boolean("bool_or"),
    "bit_and": _bits("bit_and"),
    "bit_or": _bits("bit_or"),
    "bit_xor": _bits("bit_xor"),
    "approx_count_distinct": sketches.approx_count_distinct,
    "max_by": _extreme_by("max_by"),
    "min_by": _extreme_by("min_by"),
    "percentile": _percentile,
    "median": _median,
    "approximate": _approximate,
    "mode": _mode,
    "constant": _constant,
}
"""Rules for aggregate functions, by the names that the table of functions has for them."""

WITHIN: Final[dict[str, _Ordered]] = {
    "interpolated": _of_share(_quantile),
    "discrete": _of_share(_discrete),
    "listed": _joined,
    "mode": _mode_in_order,
}
"""Rules for calls with WITHIN GROUP."""
