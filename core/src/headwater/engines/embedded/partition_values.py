"""Partition values: the texts of a catalog as typed DuckDB constants."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from headwater.errors import EngineError
from headwater.partitions.values import comparable
from headwater.sql.portable.spelling import cast, null, text
from headwater.tables.table import Column, TableName
from headwater.types import INTEGER_BITS, DataType
from headwater.untrusted.texts import decimal_number, whole_number


def literal(value: str | None, column: Column, table: TableName) -> str:
    """Return a partition value as a DuckDB constant of the column's type.

    Args:
        value: As the catalog has it, unescaped; None is the NULL partition.
        column: The partition column.
        table: Whose, for the error.

    Raises:
        EngineError: If the text is not a value of that type, or the type can't be a key's.
    """
    if value is None:
        return null(column.type)
    try:
        read = _READERS[column.type.name]
    except KeyError:
        raise EngineError(
            f"embedded engine: partition column {column.name!r} of {table} is {column.type}, "
            "which can't be a partition key",
            code="partition-value",
        ) from None
    try:
        return cast(text(read(value, column.type)), column.type)
    except (ValueError, InvalidOperation, OverflowError):
        raise EngineError(
            f"embedded engine: table {table} has a partition with {column.name}={value!r}, "
            f"which is not a value of type {column.type}",
            code="partition-value",
            hint="correct the partition in the catalog, or declare the column as string",
        ) from None


_TIMESTAMP: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)


def _integer(value: str, type_: DataType) -> str:
    number = whole_number(value.strip())
    if number is None:
        number = _refuse(value)
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    return str(number) if -half <= number < half else str(_refuse(value))


def _decimal(value: str, type_: DataType) -> str:
    number = decimal_number(value.strip())
    if number is None:
        number = Decimal(_refuse(value))
    scale, precision = type_.scale or 0, type_.precision or 0
    if number != round(number, scale):
        _refuse(value)
    if abs(number) >= Decimal(10) ** (precision - scale):
        _refuse(value)
    return f"{number:f}"


def _date(value: str, type_: DataType) -> str:
    # Python reads more spellings of a date than Spark does: 20260131, 2026-W05-6.
    parsed = comparable(value.strip(), type_)
    return parsed.isoformat() if isinstance(parsed, date) else str(_refuse(value))


def _timestamp(value: str, _: DataType) -> str:
    moment = _moment(value)
    return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).isoformat(sep=" ")


def _timestamp_ntz(value: str, _: DataType) -> str:
    moment = _moment(value)
    return moment.isoformat(sep=" ") if moment.tzinfo is None else str(_refuse(value))


def _moment(value: str) -> datetime:
    if not _TIMESTAMP.fullmatch(value.strip()):
        _refuse(value)
    return datetime.fromisoformat(value.strip())


def _boolean(value: str, _: DataType) -> str:
    word = value.strip().lower()
    return word if word in ("true", "false") else str(_refuse(value))


def _float(value: str, _: DataType) -> str:
    return repr(float(value))


def _text(value: str, _: DataType) -> str:
    return value


def _refuse(value: str) -> int:
    raise ValueError(value)


_READERS: Final[dict[str, Callable[[str, DataType], str]]] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp_ntz": _timestamp_ntz,
    "boolean": _boolean,
    "float": _float,
    "double": _float,
    "string": _text,
    "varchar": _text,
    "char": _text,
}
