"""Spark SQL, looked at before it runs: read, guarded, bound, typed.

    validate(sql, catalog=...)                 a query against a catalog that is a dict
    parse.parse(text, database=...)            -> ParsedQuery: guarded, its tables found
    resolve.resolve(parsed, tables)            -> Analysis: every name bound, every expression typed

Importing this package costs nothing; sqlglot is imported by the first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from headwater.sql.validation import Validation, validate

__all__ = ["Validation", "validate"]

_HOME: Final = "headwater.sql.validation"


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME), name)


def __dir__() -> list[str]:
    return sorted(__all__)
