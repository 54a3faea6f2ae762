"""`--fail-on`: findings other than errors that make the answer no."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.diagnostics import Severity

if TYPE_CHECKING:
    from headwater.cli.terminal import Terminal
    from headwater.diagnostics import Diagnostic
    from headwater.interfaces.plan import Plan
    from headwater.interfaces.read_stats import ReadStats
    from headwater.interfaces.report import CheckReport


class Finding(StrEnum):
    """A finding about an answer, short of an error."""

    WARNING = "warning"
    EMPTY = "empty"


FailOn = Annotated[
    list[Finding] | None,
    typer.Option(
        "--fail-on",
        help="Exit with 1 on a warning, too, or where there are no rows. Repeatable.",
        show_default=False,
    ),
]


def strictly(
    terminal: Terminal, fail_on: list[Finding] | None, findings: Iterable[Finding]
) -> list[Finding]:
    """Return the findings that the answer fails on, and print them.

    Args:
        terminal: Where they are printed.
        fail_on: What `--fail-on` named.
        findings: The answer's findings.
    """
    failed = [one for one in Finding if one in (fail_on or ()) and one in set(findings)]
    why = {Finding.WARNING: "there are warnings", Finding.EMPTY: "there are no rows"}
    for one in failed:
        terminal.note(f"error: {why[one]}, and --fail-on {one} was given")
    return failed


def of_diagnostics(diagnostics: Iterable[Diagnostic]) -> set[Finding]:
    """Return whether there is a warning among diagnostics."""
    return {Finding.WARNING for d in diagnostics if d.severity is Severity.WARNING}


def of_report(report: CheckReport) -> set[Finding]:
    """Return the findings of a report."""
    diagnostics = [d for stage in report.stages for d in stage.diagnostics]
    rows = [s for s in report.stages if s.name == "rows" and s.details.get("rows") == 0]
    none = [d for d in diagnostics if d.code == "no-rows"]
    return of_diagnostics(diagnostics) | {Finding.EMPTY for _ in [*rows, *none]}


def of_plan(plan: Plan) -> set[Finding]:
    """Return the findings of a plan: empty where a table that gives its rows has no files."""
    findings = of_diagnostics(plan.warnings)
    counted = [s.estimate for s in plan.scans if not s.gives_actuals and _counts_files(s.relation)]
    return findings | {Finding.EMPTY for _ in counted[:1] if all(e.files == 0 for e in counted)}


def of_read(plan: Plan, stats: ReadStats) -> set[Finding]:
    """Return the findings of a read."""
    verdict = () if stats.verdict is None else (stats.verdict,)
    findings = of_diagnostics((*plan.warnings, *stats.notes, *stats.of_actuals(), *verdict))
    if stats.null_ids or stats.conflicts:
        findings.add(Finding.WARNING)
    return findings | ({Finding.EMPTY} if stats.rows == 0 else set())


def _counts_files(relation: object) -> bool:
    from headwater.tables.relation import MemoryRelation, StreamRelation

    return not isinstance(relation, MemoryRelation | StreamRelation)
