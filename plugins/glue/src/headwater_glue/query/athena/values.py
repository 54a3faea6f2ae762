"""What translation works with: typed Spark text, and refusals that point into Trino's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

from sqlglot import exp

from headwater import types as t
from headwater.sql.syntax.nodes import span_of
from headwater.types import INTEGER_BITS, DataType


class UntranslatableError(Exception):
    """A construct of Trino's that does not carry over.

    Args:
        node: Where it is.
        reason: What it is, and why it does not.
    """

    def __init__(self, node: exp.Expr | None, reason: str) -> None:
        super().__init__(reason)
        self.node = node
        self.reason = reason

    def at(self, text: str) -> str:
        """Return the reason with the line of the view's text that it is about."""
        message = f"its SQL is Trino's and does not carry over to Spark: {self.reason}"
        span = span_of(self.node) if self.node is not None else None
        if span is None:
            return message
        line, column = span.line_column(text)
        return f"{message} (line {line}, column {column} of its text)"


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression in Spark's SQL.

    Args:
        text: The SQL, in parentheses where it needs them.
        type: What it gives, in Spark and in Trino alike.
        literal: The value of a literal, as text; None for all else.
    """

    text: str
    type: DataType
    literal: str | None = None

    def cast(self, type_: DataType) -> Typed:
        """Return it as another type, where that is not its own."""
        if type_ == self.type:
            return self
        return replace(self, text=f"CAST({self.text} AS {type_})", type=type_)

    @property
    def may_be_nan(self) -> bool:
        """Whether it may be NaN, which Trino and Spark compare differently."""
        return self.type.is_floating and self.literal is None


def refuse(node: exp.Expr | None, reason: str) -> NoReturn:
    """Raise the refusal of a construct."""
    raise UntranslatableError(node, reason)


def common(one: DataType, other: DataType) -> DataType | None:
    """Return the type that both engines give to a choice between two, or None if they differ."""
    if one == other:
        return one
    if one == t.VOID or other == t.VOID:
        return other if one == t.VOID else one
    if one.is_integer and other.is_integer:
        return max(one, other, key=lambda type_: INTEGER_BITS[type_.name])
    if one.is_text and other.is_text:
        return t.STRING
    if one.is_numeric and other.is_numeric and t.DOUBLE in (one, other):
        return t.DOUBLE
    decimals = [d for d in (as_decimal(one), as_decimal(other)) if d is not None]
    if len(decimals) == 2:
        scale = max(d.scale or 0 for d in decimals)
        whole = max((d.precision or 0) - (d.scale or 0) for d in decimals)
        return t.decimal(whole + scale, scale) if whole + scale <= 38 else None
    if {one.name, other.name} == {"date", "timestamp"}:
        return t.TIMESTAMP
    return None


def as_decimal(type_: DataType) -> DataType | None:
    """Return the decimal that holds a decimal's or an integer's values, or None for other types."""
    if type_.name == "decimal":
        return type_
    digits = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}.get(type_.name)
    return None if digits is None else t.decimal(digits, 0)


def string_literal(text: str, node: exp.Expr | None) -> str:
    """Return a Spark string literal; Trino's own knows no backslash."""
    if "${" in text:
        refuse(node, "the text '${' is replaced by Spark before it reads a query")
    if "\x00" in text:
        refuse(node, "a NUL character in a text")
    return "'" + "".join(map(_escaped, text)) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return "\\" + character
    # What can't be seen is spelled, so that a translated view can be read.
    invisible = not character.isprintable() and ord(character) < 0x10000
    return f"\\u{ord(character):04x}" if invisible else character
