"""Names that headwater's own SQL uses, and a user's query does not."""

from __future__ import annotations

from typing import Final

PRIVATE_PREFIX: Final = "_hw_"
"""How the columns begin that headwater's own SQL adds to a plan's; no field is called so."""

PRIVATE_DATABASE: Final = "hw"
"""Database under which a plan's SQL names its tables: `hw`.`t0`, `hw`.`t1` ..."""

CONFLICT: Final = f"{PRIVATE_PREFIX}conflict"
"""Whether rows of actuals of the same id and time contradict each other."""

EARLY: Final = f"{PRIVATE_PREFIX}early"
"""Whether an actual is dated before its prediction, whether or not it was taken."""

STALE: Final = f"{PRIVATE_PREFIX}stale"
"""Whether an actual was not taken, as it is dated too long before its prediction."""

UNTIMED: Final = f"{PRIVATE_PREFIX}untimed"
"""Whether an actual was not taken, as nothing says when it was set."""

REMARKS: Final = (CONFLICT, EARLY, STALE, UNTIMED)
"""Extra output columns of a plan with actuals: booleans, to be counted and left out."""

PART: Final = f"{PRIVATE_PREFIX}window"
"""Which of several windows a row is of, counted from 0: a column of a plan of several windows."""
