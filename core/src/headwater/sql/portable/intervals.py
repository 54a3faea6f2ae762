"""Times plus and minus intervals and days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import ranges
from headwater.sql.portable.casts import cast
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.spelling import cast as spell

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_UNITS: Final = frozenset({"year", "month", "week", "day", "hour", "minute", "second"})
_MOST: Final = 1_000_000


def is_shift(e: Expressions, node: exp.Expr) -> bool:
    """Return whether a sum or difference has an interval literal on a side."""
    return any(isinstance(_bare(p), exp.Interval) for p in (node.this, node.expression))


def shifted(e: Expressions, node: exp.Expr, operator: str) -> Piece:
    """Return `time + INTERVAL 1 DAY`, `INTERVAL 1 DAY + time` and `time - INTERVAL 1 DAY`.

    Example: `ts + INTERVAL 1 DAY` -> `CAST(("ts" + INTERVAL (1) DAY) AS TIMESTAMPTZ)`
    """
    left, right = _bare(node.this), _bare(node.expression)
    if isinstance(left, exp.Interval):
        refuse_unless(operator == "+", "an interval minus a time", node)
        left, right = right, left
    moment, type_ = e.piece(left), e.type_of(node)
    if moment.type not in (t.DATE, t.TIMESTAMP, t.TIMESTAMP_NTZ):
        raise Refusal(f"{moment.type} {operator} INTERVAL", node)
    count, unit = _interval(right)
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


def _interval(node: exp.Expr) -> tuple[int, str]:
    unit = node.args.get("unit")
    name = unit.name.lower().rstrip("s") if isinstance(unit, exp.Var) else ""
    count = node.this
    sign = -1 if isinstance(count, exp.Neg) else 1
    digits = count.this.name if isinstance(count, exp.Neg) else getattr(count, "name", "")
    if name not in _UNITS or not re.fullmatch(r"[+-]?\d{1,7}", digits):
        raise Refusal("an interval that is not a whole number of one unit", node)
    number = sign * int(digits)
    refuse_unless(abs(number) <= _MOST, "a very long interval", node)
    return number, name
