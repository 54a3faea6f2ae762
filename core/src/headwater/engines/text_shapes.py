"""Shapes of the texts that text formats hold: which are values of a type, to every reader.

Both engines read by them, so that both read alike: a text of a value's shape is converted, one that
no reader takes is NULL, and any other (a leading plus, `1d`, a date without its zeros) raises,
since Hive's serdes, Athena and Spark each take it in their own way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from headwater.types import INTEGER_BITS, DataType

BLANK: Final = r"[\x00-\x20]*"
"""Lines that CSV readers pass over."""
JSON_BLANK: Final = r"[ \t\r\n]*"
"""Lines that JSON readers pass over. Other characters that are not seen, as the zeros that a crash
leaves of a file, are no JSON to them: Spark gives a row of NULLs for such a line."""
DATE: Final = "[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME: Final = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?"
ISO_TIMESTAMP: Final = f"{DATE}[ T]{TIME}Z?"
INTEGER: Final = "-?[0-9]{1,19}"
NUMBER: Final = "-?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?"
QUOTED_INTEGER: Final = "-?(0|[1-9][0-9]{0,18})"
"""Texts that OpenX's JSON serde takes for whole numbers, as everybody does."""
BARE_FLOAT: Final = "NaN|-?Infinity"
"""What is written for a float that is no number, bare by Python's json, though JSON has none."""
QUOTED_BOOLEAN: Final = "(?i)true|false"
"""Texts that Hive's JSON serdes take for booleans, as everybody does; any other is false to them.

Source: rcongiu/Hive-JSON-Serde, JavaStringBooleanObjectInspector; Apache Hive, JsonSerDe.
"""
EPOCH_SECONDS: Final = "[1-9][0-9]{8,9}"
EPOCH_MILLIS: Final = "[1-9][0-9]{12}"
"""Numbers that OpenX's JSON serde takes for times since 1970: 13 digits are milliseconds.

Source: rcongiu/Hive-JSON-Serde, ParsePrimitiveUtils.parseTimestamp, which takes any other number
for one of them too; shorter and longer ones may be meant otherwise, and raise here.
"""
DECIMAL: Final = "-?[0-9]{1,17}([.][0-9]{0,20})?"
NOT_A_FLOAT: Final = "[A-Za-z_./:-]*"
SPECIAL_FLOAT: Final = "[+-]?(NaN|Inf|Infinity)"
NO_DIGIT: Final = "[A-Za-z_ ./:-]*"
"""Texts without a digit: no number and no time, whichever reader looks at them."""
NOT_A_BOOLEAN: Final = "|\\S(.|\\n)*"
SOME_BOOLEAN: Final = "(?i)([tfyn01]|yes|no|on|off|.*\\s)"


ISO_LOCAL: Final = f"{DATE}[ T]{TIME}"


def decimal_number(type_: DataType) -> str:
    """Return the shape of a JSON number that is a value of a decimal, exactly."""
    scale = type_.scale or 0
    whole = (type_.precision or 0) - scale
    digits = f"0*[0-9]{{1,{whole}}}" if whole else "0+"
    return f"-?{digits}" + (f"([.][0-9]{{0,{scale}}}0*)?" if scale else "([.]0*)?")


def epoch_or_iso(since: Mapping[str, str], iso: str, fits: Callable[[str], str]) -> tuple[str, str]:
    """Return a number or a text of JSON as a time, and the condition that it is one.

    Args:
        since: What a number is as a time, by its shape: `EPOCH_SECONDS`, `EPOCH_MILLIS`.
        iso: What a text in ISO 8601 is as one.
        fits: Gives the condition that the value has a shape.
    """
    whens = " ".join(f"WHEN {fits(shape)} THEN {time}" for shape, time in since.items())
    shapes = (ISO_TIMESTAMP, *since)
    return f"CASE {whens} ELSE {iso} END", f"({' OR '.join(map(fits, shapes))})"


def value_of(
    text: str,
    type_: DataType,
    odd: str,
    matches: Callable[[str, str], str],
    type_name: Callable[[DataType], str],
    *,
    iso: bool = False,
) -> str:
    """Return SQL for a text as a value of a type.

    Args:
        text: The text, as SQL; NULL stays NULL.
        type_: The type, one of `FORMS`.
        odd: What raises for a text on which readers differ.
        matches: `(text, shape) -> condition` that the whole of a text has a shape.
        type_name: Spells a type.
        iso: Whether times may be written as ISO 8601 has it: Spark's CSV takes them, Hive's text
            does not.
    """
    name = type_name(type_)
    values = {
        "cast": f"TRY_CAST({text} AS {name})",
        "decimal": f"TRY_CAST(CAST({text} AS DECIMAL(38,20)) AS {name})",
        "day": f"coalesce(TRY_CAST({text} AS {name}), {odd})",
        "NaN": f"CAST('NaN' AS {name})",
        "odd": odd,
    }
    whens = " ".join(
        f"WHEN {matches(text, shape)} THEN {values.get(word, word)}"
        for shape, word in ((_ISO.get(type_.name) if iso else None) or FORMS[type_.name])
    )
    return f"CAST(CASE WHEN {text} IS NULL THEN NULL {whens} ELSE {odd} END AS {name})"


_FLOAT: Final = ((NUMBER, "cast"), ("NaN", "NaN"), (SPECIAL_FLOAT, "odd"), (NOT_A_FLOAT, "NULL"))
_LOST_DAYS: Final = ("1582-10-(0[5-9]|1[0-4]).*", "odd")
"""Days that the calendar of Hive before 3 has not."""
_TIMESTAMP: Final = (_LOST_DAYS, (f"{DATE} {TIME}", "day"), (NO_DIGIT, "NULL"))
FORMS: Final = {
    **dict.fromkeys(INTEGER_BITS, ((INTEGER, "cast"), (NO_DIGIT, "NULL"))),
    "float": _FLOAT,
    "double": _FLOAT,
    "decimal": ((DECIMAL, "decimal"), (NO_DIGIT, "NULL")),
    "boolean": (
        ("(?i)true", "true"),
        ("(?i)false", "false"),
        (SOME_BOOLEAN, "odd"),
        (NOT_A_BOOLEAN, "NULL"),
    ),
    "date": (_LOST_DAYS, (DATE, "day"), (NO_DIGIT, "NULL")),
    "timestamp": _TIMESTAMP,
    "timestamp_ntz": _TIMESTAMP,
}
"""What a text is in a type, by its shape; the first counts, and any other is odd.

A day that no month has (30 February) is one of the next month to Hive, the month's last to Trino.
"""
_ISO: Final = {
    "date": ((DATE, "cast"), (NO_DIGIT, "NULL")),
    "timestamp": ((ISO_TIMESTAMP, "cast"), (NO_DIGIT, "NULL")),
    "timestamp_ntz": ((ISO_LOCAL, "cast"), (NO_DIGIT, "NULL")),
}


def json_pieces(possessive: str = "") -> str:
    """Return the pattern of what a line of JSON is made of: its texts, and what is between them.

    Args:
        possessive: As in `escaped_field`.
    """
    return f'{_json_text(possessive)}|[^"]+{possessive}'


def _json_text(possessive: str) -> str:
    # One that is never closed goes on to the end: else each quote in it would be tried for a text.
    plain = f'[^"\\\\]*{possessive}'
    return f'"{plain}(?:\\\\.{plain})*{possessive}(?:"|\\\\?\\z)'


BARE_FLOATS: Final = f"([:\\[,]\\s*)({BARE_FLOAT})\\b"
"""What stands before such a float, and it."""


def with_floats(line: str, quoted: str, is_json: Callable[[str], str]) -> str:
    """Return a line with its bare NaN and Infinity as texts, where that makes it JSON.

    Args:
        line: The line, as SQL.
        quoted: The line with quotes around each of them, as SQL.
        is_json: Gives the condition that a text is JSON.
    """
    some = " OR ".join(f"contains({line}, '{word}')" for word in ("NaN", "Infinity"))
    return (
        f"CASE WHEN ({some}) AND NOT {is_json(line)} AND {is_json(quoted)} "
        f"THEN {quoted} ELSE {line} END"
    )


def no_object(
    line: str,
    replaced: Callable[[str, str, str], str],
    matches: Callable[[str, str], str],
    possessive: str = "",
) -> str:
    """Return the condition that every parser of JSON fails on a line that is none.

    OpenX's reads much that is no JSON: single quotes, names without quotes, a comma too many, what
    follows an object. So a line must be one that begins as no object and no list, or an object
    that is never closed.

    Source: rcongiu/Hive-JSON-Serde, JsonSerDe.deserialize, JSONTokener.

    Args:
        line: The line, as SQL.
        replaced: `(text, pattern, by) -> text` with all that a pattern finds replaced.
        matches: `(text, shape) -> condition`, as in `value_of`.
        possessive: As in `escaped_field`.
    """
    inside = replaced(line, f"(?s){_json_text(possessive)}", "0")
    inside = replaced(inside, r"\A\s*\{", "")
    for _ in range(_NESTED):
        inside = replaced(inside, r"[\[{][^\[\]{}]*[\]}]", "0")
    opened = matches(line, rf"(?s){BLANK}\{{.*")
    begins = matches(line, rf"(?s){BLANK}[^\x00-\x20{{\[].*")
    return f"({begins} OR ({opened} AND {matches(inside, _NEVER_CLOSED)}))"


_NESTED: Final = 8
"""Levels of brackets that are looked at: what nests deeper counts as closed."""
_NEVER_CLOSED: Final = r"[\w\s:,.+\-\[{]*"
"""What is left of an object behind its bracket, without its texts and all that is closed."""


def escaped_field(separator: str, escape: str, possessive: str = "") -> str:
    """Return the pattern of a field in which an escape makes one of any character after it.

    Source: Apache Hive, LazyStruct.parse.

    Args:
        separator: What parts fields.
        escape: The escape; as a line's last character it is one of the text.
        possessive: What makes a repetition of Java's possessive, so that its matcher goes on and
            not deeper; RE2 has none, and needs none.
    """
    plain, e = f"[^{in_class(separator + escape)}]*{possessive}", re.escape(escape)
    return f"{plain}(?:{e}.{plain})*{possessive}(?:{e})?"


def spark_field(
    separator: str, quote: str, escape: str, possessive: str = "", ends: str = ""
) -> str:
    """Return the pattern of a field of Spark's CSV, with its quotes.

    A text that begins with no quote may hold some. In quotes an escape makes one of a quote or of
    an escape after it, and stands for itself before any other character. What follows a closing
    quote, and a quote that nothing closes, are of no such field.

    Source: univocity-parsers, CsvParser.parseQuotedValue.

    Args:
        separator: What parts fields.
        quote: What fields may be put into.
        escape: The escape; the quote itself where quotes are doubled.
        possessive: As in `escaped_field`.
        ends: Characters that end a record, and are in no text without quotes.
    """
    q, e = re.escape(quote), re.escape(escape)
    plain = f"[^{in_class(quote + escape)}]*{possessive}"
    inside = f"{plain}(?:{e}{q if e == q else '.'}{plain})*{possessive}"
    first, other = in_class(separator + quote + ends), in_class(separator + ends)
    return f"(?:{q}{inside}{q}|(?:[^{first}][^{other}]*{possessive})?{possessive})"


def hive_field(separator: str, quote: str, escape: str, possessive: str = "") -> str:
    """Return the pattern of a field of OpenCSVSerde's, with its quotes, that all parsers cut alike.

    Args:
        separator: What parts fields.
        quote: What fields may be put into; doubled inside of quotes it is one of the text.
        escape: What makes a quote, or itself, one of the text.
        possessive: As in `escaped_field`.
    """
    q, e = re.escape(quote), re.escape(escape)
    plain = f"[^{in_class(quote + escape)}]*{possessive}"
    inside = f"{plain}(?:(?:{e}.|{q}{q}){plain})*{possessive}"
    return f"(?:{q}{inside}{q}|[^{in_class(separator + quote)}]*{possessive})"


def hive_unescaped(
    token: str, inner: str, quote: str, escape: str, replaced: Callable[[str, str], str]
) -> tuple[str, str]:
    """Return a field's text as OpenCSVSerde has it, in quotes and without any.

    It leaves each escape out, and takes a quote or an escape behind one as it is: without quotes,
    only where the field has begun.

    Source: au.com.bytecode.opencsv.CSVParser 2.3; Trino, CsvDeserializer ("bug for bug compatible
    with OpenCSVSerde").

    Args:
        token: The field, as SQL.
        inner: What stands between its quotes, as SQL.
        quote: What it may be put into.
        escape: The escape.
        replaced: `(text, pattern) -> text`, with all that a pattern of two groups finds replaced by
            what these hold.
    """
    q, e, both = re.escape(quote), re.escape(escape), in_class(quote + escape)
    begun = replaced(token, rf"\A{e}+()()")
    return replaced(inner, f"{e}([{both}])|{q}({q})|{e}"), replaced(begun, f"{e}({e})()|{e}")


def in_class(characters: str) -> str:
    """Return characters as they stand in a class of a pattern, to Java's matcher and to RE2."""
    return "".join(map(re.escape, dict.fromkeys(characters)))
