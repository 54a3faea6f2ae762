"""Operators whose operands Spark refuses: reported before a query runs, where types are known.

What is not certain passes: Spark reports it then. The rules were compared with Spark's analyser for
every pair of types (`tests/differential/test_operands.py` repeats it).

Source: Apache Spark 4.1, `AnsiTypeCoercion`, and the input types of its expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.binding.context import Work
from headwater.sql.typing import rules as typing
from headwater.types import DataType

_COMPARISONS: Final = (
    exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ,
)  # fmt: skip
_PATTERNS: Final = (exp.Like, exp.ILike, exp.RegexpLike)
_NESTED: Final = frozenset({"array", "map", "struct"})
_TIMELY: Final = frozenset({"date", "timestamp", "timestamp_ntz", "interval"})
_NOT_NEGATED: Final = frozenset(
    {"boolean", "binary", "date", "timestamp", "timestamp_ntz", *_NESTED}
)
_CAST: Final = "cast one of them, e.g. CAST(... AS {})"


def check_condition(
    work: Work, node: exp.Expr, type_: DataType, where: str, *, also: Sequence[DataType] = ()
) -> None:
    """Report a condition that is not a boolean.

    Example: `SELECT CASE WHEN i THEN 1 END AS v FROM t` -> `not-a-condition`

    Args:
        work: The findings.
        node: The expression.
        type_: Its type.
        where: What needs a condition, for the message.
        also: What Spark takes for a condition there too.
    """
    if type_ not in (t.BOOLEAN, t.UNKNOWN, *also) and type_.name != "unreadable":
        work.report(
            "not-a-condition",
            f"{where} needs a condition, and this is of type {type_}",
            node,
            hint="compare it with something, e.g. ... = 'true', ... <> 0",
        )


def check_chained(work: Work, node: exp.Expr, left: DataType, right: DataType) -> None:
    """Report a link of `a + b - c`, `a AND b`, `a || b` that Spark refuses.

    Example: `SELECT o + 1 AS v FROM t` -> `operand-types`

    Args:
        work: The findings.
        node: The operator, typed already.
        left: Type of all that stands left of it.
        right: Type of its right operand.
    """
    both_known = _is_known(left) and _is_known(right)
    if isinstance(node, (exp.And, exp.Or)):
        for operand, type_ in ((node.this, left), (node.expression, right)):
            _check_connected(work, operand, type_, node.key.upper())
        return
    if isinstance(node, exp.DPipe):
        names = {left.name, right.name}
        refused = bool(names & {"map", "struct"}) or ("array" in names and names > {"array"})
    else:
        passes = t.VOID in (left, right) or _beside_string(node, left, right)
        refused = not passes and work.types.get(id(node)) == t.UNKNOWN
    if both_known and refused:
        _report(work, node, f"{left} and {right}")


def _beside_string(node: exp.Expr, left: DataType, right: DataType) -> bool:
    """Whether Spark may read a text as the other operand needs it."""
    if t.STRING not in (left, right):
        return False
    other = right if left == t.STRING else left
    match node:
        case exp.BitwiseAnd() | exp.BitwiseOr() | exp.BitwiseXor():
            return other.is_integer
        case exp.Sub():
            return other.name in _TIMELY
        case exp.Add() | exp.Mul() | exp.Div():
            return other.name == "interval"
    return False


def _check_connected(work: Work, node: exp.Expr, type_: DataType, where: str) -> None:
    if _is_known(type_):
        check_condition(work, node, type_, where, also=(t.STRING, t.VOID))


def check_negated(work: Work, node: exp.Expr, type_: DataType) -> None:
    """Report an operand of `-` or `~` that has no negative.

    Example: `SELECT -o AS v FROM t` -> `operand-types`
    """
    if isinstance(node, exp.BitwiseNot):
        refused = not (type_.is_integer or type_ == t.VOID)
    else:
        refused = type_.name in _NOT_NEGATED
    if _is_known(type_) and refused:
        _report(work, node, str(type_))


def check_predicate(work: Work, node: exp.Expr, types: Sequence[DataType]) -> None:
    """Report a comparison, or a match with a pattern, of types that Spark does not compare.

    Example: `SELECT i LIKE a AS v FROM t` -> `operand-types`

    Args:
        work: The findings.
        node: The predicate.
        types: Types of what it compares.
    """
    if isinstance(node, exp.Not):
        _check_connected(work, node.this, types[0], "NOT")
    elif isinstance(node, exp.Between):
        for bound in types[1:]:
            check_compared(work, node, [types[0], bound])
    elif isinstance(node, (*_COMPARISONS, exp.In)):
        check_compared(work, node, types, widened=isinstance(node, exp.In))
    elif isinstance(node, _PATTERNS) and any(x.name in _NESTED for x in types):
        _report(work, node, " and ".join(map(str, types)))


def check_compared(
    work: Work, node: exp.Expr, types: Sequence[DataType], *, widened: bool = False
) -> None:
    """Report values of types that Spark does not compare.

    Example: `SELECT day = 1 AS v FROM t` -> `operand-types`

    Args:
        work: The findings.
        node: Where they are compared.
        types: Their types.
        widened: Whether the elements of arrays and structs are made alike as whole values are:
            IN does so, `=` does not.
    """
    if not all(_is_known(x) for x in types):
        return
    apart = not widened and any(_incomparable(types[0], x) for x in types[1:])
    if apart or _differ(types) or any(typing.has_map(x) for x in types):
        listed = " and ".join(dict.fromkeys(map(str, types)))
        work.report(
            "operand-types", f"Spark does not compare {listed}", node,
            hint=_CAST.format(types[0]),
        )  # fmt: skip


def check_alike(work: Work, node: exp.Expr, types: Sequence[DataType], what: str) -> None:
    """Report values of one column that have no common type.

    Example: `SELECT CASE WHEN o THEN day ELSE 1 END AS v FROM t` -> `operand-types`

    Args:
        work: The findings.
        node: Where they come together.
        types: Their types.
        what: What they are, for the message: `the results of CASE`.
    """
    if all(_is_known(x) for x in types) and _differ(types):
        listed = ", ".join(dict.fromkeys(map(str, types)))
        work.report(
            "operand-types", f"{what} have no common type: {listed}", node,
            hint=_CAST.format(types[0]),
        )  # fmt: skip


def check_ordered(work: Work, node: exp.Expr, type_: DataType) -> None:
    """Report a map where values are ordered, or told apart.

    Example: `SELECT i FROM t ORDER BY m` -> `operand-types`
    """
    if typing.has_map(type_):
        work.report(
            "operand-types", f"values of type {type_} can't be ordered or told apart", node,
            hint="order by map_entries(...), or by a value of the map",
        )  # fmt: skip


def _incomparable(left: DataType, right: DataType) -> bool:
    """Whether nested values certainly can't be compared for what is in them."""
    if not left.children or left.name != right.name:
        return False
    if len(left.children) != len(right.children):
        return True
    pairs = zip(left.children, right.children, strict=True)
    return any(_incomparable(a, b) if a.children else _elements_differ(a, b) for a, b in pairs)


def _elements_differ(left: DataType, right: DataType) -> bool:
    """Whether elements are of types of which neither holds the other's values."""
    names = {left.name, right.name}
    if left == right or t.VOID in (left, right):
        return False
    if left.is_numeric and right.is_numeric:
        if names == {"decimal"} or "decimal" not in names:
            return False
        exact, other = (left, right) if left.name == "decimal" else (right, left)
        whole = typing.as_decimal(other)
        places = (exact.precision or 0) - (exact.scale or 0)
        return whole is None or places < (whole.precision or 0)
    return not (names <= _TIMELY and "interval" not in names) and names != {"interval"}


def _differ(types: Sequence[DataType]) -> bool:
    """Whether values certainly have no common type; of nested ones only the kinds are compared."""
    nested = {x.name for x in types if x != t.VOID}
    if nested <= _NESTED:
        return len(nested) > 1
    return typing.wider(types) == t.UNKNOWN


def _is_known(type_: DataType) -> bool:
    calendar = any(x.name == "interval" and not x.field_names for x in type_.walk())
    return type_.is_known and not calendar


def _report(work: Work, node: exp.Expr, types: str) -> None:
    work.report(
        "operand-types",
        f"Spark has no {_NAMES.get(type(node), node.key.upper())} for {types}",
        node,
        hint="cast what is of another type than was meant, e.g. CAST(... AS double)",
    )


_NAMES: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%", exp.IntDiv: "DIV",
    exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "^", exp.BitwiseNot: "~",
    exp.DPipe: "||", exp.Neg: "minus", exp.RegexpLike: "RLIKE",
}  # fmt: skip
