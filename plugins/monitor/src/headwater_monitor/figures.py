"""Figure: a number from a profile, with bounds of the exact one."""

from __future__ import annotations

from typing import Any, Self


class Figure(float):
    """A number with bounds: it is a float, and knows between what the exact one lies.

    A profile holds counts by bin, not the rows. What follows from the counts alone is exact, and
    its bounds are the number itself; what rows of one bin could change (an AUC, whose ties they
    are) lies between `low` and `high`, whatever the rows were.

    Args:
        value: The number.
        low: The least that the exact one can be; left out, it is the number.
        high: The most, likewise.

    Example:
        >>> auc = Figure(0.91, 0.90, 0.92)
        >>> round(auc, 1), auc.low, auc.exact
        (0.9, 0.9, False)
    """

    low: float
    high: float

    def __new__(cls, value: float, low: float | None = None, high: float | None = None) -> Self:
        """Make a figure."""
        figure = super().__new__(cls, value)
        figure.low = float(value) if low is None else float(low)
        figure.high = float(value) if high is None else float(high)
        return figure

    @property
    def exact(self) -> bool:
        """Whether it follows from the counts alone."""
        return self.low == self.high

    def __getnewargs__(self) -> tuple[Any, ...]:
        return float(self), self.low, self.high


def exact_figure(value: float | None) -> Figure | None:
    """Return a figure whose bounds are the number itself; None for None."""
    return None if value is None else Figure(value)
