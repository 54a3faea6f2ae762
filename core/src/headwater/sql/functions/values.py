"""Values of arguments that Spark refuses before it reads a row, or in the first row that it reads.

Only literals are looked at. The rules are named in the entry `values` of `functions.txt`.

Source: Apache Spark 4.1: `ToNumberParser`, `IntervalUtils`, `DateTimeUtils.getZoneId`, and
`checkInputDataTypes` of the functions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

from sqlglot import exp

from headwater.sql.functions.results import extracted
from headwater.sql.syntax import intervals
from headwater.sql.syntax.nodes import EXTRACT_UNITS
from headwater.sql.syntax.time_zones import is_zone
from headwater.sql.syntax.words import words
from headwater.types import STRING, UNKNOWN, DataType
from headwater.types.text import TypeTextError, parse_type
from headwater.untrusted.texts import decimal_number

_FORMAT: Final = re.compile(
    r"(?:MI|S)?\$?(?=[.D]?[09])(?:[09]+(?:[,G][09]+)*)?(?:[.D][09]*)?(?:MI|S|PR)?", re.IGNORECASE
)
_MOST_DIGITS: Final = 38
_MONTHS: Final = re.compile("year|month", re.IGNORECASE)
_WORDS: Final = re.compile(r"[\w\s,]+")
_SHIFTED: Final = words(
    "YEAR QUARTER MONTH WEEK DAY DAYOFYEAR HOUR MINUTE SECOND MILLISECOND MICROSECOND"
)
"""Units that `timestampadd` and its kin take; source: `SqlBaseParser.g4`, `datetimeUnit`."""


def wrong(rule: str, node: exp.Expr, types: Sequence[DataType]) -> str | None:
    """Return what is wrong with a value that a rule does not admit, or None.

    Args:
        rule: A name of the table.
        node: The argument.
        types: Types of all arguments: to_char writes times by other formats than numbers, and
            intervals have other units than times.
    """
    if rule == "number-format-of-1" and not (types[0].is_numeric or types[0] == STRING):
        return None
    if rule == "unit" and types[-1].name == "interval" and types[-1].field_names:
        text = _text(node)
        known = text is None or extracted(text, types[-1]) != UNKNOWN
        return None if known else f"the unit {text!r}, which {types[-1]} has not,"
    return RULES[rule][0](node)


def hint(rule: str) -> str:
    """Return what to write instead."""
    return RULES[rule][1]


def _text(node: exp.Expr) -> str | None:
    return str(node.name) if isinstance(node, exp.Literal) and node.is_string else None


def _number(node: exp.Expr) -> Decimal | None:
    sign = -1 if isinstance(node, exp.Neg) else 1
    node = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(node, exp.Literal):
        return None
    text = node.name.strip() if node.is_string else node.name.upper().rstrip("BDLSYF")
    number = decimal_number(text)
    return None if number is None else sign * number


def _no_number(node: exp.Expr) -> str | None:
    text = _text(node)
    return f"{text!r}, which is no number," if text is not None and _number(node) is None else None


def _zone(node: exp.Expr) -> str | None:
    text = _text(node)
    return None if text is None or is_zone(text) else f"the unknown time zone {text!r}"


def _unit(node: exp.Expr) -> str | None:
    text = _text(node)
    known = text is None or text.lower() in EXTRACT_UNITS
    return None if known else f"the unknown unit {text!r}"


def _keyword(node: exp.Expr) -> str | None:
    text = node.name
    known = text.upper() in _SHIFTED and not isinstance(node, exp.Literal)
    return None if known else f"the unknown unit {text!r}"


def _fraction(node: exp.Expr) -> str | None:
    items = node.expressions if isinstance(node, exp.Anonymous) and node.name == "array" else [node]
    for item in items:
        number = _number(item)
        if number is not None and not 0 <= number <= 1:
            return f"{number}, which is not between 0 and 1,"
        if wrong := _no_number(item):
            return wrong
    return None


def _positive(node: exp.Expr) -> str | None:
    number = _number(node)
    if number is not None and number <= 0:
        return f"{number}, which is not above 0,"
    return _no_number(node)


def _character(node: exp.Expr) -> str | None:
    text = _text(node)
    return None if text is None or len(text) == 1 else f"the text {text!r}"


def _binary_format(node: exp.Expr) -> str | None:
    text = _text(node)
    known = text is None or text.lower() in ("hex", "base64", "utf-8", "utf8")
    return None if known else f"the unknown format {text!r}"


def _type(node: exp.Expr) -> str | None:
    text = _text(node)
    return None if text is None or _said_type(text) else f"the unknown type {text!r}"


def _schema(node: exp.Expr) -> str | None:
    text = _text(node)
    if text is None:
        return None
    type_ = _said_type(text) or _said_type(f"struct<{text}>")
    if type_ is not None:
        padded = any(part.name in ("char", "varchar") for part in type_.walk())
        return f"the schema {text!r}, in which CHAR or VARCHAR stands," if padded else None
    # Only short forms are told: comments, defaults and quoted names pass.
    parts = [part.split() for part in text.split(",")]
    plain = _WORDS.fullmatch(text) and all(len(part) <= 2 for part in parts)
    return f"the schema {text!r}" if plain else None


def _said_type(text: str) -> DataType | None:
    try:
        return parse_type(text)
    except TypeTextError:
        return None


def _duration(node: exp.Expr) -> str | None:
    text = _text(node)
    if text is None:
        return None
    if not intervals.is_interval(text):
        return f"the text {text!r}, which is no interval,"
    return f"the text {text!r}: months differ in length," if _MONTHS.search(text) else None


def _number_format(node: exp.Expr) -> str | None:
    text = _text(node)
    if text is None or (_FORMAT.fullmatch(text) and len(re.findall("[09]", text)) <= _MOST_DIGITS):
        return None
    return f"the number format {text!r}"


RULES: Final[dict[str, tuple[Callable[[exp.Expr], str | None], str]]] = {
    "zone": (_zone, "name a zone of the IANA database, as 'Europe/Berlin', or an offset"),
    "unit": (_unit, "e.g. 'YEAR', 'MONTH', 'DAY', 'HOUR'"),
    "keyword": (_keyword, "e.g. YEAR, MONTH, DAY, HOUR, MINUTE, SECOND"),
    "fraction": (_fraction, "write a number from 0 to 1"),
    "positive": (_positive, "write a number above 0"),
    "duration": (_duration, "e.g. '1 hour', '5 minutes'"),
    "character": (_character, "write one character"),
    "binary-format": (_binary_format, "one of 'hex', 'base64' and 'utf-8'"),
    "type": (_type, "e.g. 'int', 'string', 'timestamp'"),
    "schema": (_schema, "e.g. 'name STRING, size INT'"),
    "number-format-of-1": (_number_format, "e.g. '999.99', 'S0,000', '$99.9'"),
    "number-format": (_number_format, "e.g. '999.99', 'S0,000', '$99.9'"),
    "options": (lambda node: None, ""),
}
"""Rules for values, and what to write instead. Which options are admitted, the guard says."""
