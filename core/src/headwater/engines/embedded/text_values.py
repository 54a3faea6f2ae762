"""Texts of text formats as typed values: NULL where Spark, or Hive, gives NULL.

A text that the readers take alike is converted; one that no reader takes is NULL; one on which they
may differ (a leading plus before a float, another date shape) raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.sql.portable.raising import not_portable
from headwater.sql.portable.spelling import cast, null, text, type_name
from headwater.types import INTEGER_BITS, DataType

_DATE: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_NUMBER: Final = "-?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
_PLAIN: Final = "-?[0-9]{1,17}([.][0-9]{0,20})?"


def converted(value: str, type_: DataType) -> str | None:
    """Return a DuckDB expression for a text as a value of a type, or None where none is known.

    Args:
        value: DuckDB expression of the text; NULL stays NULL.
        type_: The column's type.
    """
    if type_.name == "string":
        return value
    if type_.name == "varchar" and type_.precision:
        return f"left({value}, {type_.precision})"
    build = _BUILDERS.get(type_.name)
    return build(value, type_) if build else None


def _case(
    value: str, type_: DataType, parts: list[tuple[str, str]], hopeless: str, odd: str = ""
) -> str:
    """CASE over shapes of a text: those that are read, those that are NULL; others raise."""
    other = not_portable(f"a text that may or may not be a value of type {type_}", type_)
    shapes = [*parts, *([(odd, other)] if odd else [])]
    whens = " ".join(f"WHEN regexp_full_match({value}, {text(s)}) THEN {e}" for s, e in shapes)
    return (
        f"CASE WHEN {value} IS NULL THEN {null(type_)} {whens} "
        f"WHEN regexp_full_match({value}, {text(hopeless)}) THEN {null(type_)} ELSE {other} END"
    )


_LETTERS: Final = "[A-Za-z_ ./:-]*"
"""Texts without a digit: no number and no time, whichever reader looks at them."""


def _integer(value: str, type_: DataType) -> str:
    made = f"TRY_CAST({value} AS {type_name(type_)})"
    return _case(value, type_, [("-?[0-9]{1,19}", made)], _LETTERS)


def _floating(value: str, type_: DataType) -> str:
    parts = [(_NUMBER, cast(value, type_)), ("NaN", cast("'nan'", type_))]
    return _case(value, type_, parts, "[A-Za-z_./:-]*", odd="[+-]?(NaN|Inf|Infinity)")


def _decimal(value: str, type_: DataType) -> str:
    made = f"TRY_CAST(CAST({value} AS DECIMAL(38,20)) AS {type_name(type_)})"
    return _case(value, type_, [(_PLAIN, made)], _LETTERS)


def _boolean(value: str, type_: DataType) -> str:
    parts = [("(?i)true", "true"), ("(?i)false", "false")]
    return _case(value, type_, parts, "|\\S(.|\\n)*", odd="(?i)([tfyn01]|yes|no|on|off|.*\\s)")


def _date(value: str, type_: DataType) -> str:
    return _case(value, type_, [(_DATE, f"TRY_CAST({value} AS DATE)")], _LETTERS)


def _timestamp(value: str, type_: DataType) -> str:
    made = f"TRY_CAST({value} AS {type_name(type_)})"
    return _case(value, type_, [(f"{_DATE} {_TIME}", made)], _LETTERS)


_BUILDERS: Final[dict[str, Callable[[str, DataType], str]]] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "float": _floating,
    "double": _floating,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp_ntz": _timestamp,
}
