"""Thresholds: from where on a figure is worth a look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError
from headwater_monitor.figures import Figure

TOLERANCE: Final = 0.1
"""How much worse than the reference's own a figure may be, as a share of it."""
MORE_MISSING: Final = 0.05
"""How much more may be missing than in the reference."""
DEFAULTS: Final[Mapping[str, float]] = MappingProxyType({"psi": 0.25})

_WORSE_BELOW: Final = frozenset(
    {"accuracy", "precision", "recall", "f1", "auc", "r2", "ndcg", "mrr", "hit_rate"}
)
_WORSE_ABOVE: Final = frozenset(
    {
        "psi", "js", "hellinger", "ks", "wasserstein", "chi2", "missing",
        "log_loss", "brier", "ece", "mae", "rmse",
    }
)  # fmt: skip
_WORSE_AWAY: Final = frozenset({"bias"})
"""Worse the farther from 0 it is, on either side."""
_RELATIVE: Final = frozenset({"accuracy", "f1", "auc", "mae", "rmse", "ndcg", "mrr", "hit_rate"})
"""Figures that are judged by the reference's own, unless a reader asks otherwise."""
METRICS: Final = tuple(sorted(_WORSE_BELOW | _WORSE_ABOVE | _WORSE_AWAY))


@dataclass(frozen=True, slots=True)
class Threshold:
    """From where on a figure is worth a look.

    Args:
        metric: The figure's name.
        value: From where on.
        chosen: Whether the reader gave it; else it is a default, or follows from the reference.
    """

    metric: str
    value: float
    chosen: bool = False

    @property
    def below(self) -> bool:
        """Whether lower figures are the worse ones."""
        return self.metric in _WORSE_BELOW

    def breached(self, figure: Figure) -> bool:
        """Return whether a figure is beyond it, wherever within its bounds the exact one lies.

        Args:
            figure: The figure.
        """
        if self.metric in _WORSE_AWAY:
            nearest = (
                0.0 if figure.low <= 0 <= figure.high else min(abs(figure.low), abs(figure.high))
            )
            return nearest > self.value
        return figure.high < self.value if self.below else figure.low > self.value

    def excess(self, figure: Figure) -> float:
        """Return how far beyond it a figure is, in parts of the threshold; to sort by.

        Args:
            figure: The figure.
        """
        number = abs(figure) if self.metric in _WORSE_AWAY else float(figure)
        beyond = self.value - number if self.below else number - self.value
        return beyond / (abs(self.value) or 1.0)


class Thresholds:
    """The thresholds of a report.

    Args:
        chosen: Those that its reader gave, by the figure's name; None turns one off.

    Raises:
        ConfigError: If there is no such figure, or a threshold is no number.
    """

    def __init__(self, chosen: Mapping[str, float | None] | None = None) -> None:
        self._chosen = dict(chosen or {})
        for name, value in self._chosen.items():
            if name not in METRICS:
                raise ConfigError(
                    f"no figure is called {name!r}", hint=hint_for(name, METRICS, what="figures")
                )
            if value is not None and (type(value) not in (int, float) or value != value):
                raise ConfigError(
                    f"the threshold of {name} is {value!r}",
                    hint="give a number, or None for none",
                )

    def of(self, metric: str, reference: Figure | None = None) -> Threshold | None:
        """Return the threshold of a figure; None where there is none.

        Args:
            metric: The figure's name.
            reference: The same figure of the reference: without another threshold, a figure of
                performance may be a tenth worse, and 5 % more may be missing.
        """
        if metric in self._chosen:
            value = self._chosen[metric]
            return None if value is None else Threshold(metric, float(value), chosen=True)
        if metric in DEFAULTS:
            return Threshold(metric, DEFAULTS[metric])
        if reference is None:
            return None
        if metric == "missing":
            return Threshold(metric, reference + MORE_MISSING)
        if metric in _RELATIVE and reference > 0:
            worse = 1 - TOLERANCE if metric in _WORSE_BELOW else 1 + TOLERANCE
            return Threshold(metric, reference * worse)
        return None
