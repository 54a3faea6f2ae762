"""Why is it empty? A read without rows ends in a verdict, never in a silent zero."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from headwater.diagnostics import Diagnostic, Severity
from headwater.plan import Plan, Scan

Extent = Callable[[], "tuple[int, datetime | None, datetime | None]"]
"""Asks the data, without the window: number of rows, first and last timestamp."""


Ask = Callable[[Scan], "Diagnostic | None"]
"""Asks a scan's source why it found no files."""


def verdict(plan: Plan, extent: Extent | None = None, ask: Ask | None = None) -> Diagnostic:
    """Return why a plan gave no rows.

    What the plan knows comes first (partitions, files); only if that does not answer is the data
    asked. Where actuals come from is left out: without them the rows are the same.

    Args:
        plan: The plan that gave no rows.
        extent: Asks the data; None if that is not wanted.
        ask: Asks a source why it found no files; None if that is not wanted.
    """
    for scan in plan.scans:
        if scan.gives_actuals:
            continue
        found = _of_scan(plan, scan)
        if found is not None:
            return (ask(scan) if ask is not None else None) or found
    if extent is None:
        return _verdict(
            "no-rows", f"{plan.connection}: the query gives no rows for {_window(plan)}"
        )
    rows, first, last = extent()
    if rows == 0:
        return _verdict(
            "filtered-out",
            f"{plan.connection}: the tables have files, and the query gives no row at any time",
            "look at the query's own WHERE and JOIN: they keep nothing",
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


def _of_scan(plan: Plan, scan: Scan) -> Diagnostic | None:
    cost = scan.estimate
    if cost.files or hasattr(scan.relation, "data"):
        return None
    if getattr(scan.relation, "file_count", 0) is None:
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
            "or its partitions are not registered",
        )
    where = getattr(scan.relation, "partitions", ())
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
