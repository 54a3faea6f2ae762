"""Counts: rows by the window they are of, their age, and how long their first label took.

They are all that an engine is asked for: whole numbers, so every engine gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from headwater.tables.window import Window

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cell(NamedTuple):
    """A group of rows with the same window, age, delay and classes.

    Args:
        window: Number of their window.
        age: Whole units from the prediction to `as_of`.
        delay: Whole units from the prediction to its first label; None while there is none.
        lost: Whether that label was set beyond the horizon of the window.
        predicted: What was predicted, where predictions are classes.
        actual: The label that is known now, likewise.
    """

    window: int
    age: int
    delay: int | None
    lost: bool = False
    predicted: Any = None
    actual: Any = None


class Tally(NamedTuple):
    """How many rows a cell has.

    Args:
        rows: Rows.
        rest: Seconds that their delays are longer than the cell's whole units, in sum.
    """

    rows: int
    rest: int = 0


class Stretch(NamedTuple):
    """Labels that were set close to each other.

    Args:
        first: When the first of them was set.
        last: When the last of them was.
        labels: How many they are.
    """

    first: datetime
    last: datetime
    labels: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What one aggregate over predictions and their labels gives.

    Args:
        as_of: Until when labels are known.
        unit: What ages and delays are counted in.
        windows: The windows, in order.
        cells: Number of rows by cell.
        stretches: When labels were set, in order: first labels of the predictions.
        before: Predictions that have a label dated before them; such a label is none.
        corrected: Predictions that got a later label of another value.
        repeated: Predictions that got a later label, and all of the same value.
        duplicates: Ids that several predictions have.
        untimed: Predictions with a label of which nothing says when it was set; it is none.
        classes: Whether cells tell what was predicted and what came true.
    """

    as_of: datetime
    unit: timedelta
    windows: tuple[Window, ...]
    cells: Mapping[Cell, Tally]
    stretches: tuple[Stretch, ...] = ()
    before: int = 0
    corrected: int = 0
    repeated: int = 0
    duplicates: int = 0
    untimed: int = 0
    classes: bool = False
    rows: int = field(init=False, default=0)
    labelled: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", sum(t.rows for t in self.cells.values()))
        labelled = sum(t.rows for c, t in self.cells.items() if c.delay is not None)
        object.__setattr__(self, "labelled", labelled)

    def of(self, keep: Callable[[Cell], bool]) -> Counts:
        """Return the counts of some cells; the figures that are not by cell become 0."""
        cells = {c: t for c, t in self.cells.items() if keep(c)}
        return replace(
            self, cells=cells, before=0, corrected=0, repeated=0, duplicates=0, untimed=0
        )

    def units(self, length: timedelta) -> float:
        """Return how many units a length of time is."""
        return length / self.unit

    def by_window(self) -> Iterator[tuple[int, dict[Cell, Tally]]]:
        """Yield each window's number and cells."""
        parts: dict[int, dict[Cell, Tally]] = {n: {} for n in range(len(self.windows))}
        for cell, tally in self.cells.items():
            parts[cell.window][cell] = tally
        yield from parts.items()
