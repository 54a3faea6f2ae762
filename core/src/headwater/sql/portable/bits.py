"""Bits of whole numbers: `&`, `|`, `^`, `~`, and shifts that wrap around as Java's do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlglot import exp

from headwater import types as t
from headwater.sql.portable import casts
from headwater.sql.portable.pieces import Piece, Refusal, made
from headwater.sql.portable.spelling import cast

if TYPE_CHECKING:
    from headwater.sql.portable.expressions import Expressions

_OPERATORS: Final[dict[type[exp.Expr], str]] = {
    exp.BitwiseAnd: "({} & {})",
    exp.BitwiseOr: "({} | {})",
    exp.BitwiseXor: "xor({}, {})",
}
_SHIFTS: Final[dict[type[exp.Expr], str]] = {
    exp.BitwiseLeftShift: "shiftleft",
    exp.BitwiseRightShift: "shiftright",
}


def combined(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a & b`, `a | b`, `a ^ b` in the wider type of the two."""
    type_ = e.type_of(node)
    left, right = (casts.cast(e.piece(x), type_) for x in (node.this, node.expression))
    sql = _OPERATORS[type(node)].format(left.sql, right.sql)
    return made(cast(sql, type_), type_, [left, right])


def inverted(e: Expressions, node: exp.Expr) -> Piece:
    """Return `~a`."""
    type_ = e.type_of(node)
    value = casts.cast(e.piece(node.this), type_)
    return made(cast(f"(~{value.sql})", type_), type_, [value])


def shifted(e: Expressions, node: exp.Expr) -> Piece:
    """Return `a << b`, `a >> b` and `a >>> b`."""
    name = _SHIFTS[type(node)] + "unsigned" * bool(node.args.get("unsigned"))
    return shift(name, [e.piece(node.this), e.piece(node.expression)])


def shift(name: str, arguments: list[Piece]) -> Piece:
    """Return `shiftleft(a, n)`, `shiftright(a, n)` or `shiftrightunsigned(a, n)`."""
    value, count = arguments
    if not (value.type.is_integer and count.type.is_integer):
        raise Refusal(f"{name}({value.type}, {count.type})")
    type_ = t.BIGINT if value.type == t.BIGINT else t.INT
    value, count = casts.cast(value, type_), casts.cast(count, t.INT)
    bits = 64 if type_ == t.BIGINT else 32
    sql = f"sp_{name}{bits}({value.sql}, {count.sql})"
    return made(cast(sql, type_), type_, [value, count])
