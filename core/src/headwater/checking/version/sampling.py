"""Bounds of sampling error, for all thresholds of the stages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

SURE = 4.0
"""Standard errors: by chance one of 30,000 shares is further from the truth."""


def bounds(count: int, rows: int, z: float = SURE) -> tuple[float, float]:
    """Return the bounds of the true share, by Wilson's score interval.

    Args:
        count: Rows that have something.
        rows: All of them.
        z: Standard errors.

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference (1927).
    """
    if rows <= 0:
        return 0.0, 1.0
    share, square = count / rows, z * z
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    half = z * math.sqrt(share * (1 - share) / rows + square / (4 * rows**2)) / (1 + square / rows)
    return max(0.0, middle - half), min(1.0, middle + half)


def at_least(count: int, rows: int, share: float) -> bool:
    """Return whether surely more than a `share` of the rows have something."""
    return bounds(count, rows)[0] > share


def appeared(count: int, rows: int, before: int, of: int, share: float) -> bool:
    """Return whether something that was practically never there is there now.

    Args:
        count: Rows that have it.
        rows: All of them.
        before: Rows of the reference that have it.
        of: All of the reference.
        share: The least share that matters.
    """
    if not rows or not of or not at_least(count, rows, share):
        return False
    low, high = bounds(count, rows)[0], bounds(before, of, 3.0)[1]
    return before / of <= count / rows / 20 and high < max(low / 2, 2 * share)


def distance(one: Sequence[tuple[int, int]], two: Sequence[tuple[int, int]]) -> float:
    """Return the greatest distance of two distributions (Kolmogorov and Smirnov).

    Args:
        one: Codes with their rows, in order.
        two: Likewise.
    """
    total_one, total_two = sum(n for _, n in one), sum(n for _, n in two)
    if not total_one or not total_two:
        return 1.0
    counts: dict[int, list[int]] = {}
    for at, side in enumerate((one, two)):
        for code, n in side:
            counts.setdefault(code, [0, 0])[at] += n
    worst, first, second = 0.0, 0, 0
    for code in sorted(counts):
        first += counts[code][0]
        second += counts[code][1]
        worst = max(worst, abs(first / total_one - second / total_two))
    return worst


def distance_error(one: int, two: int) -> float:
    """Return the distance that two samples of one distribution practically never exceed."""
    return 2.0 * math.sqrt(1 / max(one, 1) + 1 / max(two, 1))


def in_order(sides: Iterable[tuple[int, int]]) -> float:
    """Return the share of pairs, one of each side, whose first is the greater; equal ones by half.

    Args:
        sides: Rows of both sides by a number, in its order; some of each.
    """
    right, first, second = 0.0, 0, 0
    for one, two in sides:
        right += one * (second + two / 2)
        first, second = first + one, second + two
    return right / (first * second)


def quantile(pairs: Sequence[tuple[int, int]], share: float) -> int:
    """Return the code below which a share of the rows lie.

    Args:
        pairs: Codes with their rows, in order; not empty.
        share: In [0, 1].
    """
    rank = min(max(share, 0.0), 1.0) * sum(n for _, n in pairs)
    rows = 0
    for code, n in pairs:
        rows += n
        if rows >= rank:
            return code
    return pairs[-1][0]
