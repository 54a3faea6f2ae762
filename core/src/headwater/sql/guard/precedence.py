"""Operators side by side: whether sqlglot put the brackets where Spark puts them.

The two do not rank operators alike: `a = b < c` is `(a = b) < c` to Spark and `a = (b < c)` to
sqlglot. Where the user wrote brackets, a tree has them (`exp.Paren`); elsewhere an operator must
bind tighter than the one above it, or as tight and stand on its left.

Source: Apache Spark 4.1, `SqlBaseParser.g4`: `booleanExpression`, `predicate`, `valueExpression`.
"""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater.diagnostics import Diagnostic
from headwater.sql.syntax import nodes
from headwater.sql.syntax.tokens import WRITTEN

_KINDS: Final[tuple[tuple[type[exp.Expr], ...], ...]] = (
    (exp.Or,),
    (exp.And,),
    (exp.Not,),
    (
        exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.RegexpLike, exp.NullSafeNEQ,
        exp.Escape, exp.Exists,
    ),
    (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ),
    (exp.BitwiseOr,),
    (exp.BitwiseXor,),
    (exp.BitwiseAnd,),
    (exp.BitwiseLeftShift, exp.BitwiseRightShift),
    (exp.Add, exp.Sub, exp.DPipe),
    (exp.Mul, exp.Div, exp.Mod, exp.IntDiv),
    (exp.Neg, exp.BitwiseNot),
    (exp.Collate,),
)  # fmt: skip
RANKS: Final = {kind: rank for rank, kinds in enumerate(_KINDS) for kind in kinds}
"""How tight each operator binds."""
_COMPARISON: Final = RANKS[exp.EQ]
_EITHER_SIDE: Final = (exp.And, exp.Or, exp.Not, exp.Neg, exp.BitwiseNot)
_OPERANDS: Final = ("this", "expression", "low", "high")


def misread(node: exp.Expr, text: str) -> Diagnostic | None:
    """Return the refusal of an operator whose operands Spark would cut at other places.

    Example: `SELECT o = i < b AS v FROM t` -> `two-readings`
    """
    rank = RANKS.get(type(node))
    if rank is None or isinstance(node, (exp.Escape, exp.Exists)):
        return None
    for key in _OPERANDS:
        operand = _without_added_brackets(node.args.get(key))
        inner = RANKS.get(type(operand)) if isinstance(operand, exp.Expr) else None
        if inner is None or _fits(node, rank, key, operand, inner):
            continue
        return Diagnostic(
            "two-readings", "without brackets this can be read in two ways",
            span=nodes.span_of(node), text=text,
            hint="put brackets around the part that comes first: (a = b) = c, (a IN (1, 2)) = b",
        )  # fmt: skip
    return None


def _without_added_brackets(operand: object) -> object:
    """Return an operand without the brackets that only sqlglot put around it."""
    while isinstance(operand, exp.Paren) and WRITTEN not in (operand.comments or ()):
        operand = operand.this
    return operand


def _fits(node: exp.Expr, rank: int, key: str, operand: object, inner: int) -> bool:
    if rank == _COMPARISON and isinstance(operand, exp.NullSafeEQ):
        return False  # it may have been written IS NOT DISTINCT FROM, which binds looser
    if rank == _COMPARISON - 1:
        return inner > rank  # predicates do not follow each other
    return inner >= rank if key == "this" or isinstance(node, _EITHER_SIDE) else inner > rank
