"""Macros that compiled queries call: what DuckDB has no function for.

Those of `macros.sql` are in every database; those of `strict_math.sql` and of `casing` are made for
the queries that call them: making them all takes longer than a small read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from headwater.sql.portable import casing

_NAME: Final = re.compile(r"\bsp_\w+(?=\()")


@cache
def statements() -> tuple[str, ...]:
    """Return the CREATE MACRO statements, in the order in which they build on each other."""
    return _read("macros.sql")


def asked(sql: str) -> tuple[str, ...]:
    """Return the CREATE MACRO statements that a query needs beyond `statements`, in order.

    Args:
        sql: A compiled query.
    """
    needed: set[str] = set()
    left = set(_NAME.findall(sql)) & _by_name().keys()
    while left:
        needed |= left
        left = {n for name in left for n in _NAME.findall(_by_name()[name])} & _by_name().keys()
        left -= needed
    return tuple(text for name, text in _by_name().items() if name in needed)


@cache
def _by_name() -> Mapping[str, str]:
    """Return the statements that only some queries need, by the macro's name, in order."""
    found = {}
    for statement in (*_read("strict_math.sql"), *casing.macros()):
        if match := _NAME.search(statement):
            found[match[0]] = statement
    return found


def _read(name: str) -> tuple[str, ...]:
    source = (files("headwater.sql.portable") / name).read_text(encoding="utf-8")
    lines = (line for line in source.splitlines() if not line.lstrip().startswith("--"))
    return tuple(s.strip() for s in "\n".join(lines).split(";\n") if s.strip())
