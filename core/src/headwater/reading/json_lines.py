"""Rows as JSON lines: one object a row, in UTF-8, nothing lost in the writing.

What JSON has no word for is a text: times in ISO 8601, decimals and numbers that are none by their
digits and names (`"NaN"`, `"Infinity"`), bytes in base64. A map is an object, by its keys' text.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from datetime import UTC
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

_Write = Callable[[Any], Any]


class JsonLinesWriter:
    """Writes batches of rows.

    Args:
        file: Where to.
        schema: Schema of the rows.
    """

    def __init__(self, file: IO[bytes], schema: pa.Schema) -> None:
        self._file = file
        self._columns = [(f.name, _writer(f.type)) for f in schema]

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Write the rows of a batch, a line each."""
        columns = [
            (name, [write(v) for v in column.to_pylist()])
            for (name, write), column in zip(self._columns, batch.columns, strict=True)
        ]
        names = [name for name, _ in columns]
        lines = [
            json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, allow_nan=False)
            for row in zip(*(values for _, values in columns), strict=True)
        ]
        if lines:
            self._file.write(("\n".join(lines) + "\n").encode("utf-8", "surrogatepass"))

    def close(self) -> None:
        """Do nothing: a line is whole when it is written."""


def _writer(type_: pa.DataType) -> _Write:
    """Return what makes JSON of a value of a type."""
    import pyarrow as pa

    kinds = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return _writer(type_.storage_type)
    if kinds.is_map(type_):
        key, item = _writer(type_.key_type), _writer(type_.item_type)
        return _optional(lambda pairs: {_key(key(k)): item(v) for k, v in pairs})
    if kinds.is_struct(type_):
        fields = {f.name: _writer(f.type) for f in type_}
        return _optional(lambda value: {name: fields[name](v) for name, v in value.items()})
    if kinds.is_list(type_) or kinds.is_large_list(type_) or kinds.is_fixed_size_list(type_):
        element = _writer(type_.value_type)
        return _optional(lambda values: [element(v) for v in values])
    if kinds.is_floating(type_):
        return _optional(_number)
    if kinds.is_decimal(type_):
        return _optional(lambda value: format(value, "f"))
    if kinds.is_timestamp(type_):
        return _optional(_moment)
    if kinds.is_binary(type_) or kinds.is_large_binary(type_) or kinds.is_fixed_size_binary(type_):
        return _optional(lambda value: base64.b64encode(value).decode("ascii"))
    if kinds.is_date(type_) or kinds.is_time(type_):
        return _optional(lambda value: value.isoformat())
    if kinds.is_integer(type_) or kinds.is_boolean(type_) or kinds.is_null(type_):
        return lambda value: value
    return _optional(str)


def _optional(write: _Write) -> _Write:
    return lambda value: None if value is None else write(value)


def _key(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: float) -> Any:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _moment(value: Any) -> str:
    """Return a time; one with a zone is told in UTC."""
    if value.tzinfo is None:
        return str(value.isoformat())
    return str(value.astimezone(UTC).isoformat()).replace("+00:00", "Z")
