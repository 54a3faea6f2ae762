"""Feed: when labels arrive, whether they come in batches, and whether they have stopped.

A window's coverage says neither: a healthy feed of weekly batches lies far below its curve on most
days, and of a feed that stopped yesterday no window does. Silence says it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from headwater.maturity.counts import EPOCH, Stretch

EXPECTED: Final = 14
"""Labels that should have come in a silence, for it to be one: none at all is then one chance in a
million."""
LOOKED_BACK: Final = timedelta(days=30)
"""Silences count that ended so long before the last label, or later."""
_DAY: Final = timedelta(days=1)
_LEAST: Final = timedelta(days=3)
"""Labels must have come for so long before anything is known of a feed."""
_JITTER: Final = 9 / 8
"""A silence is longer than another if it is by this much: months, and hands, are not clocks."""
_PAUSE: Final = timedelta(hours=12)


class Stopped(NamedTuple):
    """A label feed that has stopped.

    Args:
        since: When the last label was set.
        expected: Labels that should have been set since.
        longest: The longest silence before.
    """

    since: datetime
    expected: float
    longest: timedelta


class Batches(NamedTuple):
    """Labels that come in batches.

    Args:
        every: How far apart the batches are.
        last: When the last one began.
    """

    every: timedelta
    last: datetime


def silent_since(
    stretches: Sequence[Stretch], as_of: datetime, grain: timedelta
) -> tuple[datetime, timedelta] | None:
    """Return since when no label was set, and the longest silence before, if it is a longer one.

    Args:
        stretches: When labels were set.
        as_of: The present.
        grain: How long a stretch is: no shorter silence is told.
    """
    if not stretches:
        return None
    since = stretches[-1].last
    gaps = [
        after.first - before.last
        for before, after in pairwise(stretches)
        if after.first > since - LOOKED_BACK
    ]
    longest = max([grain, *gaps])
    if since - stretches[0].first < max(2 * longest, _LEAST):
        return None
    # A label that is dated by its day was set at any time of it.
    silent = as_of - since - (_DAY if all(map(_of_days, stretches)) else timedelta(0))
    return (since, longest) if silent > longest * _JITTER else None


def _of_days(stretch: Stretch) -> bool:
    return stretch.first == stretch.last and (stretch.first - EPOCH) % _DAY == timedelta(0)


def stopped(
    silence: tuple[datetime, timedelta], expected: Callable[[datetime], float]
) -> Stopped | None:
    """Return the stop that a silence means, if labels should have come during it.

    Args:
        silence: As `silent_since` gives it.
        expected: How many labels should have been set since a moment.
    """
    since, longest = silence
    count = expected(since)
    return Stopped(since, count, longest) if count >= EXPECTED else None


def batches(stretches: Sequence[Stretch]) -> Batches | None:
    """Return the batches in which labels come; None if they come continuously."""
    runs: list[list[Stretch]] = []
    for stretch in stretches:
        if runs and stretch.first - runs[-1][-1].last < _PAUSE:
            runs[-1].append(stretch)
        else:
            runs.append([stretch])
    if len(runs) < 2:
        return None
    begins = [run[0].first for run in runs]
    steps = [after - before for before, after in pairwise(begins)]
    every = _median(steps)
    lasts = _median([run[-1].last - run[0].first for run in runs])
    regular = sum(abs(step - every) <= every / 4 for step in steps)
    # Two or three of them may be chance, unless they are short and far apart.
    short = every / 4 if len(runs) > 3 else min(every / 10, every - _LEAST)
    if lasts > short or regular < 0.8 * len(steps):
        return None
    hour = timedelta(hours=1)
    return Batches(max(round(every / hour), 1) * hour, begins[-1])


def _median(lengths: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(length.total_seconds() for length in lengths))
