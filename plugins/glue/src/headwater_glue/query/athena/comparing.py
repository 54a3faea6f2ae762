"""Comparisons, in which NaN tells the engines apart.

Trino's are IEEE 754: NaN equals nothing, and is neither more nor less than anything. Spark's NaN
equals itself and is more than every number. So where a NaN may turn up, it is asked for.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater_glue.query.athena.values import Typed, common, refuse

OPERATORS: Final[dict[type, str]] = {
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
}
_SWAPPED: Final = {"<": ">", "<=": ">="}


def compare(left: Typed, operator: str, right: Typed, node: exp.Expr) -> Typed:
    """Return a comparison with Trino's answer, also for NaN and NULL."""
    check_comparable(left, right, node)
    if operator in _SWAPPED:
        # Only the greater side's NaN makes the two engines differ.
        greater, smaller, plain = right, left, f"({left.text} {operator} {right.text})"
    else:
        greater, smaller, plain = left, right, f"({left.text} {operator} {right.text})"
    if operator in ("=", "<>"):
        if not (left.may_be_nan and right.may_be_nan):
            return Typed(plain, t.BOOLEAN)
        answer = "false" if operator == "=" else "true"
        both = f"isnan({left.text}) AND isnan({right.text})"
        return Typed(f"(CASE WHEN {both} THEN {answer} ELSE {plain} END)", t.BOOLEAN)
    if not greater.may_be_nan:
        return Typed(plain, t.BOOLEAN)
    nan = f"isnan({greater.text})"
    if smaller.literal is None:
        nan += f" AND {smaller.text} IS NOT NULL"
    return Typed(f"(CASE WHEN {nan} THEN false ELSE {plain} END)", t.BOOLEAN)


def check_comparable(left: Typed, right: Typed, node: exp.Expr) -> None:
    """Refuse a comparison of types that the two engines compare differently."""
    for side in (left, right):
        if side.type.name == "char":
            refuse(node, "a comparison of char(n), whose padding the engines treat differently")
        if side.type.name in ("array", "map", "struct", "binary", "interval"):
            refuse(node, f"a comparison of {side.type.name}s")
    if common(left.type, right.type) is None:
        refuse(node, f"a comparison of {left.type} with {right.type}")
