"""Encodings of text files other than UTF-8, read as Java reads them.

Of one byte a character, on both engines: Java's tables and Python's of these are the same where a
byte stands for a character; one that stands for none is an error here, and a replacement character
to Hive. Of several bytes, on the embedded engine: where the tables differ (compared sequence by
sequence) Java's is taken, or it is an error. In all of them the bytes of ASCII that end lines stand
for themselves alone, so lines are cut as ever. Spark's own readers know ISO-8859-1 alone.

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
_MEANT: Final[Mapping[str, Mapping[str, str]]] = {
    "gbk": {"\u2295": "\u2641"},
    "big5": {"\u2574": "\uff3f"},
    "shift_jis": {"\u2015": "\u2014"},
    "euc_jp": {"\u2015": "\u2014"},
}
"""What Java has for a character of Python's."""
_ODD: Final[Mapping[str, Mapping[str, bytes]]] = {
    "big5": {
        "\uffe3": b"\xa1\xc3", "\u02cd": b"\xa1\xc5", "\uff0f": b"\xa1\xfe", "\uff3c": b"\xa2\x40",
    },
    "cp932": {
        "\x80": b"\x80", "\uf8f0": b"\xa0", "\uf8f1": b"\xfd", "\uf8f2": b"\xfe", "\uf8f3": b"\xff",
    },
    "euc_jp": {"~": b"\x8f\xa2\xb7"},
}  # fmt: skip
"""Characters that Python has for bytes which stand for another one to Java, or for none."""
_JAVA: Final = {
    "gbk": "gbk cp936 windows-936",
    "gb2312": "gb2312 gb2312-80 gb2312-1980 euc-cn euc_cn euccn x-euc-cn",
    "big5": "big5 csbig5",
    "shift_jis": "shift_jis shift-jis sjis x-sjis ms_kanji csshiftjis",
    "cp932": "windows-31j ms932 windows-932 cswindows31j",
    "euc_jp": "euc-jp euc_jp eucjp x-euc-jp x-eucjp eucjis",
    "euc_kr": "euc-kr euc_kr euckr cseuckr ksc5601 ksc_5601 ks_c_5601-1987",
    "cp949": "x-windows-949 windows-949 windows949 ms949 ms_949",
}
"""What Java calls them: to Python some of these names are of another encoding."""
_SEVERAL: Final = {n: codec for codec, names in _JAVA.items() for n in names.split()}
_UTF_8: Final = "utf-8"
_WIDE: Final = ("utf-16", "utf-32")
_MARKS: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
UNDEFINED: Final = "\ufffd"


def codec(declared: str, *, several: bool = False) -> str | None:
    """Return Python's name of an encoding; empty for UTF-8, None for one that is not read here.

    Args:
        declared: How the table calls it.
        several: Whether those of several bytes a character are read, by `decoded`.
    """
    name = _python_name(declared) if declared.strip() else _UTF_8
    if name == _UTF_8:
        return ""
    if name in _KNOWN:
        return name
    return _SEVERAL.get(declared.strip().lower()) if several else None


def decoded(name: str, data: bytes) -> str:
    """Return bytes as text.

    Args:
        name: What `codec` or `wide_codec` gave.
        data: The bytes.

    Raises:
        UnicodeDecodeError: If some of them stand for no character, to Python or to Java.
    """
    text = data.decode(byte_order(name, data[:4]) or _UTF_8)
    for character, held in _ODD.get(name, {}).items():
        if character in text and (at := data.find(held)) >= 0:
            raise UnicodeDecodeError(name, data, at, at + len(held), "another character in Java")
    for character, meant in _MEANT.get(name, {}).items():
        text = text.replace(character, meant)
    return text


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
