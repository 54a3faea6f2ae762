"""Functions over texts with rules of their own; their macros are in `texts.sql`."""

from __future__ import annotations

import re
import string
from typing import Final

from headwater import types as t
from headwater.sql.portable import containers
from headwater.sql.portable.casts import cast
from headwater.sql.portable.pieces import Piece, Refusal, made, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import null, text
from headwater.types import DataType


def typeof(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `typeof(a)`, which looks at no value."""
    return Piece(text(str(arguments[0].type)), type_)


# -- URLs ----------------------------------------------------------------------------------------

_ESCAPE: Final = "%[0-9A-Fa-f]{2}"
_PLAIN: Final = "A-Za-z0-9._~!$&'()*+,;=:@/-"
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_NAME: Final = f"(?:{_LABEL}[.])*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?[.]?"
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_SCHEME: Final = "([A-Za-z][A-Za-z0-9+.-]*)://"
_USER: Final = "(?:([A-Za-z0-9._~-]+(?::[A-Za-z0-9._~-]*)?)@)?"
_HOST: Final = f"({_NAME}|{_OCTET}(?:[.]{_OCTET}){{3}})"
_PORT: Final = "(?::[0-9]{1,5})?"
_URL: Final = (
    f"(?:{_SCHEME}({_USER}{_HOST}{_PORT}))?((?:/(?:[{_PLAIN}]|{_ESCAPE})*)?)"
    f"(?:[?]((?:[?{_PLAIN}]|{_ESCAPE})*))?(?:#((?:[?{_PLAIN}]|{_ESCAPE})*))?"
)
"""URLs as Java's URI parses them into a host and the rest, and paths; others may be such, too."""
_PARTS: Final = {
    "PROTOCOL": (1, ".+"),
    "AUTHORITY": (2, ".+"),
    "USERINFO": (3, ".+"),
    "HOST": (4, ".+"),
    "PATH": (5, ".*"),
    "QUERY": (6, "[^#]*[?].*"),
    "REF": (7, ".*#.*"),
}
"""By Spark's word the group of a part, and the shape of texts that have it."""


def parse_url(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `parse_url(url, 'HOST')` and `parse_url(url, 'QUERY', 'key')`.

    Example: `parse_url(s, 'HOST')` -> `CASE ... THEN nullif(regexp_extract(...), '') ... END`

    Raises:
        Refusal: If the part or the key is no literal that is known.
    """
    url, part, *keys = arguments
    known = url.type == t.STRING and (part.literal in _PARTS or part.literal == "FILE")
    refuse_unless(known, "parse_url() of a part that is no literal of its words")
    x, shape = url.sql, text(_URL)
    if part.literal == "FILE":
        query = f"coalesce('?' || {_part(x, 'QUERY')}, '')"
        found = f"{_part(x, 'PATH')} || {query}"
    else:
        found = _part(x, str(part.literal))
    if keys:
        key = keys[0].literal
        plain = isinstance(key, str) and re.fullmatch(r"[A-Za-z0-9_-]+", key)
        refuse_unless(bool(plain), "parse_url() by a key that is no plain literal")
        named = text(f"(?:^|&){key}=([^&]*)")
        query = _part(x, "QUERY")
        value = f"regexp_extract({query}, {named}, 1)"
        found = f"CASE WHEN regexp_matches({query}, {named}) THEN {value} END"
        found = found if part.literal == "QUERY" else null(type_)
    other = not_portable("parse_url() of a text that is not plainly a URL", type_)
    # What begins with two slashes is a host.
    fits = f"{x} <> '' AND NOT starts_with({x}, '//') AND regexp_full_match({x}, {shape})"
    sql = f"CASE WHEN {x} IS NULL THEN NULL WHEN {fits} THEN {found} ELSE {other} END"
    return made(sql, type_, [url], declines=True)


def _part(url: str, word: str) -> str:
    """Return a part of a URL of the shape, NULL where it has none."""
    group, shape = _PARTS[word]
    found = f"regexp_extract({url}, {text(f'^{_URL}$')}, {group})"
    if word in ("QUERY", "REF"):
        return f"CASE WHEN regexp_full_match({url}, {text(shape)}) THEN {found} END"
    return found if word == "PATH" else f"nullif({found}, '')"


# -- masks, bases and maps -----------------------------------------------------------------------

_MASKED: Final = (string.ascii_uppercase, string.ascii_lowercase, string.digits)


def mask(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `mask(text, upper, lower, digit)`; NULL keeps the characters of a kind.

    Example: `mask(s)` -> `CASE ... THEN translate("s", 'ABC...', 'XXX...') ... END`

    Raises:
        Refusal: If other characters are masked, too.
    """
    value, *others = arguments
    refuse_unless(
        len(others) < 4 or others[3].type == t.VOID, "mask() of characters of other kinds"
    )
    by = ["X", "x", "n"]
    for place, piece in enumerate(others[:3]):
        by[place] = str(piece.literal) if piece.type != t.VOID else ""
    kinds = [(kind, new) for kind, new in zip(_MASKED, by, strict=True) if new]
    old, new = "".join(k for k, _ in kinds), "".join(n * len(k) for k, n in kinds)
    masked = f"translate({value.sql}, {text(old)}, {text(new)})"
    other = not_portable("mask() of a text that is not ASCII", type_)
    ascii_ = f"strlen({value.sql}) = length({value.sql})"
    sql = f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN {ascii_} THEN {masked} ELSE {other} END"
    return made(sql, type_, [value], declines=True)


def conv(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `conv(digits, from, to)`: the number at the beginning of a text, in other digits.

    Example: `conv(s, 16, 10)` -> `CASE ...sp_digits(...)... END`

    Raises:
        Refusal: If the bases are no literals from 2 to 36.
    """
    value, *bases = arguments
    old, new = (b.literal for b in bases)
    if not (isinstance(old, int) and isinstance(new, int) and 2 <= old <= 36 and 2 <= new <= 36):
        raise Refusal("conv() by bases that are no literals from 2 to 36")
    value = cast(value, t.STRING)
    allowed = (string.digits + string.ascii_uppercase)[:old]
    trimmed = f"upper(trim({value.sql}, ' '))"
    digits = f"regexp_extract({trimmed}, '^-?([{allowed}]*)', 1)"
    if new == 10:
        shown = "CAST(v AS VARCHAR)"
    else:
        powers = [new**n for n in range(64) if new**n < 2**64]
        places = ", ".join(f"{p}::HUGEINT" for p in reversed(powers))
        alphabet = text(string.digits + string.ascii_uppercase)
        digit = f"{alphabet}[CAST((v // q) % {new} AS BIGINT) + 1]"
        listed = f"list_transform([{places}], lambda q: {digit})"
        shown = f"regexp_replace(array_to_string({listed}, ''), '^0+(.)', '\\1')"
    large = spark_error("ARITHMETIC_OVERFLOW", "digits of more than 64 bits", type_)
    # A number below 0 is what 64 bits without a sign make of it.
    signed = (
        f"CASE WHEN v < 0 THEN v WHEN {trimmed} NOT LIKE '-%' THEN v "
        "WHEN v > 9223372036854775807::HUGEINT THEN 18446744073709551615::HUGEINT "
        "WHEN v > 0 THEN 18446744073709551616::HUGEINT - v ELSE v END"
    )
    sql = (
        f"CASE WHEN {value.sql} IS NULL OR {trimmed} = '' THEN NULL ELSE "
        f"list_transform(list_transform([sp_digits({digits}, {old})], lambda v: {signed}), "
        f"lambda v: CASE WHEN v < 0 THEN {large} ELSE {shown} END)[1] END"
    )
    return made(sql, type_, [value], raises=True)


_SEPARATORS: Final = frozenset(",:;=&#/@!~_- ")
"""Characters that stand for themselves in a regular expression."""


def str_to_map(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `str_to_map(text, ',', ':')`; what has no second part is NULL.

    Example: `str_to_map(s)` -> `list_transform([...], lambda p: CASE ... ELSE map(...) END)[1]`

    Raises:
        Refusal: If the separators are no literals that stand for themselves.
    """
    value, *separators = arguments
    literals = [*(s.literal for s in separators), *(",", ":")[len(separators) :]]
    pairs, parts = literals
    if not (isinstance(pairs, str) and isinstance(parts, str)) or not all(
        s and set(s) <= _SEPARATORS for s in (pairs, parts)
    ):
        raise Refusal("str_to_map() by separators that are no plain literals")
    listed = f"string_split({value.sql}, {text(pairs)})"
    keys = f"list_transform({listed}, lambda z: string_split(z, {text(parts)})[1])"
    rest = f"substring(z, strpos(z, {text(parts)}) + {len(parts)})"
    values = (
        f"list_transform({listed}, lambda z: CASE WHEN contains(z, {text(parts)}) THEN {rest} END)"
    )
    sql = containers.checked_map(f"{{k: {keys}, v: {values}}}", type_)
    return made(sql, type_, [value], raises=True)
