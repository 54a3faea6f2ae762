"""Comparisons of CHAR columns: the shorter of two sides is padded, as Spark pads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from sqlglot import exp

from headwater import types as t
from headwater.sql.analysis import Analysis, Binding
from headwater.sql.binding.char_columns import binding_of, holds_char, length_of
from headwater.sql.portable import literals
from headwater.sql.portable.pieces import Piece, Refusal

Operand: TypeAlias = "tuple[exp.Expr, Piece]"
_COMPUTED = (exp.Column, exp.Identifier, exp.Query, exp.Subquery, exp.Window)


def compared(analysis: Analysis, left: Operand, right: Operand) -> tuple[Piece, Piece]:
    """Return both sides of a comparison as Spark compares them.

    Raises:
        Refusal: If a CHAR column is compared with a constant that is not a literal: how long it
            is tells how far Spark pads.
    """
    first, second = padded(analysis, [left, right])
    return first, second


def padded(analysis: Analysis, operands: Sequence[Operand]) -> list[Piece]:
    """Return a value and those that it is compared with (`=` or IN) as Spark compares them.

    All are CHAR columns, or one side is one and the other is constant; else nothing is padded.

    Raises:
        Refusal: As `compared`; or if CHARs are in arrays or structs.
    """
    pieces = [piece for _, piece in operands]
    for node, _ in operands:
        refuse_within(analysis, binding_of(analysis, node), node)
    lengths = [length_of(analysis, node) for node, _ in operands]
    if not any(lengths) or any(p.type not in (t.STRING, t.VOID) for p in pieces):
        return pieces
    if all(length is not None for length in lengths):
        return widest(pieces, [n or 0 for n in lengths])
    constant = [_is_constant(node) for node, _ in operands]
    if lengths[0] is not None and all(constant[1:]):
        return _with_texts(operands, lengths[0])
    if len(operands) == 2 and lengths[1] is not None and constant[0]:
        return _with_texts(operands[::-1], lengths[1])[::-1]
    return pieces


def refuse_within(analysis: Analysis, binding: Binding | None, node: exp.Expr | None) -> None:
    """Refuse to compare a column that has CHARs in its arrays or structs."""
    if holds_char(analysis, binding):
        raise Refusal("comparing arrays or structs of CHAR, which Spark fills up within", node)


def widest(pieces: Sequence[Piece], lengths: Sequence[int]) -> list[Piece]:
    """Return CHAR columns, each as long as the longest of them."""
    target = max(lengths)
    return [_filled(p, n, target) for p, n in zip(pieces, lengths, strict=True)]


def _with_texts(operands: Sequence[Operand], length: int) -> list[Piece]:
    (_, column), *others = operands
    texts = []
    for node, piece in others:
        if piece.type != t.VOID and not isinstance(piece.literal, str):
            raise Refusal(
                "a CHAR column compared with a constant that is not a literal: its length tells "
                "how far Spark pads",
                node,
                hint="write the text itself",
            )
        texts.append(piece.literal if isinstance(piece.literal, str) else None)
    if len(texts) > 1 and None in texts:
        raise Refusal(
            "IN of a CHAR column with NULL among its values: Spark then pads none of them"
        )
    target = max([length, *(len(x) for x in texts if x is not None)])
    ends = [
        piece if literal is None else literals.string(literal.ljust(target))
        for (_, piece), literal in zip(others, texts, strict=True)
    ]
    return [_filled(column, length, target), *ends]


def _filled(piece: Piece, length: int, target: int) -> Piece:
    if target <= length:
        return piece
    return Piece(f"rpad({piece.sql}, {target}, ' ')", piece.type, piece.raises)


def _is_constant(node: exp.Expr) -> bool:
    return not isinstance(node, _COMPUTED) and node.find(*_COMPUTED) is None
