"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class FrozenClock:
    """A clock for whatever takes one: call it, and it says its moment. Thread-safe.

    Args:
        moment: Where it stands, with a time zone.

    Example:
        >>> clock = FrozenClock(datetime(2026, 1, 31, tzinfo=UTC))
        >>> clock.advance(hours=1)
        >>> clock().isoformat()
        '2026-01-31T01:00:00+00:00'
    """

    def __init__(self, moment: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._moment = _aware(moment)

    def __call__(self) -> datetime:
        """Return the moment at which it stands, in UTC."""
        with self._lock:
            return self._moment

    def advance(self, by: timedelta | None = None, **parts: float) -> None:
        """Let time pass.

        Args:
            by: How much.
            parts: Instead: the parts of a `timedelta`, e.g. `hours=1, minutes=30`.
        """
        with self._lock:
            self._moment += timedelta(**parts) if by is None else by

    def move_to(self, moment: datetime) -> None:
        """Put it at another `moment`, earlier or later; an aware one."""
        with self._lock:
            self._moment = _aware(moment)

    def __repr__(self) -> str:
        return f"<FrozenClock at {self().isoformat()}>"


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone; write e.g. datetime(2026, 1, 1, tzinfo=UTC)")
    return moment.astimezone(UTC)
