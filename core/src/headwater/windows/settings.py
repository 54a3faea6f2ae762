"""Settings of windows: what a connection says of the windows that it is read in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

from headwater.errors import ConfigError
from headwater.tables.durations import duration
from headwater.windows.calendar import Calendar, Step


@dataclass(frozen=True, slots=True)
class WindowSettings:
    """What a connection says of its windows.

    Args:
        every: How long they are where nobody says otherwise, e.g. `1 day`; None if not said.
        timezone: Whose clock they begin by, and which clock relative times (`yesterday`) are of.
        lateness: How long after a window's end its rows may still land.
        ignore: Tables whose history does not count: a change of them changes no window.
        ripe: From which part of the labels that ever come on a window is ripe (`maturity`).
    """

    every: Step | None = None
    timezone: str = "UTC"
    lateness: timedelta = timedelta(0)
    ignore: tuple[str, ...] = ()
    ripe: float = 0.95

    @classmethod
    def of(cls, given: Mapping[str, Any] | WindowSettings | None) -> WindowSettings:
        """Return settings as a mapping gives them, e.g. one from a configuration file.

        Raises:
            ConfigError: On an unknown key, or a value that is none of its kind.
        """
        if given is None:
            return cls()
        if isinstance(given, WindowSettings):
            return given
        names = [f.name for f in fields(cls)]
        if extra := sorted(set(given) - set(names)):
            raise ConfigError(f"windows have no {extra[0]!r}", hint=f"keys: {', '.join(names)}")
        every = given.get("every")
        zone = given.get("timezone", "UTC")
        calendar = Calendar.of("1 day" if every is None else every, zone)
        late = duration(given.get("lateness", timedelta(0)), "lateness")
        if late < timedelta(0):
            raise ConfigError("lateness of windows can't be negative", hint="write e.g. '6 hours'")
        ignore = given.get("ignore", ())
        if isinstance(ignore, str) or not isinstance(ignore, Sequence):
            raise ConfigError(
                f"ignore={ignore!r} is no list of tables", hint="write e.g. ['dim_customers']"
            )
        ripe = given.get("ripe", 0.95)
        if isinstance(ripe, bool) or not isinstance(ripe, int | float) or not 0 < ripe <= 1:
            raise ConfigError(f"ripe={ripe!r} of windows is no share", hint="write e.g. 0.95")
        return cls(
            None if every is None else calendar.step,
            zone,
            late,
            tuple(str(t) for t in ignore),
            float(ripe),
        )
