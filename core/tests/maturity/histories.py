"""Drawn histories of predictions and labels, counted as an engine counts them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from headwater.maturity.counts import Cell, Counts, Stretch, Tally
from headwater.maturity.maturity import Maturity
from headwater.maturity.states import Terms
from headwater.tables.window import Window

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NEVER = 0.12
"""Share of predictions that never get a label."""


@dataclass(frozen=True)
class History:
    """Predictions over some days, and when each got its label; times in days from the first.

    Args:
        made: When predictions were made.
        set_at: When each got its label; infinite if never.
        days: How long predictions were made for.
    """

    made: Any
    set_at: Any
    days: int

    @property
    def delays(self) -> Any:
        """How long labels take."""
        return self.set_at - self.made

    def stopped(self, at: float) -> History:
        """Return the history whose labels stop coming."""
        late = np.where(self.set_at <= at, self.set_at, np.inf)
        return History(self.made, late, self.days)

    def share(self, age: float) -> float:
        """Return the share of all predictions that are labelled within an age, ever known."""
        return float(np.mean(self.delays < age))

    def maturity(self, as_of: float | None = None) -> Any:
        """Return what is learnt of it (`Maturity`) until a moment; default: its last day's end."""
        return Maturity("m/v1/serving", "y", self.counts(as_of or self.days), Terms())

    def counts(self, as_of: float) -> Counts:
        """Return what an engine counts of it."""
        there = self.made <= as_of
        made, set_at = self.made[there], self.set_at[there]
        known = set_at <= as_of
        window = np.minimum(np.floor(made), self.days - 1).astype(int)
        age = np.floor(as_of - made).astype(int)
        took = np.where(known, set_at - made, 0)
        delay = np.where(known, np.floor(took), -1).astype(int)
        rest = np.where(known, (took - np.floor(took)) * 86400, 0).astype(int)
        key = (window * 4096 + age) * 4096 + delay + 1
        keys, place, rows = np.unique(key, return_inverse=True, return_counts=True)
        seconds = np.bincount(place, rest)
        cells = {
            Cell(k // 4096**2, k // 4096 % 4096, k % 4096 - 1 if k % 4096 else None): Tally(
                n, int(s)
            )
            for k, n, s in zip(keys.tolist(), rows.tolist(), seconds.tolist(), strict=True)
        }
        moments = np.sort(set_at[known])
        _, begins = np.unique(np.floor(moments * 4), return_index=True)
        ends = [*begins[1:], len(moments)]
        stretches = tuple(
            Stretch(FIRST + moments[a] * DAY, FIRST + moments[b - 1] * DAY, int(b - a))
            for a, b in zip(begins, ends, strict=True)
        )
        windows = tuple(Window(FIRST + n * DAY, FIRST + (n + 1) * DAY) for n in range(self.days))
        return Counts(FIRST + as_of * DAY, DAY, windows, cells, stretches)


def drawn(kind: str, seed: int, rows: int = 10_000, days: int = 60) -> History:
    """Return a history of a kind of feed.

    Args:
        kind: `exponential`, `bimodal`, `at once`, `slow`, `shifted`, `daily`, or `weekly` with the
            day of the first batch.
        seed: What it is drawn by.
        rows: Predictions.
        days: How long they were made for.
    """
    draw = np.random.default_rng(seed)
    made = np.sort(draw.uniform(0, days, rows))
    delay = draw.exponential(12, rows)
    match kind.split():
        case ["bimodal"]:
            quick = draw.uniform(size=rows) < 0.5
            delay = np.where(quick, draw.normal(1, 0.2, rows), draw.normal(20, 3, rows)).clip(0.01)
        case ["at", "once"]:
            delay = np.zeros(rows)
        case ["slow"]:
            delay = 7 + draw.exponential(5, rows)
        case ["shifted"]:
            early = made < days - 25
            delay = np.where(early, draw.exponential(5, rows), draw.exponential(20, rows))
    set_at = made + delay
    match kind.split():
        case ["daily"]:
            set_at = np.ceil(set_at - 0.125) + 0.125
        case ["weekly", day]:
            first = int(day) + 0.125
            set_at = np.ceil((set_at - first) / 7) * 7 + first
    set_at[draw.uniform(size=rows) < NEVER] = np.inf
    return History(made, set_at, days)
