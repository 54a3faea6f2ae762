"""How deep tests by chance go: as deep as every run can pay for, or `HEADWATER_DEPTH` times so."""

from __future__ import annotations

import os
from typing import Final

DEPTH: Final = float(os.environ.get("HEADWATER_DEPTH", "1"))


def examples(count: int) -> int:
    """Return how many examples a test tries that tries so many in every run."""
    return max(1, round(count * DEPTH))
