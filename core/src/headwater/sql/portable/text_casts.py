"""Casts of texts, guarded by their shape: what the two engines would read differently raises."""

from __future__ import annotations

from typing import Final

from headwater.sql.portable.raising import not_portable, spark_error
from headwater.sql.portable.spelling import cast as spell
from headwater.sql.portable.spelling import null, text
from headwater.types import DataType

_NUMBER: Final = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
_DATE: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
_ZONE: Final = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?"
_SHOWN: Final = "yyyy-MM-dd[ HH:mm:ss[.ffffff][Z]]"
_JAVA: Final = r"[+-]?(0[xX].*|NaN)"
_SPECIAL: Final = "('epoch', 'now', 'today', 'tomorrow', 'yesterday')"

_Built = tuple[str, bool]


def to_integer(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read digits with a sign; white space around them is trimmed, as by Spark.

    Example: `CAST(s AS INT)` -> `CASE ... THEN CAST(sp_trim("s") AS INTEGER) ... END`
    """
    number = spell(f"sp_trim({sql})", target, trying=trying)
    parts = [(_matches(sql, "[+-]?[0-9]+"), number)]
    return _case(sql, parts, target, _bad(target, trying)), True


def to_floating(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read numbers, and the words for NaN and infinity; Java takes a final d or f as a suffix."""
    trimmed = f"sp_trim({sql})"
    digits = f"regexp_replace({trimmed}, '[dDfF]$', '')"
    words = f"regexp_full_match(lower({trimmed}), 'nan|[+-]?(inf|infinity)')"
    parts = [
        (_matches(sql, f"{_NUMBER}[dDfF]?"), spell(digits, target)),
        (words, spell(trimmed, target)),
        (
            _matches(sql, _JAVA),
            not_portable(f"a number as only Java writes it, as {target}", target),
        ),
    ]
    return _case(sql, parts, target, _bad(target, trying)), True


def to_boolean(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read the words that Spark knows for true and false.

    Example: `CAST(s AS BOOLEAN)` -> `CASE ... IN ('t','true','y','yes','1') THEN true ... END`
    """
    word = f"lower(sp_trim({sql}))"
    parts = [
        (f"{word} IN ('t','true','y','yes','1')", "true"),
        (f"{word} IN ('f','false','n','no','0')", "false"),
    ]
    return _case(sql, parts, target, _bad(target, trying)), True


def to_decimal(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read plain numbers of few digits; texts with another letter than an exponent's are bad."""
    trimmed = f"sp_trim({sql})"
    number = spell(f"CAST({trimmed} AS DECIMAL(38,20))", target, trying=trying)
    letters = f"({_matches(sql, '.*[g-zG-Z].*')} OR {trimmed} = '')"
    parts = [
        (_matches(sql, "[+-]?([0-9]{1,17}([.][0-9]{0,20})?|[.][0-9]{1,20})"), number),
        (letters, _bad(target, trying)),
    ]
    other = not_portable(f"a text that is no plain number, as {target}", target)
    return _case(sql, parts, target, other), True


def to_date(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read `yyyy-MM-dd`; what follows it after a space or T is not looked at."""
    day = spell(f"substring(sp_trim({sql}), 1, 10)", target, trying=trying)
    return _time(sql, f"{_DATE}([ T](.|\\n)*)?", day, target, trying), True


def to_timestamp(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read `yyyy-MM-dd` with or without a time of day, which may have an offset."""
    moment = spell(f"sp_trim({sql})", target, trying=trying)
    return _time(sql, f"{_DATE}([ T]{_TIME}{_ZONE})?", moment, target, trying), True


def to_local_time(sql: str, _: DataType, target: DataType, trying: bool) -> _Built:
    """Read `yyyy-MM-dd` with or without a time of day; Spark passes over an offset."""
    moment = spell(f"sp_trim({sql})", target, trying=trying)
    return _time(sql, f"{_DATE}([ T]{_TIME})?", moment, target, trying), True


def to_binary(sql: str, _: DataType, __: DataType, ___: bool) -> _Built:
    """Return the text's bytes in UTF-8."""
    return f"encode({sql})", False


def _time(sql: str, shape: str, parsed: str, target: DataType, trying: bool) -> str:
    """Texts of the plain shape are read, those without a digit are bad; Spark reads more shapes.

    A day that its month does not have passes the shape; DuckDB raises on it as Spark does.
    """
    trimmed = f"sp_trim({sql})"
    no_digit = f"NOT regexp_matches({trimmed}, '[0-9]') AND lower({trimmed}) NOT IN {_SPECIAL}"
    parts = [(_matches(sql, shape), parsed), (no_digit, _bad(target, trying))]
    other = not_portable(f"a text of another shape than {_SHOWN}, as {target}", target)
    return _case(sql, parts, target, other)


def _matches(sql: str, shape: str) -> str:
    return f"regexp_full_match(sp_trim({sql}), {text(shape)})"


def _case(sql: str, parts: list[tuple[str, str]], target: DataType, other: str) -> str:
    """Spark also trims control characters, for each type others; such texts raise."""
    control = not_portable(f"a text with a control character, as {target}", target)
    good, *rest = parts
    all_parts = [good, (f"sp_control({sql})", control), *rest]
    whens = " ".join(f"WHEN {condition} THEN {value}" for condition, value in all_parts)
    return f"CASE WHEN {sql} IS NULL THEN NULL {whens} ELSE {other} END"


def _bad(target: DataType, trying: bool) -> str:
    if trying:
        return null(target)
    return spark_error("CAST_INVALID_INPUT", f"a text is not a value of type {target}", target)
