"""Numbers and documents in texts that others wrote: read, or refused in a way that is expected.

Python's own readers were made for one's own texts: `int` raises over 4,300 digits, and over `²`,
which `str.isdigit` takes for a digit; `Decimal` makes a gigabyte of `1e999999999`; `json` recurses,
and reads `NaN` and halves of characters. So a text of somebody else's is read here.
"""

from __future__ import annotations

import io
import json
import re
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from headwater.untrusted import limits

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,9}))?")
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_ESCAPED_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
_NESTING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_PIECE: Final = 1 << 20


class ForeignTextError(ValueError):
    """A text of somebody else's can't be read; says why, in words for an error's message."""


def whole_number(text: str) -> int | None:
    """Return a whole number in decimal digits, or None if a text is none that means anything."""
    if len(text) > limits.NUMBER_CHARACTERS or not _WHOLE.fullmatch(text):
        return None
    return int(text)


def decimal_number(text: str) -> Decimal | None:
    """Return an exact number, perhaps with a point and an exponent; None as `whole_number`."""
    match = _DECIMAL.fullmatch(text) if len(text) <= limits.NUMBER_CHARACTERS else None
    if match is None or abs(int(match[1] or 0)) > limits.EXPONENT:
        return None
    return Decimal(text)


def is_whole(text: str) -> bool:
    """Return whether a text is a number without sign, point or exponent that can be read."""
    return text.isascii() and text.isdigit() and len(text) <= limits.NUMBER_CHARACTERS


def has_halves(text: str) -> bool:
    """Return whether a text holds a half of a surrogate pair, which no encoding can write."""
    return not text.isascii() and _HALF.search(text) is not None


def json_value(
    content: str | bytes,
    *,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """Return what a JSON document says.

    Args:
        content: The document, as text or in UTF-8.
        pairs: Makes an object of its names and values; a dict, if nothing else is asked for.

    Raises:
        json.JSONDecodeError: If it is not JSON.
        ForeignTextError: If it nests too deep, is no UTF-8, or holds a number, a constant or
            a character that no other program takes.
    """
    if isinstance(content, bytes):
        try:
            content = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ForeignTextError(f"it is not UTF-8 text: byte {error.start}") from None
    _check_nesting(content)
    value = json.loads(
        content, object_pairs_hook=pairs, parse_int=_integer, parse_float=_float,
        parse_constant=_constant,
    )  # fmt: skip
    if (_ESCAPED_HALF.search(content) or has_halves(content)) and _any_half(value):
        raise ForeignTextError("it holds a half of a character (a lone surrogate)")
    return value


def packed_json(content: bytes) -> Any:
    """Return what the JSON of a table's metadata says, packed by gzip or not.

    Raises:
        json.JSONDecodeError, ForeignTextError: As `json_value` and `unzipped`.
    """
    if content[:2] == b"\x1f\x8b":
        content = unzipped(content, limits.METADATA_BYTES)
    elif len(content) > limits.METADATA_BYTES:
        raise ForeignTextError(f"it has more than {limits.METADATA_BYTES:,} bytes")
    return json_value(content)


def unzipped(content: bytes, most: int) -> bytes:
    """Return what a gzip file holds.

    Args:
        content: The file.
        most: Bytes that are taken at most.

    Raises:
        ForeignTextError: If it holds more, or is no gzip file.
    """
    source = io.BytesIO(content)
    parts: list[bytes] = []
    size = 0
    reader = zlib.decompressobj(wbits=31)
    try:
        while piece := reader.unconsumed_tail or source.read(_PIECE):
            part = reader.decompress(piece, _PIECE)
            size += len(part)
            if size > most:
                raise ForeignTextError(f"unpacked it has more than {most:,} bytes")
            parts.append(part)
            if reader.eof:
                break
    except zlib.error as error:
        raise ForeignTextError(f"it is no gzip file: {error}") from None
    if not reader.eof:
        raise ForeignTextError("it is a gzip file that was cut")
    return b"".join(parts)


def _check_nesting(text: str) -> None:
    if text.count("[") + text.count("{") <= limits.JSON_LEVELS:
        return
    depth = 0
    for match in _NESTING.finditer(text):
        first = match.group()[0]
        if first in "[{":
            depth += 1
            if depth > limits.JSON_LEVELS:
                raise ForeignTextError(f"it nests deeper than {limits.JSON_LEVELS} levels")
        elif first in "]}":
            depth -= 1


def _integer(text: str) -> int:
    number = whole_number(text)
    if number is None:
        raise ForeignTextError(f"it holds a number of {len(text):,} digits")
    return number


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ForeignTextError(f"it holds the number {text[:40]}, which is none of any type")
    return number


def _constant(text: str) -> Any:
    raise ForeignTextError(f"it holds {text}, which is not JSON")


def _any_half(value: Any) -> bool:
    match value:
        case str():
            return has_halves(value)
        case dict():
            return any(has_halves(str(k)) or _any_half(v) for k, v in value.items())
        case list() | tuple():
            return any(_any_half(v) for v in value)
        case _:
            return False
