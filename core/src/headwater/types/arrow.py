"""Column types as Arrow types, and back: what an engine's batches are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headwater import types as t
from headwater.errors import UnsupportedError
from headwater.types import DataType

if TYPE_CHECKING:
    import pyarrow as pa


def kernel(function: str, *values: Any) -> Any:
    """Call one of Arrow's compute functions, with the options that it has by default.

    `pyarrow.compute` makes a Python function of each of 280 when it is imported: in a short
    process that takes longer than to read the first rows. All of them end in this call.

    Args:
        function: Its name there, e.g. `min_max`.
        values: Arrays, and what else it takes.
    """
    try:
        from pyarrow._compute import call_function
    except ImportError:  # another version's: it is no promised home
        from pyarrow.compute import call_function

    return call_function(function, list(values))


def cast(values: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any]:
    """Cast an array, as its method does, without `pyarrow.compute` (see `kernel`).

    A value that the type does not hold is an error.

    Args:
        values: The array.
        type_: The type.
    """
    try:
        from pyarrow._compute import CastOptions, call_function
    except ImportError:  # another version's: it is no promised home
        return values.cast(type_)

    cast_values: pa.Array[Any] = call_function("cast", [values], CastOptions.safe(type_))
    return cast_values


def arrow_type(type_: DataType) -> pa.DataType:
    """Return the Arrow type in which Spark hands over values of a type.

    Timestamps are in microseconds and in UTC; chars and varchars are strings.

    Args:
        type_: A column's type.

    Raises:
        UnsupportedError: If values of that type can't be handed over (intervals, `unknown`).
    """
    import pyarrow as pa

    match type_.name:
        case "boolean":
            return pa.bool_()
        case "tinyint":
            return pa.int8()
        case "smallint":
            return pa.int16()
        case "int":
            return pa.int32()
        case "bigint":
            return pa.int64()
        case "float":
            return pa.float32()
        case "double":
            return pa.float64()
        case "string" | "char" | "varchar":
            return pa.string()
        case "binary":
            return pa.binary()
        case "date":
            return pa.date32()
        case "timestamp":
            return pa.timestamp("us", tz="UTC")
        case "timestamp_ntz":
            return pa.timestamp("us")
        case "void":
            return pa.null()
        case "decimal" if type_.precision is not None and type_.scale is not None:
            return pa.decimal128(type_.precision, type_.scale)
        case "array":
            return pa.list_(arrow_type(type_.element))
        case "map":
            return pa.map_(arrow_type(type_.key), arrow_type(type_.value))
        case "struct":
            return pa.struct([pa.field(n, arrow_type(c)) for n, c in type_.fields])
        case _:
            raise UnsupportedError(
                f"values of type {type_} can't be handed over as Arrow",
                hint="cast the column in the query, or leave it out",
            )


_LEAVES = {
    "bool": t.BOOLEAN,
    "int8": t.TINYINT,
    "int16": t.SMALLINT,
    "int32": t.INT,
    "int64": t.BIGINT,
    "uint8": t.SMALLINT,
    "uint16": t.INT,
    "uint32": t.BIGINT,
    "uint64": t.decimal(20, 0),
    "float": t.FLOAT,
    "double": t.DOUBLE,
    "string": t.STRING,
    "large_string": t.STRING,
    "string_view": t.STRING,
    "binary": t.BINARY,
    "large_binary": t.BINARY,
    "binary_view": t.BINARY,
    "date32[day]": t.DATE,
    "date64[ms]": t.DATE,
    "null": t.VOID,
}


def data_type(type_: pa.DataType) -> DataType:
    """Return the column type that holds an Arrow type's values without loss.

    A type that has no such column type (time of day, durations, unions) comes back unreadable.

    Args:
        type_: The type of a field of an Arrow schema.
    """
    import pyarrow as pa

    if leaf := _LEAVES.get(str(type_)):
        return leaf
    if pa.types.is_dictionary(type_):
        return data_type(type_.value_type)
    if pa.types.is_decimal(type_) and type_.precision <= 38 and type_.scale >= 0:
        return t.decimal(type_.precision, type_.scale)
    if pa.types.is_timestamp(type_):
        return t.TIMESTAMP if type_.tz else t.TIMESTAMP_NTZ
    if pa.types.is_fixed_size_binary(type_):
        return t.BINARY
    if (
        pa.types.is_list(type_)
        or pa.types.is_large_list(type_)
        or pa.types.is_fixed_size_list(type_)
    ):
        return t.array(data_type(type_.value_type))
    if pa.types.is_map(type_):
        return t.map_of(data_type(type_.key_type), data_type(type_.item_type))
    if pa.types.is_struct(type_):
        return t.struct(*((f.name, data_type(f.type)) for f in type_))
    return t.unreadable(str(type_), "no Spark SQL type holds it")
