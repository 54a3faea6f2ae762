"""Checking: a staged examination that stops nowhere and explains everything.

identity -> query -> mapping -> plan -> rows. A stage that needs one that failed is skipped, and
says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from headwater.credentials import Access
from headwater.dataset import EmptyReadWarning
from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.errors import HeadwaterError, MappingError
from headwater.model import Connection, Purpose
from headwater.pipeline import bound
from headwater.plan import Plan
from headwater.plan_text import bytes_text
from headwater.report import CheckReport, CheckStage, Status
from headwater.schema import ID
from headwater.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.resolving import Resolved
    from headwater.workspace import Workspace

ROWS_LIMIT = 10**9
"""Bytes up to which `check` looks at the rows without being given a window."""


def check(workspace: Workspace, connection: Connection, window: Window | None) -> CheckReport:
    """Examine a connection.

    Args:
        workspace: Whose connection it is.
        connection: What to examine.
        window: Whose rows to look at; None for all, if they are few.
    """
    return CheckReport(connection.name, tuple(_stages(workspace, connection, window)))


def _stages(
    workspace: Workspace, connection: Connection, window: Window | None
) -> Iterator[CheckStage]:
    with ExitStack() as stack:
        try:
            access = stack.enter_context(workspace.opened(connection))
        except HeadwaterError as error:
            yield CheckStage.failed("identity", error)
            return
        reached = True
        for stage in connection.source.examine(access):
            reached = reached and stage.status is not Status.FAILED
            yield stage
        if not reached:
            for name in ("query", "mapping", "plan", "rows"):
                yield CheckStage.skipped(name, "without an identity nothing can be asked")
            return
        yield from _examine(workspace, connection, access, window)


def _examine(
    workspace: Workspace, connection: Connection, access: Access, window: Window | None
) -> Iterator[CheckStage]:
    try:
        resolved = workspace.resolve(connection.source, access)
    except HeadwaterError as error:
        yield CheckStage.failed("query", error)
        for name in ("mapping", "plan", "rows"):
            yield CheckStage.skipped(name, "the query was not resolved")
        return
    yield _query_stage(resolved)
    try:
        bound(resolved, connection.mapping, connection.schema, fields=_has_fields(connection))
    except MappingError as error:
        yield CheckStage.failed("mapping", error)
        for name in ("plan", "rows"):
            yield CheckStage.skipped(name, "the mapping does not fit")
        return
    wanted = len(list(connection.mapping.wants(connection.schema, fields=_has_fields(connection))))
    yield CheckStage("mapping", Status.OK, f"{wanted} output columns are fed")
    try:
        plan = workspace.plan(connection, window)
    except HeadwaterError as error:
        yield CheckStage.failed("plan", error)
        yield CheckStage.skipped("rows", "there is no plan")
        return
    yield _plan_stage(plan)
    if window is None and plan.bytes > ROWS_LIMIT:
        yield CheckStage.skipped(
            "rows", f"all rows are {bytes_text(plan.bytes)}; name a window to look at its rows"
        )
        return
    yield _rows_stage(workspace, connection, window)


def _has_fields(connection: Connection) -> bool:
    return connection.purpose is not Purpose.ACTUALS


def _query_stage(resolved: Resolved) -> CheckStage:
    tables = [str(n) for n in resolved.analysis.tables]
    columns = resolved.analysis.columns
    found = resolved.warnings
    status = Status.WARNING if any(d.severity is Severity.WARNING for d in found) else Status.OK
    return CheckStage(
        "query",
        status,
        f"{len(columns)} columns from {', '.join(tables) or 'no table'}",
        found,
        {"tables": tables, "columns": {c.name: str(c.type) for c in columns}},
    )


def _plan_stage(plan: Plan) -> CheckStage:
    parts = [
        f"{s.estimate.partitions_kept} of {s.estimate.partitions_total} partitions"
        for s in plan.scans
        if s.estimate.partitions_total is not None
    ]
    summary = ", ".join(
        [*parts, f"{plan.files} files", bytes_text(plan.bytes), f"engine {plan.engine}"]
    )
    status = Status.WARNING if plan.warnings else Status.OK
    details = {"files": plan.files, "bytes": plan.bytes, "engine": plan.engine}
    return CheckStage("plan", status, summary, plan.warnings, details)


def _rows_stage(workspace: Workspace, connection: Connection, window: Window | None) -> CheckStage:
    try:
        data = workspace.read(connection, window)
        ids: list[pa.Array[Any]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyReadWarning)
            ids.extend(batch.column(ID) for batch in data if ID in batch.schema.names)
    except HeadwaterError as error:
        return CheckStage.failed("rows", error)
    stats = data.stats
    duplicates = _duplicates(ids)
    found = []
    if stats.verdict is not None:
        found.append(stats.verdict)
    found += _row_findings(stats.null_ids, duplicates, stats.conflicts)
    coverage = {n: k / stats.rows for n, k in stats.actuals.items()} if stats.rows else {}
    summary = f"{stats.rows} rows, {duplicates} duplicate ids, {stats.null_ids} NULL ids"
    if coverage:
        summary += ", " + ", ".join(f"{n} known for {c:.1%}" for n, c in coverage.items())
    status = Status.FAILED if errors_in(found) else Status.WARNING if found else Status.OK
    details = {**stats.to_dict(), "duplicate_ids": duplicates, "coverage": coverage}
    details.pop("not_counted")
    return CheckStage("rows", status, summary, tuple(found), details)


def _row_findings(null_ids: int, duplicates: int, conflicts: int) -> list[Diagnostic]:
    found = []
    if null_ids:
        found.append(
            Diagnostic(
                "null-id",
                f"{null_ids} rows have no id",
                Severity.WARNING,
                hint="their actuals can't be joined; filter them: WHERE id IS NOT NULL",
            )
        )
    if duplicates:
        found.append(
            Diagnostic(
                "duplicate-id",
                f"{duplicates} rows repeat an id that another row has",
                Severity.WARNING,
                hint="keep one of each: row_number() OVER (PARTITION BY id ORDER BY time DESC) = 1",
            )
        )
    if conflicts:
        found.append(
            Diagnostic(
                "conflicting-actuals",
                f"{conflicts} rows have actuals of equal time that contradict each other",
                Severity.WARNING,
                hint="the greatest value was taken; mend the table of actuals",
            )
        )
    return found


def _duplicates(ids: list[pa.Array[Any]]) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not ids:
        return 0
    known = pc.drop_null(pa.chunked_array(ids))
    return len(known) - int(pc.count_distinct(known).as_py())
