"""Which Parquet types may stand for which column types: exactly where Spark reads, and no further.

Measured on Spark 4.1.4 (`tests/differential/test_files.py` repeats it). Where Spark reads a
value and changes it silently (int32 200 as tinyint is -56), this refuses, or raises on the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from headwater.engines.embedded.formats.parquet_schema import (
    FIXED,
    NANOSECONDS,
    NANOSECONDS_UTC,
    FileColumn,
    by_name,
    is_renamed,
)
from headwater.sql.portable.spelling import cast, name, null, text, type_name
from headwater.types import INTEGER_BITS, DataType

_READS: Final[dict[str, frozenset[str]]] = {
    "BOOLEAN": frozenset({"boolean"}),
    "TINYINT": frozenset({"tinyint", "smallint", "int", "bigint", "double"}),
    "SMALLINT": frozenset({"tinyint", "smallint", "int", "bigint", "double"}),
    "INTEGER": frozenset({"tinyint", "smallint", "int", "bigint", "double"}),
    "BIGINT": frozenset({"bigint"}),
    "UTINYINT": frozenset({"smallint", "int", "bigint", "double"}),
    "USMALLINT": frozenset({"int", "bigint", "double"}),
    "UINTEGER": frozenset({"bigint"}),
    "FLOAT": frozenset({"float", "double"}),
    "DOUBLE": frozenset({"double"}),
    "VARCHAR": frozenset({"string", "char", "varchar", "binary"}),
    "BLOB": frozenset({"binary", "string"}),
    FIXED: frozenset({"binary"}),
    "DATE": frozenset({"date", "timestamp_ntz"}),
    "TIMESTAMP": frozenset({"timestamp", "timestamp_ntz"}),
    "TIMESTAMP WITH TIME ZONE": frozenset({"timestamp", "timestamp_ntz"}),
    NANOSECONDS: frozenset({"timestamp", "timestamp_ntz"}),
    NANOSECONDS_UTC: frozenset({"timestamp", "timestamp_ntz"}),
    "INT96": frozenset({"timestamp", "timestamp_ntz"}),
    "NULL": frozenset({"tinyint", "smallint", "int", "bigint", "double", "date"}),
}
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),(\d+)\)")


class TypeConflictError(ValueError):
    """A file's column can't stand for the table's; the message says why."""


Convert: TypeAlias = "Callable[[FileColumn, str], str]"
"""`(leaf, DuckDB expression of its value) -> expression`, before it is cast."""


def as_it_is(leaf: FileColumn, value: str) -> str:
    """Return a leaf's value as the file holds it."""
    return value


def read_as(column: FileColumn, type_: DataType, value: str, convert: Convert = as_it_is) -> str:
    """Return a DuckDB expression that gives a file's column as the table's type.

    Args:
        column: What the file declares.
        type_: What the table declares.
        value: DuckDB expression that gives the file's value.
        convert: What is done to each leaf.

    Raises:
        TypeConflictError: Where Spark fails too, or changes values silently.
    """
    if column.kind == "leaf":
        return _leaf(column.type, type_, convert(column, value))
    if column.kind == "list" and type_.name == "array":
        (element,) = column.children
        inner = read_as(element, type_.element, "e", convert)
        return value if inner == "e" else f"list_transform({value}, lambda e: {inner})"
    if column.kind == "map" and type_.name == "map":
        return _map(column, type_, value, convert)
    if column.kind == "struct" and type_.name == "struct":
        return _struct(column, type_, value, convert)
    raise TypeConflictError(f"the file holds {column}, the table declares {type_}")


def _map(column: FileColumn, type_: DataType, value: str, convert: Convert) -> str:
    key, item = column.children
    inner = (
        read_as(key, type_.key, "e.key", convert),
        read_as(item, type_.value, "e.value", convert),
    )
    if inner == ("e.key", "e.value"):
        return value
    pairs = f"lambda e: {{'key': {inner[0]}, 'value': {inner[1]}}}"
    converted = f"map_from_entries(list_transform(map_entries({value}), {pairs}))"
    return f"CASE WHEN {value} IS NOT NULL THEN {converted} END"


def _struct(column: FileColumn, type_: DataType, value: str, convert: Convert) -> str:
    parts = []
    same = len(column.children) == len(type_.children)
    children = by_name(column.children)
    for (field_name, child), matches in zip(
        type_.fields, (children[n.casefold()] for n in type_.field_names), strict=True
    ):
        if len(matches) > 1:
            raise TypeConflictError(f"the file has {len(matches)} fields named {field_name!r}")
        if matches and is_renamed(children, matches[0]):
            raise TypeConflictError(
                f"the file has fields whose names differ by case alone, so that DuckDB may call "
                f"another one {matches[0].name!r}"
            )
        if not matches:
            parts.append(f"{text(field_name)}: {null(child)}")
            same = False
            continue
        field = f"struct_extract({value}, {text(matches[0].name)})"
        inner = read_as(matches[0], child, field, convert)
        parts.append(f"{text(field_name)}: {inner}")
        same = same and inner == field and matches[0].name == field_name
    ordered = tuple(c.name for c in column.children) == type_.field_names
    if same and ordered:
        return value
    return f"CASE WHEN {value} IS NOT NULL THEN {{{', '.join(parts)}}} END"


def _leaf(file_type: str, type_: DataType, value: str) -> str:
    if match := _DECIMAL.fullmatch(file_type):
        return _decimal(int(match[1]), int(match[2]), type_, value)
    if type_.name == "decimal":
        return _to_decimal(file_type, type_, value)
    if type_.name not in _READS.get(file_type, frozenset()):
        raise TypeConflictError(f"the file holds {_words(file_type)}, the table declares {type_}")
    if file_type == "NULL":
        return null(type_)
    if file_type == "BLOB" and type_.name == "string":
        # Raises on bytes that are not UTF-8, which Spark would pass on as they are.
        return f"decode({value})"
    if file_type == "VARCHAR" and type_.name == "binary":
        return f"encode({value})"
    if type_.name in INTEGER_BITS and file_type in ("INTEGER", "SMALLINT"):
        return cast(value, type_) if type_name(type_) != file_type else value
    if type_.name == "timestamp_ntz" and _native(file_type) == "TIMESTAMPTZ":
        return f"timezone('UTC', {value})"
    return value if _native(file_type) == type_name(type_) else cast(value, type_)


def _native(file_type: str) -> str:
    return {
        "TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ",
        NANOSECONDS_UTC: "TIMESTAMPTZ",
        NANOSECONDS: "TIMESTAMP",
        "INT96": "TIMESTAMP",
        FIXED: "BLOB",
    }.get(file_type, file_type)


def _decimal(precision: int, scale: int, type_: DataType, value: str) -> str:
    if type_.name == "decimal" and type_.precision is not None and type_.scale is not None:
        wider = type_.scale - scale
        if wider >= 0 and type_.precision - precision >= wider:
            return (
                value
                if (precision, scale) == (type_.precision, type_.scale)
                else cast(value, type_)
            )
    raise TypeConflictError(
        f"the file holds decimal({precision},{scale}), the table declares {type_}"
    )


def _to_decimal(file_type: str, type_: DataType, value: str) -> str:
    digits = {"TINYINT": 10, "SMALLINT": 10, "INTEGER": 10, "BIGINT": 20}.get(file_type)
    whole = (type_.precision or 0) - (type_.scale or 0)
    # Spark reads unsigned 64-bit numbers as exactly one type.
    unsigned = file_type == "UBIGINT" and (type_.precision, type_.scale) == (20, 0)
    if unsigned or (digits is not None and whole >= digits):
        return cast(value, type_)
    raise TypeConflictError(f"the file holds {_words(file_type)}, the table declares {type_}")


def _words(file_type: str) -> str:
    return {
        NANOSECONDS: "timestamps in nanoseconds",
        NANOSECONDS_UTC: "timestamps in nanoseconds",
        "INT96": "an INT96 timestamp",
        "FLOAT16": "16-bit floats, which Spark does not read",
        "NULL": "only NULLs without a type",
        FIXED: "bytes of one length",
    }.get(file_type, file_type.lower())


def missing(column: str, type_: DataType) -> str:
    """Return the NULL that stands for a column that a file does not have."""
    return f"{null(type_)} AS {name(column)}"
