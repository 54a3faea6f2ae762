"""Classes: what follows from how often each class was predicted and came true."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater_monitor.figures import Figure, exact_figure

Confusion = Mapping[tuple[str | None, str | None], int]
"""Counts by (predicted, actual); None is every class that has no count of its own."""


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class was predicted.

    Args:
        rows: Rows that came to be of this class (its support).
        predicted: Rows that were said to be.
        precision: Share of those said to be, that were; None where none was said to be.
        recall: Share of those that were, that were said to be; None where none was.
        f1: The harmonic mean of both; None where the class appears nowhere.
    """

    rows: int
    predicted: int
    precision: Figure | None
    recall: Figure | None
    f1: Figure | None


def class_figures(confusion: Confusion, name: str | None) -> ClassFigures:
    """Return how well a class was predicted.

    Args:
        confusion: Counts by (predicted, actual).
        name: The class.
    """
    _, predicted, actual = sums_of(confusion, name)
    precision, recall, f1 = rates(confusion, name)
    return ClassFigures(
        int(actual), int(predicted), exact_figure(precision), exact_figure(recall), exact_figure(f1)
    )


def rates(
    confusion: Mapping[tuple[Any, Any], float], name: Any
) -> tuple[float | None, float | None, float | None]:
    """Return precision, recall and F1 of a class; None what has nothing to be a share of.

    Args:
        confusion: Counts, or weights, by (predicted, actual).
        name: The class.
    """
    right, predicted, actual = sums_of(confusion, name)
    return share(right, predicted), share(right, actual), share(2 * right, predicted + actual)


def sums_of(confusion: Mapping[tuple[Any, Any], float], name: Any) -> tuple[float, float, float]:
    """Return how often a class was predicted rightly, was predicted, and came true.

    Args:
        confusion: Counts, or weights, by (predicted, actual).
        name: The class.
    """
    return (
        confusion.get((name, name), 0),
        sum(n for (predicted, _), n in confusion.items() if predicted == name),
        sum(n for (_, actual), n in confusion.items() if actual == name),
    )


def by_class(confusion: Confusion) -> dict[str, ClassFigures]:
    """Return the figures of each class that has counts of its own, in the order of their names.

    Args:
        confusion: Counts by (predicted, actual).
    """
    names = {name for pair in confusion for name in pair if name is not None}
    return {name: class_figures(confusion, name) for name in sorted(names)}


def macro(figures: Mapping[str, ClassFigures], metric: str) -> Figure | None:
    """Return the average of a figure over classes, each class counting the same.

    A class of which there is no such figure counts as 0, as in scikit-learn's `average="macro"`.

    Args:
        figures: Those of each class.
        metric: `precision`, `recall` or `f1`.
    """
    if not figures:
        return None
    values = [getattr(one, metric) or 0.0 for one in figures.values()]
    return Figure(math.fsum(values) / len(values))


def share(part: float, whole: float) -> float | None:
    """Return a share; None if `whole` is 0."""
    return part / whole if whole else None
