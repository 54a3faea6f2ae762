"""Macros that compiled queries call: what DuckDB has no function for, from `macros.sql`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statements() -> tuple[str, ...]:
    """Return the CREATE MACRO statements, in the order in which they build on each other."""
    source = (files("headwater.sql.portable") / "macros.sql").read_text(encoding="utf-8")
    lines = (line for line in source.splitlines() if not line.lstrip().startswith("--"))
    return tuple(s.strip() for s in "\n".join(lines).split(";\n") if s.strip())
