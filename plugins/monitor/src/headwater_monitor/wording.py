"""Wording: figures, windows and findings as a person reads them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.display.printable import printable_line
from headwater_monitor.assessment import DRIFT, Assessment, Finding, Part
from headwater_monitor.thresholds import MORE_MISSING, TOLERANCE

if TYPE_CHECKING:
    from headwater.tables.window import Window

METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accuracy": "Accuracy",
        "precision": "Precision",
        "recall": "Recall",
        "f1": "F1",
        "auc": "Area under the ROC curve",
        "log_loss": "Log loss",
        "brier": "Brier score",
        "ece": "Expected calibration error",
        "mae": "Mean absolute error",
        "rmse": "Root mean square error",
        "bias": "Bias",
        "r2": "R2",
        "ndcg": "NDCG",
        "mrr": "Mean reciprocal rank",
        "hit_rate": "Hit rate",
        "psi": "PSI",
        "js": "Jensen-Shannon distance",
        "hellinger": "Hellinger distance",
        "ks": "Kolmogorov-Smirnov distance",
        "wasserstein": "Wasserstein distance",
        "chi2": "Chi-square",
        "missing": "Share missing",
    }
)
"""What each figure is called."""
_OF_ONE: Final = frozenset({"psi", "js", "hellinger", "ks", "missing", "ece", "brier"})
"""Figures whose thousandths nobody looks at."""
_NEAR_0: Final = 0.001


def number(value: float) -> str:
    """Return a number with four digits."""
    return f"{value:.4g}"


def figure_text(metric: str, value: float) -> str:
    """Return a figure as all tables show it: four digits, and of a share or distance near 0 three.

    Args:
        metric: The figure's name.
        value: The figure.
    """
    return f"{value:.3f}" if abs(value) < _NEAR_0 and metric in _OF_ONE else number(value)


def moment(when: datetime) -> str:
    """Return a moment, a midnight as its date."""
    text = when.strftime("%Y-%m-%d %H:%M")
    return text.removesuffix(" 00:00")


def window_name(window: Window | None) -> str:
    """Return a window as briefly as it can be told alone."""
    return window_names([window])[0]


def window_names(windows: Sequence[Window | None]) -> list[str]:
    """Return windows as briefly as they can be told together: months, days, or when each begins.

    Args:
        windows: The windows.
    """
    bounded = [w for w in windows if w is not None]
    if bounded and all(_is_month(w) for w in bounded):
        form = "%Y-%m"
    elif all(w.start.hour == w.start.minute == 0 for w in bounded):
        form = "%Y-%m-%d"
    else:
        form = "%Y-%m-%d %H:%M"
    return ["all rows" if w is None else w.start.strftime(form) for w in windows]


def _is_month(window: Window) -> bool:
    start, end = window.start, window.end
    first = start.day == end.day == 1 and start.time() == end.time()
    months = (end.year - start.year) * 12 + end.month - start.month
    return first and start.hour == start.minute == 0 and months == 1


def segment_name(segment: str | None) -> str:
    """Return a segment as `owner = ann`; a NULL is NULL."""
    values = {} if segment is None else json.loads(segment)
    parts = (f"{n} = {'NULL' if v is None else v}" for n, v in values.items())
    return printable_line(", ".join(parts))


def finding(finding_: Finding) -> str:
    """Return what is beyond its threshold, in one line.

    Args:
        finding_: The figure.
    """
    row = finding_.row
    assert row.threshold is not None
    if row.subject == DRIFT and row.metric != "missing":
        text = f"{row.field} moved: {METRICS[row.metric]} {number(row.figure)}"
    elif row.metric == "missing":
        text = f"{row.field} is missing in {row.figure:.1%} of rows"
    else:
        text = f"{METRICS[row.metric]} of {row.field} is {number(row.figure)}"
    if row.window is not None:
        text = f"{window_name(row.window)}: {text}"
    text += f", {'below' if row.threshold.below else 'above'} {number(row.threshold.value)}"
    if row.reference is not None:
        text += f" ({number(row.reference)} in the reference)"
    if len(finding_.windows) > 1:
        text += f"; the worst of {len(finding_.windows)} such windows"
    return printable_line(text)


def waiting(part: Part, assessment: Assessment) -> str:
    """Return what is still to come of a window, and what its figures may become.

    Args:
        part: The window.
        assessment: The assessment that it is of.
    """
    text = f"{window_name(part.window)}: {part.ripeness.summary}"
    for row in part.rows:
        if row.metric != "accuracy" or row.bias is None or row.expected is None:
            continue
        size, way = abs(row.bias.difference), "high" if row.bias.difference >= 0 else "low"
        spread = "" if row.bias.spread is None else f" (sd {row.bias.spread:.3f})"
        text += (
            f"; {row.metric} {row.figure:.3f} at this age has been {size:.3f} too {way}{spread} in "
            f"{row.bias.windows} windows, so expect {row.expected:.3f}"
        )
    if part.ripeness.provisional and not part.ripeness.biases and assessment.maturity is not None:
        text += "; nothing says yet how far early figures are from final ones"
    return printable_line(text)


def verdict(assessment: Assessment) -> str:
    """Return all of it in a sentence.

    Args:
        assessment: The assessment.
    """
    firm = assessment.final_findings
    loose = len(assessment.findings) - len(firm)
    late = f" {loose} more may pass as labels come in." if loose else ""
    if not firm:
        if not any(row.threshold is not None for row in assessment.rows):
            return "No figure is judged: give thresholds, or a reference to compare with."
        return f"No final figure is beyond its threshold.{late}"
    first = finding(firm[0])
    many = "1 figure is" if len(firm) == 1 else f"{len(firm):,} figures are"
    return f"{many} beyond the threshold. First: {first}.{late}"


def rules(assessment: Assessment) -> str:
    """Return what figures are judged by.

    Args:
        assessment: The assessment.
    """
    parts = []
    psi = assessment.thresholds.of("psi")
    if psi is not None:
        parts.append(f"PSI is worth a look from {number(psi.value)} on")
    if assessment.reference is not None and assessment.reference.figures:
        parts.append(
            f"performance, where no other threshold was given, if it is {TOLERANCE:.0%} worse than "
            "the reference's"
        )
    if assessment.against is not None:
        parts.append(f"missing values if they are {MORE_MISSING:.0%} of rows more than there")
    return ("; ".join(parts) + ".") if parts else "No thresholds."
