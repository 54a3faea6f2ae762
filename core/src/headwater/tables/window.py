"""Window: a half-open interval of time, in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from headwater.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open interval of time, in UTC, to the microsecond.

    Args:
        start: Its first moment; aware.
        end: The moment behind its last one; aware, and later.

    Raises:
        ConfigError: If a bound has no time zone, or the interval is empty.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            value: datetime = getattr(self, name)
            if value.tzinfo is None:
                raise ConfigError(
                    f"window {name} {value} has no time zone", hint="use Window.of(...)"
                )
            object.__setattr__(self, name, value.astimezone(UTC))
        if self.start >= self.end:
            raise ConfigError(
                f"the window [{self.start.isoformat()}, {self.end.isoformat()}) is empty",
                hint="its end is exclusive and must be later than its start",
            )

    @classmethod
    def of(cls, start: str | date | datetime, end: str | date | datetime) -> Window:
        """Return a window from ISO 8601 texts, dates or datetimes; naive times are UTC.

        Args:
            start: Its first moment; a date is its midnight.
            end: The moment behind its last one.

        Raises:
            ConfigError: If a bound can't be read, or the window is empty.
        """
        return cls(instant(start), instant(end))

    @property
    def duration(self) -> timedelta:
        """End minus start."""
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"[{_moment_text(self.start)}, {_moment_text(self.end)})"


def instant(value: str | date | datetime) -> datetime:
    """Return an aware UTC datetime; a naive one is taken as UTC, a date as its midnight.

    Raises:
        ConfigError: If a text is not ISO 8601.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ConfigError(
                f"{value!r} is not a time",
                hint="use ISO 8601, e.g. 2026-01-31 or 2026-01-31T12:00:00Z",
            ) from None
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ConfigError(
            f"{value.isoformat()} is before the year 1 or after the year 9999 in UTC",
            hint="write a time between them",
        ) from None


def _moment_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d") if moment.time() == moment.time().min else moment.isoformat()
