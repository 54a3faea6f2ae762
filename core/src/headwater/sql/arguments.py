"""The arguments of a call, as the rules for results look at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from headwater.types import UNKNOWN, DataType
from headwater.untrusted.texts import is_whole, whole_number


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of a call: their types, and themselves."""

    types: tuple[DataType, ...]
    arguments: tuple[exp.Expr, ...]

    def __len__(self) -> int:
        return len(self.types)

    def type(self, index: int) -> DataType:
        """Type of an argument; `unknown` where there is none."""
        return self.types[index] if index < len(self.types) else UNKNOWN

    def text(self, index: int) -> str | None:
        """Value of an argument that is a string literal, or None."""
        node = self.arguments[index] if index < len(self.arguments) else None
        return node.name if isinstance(node, exp.Literal) and node.is_string else None

    def number(self, index: int) -> int | None:
        """Value of an argument that is a whole-number literal, or None."""
        node = self.arguments[index] if index < len(self.arguments) else None
        negative = isinstance(node, exp.Neg)
        value = position(node.this if negative else node) if node is not None else None
        return -value if negative and value is not None else value


Rule = Callable[[Call], DataType]


def position(node: exp.Expr) -> int | None:
    """Return the whole number that a node is, as in `ORDER BY 2`, or None if it is none."""
    if not isinstance(node, exp.Literal) or node.is_string or not is_whole(node.name):
        return None
    return whole_number(node.name)
