"""What functions give, as Spark types it. Data, with look-ups."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from headwater.types import UNKNOWN, DataType


def result(name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]) -> DataType:
    """Return the type of a call."""
    return UNKNOWN


def within_group(name: str, ordered: Sequence[DataType], inner: DataType) -> DataType:
    """Return the type of `name(...) WITHIN GROUP (ORDER BY ...)`."""
    return UNKNOWN


def generated(
    name: str, types: Sequence[DataType], arguments: Sequence[exp.Expr]
) -> list[tuple[str, DataType]]:
    """Return names and types of the columns that a generator makes."""
    return []
