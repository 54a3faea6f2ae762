"""Printable text: what comes from outside, as a terminal or a page may show it.

Names of columns, tables and files, values, and other software's messages are chosen by others.
Shown raw, a control character of theirs could move the cursor, recolour what headwater says, or set
a window's title; a bidirectional override could turn a line around. Each is shown by its code.
"""

from __future__ import annotations

import re
from typing import Final

_UNSEEN: Final = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and line feed
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidirectional marks and overrides
    r"\u2028\u2029\ufeff"  # separators of lines; the byte order mark
    r"\ud800-\udfff\U000e0000-\U000e007f"  # lone surrogates; tags
)
_ANY: Final = re.compile(f"[{_UNSEEN}]")
_IN_A_LINE: Final = re.compile(rf"[{_UNSEEN}\t\n]")


def printable(text: str) -> str:
    r"""Return a text of several lines with each unseen character as its escape.

    Example:
        >>> printable("\x1b[2Jgone")
        '\\x1b[2Jgone'
    """
    return _ANY.sub(_escape, text)


def printable_line(text: str) -> str:
    """Return a text as `printable` does, and in one line: a cell of a table, a name."""
    return _IN_A_LINE.sub(_escape, text)


def json_text(document: str) -> str:
    """Return a JSON document with unseen characters as JSON's escapes: the same document."""

    def escape(match: re.Match[str]) -> str:
        units = match[0].encode("utf-16-be", "surrogatepass").hex()
        return "".join(rf"\u{units[i : i + 4]}" for i in range(0, len(units), 4))

    return _ANY.sub(escape, document)


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
