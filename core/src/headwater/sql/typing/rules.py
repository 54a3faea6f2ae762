"""Spark's typing rules for literals, operators and the widening of several values to one type.

Where Spark would refuse, or where no rule is known here, the answer is `unknown`: never a guess.
What makes a type out of arguments of a function is in `functions.results`.

Source: Apache Spark 4.1, `AnsiTypeCoercion`, `DecimalPrecisionTypeCoercion`, `AstBuilder`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import reduce
from typing import Final

from headwater import types as t
from headwater.types import DataType
from headwater.untrusted.texts import decimal_number

_NUMBER: Final = re.compile(r"(-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")
_SUFFIXES: Final = {
    "L": t.BIGINT,
    "S": t.SMALLINT,
    "Y": t.TINYINT,
    "F": t.FLOAT,
    "D": t.DOUBLE,
}
_WHOLE_DIGITS: Final = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 20}
_WIDTH: Final = ("tinyint", "smallint", "int", "bigint", "float", "double")
_LEAST_SCALE: Final = 6
_YEAR_MONTH: Final = ("year", "month")
_DAY_TIME: Final = ("day", "hour", "minute", "second")


def number(text: str) -> DataType:
    """Return the type of a number as written, sign and suffix included.

    Args:
        text: e.g. `1`, `3000000000`, `1.5`, `1e0`, `-1L`, `1.5BD`.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        return t.UNKNOWN
    digits, suffix = match[1], match[2].upper()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if suffix != "BD" and "e" in digits.lower():
        return t.DOUBLE
    decimal = decimal_number(digits)
    if decimal is None:
        return t.UNKNOWN
    if suffix == "BD" or "." in digits:
        return exact(decimal)
    value = int(decimal)
    if -(2**31) <= value < 2**31:
        return t.INT
    return t.BIGINT if -(2**63) <= value < 2**63 else exact(decimal)


def exact(value: Decimal) -> DataType:
    """Return the smallest decimal type that holds a value as written."""
    _, digits, exponent = value.as_tuple()
    scale = -int(exponent)
    if scale < 0:
        precision, scale = len(digits) - scale, 0
    else:
        precision = max(len(digits), scale)
    return t.decimal(precision, scale) if precision <= t.MOST_DIGITS else t.UNKNOWN


def as_decimal(type_: DataType) -> DataType | None:
    """Return the decimal type that holds every value of a decimal or whole-number type."""
    if type_.name == "decimal":
        return type_
    digits = _WHOLE_DIGITS.get(type_.name)
    return t.decimal(digits, 0) if digits else None


def wider(types: Iterable[DataType]) -> DataType:
    """Return the one type to which Spark widens the values of CASE, COALESCE, UNION, array()."""
    all_types = list(types)
    if not all_types:
        return t.VOID
    # In their order, as ANSI Spark: a string and a smallint make a bigint, that and a decimal a
    # decimal; a smallint and a decimal make a decimal, that and a string a double.
    return reduce(_wider_of_two, all_types)


def _wider_of_two(left: DataType, right: DataType) -> DataType:
    if left == right:
        return left
    if "unknown" in (left.name, right.name):
        return t.UNKNOWN
    if left == t.VOID:
        return right
    if right == t.VOID:
        return left
    if left.is_numeric and right.is_numeric:
        return _wider_number(left, right)
    if left.name == right.name and left.children:
        return _wider_nested(left, right)
    if left.name == right.name == "interval":
        return _wider_interval(left, right)
    if t.STRING in (left, right):
        return _wider_with_string(left, right)
    return _wider_time(left, right)


def _wider_number(left: DataType, right: DataType) -> DataType:
    if "decimal" in (left.name, right.name):
        if left.is_floating or right.is_floating:
            return t.DOUBLE
        a, b = as_decimal(left), as_decimal(right)
        return _wider_decimal(a, b) if a and b else t.UNKNOWN
    widest = max(left, right, key=lambda x: _WIDTH.index(x.name))
    # A whole number and a float meet in double: float would lose digits.
    return t.DOUBLE if widest == t.FLOAT else widest


def _digits(type_: DataType) -> tuple[int, int]:
    return type_.precision or 0, type_.scale or 0


def _wider_decimal(left: DataType, right: DataType) -> DataType:
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    scale, whole = max(s1, s2), max(p1 - s1, p2 - s2)
    if whole + scale <= t.MOST_DIGITS:
        return t.decimal(whole + scale, scale)
    return t.decimal(t.MOST_DIGITS, max(0, scale - (whole + scale - t.MOST_DIGITS)))


def _wider_nested(left: DataType, right: DataType) -> DataType:
    if left.name == "struct":
        same = [n.casefold() for n in left.field_names] == [n.casefold() for n in right.field_names]
        if not same:
            return t.UNKNOWN
    children = [_wider_of_two(a, b) for a, b in zip(left.children, right.children, strict=True)]
    if any(c.name == "unknown" for c in children):
        return t.UNKNOWN
    return DataType(left.name, children=tuple(children), field_names=left.field_names)


def _wider_interval(left: DataType, right: DataType) -> DataType:
    for units in (_YEAR_MONTH, _DAY_TIME):
        if set(left.field_names) <= set(units) and set(right.field_names) <= set(units):
            fields = sorted({*left.field_names, *right.field_names}, key=units.index)
            return t.interval(fields[0], fields[-1]) if fields else t.UNKNOWN
    return t.UNKNOWN


def _wider_with_string(left: DataType, right: DataType) -> DataType:
    other = right if left == t.STRING else left
    if other.is_integer:
        return t.BIGINT
    if other.is_numeric:
        return t.DOUBLE
    if other.name in ("date", "timestamp", "timestamp_ntz", "boolean", "binary"):
        return other
    return t.UNKNOWN


def _wider_time(left: DataType, right: DataType) -> DataType:
    names = {left.name, right.name}
    if "timestamp" in names and names <= {"date", "timestamp", "timestamp_ntz"}:
        return t.TIMESTAMP
    if names == {"date", "timestamp_ntz"}:
        return t.TIMESTAMP_NTZ
    return t.UNKNOWN


def adjusted(precision: int, scale: int) -> DataType:
    """Return a decimal type for the exact digits of a result, cut to what Spark can hold.

    Beyond 38 digits Spark keeps the whole part and at least 6 digits after the point.
    """
    if precision <= t.MOST_DIGITS:
        return t.decimal(precision, scale)
    least = min(scale, _LEAST_SCALE)
    return t.decimal(t.MOST_DIGITS, max(t.MOST_DIGITS - (precision - scale), least))


def arithmetic(operator: str, left: DataType, right: DataType) -> DataType:
    """Return the type of `left operator right`.

    Args:
        operator: `+ - * / % div`.
        left: Type of the left operand. A whole-number literal next to a decimal has the decimal
            type of its digits; that is the caller's to say.
        right: Type of the right operand.
    """
    if "unknown" in (left.name, right.name):
        return t.UNKNOWN
    if operator in "+-" and not (left.is_numeric and right.is_numeric):
        timely = _time_arithmetic(operator, left, right)
        if timely is not None:
            return timely
    if "interval" in (left.name, right.name):
        return _interval_scaling(operator, left, right)
    left, right = _numbers(left, right)
    if not (left.is_numeric and right.is_numeric):
        return t.DOUBLE if left == right == t.VOID and operator != "div" else t.UNKNOWN
    return _number_arithmetic(operator, left, right)


def _numbers(left: DataType, right: DataType) -> tuple[DataType, DataType]:
    """Strings and NULLs next to a number become numbers."""
    if left == t.STRING and right == t.STRING:
        return t.UNKNOWN, t.UNKNOWN
    if left == t.STRING:
        left = t.BIGINT if right.is_integer else t.DOUBLE if right.is_numeric else left
    if right == t.STRING:
        right = t.BIGINT if left.is_integer else t.DOUBLE if left.is_numeric else right
    if left == t.VOID:
        left = right
    if right == t.VOID:
        right = left
    return left, right


def _number_arithmetic(operator: str, left: DataType, right: DataType) -> DataType:
    if operator == "div":
        return t.BIGINT if not (left.is_floating or right.is_floating) else t.UNKNOWN
    if left.is_floating or right.is_floating:
        if operator == "/":
            return t.DOUBLE
        return left if left == right else _wider_number(left, right)
    if "decimal" in (left.name, right.name):
        a, b = as_decimal(left), as_decimal(right)
        return _decimal_arithmetic(operator, a, b) if a and b else t.UNKNOWN
    if operator == "/":
        return t.DOUBLE
    return left if left == right else _wider_number(left, right)


def _decimal_arithmetic(operator: str, left: DataType, right: DataType) -> DataType:
    (p1, s1), (p2, s2) = _digits(left), _digits(right)
    match operator:
        case "+" | "-":
            scale = max(s1, s2)
            return adjusted(max(p1 - s1, p2 - s2) + scale + 1, scale)
        case "*":
            return adjusted(p1 + p2 + 1, s1 + s2)
        case "/":
            scale = max(_LEAST_SCALE, s1 + p2 + 1)
            return adjusted(p1 - s1 + s2 + scale, scale)
        case _:
            scale = max(s1, s2)
            return adjusted(min(p1 - s1, p2 - s2) + scale, scale)


def _time_arithmetic(operator: str, left: DataType, right: DataType) -> DataType | None:
    if right.name == "interval" and left.name != "interval":
        return _shifted(left, right)
    if left.name == "interval" and right.name != "interval":
        return _shifted(right, left) if operator == "+" else t.UNKNOWN
    if left.name == right.name == "interval":
        return _wider_interval(left, right) if left.field_names and right.field_names else left
    times = ("date", "timestamp", "timestamp_ntz")
    if left.name not in times and right.name not in times:
        return None
    if operator == "-" and left.name in times and right.name in times:
        both_dates = left == right == t.DATE
        return t.interval("day", "day") if both_dates else t.interval("day", "second")
    small = ("tinyint", "smallint", "int")
    if left == t.DATE and right.name in small:
        return t.DATE
    if right == t.DATE and left.name in small and operator == "+":
        return t.DATE
    return t.UNKNOWN


def _shifted(moment: DataType, interval: DataType) -> DataType:
    units = interval.field_names
    if moment == t.DATE:
        if not units or set(units) <= {*_YEAR_MONTH, "day"}:
            return t.DATE if units else t.UNKNOWN
        return t.TIMESTAMP
    return moment if moment.name in ("timestamp", "timestamp_ntz") else t.UNKNOWN


def _interval_scaling(operator: str, left: DataType, right: DataType) -> DataType:
    interval, other = (left, right) if left.name == "interval" else (right, left)
    if operator == "div" and left.name == right.name:
        return t.BIGINT
    if not other.is_numeric or not (operator == "*" or (operator == "/" and interval is left)):
        return t.UNKNOWN
    units = _YEAR_MONTH if set(interval.field_names) <= set(_YEAR_MONTH) else _DAY_TIME
    return t.interval(units[0], units[-1]) if interval.field_names else interval


def bitwise(left: DataType, right: DataType) -> DataType:
    """Return the type of `left & right`, `|` and `^`."""
    if left == right and left.is_integer:
        return left
    if left.is_integer and right.is_integer:
        return _wider_number(left, right)
    return t.UNKNOWN


def joined(types: Sequence[DataType]) -> DataType:
    """Return the type of `a || b` and `concat(a, b, ...)`."""
    if any(x.name == "unknown" for x in types) or not types:
        return t.STRING if not types else t.UNKNOWN
    if any(x.name == "array" for x in types):
        type_ = wider(types)
        return type_ if type_.name == "array" else t.UNKNOWN
    if any(x.name in ("map", "struct", "interval") for x in types):
        return t.UNKNOWN
    return t.BINARY if all(x == t.BINARY for x in types) else t.STRING


def picked(container: DataType, key: DataType, literal: str | None) -> DataType:
    """Return the type of `container[key]`; `literal` is the key's text where it is a string."""
    match container.name:
        case "array":
            return container.element if key.is_integer or key == t.VOID else t.UNKNOWN
        case "map":
            return container.value
        case "struct":
            return (container.field(literal) or t.UNKNOWN) if literal is not None else t.UNKNOWN
        case _:
            return t.UNKNOWN


def field_of(container: DataType, name: str) -> DataType | None:
    """Return the type of `container.name`, or None where there is no such field.

    A field of an array of structs is the array of that field; `map.key` reads the key.
    """
    match container.name:
        case "unknown" | "unreadable":
            return t.UNKNOWN
        case "struct":
            return container.field(name)
        case "array" if container.element.name == "struct":
            type_ = container.element.field(name)
            return t.array(type_) if type_ is not None else None
        case "map":
            return container.value
        case _:
            return None


def read_as(type_: DataType) -> DataType:
    """Return the type of a stored column in a query: Spark reads char and varchar as string."""
    return _read_as(type_, {})


def _read_as(type_: DataType, known: dict[int, DataType]) -> DataType:
    """Return it; `known` holds what types within are read as: one may stand in many places."""
    if type_.name in ("char", "varchar"):
        return t.STRING
    if not type_.children:
        return type_
    read = known.get(id(type_))
    if read is None:
        children = tuple(_read_as(c, known) for c in type_.children)
        unchanged = all(map(operator.is_, children, type_.children))
        read = (
            type_
            if unchanged
            else DataType(type_.name, children=children, field_names=type_.field_names)
        )
        known[id(type_)] = read
    return read


def has_map(type_: DataType) -> bool:
    """Return whether a map is in a type: it makes values that can't be compared or ordered."""
    return any(part.name == "map" for part in type_.walk())
