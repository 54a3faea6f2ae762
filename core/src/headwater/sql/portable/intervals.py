"""Times plus and minus intervals and days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable.casts import cast
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
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
    sql = f"({moment.sql} {operator} {_interval(right)})"
    # Dates far from ours leave the range of both engines, not at the same day.
    return Piece(spell(sql, type_), type_, raises=True)


def days(operator: str, left: Piece, right: Piece) -> Piece:
    """Return `date + 1`, `1 + date` and `date - 1`.

    Example: `day + 1` -> `CAST("day" + CAST(1 AS INTEGER) AS DATE)`
    """
    if left.type != t.DATE:
        left, right = right, left
    refuse_unless(
        left.type == t.DATE and right.type.is_integer, f"{left.type} {operator} {right.type}"
    )
    return Piece(
        f"CAST({left.sql} {operator} {cast(right, t.INT).sql} AS DATE)", t.DATE, raises=True
    )


def _bare(node: exp.Expr) -> exp.Expr:
    return node.unnest() if isinstance(node, exp.Paren) else node


def _interval(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    name = unit.name.lower().rstrip("s") if isinstance(unit, exp.Var) else ""
    count = node.this
    sign = -1 if isinstance(count, exp.Neg) else 1
    digits = count.this.name if isinstance(count, exp.Neg) else getattr(count, "name", "")
    if name not in _UNITS or not re.fullmatch(r"[+-]?\d{1,7}", digits):
        raise Refusal("an interval that is not a whole number of one unit", node)
    number = sign * int(digits)
    refuse_unless(abs(number) <= _MOST, "a very long interval", node)
    return f"INTERVAL ({number}) {name.upper()}"
