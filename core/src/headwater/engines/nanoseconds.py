"""Timestamps in nanoseconds: Spark's have microseconds, so they are whole ones, or refused, or cut.

pandas writes nanoseconds by default, and most of its values are whole microseconds: these are read
as they are. A value that is none can't be told without losing something; whoever says so
(`nanoseconds: truncate`) gets the microsecond in which it lies, before 1970 too, as Spark reads
INT96 and ORC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import DataError, EngineError
from headwater.types import TIMESTAMP, TIMESTAMP_NTZ, DataType

if TYPE_CHECKING:
    import pyarrow as pa

CODE = "nanoseconds"
HINT: Final = (
    'say nanoseconds="truncate" (in a file nanoseconds: truncate) at the source, and each '
    "timestamp is the microsecond in which it lies; or leave the column out of the query"
)
_A_MICROSECOND: Final = 1000

Array: TypeAlias = "Any"
"""A `pyarrow.Array` or `ChunkedArray` of a type that only the data tells."""


class UnreadError(EngineError):
    """A file's column may be in nanoseconds: the engine should look, and read it in another way."""


def error(where: str, column: str, value: str) -> DataError:
    """Return the error for a value that is no whole microsecond.

    Args:
        where: Its table, and its file or row as far as they are known.
        column: The column.
        value: The value, with its nanoseconds.
    """
    return DataError(
        f"{where}: column {column!r} holds {value}, which is no whole microsecond, and Spark's "
        "timestamps have no nanoseconds",
        code=CODE,
        hint=HINT,
    )


def note(table: object, column: str, where: str, *, truncate: bool) -> Diagnostic:
    """Return what a read should say of a column in nanoseconds.

    Args:
        table: Whose column it is.
        column: The column.
        where: A file that holds it, or "its rows".
        truncate: Whether nanoseconds are cut off.
    """
    subject = f"{table}: column {column!r} holds timestamps in nanoseconds ({where}); "
    if truncate:
        return Diagnostic(
            CODE,
            f"{subject}each is read as the microsecond in which it lies, as the source asks",
            Severity.WARNING,
        )
    return Diagnostic(
        CODE,
        f"{subject}they are read as long as each is a whole microsecond, else the read fails",
        Severity.INFO,
        hint=HINT,
    )


def holds(type_: Any) -> bool:
    """Return whether an Arrow type has nanoseconds somewhere."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        return holds(type_.value_type)
    if pa.types.is_timestamp(type_):
        return bool(type_.unit == "ns")
    return any(holds(type_.field(i).type) for i in range(type_.num_fields))


def whole(array: Array, where: str, column: str, *, truncate: bool, first: int | None = 0) -> Array:
    """Return an array whose nanoseconds are whole microseconds; its type stays.

    Args:
        array: A column's values.
        where: Whose they are, for the error.
        column: The column.
        truncate: Whether nanoseconds are cut off; else one is an error.
        first: The number of the array's first row; None where rows are not counted.

    Raises:
        DataError: With code `nanoseconds`, if a value is no whole microsecond and is not cut.
    """
    import pyarrow as pa

    if not holds(array.type):
        return array
    if isinstance(array, pa.ChunkedArray):
        chunks, row = [], first
        for chunk in array.chunks:
            chunks.append(whole(chunk, where, column, truncate=truncate, first=row))
            row = None if row is None else row + len(chunk)
        return pa.chunked_array(chunks, array.type) if chunks else array
    if _odd(array) is None:
        return array
    if truncate:
        try:
            return _cut(array)
        except pa.ArrowInvalid:
            pass  # its microsecond begins before the first nanosecond that there is, in 1677
    place = _first_row(array)
    if first is not None:
        where = f"{where}, row {first + place + 1}"
    raise error(where, column, _odd(array[place : place + 1]) or "")


def _first_row(array: Array) -> int:
    """Return the first row that holds a value that is no whole microsecond; one does."""
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        if _odd(array[low:middle]) is None:
            low = middle
        else:
            high = middle
    return low


def _odd(array: Array) -> str | None:
    """Return the first value, at any depth, that is no whole microsecond; None if all are."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute

    type_ = array.type
    if not holds(type_):
        return None
    if pa.types.is_dictionary(type_):
        return _odd(array.dictionary_decode())
    if pa.types.is_timestamp(type_):
        place = pc.index(pc.not_equal(_beyond(array), 0), True).as_py()
        return None if place < 0 else _shown(array[place].value)
    # Values below a NULL are nobody's.
    if pa.types.is_struct(type_):
        parts = array.flatten()
    elif pa.types.is_map(type_):
        parts = (pc.list_flatten(array.cast(_entries(type_))),)
    else:
        parts = (pc.list_flatten(array),)
    return next((odd for part in parts if (odd := _odd(part)) is not None), None)


def _shown(value: int) -> str:
    """Return nanoseconds since 1970 as a time.

    >>> _shown(-1)
    '1969-12-31 23:59:59.999999999'
    """
    from datetime import UTC, datetime, timedelta

    seconds, rest = divmod(value, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest:09}"


def _beyond(array: Array) -> Array:
    """Return by how many nanoseconds each value is after its microsecond."""
    import pyarrow as pa
    import pyarrow.compute

    pc: Any = pyarrow.compute
    numbers = array.cast(pa.int64())
    toward_zero = pc.subtract(
        numbers, pc.multiply(pc.divide(numbers, _A_MICROSECOND), _A_MICROSECOND)
    )
    below = pc.less(toward_zero, 0)
    return pc.if_else(below, pc.add(toward_zero, _A_MICROSECOND), toward_zero)


def _cut(array: Array) -> Array:
    """Return an array with its nanoseconds cut off, at any depth."""
    import pyarrow as pa
    import pyarrow.compute

    kinds: Any = pa
    pc: Any = pyarrow.compute
    type_ = array.type
    if not holds(type_):
        return array
    if pa.types.is_dictionary(type_):
        return kinds.DictionaryArray.from_arrays(array.indices, _cut(array.dictionary))
    if pa.types.is_timestamp(type_):
        return pc.subtract_checked(array.cast(pa.int64()), _beyond(array)).cast(type_)
    if pa.types.is_struct(type_):
        fields = [type_.field(i) for i in range(type_.num_fields)]
        parts = [_cut(array.field(i)) for i in range(type_.num_fields)]
        return kinds.StructArray.from_arrays(parts, fields=fields, mask=array.is_null())
    if pa.types.is_fixed_size_list(type_):
        begin, size = array.offset * type_.list_size, len(array) * type_.list_size
        values = _cut(array.values[begin : begin + size])
        return kinds.FixedSizeListArray.from_arrays(values, type=type_, mask=array.is_null())
    # New offsets: pyarrow takes no mask beside a slice of others.
    zero = pa.scalar(0, array.offsets.type)
    offsets = pc.add(array.offsets, zero)
    if pa.types.is_map(type_):
        keys, items = _cut(array.keys), _cut(array.items)
        return kinds.MapArray.from_arrays(offsets, keys, items, type_, mask=array.is_null())
    lists = kinds.LargeListArray if pa.types.is_large_list(type_) else kinds.ListArray
    return lists.from_arrays(offsets, _cut(array.values), type_, mask=array.is_null())


def _entries(type_: Any) -> pa.DataType:
    import pyarrow as pa

    fields = [pa.field("key", type_.key_type, nullable=False), pa.field("value", type_.item_type)]
    return pa.list_(pa.field("entries", pa.struct(fields), nullable=False))


def is_time(type_: DataType) -> bool:
    """Return whether a type has timestamps somewhere: only such a column may hold nanoseconds."""
    return any(part in (TIMESTAMP, TIMESTAMP_NTZ) for part in type_.walk())
