"""Parquet footers as a bundle keeps them: what a reader needs of them, and no text of a row.

A footer tells the least and greatest value of each column: those of texts are values of rows, and
go; those of numbers and times stay. It tells what its writer put beside: of that stays what types
and calendars follow from. The rest is as it was written, with the columns renamed where names are.

Source: Apache Parquet, `parquet.thrift`; Apache Thrift, "Thrift Compact Protocol".
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

MAGIC: Final = b"PAR1"
LARGEST: Final = 2**20
"""Bytes of a footer that is kept: that of a file with a thousand columns and some row groups."""
_LEVELS: Final = 32

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)

Fields = list[tuple[int, int, Any]]
"""Of a struct: number, type and value of each field."""

_KEPT: Final = (b"ARROW:schema", b"org.apache.spark.", b"writer.model.name", b"writer.time.zone")
_SPARK_SCHEMA: Final = b"org.apache.spark.sql.parquet.row.metadata"
_TEXTS: Final = (6, 7)
"""Physical types whose values are texts or bytes: BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY."""
_TIMES: Final = (6, 9, 10)
"""Converted types of dates and timestamps."""
_LOGICAL_TIMES: Final = (6, 8)
_BOUNDS: Final = (1, 2, 5, 6)
"""Fields of `Statistics` that hold values: max, min, max_value, min_value."""


class FooterError(ValueError):
    """It is no footer that can be kept; says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A footer as it is kept.

    Args:
        content: Its bytes, with its length and the format's mark behind it.
        rows: Rows of the file, as it says.
        columns: Paths of its columns.
    """

    content: bytes
    rows: int
    columns: tuple[str, ...]


def kept(
    footer: bytes,
    name: Callable[[str], str] | None = None,
    text: Callable[[str], str] = lambda text: text,
) -> Kept:
    """Return a footer as a bundle keeps it.

    Args:
        footer: It, with its length and the format's mark behind it.
        name: Gives another name for a column's; None leaves names, and the bounds of numbers.
        text: What is done to other texts.

    Raises:
        FooterError: If it can't be read, is encrypted, or is far too large.
    """
    if len(footer) > LARGEST:
        raise FooterError(f"it has {len(footer):,} bytes")
    if footer[-4:] != MAGIC or int.from_bytes(footer[-8:-4], "little") != len(footer) - 8:
        raise FooterError("it does not end as one")
    try:
        meta = _Reader(footer[:-8]).struct(0)
        return _kept(meta, name, text)
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        struct.error,
        UnicodeError,
    ) as error:
        raise FooterError(f"it can't be read: {error}") from None


def _kept(meta: Fields, name: Callable[[str], str] | None, text: Callable[[str], str]) -> Kept:
    found = {number for number, _, _ in meta}
    if found & {8, 9}:
        raise FooterError("it is encrypted")
    given = name or (lambda one: one)
    elements: list[Fields] = _of(meta, 2)[1]
    times = [_is_time(e) for e in elements if not _of(e, 5)]
    for element in elements[1:]:
        _put(element, 4, given(_of(element, 4).decode()).encode())
    columns: dict[str, None] = {}
    for group in (_of(meta, 4) or (0, []))[1]:
        chunks: list[Fields] = _of(group, 1)[1]
        for place, chunk in enumerate(chunks):
            if {8, 9} & {number for number, _, _ in chunk}:
                raise FooterError("a column is encrypted")
            chunk[:] = [f for f in chunk if f[0] != 1]
            column: Fields = _of(chunk, 3)
            path = [given(p.decode()) for p in _of(column, 3)[1]]
            columns[".".join(path)] = None
            _put(column, 3, (_BINARY, [p.encode() for p in path]))
            column[:] = [f for f in column if f[0] not in (8, 16, 17)]
            statistics = _of(column, 12)
            time = place < len(times) and times[place]
            hidden = _of(column, 1) in _TEXTS or (name is not None and not time)
            if statistics and hidden:
                statistics[:] = [f for f in statistics if f[0] not in _BOUNDS]
    meta[:] = [f for f in meta if f[0] != 5 or _put_beside(f[2][1], name)]
    writer = _of(meta, 6)
    if writer is not None:
        _put(meta, 6, text(writer.decode("utf-8", "replace"))[:200].encode())
    content = _written(meta)
    return Kept(content + struct.pack("<I", len(content)) + MAGIC, _of(meta, 3), tuple(columns))


def _put_beside(pairs: list[Fields], name: Callable[[str], str] | None) -> bool:
    """Leave what types and calendars follow from of what a writer put beside; tell if any."""
    left = []
    for pair in pairs:
        key = _of(pair, 1)
        if not key.startswith(_KEPT) or key == _SPARK_SCHEMA:
            continue
        if key == b"ARROW:schema":
            schema = _arrow_schema(_of(pair, 2), name)
            if schema is None:
                continue
            _put(pair, 2, schema)
        left.append(pair)
    pairs[:] = left
    return bool(left)


def _arrow_schema(written: bytes, name: Callable[[str], str] | None) -> bytes | None:
    """Return Arrow's own schema without what else is filed with it; None if it can't be read."""
    import pyarrow as pa

    def bare(field: pa.Field[Any]) -> pa.Field[Any]:
        renamed = field.remove_metadata()
        return renamed.with_name(name(field.name)) if name is not None else renamed

    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))
        if name is not None and any(pa.types.is_nested(f.type) for f in schema):
            return None  # the names in there are the file's own schema's, too
        plain = pa.schema([bare(f) for f in schema])
        return base64.b64encode(plain.serialize().to_pybytes())
    except (pa.ArrowException, ValueError, OSError):
        return None


def _is_time(element: Fields) -> bool:
    logical = _of(element, 10)
    return _of(element, 6) in _TIMES or bool(logical and logical[0][0] in _LOGICAL_TIMES)


def _of(fields: Fields, number: int) -> Any:
    return next((value for n, _, value in fields if n == number), None)


def _put(fields: Fields, number: int, value: Any) -> None:
    fields[:] = [(n, t, value if n == number else v) for n, t, v in fields]


class _Reader:
    """Reads the compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self, level: int) -> Fields:
        """Read a struct."""
        if level > _LEVELS:
            raise ValueError("it nests too deep")
        fields: Fields = []
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 0x0F
            number = number + step if step else self._zigzag()
            fields.append((number, kind, self._value(kind, level + 1, in_list=False)))
        return fields

    def _value(self, kind: int, level: int, *, in_list: bool) -> Any:
        match kind:
            case 1 | 2:
                return self._byte() if in_list else None
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._zigzag()
            case 7:
                return self._bytes(8)
            case 8:
                return self._bytes(self._varint())
            case 9 | 10:
                head = self._byte()
                size, of = head >> 4, head & 0x0F
                size = self._varint() if size == 15 else size
                if size > len(self._data):
                    raise ValueError("a list is longer than it can be")
                return of, [self._value(of, level, in_list=True) for _ in range(size)]
            case 12:
                return self.struct(level)
        raise ValueError(f"it has a field of type {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, length: int) -> bytes:
        if length > len(self._data) - self._at:
            raise ValueError("a text is longer than it can be")
        self._at += length
        return self._data[self._at - length : self._at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number is longer than it can be")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def _written(fields: Fields) -> bytes:
    out = bytearray()
    last = 0
    for number, kind, value in fields:
        step = number - last
        if 0 < step < 16:
            out.append(step << 4 | kind)
        else:
            out.append(kind)
            out += _varint_of(_zigzag_of(number))
        last = number
        out += _value_of(kind, value, in_list=False)
    out.append(0)
    return bytes(out)


def _value_of(kind: int, value: Any, *, in_list: bool) -> bytes:
    match kind:
        case 1 | 2:
            return bytes([value]) if in_list else b""
        case 3:
            return bytes([value])
        case 4 | 5 | 6:
            return _varint_of(_zigzag_of(value))
        case 7:
            return bytes(value)
        case 8:
            return _varint_of(len(value)) + bytes(value)
        case 9 | 10:
            of, items = value
            size = len(items)
            head = bytes([size << 4 | of]) if size < 15 else bytes([0xF0 | of]) + _varint_of(size)
            return head + b"".join(_value_of(of, item, in_list=True) for item in items)
    return _written(value)


def _zigzag_of(value: int) -> int:
    return (value << 1) ^ (value >> 63)


def _varint_of(value: int) -> bytes:
    out = bytearray()
    value &= 2**64 - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
