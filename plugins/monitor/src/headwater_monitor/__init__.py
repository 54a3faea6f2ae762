"""Drift and performance of a model in production, from profiles alone, and a report of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater_monitor.classes import ClassFigures
    from headwater_monitor.field_drift import Drift, FieldDrift, drift
    from headwater_monitor.figures import Figure
    from headwater_monitor.html_report import Report, report
    from headwater_monitor.label_sets import MultiLabel, multilabel
    from headwater_monitor.model_performance import Performance, performance
    from headwater_monitor.query_ranking import Ranking, ranking
    from headwater_monitor.scores import Calibrated

_HOMES = {
    "Calibrated": "headwater_monitor.scores",
    "ClassFigures": "headwater_monitor.classes",
    "Drift": "headwater_monitor.field_drift",
    "FieldDrift": "headwater_monitor.field_drift",
    "Figure": "headwater_monitor.figures",
    "MultiLabel": "headwater_monitor.label_sets",
    "Performance": "headwater_monitor.model_performance",
    "Ranking": "headwater_monitor.query_ranking",
    "Report": "headwater_monitor.html_report",
    "drift": "headwater_monitor.field_drift",
    "multilabel": "headwater_monitor.label_sets",
    "performance": "headwater_monitor.model_performance",
    "ranking": "headwater_monitor.query_ranking",
    "report": "headwater_monitor.html_report",
}

__all__ = [
    "Calibrated",
    "ClassFigures",
    "Drift",
    "FieldDrift",
    "Figure",
    "MultiLabel",
    "Performance",
    "Ranking",
    "Report",
    "drift",
    "multilabel",
    "performance",
    "ranking",
    "report",
]

__getattr__, __dir__ = names_of(__name__, _HOMES)
