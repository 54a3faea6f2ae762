"""When two answers are the same: columns, types, and rows with doubles bit for bit."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa

ROUNDING = 1e-9
"""Relative difference that sums and averages of floats may have: their order is not fixed."""


def difference(
    reference: pa.Table, answer: pa.Table, *, ordered: bool = False, rounded: bool = False
) -> str | None:
    """Return the first difference between two answers, or None where they are the same.

    Args:
        reference: Spark's.
        answer: The other engine's.
        ordered: Whether the order of rows counts.
        rounded: Whether floats may differ by rounding (for sums and averages of floats).
    """
    if reference.schema.names != answer.schema.names:
        return f"columns {reference.schema.names} != {answer.schema.names}"
    for ours, theirs in zip(answer.schema, reference.schema, strict=True):
        if plain(ours.type) != plain(theirs.type):
            return f"column {ours.name}: {theirs.type} != {ours.type}"
    if _identical(reference, answer):
        return None
    left, right = _rows(reference), _rows(answer)
    if len(left) != len(right):
        return f"{len(left)} rows != {len(right)} rows"
    if not ordered:
        left, right = sorted(left, key=_key), sorted(right, key=_key)
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        if not (_near(a, b) if rounded else a == b):
            return f"row {number}: {a} != {b}"
    return None


def _identical(reference: pa.Table, answer: pa.Table) -> bool:
    """Whether two answers are the same row by row, told fast; false where it can't be told so.

    Arrow has -0.0 equal to 0.0, and NaN to nothing: floats are left to the slow way.
    """
    floats = any(pa.types.is_floating(leaf) for f in reference.schema for leaf in _leaves(f.type))
    pairs = zip(reference.columns, answer.columns, strict=True)
    return not floats and all(a.equals(b) for a, b in pairs)


def _leaves(type_: pa.DataType) -> Iterator[pa.DataType]:
    if type_.num_fields:
        for index in range(type_.num_fields):
            yield from _leaves(type_.field(index).type)
    else:
        yield type_


def plain(type_: pa.DataType) -> pa.DataType:
    """Return a type without what does not matter: nullability, names of list items."""
    if pa.types.is_list(type_):
        return pa.list_(plain(type_.value_type))
    if pa.types.is_map(type_):
        return pa.map_(plain(type_.key_type), plain(type_.item_type))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(f.name, plain(f.type)) for f in type_])
    return type_


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    # By position: names may repeat.
    columns = [[_value(v) for v in _counted(column).to_pylist()] for column in table.columns]
    return list(zip(*columns, strict=True)) if columns else []


def _counted(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return times as numbers: Python has none beyond the year 9999."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64())
    return column.cast(pa.int32()) if pa.types.is_date32(column.type) else column


def _value(value: Any) -> Any:
    """Return a value that is equal only to what Spark would call the same, -0.0 apart from 0.0."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else struct.pack(">d", value).hex())
    if isinstance(value, Decimal):
        return ("decimal", str(value))
    if isinstance(value, list):
        return tuple(_value(v) for v in value)
    if isinstance(value, tuple):
        return tuple(_value(v) for v in value)
    if isinstance(value, dict):
        return tuple((k, _value(v)) for k, v in value.items())
    if isinstance(value, bool):
        return ("bool", value)
    return value


def _is_float(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and value[0] == "float"


def _number(value: tuple[str, str]) -> float:
    bits = value[1]
    return math.nan if bits == "nan" else float(struct.unpack(">d", bytes.fromhex(bits))[0])


def _key(row: tuple[Any, ...]) -> tuple[str, str]:
    """Return what rows are sorted by: first without the last digits, which may be rounded."""
    return repr(tuple(f"{_number(v):.6e}" if _is_float(v) else v for v in row)), repr(row)


def _near(a: Any, b: Any) -> bool:
    if _is_float(a) and _is_float(b):
        x, y = _number(a), _number(b)
        return a[1] == b[1] or math.isclose(x, y, rel_tol=ROUNDING, abs_tol=ROUNDING)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(_near(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)
