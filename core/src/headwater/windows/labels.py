"""Labels of a window: when an actual may have been set that a window's rows take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.tables.window import Window

MAY_BELONG: Final = timedelta(hours=36)
"""How long before its prediction an actual may be dated and still be one of it.

An actual may be dated by its day, and the day be of any zone: that of the zone furthest west ends
36 hours after the midnight in UTC that stands for it.
"""
_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
"""Before any actual."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


def until(window: Window, as_of: datetime, horizon: timedelta | None) -> datetime:
    """Return until when actuals of a window's rows are taken, that moment included.

    Args:
        window: The rows' window.
        as_of: Until when actuals are taken at all.
        horizon: How long after its end a window still takes actuals; None for ever.
    """
    if horizon is None or _NEVER - window.end < horizon:
        return as_of
    return min(as_of, window.end + horizon)


def stretch(window: Window | None, as_of: datetime) -> Window:
    """Return the time in which actuals may be set that the rows of a window take.

    Args:
        window: The rows' window; None for all rows.
        as_of: Until when actuals are taken; it is included, so the stretch ends a microsecond
            later.
    """
    start = _EVER if window is None else window.start
    earliest = start - MAY_BELONG if start - _EVER > MAY_BELONG else _EVER
    return Window(min(earliest, as_of), as_of + _TICK)


def expected(window: Window | None, as_of: datetime) -> Window | None:
    """Return the time in which actuals should lie: from the predictions' start, before `as_of`.

    Not at `as_of`, where a day may just begin: its partition is not missed. None if that is none.

    Args:
        window: The rows' window; None for all rows.
        as_of: Until when actuals are taken.
    """
    start = _EVER if window is None else window.start
    return Window(start, as_of) if start < as_of else None
