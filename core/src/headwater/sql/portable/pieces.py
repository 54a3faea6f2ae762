"""Pieces: compiled expressions, and the exception by which a construct is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sqlglot import exp

from headwater.sql.portable import ranges
from headwater.sql.portable.ranges import Range
from headwater.types import DataType


@dataclass(frozen=True, slots=True)
class Piece:
    """A compiled expression.

    Args:
        sql: DuckDB SQL, safe to stand as an operand.
        type: The type that Spark gives it; DuckDB gives it the same.
        raises: Whether evaluating it may raise on some row.
        literal: The value of a literal. None for everything else.
        declines: Where it may raise: whether on all such rows Spark answers (`not_portable`).
        range: What its values are, where more is known than their type says.
    """

    sql: str
    type: DataType
    raises: bool = False
    literal: str | int | Decimal | None = None
    declines: bool = False
    range: Range | None = None

    @property
    def risky(self) -> bool:
        """Whether Spark may raise on some row: then both have to evaluate it on the same rows."""
        return self.raises and not self.declines

    @property
    def values(self) -> Range:
        """What its values are: as its type says, and as is known besides."""
        own = ranges.of_type(self.type)
        return own if self.range is None else own.narrowed(self.range)


def made(
    sql: str,
    type_: DataType,
    parts: Iterable[Piece] = (),
    *,
    raises: bool = False,
    declines: bool = False,
    range_: Range | None = None,
) -> Piece:
    """Return a piece that is made of others, and raises where they do.

    Args:
        sql: Its DuckDB SQL.
        type_: Its type.
        parts: What it is made of.
        raises: Whether it may raise by itself on a row where Spark does.
        declines: Whether it may raise by itself on a row where Spark answers.
        range_: What its values are.
    """
    made_of = list(parts)
    risky = raises or any(p.risky for p in made_of)
    any_raises = risky or declines or any(p.raises for p in made_of)
    known_range = ranges.known(range_) if range_ is not None else None
    return Piece(sql, type_, any_raises, None, any_raises and not risky, known_range)


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


def refuse_unless(
    condition: bool, reason: str, node: exp.Expr | None = None, hint: str | None = None
) -> None:
    """Raise a `Refusal` unless a condition holds."""
    if not condition:
        raise Refusal(reason, node, hint)
