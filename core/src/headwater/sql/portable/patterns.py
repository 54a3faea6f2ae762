"""Functions of regular expressions: split, and those called regexp_..."""

from __future__ import annotations

import re
from typing import Final

from headwater import types as t
from headwater.sql.portable import regex
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.spelling import text
from headwater.types import DataType

_META: Final = frozenset(".*+?()[]{}|^$\\")


def split(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `split(text, 'separator')` for separators that are plain text.

    Example: `split(s, ',')` -> `string_split("s", ',')`
    """
    value, pattern, *limits = arguments
    refuse_unless(value.type == t.STRING, f"split({value.type}, ...)")
    if not isinstance(pattern.literal, str):
        raise Refusal("split() by a pattern that is not a literal")
    limit = limits[0].literal if limits else -1
    if not isinstance(limit, int):
        raise Refusal("split() with a limit that is not a literal")
    separator = _plain(pattern.literal)
    if separator is None:
        refuse_unless(limit <= 0, "split() by a regular expression, with a limit")
        refuse_unless("^" not in _CLASS.sub("", pattern.literal), "split() by a pattern with ^")
        re2 = _searching(value, pattern, "split")
        words = regex.without_edges(pattern.literal) != pattern.literal
        refuse_unless(not words, r"split() by a pattern with \b")
        return made(f"string_split_regex({value.sql}, {text(re2)})", type_, [value])
    parts = f"string_split({value.sql}, {text(separator)})"
    if limit > 0:
        rest = f"array_to_string(l[{limit}:], {text(separator)})"
        cut = f"CASE WHEN len(l) > {limit} THEN list_append(l[:{limit - 1}], {rest}) ELSE l END"
        parts = f"list_transform([{parts}], lambda l: {cut})[1]"
    return made(parts, type_, [value])


_CLASS: Final = re.compile(r"\[\^[^\]]*\]")


def _plain(pattern: str) -> str | None:
    """Return the text that a pattern of plain and escaped characters matches; None of others."""
    plain = re.sub(r"\\([.*+?()\[\]{}|^$\\/-])", "", pattern)
    single = re.fullmatch(r"\[([^\\\]^])\]", pattern)
    if single:
        return single[1]
    refuse_unless(bool(pattern), "split() by an empty pattern")
    return None if set(plain) & _META else re.sub(r"\\(.)", r"\1", pattern)


def replace(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_replace(text, 'pattern', 'new')` for patterns that match something.

    Example: `regexp_replace(s, 'a+', 'b')` -> `regexp_replace("s", 'a+', 'b', 'g')`
    """
    refuse_unless(len(arguments) == 3, "regexp_replace() from a position")
    value, pattern, new = arguments
    re2 = _searching(value, pattern, "regexp_replace")
    if not isinstance(new.literal, str):
        raise Refusal("regexp_replace() by what is no literal text")
    by = text(_replacement(new.literal, str(pattern.literal)))
    replaced = made(f"regexp_replace({value.sql}, {text(re2)}, {by}, 'g')", type_, [value])
    return regex.of_ascii(replaced, value, str(pattern.literal))


_REPLACING: Final = re.compile(r"\\(?P<plain>.)|\$(?P<group>[0-9]+)|(?P<rest>[^\\$]+)", re.DOTALL)


def _replacement(new: str, pattern: str) -> str:
    r"""Return the text that replaces a match as RE2 writes it, `\1` for Java's `$1`.

    Raises:
        Refusal: If it names a group that is not there, may not take part, or is beyond the ninth.
    """
    parts, position = [], 0
    while position < len(new):
        found = _REPLACING.match(new, position)
        if found is None:
            raise Refusal(f"regexp_replace() by {new!r}: Java reads $ and \\ in it")
        position = found.end()
        if found["group"] is None:
            parts.append((found["plain"] or found["rest"]).replace("\\", r"\\"))
            continue
        # Java takes as many digits as there are groups for.
        digits = found["group"]
        while len(digits) > 1 and int(digits) > _groups(pattern):
            digits = digits[:-1]
        _refuse_odd("regexp_replace", pattern, int(digits))
        refuse_unless(int(digits) <= 9, "regexp_replace() by a group beyond the ninth")
        parts.append(f"\\{int(digits)}{found['group'][len(digits) :]}")
    return "".join(parts)


def extract(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_extract(text, 'pattern', group)`.

    Example: `regexp_extract(s, '(a+)b', 1)` -> `regexp_extract("s", '(a+)b', 1)`
    """
    group = _group("regexp_extract", arguments)
    value, pattern = arguments[:2]
    ends = str(pattern.literal).endswith("$")
    refuse_unless(not (ends and group == 0), "regexp_extract() of a whole match up to $")
    re2 = regex.translated(str(pattern.literal))
    refuse_unless(value.type == t.STRING, f"regexp_extract({value.type}, ...)")
    found = made(f"regexp_extract({value.sql}, {text(re2)}, {group})", type_, [value])
    return regex.of_ascii(found, value, str(pattern.literal))


def extract_all(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_extract_all(text, 'pattern', group)`, of patterns that match something."""
    group = _group("regexp_extract_all", arguments)
    value, pattern = arguments[:2]
    re2 = _searching(value, pattern, "regexp_extract_all")
    found = made(f"regexp_extract_all({value.sql}, {text(re2)}, {group})", type_, [value])
    return regex.of_ascii(found, value, str(pattern.literal))


def count(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_count(text, 'pattern')`.

    Example: `regexp_count(s, 'a+')` -> `CAST(len(regexp_extract_all("s", 'a+')) AS INTEGER)`
    """
    value, pattern = arguments
    re2 = _searching(value, pattern, "regexp_count")
    sql = f"CAST(len(regexp_extract_all({value.sql}, {text(re2)})) AS INTEGER)"
    return regex.of_ascii(made(sql, type_, [value]), value, str(pattern.literal))


def substr(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `regexp_substr(text, 'pattern')`: the first match, or NULL."""
    value, pattern = arguments
    re2 = _searching(value, pattern, "regexp_substr")
    found = made(f"nullif(regexp_extract({value.sql}, {text(re2)}, 0), '')", type_, [value])
    return regex.of_ascii(found, value, str(pattern.literal))


def _group(name: str, arguments: list[Piece]) -> int:
    refuse_unless(2 <= len(arguments) <= 3, f"{name}() of other arguments")
    pattern = arguments[1].literal
    group = arguments[2].literal if len(arguments) == 3 else 1
    if not isinstance(pattern, str) or not isinstance(group, int):
        raise Refusal(f"{name}() with a pattern or group that is not a literal")
    _refuse_odd(name, pattern, group)
    return group


def _groups(pattern: str) -> int:
    """Return how many groups a pattern has."""
    return len(re.findall(r"(?<!\\)\((?!\?)", re.sub(r"\[[^\]]*\]", "", pattern)))


def _refuse_odd(name: str, pattern: str, group: int) -> None:
    """Refuse a group that is not there, or may match several times or not at all."""
    refuse_unless(0 <= group <= _groups(pattern), f"{name}() of group {group}")
    # Which of its rounds a repeated group keeps, and whether one that did not take part is
    # empty, was not measured.
    repeated = re.search(r"(?<!\\)\)[*+?{]", pattern)
    odd = group > 0 and (repeated or "|" in pattern)
    refuse_unless(not odd, f"{name}() of odd groups")


def _searching(value: Piece, pattern: Piece, name: str) -> str:
    if value.type != t.STRING or not isinstance(pattern.literal, str):
        raise Refusal("a regular expression that is not a literal text")
    re2 = regex.translated(pattern.literal)
    refuse_unless("$" not in pattern.literal, f"{name}() of a pattern with $")
    # At an empty match the engines go on differently.
    empty = re.fullmatch(regex.without_edges(pattern.literal), "") is not None
    refuse_unless(not empty, f"{name}() of {pattern.literal!r}, which matches nothing")
    return re2
