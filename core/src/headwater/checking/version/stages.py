"""The stages of a version's check, in the order in which what they find is to be mended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from headwater.checking.version import (
    categories,
    ids,
    leak,
    match,
    nulls,
    order,
    overlap,
    scores,
    time,
    units,
)
from headwater.checking.version.findings import Datasets, Finding
from headwater.diagnostics import Severity, errors_in
from headwater.interfaces.report import CheckStage, Status


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage.

    Args:
        name: Its name in the report.
        examine: Yields what it finds.
        summary: Its figures in a line.
        lacks: Returns why there is nothing to examine, or None.
    """

    name: str
    examine: Callable[[Datasets], Iterator[Finding]]
    summary: Callable[[Datasets], str]
    lacks: Callable[[Datasets], str | None]

    def run(self, data: Datasets) -> CheckStage:
        """Run the stage on datasets."""
        why = self.lacks(data)
        if why is not None:
            return CheckStage.skipped(self.name, f"not examined: {why}")
        findings = list(self.examine(data))
        diagnostics = tuple(f.diagnostic for f in findings)
        status = Status.OK
        if errors_in(diagnostics):
            status = Status.FAILED
        elif any(d.severity is Severity.WARNING for d in diagnostics):
            status = Status.WARNING
        mends = [
            {"code": f.diagnostic.code, "connection": f.mend.connection, "sql": f.mend.sql}
            for f in findings
            if f.mend is not None
        ]
        return CheckStage(self.name, status, self.summary(data), diagnostics, {"mends": mends})


def _lacks_rows(data: Datasets) -> str | None:
    return None if data.tallies else "there are no rows"


def _no_reference(data: Datasets) -> str | None:
    return None if data.compared() else "there is no training set to compare with"


def _no_actuals(data: Datasets) -> str | None:
    tally = data.serving
    return None if tally is not None and tally.has_actuals else "labels have no table of their own"


def _no_label_times(data: Datasets) -> str | None:
    timed = any(t.gaps for t in data.tallies.values())
    return None if timed else "nothing says when labels were set"


def _no_labels(data: Datasets) -> str | None:
    labelled = any(t.label_names for t in data.tallies.values())
    return None if labelled else "no dataset has labels"


def _no_pair(data: Datasets) -> str | None:
    return None if len(data.tallies) > 1 else "there are no two datasets"


STAGES: Final = (
    Stage("ids", ids.examine, ids.summary, _lacks_rows),
    Stage("match", match.examine, match.summary, _no_actuals),
    Stage("order", order.examine, order.summary, _no_label_times),
    Stage("leak", leak.examine, leak.summary, _no_labels),
    Stage("units", units.examine, units.summary, _no_reference),
    Stage("types", categories.types, categories.types_summary, _no_reference),
    Stage("categories", categories.examine, categories.summary, _no_reference),
    Stage("nulls", nulls.examine, nulls.summary, _no_reference),
    Stage("scores", scores.examine, scores.summary, _lacks_rows),
    Stage("time", time.examine, time.summary, _lacks_rows),
    Stage("overlap", overlap.examine, overlap.summary, _no_pair),
)
