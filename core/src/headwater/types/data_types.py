"""Types: what a column holds (`DataType`), what a model's field needs (`FieldType`).

`DataType` is shaped like Arrow and spelled like Spark: `str(type)` is Spark's own text
(`bigint`, `array<double>`, `struct<a:int>`), which `type_text.parse_type` reads back. It knows
nothing of any library: engines and plugins convert at their own edge.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


@dataclass(frozen=True, slots=True)
class DataType:
    """The type of a column or an expression.

    Args:
        name: Spark's name of the type's head: `boolean tinyint smallint int bigint float double
            decimal string char varchar binary date timestamp timestamp_ntz interval void array map
            struct`, or `unknown` (it can't be told: never guess) or `unreadable` (known, and
            no engine here reads it; `reason` says why).
        precision: Decimal digits in all, or the length of a char or varchar.
        scale: Decimal digits after the point.
        children: Element type of an array; key and value types of a map; field types of a struct.
        field_names: Names of a struct's fields, in the order of `children`. Of an interval, its
            first and last unit (`("day", "second")`, or one where they are the same); none is
            Spark's calendar interval.
        reason: Why an `unreadable` type can't be read.
        parts: How many types it is made of, itself among them.
        levels: How deep it nests.
    """

    name: str
    precision: int | None = None
    scale: int | None = None
    children: tuple[DataType, ...] = ()
    field_names: tuple[str, ...] = ()
    reason: str | None = None
    parts: int = field(init=False, repr=False, compare=False, default=1)
    levels: int = field(init=False, repr=False, compare=False, default=1)

    def __post_init__(self) -> None:
        if self.children:
            # Types are shared: a few lines of SQL can name one that no memory could write out.
            object.__setattr__(self, "parts", 1 + sum(c.parts for c in self.children))
            object.__setattr__(self, "levels", 1 + max(c.levels for c in self.children))

    def __str__(self) -> str:
        match self.name:
            case "decimal":
                return f"decimal({self.precision},{self.scale})"
            case "char" | "varchar":
                return f"{self.name}({self.precision})"
            case "array":
                return f"array<{self.children[0]}>"
            case "map":
                return f"map<{self.children[0]},{self.children[1]}>"
            case "struct":
                return f"struct<{','.join(f'{_quote(n)}:{t}' for n, t in self.fields)}>"
            case "interval":
                return " ".join(["interval", " to ".join(self.field_names)]).rstrip()
            case _:
                return self.name

    @property
    def element(self) -> DataType:
        """Element type of an array."""
        return self.children[0]

    @property
    def key(self) -> DataType:
        """Key type of a map."""
        return self.children[0]

    @property
    def value(self) -> DataType:
        """Value type of a map."""
        return self.children[1]

    @property
    def fields(self) -> tuple[tuple[str, DataType], ...]:
        """Names and types of a struct's fields."""
        return tuple(zip(self.field_names, self.children, strict=True))

    def field(self, name: str) -> DataType | None:
        """Return the type of a struct's field by `name`, ignoring case as Spark does, or None."""
        folded = name.casefold()
        return next((t for n, t in self.fields if n.casefold() == folded), None)

    def walk(self) -> Iterator[DataType]:
        """Return this type and all types inside it; what of it stands in many places, once."""
        return self._walk() if self.children else iter((self,))

    def _walk(self) -> Iterator[DataType]:
        todo, seen = [self], set[int]()
        while todo:
            type_ = todo.pop()
            if type_.children:
                if id(type_) in seen:
                    continue
                seen.add(id(type_))
                todo += type_.children
            yield type_

    @property
    def nested_names(self) -> frozenset[str]:
        """Names of the fields of all structs within, casefolded."""
        return frozenset(n.casefold() for t in self.walk() for n in t.field_names)

    @property
    def has_char(self) -> bool:
        """Whether this is a char, whose values are padded, or holds one at any depth."""
        if not self.children:  # most types; binding asks for each column
            return self.name == "char"
        return any(t.name == "char" for t in self.walk())

    @property
    def is_known(self) -> bool:
        """Whether this type and all types inside it are known and readable."""
        if not self.children:
            return self.name not in ("unknown", "unreadable")
        return all(t.name not in ("unknown", "unreadable") for t in self.walk())

    @property
    def unread(self) -> str | None:
        """Why this type, or one inside of it, can't be read; None where nothing says so."""
        return next((t.reason for t in self.walk() if t.name == "unreadable"), None)

    @property
    def is_integer(self) -> bool:
        """Whether this is a whole-number type (tinyint, smallint, int, bigint)."""
        return self.name in INTEGER_BITS

    @property
    def is_floating(self) -> bool:
        """Whether this is float or double."""
        return self.name in ("float", "double")

    @property
    def is_numeric(self) -> bool:
        """Whether this is an integer, floating or decimal type."""
        return self.is_integer or self.is_floating or self.name == "decimal"

    @property
    def is_text(self) -> bool:
        """Whether this is string, char or varchar."""
        return self.name in ("string", "char", "varchar")


def _quote(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else f"`{name.replace('`', '``')}`"


MOST_DIGITS: Final = 38
"""Digits that a decimal has at most."""

INTEGER_BITS: Final = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}

BOOLEAN: Final = DataType("boolean")
TINYINT: Final = DataType("tinyint")
SMALLINT: Final = DataType("smallint")
INT: Final = DataType("int")
BIGINT: Final = DataType("bigint")
FLOAT: Final = DataType("float")
DOUBLE: Final = DataType("double")
STRING: Final = DataType("string")
BINARY: Final = DataType("binary")
DATE: Final = DataType("date")
TIMESTAMP: Final = DataType("timestamp")
TIMESTAMP_NTZ: Final = DataType("timestamp_ntz")
INTERVAL: Final = DataType("interval")
VOID: Final = DataType("void")
UNKNOWN: Final = DataType("unknown")


def decimal(precision: int = 10, scale: int = 0) -> DataType:
    """Return `decimal(precision,scale)`; Hive and Spark read a bare `decimal` as (10,0)."""
    if not (1 <= precision <= MOST_DIGITS and 0 <= scale <= precision):
        raise ValueError(f"decimal({precision},{scale}): need 1 <= precision <= 38, scale <= it")
    return DataType("decimal", precision=precision, scale=scale)


def array(element: DataType) -> DataType:
    """Return `array<element>`."""
    return DataType("array", children=(element,))


def map_of(key: DataType, value: DataType) -> DataType:
    """Return `map<key,value>`."""
    return DataType("map", children=(key, value))


def struct(*fields: tuple[str, DataType]) -> DataType:
    """Return `struct<name:type,...>`."""
    return DataType(
        "struct", children=tuple(t for _, t in fields), field_names=tuple(n for n, _ in fields)
    )


def interval(first: str, last: str) -> DataType:
    """Return `interval first to last`, e.g. `interval day to second`."""
    return DataType("interval", field_names=(first,) if first == last else (first, last))


def unreadable(text: str, reason: str) -> DataType:
    """Return the mark of a type that no engine here reads, e.g. Hive's `uniontype`."""
    return DataType("unreadable", reason=f"{text}: {reason}")


class FieldType(StrEnum):
    """What a model's field is, as its author thinks of it."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    STRING = "string"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    TENSOR = "tensor"
    VECTOR = "vector"
    DICT = "dict"
    ARRAY = "array"


def feeds(source: DataType, field: FieldType) -> str | None:
    """Return None where a column of type `source` holds `field` without loss, else why not.

    The reason ends in what to write instead, with `{column}` standing for the column's name.
    """
    if source.name == "unknown":
        return None  # decided on the first batch, by its Arrow type
    if source.unread is not None:
        return f"the column can't be read: {source.unread}"
    match field:
        case FieldType.BOOLEAN:
            fits = source == BOOLEAN
            write = "CAST({column} AS BOOLEAN)" if source.is_text else "{column} <> 0"
        case FieldType.NUMERIC:
            fits, write = source.is_numeric, "CAST({column} AS DOUBLE)"
        case FieldType.CATEGORICAL:
            fits = source.is_text or source.is_integer or source == BOOLEAN
            write = "CAST({column} AS STRING)"
        case FieldType.STRING | FieldType.TEXT:
            fits, write = source.is_text, "CAST({column} AS STRING)"
        case FieldType.DATETIME:
            fits = source.name in ("timestamp", "date")
            write = datetime_cast(source)
        case FieldType.TENSOR | FieldType.VECTOR:
            fits = source.name == "array" and _innermost(source).is_numeric
            write = "TRANSFORM({column}, x -> CAST(x AS DOUBLE))"
        case FieldType.ARRAY:
            fits, write = source.name == "array", "ARRAY({column})"
        case FieldType.DICT:
            fits = source.name == "map" and source.key.is_text and source.value.is_numeric
            write = dict_cast(source)
    return None if fits else f"{source} does not hold {field} without loss; write {write}"


def dict_cast(source: DataType) -> str:
    """Return the Spark SQL that makes numbers by name of a `{column}` of type `source`."""
    if source.name == "array" and source.element.is_text:
        return "MAP_FROM_ARRAYS({column}, TRANSFORM({column}, x -> 1D)), where each is in it once"
    if source.name == "map" and source.key.is_text:
        return "TRANSFORM_VALUES({column}, (k, v) -> CAST(v AS DOUBLE))"
    if source.name == "map":
        return "TRANSFORM_KEYS({column}, (k, v) -> CAST(k AS STRING))"
    return "MAP('name', CAST(... AS DOUBLE), ...), a name and a number for each"


def datetime_cast(source: DataType) -> str:
    """Return the Spark SQL that makes a timestamp of a `{column}` of type `source`."""
    if source.is_text:
        return "CAST({column} AS TIMESTAMP)"
    if source.is_integer:
        return (
            "TIMESTAMP_SECONDS({column}) for epoch seconds, TIMESTAMP_MILLIS({column}) for millis"
        )
    if source == TIMESTAMP_NTZ:
        return (
            "CAST({column} AS TIMESTAMP) if it is in UTC, else TO_UTC_TIMESTAMP({column}, 'zone')"
        )
    return "TIMESTAMP_SECONDS({column})"


def _innermost(type_: DataType) -> DataType:
    while type_.name == "array":
        type_ = type_.element
    return type_
