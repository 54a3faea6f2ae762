"""Query files: statements parted by `;`, each with the comment above it as its name."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent / "queries"


def load(name: str) -> dict[str, str]:
    """Return the queries of a file by name."""
    found: dict[str, str] = {}
    for part in (HERE / name).read_text(encoding="utf-8").split(";\n"):
        lines = part.strip().splitlines()
        names = [line.removeprefix("-- ") for line in lines if line.startswith("-- ")]
        text = "\n".join(line for line in lines if not line.startswith("-- ")).strip(" ;\n")
        if text:
            key = names[-1] if names else text[:60]
            while key in found:
                key += "'"
            found[key] = text
    return found


def ends_in_order(sql: str) -> bool:
    """Return whether a query's rows come in an order: its last ORDER BY is in no bracket."""
    return re.search(r"ORDER BY [^()]*$", sql) is not None


def adds_floats(sql: str) -> bool:
    """Return whether a query may add floats up, in an order that no engine fixes."""
    return re.search(r"\b(sum|avg|mean)\s*\(", sql, re.IGNORECASE) is not None
