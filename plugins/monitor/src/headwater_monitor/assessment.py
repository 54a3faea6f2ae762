"""Assessment: every figure of every window, what it is judged by, and what to look at first."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from headwater.errors import UnsupportedError
from headwater.interfaces.schema import Role
from headwater_monitor import model_performance
from headwater_monitor.field_drift import METRICS as DISTANCES
from headwater_monitor.field_drift import Drift, drift
from headwater_monitor.figures import Figure, exact_figure
from headwater_monitor.model_performance import Performance, performance
from headwater_monitor.ripeness import Bias, Ripeness, ripeness
from headwater_monitor.thresholds import Threshold, Thresholds

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.maturity.maturity import Maturity
    from headwater.profiling.profile import Profile
    from headwater.tables.window import Window
    from headwater_monitor.label_sets import MultiLabel
    from headwater_monitor.query_ranking import Ranking

OK: Final = "ok"
BREACHED: Final = "breached"
CHANCE: Final = "by chance"
"""Beyond its threshold, and with so few rows chance alone may well give as much."""
UNJUDGED: Final = "unjudged"
"""Nothing says from where on it would be worth a look."""

_ORDER: Final = (*model_performance.METRICS, *DISTANCES, "missing")
_ERRORS: Final = 3.0
"""Standard errors within which a share can't be told from another."""

PERFORMANCE: Final = "performance"
DRIFT: Final = "drift"
LABELS: Final = "labels"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one window.

    Args:
        window: The window; None for all rows.
        segment: The segment, as JSON; None for all of them.
        subject: `performance`, `drift` or `labels`.
        field: The field, or the prediction.
        metric: The figure's name.
        figure: The figure.
        reference: The same figure of the reference.
        threshold: From where on it is worth a look.
        status: `ok`, `breached`, `by chance` or `unjudged`.
        provisional: Whether labels that are still to come may change it.
        bias: How far such a figure at this age has been from its final value.
    """

    window: Window | None
    segment: str | None
    subject: str
    field: str
    metric: str
    figure: Figure
    reference: Figure | None = None
    threshold: Threshold | None = None
    status: str = UNJUDGED
    provisional: bool = False
    bias: Bias | None = None

    @property
    def expected(self) -> float | None:
        """What the figure, a share, may be in the end, by its bias so far."""
        if self.bias is None:
            return None
        return min(max(self.figure - self.bias.difference, 0.0), 1.0)


class Finding(NamedTuple):
    """A figure that is beyond its threshold, in one window or several.

    Args:
        row: The figure of the window where it is farthest beyond.
        windows: All windows where it is.
    """

    row: Row
    windows: tuple[Window | None, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A window, or a segment, and all that is told of it.

    Args:
        window: The window; None for all rows.
        segment: The segment, as JSON; None for all of them.
        profile: Its profile.
        performance: How right predictions were; None where the profile does not tell it.
        ripeness: How final that is.
        drift: How far it lies from the reference; None without one.
        rows: Its figures.
    """

    window: Window | None
    segment: str | None
    profile: Profile
    performance: Performance | None
    ripeness: Ripeness
    drift: Drift | None
    rows: tuple[Row, ...]


class Assessment:
    """Every figure of every window and segment.

    Args:
        profile: What is assessed.
        against: The reference; None for none.
        maturity: What is known of the delay of labels.
        judged: Of a ranking or multi-label model: how right it was, of its rows.
        thresholds: From where on a figure is worth a look.
        prediction: The prediction to judge, where the model gives several.
    """

    def __init__(
        self,
        profile: Profile,
        against: Profile | None = None,
        *,
        maturity: Maturity | None = None,
        judged: Ranking | MultiLabel | None = None,
        thresholds: Thresholds | None = None,
        prediction: str | None = None,
    ) -> None:
        self.profile = profile
        self.against = against
        self.maturity = maturity
        self.judged = judged
        self.thresholds = thresholds or Thresholds()
        self.prediction = prediction or model_performance.labelled(profile)
        self.reason: str | None = None
        """Why no performance is told, where it is not."""
        self.reference = None if against is None else self._performance(against, None)
        groups: dict[Window | None, list[Profile]] = {}
        for window, _, part in profile.parts():
            groups.setdefault(window, []).append(part)
        whole = {w: sum(parts[1:], start=parts[0]) for w, parts in groups.items()}
        self.windows = tuple(self._part(w, None, p) for w, p in whole.items())
        self.segments = tuple(self._segments())

    def _segments(self) -> Iterator[Part]:
        if not self.profile.by:
            return
        for _, segment, part in self.profile.total(by=self.profile.by).parts():
            yield self._part(None, json.dumps(segment, ensure_ascii=False), part)

    def _part(self, window: Window | None, segment: str | None, profile: Profile) -> Part:
        performance = (
            self._performance(profile, window) if segment is None or not self.judged else None
        )
        coverage = None if performance is None else performance.coverage
        ripe = ripeness(window, coverage, self.maturity, self.profile.windows)
        moved = None if self.against is None else drift(profile, self.against)
        rows = [*self._performance_rows(window, segment, performance, ripe)]
        rows += self._drift_rows(window, segment, moved, ripe)
        return Part(window, segment, profile, performance, ripe, moved, tuple(rows))

    def _performance(self, profile: Profile, window: Window | None) -> Performance | None:
        if self.judged is not None:
            if profile is self.against:
                return None
            return next((performance(p) for w, p in self.judged.parts() if w == window), None)
        if not model_performance.predictions(profile.edges()):
            self.reason = "the model's schema declares no prediction"
            return None
        try:
            return performance(profile, self.prediction)
        except UnsupportedError as error:
            self.reason = error.message
            return None

    def _performance_rows(
        self,
        window: Window | None,
        segment: str | None,
        performance: Performance | None,
        ripe: Ripeness,
    ) -> Iterator[Row]:
        if performance is None:
            return
        figures = {} if self.reference is None else self.reference.figures
        coverage = exact_figure(performance.coverage)
        if coverage is not None:
            yield self._judged(
                Row(window, segment, LABELS, performance.prediction, "coverage", coverage,
                    reference=exact_figure(ripe.expected), provisional=ripe.provisional)
            )  # fmt: skip
        for metric, figure in performance.figures.items():
            row = Row(
                window, segment, PERFORMANCE, performance.prediction, metric, figure,
                reference=figures.get(metric), provisional=ripe.provisional,
                bias=(ripe.biases or {}).get(metric),
            )  # fmt: skip
            yield self._judged(row, by_chance=_by_chance(row, performance.scored))

    def _drift_rows(
        self, window: Window | None, segment: str | None, moved: Drift | None, ripe: Ripeness
    ) -> Iterator[Row]:
        for item in () if moved is None else moved.values():
            for metric, figure in item.figures.items():
                row = Row(
                    window, segment, DRIFT, item.field, metric, figure,
                    provisional=item.role == Role.ACTUAL and ripe.provisional,
                )  # fmt: skip
                yield self._judged(row, by_chance=item.by_chance)
            if item.missing is not None and item.role != Role.ACTUAL:  # coverage tells of those
                row = Row(window, segment, DRIFT, item.field, "missing", Figure(item.missing),
                          reference=exact_figure(item.against_missing))  # fmt: skip
                yield self._judged(row)

    def _judged(self, row: Row, *, by_chance: bool = False) -> Row:
        """Return a row with what it is judged by, and how it is judged."""
        if row.subject == LABELS:
            return row
        threshold = self.thresholds.of(row.metric, row.reference)
        if threshold is None:
            return row
        status = OK
        if threshold.breached(row.figure):
            status = CHANCE if by_chance else BREACHED
        return changed(row, threshold=threshold, status=status)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """All figures: of each window, then of each segment."""
        return tuple(row for part in (*self.windows, *self.segments) for row in part.rows)

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What is beyond its threshold in windows, the worst first.

        What is final comes before what is provisional, performance before drift. Of a window's
        figures of performance, and of a field's distances, one stands for all: one that a reader
        gave a threshold for, or else the first in their order.
        """
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for part in self.windows:
            chosen: dict[tuple[str, str], Row] = {}
            beyond = [row for row in part.rows if row.status == BREACHED]
            for row in sorted(beyond, key=_rank):
                chosen.setdefault((row.field, row.subject), row)
            for row in chosen.values():
                key = (row.provisional, row.subject, row.field, row.metric)
                groups.setdefault(key, []).append(row)
        findings = [
            Finding(max(rows, key=_excess), tuple(row.window for row in rows))
            for rows in groups.values()
        ]
        return tuple(sorted(findings, key=_urgency))

    @property
    def final_findings(self) -> tuple[Finding, ...]:
        """Those of the findings that labels still to come can't change."""
        return tuple(one for one in self.findings if not one.row.provisional)

    @property
    def provisional_windows(self) -> tuple[Part, ...]:
        """The windows whose labels are not all there."""
        return tuple(part for part in self.windows if part.ripeness.provisional)

    def worst_fields(self) -> tuple[str, ...]:
        """Return the fields whose drift is told, the one that moved farthest anywhere first."""
        far: dict[str, float] = {}
        for part in self.windows:
            for name, item in (part.drift or {}).items():
                psi = -1.0 if item.psi is None else float(item.psi)
                far[name] = max(far.get(name, -1.0), psi)
        return tuple(sorted(far, key=lambda name: (-far[name], name)))

    def to_arrow(self) -> pa.Table:
        """Return all figures as a table, one row for each."""
        import pyarrow as pa

        moment = pa.timestamp("us", tz="UTC")
        rows = self.rows
        columns: Mapping[str, tuple[Sequence[Any], Any]] = {
            "window_start": ([r.window and r.window.start for r in rows], moment),
            "window_end": ([r.window and r.window.end for r in rows], moment),
            "segment": ([r.segment for r in rows], pa.string()),
            "subject": ([r.subject for r in rows], pa.string()),
            "field": ([r.field for r in rows], pa.string()),
            "metric": ([r.metric for r in rows], pa.string()),
            "value": ([r.figure for r in rows], pa.float64()),
            "low": ([r.figure.low for r in rows], pa.float64()),
            "high": ([r.figure.high for r in rows], pa.float64()),
            "reference": ([r.reference for r in rows], pa.float64()),
            "threshold": ([r.threshold and r.threshold.value for r in rows], pa.float64()),
            "status": ([r.status for r in rows], pa.string()),
            "provisional": ([r.provisional for r in rows], pa.bool_()),
            "expected": ([r.expected for r in rows], pa.float64()),
        }
        return pa.table({n: pa.array(list(v), t) for n, (v, t) in columns.items()})


def metrics_of(parts: Sequence[Part]) -> list[str]:
    """Return the figures of performance that any part has, in the order in which they are shown.

    Args:
        parts: The parts.
    """
    metrics = {m for p in parts if p.performance is not None for m in p.performance.figures}
    return [m for m in model_performance.METRICS if m in metrics]


def _rank(row: Row) -> tuple[bool, int]:
    """Return which of a window's figures stands for others: what a reader asked for comes first."""
    return not (row.threshold and row.threshold.chosen), _ORDER.index(row.metric)


def _excess(row: Row) -> float:
    return 0.0 if row.threshold is None else row.threshold.excess(row.figure)


def _urgency(finding: Finding) -> tuple[Any, ...]:
    row = finding.row
    place = _rank(row) if row.subject == PERFORMANCE else ()
    return row.provisional, row.subject != PERFORMANCE, place, -_excess(row), row.field


def _by_chance(row: Row, rows: int) -> bool:
    """Return whether with so few rows a share can't be told from the reference's."""
    if row.metric != "accuracy" or row.reference is None or not rows:
        return False
    error = math.sqrt(row.reference * (1 - row.reference) / rows)
    return abs(row.figure - row.reference) < _ERRORS * error
