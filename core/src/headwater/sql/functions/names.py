"""How Spark writes calls in a column's name.

Source: measured on Spark 4.1, each function by itself; see `tests/differential/test_analysis.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from headwater.sql.functions.table import Function

_COUNTED: Final = re.compile(r"([0-9*]): (.*)")
_HOLE: Final = re.compile(r"\{(\*|\d)\}")


def call_name(
    function: Function, count: int, argument: Callable[[int], str], *, star: bool = False
) -> tuple[str, bool]:
    """Return a call as Spark writes it, and whether that is certain.

    Args:
        function: Its row.
        count: With how many arguments it is called.
        argument: Writes one of them; it is not asked for those that Spark leaves out.
        star: Whether a star is the only one.
    """
    texts = dict(map(_entry, function.entry("written").split(" ; ")))
    text = (texts.get("*") if star else None) or texts.get(str(count)) or texts.get("") or "?="
    certain = not text.startswith("?")
    text = text.removeprefix("?")
    if text == "=":
        text = f"{function.name}({{*}})"

    def filled(hole: re.Match[str]) -> str:
        if hole[1] == "*":
            return ", ".join(map(argument, range(count)))
        return argument(int(hole[1])) if int(hole[1]) < count else ""

    return _HOLE.sub(filled, text), certain


def _entry(text: str) -> tuple[str, str]:
    """Return for which number of arguments a text is, and the text."""
    match = _COUNTED.fullmatch(text)
    return (match[1], match[2]) if match else ("", text)
