"""Literals: the type that a number has next to a decimal, and how Spark writes literals out."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from sqlglot import exp

from headwater.types import MOST_DIGITS, TINYINT, DataType, decimal
from headwater.untrusted.texts import decimal_number, is_whole, whole_number

TYPED: Final = "typed_literal"
"""Key in the `meta` of a CAST that was written as `DATE '...'`, and not as CAST."""

_NUMBER: Final = re.compile(r"(-?)([0-9.]+(?:[eE][+-]?[0-9]+)?)(BD|[LSYFD])?", re.IGNORECASE)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIMESTAMP: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?: ([0-9]{2}:[0-9]{2}:[0-9]{2}))?")
_WHOLE_UNITS: Final = {"year": ("YEAR", 1), "month": ("MONTH", 1), "day": ("DAY", 1),
                       "week": ("DAY", 7)}  # fmt: skip
_CLOCK_UNITS: Final = {"hour": "HOUR", "minute": "MINUTE", "second": "SECOND"}


def position(node: exp.Expr) -> int | None:
    """Return the whole number that a node is, as in `ORDER BY 2`, or None if it is none."""
    if not isinstance(node, exp.Literal) or node.is_string or not is_whole(node.name):
        return None
    return whole_number(node.name)


def next_to(node: exp.Expr, own: DataType, other: DataType) -> DataType:
    """Return an operand's type next to another: beside a decimal a number has just its digits.

    Args:
        node: The operand; it matters only where it is a whole number, written out.
        own: Its type.
        other: Type of the other operand.
    """
    # Spark's `DecimalType.fromLiteral` knows no literal of a byte.
    if other.name != "decimal" or not own.is_integer or own == TINYINT:
        return own
    while isinstance(node, exp.Paren):
        node = node.this
    literal = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(literal, exp.Literal):
        return own
    digits = re.match(r"[0-9]+", literal.name)
    length = len(digits[0].lstrip("0")) if digits else 0
    return decimal(max(1, length), 0) if digits and length <= MOST_DIGITS else own


def number_name(text: str) -> str | None:
    """Return a number as Spark writes it, e.g. `1e3` as `1000.0`, `.5` as `0.5`."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, digits, suffix = match[1], match[2], (match[3] or "").upper()
    if suffix == "F":
        return None
    if suffix == "D" or (not suffix and "e" in digits.lower()):
        return sign + _double(float(digits))
    value = decimal_number(digits)
    if value is None:
        return None
    sign = sign if value else ""  # exact numbers have no -0
    if suffix in ("L", "S", "Y") or is_whole(digits):
        return f"{sign}{int(value)}"
    # Java's BigDecimal writes small ones with an exponent, by the rule of Python's.
    exponent = value.as_tuple().exponent
    return f"{sign}{value:f}" if isinstance(exponent, int) and exponent > 0 else f"{sign}{value}"


def _double(value: float) -> str:
    """Java's `Double.toString`, for a value that is not negative."""
    if value == 0:
        return "0.0"
    mantissa, _, exponent = f"{Decimal(repr(value)):e}".lower().partition("e")
    power = int(exponent or 0)
    digits = mantissa.replace(".", "").rstrip("0") or "0"
    if -3 <= power < 7:
        plain = f"{Decimal(repr(value)):f}"
        whole, _, part = plain.partition(".")
        return f"{whole}.{part.rstrip('0') or '0'}"
    return f"{digits[0]}.{digits[1:] or '0'}E{power}"


def typed_literal_name(node: exp.Expr) -> str | None:
    """Return `DATE '2026-01-01'` and the like; empty if uncertain, None if it is no literal."""
    if not node.meta.get(TYPED):
        return None
    kind, text = node.args["to"].this, node.this.name
    if kind is exp.DType.DATE:
        return f"DATE '{text}'" if _DATE.fullmatch(text) else ""
    match = _TIMESTAMP.fullmatch(text)
    if match is None or kind not in (exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPNTZ):
        return ""
    head = "TIMESTAMP" if kind is exp.DType.TIMESTAMPTZ else "TIMESTAMP_NTZ"
    return f"{head} '{match[1]} {match[2] or '00:00:00'}'"


def interval_name(node: exp.Expr) -> str | None:
    """Return a literal interval of one unit, e.g. `INTERVAL '01' HOUR`."""
    unit = node.args.get("unit")
    value = node.this.name if isinstance(node.this, exp.Literal) else ""
    if not isinstance(unit, exp.Var) or not is_whole(value):
        return None
    name = unit.name.lower().removesuffix("s")
    if name in _WHOLE_UNITS:
        unit_name, times = _WHOLE_UNITS[name]
        return f"INTERVAL '{int(value) * times}' {unit_name}"
    return f"INTERVAL '{int(value):02}' {_CLOCK_UNITS[name]}" if name in _CLOCK_UNITS else None
