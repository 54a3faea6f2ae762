"""Arithmetic with Trino's answers and Trino's types.

- Integers divide to an integer. Overflow and division by zero raise in both engines.
- Floating numbers divide by zero to an infinity or NaN, where Spark raises. Equality rests on no
  divisor being negative zero.
- Decimals: `+ - *` as far as 36 digits; `/` and `%` keep other digits and are refused.

Source: Trino documentation, "Mathematical operators" and "Decimal operators".
"""

from __future__ import annotations

import re
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.untrusted.texts import decimal_number
from headwater_glue.query.athena.values import Typed, as_decimal, common, refuse

_SIGNS: Final[dict[type, str]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"
}  # fmt: skip


def arithmetic(left: Typed, kind: type, right: Typed, node: exp.Expr) -> Typed:
    """Return `+ - * / %` with Trino's answer and Trino's type."""
    sign = _SIGNS[kind]
    one, other = left.type, right.type
    if not (one.is_numeric and other.is_numeric):
        refuse(node, f"{one} {sign} {other}")
    if one.is_integer and other.is_integer:
        type_ = common(one, other) or t.BIGINT
        if sign == "/":
            return Typed(f"CAST(({left.text} DIV {right.text}) AS {type_})", type_)
        return Typed(f"({left.text} {sign} {right.text})", type_)
    if one.is_floating or other.is_floating:
        if t.FLOAT in (one, other):
            refuse(
                node,
                f"arithmetic of real, which the engines widen differently: {one} {sign} {other}",
            )
        a, b = left.cast(t.DOUBLE), right.cast(t.DOUBLE)
        if sign in "+-*":
            return Typed(f"({a.text} {sign} {b.text})", t.DOUBLE)
        if sign == "%":
            refuse(node, "the remainder of floating numbers")
        if b.literal is not None and decimal_number(b.literal):
            return Typed(f"({a.text} / {b.text})", t.DOUBLE)
        # Trino divides by zero to an infinity or NaN; Spark raises.
        by_zero = f"{a.text} * CAST('Infinity' AS DOUBLE)"
        return Typed(
            f"(CASE WHEN {b.text} = 0D THEN {by_zero} ELSE {a.text} / {b.text} END)", t.DOUBLE
        )
    return _decimal_arithmetic(left, sign, right, node)


def _decimal_arithmetic(left: Typed, sign: str, right: Typed, node: exp.Expr) -> Typed:
    one, other = as_decimal(left.type), as_decimal(right.type)
    if one is None or other is None or sign in "/%":
        refuse(node, f"{left.type} {sign} {right.type}: the engines keep different digits")
    scales, precisions = (
        (one.scale or 0, other.scale or 0),
        (one.precision or 0, other.precision or 0),
    )
    if sign == "*":
        precision, scale = sum(precisions), sum(scales)
    else:
        scale = max(scales)
        precision = max(p - s for p, s in zip(precisions, scales, strict=True)) + scale + 1
    # One digit is left for Spark, which counts more of them than Trino.
    if precision > 36:
        refuse(
            node, f"{left.type} {sign} {right.type}: beyond 36 digits the engines round differently"
        )
    type_ = t.decimal(precision, scale)
    return Typed(f"CAST(({left.text} {sign} {right.text}) AS {type_})", type_)


def decimal_literal(text: str, node: exp.Expr) -> Typed:
    """Return a decimal literal: the digits that are written are its precision and scale."""
    match = re.fullmatch(r"(-?)([0-9]*)\.?([0-9]*)", text)
    whole, fraction = (match[2].lstrip("0"), match[3]) if match else ("", "")
    if match is None or not 1 <= len(whole) + len(fraction) <= 38:
        refuse(node, f"the decimal {text!r}")
    type_ = t.decimal(len(whole) + len(fraction), len(fraction))
    spelled = f"{match[1]}{whole or '0'}" + (f".{fraction}" if fraction else "")
    return Typed(f"CAST({spelled} AS {type_})" if not fraction else spelled, type_, text)
