"""Casts that mean the same in Trino and in Spark (ANSI): by type, and what equality rests on."""

from __future__ import annotations

from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater.types import INTEGER_BITS, DataType
from headwater.untrusted.texts import whole_number
from headwater_glue.query.athena.values import Typed, as_decimal, refuse

_TYPES: Final = {
    exp.DType.BOOLEAN: t.BOOLEAN,
    exp.DType.TINYINT: t.TINYINT,
    exp.DType.SMALLINT: t.SMALLINT,
    exp.DType.INT: t.INT,
    exp.DType.BIGINT: t.BIGINT,
    exp.DType.FLOAT: t.FLOAT,
    exp.DType.DOUBLE: t.DOUBLE,
    exp.DType.VARCHAR: t.STRING,
    exp.DType.DATE: t.DATE,
    exp.DType.TIMESTAMP: t.TIMESTAMP,
}

RESTS_ON: Final = {
    "integer to integer, double, decimal, varchar": "nothing: both raise on overflow",
    "real to double": "nothing",
    "decimal to double, or to a decimal that holds it": "nothing",
    "boolean to varchar": "nothing",
    "date to varchar or timestamp": "nothing",
    "timestamp to date": "nothing",
    "varchar to integer, double, date, timestamp, boolean":
        "texts that Trino reads: Spark also reads blanks around them and shorter dates, where "
        "Trino raises; TRY_CAST, which gives NULL there, is carried over to integers only",
}  # fmt: skip


def cast(value: Typed, node: exp.Cast) -> Typed:
    """Return a CAST or TRY_CAST with Trino's answer, or refuse it."""
    to = spark_type(node.args["to"])
    lenient = isinstance(node, exp.TryCast)
    if lenient and value.type.is_text:
        if not to.is_integer:
            refuse(node, f"TRY_CAST of a text as {to}: Spark reads texts that Trino does not")
        plain = f"{value.text} RLIKE '^[+-]?[0-9]+$'"
        return Typed(f"IF({plain}, try_cast({value.text} AS {to}), NULL)", to)
    if not _means_the_same(value.type, to):
        refuse(node, f"CAST of {value.type} as {to}: {_why(value.type, to)}")
    if value.type == to:
        return value
    return Typed(f"{'try_cast' if lenient else 'CAST'}({value.text} AS {to})", to)


def spark_type(node: exp.DataType) -> DataType:
    """Return Spark's type for one of Trino's, where the two hold the same values."""
    numbers = [whole_number(p.name) for p in node.expressions if isinstance(p, exp.DataTypeParam)]
    sizes = [n for n in numbers if n is not None]
    if len(sizes) < len(numbers):
        refuse(node, "a type of a size that is no number")
    if node.this == exp.DType.DECIMAL:
        try:
            return t.decimal(*(sizes or [38, 0])[:2])
        except ValueError as error:
            refuse(node, f"the type {error}")
    if node.this == exp.DType.TIMESTAMP and sizes not in ([], [3]):
        refuse(node, f"timestamp({sizes[0]}): Athena keeps milliseconds")
    if node.this == exp.DType.VARCHAR and sizes:
        refuse(node, f"a cast as varchar({sizes[0]}), which cuts texts off")
    type_ = _TYPES.get(node.this)
    if type_ is None:
        refuse(node, f"the type {node.this.value.lower()}")
    return type_


def _means_the_same(from_: DataType, to: DataType) -> bool:
    if from_ == to or from_ == t.VOID:
        return True
    if from_.is_integer:
        return to.name in (*INTEGER_BITS, "double", "decimal", "string")
    if from_.name == "decimal":
        return to == t.DOUBLE or (to.name == "decimal" and _holds(to, from_))
    if from_.is_text:
        return to.name in (*INTEGER_BITS, "double", "date", "timestamp", "boolean", "string")
    return (from_.name, to.name) in {
        ("float", "double"),
        ("boolean", "string"),
        ("date", "string"),
        ("date", "timestamp"),
        ("timestamp", "date"),
    }


def _holds(to: DataType, from_: DataType) -> bool:
    wide, narrow = as_decimal(to), as_decimal(from_)
    if wide is None or narrow is None:
        return False
    whole = (wide.precision or 0) - (wide.scale or 0)
    needed = (narrow.precision or 0) - (narrow.scale or 0)
    return whole >= needed and (wide.scale or 0) >= (narrow.scale or 0)


def _why(from_: DataType, to: DataType) -> str:
    if to.is_integer:
        return "Trino rounds, Spark cuts off"
    if to == t.STRING:
        return "the engines write it differently"
    return "the engines do it differently"
