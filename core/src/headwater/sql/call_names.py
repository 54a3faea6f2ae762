"""How Spark writes calls in a column's name: where it is not `name(arguments)` as they stand."""

from __future__ import annotations

from typing import Final

ALIASES: Final[dict[str, str]] = {}
ARGUMENTS_KEPT: Final[dict[str, int]] = {}
DEFAULTS: Final[dict[tuple[str, int], tuple[str, ...]]] = {}
CERTAIN: Final[frozenset[str]] = frozenset()
