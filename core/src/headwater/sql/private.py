"""Names that headwater's own SQL uses, and a user's query does not."""

from __future__ import annotations

from typing import Final

PRIVATE_DATABASE: Final = "hw"
"""Database under which a plan's SQL names its tables: `hw`.`t0`, `hw`.`t1` ..."""

CONFLICT: Final = "_conflict"
"""Extra output column of a plan with actuals of another source: whether they contradict."""
