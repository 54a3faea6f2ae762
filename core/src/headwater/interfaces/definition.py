"""Definition: what a connection is made of, from Python or from a configuration file."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from headwater.errors import ConfigError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.mapping import Mapping
from headwater.tables.durations import duration
from headwater.windows.settings import WindowSettings


@dataclass(frozen=True, slots=True)
class Definition:
    """What a connection is made of, as a value: the same definition twice is one connection.

    Args:
        source: Where the rows come from.
        mapping: Which column feeds which field.
        sample: Share of the ids that reads keep, in (0, 1].
        max_bytes: Bytes that a read may read at most.
        horizon: Of actuals: how long after its end a window takes them; None for ever.
        windows: What is said of the windows that it is read in.
    """

    source: DataSource
    mapping: Mapping
    sample: float | None = None
    max_bytes: int | None = None
    horizon: timedelta | None = None
    windows: WindowSettings = field(default_factory=WindowSettings)

    @classmethod
    def of(
        cls,
        source: DataSource,
        *,
        sample: float | None = None,
        max_bytes: int | None = None,
        horizon: timedelta | str | float | None = None,
        windows: MappingABC[str, Any] | WindowSettings | None = None,
        **columns: str | MappingABC[str, str] | None,
    ) -> Definition:
        """Return a definition; what is empty or None of its `columns` was not given.

        Args:
            source: Where the rows come from.
            sample: Share of the ids that reads keep.
            max_bytes: Bytes that a read may read at most.
            horizon: How long after its end a window takes actuals.
            windows: What is said of its windows (`WindowSettings.of`).
            columns: The arguments of `Mapping`.

        Raises:
            ConfigError: If a horizon is no duration, or nothing says when the actuals were set.
        """
        mapping = {
            name: written if isinstance(written, str) else dict(written)
            for name, written in columns.items()
            if written
        }
        bound = Mapping(**mapping)  # type: ignore[arg-type]
        limit = None if horizon is None else _horizon(horizon, bound)
        return cls(source, bound, sample, max_bytes, limit, WindowSettings.of(windows))


def _horizon(value: timedelta | str | float, mapping: Mapping) -> timedelta:
    limit = duration(value, "horizon")
    if limit < timedelta(0):
        raise ConfigError(f"horizon={value!r} is negative", hint="write e.g. '30 days'")
    if mapping.timestamp_column is None:
        raise ConfigError(
            "actuals with a horizon need timestamp_column: nothing else says when they were set",
            hint="name the column, or leave out horizon",
        )
    return limit
