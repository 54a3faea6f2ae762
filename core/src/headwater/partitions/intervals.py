"""An index of time intervals: finds those that overlap a period without a full scan."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate


class Intervals:
    """Numbered intervals, both ends included.

    Args:
        intervals: Number, first moment and last moment of each; aware datetimes.
    """

    def __init__(self, intervals: Iterable[tuple[int, datetime, datetime]]) -> None:
        order = sorted(intervals, key=lambda one: one[1])
        self._order = order
        self._firsts = [first for _, first, _ in order]
        # The latest end of this interval and of all that begin before it.
        self._ends = list(accumulate((last for _, _, last in order), max))

    def touching(self, start: datetime, end: datetime) -> Iterator[int]:
        """Yield the numbers of the intervals that overlap `[start, end)`, unordered."""
        for place in range(bisect_left(self._firsts, end) - 1, -1, -1):
            if self._ends[place] < start:
                return
            number, _, last = self._order[place]
            if last >= start:
                yield number
