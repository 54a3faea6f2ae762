"""Why is it empty? A read without rows ends in a verdict, never in a silent zero."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.interfaces.plan import Plan, Scan
from headwater.partitions.rule_evidence import BROKEN, UNREAD, rule_text
from headwater.tables.relation import (
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
    StreamRelation,
)

_KEEPS: Final = re.compile(r"\b(?:where|having|qualify|join|limit)\b", re.IGNORECASE)
"""What of a query may keep no row."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What data holds without the window.

    Args:
        rows: How many rows.
        first: Their first timestamp.
        last: Their last.
        inside: How many of them lie in the window.
    """

    rows: int
    first: datetime | None
    last: datetime | None
    inside: int = 0


Ask = Callable[[Scan], "Diagnostic | None"]
"""Asks why a scan found no rows: its source, or its files."""


def verdict(
    plan: Plan,
    extent: Callable[[], Extent] | None = None,
    ask: Ask | None = None,
    prove: Ask | None = None,
) -> Diagnostic:
    """Return why a plan gave no rows.

    A declared rule that files contradict comes first: what else is found follows from it. Then
    what the plan knows (partitions, files); only if that does not answer is the data asked.
    Where actuals come from is left out: without them the rows are the same.

    Args:
        plan: The plan that gave no rows.
        extent: Asks the data; None if that is not wanted.
        ask: Asks a source why it found no files; None if that is not wanted.
        prove: Asks files whether they contradict a scan's rule; None if that is not wanted.
    """
    if prove is not None:
        rows_from = [s for s in plan.scans if not s.gives_actuals and s.window is not None]
        broken = next((d for d in map(prove, rows_from) if d is not None), None)
        if broken is not None:
            return broken
    for scan in plan.scans:
        if scan.gives_actuals:
            continue
        finding = _of_scan(plan, scan)
        if finding is not None:
            return _beside_unread(scan, (ask(scan) if ask is not None else None) or finding)
    if extent is None:
        return _verdict(
            "no-rows", f"{plan.connection}: the query gives no rows for {_window(plan)}"
        )
    found_whole = extent()
    rows, first, last = found_whole.rows, found_whole.first, found_whole.last
    if rows == 0:
        return _verdict(
            "filtered-out",
            f"{plan.connection}: the tables have files, and the query gives no row at any time",
            "look at the query's own WHERE and JOIN: they keep nothing"
            if _KEEPS.search(plan.query)
            else "the query keeps all rows: do its files hold any?",
        )
    ruled = [s for s in plan.scans if s.rule is not None and s.window is not None]
    if found_whole.inside and ruled:
        rules = "; ".join(f"{s.table}: {rule_text(s.rule)}" for s in ruled if s.rule is not None)
        return _verdict(
            BROKEN,
            f"{plan.connection}: {found_whole.inside} rows lie in {_window(plan)}, and not in the "
            f"partitions that the declared time partition names for it ({rules})",
            "its pattern, timezone or lateness is not that of the partitions: `headwater check` "
            "compares it with the files",
        )
    if first is None or last is None:
        return _verdict(
            "no-timestamps",
            f"{plan.connection}: the query gives {rows} rows, and all their timestamps are NULL",
            "choose another timestamp_column",
        )
    return _verdict(
        "window-outside-data",
        f"{plan.connection}: no row lies in {_window(plan)}; "
        f"the data runs from {first.isoformat()} to {last.isoformat()} ({rows} rows)",
        nearest(plan, first, last),
    )


def nearest(plan: Plan, first: datetime, last: datetime) -> str:
    """Return a hint with the nearest window of the same length that has data at its edge."""
    if plan.window is None:
        return "read it without a window"
    length = plan.window.duration
    if plan.window.end <= first:
        return (
            f"the nearest window with data: [{first.isoformat()}, {(first + length).isoformat()})"
        )
    if plan.window.start > last:
        start = last - length
        return f"the nearest window with data: ({start.isoformat()}, {last.isoformat()}]"
    return "there is data before and after this window, none inside: did a day not land?"


def _beside_unread(scan: Scan, finding: Diagnostic) -> Diagnostic:
    """Return a verdict that says, too, that key values are not read by the declared pattern."""
    unread = next((r for r in scan.remarks if r.code == UNREAD), None)
    if unread is None:
        return finding
    instead = f"its rows may lie where the rule does not look: {unread.message}; {unread.hint}"
    return replace(finding, hint=f"{finding.hint}; or {instead}" if finding.hint else instead)


def _of_scan(plan: Plan, scan: Scan) -> Diagnostic | None:
    cost = scan.estimate
    if cost.files or isinstance(scan.relation, MemoryRelation):
        return None
    gives_rows = isinstance(scan.relation, StreamRelation)
    if gives_rows and cost.partitions_kept:
        return None  # what a source gives itself has no files: only the data can tell
    if (
        isinstance(scan.relation, IcebergRelation | DeltaRelation)
        and scan.relation.file_count is None
    ):
        return None  # a table format that does not count its files: only the data can tell
    if cost.partitions_total == 0:
        return _verdict(
            "no-partitions",
            f"{scan.table} has no partition at all",
            "did data land without being registered? run MSCK REPAIR TABLE or the crawler",
        )
    if cost.partitions_kept == 0:
        there = f"; they run from {scan.extent[0]} to {scan.extent[1]}" if scan.extent else ""
        return _verdict(
            "partition-missing",
            f"{scan.table}: none of its partitions is for {_window(plan)}{there}",
            "the window lies outside the data, or the data of this time has not landed, "
            "or its partitions are not registered"
            + (
                ", or the declared time partition is wrong: `headwater check` compares it"
                if gives_rows and scan.rule is not None
                else ""
            ),
        )
    if scan.passed:
        return _verdict(
            "window-outside-data",
            f"{scan.table}: no row lies in {_window(plan)}: the times in its files are others",
            "did this time not land yet, or is it outside of the data?",
        )
    where = scan.relation.partitions if isinstance(scan.relation, FileRelation) else ()
    place = f", e.g. {where[0].location}" if where and where[0].location else ""
    return _verdict(
        "no-files",
        f"{scan.table}: there are no files where its data should lie{place}",
        "did the data land elsewhere, or was it deleted?",
    )


def _window(plan: Plan) -> str:
    return f"the window {plan.window}" if plan.window else "any time"


def _verdict(code: str, message: str, hint: str | None = None) -> Diagnostic:
    return Diagnostic(code, message, Severity.WARNING, hint=hint)
