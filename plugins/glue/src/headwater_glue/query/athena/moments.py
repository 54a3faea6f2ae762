"""Dates and timestamps: moved, truncated, counted, written.

Source: Trino documentation, "Date and time functions and operators".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from headwater import types as t
from headwater_glue.query.athena.values import (
    Typed,
    UntranslatableError,
    refuse,
    string_literal,
)

_UNITS: Final = ("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


def moved(value: Typed, unit: str, count: str, node: exp.Expr) -> Typed:
    """Return a date or timestamp moved by a number of units.

    Args:
        value: The date or timestamp.
        unit: E.g. `DAY`.
        count: How many, in Spark's SQL; negative is back.
        node: For messages.
    """
    unit = unit.upper()
    if value.type == t.DATE:
        if unit in ("DAY", "WEEK"):
            days = count if unit == "DAY" else f"7 * ({count})"
            return Typed(f"date_add({value.text}, {days})", t.DATE)
        if unit in ("MONTH", "QUARTER", "YEAR"):
            months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
            number = count if months == 1 else f"{months} * ({count})"
            return Typed(f"add_months({value.text}, {number})", t.DATE)
        refuse(node, f"a date and {unit.lower()}s")
    if value.type == t.TIMESTAMP and unit in _UNITS:
        return Typed(f"timestampadd({unit}, {count}, {value.text})", t.TIMESTAMP)
    raise UntranslatableError(node, f"{value.type} and {unit.lower()}s")


def date_trunc(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return the beginning of a period; of a date, a date."""
    unit = (arguments[0].literal or "").upper()
    if unit not in _UNITS:
        refuse(node, f"date_trunc() to {unit.lower() or 'what is not a literal'}")
    moment = arguments[1]
    text = f"date_trunc('{unit}', {moment.text})"
    return (
        Typed(text, t.TIMESTAMP)
        if moment.type == t.TIMESTAMP
        else Typed(text, t.TIMESTAMP).cast(t.DATE)
    )


def date_add(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return a moment moved by a number of units."""
    unit, count, moment = arguments
    if unit.literal is None or not count.type.is_integer:
        refuse(node, "date_add() by a unit that is not a literal")
    return moved(moment, unit.literal, count.text, node)


def date_diff(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return the whole units between two moments."""
    unit, start, end = arguments
    word = (unit.literal or "").upper()
    if word == "DAY" and start.type == end.type == t.DATE:
        return Typed(f"CAST(datediff({end.text}, {start.text}) AS bigint)", t.BIGINT)
    if word not in _UNITS or start.type != end.type:
        refuse(node, f"date_diff() in {unit.literal} of {start.type} and {end.type}")
    return Typed(f"timestampdiff({word}, {start.text}, {end.text})", t.BIGINT)


def date(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return the date of a moment."""
    return arguments[0].cast(t.DATE)


# MySQL's specifiers, which Trino's date_format takes, in Java's letters, which Spark's takes.
_SPECIFIERS: Final = {
    "%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%i": "mm", "%s": "ss", "%S": "ss",
    "%T": "HH:mm:ss", "%%": "'%'",
}  # fmt: skip


def date_format(arguments: Sequence[Typed], node: exp.Expr) -> Typed:
    """Return a moment as text: MySQL's specifiers in Java's letters."""
    pattern = arguments[1].literal
    if pattern is None:
        refuse(node, "date_format() with a pattern that is not a literal")
    parts = re.findall(r"%.|[A-Za-z']+|[^%A-Za-z']+|%$", pattern)
    spelled = ""
    for part in parts:
        if part.startswith("%"):
            if part not in _SPECIFIERS:
                refuse(node, f"date_format() with {part!r}")
            spelled += _SPECIFIERS[part]
        elif part[0].isalpha() or part[0] == "'":
            spelled += "'" + part.replace("'", "''") + "'"
        else:
            spelled += part
    if set(spelled) & set("[]{}#"):
        refuse(node, "date_format() with a pattern in which Spark reads brackets")
    return Typed(f"date_format({arguments[0].text}, {string_literal(spelled, node)})", t.STRING)
