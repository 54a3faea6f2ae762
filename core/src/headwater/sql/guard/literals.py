"""Literals that Spark's own parser refuses: numbers out of range, texts that are no time.

Source: Apache Spark 4.1, `AstBuilder`: its numeric literals, and `visitTypeConstructor`;
`SparkDateTimeUtils.stringToDate` and `parseTimestampString`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from headwater.diagnostics import Diagnostic, Span
from headwater.sql.syntax import lexer
from headwater.sql.syntax.lexer import Lexeme
from headwater.sql.syntax.time_zones import is_zone
from headwater.sql.typing import rules as typing
from headwater.types import DOUBLE, FLOAT, INTEGER_BITS, UNKNOWN, DataType
from headwater.untrusted.texts import decimal_number, whole_number

_TIMESTAMPS: Final = frozenset(["TIMESTAMP", "TIMESTAMP_LTZ", "TIMESTAMP_NTZ"])
_KINDS: Final = frozenset(["DATE", *_TIMESTAMPS])
_TRIMMED: Final = "".join(map(chr, range(33))) + "\x7f"
_SPECIAL: Final = frozenset(["epoch", "now", "today", "yesterday", "tomorrow"])
_DAY: Final = r"(?P<year>[+-]?\d{4,7})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})%s)?)?"
_ZONED: Final = r"(?P<second>\d{1,2})(?:\.\d*)?(?P<zone> *[A-Za-z+-].*)?"
_CLOCK: Final = rf"(?P<hour>\d{{1,2}})(?::(?P<minute>\d{{1,2}})(?::{_ZONED})?)"
_DATE: Final = re.compile(_DAY % r"(?:[ T].*)?", re.ASCII | re.DOTALL)
_MOMENT: Final = re.compile(_DAY % rf"(?:[ T]{_CLOCK}?)?", re.ASCII | re.DOTALL)
_TIME_ONLY: Final = re.compile(f"T?{_CLOCK}", re.ASCII | re.DOTALL)
_OFFSET: Final = re.compile(r" *[+-](\d{1,2})(?::?(\d{1,2})(?::?(\d{2}))?)?", re.ASCII)
_LAST_YEAR: Final = {"DATE": 5_881_580, **dict.fromkeys(_TIMESTAMPS, 294_247)}
_LARGEST: Final = {DOUBLE: Decimal("1.7976931348623157E308"), FLOAT: Decimal("3.4028235E38")}
_MANY: Final = re.compile(r"[0-9]{20}")
_LEAP_CYCLE: Final = 400
"""The calendar repeats after so many years; Python knows the years from 1 to 9999 only."""


def check_numbers(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Yield a refusal of each number that is out of the range of its type.

    Example: `SELECT 300Y` -> `number-out-of-range`
    """
    for index, token in enumerate(lexemes):
        if token.kind != lexer.NUMBER:
            continue
        before = lexemes[index - 1] if index else None
        signed = before is not None and before.symbol == "-"
        if signed and index > 1:
            operand = lexemes[index - 2]
            signed = operand.kind != lexer.NUMBER and operand.symbol not in (")", "]")
        type_ = typing.number(f"-{token.text}" if signed else token.text)
        if _holds(type_, token.text, signed=signed):
            continue
        kind = "decimal(38)" if type_ == UNKNOWN else type_
        yield Diagnostic(
            "number-out-of-range", f"{token.text} is no {kind}: too large, or of too many digits",
            span=token.span, text=text, hint="write a number of that type, or another suffix",
        )  # fmt: skip


def _holds(type_: DataType, text: str, *, signed: bool) -> bool:
    """Return whether a type has the number that a literal of that type says."""
    if type_.is_integer:
        half = 1 << (INTEGER_BITS[type_.name] - 1)
        value = whole_number(text.rstrip("LSYlsy"))
        return value is not None and value < half + signed
    if type_ in _LARGEST:
        exact = decimal_number(text.rstrip("FDfd"))
        return exact is not None and exact <= _LARGEST[type_]
    return type_ != UNKNOWN


def check_typed_literals(text: str, lexemes: Sequence[Lexeme]) -> Iterator[Diagnostic]:
    """Yield a refusal of each literal of a date or timestamp whose text is none.

    Example: `SELECT DATE '2026-02-30'` -> `invalid-literal`
    """
    for index in range(len(lexemes) - 1):
        kind, value = lexemes[index], lexemes[index + 1]
        if value.kind != lexer.STRING:
            continue
        if kind.word == "INTERVAL" and _MANY.search(value.text):
            yield Diagnostic(
                "number-out-of-range", "an interval has at most 19 digits in a number",
                span=value.span, text=text, hint="write a shorter interval",
            )  # fmt: skip
        if kind.word not in _KINDS:
            continue
        more = lexemes[index + 2 : index + 3]
        if any(x.kind == lexer.STRING for x in more):
            yield Diagnostic(
                "syntax", f"a {kind.word.lower()} is made of one string", span=more[0].span,
                text=text, hint="write the whole text in one",
            )  # fmt: skip
        elif not _says_a_time(kind.word, value.text):
            yield Diagnostic(
                "invalid-literal", f"{value.text!r} is no {kind.word.lower()}",
                span=Span(kind.start, value.end), text=text,
                hint="write DATE 'yyyy-MM-dd' or TIMESTAMP 'yyyy-MM-dd HH:mm:ss'",
            )  # fmt: skip


def _says_a_time(kind: str, text: str) -> bool:
    value = text.strip(_TRIMMED)
    word, _, zone = value.partition(" ")
    if word.lower() in _SPECIAL and (not zone or kind != "DATE"):
        return True
    match = (_DATE if kind == "DATE" else _MOMENT).fullmatch(value)
    if match is None and kind not in ("DATE", "TIMESTAMP_NTZ"):
        match = _TIME_ONLY.fullmatch(value)
    return match is not None and _in_range(kind, match.groupdict())


def _in_range(kind: str, parts: dict[str, str | None]) -> bool:
    if parts.get("year") is not None:
        year, month, day = (int(parts[k] or 1) for k in ("year", "month", "day"))
        try:
            date(year % _LEAP_CYCLE + _LEAP_CYCLE, month, day)
        except ValueError:
            return False
        if abs(year) > _LAST_YEAR[kind]:
            return False
    hour, minute, second = (int(parts.get(k) or 0) for k in ("hour", "minute", "second"))
    zone = parts.get("zone") or ""
    offset = _OFFSET.fullmatch(zone)
    if offset is None and zone and not is_zone(zone.strip(" ")):
        return False
    if offset is not None:
        hours, minutes, seconds = (int(g or 0) for g in offset.groups())
        if minutes > 59 or seconds > 59 or (hours, minutes, seconds) > (18, 0, 0):
            return False
    return hour < 24 and minute < 60 and second < 60
