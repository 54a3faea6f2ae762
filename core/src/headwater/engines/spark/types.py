"""Spark's types: from a session's schema to `DataType`, and columns to a reader's schema."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from headwater import types as t
from headwater.engines.misfits import PART, SHOWN
from headwater.errors import UnsupportedError
from headwater.sql.rewriting import quoted, text_literal
from headwater.sql.typing.rules import read_as
from headwater.tables.table import Column
from headwater.types import DataType
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa


def data_type(type_: Any) -> DataType:
    """Return the type that a `pyspark.sql.types.DataType` is."""
    from pyspark.sql import types as st

    match type_:
        case st.ArrayType():
            return t.array(data_type(type_.elementType))
        case st.MapType():
            return t.map_of(data_type(type_.keyType), data_type(type_.valueType))
        case st.StructType():
            return t.struct(*((f.name, data_type(f.dataType)) for f in type_.fields))
        case st.DecimalType():
            return t.decimal(type_.precision, type_.scale)
        case st.CharType() | st.VarcharType():
            return DataType(type_.typeName(), precision=type_.length)
        case st.DayTimeIntervalType() | st.YearMonthIntervalType() | st.CalendarIntervalType():
            return t.INTERVAL
        case _:
            return _ATOMS.get(type_.simpleString(), t.unreadable(type_.simpleString(), "unknown"))


_ATOMS = {
    type_.name: type_
    for type_ in (
        t.BOOLEAN,
        t.TINYINT,
        t.SMALLINT,
        t.INT,
        t.BIGINT,
        t.FLOAT,
        t.DOUBLE,
        t.STRING,
        t.BINARY,
        t.DATE,
        t.TIMESTAMP,
        t.TIMESTAMP_NTZ,
        t.VOID,
    )
}


def arrow_schema(schema: Any) -> pa.Schema:
    """Return the Arrow schema of a DataFrame's batches.

    Args:
        schema: The DataFrame's `StructType`.

    Raises:
        UnsupportedError: If a column's type can't be handed over; names the column.
    """
    import pyarrow as pa

    fields = []
    for column in schema.fields:
        try:
            fields.append(pa.field(column.name, arrow_type(data_type(column.dataType))))
        except UnsupportedError as error:
            raise UnsupportedError(
                f"column {column.name!r}: {error.message}", hint=error.hint
            ) from None
    return pa.schema(fields)


def ddl(columns: Iterable[Column]) -> str:
    """Return columns as the text of a Spark schema, e.g. `` `id` bigint, `name` string ``."""
    return ", ".join(f"{quoted(c.name)} {c.type}" for c in columns)


def unpadded(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return columns as a reader takes them: it refuses char and varchar, at any depth."""
    return tuple(replace(c, type=read_as(c.type)) for c in columns)


def literal(text: str | None) -> str:
    """Return a text as a Spark SQL string literal, or NULL."""
    return "NULL" if text is None else text_literal(text)


def whole(shape: str) -> str:
    """Return a pattern that the whole of a text must be of, as a Spark SQL literal."""
    return literal(f"\\A(?:{shape})\\z")


def raised(
    what: str,
    *,
    table: object,
    value: str,
    file: str,
    column: str = "",
    kind: str = "''",
) -> str:
    """Return an expression that fails a query with an error of headwater's (`failures`).

    Args:
        what: What is wrong.
        table: Whose value it is.
        value: The value, as SQL.
        file: The path of its file, as SQL.
        column: The column that the value is for; empty where it is of a whole line.
        kind: What the value is, as SQL; chooses the hint (`misfits`).
    """
    head = literal(f"headwater: {what}{PART}{table}{PART}{column}{PART}")
    shown = f"coalesce(left(CAST({value} AS string), {SHOWN + 1}), '')"
    part = literal(PART)
    return f"raise_error(concat({head}, {kind}, {part}, {file}, {part}, {shown}, {part}))"
