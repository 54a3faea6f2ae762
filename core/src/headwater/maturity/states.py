"""States of windows by the calendar, and what a read says of its labels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from headwater.tables.window import Window

if TYPE_CHECKING:
    from headwater.maturity.maturity import Maturity

KEY: Final = "headwater.maturity"
"""Under which name it rides with rows: in Arrow's metadata, and other tools'."""

OPEN: Final = "open"
LANDING: Final = "landing"
RIPENING: Final = "ripening"
RIPE: Final = "ripe"
CLOSED: Final = "closed"
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a connection says of its windows' labels.

    Args:
        ripe: From which part of the labels that ever come on a window is ripe.
        lateness: How long after its end rows of a window may still land.
        horizon: How long after its end a window takes labels; None for ever.
    """

    ripe: float = 0.95
    lateness: timedelta = timedelta(0)
    horizon: timedelta | None = None


def state_by_time(window: Window, now: datetime, terms: Terms) -> str:
    """Return what the calendar says of a window: `open`, `landing`, `closed`, or else `unknown`."""
    if now < window.end:
        return OPEN
    if now - window.end < terms.lateness:
        return LANDING
    if terms.horizon is not None and now - window.end >= terms.horizon:
        return CLOSED
    return UNKNOWN


def of_read(
    window: Window | None, as_of: datetime, terms: Terms, maturity: Maturity | None
) -> dict[str, Any]:
    """Return the maturity of the labels of a read's rows, JSON-ready.

    Args:
        window: Whose rows they are; None for all rows.
        as_of: Until when their labels are taken.
        terms: What the connection says.
        maturity: How ripe labels are, where that was asked before.
    """
    window_state = None if maturity is None or window is None else maturity.about(window)
    if window_state is not None:
        return window_state
    state = UNKNOWN if window is None else state_by_time(window, as_of, terms)
    return {"as_of": as_of.isoformat(), "state": state}
