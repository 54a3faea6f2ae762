"""The arguments of a call, as the rules for results look at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from headwater.types import UNKNOWN, DataType


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
        sign = -1 if isinstance(node, exp.Neg) else 1
        node = node.this if isinstance(node, exp.Neg) else node
        if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
            return sign * int(node.name)
        return None


Rule = Callable[[Call], DataType]
