"""Cells: the values of a profile by place and key, how a table stores them, and how they merge."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from headwater.diagnostics import Diagnostic
from headwater.profiling.statistics import STATISTICS, WITNESSES, Value
from headwater.tables.window import Window

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Which rows a cell counts.

    Args:
        window: Their window; None for all that were asked for, or for the total of several.
        segment: Their segment, as JSON; None where there are no segments.
    """

    window: Window | None
    segment: str | None


class Key(NamedTuple):
    """What a cell says about these rows.

    Args:
        field: The field; None for the rows as a whole.
        statistic: What of it.
        bin: Number of the bin, of what is counted by bin.
        label: Value or class, of what is counted by label.
    """

    field: str | None
    statistic: str
    bin: int | None = None
    label: str | None = None


Cells = Mapping[Key, Value]
"""What a profile tells of one place."""


@dataclass(frozen=True, slots=True)
class About:
    """Where a profile comes from; not part of what is compared or merged exactly.

    Args:
        connections: Names of the connections.
        first_as_of: The earliest moment until which actuals were taken, if any was.
        last_as_of: The latest one.
        warnings: What a reader should know of the rows.
    """

    connections: tuple[str, ...] = ()
    first_as_of: datetime | None = None
    last_as_of: datetime | None = None
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def as_of(self) -> tuple[datetime, datetime] | None:
        """The earliest and the latest moment until which actuals were taken; None if none were."""
        first, last = self.first_as_of, self.last_as_of
        return None if first is None or last is None else (first, last)

    def __add__(self, other: About) -> About:
        moments = [m for a in (self, other) for m in (a.first_as_of, a.last_as_of) if m is not None]
        return About(
            tuple(sorted({*self.connections, *other.connections})),
            min(moments, default=None),
            max(moments, default=None),
            tuple(dict.fromkeys((*self.warnings, *other.warnings))),
        )


def merged(parts: Sequence[Cells]) -> Cells:
    """Return the merged cells of several parts of one place.

    Args:
        parts: The cells of each part.
    """
    whole: dict[Key, Value] = {}
    missing: set[Key] = set()
    for part in parts:
        for key, value in part.items():
            before = whole.get(key)
            whole[key] = value if before is None else STATISTICS[key.statistic].merge(before, value)
            for name in _WITNESSED.get(key.statistic, ()):
                if (summed := Key(key.field, name)) not in part:
                    missing.add(summed)
    return cleaned({key: value for key, value in whole.items() if key not in missing})


_WITNESSED: Final = {
    witness: tuple(name for name, of in WITNESSES.items() if of == witness)
    for witness in set(WITNESSES.values())
}


def cleaned(cells: Mapping[Key, Value]) -> Cells:
    """Return cells without counts of zero.

    Args:
        cells: What was counted.
    """
    return {
        key: value
        for key, value in cells.items()
        if value != 0 or type(value) is not int or STATISTICS[key.statistic].merge in (min, max)
    }


def segment_text(values: Mapping[str, str | None]) -> str | None:
    """Return a segment as a profile's table stores it.

    Args:
        values: The value of each of its fields.
    """
    if not values:
        return None
    ordered = {name: values[name] for name in sorted(values)}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))


def segment_of(text: str | None) -> Mapping[str, str | None] | None:
    """Return the segment that a text of `segment_text` stands for.

    Args:
        text: It.
    """
    return None if text is None else json.loads(text)


def narrowed(segment: str | None, names: Sequence[str]) -> str | None:
    """Return a segment reduced to some of its fields.

    Args:
        segment: Its text.
        names: The fields.
    """
    values = segment_of(segment)
    return None if values is None else segment_text({n: values[n] for n in names if n in values})


def nulls_first(value: Any) -> tuple[bool, Any]:
    """Return the sort key of a text or NULL; NULL sorts first."""
    return value is not None, value or ""


def place_order(place: Place) -> tuple[Any, ...]:
    """Return the sort key of a place in a profile's table."""
    window = place.window
    moments = (False, EPOCH, EPOCH) if window is None else (True, window.start, window.end)
    return (*moments, nulls_first(place.segment))


def key_order(key: Key) -> tuple[Any, ...]:
    """Return the sort key of a cell within its place."""
    return (
        nulls_first(key.field),
        key.statistic,
        -1 if key.bin is None else key.bin,
        nulls_first(key.label),
    )
