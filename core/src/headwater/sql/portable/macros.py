"""Macros that compiled queries call: what DuckDB has no function for.

They stand in the files `_FILES` and in `casing`, and are made for the queries that call them:
making them all takes longer than a small read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from headwater.sql.portable import casing

_FILES: Final = ("macros.sql", "texts.sql", "strict_math.sql", "hashes.sql", "sketches.sql")
_NAME: Final = re.compile(r"\bsp_\w+(?=\()")
_PARTS: Final = re.compile(r"\b([a-z])((?:\.[a-z]\w*)+)")
"""The part `p.n` of a struct that a lambda's parameter stands for."""


def asked(sql: str) -> tuple[str, ...]:
    """Return the CREATE MACRO statements that a query needs, in order.

    Args:
        sql: A compiled query, or what a table is read by.
    """
    called = set(_NAME.findall(sql))
    if not called:  # as of most windows, whose process need not read the files
        return ()
    needed: set[str] = set()
    left = called & _by_name().keys()
    while left:
        needed |= left
        left = {n for name in left for n in _NAME.findall(_by_name()[name])} & _by_name().keys()
        left -= needed
    return tuple(text for name, text in _by_name().items() if name in needed)


@cache
def _by_name() -> Mapping[str, str]:
    """Return the statements by the macro's name, in the order in which they build on each other."""
    statements = {}
    written = (s for name in _FILES for s in _read(name))
    for statement in (*_tables(), *written, *casing.macros()):
        if match := _NAME.search(statement):
            statements[match[0]] = statement
    return statements


def _tables() -> Iterator[str]:
    """Yield the macros `sp_hll_near_9()` and `sp_hll_biases_9()` of each precision."""
    source = (files("headwater.sql.portable") / "sketches.txt").read_text(encoding="utf-8")
    for line in source.splitlines():
        if line[:1] != "#":
            precision, _, listed = line.partition(": ")
            pairs = [pair.split() for pair in listed.split(", ")]
            for place, name in enumerate(("near", "biases")):
                numbers = ", ".join(f"{p[place]}e0" for p in pairs)
                yield f"CREATE OR REPLACE MACRO sp_hll_{name}_{precision}() AS [{numbers}]"


def _read(name: str) -> tuple[str, ...]:
    source = (files("headwater.sql.portable") / name).read_text(encoding="utf-8")
    lines = (line for line in source.splitlines() if not line.lstrip().startswith("--"))
    # In HAVING DuckDB takes p.n, of a lambda's p, for a column.
    written = _PARTS.sub(_extracted, "\n".join(lines))
    return tuple(s.strip() for s in written.split(";\n") if s.strip())


def _extracted(part: re.Match[str]) -> str:
    sql = part[1]
    for name in part[2].removeprefix(".").split("."):
        sql = f"struct_extract({sql}, '{name}')"
    return sql
