"""Functions of regular expressions: split, regexp_replace, regexp_extract."""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql.portable import regex
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.spelling import text
from headwater.types import DataType

_META: Final = frozenset(".*+?()[]{}|^$\\")


def split(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `split(text, 'separator')` for separators that are plain text.

    Example: `split(s, ',')` -> `string_split("s", ',')`
    """
    refuse_unless(len(arguments) == 2, "split() with a limit")
    value, pattern = arguments
    refuse_unless(value.type == t.STRING, f"split({value.type}, ...)")
    if not isinstance(pattern.literal, str):
        raise Refusal("split() by a pattern that is not a literal")
    separator = _plain(pattern.literal)
    return Piece(f"string_split({value.sql}, {text(separator)})", type_, value.raises)


def _plain(pattern: str) -> str:
    """Return the text that a pattern of plain and escaped characters matches."""
    plain = re.sub(r"\\([.*+?()\[\]{}|^$\\/-])", "", pattern)
    single = re.fullmatch(r"\[([^\\\]^])\]", pattern)
    if single:
        return single[1]
    refuse_unless(bool(pattern), "split() by an empty pattern")
    refuse_unless(not set(plain) & _META, f"split() by the regular expression {pattern!r}")
    return re.sub(r"\\(.)", r"\1", pattern)


def replace(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_replace(text, 'pattern', 'new')` for patterns that match something.

    Example: `regexp_replace(s, 'a+', 'b')` -> `regexp_replace("s", 'a+', 'b', 'g')`
    """
    refuse_unless(len(arguments) == 3, "regexp_replace() from a position")
    value, pattern, new = arguments
    re2 = _searching(value, pattern)
    if not isinstance(new.literal, str) or set(new.literal) & set("$\\"):
        raise Refusal("regexp_replace() by a text with $ or \\, or none that is literal")
    sql = f"regexp_replace({value.sql}, {text(re2)}, {new.sql}, 'g')"
    return Piece(sql, type_, value.raises)


def extract(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_extract(text, 'pattern', group)`.

    Example: `regexp_extract(s, '(a+)b', 1)` -> `regexp_extract("s", '(a+)b', 1)`
    """
    refuse_unless(2 <= len(arguments) <= 3, "regexp_extract() of other arguments")
    value, pattern = arguments[:2]
    group = arguments[2].literal if len(arguments) == 3 else 1
    if not isinstance(pattern.literal, str) or not isinstance(group, int):
        raise Refusal("regexp_extract() with a pattern or group that is not a literal")
    groups = len(re.findall(r"(?<!\\)\((?!\?)", re.sub(r"\[[^\]]*\]", "", pattern.literal)))
    refuse_unless(0 <= group <= groups, f"regexp_extract() of group {group}")
    ends = pattern.literal.endswith("$")
    refuse_unless(not (ends and group == 0), "regexp_extract() of a whole match up to $")
    # Which of its rounds a repeated group keeps, and whether one that did not take part is
    # empty, was not measured.
    repeated = re.search(r"(?<!\\)\)[*+?{]", pattern.literal)
    refuse_unless(not repeated and "|" not in pattern.literal, "regexp_extract() of odd groups")
    re2 = regex.translated(pattern.literal)
    sql = f"regexp_extract({value.sql}, {text(re2)}, {group})"
    refuse_unless(value.type == t.STRING, f"regexp_extract({value.type}, ...)")
    return Piece(sql, type_, value.raises)


def _searching(value: Piece, pattern: Piece) -> str:
    if value.type != t.STRING or not isinstance(pattern.literal, str):
        raise Refusal("a regular expression that is not a literal text")
    re2 = regex.translated(pattern.literal)
    refuse_unless("$" not in pattern.literal, "regexp_replace() of a pattern with $")
    # At an empty match the engines go on differently.
    empty = re.fullmatch(pattern.literal, "") is not None
    refuse_unless(not empty, f"regexp_replace() of {pattern.literal!r}, which matches nothing")
    return re2
