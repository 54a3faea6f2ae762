"""Ripeness: whether a window's figures are final, and how far early ones used to be from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headwater.maturity.states import CLOSED, LANDING, OPEN, RIPE, RIPENING, UNKNOWN
from headwater_monitor.classes import rates, share

if TYPE_CHECKING:
    from headwater.maturity.maturity import Maturity, Settled
    from headwater.tables.window import Window

RIPE_SHARE: Final = 0.95
"""From which share of known labels on figures count as final where no maturity is given."""
_FINAL: Final = frozenset({RIPE, CLOSED})
_RISING: Final = (OPEN, LANDING, RIPENING, UNKNOWN, RIPE, CLOSED)
"""States of a window, the least final first."""


class Bias(NamedTuple):
    """How far a figure at a window's age has been from its final value.

    Args:
        difference: That figure less the final one, on average: above 0 it was too high.
        spread: Standard deviation of the difference; None of a single window.
        windows: How many windows, whose labels are all there, say it.
    """

    difference: float
    spread: float | None
    windows: int


@dataclass(frozen=True, slots=True)
class Ripeness:
    """How final a window's figures of performance are.

    Args:
        coverage: Share of its rows whose label is known; None of no rows.
        expected: Share that should be known at its age; None where nothing says it.
        state: `open`, `landing`, `ripening`, `ripe`, `closed` or `unknown`, as maturity says it;
            None without maturity.
        provisional: Whether more labels may change its figures.
        stopped: Whether the feed of labels stopped: what is missing does not say anything of the
            model.
        biases: How far each figure at this age has been from its final value.
    """

    coverage: float | None
    expected: float | None = None
    state: str | None = None
    provisional: bool = False
    stopped: bool = False
    biases: Mapping[str, Bias] | None = None

    @property
    def summary(self) -> str:
        """The ripeness in a few words."""
        if self.coverage is None:
            return "no rows"
        text = f"{self.coverage:.0%} of labels known"
        if self.expected is not None:
            text += f", {self.expected:.0%} expected by now"
        if self.stopped:
            text += "; the feed of labels stopped"
        elif self.state is not None and self.provisional:
            text += f"; {self.state}"
        return text


def ripeness(
    window: Window | None,
    coverage: float | None,
    maturity: Maturity | None,
    others: Sequence[Window | None] = (),
) -> Ripeness:
    """Return how final a window's figures are.

    Args:
        window: The window; None for all rows.
        coverage: Share of its rows whose label is known.
        maturity: What `Connection.maturity` returns: of the same windows, or of shorter ones.
            Without it, figures are final once 95 % of the labels are known.
        others: The windows beside it, which say how far early figures have been from final ones.
    """
    if maturity is None:
        return Ripeness(coverage, provisional=coverage is not None and coverage < RIPE_SHARE)
    parts = _overlapping_windows(maturity, window)
    states = [maturity.state(part) for part in parts] or [UNKNOWN]
    state = min(states, key=_RISING.index)
    expected = _expected(maturity, parts)
    if state == RIPENING and None not in (expected, maturity.eventual):
        # Of several parts together it may be ripe, though the last of them is not.
        enough = maturity.terms.ripe * (maturity.eventual or 1.0)
        state = RIPE if (expected or 0.0) >= enough else state
    provisional = state not in _FINAL and not (
        # Nothing says how long labels take: then only what is known already can say it.
        state == UNKNOWN and coverage is not None and coverage >= RIPE_SHARE
    )
    stopped = maturity.stopped is not None and any(part in maturity.below for part in parts)
    biases = None
    if provisional and window is not None:
        biases = expected_bias(window, maturity, others)
    return Ripeness(coverage, expected, state, provisional, stopped, biases)


def expected_bias(
    window: Window, maturity: Maturity, others: Sequence[Window | None]
) -> dict[str, Bias]:
    """Return how far figures at a window's age have been from their final values.

    Each other window whose labels are all there is looked at as it was at that age, and as it is
    now. Early labels are of quick cases, and of a window's first days: where maturity is of days,
    both show. Within one of maturity's own windows, rows are taken to be spread evenly.

    Args:
        window: A window whose labels are not all there.
        maturity: What is known of the delay of labels.
        others: The windows beside it.
    """
    age = maturity.as_of - window.end
    settled: dict[Window, list[Settled]] = {}
    for row in maturity.settling:
        if row.predicted is not None:
            settled.setdefault(row.window, []).append(row)
    half = maturity.unit / 2
    differences: dict[str, list[float]] = {}
    for other in others:
        if other is None or other == window:
            continue
        parts = _overlapping_windows(maturity, other)
        if not parts or not all(
            part in settled or not maturity.coverage(part).rows for part in parts
        ):
            continue
        then = other.end + age
        rows = [(part, row) for part in parts for row in settled.get(part, ())]
        early = _figures(
            (row, row.rows * _labelled_share(row.age + half, part, then - part.end))
            for part, row in rows
        )
        for name, final in _figures((row, float(row.rows)) for _, row in rows).items():
            if final is not None and (before := early.get(name)) is not None:
                differences.setdefault(name, []).append(before - final)
    return {
        name: Bias(mean(values), stdev(values) if len(values) > 1 else None, len(values))
        for name, values in differences.items()
    }


def _overlapping_windows(maturity: Maturity, window: Window | None) -> list[Window]:
    """Return maturity's windows that have time in common with a window; all without one."""
    return [
        w
        for w in maturity.windows
        if window is None or (w.start < window.end and window.start < w.end)
    ]


def _labelled_share(delay: timedelta, window: Window, since: timedelta) -> float:
    """Return the share of a window's rows whose label of this delay was there so long after it."""
    length = window.end - window.start
    return min(max((since + length - delay) / length, 0.0), 1.0)


def _figures(rows: Iterable[tuple[Settled, float]]) -> dict[str, float | None]:
    confusion: dict[tuple[Any, Any], float] = {}
    for row, weight in rows:
        key = (row.predicted, row.actual)
        confusion[key] = confusion.get(key, 0.0) + weight
    total = sum(confusion.values())
    right = sum(n for (predicted, actual), n in confusion.items() if predicted == actual)
    figures: dict[str, float | None] = {"accuracy": share(right, total)}
    if all(isinstance(name, bool) for pair in confusion for name in pair):
        figures |= zip(("precision", "recall", "f1"), rates(confusion, True), strict=True)
    return figures


def _expected(maturity: Maturity, windows: list[Window]) -> float | None:
    """Return the share of labels that should be known of several windows together."""
    covered = [maturity.coverage(window) for window in windows]
    rows = sum(c.rows for c in covered)
    if not rows or any(c.expected is None for c in covered if c.rows):
        return None
    return sum((c.expected or 0.0) * c.rows for c in covered) / rows
