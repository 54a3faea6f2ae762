"""Parquet footers as a bundle keeps them: what a reader needs of them, and no text of a row.

A footer tells the least and greatest value of each column, which are values of rows: a salary, a
number that is somebody's. Those of times stay, and whole numbers that can be moments, for rules of
time partitions are held against them. It tells what its writer put beside: of that stays what types
and calendars follow from. Of the format's own fields stay those that are known to tell no more. The
rest is as it was written, with the columns renamed where names are.

Source: Apache Parquet, `parquet.thrift`; Apache Thrift, "Thrift Compact Protocol".
"""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from headwater.interfaces.recording import footer_length

if TYPE_CHECKING:
    import pyarrow as pa

MAGIC: Final = b"PAR1"
LARGEST: Final = 2**20
"""Bytes of a footer that is kept: that of a file with a thousand columns and some row groups."""
_LEVELS: Final = 32

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)

Fields = list[tuple[int, int, Any]]
"""Of a struct: number, type and value of each field."""

_KEPT: Final = (
    b"ARROW:schema", b"org.apache.spark.version", b"org.apache.spark.timeZone",
    b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96", b"writer.model.name",
    b"writer.time.zone",
)  # fmt: skip
"""Keys of what is put beside, of which no value is a person's."""
_SHORT: Final = 80
"""Bytes of such a value: a version, a zone, or nothing."""
_PLAIN_WRITER: Final = re.compile(
    r"[\w.\-]+(?: version)? ?v?[\d.]+[\w.\-+]*(?: \(build [0-9a-f]*\))?"
)
_KNOWN_WRITER: Final = re.compile(
    r"(?i)(parquet-(mr|cpp|cpp-arrow|rs)|duckdb|impala|trino|fastparquet|polars|delta-rs|"
    r"datafusion|pyiceberg|athena|presto|spark|photon)\b"
)
"""Writers that anybody may use; another one's name is somebody's own."""
_FILE: Final = frozenset(range(1, 8))
_ELEMENT: Final = frozenset(range(1, 11))
_GROUP: Final = frozenset(range(1, 8))
_CHUNK: Final = frozenset(range(2, 8))
_COLUMN: Final = frozenset((*range(1, 8), *range(9, 16)))
_STATISTICS: Final = frozenset(range(1, 9))
"""Fields of each struct that are kept: a writer may put others there, with anything in them."""
_TEXTS: Final = (6, 7)
"""Physical types whose values are texts or bytes: BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY."""
_INTEGERS: Final = (1, 2)
_TIMES: Final = (6, 9, 10)
"""Converted types of dates and timestamps."""
_LOGICAL_TIMES: Final = (6, 8)
_BOUNDS: Final = (1, 2, 5, 6)
"""Fields of `Statistics` that hold values: max, min, max_value, min_value."""


class FooterError(ValueError):
    """A footer that can't be kept; the message says why."""


@dataclass(frozen=True, slots=True)
class KeptFooter:
    """A footer as it is kept.

    Args:
        content: Its bytes, with its length and the format's mark behind it.
        rows: Rows of the file, as it says.
        columns: Paths of its columns.
        names: Each name in its schema.
    """

    content: bytes
    rows: int
    columns: tuple[str, ...]
    names: tuple[str, ...]


def kept_footer(
    footer: bytes,
    name: Callable[[str], str] | None = None,
    text: Callable[[str], str] = lambda text: text,
) -> KeptFooter:
    """Return a footer as a bundle keeps it.

    Args:
        footer: It, with its length and the format's mark behind it.
        name: Gives another name for a column's; None leaves names, and bounds that can be moments.
        text: What is done to other texts.

    Raises:
        FooterError: If it can't be read, is encrypted, or is far too large.
    """
    if len(footer) > LARGEST:
        raise FooterError(f"it has {len(footer):,} bytes")
    if footer_length(footer) != len(footer):
        raise FooterError("it does not end as one")
    try:
        meta = _Reader(footer[:-8]).struct(0)
        return _kept_footer(meta, name, text)
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


def _kept_footer(
    meta: Fields, name: Callable[[str], str] | None, text: Callable[[str], str]
) -> KeptFooter:
    numbers = {number for number, _, _ in meta}
    if numbers & {8, 9}:
        raise FooterError("it is encrypted")
    new_name = name or (lambda one: one)
    elements: list[Fields] = _member(meta, 2)[1]
    times = [_is_time(e) for e in elements if not _member(e, 5)]
    for element in elements:
        _keep_members(element, _ELEMENT)
    for element in elements[:1]:
        _set_member(element, 4, b"schema")  # a writer's own name for it, which no reader looks at
    names = tuple(_member(element, 4).decode() for element in elements[1:])
    for element, own in zip(elements[1:], names, strict=True):
        _set_member(element, 4, new_name(own).encode())
    columns: dict[str, None] = {}
    for group in (_member(meta, 4) or (0, []))[1]:
        _keep_members(group, _GROUP)
        chunks: list[Fields] = _member(group, 1)[1]
        for place, chunk in enumerate(chunks):
            if {8, 9} & {number for number, _, _ in chunk}:
                raise FooterError("a column is encrypted")
            _keep_members(chunk, _CHUNK)
            column: Fields = _member(chunk, 3)
            path = [new_name(p.decode()) for p in _member(column, 3)[1]]
            columns[".".join(path)] = None
            _set_member(column, 3, (_BINARY, [p.encode() for p in path]))
            _keep_members(column, _COLUMN)
            statistics = _member(column, 12)
            if not statistics:
                continue
            _keep_members(statistics, _STATISTICS)
            physical = _member(column, 1)
            is_time = place < len(times) and times[place] and physical not in _TEXTS
            if not is_time and (name is not None or not _are_moments(physical, statistics)):
                statistics[:] = [f for f in statistics if f[0] not in _BOUNDS]
    _keep_members(meta, _FILE)
    meta[:] = [f for f in meta if f[0] != 5 or _keep_needed_metadata(f[2][1], name)]
    writer = _member(meta, 6)
    if writer is not None:
        _set_member(
            meta, 6, _writer(text(writer.decode("utf-8", "replace")), name is not None).encode()
        )
    content = _written(meta)
    ending = struct.pack("<I", len(content)) + MAGIC
    return KeptFooter(content + ending, _member(meta, 3), tuple(columns), names)


def _keep_members(fields: Fields, numbers: frozenset[int]) -> None:
    fields[:] = [f for f in fields if f[0] in numbers]


def _are_moments(physical: int, statistics: Fields) -> bool:
    """Return whether all bounds are whole numbers that can be moments."""
    if physical not in _INTEGERS:
        return False
    bounds = [value for number, _, value in statistics if number in _BOUNDS]
    return all(can_be_moment(int.from_bytes(b, "little", signed=True)) for b in bounds)


def can_be_moment(number: object) -> bool:
    """Return whether a number can be a moment since 1970, of a time that monitoring looks at.

    Seconds have ten digits then: nine are as many as those that a state gives to people, and an
    area code begins with a digit that the next thousand million seconds do not.

    Args:
        number: Seconds, milli-, micro- or nanoseconds, from late 2001 to 2033.
    """
    return type(number) is int and any(
        10**9 * unit <= number <= 2 * 10**9 * unit for unit in (1, 10**3, 10**6, 10**9)
    )


def _writer(writer: str, anonymous: bool) -> str:
    """Return the name and version of a file's writer, by which readers know its quirks."""
    match = _PLAIN_WRITER.match(writer)
    if match is None or (anonymous and not _KNOWN_WRITER.match(writer)):
        return ""
    return match[0][:200]


def _keep_needed_metadata(pairs: list[Fields], name: Callable[[str], str] | None) -> bool:
    """Remove metadata except what types and calendars depend on; return whether any is left."""
    needed = []
    for pair in pairs:
        key = _member(pair, 1)
        if key not in _KEPT or (key != b"ARROW:schema" and len(_member(pair, 2) or b"") > _SHORT):
            continue
        if key == b"ARROW:schema":
            schema = _arrow_schema(_member(pair, 2), name)
            if schema is None:
                continue
            _set_member(pair, 2, schema)
        needed.append(pair)
    pairs[:] = needed
    return bool(needed)


def _arrow_schema(written: bytes, name: Callable[[str], str] | None) -> bytes | None:
    """Return Arrow's own schema without further metadata; None if it can't be read."""
    import pyarrow as pa

    try:
        schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(written)))
        plain = pa.schema([_bare_field(f, name) for f in schema])
        return base64.b64encode(plain.serialize().to_pybytes())
    except (pa.ArrowException, ValueError, OSError):
        return None


def _bare_field(field: pa.Field[Any], name: Callable[[str], str] | None) -> pa.Field[Any]:
    """Return a field, renamed, without its metadata and that of its children."""
    import pyarrow as pa

    type_: Any = field.type
    if pa.types.is_struct(type_):
        type_ = pa.struct([_bare_field(type_.field(n), name) for n in range(type_.num_fields)])
    elif pa.types.is_map(type_):
        key, item = (_bare_field(one, name) for one in (type_.key_field, type_.item_field))
        sorted_: Any = type_.keys_sorted
        type_ = pa.map_(cast("Any", key), cast("Any", item), sorted_)
    elif pa.types.is_list(type_):
        type_ = pa.list_(_bare_field(type_.value_field, name))
    elif pa.types.is_large_list(type_):
        type_ = pa.large_list(_bare_field(type_.value_field, name))
    elif pa.types.is_fixed_size_list(type_):
        type_ = pa.list_(_bare_field(type_.value_field, name), type_.list_size)
    elif pa.types.is_nested(type_) or isinstance(type_, pa.BaseExtensionType):
        raise ValueError(f"a field of type {type_} may hold more than is known")
    return pa.field(name(field.name) if name is not None else field.name, type_, field.nullable)


def _is_time(element: Fields) -> bool:
    logical = _member(element, 10)
    return _member(element, 6) in _TIMES or bool(logical and logical[0][0] in _LOGICAL_TIMES)


def _member(fields: Fields, number: int) -> Any:
    return next((value for n, _, value in fields if n == number), None)


def _set_member(fields: Fields, number: int, value: Any) -> None:
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
