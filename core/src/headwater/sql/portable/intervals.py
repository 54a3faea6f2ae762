"""Intervals: as numbers of months or microseconds, and what is added to times."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import ranges
from headwater.sql.portable.casts import cast
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import in_months, is_span, narrowed, null
from headwater.types import DataType

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_UNITS: Final = frozenset({"year", "month", "week", "day", "hour", "minute", "second"})
_MOST: Final = 1_000_000
_MICROS: Final = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
_DAY: Final = _MICROS["day"]
_MOMENTS: Final = (t.TIMESTAMP, t.TIMESTAMP_NTZ)
_TIMES: Final = (t.DATE, *_MOMENTS)
_FURTHEST: Final = 9_223_000_000_000_000_000
"""Both engines have moments up to so many microseconds from 1970."""
_OVERFLOW: Final = "INTERVAL_ARITHMETIC_OVERFLOW"


def shifted(e: Expressions, node: exp.Expr, operator: str) -> Piece | None:
    """Return `time + INTERVAL 1 DAY`, `INTERVAL 1 DAY + time` and `time - INTERVAL 1 DAY`.

    None where it is not a time and a literal of whole units: `arithmetic` counts.

    Example: `ts + INTERVAL 1 DAY` -> `CAST(("ts" + INTERVAL (1) DAY) AS TIMESTAMPTZ)`
    """
    left, right = _bare(node.this), _bare(node.expression)
    if isinstance(left, exp.Interval) and operator == "+":
        left, right = right, left
    whole = _whole_units(right)
    if whole is None or isinstance(left, exp.Interval):
        return None
    moment, type_ = e.piece(left), e.type_of(node)
    if moment.type not in _TIMES:
        return None
    count, unit = whole
    refuse_unless(abs(count) <= _MOST, "a very long interval", node)
    sql = spell(f"({moment.sql} {operator} INTERVAL ({count}) {unit.upper()})", type_)
    moment = moment if moment.type == type_ else cast(moment, type_)
    count = count if operator == "+" else -count
    values = ranges.shifted(type_, moment.values, count, unit)
    if values != ranges.Range():
        return made(sql, type_, [moment], range_=values)
    # Dates far from ours leave the range of both engines, not at the same day; where Spark counts
    # days it starts again at the other end.
    wraps = type_ == t.DATE and unit in ("day", "week")
    return made(sql, type_, [moment], raises=not wraps, declines=True)


def days(operator: str, left: Piece, right: Piece) -> Piece:
    """Return `date + 1`, `1 + date` and `date - 1`.

    Example: `day + 1` -> `CAST("day" + CAST(1 AS INTEGER) AS DATE)`
    """
    if left.type != t.DATE:
        left, right = right, left
    refuse_unless(
        left.type == t.DATE and right.type.is_integer, f"{left.type} {operator} {right.type}"
    )
    number = cast(right, t.INT)
    sql = f"CAST({left.sql} {operator} {number.sql} AS DATE)"
    values = ranges.arithmetic(operator, left.values, number.values)
    if ranges.within_years(values):
        return made(sql, t.DATE, (left, number), range_=values)
    return made(sql, t.DATE, (left, number), declines=True)


def _bare(node: exp.Expr) -> exp.Expr:
    return node.unnest() if isinstance(node, exp.Paren) else node


def _whole_units(node: exp.Expr) -> tuple[int, str] | None:
    """Return the number and the unit of an interval literal that is a whole number of one."""
    if not isinstance(node, exp.Interval):
        return None
    unit = node.args.get("unit")
    name = unit.name.lower().rstrip("s") if isinstance(unit, exp.Var) else ""
    digits = _written(node)
    if name not in _UNITS or not re.fullmatch(r"[+-]?\d{1,7}", digits):
        return None
    return int(digits), name


def _written(node: exp.Expr) -> str:
    """Return the text or the number of an interval literal, with its sign."""
    count = node.this
    if isinstance(count, exp.Neg):
        return f"-{count.this.name}"
    return str(getattr(count, "name", ""))


# -- literals ------------------------------------------------------------------------------------

_PART: Final = re.compile(r"([+-]?)\s*(\d*\.?\d*)\s+([a-z]+?)s?(?=\s|$)")
_CLOCK: Final = ("day", "hour", "minute", "second")


def literal(node: exp.Expr, type_: DataType) -> Piece:
    """Return an interval literal as its number of months or microseconds.

    Example: `INTERVAL '1 02:03:04' DAY TO SECOND = ts - ts` -> `...CAST(93784000000 AS BIGINT)...`

    Raises:
        Refusal: If it is one that Spark reads in parts, or has more digits than microseconds.
    """
    number = length(node)
    if number is None or number != int(number):
        raise Refusal("an interval literal of this form", node)
    most = 2**31 if in_months(type_) else 2**63
    refuse_unless(abs(number) < most, "a very long interval", node)
    return made(spell(str(int(number)), type_), type_, range_=ranges.constant(int(number)))


def length(node: exp.Expr) -> Decimal | None:
    """Return how many months or microseconds an interval literal says."""
    unit, text = node.args.get("unit"), _written(node).strip().lower()
    if unit is None:
        bare = text.removeprefix("interval").strip()
        parts = list(_PART.finditer(bare))
        counted = [_times(f"{m[1]}{m[2]}", m[3]) for m in parts]
        covered = "".join(m[0] for m in parts).replace(" ", "") == bare.replace(" ", "")
        counts = [c for c in counted if c is not None]
        return sum(counts, Decimal(0)) if covered and len(counts) == len(counted) else None
    if isinstance(unit, exp.IntervalSpan):
        first, last = (u.name.lower().rstrip("s") for u in (unit.this, unit.expression))
        return _span(text, first, last)
    return _times(text, unit.name.lower().rstrip("s"))


def _times(number: str, unit: str) -> Decimal | None:
    """Return so many of a unit."""
    size = _MONTHS.get(unit) or _MICROS.get(unit)
    if size is None or not re.fullmatch(r"[+-]?\d{1,18}(?:\.\d{1,6})?", number):
        return None
    return Decimal(number) * size


def _span(text: str, first: str, last: str) -> Decimal | None:
    """Return what `'1 02:03:04.5' DAY TO SECOND` and `'1-3' YEAR TO MONTH` say."""
    sign = -1 if text.startswith("-") else 1
    units = ("year", "month") if first == "year" else _CLOCK
    numbers = re.split(r"[ :-]+", text.lstrip("+-"))
    named = units[units.index(first) : units.index(last) + 1]
    counted = [_times(n, u) for n, u in zip(numbers, named, strict=False)]
    counts = [c for c in counted if c is not None]
    return sign * sum(counts, Decimal(0)) if len(counts) == len(named) == len(numbers) else None


# -- arithmetic ----------------------------------------------------------------------------------


def arithmetic(operator: str, left: Piece, right: Piece, type_: DataType) -> Piece:
    """Return a sum, difference, product or quotient with an interval in it.

    Example: `ts - ts > INTERVAL 1 DAY` -> `(subtract(epoch_us("ts"), epoch_us("ts")) > ...)`

    Raises:
        Refusal: If it is not proven for operands of these types.
    """
    if t.VOID in (left.type, right.type):
        return Piece(null(type_), type_)
    if is_span(left.type) and is_span(right.type) and operator in "+-":
        name = {"+": "add", "-": "subtract"}[operator]
        sql = spell(f"{name}({left.sql}, {right.sql})", type_)
        return made(sql, type_, (left, right), raises=True)
    if operator in "+-" and (left.type in _TIMES or right.type in _TIMES):
        if is_span(left.type):
            left, right = right, left
        if is_span(right.type):
            return _moved(operator, left, right, type_)
        return _between(left, right, type_)
    if is_span(left.type) or operator == "*":
        span, number = (left, right) if is_span(left.type) else (right, left)
        if number.type.is_integer:
            return _scaled(operator, span, number, type_)
    raise Refusal(f"{left.type} {operator} {right.type}: not proven")


def _between(left: Piece, right: Piece, type_: DataType) -> Piece:
    """Return the interval between two times."""
    if left.type == right.type == t.DATE:
        sql = f"(CAST(date_diff('day', {right.sql}, {left.sql}) AS BIGINT) * {_DAY})"
        return made(sql, type_, (left, right))
    common = next(x for x in (left.type, right.type) if x != t.DATE)
    refuse_unless({left.type, right.type} <= {t.DATE, common}, f"{left.type} - {right.type}")
    a, b = (cast(p, common) for p in (left, right))
    sql = f"subtract(epoch_us({a.sql}), epoch_us({b.sql}))"
    return made(sql, type_, (a, b), raises=True)


def _moved(operator: str, moment: Piece, span: Piece, type_: DataType) -> Piece:
    """Return a time plus or minus an interval; what leaves the years both engines have raises."""
    far = not_portable("a time that far from ours", type_)
    time = moment if moment.type == type_ else cast(moment, type_)
    parts = (time, span)
    if in_months(span.type):
        sql = spell(f"({time.sql} {operator} to_months({span.sql}))", type_)
        beyond = f"abs(CAST({span.sql} AS BIGINT)) > {_MOST}"
    elif type_ == t.DATE:
        number = f"CAST({span.sql} // {_DAY} AS INTEGER)"
        sql = f"CAST({time.sql} {operator} {number} AS DATE)"
        beyond = f"abs({span.sql} // {_DAY}) > {_MOST}"
    else:
        micros = f"(CAST(epoch_us({time.sql}) AS HUGEINT) {operator} {span.sql})"
        sql, beyond = _moment(micros, type_), f"abs({micros}) > {_FURTHEST}"
    return made(f"CASE WHEN {beyond} THEN {far} ELSE {sql} END", type_, parts, declines=True)


def _moment(micros: str, type_: DataType) -> str:
    """Return a number of microseconds as a time."""
    made_of = "make_timestamptz" if type_ == t.TIMESTAMP else "make_timestamp"
    return f"{made_of}(CAST({micros} AS BIGINT))"


def _scaled(operator: str, span: Piece, number: Piece, type_: DataType) -> Piece:
    """Return an interval times a whole number, or divided by one, rounded half up."""
    if operator == "*":
        sql = narrowed(f"CAST({span.sql} AS HUGEINT) * {number.sql}", type_)
        return made(sql, type_, (span, number), raises=True)
    zero = spark_error("INTERVAL_DIVIDED_BY_ZERO", "division by zero", type_)
    quotient = narrowed(
        f"sp_hdiv(CAST({span.sql} AS HUGEINT), CAST({number.sql} AS HUGEINT))", type_
    )
    sql = f"CASE WHEN {number.sql} = 0 AND {span.sql} IS NOT NULL THEN {zero} ELSE {quotient} END"
    return made(sql, type_, (span, number), raises=True)


def negated(span: Piece) -> Piece:
    """Return `-interval`; the smallest number has no opposite."""
    return made(f"(-{span.sql})", span.type, [span], raises=True)


def part(name: str, span: Piece, type_: DataType) -> Piece:
    """Return `EXTRACT(HOUR FROM interval)`: of what larger units leave, with its sign.

    Example: `EXTRACT(HOUR FROM ts - ts)` -> `CAST(((... % 86400000000) // 3600000000) AS TINYINT)`
    """
    unit, x = name.lower().rstrip("s"), span.sql
    if in_months(span.type) and unit in _MONTHS:
        if unit not in span.type.field_names and len(span.type.field_names) == 1:
            raise Refusal(f"EXTRACT({name} ...) of {span.type}")
        count = f"{x} // 12" if unit == "year" else f"{x} % 12"
        return made(spell(f"({count})", type_), type_, [span])
    if in_months(span.type) or unit not in _CLOCK or unit not in _within(span.type):
        raise Refusal(f"EXTRACT({name} ...) of {span.type}")
    if unit == "second":
        micros = f"({x} % {_MICROS['minute']})"
        return made(f"CAST(sp_scaled({micros}, 1000000, 6) AS DECIMAL(8,6))", type_, [span])
    above = {"hour": "day", "minute": "hour"}.get(unit)
    rest = f"({x} % {_MICROS[above]})" if above else x
    return made(spell(f"({rest} // {_MICROS[unit]})", type_), type_, [span])


def _within(type_: DataType) -> tuple[str, ...]:
    first, last = type_.field_names[0], type_.field_names[-1]
    return _CLOCK[_CLOCK.index(first) : _CLOCK.index(last) + 1]


# -- units of calls ------------------------------------------------------------------------------


def _unit(node: exp.Expr) -> str | None:
    """Return the unit that a call of three arguments begins with: `timestampdiff(HOUR, a, b)`."""
    first = node.expressions[0] if len(node.expressions) == 3 else None
    if not isinstance(first, (exp.Column, exp.Identifier, exp.Var)):
        return None
    unit = first.name.lower()
    return unit if unit in _MICROS or unit in _MONTHS or unit == "dayofyear" else None


def difference(e: Expressions, node: exp.Expr) -> Piece | None:
    """Return `timestampdiff(HOUR, start, end)`: the whole units between two times.

    Example: `datediff(HOUR, ts, ts)` -> `add(CAST(((...) // 3600000000) AS BIGINT), ...)`
    """
    unit = _unit(node)
    if unit is None or unit == "dayofyear":  # Spark names it among its units, and refuses it
        return None
    start, end = (cast(e.piece(x), t.TIMESTAMP) for x in node.expressions[1:])
    if unit in _MICROS:
        micros = f"(CAST(epoch_us({end.sql}) AS HUGEINT) - epoch_us({start.sql}))"
        sql = narrowed(f"({micros} // {_MICROS[unit]})", t.BIGINT)
        return made(sql, t.BIGINT, (start, end), raises=unit == "microsecond")
    walls = f"sp_wall({start.sql}), sp_wall({end.sql})"
    sql = f"CAST(sp_months({walls}) // {_MONTHS[unit]} AS BIGINT)"
    return made(sql, t.BIGINT, (start, end))


def sum_of_units(e: Expressions, node: exp.Expr) -> Piece | None:
    """Return `timestampadd(HOUR, 2, ts)`.

    Example: `dateadd(HOUR, i, ts)` -> `CASE ... ELSE make_timestamptz(...) END`
    """
    unit = _unit(node)
    if unit is None:
        return None
    unit = "day" if unit == "dayofyear" else unit
    count, moment = (e.piece(x) for x in node.expressions[1:])
    type_ = e.type_of(node)
    count, moment = cast(count, t.BIGINT), cast(moment, type_)
    far = spark_error("DATETIME_OVERFLOW", "a time that no timestamp holds", type_)
    if unit in _MICROS:
        micros = f"(CAST({count.sql} AS HUGEINT) * {_MICROS[unit]} + epoch_us({moment.sql}))"
        sql, beyond = _moment(micros, type_), f"abs({micros}) > {_FURTHEST}"
    else:
        months = f"CAST({count.sql} * {_MONTHS[unit]} AS INTEGER)"
        sql = spell(f"({moment.sql} + to_months({months}))", type_)
        beyond = f"abs(CAST({count.sql} AS HUGEINT) * {_MONTHS[unit]}) > {12 * 290_000}"
        beyond += f" AND {moment.sql} IS NOT NULL"
    whole = f"CASE WHEN {beyond} THEN {far} ELSE {sql} END"
    return made(whole, type_, (count, moment), raises=True, declines=True)


def make_day_time(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `make_dt_interval(days, hours, minutes, seconds)`."""
    pieces = [cast(a, t.INT) for a in arguments[:3]]
    pieces += [cast(a, t.decimal(18, 6)) for a in arguments[3:4]]
    sizes = (_DAY, _MICROS["hour"], _MICROS["minute"], 1_000_000)
    units = [f"CAST({p.sql} AS HUGEINT) * {s}" for p, s in zip(pieces[:3], sizes, strict=False)]
    units += [f"sp_unscaled({p.sql})" for p in pieces[3:]]
    return made(narrowed(" + ".join(units) or "0", type_), type_, pieces, raises=True)


def make_year_month(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `make_ym_interval(years, months)`."""
    pieces = [cast(a, t.INT) for a in arguments]
    units = [f"CAST({p.sql} AS BIGINT) * {s}" for p, s in zip(pieces, (12, 1), strict=False)]
    return made(narrowed(" + ".join(units) or "0", type_), type_, pieces, raises=True)
