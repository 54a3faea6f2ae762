"""Calls that one DuckDB expression equals: the lines `duckdb` of the table of functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from headwater.sql.functions import named
from headwater.sql.portable.comparing import widened
from headwater.sql.portable.pieces import Piece, made
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import type_name
from headwater.types import BIGINT, DOUBLE, INTEGER_BITS, DataType
from headwater.types.text import parse_type

_TEMPORAL: Final = frozenset({"date", "timestamp", "timestamp_ntz"})
_SCALAR: Final = _TEMPORAL | frozenset(
    {"boolean", "float", "double", "decimal", "string", *INTEGER_BITS}
)
_NESTED: Final = re.compile(r"(array|map)<(\w+)>")
_LINE: Final = re.compile(
    r"\((?P<args>[^)]*)\) -> (?P<result>[^:,]+)(?:, raises (?P<raises>\w+))?: (?P<sql>.+)"
)
_HOLE: Final = re.compile(r"\{(=?\d+|T|\*[^}]*|raise: ?[\w.]+ [^}]*|unproven: ?[^}]*)\}")


@dataclass(frozen=True, slots=True)
class Construct:
    """A call with certain argument types, and what equals it on DuckDB.

    Args:
        name: The function, in lower case.
        args: Patterns of its arguments, see the head of `functions.txt`.
        result: Pattern of its result's type.
        duckdb: Template of the DuckDB expression.
        raises: `spark`, `embedded`, or None where it never raises.
    """

    name: str
    args: tuple[str, ...]
    result: str
    duckdb: str
    raises: str | None = None

    def accepts(self, arguments: Sequence[Piece]) -> bool:
        """Return whether the row is about a call with these arguments."""
        patterns = self.parameters(len(arguments))
        return len(patterns) == len(arguments) and all(
            _matches(p, a, arguments[0].type) for p, a in zip(patterns, arguments, strict=True)
        )

    def parameters(self, count: int) -> list[str]:
        """Return the pattern of each of so many arguments, or another number of them."""
        patterns = list(self.args)
        if patterns and patterns[-1].endswith("..."):
            last = patterns.pop()[:-3]
            patterns += [last] * (count - len(patterns))
        return patterns

    def result_type(self, arguments: Sequence[Piece], analysed: DataType) -> DataType:
        """Return the type of the call's result."""
        if self.result == "?":
            return analysed
        if self.result.startswith("="):
            return arguments[int(self.result[1:])].type
        return parse_type(self.result)

    def apply(self, arguments: Sequence[Piece], type_: DataType) -> Piece:
        """Return the compiled call."""
        if "number" in self.args:
            pairs = zip(self.args, arguments, strict=True)
            arguments = [widened(a, DOUBLE) if p == "number" else a for p, a in pairs]
        sql = _HOLE.sub(lambda m: _fill(m[1], arguments, type_), self.duckdb)
        raises = self.raises == "spark"
        return made(sql, type_, arguments, raises=raises, declines=self.raises == "embedded")


@cache
def constructs(function: str) -> tuple[Construct, ...]:
    """Return what equals a function on DuckDB, for each list of types that was proven."""
    return tuple(_construct(function, line) for line in named(function).equals)


def _construct(function: str, line: str) -> Construct:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{function}: {line!r} does not read `(types) -> type: expression`")
    args = tuple(a.strip() for a in match["args"].split(",") if a)
    sql = match["sql"].replace("{name}", function)
    return Construct(function, args, match["result"], sql, match["raises"])


def find(function: str, arguments: Sequence[Piece], analysed: DataType) -> Construct | None:
    """Return what equals a call, or None where nothing is proven to.

    Args:
        function: Its name.
        arguments: Its arguments, maybe converted.
        analysed: The type that the analysis gives the call.
    """
    rows = (c for c in constructs(function) if c.accepts(arguments))
    return next((c for c in rows if c.result_type(arguments, analysed) == analysed), None)


def _matches(pattern: str, argument: Piece, first: DataType) -> bool:
    literal, type_ = argument.literal, argument.type
    match pattern:
        case "same":
            return type_ == first
        case "=0" | "key":
            return bool(first.children) and type_ == first.children[0]
    if pattern.startswith("'"):
        allowed = {word.strip("'") for word in pattern.split("|")}
        return isinstance(literal, str) and not allowed.isdisjoint({literal, literal.lower()})
    if pattern.startswith("#"):
        if not isinstance(literal, int) or isinstance(literal, bool):
            return False
        forms = {"#": True, "#+": literal > 0, "#0+": literal >= 0, "#0-6": 0 <= literal <= 6}
        return forms.get(pattern, pattern == f"#{literal}")
    if match_ := _NESTED.fullmatch(pattern):
        return type_.name == match_[1] and _holds(match_[2], type_.children[0])
    match pattern:
        case "true" | "false":
            return literal is (pattern == "true")
        case "text":
            return isinstance(literal, str)
        case "text+":
            return isinstance(literal, str) and literal != ""
        case "any":
            return type_.is_known
        case "scalar":
            return type_.name in _SCALAR
        case "temporal":
            return type_.name in _TEMPORAL
        case "integer":
            return type_.is_integer
        case "narrow":
            return type_.is_integer and type_ != BIGINT
        case "numeric" | "number":
            return type_.is_numeric
        case "floating":
            return type_.is_floating
        case _:
            return type_.name == pattern


def _holds(pattern: str, element: DataType) -> bool:
    """Whether an array's element or a map's key is of a kind; `exact` is all but floats."""
    if pattern == "exact":
        return element.name in _SCALAR and not element.is_floating
    if pattern == "integer":
        return element.is_integer
    return element.name == pattern


def _fill(hole: str, arguments: Sequence[Piece], type_: DataType) -> str:
    if hole.isdigit():
        return arguments[int(hole)].sql
    if hole.startswith("="):
        return str(arguments[int(hole[1:])].literal)
    if hole == "T":
        return type_name(type_)
    if hole.startswith("*"):
        return hole[1:].join(a.sql for a in arguments)
    kind, _, rest = hole.partition(":")
    if kind == "unproven":
        return not_portable(rest.strip(), type_)
    condition, _, message = rest.strip().partition(" ")
    return spark_error(condition, message, type_)
