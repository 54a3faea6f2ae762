"""Errors of values while a query runs: what to do about them, whichever engine raises them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_VALUE: Final = (
    "correct the value or the expression (try_cast, CASE, nullif); Spark in ANSI mode raises on "
    "such values too"
)
_HINTS: Final = MappingProxyType(
    {
        "SCALAR_SUBQUERY_TOO_MANY_ROWS": "have the subquery give one row: an aggregate (max, "
        "any_value), or a narrower WHERE; IN (SELECT ...) compares with all of them",
        "RECURSION_LEVEL_LIMIT_EXCEEDED": "end the recursion by a WHERE in its second part, or "
        "allow more: WITH RECURSIVE name MAX RECURSION LEVEL n AS (...)",
        "RECURSION_ROW_LIMIT_EXCEEDED": "end the recursion by a WHERE in its second part",
    }
)


def hint_of(condition: str = "") -> str:
    """Return what to do about an error.

    Args:
        condition: Spark's name of it, e.g. `DIVIDE_BY_ZERO`; a subclass may follow. Empty where
            the engine has none.
    """
    return _HINTS.get(condition.partition(".")[0], _VALUE)
