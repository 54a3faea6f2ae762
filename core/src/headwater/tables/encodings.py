"""Encodings of text files other than UTF-8: those of one byte a character, read alike everywhere.

Java's tables and Python's of these are the same, character by character, where a byte stands for
one; a byte that stands for none is an error here, and a replacement character to Hive. In all of
them the bytes of ASCII stand for themselves, so lines and fields are cut as ever. Encodings of
several bytes a character are not among them: Spark decodes them no more.

Source: Apache Hive, AbstractEncodingAwareSerDe; Java 17, "Supported Encodings".
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Final

from headwater.errors import UnsupportedError

_PARTS: Final = {
    "iso8859-": (1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 15, 16),
    "cp": (437, 850, 852, 858, 866, *range(1250, 1259)),
    "koi8-": ("r", "u"),
    "ascii": ("",),
}
_KNOWN: Final = frozenset(f"{begin}{end}" for begin, ends in _PARTS.items() for end in ends)
"""Python's names of them."""
_UTF_8: Final = "utf-8"
_WIDE: Final = ("utf-16", "utf-32")
_MARKS: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
UNDEFINED: Final = "\ufffd"


def codec(declared: str) -> str | None:
    """Return Python's name of an encoding; empty for UTF-8, None for one that is not read here."""
    name = _python_name(declared) if declared.strip() else _UTF_8
    if name == _UTF_8:
        return ""
    return name if name in _KNOWN else None


def wide_codec(declared: str) -> str | None:
    """Return Python's name of UTF-16 or UTF-32, in which no byte ends a line; None for others."""
    name = _python_name(declared)
    return name if name is not None and name.startswith(_WIDE) else None


def byte_order(name: str, head: bytes) -> str:
    """Return the name of an encoding that says in which order bytes stand.

    Java takes bytes without a mark of their order for big-endian, Python for the machine's own.

    Args:
        name: What `codec` or `wide_codec` gave.
        head: The first four bytes, or all there are.
    """
    if name in _WIDE and not head.startswith(_MARKS[name]):
        return f"{name}-be"
    return name


def _python_name(declared: str) -> str | None:
    try:
        return codecs.lookup(declared.strip()).name
    except (LookupError, ValueError):  # of a name with a zero byte, too
        return None


def of_header(options: Mapping[str, str]) -> str:
    """Return Python's name of what a CSV file's header is in; a mark before UTF-8 is taken off.

    Args:
        options: The reader options of the files.

    Raises:
        UnsupportedError: If it is not read here.
    """
    declared = declared_in(options)
    if (name := codec(declared)) is None:
        raise UnsupportedError(
            f"a header in the encoding {declared!r} is not read", hint="declare the columns"
        )
    return name or "utf-8-sig"


def declared_in(options: Mapping[str, str]) -> str:
    """Return the encoding that Spark's reader options declare; empty if they declare none."""
    named = {key.lower(): value for key, value in options.items()}
    return named.get("encoding", named.get("charset", ""))


def characters(name: str) -> str:
    """Return the character of each of the 256 bytes in an encoding; `UNDEFINED` where it has none.

    Args:
        name: What `codec` gave.
    """
    return bytes(range(256)).decode(name, errors="replace")
