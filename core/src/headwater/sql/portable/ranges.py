"""Between what values an expression stays: by its type, by what it is made of, by CASE around it.

What a range rules out (a zero below a fraction, a sum beyond its type) raises on no row, on either
engine; then it does not matter which rows an engine evaluates.
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Final, TypeAlias

from headwater.types import INTEGER_BITS, DataType

Number: TypeAlias = "int | Fraction"

MICROSECONDS: Final = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 7 * 86_400_000_000,
}
_EPOCH: Final = date(1970, 1, 1)
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENTS: Final = frozenset({"timestamp", "timestamp_ntz"})


@dataclass(frozen=True, slots=True)
class Range:
    """What the values of an expression are that are not NULL.

    Args:
        low: The least, None where there is none. Of dates in days since 1970, of timestamps in
            microseconds.
        high: The greatest, or None.
        nonzero: Whether 0 is none of them.
    """

    low: Number | None = None
    high: Number | None = None
    nonzero: bool = False

    @property
    def excludes_zero(self) -> bool:
        """Whether no value is 0."""
        return self.nonzero or (
            (self.low is not None and self.low > 0) or (self.high is not None and self.high < 0)
        )

    @property
    def single(self) -> Number | None:
        """The only value that there is, if that is known."""
        return self.low if self.low is not None and self.low == self.high else None

    def narrowed(self, other: Range) -> Range:
        """Return what is in both."""
        lows = [x for x in (self.low, other.low) if x is not None]
        highs = [x for x in (self.high, other.high) if x is not None]
        return Range(
            max(lows, default=None), min(highs, default=None), self.nonzero or other.nonzero
        )


def constant(value: Number) -> Range:
    """Return the range of one value."""
    return Range(value, value)


def of_type(type_: DataType) -> Range:
    """Return what a type holds.

    Example: `tinyint` -> -128 to 127
    """
    if type_.is_integer:
        half = 2 ** (INTEGER_BITS[type_.name] - 1)
        return Range(-half, half - 1)
    if type_.name == "decimal":
        most = Fraction(10 ** (type_.precision or 0) - 1, 10 ** (type_.scale or 0))
        return Range(-most, most)
    return Range()


def holds(type_: DataType, values: Range) -> bool:
    """Return whether a type of numbers holds every value of a range, rounded to its digits."""
    own = of_type(type_)
    if own.low is None or own.high is None or values.low is None or values.high is None:
        return False
    return own.low <= values.low and values.high <= own.high


def arithmetic(operator: str, left: Range, right: Range) -> Range:
    """Return the range of `left operator right` for `+ - *`, exact; of others nothing is known."""
    a, b, c, d = left.low, left.high, right.low, right.high
    if a is None or b is None or c is None or d is None:
        return Range(nonzero=operator == "*" and left.excludes_zero and right.excludes_zero)
    match operator:
        case "+":
            return Range(a + c, b + d)
        case "-":
            return Range(a - d, b - c)
        case "*":
            corners = (a * c, a * d, b * c, b * d)
            nonzero = left.excludes_zero and right.excludes_zero
            return Range(min(corners), max(corners), nonzero)
    return Range()


def negated(values: Range) -> Range:
    """Return the range of `-x`."""
    low = -values.high if values.high is not None else None
    high = -values.low if values.low is not None else None
    return Range(low, high, values.nonzero)


def rounded(values: Range, scale: int) -> Range:
    """Return the range of values that are rounded to digits after the point."""
    step = Fraction(1, 10**scale)

    def down(value: Number) -> Number:
        return (Fraction(value) // step) * step

    low = down(values.low) if values.low is not None else None
    high = down(values.high) if values.high is not None else None
    if high is not None and values.high is not None and high != values.high:
        high += step
    return Range(low, high)


def union(ranges: Iterable[Range]) -> Range:
    """Return the range of what is one of several values."""
    ranges_ = list(ranges)
    if not ranges_:
        return Range()
    lows = [x.low for x in ranges_]
    highs = [x.high for x in ranges_]
    low = min(x for x in lows if x is not None) if None not in lows else None
    high = max(x for x in highs if x is not None) if None not in highs else None
    return Range(low, high, all(x.excludes_zero for x in ranges_))


def compared(operator: str, other: Range) -> Range | None:
    """Return what `x operator other` says of x, or None for nothing.

    Example: `x > 0` -> not zero, at least 0
    """
    match operator:
        case "=":
            return Range(other.low, other.high, other.excludes_zero)
        case "<>":
            return Range(nonzero=True) if other.single == 0 else None
        case "<" | "<=":
            beyond = other.high is not None and (other.high <= 0 if operator == "<" else False)
            return Range(high=other.high, nonzero=beyond)
        case ">" | ">=":
            beyond = other.low is not None and (other.low >= 0 if operator == ">" else False)
            return Range(low=other.low, nonzero=beyond)
    return None


FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "=", "<>": "<>"}
"""`a < b` is `b > a`."""

OPPOSITE: Final = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "=": "<>", "<>": "="}
"""What holds where a comparison is false (and no side NULL)."""


# -- times ---------------------------------------------------------------------------------------


def day(value: date) -> Range:
    """Return the range of one day."""
    return constant((value - _EPOCH).days)


def moment(value: datetime) -> Range:
    """Return the range of one moment, whatever its zone."""
    return constant((value.replace(tzinfo=UTC) - _START) // timedelta(microseconds=1))


def midnights(values: Range) -> Range | None:
    """Return the range of the first moments of days, in UTC."""
    if values.low is None or values.high is None:
        return None
    return Range(values.low * MICROSECONDS["day"], values.high * MICROSECONDS["day"])


def shifted(type_: DataType, values: Range, count: int, unit: str) -> Range:
    """Return the range of times moved by whole units; nothing beyond the years 1 to 9999.

    Args:
        type_: date, timestamp or timestamp_ntz.
        values: Their range.
        count: How many units, negative for earlier.
        unit: `year`, `month`, or one of `MICROSECONDS`.
    """
    if values.low is None or values.high is None:
        return Range()
    try:
        move = _mover(type_, count, unit)
        return Range(move(int(values.low)), move(int(values.high)))
    except (ValueError, OverflowError):
        return Range()


def within_years(values: Range) -> bool:
    """Return whether all of a range's days are in the years 1 to 9999."""
    first, last = (date.min - _EPOCH).days, (date.max - _EPOCH).days
    low, high = values.low, values.high
    return low is not None and high is not None and first <= low and high <= last


def _mover(type_: DataType, count: int, unit: str) -> Callable[[int], int]:
    if type_.name in _MOMENTS:
        return lambda value: _moved_moment(value, count, unit)
    return lambda value: (_moved_day(_EPOCH + timedelta(days=value), count, unit) - _EPOCH).days


def _moved_moment(value: int, count: int, unit: str) -> int:
    now = _START + timedelta(microseconds=value)
    if unit in MICROSECONDS:
        later = now + timedelta(microseconds=count * MICROSECONDS[unit])
    else:
        later = datetime.combine(_moved_day(now.date(), count, unit), now.timetz())
    return (later - _START) // timedelta(microseconds=1)


def _moved_day(value: date, count: int, unit: str) -> date:
    if unit in MICROSECONDS:
        return value + timedelta(days=count * MICROSECONDS[unit] // MICROSECONDS["day"])
    months = value.year * 12 + value.month - 1 + count * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(value.day, last))


def known(values: Range) -> Range | None:
    """Return a range, or None where it says nothing."""
    return None if values == Range() else values
