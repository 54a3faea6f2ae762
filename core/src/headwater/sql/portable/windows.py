"""Window functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.functions import called as function_of
from headwater.sql.functions import name_of
from headwater.sql.portable import aggregates, casts, intervals
from headwater.sql.portable.comparing import direction, groups, order_key, orderable, widened
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import cast, in_months, is_span, text
from headwater.sql.syntax.nodes import named_window
from headwater.sql.typing.literals import position
from headwater.types import INTEGER_BITS, DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_VALUES: Final = frozenset({"first_value", "last_value", "nth_value"})
_Distance = Callable[[exp.Expr], "tuple[Decimal, str]"]
RULES: Final = _VALUES | {"rank", "ntile", "shifted"}
"""Rules for calls with OVER, by the names that the table of functions has for them."""
_SO_FAR: Final = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
_ALL_ROWS: Final = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_FRAMES: Final = "write e.g. BETWEEN 3 PRECEDING AND 1 PRECEDING: first where it starts"
_DISTANCES: Final = (
    "write a literal: a number for numbers, whole days for dates, INTERVAL 1 HOUR and the like for "
    "timestamps"
)


def window(e: Expressions, node: exp.Expr) -> Piece:
    """Return `function(...) OVER (...)`.

    Example: `sum(i) OVER (PARTITION BY s)` -> `CAST(sum("i") OVER (PARTITION BY "s") AS BIGINT)`
    """
    e.refuse_sorted(node)
    frame = _definition(e, node)
    piece = _function(e, node, frame, _over(e, frame))
    if _has_distance(frame) and e.type_of(frame.args["order"].expressions[0].this).is_integer:
        return replace(piece, raises=True, declines=False)  # the end of a frame may overflow
    return piece


def _function(e: Expressions, node: exp.Expr, frame: exp.Expr, over: str) -> Piece:
    """Return the function of a window expression, over the window."""
    inner, call = node.this, called(node)
    function, name = function_of(call), name_of(call) or ""
    rule = function.entry("over").removeprefix("=")
    if function.entry("frame") == "whole":
        whole = frame.args.get("order") is None and frame.args.get("spec") is None
        refuse_unless(whole, f"{name}() OVER an order or a frame: Spark refuses it", node)
    if rule in _VALUES:
        sure = frame.args.get("order") is not None or id(node) not in e.analysis.unordered
        refuse_unless(sure, f"{name}() OVER without ORDER BY", node)
        return e.checked(_value(e, inner, call, rule, over), node)
    if function.kind == "window" and (spec := frame.args.get("spec")) is not None:
        own = rule != "shifted" and _frame(spec) == _SO_FAR
        reason = f"{name}() OVER a frame: it has its own"
        refuse_unless(own, reason, node, "leave ROWS or RANGE out")
    if rule == "shifted":
        refuse_unless(frame.args.get("order") is not None, f"{name}() OVER without ORDER BY", node)
        return e.checked(_shifted(e, inner, call, name, over), node)
    if isinstance(inner, (exp.IgnoreNulls, exp.RespectNulls)):
        raise Refusal(f"{name}() IGNORE NULLS", node)
    if function.order == "list":
        sure = frame.args.get("order") is not None
        refuse_unless(sure and name != "collect_set", f"{name}() in an order of no rows", node)
        return e.checked(_listed(e, call, over), node)
    if isinstance(inner, exp.WithinGroup):
        piece = aggregates.ordered(e, inner, lambda sql: f"{sql} {over}", windowed=True)
        return e.checked(piece, node)
    if function.kind == "aggregate":
        refuse_unless(not isinstance(inner, exp.Filter), f"{name}() FILTER OVER", node)
        distinct = any(isinstance(x, exp.Distinct) for x in call.expressions)
        refuse_unless(not distinct, f"{name}(DISTINCT ...) OVER", node)
        piece = aggregates.aggregate(e, call, lambda sql: f"{sql} {over}", windowed=True)
        return e.checked(piece, node)
    refuse_unless(frame.args.get("order") is not None, f"{name}() OVER without ORDER BY", node)
    if rule == "rank" and not call.expressions:
        type_ = e.type_of(call)
        sql = f"{name}() {over}"
        return e.checked(Piece(f"CAST({sql} AS INTEGER)" if type_ == t.INT else sql, type_), node)
    if rule == "ntile":
        return e.checked(_ntile(e, call, over), node)
    raise Refusal(f"{name}() OVER: not proven to mean the same on both engines", node)


def called(node: exp.Expr) -> exp.Expr:
    """Return the function call of a window expression."""
    inner: exp.Expr = node.this
    while isinstance(inner, (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls)):
        inner = inner.this
    return inner


def _definition(e: Expressions, node: exp.Expr) -> exp.Expr:
    """Return where the window is defined: in place, or by name in the WINDOW clause."""
    definition = named_window(e.query.scope.node, node)
    if definition is None:
        raise Refusal("a window that is not defined", node)
    return definition


def _value(e: Expressions, inner: exp.Expr, call: exp.Expr, rule: str, over: str) -> Piece:
    """Return first_value, last_value and nth_value."""
    name = name_of(call)
    arguments = [e.piece(a) for a in call.expressions]
    refuse_unless(1 <= len(arguments) <= 3, f"{name}() of other arguments", call)
    value, ignore = arguments[0], isinstance(inner, exp.IgnoreNulls)
    refuse_unless(not isinstance(inner, exp.Filter), f"{name}() FILTER", call)
    rest = arguments[1:]
    if rest and isinstance(rest[-1].literal, bool):
        ignore = rest.pop().literal is True
    offset = ""
    if rule == "nth_value":
        number = rest.pop(0).literal if rest else None
        refuse_unless(isinstance(number, int) and number > 0, "nth_value by no number", call)
        offset = f", {number}"
    refuse_unless(not rest, f"{name}() of other arguments", call)
    nulls = " IGNORE NULLS" if ignore else ""
    return Piece(f"{rule}({value.sql}{offset}{nulls}) {over}", value.type, value.raises)


def _ntile(e: Expressions, call: exp.Expr, over: str) -> Piece:
    (count,) = [e.piece(a) for a in call.expressions] or [Piece("1", t.INT, literal=1)]
    refuse_unless(isinstance(count.literal, int) and count.literal > 0, "ntile by no number", call)
    return Piece(f"CAST(ntile({count.literal}) {over} AS INTEGER)", t.INT)


def _over(e: Expressions, node: exp.Expr) -> str:
    parts = []
    if keys := node.args.get("partition_by"):
        pieces = [e.piece(k) for k in keys]
        for key, piece in zip(keys, pieces, strict=True):
            refuse_unless(groups(piece.type), f"PARTITION BY {piece.type}", key)
        parts.append(f"PARTITION BY {', '.join(sorted_by(p) for p in pieces)}")
    order, spec = node.args.get("order"), node.args.get("spec")
    if spec is not None and _has_distance(node):
        return f"OVER ({' '.join([*parts, *_range(e, order, spec)])})"
    if order:
        parts.append(f"ORDER BY {ordering(e, order)}")
    if spec:
        written = _frame(spec)
        sure = order or not written.startswith("ROWS") or written == _ALL_ROWS
        refuse_unless(bool(sure), "ROWS of a window without ORDER BY", spec)
        parts.append(written)
    return f"OVER ({' '.join(parts)})"


# -- RANGE with a distance -----------------------------------------------------------------------


def _has_distance(window: exp.Expr) -> bool:
    spec = window.args.get("spec")
    if spec is None:
        return False
    bounds = (spec.args.get("start"), spec.args.get("end"))
    in_range = str(spec.args.get("kind") or "").upper() == "RANGE"
    return in_range and any(isinstance(b, exp.Expr) for b in bounds)


def _range(e: Expressions, order: exp.Expr | None, spec: exp.Expr) -> list[str]:
    """Return ORDER BY and a frame of RANGE, e.g. `RANGE BETWEEN INTERVAL 1 HOUR PRECEDING AND ...`.

    Dates are ordered as numbers of days, times as numbers of microseconds.
    """
    items = order.expressions if order is not None else []
    refuse_unless(len(items) == 1, "RANGE with a distance and not one ORDER BY", spec)
    (item,) = items
    value = e.piece(item.this)
    key = {"date": f"({value.sql} - DATE '1970-01-01')", "timestamp": f"epoch_us({value.sql})"}
    numeric = value.type.is_integer or value.type == t.DOUBLE or value.type.name == "decimal"
    known = numeric or value.type.name in key
    hint = "order by a number, a date or a timestamp; cast a float to double"
    refuse_unless(known, f"RANGE with a distance over {value.type}", item, hint)
    by = key.get(value.type.name) or sorted_by(value)
    bounds = [spec.args.get(k) for k in ("start", "end")]
    kinds = {e.type_of(b) for b in bounds if isinstance(b, exp.Interval)}
    hint = "write both in one unit: INTERVAL 60 MINUTES for INTERVAL 1 HOUR"
    refuse_unless(len(kinds) < 2, "a frame from one unit of time to another", spec, hint)
    frame = _between(spec, lambda bound: _distance(e, bound, value.type))
    return [f"ORDER BY {by} {direction(item)}", f"RANGE {frame}"]


def _between(spec: exp.Expr, distance: _Distance) -> str:
    """Return a frame's bounds; those of which Spark says that they are none are refused."""
    start, end = _place(spec, "start", distance), _place(spec, "end", distance)
    reads = start[0] is None or end[0] is None or start[0] <= end[0]
    refuse_unless(reads, "a frame that ends before it starts", spec, _FRAMES)
    return f"BETWEEN {start[1]} AND {end[1]}"


def _place(spec: exp.Expr, which: str, distance: _Distance) -> tuple[Decimal | None, str]:
    """Return how far from its row a frame starts or ends, None if unbounded; and its text."""
    bound, side = spec.args.get(which), str(spec.args.get(f"{which}_side") or "").upper()
    if isinstance(bound, exp.Expr):
        number, sql = distance(bound)
        if number == 0:
            return number, "CURRENT ROW"
        return (-number if side == "PRECEDING" else number), f"{sql} {side}"
    if bound is None or bound.upper() == "CURRENT ROW":
        return Decimal(0), "CURRENT ROW"
    outwards = {"start": "PRECEDING", "end": "FOLLOWING"}[which]
    refuse_unless(side == outwards, "a frame that ends before it starts", spec, _FRAMES)
    return None, f"UNBOUNDED {side}"


def _rows(node: exp.Expr) -> tuple[Decimal, str]:
    number = position(node)
    refuse_unless(number is not None, "a frame whose bounds are not whole numbers", node)
    return Decimal(number or 0), node.name


def _distance(e: Expressions, node: exp.Expr, type_: DataType) -> tuple[Decimal, str]:
    """Return a distance, a literal that is not negative; Spark casts it to the order's type."""
    piece = e.piece(node)
    if type_ in (t.TIMESTAMP, t.DATE):
        micros = intervals.length(node) if type_ == t.TIMESTAMP and is_span(piece.type) else None
        if micros is not None and micros >= 0 and not in_months(piece.type):
            return micros, cast(str(int(micros)), t.BIGINT)
        days = position(node) if type_ == t.DATE else None
        if days is not None and days < 2**20:
            return Decimal(days), cast(str(days), t.BIGINT)
        raise Refusal(f"RANGE over {type_} with this distance", node, _DISTANCES)
    number = piece.literal if not isinstance(piece.literal, bool) else None
    if not isinstance(number, int | Decimal) or number < 0:
        raise Refusal(f"RANGE over {type_} with this distance", node, _DISTANCES)
    exact = Decimal(number)
    if type_.is_integer:
        fits = exact == int(exact) and exact < 2 ** (INTEGER_BITS[type_.name] - 1)
    else:
        units = exact.scaleb(type_.scale or 0)
        fits = type_ == t.DOUBLE or (units == int(units) and units < 10 ** (type_.precision or 0))
    refuse_unless(fits, f"RANGE over {type_} with a distance that it has not", node)
    return exact, cast(text(f"{exact:f}"), type_)


def ordering(e: Expressions, order: exp.Expr) -> str:
    """Return an ORDER BY's items, NULLS FIRST or LAST written out."""
    parts = []
    for item in order.expressions:
        value = e.piece(item.this if isinstance(item, exp.Ordered) else item)
        refuse_unless(orderable(value.type), f"ORDER BY {value.type}", item)
        parts.append(f"{sorted_by(value)} {direction(item)}")
    return ", ".join(parts)


def sorted_by(piece: Piece, position: int | None = None) -> str:
    """Return what to sort by for a value.

    DuckDB gives sorted columns back out of its sort keys, where -0.0 has become 0.0; so a float is
    sorted by a copy, and the column itself stays what it is.

    Args:
        piece: The value.
        position: Its 1-based place among the output columns, if it is one.
    """
    if piece.type.is_floating:
        return f"({piece.sql} + 0)"
    if piece.type.children and orderable(piece.type):
        return f"CASE WHEN {piece.sql} IS NOT NULL THEN {order_key(piece.sql, piece.type)} END"
    return str(position) if position is not None else piece.sql


def _frame(spec: exp.Expr) -> str:
    kind = str(spec.args.get("kind") or "").upper()
    refuse_unless(kind in ("ROWS", "RANGE"), f"a {kind} frame", spec)
    refuse_unless(not spec.args.get("exclude"), "EXCLUDE", spec)
    return f"{kind} {_between(spec, _rows)}"


def _shifted(e: Expressions, inner: exp.Expr, node: exp.Expr, name: str, over: str) -> Piece:
    """Return lag and lead."""
    refuse_unless(1 <= len(node.expressions) <= 3, f"{name} with other arguments", node)
    refuse_unless(not isinstance(inner, exp.Filter), f"{name}() FILTER", node)
    ignores = isinstance(inner, exp.IgnoreNulls)
    value = e.piece(node.expressions[0])
    offset = _offset(node.expressions[1]) if len(node.expressions) > 1 else 1
    known = offset is not None and abs(offset) <= 1_000_000 and not (ignores and offset == 0)
    refuse_unless(known, f"{name} by no number", node)
    default = ""
    if len(node.expressions) > 2:
        other = _stand_in(e, node.expressions[2], value.type)
        refuse_unless(not other.raises, f"{name} with another value that may raise", node)
        default = f", {other.sql}"
    nulls = " IGNORE NULLS" if ignores else ""
    return Piece(f"{name}({value.sql}, {offset}{default}{nulls}) {over}", value.type, value.raises)


def _offset(node: exp.Expr) -> int | None:
    """Return a whole number that is written as one, maybe with a minus."""
    negative = isinstance(node, exp.Neg)
    number = position(node.this if negative else node)
    return -number if negative and number is not None else number


def _stand_in(e: Expressions, node: exp.Expr, type_: DataType) -> Piece:
    """Return the value for a row that is not there, cast as Spark does."""
    number, piece = _offset(node), e.piece(node)
    if number is not None and type_.is_integer:
        half = 2 ** (INTEGER_BITS[type_.name] - 1)
        if -half <= number < half:
            return Piece(cast(str(number), type_), type_)
    if piece.type.is_numeric and type_.is_numeric and not isinstance(piece.literal, Decimal):
        return casts.cast(piece, type_)
    return widened(piece, type_)


def _listed(e: Expressions, call: exp.Expr, over: str) -> Piece:
    """Return collect_list, in the order of the window."""
    name = name_of(call)
    refuse_unless(len(call.expressions) == 1, f"{name} of several arguments", call)
    value = e.piece(call.expressions[0])
    refuse_unless(not value.raises, f"{name}() OVER of what may raise", call)
    listed = f"list({value.sql}) FILTER (WHERE {value.sql} IS NOT NULL) {over}"
    return Piece(f"coalesce({listed}, [])", t.array(value.type))


def lists(node: exp.Expr) -> bool:
    """Return whether a window expression lists the values of its rows."""
    return function_of(called(node)).order == "list"


def collected(e: Expressions, node: exp.Expr) -> Piece:
    """Return collect_list or collect_set OVER, for a caller for whom its order does not matter."""
    e.refuse_sorted(node)
    over = _over(e, _definition(e, node))
    plain = called(node) is node.this
    refuse_unless(plain, f"{name_of(called(node))}() FILTER or IGNORE NULLS OVER", node)
    return e.checked(aggregates.collected(e, called(node), over), node)
