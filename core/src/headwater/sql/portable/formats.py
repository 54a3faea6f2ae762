"""Times as text and back, by the patterns that were measured."""

from __future__ import annotations

from typing import Final

from headwater import types as t
from headwater.sql.portable import casts
from headwater.sql.portable.pieces import Piece, Refusal, refuse_unless
from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import text
from headwater.types import DataType

_WRITES: Final = {
    "yyyy-MM-dd": "%Y-%m-%d",
    "yyyy-MM-dd HH:mm:ss": "%Y-%m-%d %H:%M:%S",
    "yyyy-MM-dd HH:mm": "%Y-%m-%d %H:%M",
    "yyyy-MM-dd HH": "%Y-%m-%d %H",
    "yyyy-MM-dd HH:00:00": "%Y-%m-%d %H:00:00",
    "yyyyMMdd": "%Y%m%d",
    "yyyyMMddHH": "%Y%m%d%H",
    "yyyy-MM": "%Y-%m",
    "yyyyMM": "%Y%m",
    "yyyy": "%Y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "HH:mm": "%H:%M",
    "HH:mm:ss": "%H:%M:%S",
    "dd/MM/yyyy": "%d/%m/%Y",
    "MM/dd/yyyy": "%m/%d/%Y",
    "yyyy/MM/dd": "%Y/%m/%d",
    "yyyy-MM-dd'T'HH:mm:ss": "%Y-%m-%dT%H:%M:%S",
    "yyyy-MM-dd HH:mm:ss.SSS": "%Y-%m-%d %H:%M:%S.%g",
    "yyyy-MM-dd HH:mm:ss.SSSSSS": "%Y-%m-%d %H:%M:%S.%f",
    "E": "%a",
    "EEE": "%a",
    "EEEE": "%A",
    "MMM": "%b",
    "MMMM": "%B",
    "MMM d, yyyy": "%b %-d, %Y",
}
"""Spark's pattern to strftime's."""

_DATE_SHAPES: Final = {
    "yyyy-MM-dd": ("%Y-%m-%d", "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}"),
    "yyyyMMdd": ("%Y%m%d", "[1-9][0-9]{3}[0-9]{2}[0-9]{2}"),
    "MM/dd/yyyy": ("%m/%d/%Y", "[0-9]{2}/[0-9]{2}/[1-9][0-9]{3}"),
    "dd/MM/yyyy": ("%d/%m/%Y", "[0-9]{2}/[0-9]{2}/[1-9][0-9]{3}"),
}
_TIME_SHAPES: Final = {
    "yyyy-MM-dd HH:mm:ss": (
        "%Y-%m-%d %H:%M:%S",
        "[1-9][0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}",
    ),
    **_DATE_SHAPES,
}
"""Spark's pattern to strptime's, and the shape of the texts that both read alike."""


def date_format(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `date_format(time, 'pattern')`; years outside of 1 to 9999 raise."""
    refuse_unless(len(arguments) == 2, "date_format takes two arguments")
    moment, pattern = arguments
    written = _WRITES.get(pattern.literal) if isinstance(pattern.literal, str) else None
    if written is None:
        raise Refusal(f"date_format with the pattern {pattern.literal!r}: not proven")
    if moment.type == t.DATE:
        moment = casts.cast(moment, t.TIMESTAMP_NTZ)
    if moment.type not in (t.TIMESTAMP, t.TIMESTAMP_NTZ):
        raise Refusal(f"date_format({moment.type}, ...)")
    wall = f"sp_wall({moment.sql})" if moment.type == t.TIMESTAMP else moment.sql
    other = not_portable("date_format of a year outside of 1 to 9999", type_)
    sql = (
        f"CASE WHEN {moment.sql} IS NULL THEN NULL WHEN year({wall}) BETWEEN 1 AND 9999 "
        f"THEN strftime({wall}, {text(written)}) ELSE {other} END"
    )
    return Piece(sql, type_, raises=True)


def to_date(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_date(a)` and `to_date(text, 'pattern')`."""
    if len(arguments) == 1:
        return casts.cast(arguments[0], t.DATE)
    return _read(arguments, type_, _DATE_SHAPES, "CAST({} AS DATE)")


def to_timestamp(arguments: list[Piece], type_: DataType) -> Piece:
    """Return `to_timestamp(a)` and `to_timestamp(text, 'pattern')`."""
    if len(arguments) == 1:
        refuse_unless(not arguments[0].type.is_numeric, "to_timestamp of a number")
        return casts.cast(arguments[0], t.TIMESTAMP)
    return _read(arguments, type_, _TIME_SHAPES, "timezone('UTC', {})")


def _read(
    arguments: list[Piece], type_: DataType, shapes: dict[str, tuple[str, str]], made: str
) -> Piece:
    refuse_unless(len(arguments) == 2, "a text and a pattern")
    value, pattern = arguments
    found = shapes.get(pattern.literal) if isinstance(pattern.literal, str) else None
    if found is None or value.type != t.STRING:
        raise Refusal(f"reading times by the pattern {pattern.literal!r}: not proven")
    read, shape = found
    bad = spark_error(
        "CANNOT_PARSE_TIMESTAMP", f"a text is not of the pattern {pattern.literal}", type_
    )
    # A text of another shape may still be one that Spark reads (a sign, other digits).
    other = not_portable(f"a text of another shape than {pattern.literal}", type_)
    parsed = made.format(f"strptime({value.sql}, {text(read)})")
    sql = (
        f"CASE WHEN {value.sql} IS NULL THEN NULL "
        f"WHEN regexp_full_match({value.sql}, {text(shape)}) THEN {parsed} "
        f"WHEN NOT regexp_matches({value.sql}, '[0-9]') THEN {bad} ELSE {other} END"
    )
    return Piece(sql, type_, raises=True)
