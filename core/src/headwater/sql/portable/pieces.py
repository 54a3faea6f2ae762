"""Pieces: compiled expressions, and the exception by which a construct is refused."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from headwater.types import DataType


@dataclass(frozen=True, slots=True)
class Piece:
    """A compiled expression.

    Args:
        sql: DuckDB SQL, safe to stand as an operand.
        type: The type that Spark gives it; DuckDB gives it the same.
        raises: Whether evaluating it may raise on some row.
        literal: The value of a literal. None for everything else.
    """

    sql: str
    type: DataType
    raises: bool = False
    literal: str | int | Decimal | None = None


def evaluated(piece: Piece) -> str:
    """Return SQL that is NULL where a piece is, for a caller that looks at nothing else.

    DuckDB's statistics say whether a sum can be NULL, so that `i + 1 IS NULL` is answered without
    adding; what overflows in Spark has to be added.
    """
    return f"([{piece.sql}])[1]" if piece.raises and piece.type.is_integer else piece.sql


class Refusal(Exception):  # noqa: N818  (it is a finding on its way to a diagnostic)
    """A construct is not in the portable subset.

    Args:
        reason: Why Spark's answer can't be promised: `what: why`.
        node: The construct, or None for the one that was being compiled.
        hint: What to write instead, where there is something.
    """

    def __init__(self, reason: str, node: exp.Expr | None = None, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.node = node
        self.hint = hint


class Cascade(Refusal):
    """An expression is refused only because a part of it was; reported where that part stands."""


def refuse_unless(condition: bool, reason: str, node: exp.Expr | None = None) -> None:
    """Raise a `Refusal` unless a condition holds."""
    if not condition:
        raise Refusal(reason, node)
