"""Scores: what follows from how many scores of each class lie in each of the bins of [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final, NamedTuple

from headwater_monitor.figures import Figure

ROUNDED: Final = 0.5e-6
"""How far a profile's decimal of one score may be from the score: they have 6 digits."""
CLIP: Final = 2.220446049250313e-16
"""The least score, and the least distance from 1, that log loss takes; as scikit-learn."""
CALIBRATION_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of the rows whose class is known.

    Args:
        edges: Where [0, 1] is cut.
        counts: By class (`True`, `False`): how many scores are in each bin.
        sums: By class: the sum of the scores in each bin.
        squares: By class: the sum of the squares of all scores.
    """

    edges: Sequence[float]
    counts: Mapping[bool, Sequence[int]]
    sums: Mapping[bool, Sequence[Decimal]]
    squares: Mapping[bool, Decimal]

    @property
    def rows(self) -> int:
        """How many scores there are."""
        return sum(map(sum, self.counts.values()))

    @property
    def ends(self) -> list[tuple[float, float]]:
        """Where each bin begins and ends."""
        places = [0.0, *self.edges, 1.0]
        return list(pairwise(places))


class Calibrated(NamedTuple):
    """Scores that are near each other, and what came of them.

    Args:
        score: Their average.
        share: The share of them whose class is true.
        rows: How many they are.
    """

    score: float
    share: float
    rows: int


def auc(scores: Scores) -> Figure | None:
    """Return the area under the ROC curve: how often a true one has the higher score.

    Two scores of one bin count as a tie, half; by the bounds each such pair is wrong, or right.

    Args:
        scores: The scores.
    """
    no, yes = scores.counts[False], scores.counts[True]
    pairs = sum(no) * sum(yes)
    if not pairs:
        return None
    below = right = tied = 0
    for n, y in zip(no, yes, strict=True):
        right += y * below
        tied += y * n
        below += n
    return Figure((2 * right + tied) / (2 * pairs), right / pairs, (right + tied) / pairs)


def log_loss(scores: Scores) -> Figure | None:
    """Return the average of -ln(probability that was given to what came true).

    Each score counts as the average of its bin and class; the bounds are of the rows as they are.

    Args:
        scores: The scores.
    """
    if not scores.rows:
        return None
    parts, least, most = [], [], []
    for true, counts in scores.counts.items():
        for (low, high), count, total in zip(scores.ends, counts, scores.sums[true], strict=True):
            if not count:
                continue
            average = min(max(float(total / count), low), high)
            # Of the false, what counts is 1 - score: the same with the bin turned around.
            ends = (low, high) if true else (1 - high, 1 - low)
            probability = average if true else 1 - average
            parts.append(-count * _log(probability))
            # -ln is convex: least where all are equal, most where they lie at the ends of the bin.
            least.append(-count * _log(min(probability + ROUNDED, ends[1])))
            most.append(count * _chord(ends, max(probability - ROUNDED, ends[0])))
    rows = scores.rows
    return Figure(math.fsum(parts) / rows, math.fsum(least) / rows, math.fsum(most) / rows)


def brier(scores: Scores) -> Figure | None:
    """Return the average square of (score - 1 where it came true, 0 where not).

    Exact but for the 6 digits of a profile's sums, by which its bounds lie apart.

    Args:
        scores: The scores.
    """
    rows, yes = scores.rows, sum(scores.counts[True])
    if not rows:
        return None
    squares = sum(scores.squares.values(), Decimal(0))
    true = sum(scores.sums[True], Decimal(0))
    score = float((squares - 2 * true + yes) / rows)
    doubt = ROUNDED * (1 + 2 * yes / rows)
    return Figure(score, max(score - doubt, 0.0), score + doubt)


def calibration(scores: Scores, bins: int = CALIBRATION_BINS) -> tuple[Calibrated, ...]:
    """Return the average score and what came true, in bins of the same width; empty ones left out.

    Args:
        scores: The scores.
        bins: How many bins; their ends must be among the edges of the scores.
    """
    bins_ = []
    size = (len(scores.edges) + 1) // bins
    for first in range(0, size * bins, size):
        part = slice(first, first + size)
        yes, no = sum(scores.counts[True][part]), sum(scores.counts[False][part])
        if yes + no:
            total = sum((*scores.sums[True][part], *scores.sums[False][part]), Decimal(0))
            bins_.append(Calibrated(float(total / (yes + no)), yes / (yes + no), yes + no))
    return tuple(bins_)


def ece(scores: Scores, bins: int = CALIBRATION_BINS) -> Figure | None:
    """Return the expected calibration error: how far scores are from what came true, on average.

    Over ten bins of the same width, each counting by its rows.

    Args:
        scores: The scores.
        bins: How many bins.
    """
    rows = scores.rows
    if not rows:
        return None
    parts = calibration(scores, bins)
    error = math.fsum(p.rows * abs(p.score - p.share) for p in parts) / rows
    return Figure(error, max(error - ROUNDED, 0.0), error + ROUNDED)


def decided(scores: Scores, threshold: float = 0.5) -> dict[tuple[str | None, str | None], int]:
    """Return the confusion counts of deciding for true from a score on; exact at each edge.

    Args:
        scores: The scores.
        threshold: The score.
    """
    confusion: dict[tuple[str | None, str | None], int] = {}
    for true, counts in scores.counts.items():
        for (low, _), count in zip(scores.ends, counts, strict=True):
            if count:
                key = ("true" if low >= threshold else "false", "true" if true else "false")
                confusion[key] = confusion.get(key, 0) + count
    return confusion


def _log(share: float) -> float:
    return math.log(min(max(share, CLIP), 1 - CLIP))


def _chord(ends: tuple[float, float], at: float) -> float:
    """Return the most that -ln can be on average, of numbers between two whose average is `at`."""
    low, high = ends
    if high <= low:
        return -_log(at)
    part = (at - low) / (high - low)
    return -(1 - part) * _log(low) - part * _log(high)
