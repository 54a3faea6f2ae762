"""Texts of text formats as typed values: NULL where Spark, or Hive, gives NULL.

A text that the readers take alike is converted; one that no reader takes is NULL; one on which they
may differ (a leading plus before a float, another date shape) raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headwater.engines import text_shapes as shapes
from headwater.engines.embedded.misfits import Misfits
from headwater.sql.portable.raising import NOT_PORTABLE
from headwater.sql.portable.spelling import cast, null, text, type_name
from headwater.tables.table import Column
from headwater.types import INTEGER_BITS, DataType


def converted(value: str, column: Column, misfits: Misfits) -> str | None:
    """Return a DuckDB expression for a text as a value of a column, or None where none is known.

    Args:
        value: DuckDB expression of the text; NULL stays NULL.
        column: The column.
        misfits: Tells of texts on which readers differ.
    """
    type_ = column.type
    if type_.name == "string":
        return value
    if type_.name == "varchar" and type_.precision:
        return f"left({value}, {type_.precision})"
    build = _BUILDERS.get(type_.name)
    if build is None:
        return None
    what = f"a text that may or may not be a value of type {type_}"
    kind = text(f"{type_} text")
    return build(
        value,
        type_,
        misfits.raised(NOT_PORTABLE, what, value, type_, column=column.name, kind=kind),
    )


def _case(
    value: str,
    type_: DataType,
    other: str,
    parts: list[tuple[str, str]],
    hopeless: str,
    odd: str = "",
) -> str:
    """CASE over shapes of a text: those that are read, those that are NULL; others raise."""
    shapes = [*parts, *([(odd, other)] if odd else [])]
    whens = " ".join(f"WHEN regexp_full_match({value}, {text(s)}) THEN {e}" for s, e in shapes)
    return (
        f"CASE WHEN {value} IS NULL THEN {null(type_)} {whens} "
        f"WHEN regexp_full_match({value}, {text(hopeless)}) THEN {null(type_)} ELSE {other} END"
    )


def _integer(value: str, type_: DataType, other: str) -> str:
    number = f"TRY_CAST({value} AS {type_name(type_)})"
    return _case(value, type_, other, [(shapes.INTEGER, number)], shapes.NO_DIGIT)


def _floating(value: str, type_: DataType, other: str) -> str:
    parts = [(shapes.NUMBER, cast(value, type_)), ("NaN", cast("'nan'", type_))]
    return _case(value, type_, other, parts, shapes.NOT_A_FLOAT, odd=shapes.SPECIAL_FLOAT)


def _decimal(value: str, type_: DataType, other: str) -> str:
    number = f"TRY_CAST(CAST({value} AS DECIMAL(38,20)) AS {type_name(type_)})"
    return _case(value, type_, other, [(shapes.DECIMAL, number)], shapes.NO_DIGIT)


def _boolean(value: str, type_: DataType, other: str) -> str:
    parts = [("(?i)true", "true"), ("(?i)false", "false")]
    return _case(value, type_, other, parts, shapes.NOT_A_BOOLEAN, odd=shapes.SOME_BOOLEAN)


def _date(value: str, type_: DataType, other: str) -> str:
    date = f"TRY_CAST({value} AS DATE)"
    return _case(value, type_, other, [(shapes.DATE, date)], shapes.NO_DIGIT)


def _timestamp(value: str, type_: DataType, other: str) -> str:
    timestamp = f"TRY_CAST({value} AS {type_name(type_)})"
    return _case(
        value, type_, other, [(f"{shapes.DATE} {shapes.TIME}", timestamp)], shapes.NO_DIGIT
    )


_BUILDERS: Final[dict[str, Callable[[str, DataType, str], str]]] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "float": _floating,
    "double": _floating,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp_ntz": _timestamp,
}
