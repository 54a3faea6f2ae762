"""Distances: how far two distributions lie apart, by their counts in the same bins.

Nothing here knows what is counted: `before` and `after` are counts of the same bins, or values, in
the same order. Each function returns None where one of the two counts nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

from headwater_monitor.figures import Figure

EMPTY_SHARE: Final = 1e-4
"""The share that an empty bin stands for in PSI, which has no value for none; as in Evidently."""

Counts = Sequence[int]


def shares(counts: Counts) -> list[float] | None:
    """Return counts as shares of their sum; None if the sum is 0."""
    total = sum(counts)
    return [count / total for count in counts] if total else None


def psi(before: Counts, after: Counts) -> Figure | None:
    """Return the population stability index: 0 for equal shares; 0.1 has moved, 0.25 far.

    The sum over bins of (after - before) * ln(after / before), of shares, where an empty bin stands
    for a share of 0.0001. It is of these bins, and exact; of finer ones it is rarely smaller.

    Args:
        before: Counts of the reference.
        after: Counts of the same bins.
    """
    pair = _shares(before, after)
    if pair is None:
        return None
    return Figure(
        math.fsum(
            (b - a) * math.log(b / a)
            for a, b in ((a or EMPTY_SHARE, b or EMPTY_SHARE) for a, b in zip(*pair, strict=True))
        )
    )


def jensen_shannon(before: Counts, after: Counts) -> Figure | None:
    """Return the Jensen-Shannon distance, to the base 2: 0 for equal shares, 1 for none in common.

    The root of the divergence, as scipy's `jensenshannon(before, after, base=2)`.

    Args:
        before: Counts of the reference.
        after: Counts of the same bins.
    """
    pair = _shares(before, after)
    if pair is None:
        return None
    parts = []
    for a, b in zip(*pair, strict=True):
        middle = (a + b) / 2
        parts += [x * math.log2(x / middle) for x in (a, b) if x]
    return Figure(math.sqrt(max(math.fsum(parts) / 2, 0.0)))


def hellinger(before: Counts, after: Counts) -> Figure | None:
    """Return the Hellinger distance: 0 for equal shares, 1 for none in common.

    Args:
        before: Counts of the reference.
        after: Counts of the same bins.
    """
    pair = _shares(before, after)
    if pair is None:
        return None
    squares = math.fsum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in zip(*pair, strict=True))
    return Figure(math.sqrt(squares / 2))


def chi_square(before: Counts, after: Counts) -> tuple[Figure, Figure] | None:
    """Return Pearson's chi-square of the two samples, and how likely chance alone gives as much.

    As scipy's `chi2_contingency([before, after], correction=False)`, of the bins that either has.

    Args:
        before: Counts of the reference.
        after: Counts of the same bins.
    """
    n, m = sum(before), sum(after)
    if not n or not m:
        return None
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a or b]
    parts = []
    for a, b in pairs:
        for count, size in ((a, n), (b, m)):
            expected = (a + b) * size / (n + m)
            parts.append((count - expected) ** 2 / expected)
    statistic = math.fsum(parts)
    return Figure(statistic), Figure(chi_square_tail(statistic, len(pairs) - 1))


def kolmogorov_smirnov(before: Counts, after: Counts) -> Figure | None:
    """Return the largest difference of the two distribution functions: 0 to 1.

    Seen at the edges of bins; within a bin it can only be larger, and the bounds say by how much.

    Args:
        before: Counts of the reference, by rising bins.
        after: Counts of the same bins.
    """
    pair = _distributions(before, after)
    if pair is None:
        return None
    distance, most = 0.0, 0.0
    for (a, b), (c, d) in zip(*pair, strict=True):
        distance = max(distance, abs(b - d))
        most = max(most, b - c, d - a)
    return Figure(distance, distance, max(distance, most))


def wasserstein(
    before: Counts,
    after: Counts,
    edges: Sequence[float],
    *,
    reach: tuple[float, float],
    extremes: tuple[float, float],
) -> Figure | None:
    """Return how far values moved on average (the earth mover's distance), in the field's own unit.

    Each row counts as the middle of its bin, so one outlier moves one row by one bin; the bounds
    hold for the rows as they are, wherever in their bins they lie.

    Args:
        before: Counts of the reference, by rising bins.
        after: Counts of the same bins.
        edges: Where the bins are cut; there is one bin more.
        reach: The least and the largest value of the reference, where the outermost bins end.
        extremes: The least and the largest value of both.
    """
    pair = _distributions(before, after)
    if pair is None:
        return None
    if not edges:
        return Figure(0.0, 0.0, extremes[1] - extremes[0])
    inner = _bin_ends(edges, reach)
    outer = _bin_ends(edges, extremes)
    moved, least, most = [], [], []
    for (a, b), (c, d), (x, y), (u, v) in zip(*pair, inner, outer, strict=True):
        half = (y - x) / 2
        moved.append(half * (abs(a - c) + abs(b - d)))
        apart = max(c - b, a - d, 0.0)  # the functions can't meet within this bin
        least.append(apart * (v - u))
        most.append(max(abs(b - c), abs(d - a)) * (v - u))
    if not all(math.isfinite(v) for v in (*moved, *least, *most)):
        return None  # so far apart that no double holds it
    return Figure(math.fsum(moved), math.fsum(least), math.fsum(most))


def chi_square_tail(value: float, degrees: int) -> float:
    """Return how likely a chi-square variable of so many degrees of freedom is at least `value`.

    Source: the series and the continued fraction of the incomplete gamma function, e.g. Abramowitz
    and Stegun, 6.5.29 and 6.5.31.
    """
    if degrees <= 0 or value <= 0:
        return 1.0
    a, x = degrees / 2, value / 2
    log_front = a * math.log(x) - x - math.lgamma(a)
    if x < a + 1:
        term = total = 1 / a
        n = a
        while term > total * 1e-17:
            n += 1
            term *= x / n
            total += term
        return max(1 - total * math.exp(log_front), 0.0)
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    fraction = d
    for i in range(1, 10_000):
        factor = -i * (i - a)
        b += 2
        d = factor * d + b or tiny
        c = b + factor / c or tiny
        d = 1 / d
        step = d * c
        fraction *= step
        if abs(step - 1) < 1e-16:
            break
    return fraction * math.exp(log_front) if log_front > -745 else 0.0


def _shares(before: Counts, after: Counts) -> tuple[list[float], list[float]] | None:
    first, second = shares(before), shares(after)
    return None if first is None or second is None else (first, second)


Steps = list[tuple[float, float]]


def _distributions(before: Counts, after: Counts) -> tuple[Steps, Steps] | None:
    """Return both distribution functions as their values at the two ends of each bin."""
    first, second = (_steps(counts) for counts in (before, after))
    return None if first is None or second is None else (first, second)


def _steps(counts: Counts) -> Steps | None:
    total = sum(counts)
    if not total:
        return None
    sums = [0, *accumulate(counts)]
    return [(a / total, b / total) for a, b in pairwise(sums)]


def _bin_ends(edges: Sequence[float], reach: tuple[float, float]) -> list[tuple[float, float]]:
    """Return where each bin begins and ends; the outermost ones end where values do."""
    first, last = min(reach[0], edges[0]), max(reach[1], edges[-1])
    places = [first, *edges, last]
    return list(pairwise(places))
