"""Texts that say an interval: `1 hour`, `-2 days 3.5 seconds`, `interval 1 week`.

Source: Apache Spark 4.1, `IntervalUtils.stringToInterval`.
"""

from __future__ import annotations

import re
from typing import Final

_UNIT: Final = r"(?:year|month|week|day|hour|minute|second|millisecond|microsecond)s?"
_PART: Final = rf"[+-]?\s*(?:\d+\s+{_UNIT}|\d*\.?\d*\s+seconds?)"
_INTERVAL: Final = rf"(?:interval\s+)?{_PART}(?:\s+{_PART})*"


def is_interval(text: str) -> bool:
    """Return whether a text says an interval, unit by unit."""
    return re.fullmatch(_INTERVAL, text.strip(), re.IGNORECASE | re.ASCII) is not None


_NUMBER: Final = r"[+-]?\s*[+-]?\d+"
_SECONDS: Final = rf"{_NUMBER}(?:\.\d{{0,9}})?|[+-]?\.\d{{1,9}}"
_SPANS: Final = {
    ("year", "month"): r"\d+-(?:1[01]|0?\d)",
    ("day", "hour"): r"\d+\s+{h}",
    ("day", "minute"): r"\d+\s+{h}:{m}",
    ("day", "second"): r"\d+\s+{h}:{m}:{s}",
    ("hour", "minute"): r"\d+:{m}",
    ("hour", "second"): r"\d+:{m}:{s}",
    ("minute", "second"): r"\d+:{s}",
}
_PARTS: Final = {"h": r"(?:2[0-3]|[01]?\d)", "m": r"[0-5]?\d", "s": r"[0-5]?\d(?:\.\d{1,9})?"}


def says(text: str, first: str | None, last: str | None) -> bool:
    """Return whether a text says an interval literal: `INTERVAL 'text' first TO last`.

    Args:
        text: What stands in quotes, or the number.
        first: The unit, singular, in lower case; None where the text names its units.
        last: The unit after TO, or None.
    """
    text = text.strip()
    if first is None:
        return is_interval(text)
    if last is None:
        number = _SECONDS if first == "second" else _NUMBER
        return re.fullmatch(number, text, re.ASCII) is not None
    pattern = _SPANS.get((first, last))
    if pattern is None:
        return False
    for part, regex in _PARTS.items():
        pattern = pattern.replace(f"{{{part}}}", regex)
    return re.fullmatch(rf"[+-]?{pattern}", text, re.ASCII) is not None
