"""Curve: the share of predictions that are labelled within an age, learnt while labels still come.

Kaplan-Meier, from counts. A prediction counts as watched for a unit of time once all of that unit
has passed, whether or not its label came in it; so young predictions, of which only the quick
labels are known, bend nothing.

Source: Kaplan and Meier 1958; Greenwood 1926 for the variance; Kalbfleisch and Prentice for the
log-log transform of the band; Mantel 1966 for the log-rank test.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from headwater.maturity.counts import Cell, Tally

Z: Final = 1.959963984540054
"""Of a standard normal, what 2.5 % lie beyond."""


@dataclass(frozen=True, slots=True)
class Risks:
    """For each unit of age: who was still without a label, and of whom it came then.

    Args:
        watched: Predictions that were watched for all of the unit, with a label or without.
        at_risk: Those of them that had none when it began.
        events: Those of these whose label came in it.
        rest: Seconds of the unit that had passed when it came, in sum.
    """

    watched: tuple[int, ...]
    at_risk: tuple[int, ...]
    events: tuple[int, ...]
    rest: tuple[int, ...]

    @classmethod
    def of(cls, cells: Iterable[tuple[Cell, Tally]], lag: int = 0) -> Risks:
        """Return the risks that cells show, as of some units before their `as_of`.

        Args:
            cells: Cells, each with its rows.
            lag: How many units.
        """
        cells = list(cells)
        length = max((c.age - lag for c, _ in cells), default=0)
        if length <= 0:
            return cls((), (), (), ())
        watched, at_risk, events, rest = ([0] * length for _ in range(4))
        for cell, (rows, seconds) in cells:
            last = cell.age - lag - 1
            if last < 0:
                continue
            watched[last] += rows
            if cell.delay is None or cell.delay > last:
                at_risk[last] += rows
            else:
                at_risk[cell.delay] += rows
                events[cell.delay] += rows
                rest[cell.delay] += seconds
        return cls(_sums_to_end(watched), _sums_to_end(at_risk), tuple(events), tuple(rest))

    def __len__(self) -> int:
        return len(self.watched)


def _sums_to_end(counts: Sequence[int]) -> tuple[int, ...]:
    """Return the sum from each place to the end."""
    return tuple(accumulate(reversed(counts)))[::-1]


class Curve:
    """The share of predictions that are labelled within an age, in units.

    Args:
        risks: What it is learnt from.
        seconds: Length of a unit.
        tail: Another curve for the ages that `risks` covers badly or not at all.
        until: The first unit of which the tail is taken; default: where `risks` ends.
    """

    def __init__(
        self, risks: Risks, seconds: float, tail: Risks | None = None, until: int | None = None
    ) -> None:
        until = len(risks) if until is None else min(until, len(risks))
        steps = list(zip(risks.at_risk, risks.events, risks.rest, strict=True))[:until]
        if tail is not None:
            steps += list(zip(tail.at_risk, tail.events, tail.rest, strict=True))[until:]
        watched = risks.watched[:until] + (tail.watched[until:] if tail is not None else ())
        self.watched = watched
        """Predictions that were watched for all of each unit."""
        open_share, spread = 1.0, 0.0
        self._open = [1.0]
        self._spread = [0.0]
        self._middle = []
        for at_risk, events, rest in steps:
            if events and at_risk == events:
                open_share, spread = 0.0, math.inf
            elif events:
                open_share *= 1 - events / at_risk
                spread += events / (at_risk * (at_risk - events))
            self._open.append(open_share)
            self._spread.append(spread)
            self._middle.append(rest / events / seconds if events else 0.5)
        self._first = steps[0][0] if steps else 0

    def __len__(self) -> int:
        """Return how many units it reaches."""
        return len(self._middle)

    @property
    def settled(self) -> bool:
        """Whether every prediction that was watched so long has a label."""
        return self._open[-1] == 0.0

    def at(self, age: float) -> float | None:
        """Return the share within an age; None if no prediction was watched that long."""
        if age <= 0:
            return 0.0
        if age > len(self) and not self.settled:
            return None
        return self.share_at(age)

    def share_at(self, age: float) -> float:
        """Return the share within an age; beyond the curve's end, the share at its end."""
        age = min(max(age, 0.0), float(len(self)))
        whole = min(int(age), len(self))
        share = 1 - self._open[whole]
        if age > whole:
            share += (age - whole) * (self._open[whole] - self._open[whole + 1])
        return share

    def within(self, unit: int) -> float:
        """Return the mean share of predictions whose age lies evenly in a unit."""
        if unit >= len(self):
            return 1 - self._open[-1]
        labelled = self._open[unit] - self._open[unit + 1]
        return 1 - self._open[unit] + labelled * (1 - self._middle[unit])

    def error(self, age: float) -> float:
        """Return the standard error of the share within an age."""
        place = min(max(math.ceil(age), 0), len(self))
        spread = self._spread[place]
        return 0.0 if math.isinf(spread) else self._open[place] * math.sqrt(spread)

    def band(self, age: float) -> tuple[float, float] | None:
        """Return where the share within an age lies, with 95 % confidence; None beyond its end."""
        share = self.at(age)
        if share is None:
            return None
        if age <= 0:
            return 0.0, 0.0
        place = min(math.ceil(age), len(self))
        still = 1 - share
        if still <= 0 or math.isinf(self._spread[place]):
            return max(0.0, min(0.025 ** (1 / max(self._first, 1)), share)), 1.0
        if still >= 1:
            return 0.0, 1 - 0.025 ** (1 / max(self._first, 1))
        logarithm = math.log(still)
        reach = math.exp(Z * math.sqrt(self._spread[place]) / abs(logarithm))
        return 1 - still ** (1 / reach), 1 - still**reach

    def age_of(self, share: float) -> float | None:
        """Return the youngest age by which a share is labelled; None if none is reached."""
        if share <= 0:
            return 0.0
        for unit in range(len(self)):
            low, high = 1 - self._open[unit], 1 - self._open[unit + 1]
            if high >= share - 1e-12:
                return unit + min(1.0, (share - low) / (high - low)) if high > low else float(unit)
        return None


def log_rank(first: Risks, second: Risks) -> float:
    """Return how many standard errors labels of the first came quicker than of the second."""
    more = variance = 0.0
    for n, d, m, e in zip(first.at_risk, first.events, second.at_risk, second.events, strict=False):
        both, events = n + m, d + e
        if both < 2 or not n or not m:
            continue
        more += d - n * events / both
        variance += n * m * events * (both - events) / (both**2 * (both - 1))
    return more / math.sqrt(variance) if variance > 0 else 0.0
