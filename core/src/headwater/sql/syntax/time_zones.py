"""Names of time zones, as Java and so Spark knows them."""

from __future__ import annotations

import re
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from headwater.sql.syntax.words import words

_OFFSET: Final = re.compile(r"[+-]\d{1,2}(?::?\d{1,2}(?::?\d{1,2})?)?", re.ASCII)
_PREFIXES: Final = ("UTC", "GMT", "UT")
_SHORT: Final = words(
    """
    ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT EST HST IET IST JST MIT MST NET NST PLT
    PNT PRT PST SST VST Z
    """
)
"""Java's own short names, `ZoneId.SHORT_IDS`."""
_SYSTEM_V: Final = words(
    """
    SystemV/AST4 SystemV/AST4ADT SystemV/CST6 SystemV/CST6CDT SystemV/EST5 SystemV/EST5EDT
    SystemV/HST10 SystemV/MST7 SystemV/MST7MDT SystemV/PST8 SystemV/PST8PDT SystemV/YST9
    SystemV/YST9YDT
    """
)
"""What Java has left of the zones of System V."""


def is_zone(text: str) -> bool:
    """Return whether a text may name a time zone: an offset, a place, or one of Java's names.

    Names are case-sensitive, as in Java.

    Args:
        text: e.g. `Europe/Berlin`, `+02:00`, `UTC+1`.
    """
    rest = next((text[len(p) :] for p in _PREFIXES if text.startswith(p)), text)
    if not rest and text:
        return True
    if _OFFSET.fullmatch(rest):
        hours = int(re.split(r"[+:-]", rest)[1][:2])
        return hours <= 18
    return text in _SHORT or text in _names()


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones()) | _SYSTEM_V
