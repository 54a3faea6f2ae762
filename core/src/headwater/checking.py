"""Checking: a staged examination that stops nowhere and explains everything.

identity -> permissions, tables, places of files (what the source knows) -> query -> mapping ->
time partitions -> plan -> rows. A stage that needs one that failed says which, and is not examined;
what an earlier stage has explained is not explained again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headwater.checking_rows import rows_stage
from headwater.checking_rules import rule_stages
from headwater.credentials import Access
from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.errors import AccessDeniedError, HeadwaterError
from headwater.mapping import BoundMapping
from headwater.model import Connection, Purpose
from headwater.pipeline import bound
from headwater.plan import Plan
from headwater.plan_text import bytes_text
from headwater.report import CheckReport, CheckStage, Status
from headwater.sql.analysis import ParsedQuery
from headwater.sql.parse import parse
from headwater.window import Window

if TYPE_CHECKING:
    from headwater.resolving import Resolved
    from headwater.workspace import Workspace

BYTES_LIMIT = 10**9
"""Bytes up to which `check` looks at the rows without being given a window."""


def check(workspace: Workspace, connection: Connection, window: Window | None) -> CheckReport:
    """Examine a connection, and the actuals that are joined to it.

    Args:
        workspace: Whose connection it is.
        connection: What to examine.
        window: Whose rows to look at; None for all, if they are few.
    """
    examination = _Examination(workspace)
    ready = examination.source(connection, window)
    if connection.actuals is not None:
        ready = examination.source(connection.actuals, None, "actuals: ") and ready
    examination.rows(connection, window, ready)
    return CheckReport(connection.name, tuple(examination.stages))


class _Examination:
    """The stages so far, and what of them failed."""

    def __init__(self, workspace: Workspace) -> None:
        self.stages: list[CheckStage] = []
        self._workspace = workspace
        self._known: dict[str, bool] = {}

    def source(self, connection: Connection, window: Window | None, whose: str = "") -> bool:
        """Examine one source, from its identity to its mapping; return whether all of it is well.

        Args:
            connection: What gives the rows.
            window: Which of them; None for all.
            whose: Put before the stages' names.
        """
        first = len(self.stages)
        try:
            with connection.source.access() as access:
                if self._identity(connection, access, whose):
                    self._tables(connection, access, window, whose)
                    self._binding(connection, access, window, whose, first)
                    return not self._failed(first)
        except HeadwaterError as error:
            self._add(CheckStage.failed(f"{whose}identity", error))
        blamed = self._blamed(first if self._failed(first) else 0)
        self._add(CheckStage.skipped(f"{whose}tables", blamed))
        self._add(self._text_stage(connection, f"{whose}query", blamed))
        self._add(CheckStage.skipped(f"{whose}mapping", blamed))
        return False

    def rows(self, connection: Connection, window: Window | None, ready: bool) -> None:
        """Examine the plan and a sample of the rows."""
        plan = None
        if ready:
            try:
                plan = self._workspace.plan(connection, window)
                self._add(_plan_stage(plan))
            except HeadwaterError as error:
                self._ended("plan", error, 0)
        else:
            self._add(CheckStage.skipped("plan", self._blamed(0)))
        if plan is None:
            self._add(CheckStage.skipped("rows", "not examined: there is no plan"))
        elif window is None and plan.bytes > BYTES_LIMIT:
            size = bytes_text(plan.bytes)
            why = f"not examined: all rows are {size}; name a window to look at its rows"
            self._add(CheckStage.skipped("rows", why))
        else:
            try:
                data = self._workspace.read(connection, window)
                model_type = connection.schema.model_type
                self._add(rows_stage(data, datetime.now(UTC), model_type))
            except HeadwaterError as error:
                self._ended("rows", error, 0)

    def _identity(self, connection: Connection, access: Access, whose: str) -> bool:
        """Examine who reads, once for each identity; return whether it is well."""
        first = len(self.stages)
        if not whose or any(ref not in self._known for ref in access.refs):
            for stage in connection.source.examine(access):
                self._add(stage, whose)
            well = not self._failed(first)
            self._known.update(dict.fromkeys(access.refs, well))
        return not self._failed(first) and all(self._known[ref] for ref in access.refs)

    def _tables(
        self, connection: Connection, access: Access, window: Window | None, whose: str
    ) -> None:
        try:
            names = _parsed(connection).table_names
        except HeadwaterError:  # the stage of the query tells it
            names = ()
        try:
            for stage in connection.source.examine_tables(names, access, window):
                self._add(stage, whose)
        except HeadwaterError as error:
            self._add(CheckStage.failed(f"{whose}tables", error))

    def _binding(
        self,
        connection: Connection,
        access: Access,
        window: Window | None,
        whose: str,
        first: int,
    ) -> None:
        """Examine query, mapping and declared rules, with what the catalog says."""
        try:
            resolved = self._workspace.resolve(connection.source, access)
        except HeadwaterError as error:
            if reason := self._told(error, first):
                self._add(self._text_stage(connection, f"{whose}query", reason))
            else:
                self._add(CheckStage.failed(f"{whose}query", error))
            reason = self._blamed(first)
            self._add(CheckStage.skipped(f"{whose}mapping", reason))
            return
        self._add(_query_stage(resolved, f"{whose}query"))
        fields = connection.purpose is not Purpose.ACTUALS
        try:
            found = bound(resolved, connection.mapping, connection.schema, fields=fields)
        except HeadwaterError as error:
            self._add(CheckStage.failed(f"{whose}mapping", error))
        else:
            self._add(_mapping_stage(found.mapping, f"{whose}mapping"))
            for stage in rule_stages(resolved, access, window, self._workspace.reader()):
                self._add(stage, whose)

    def _text_stage(self, connection: Connection, name: str, why: str) -> CheckStage:
        """Examine a query's text alone, where its tables can't be looked up."""
        try:
            found = errors_in(_parsed(connection).diagnostics)
        except HeadwaterError as error:
            return CheckStage.failed(name, error)
        if found:
            return CheckStage(name, Status.FAILED, "the query is refused", found)
        return CheckStage.skipped(name, f"its text can be read; its names were {why}")

    def _add(self, stage: CheckStage, whose: str = "") -> None:
        self.stages.append(stage.named(f"{whose}{stage.name}") if whose else stage)

    def _ended(self, name: str, error: HeadwaterError, first: int) -> None:
        """Add a stage that ended in an error, or that it did for a reason given before."""
        reason = self._told(error, first)
        stage = CheckStage.skipped(name, reason) if reason else CheckStage.failed(name, error)
        self._add(stage)

    def _failed(self, first: int) -> list[CheckStage]:
        return [s for s in self.stages[first:] if s.status is Status.FAILED]

    def _blamed(self, first: int) -> str:
        names = ", ".join(dict.fromkeys(s.name for s in self._failed(first)))
        return f"not examined: {names} failed" if names else "not examined"

    def _told(self, error: HeadwaterError, first: int) -> str | None:
        """Return which earlier stage has explained an error, or None."""
        for stage in self._failed(first):
            if isinstance(error, AccessDeniedError) and error.action is not None:
                same = stage.name.endswith(error.action)
            else:
                same = error.code in _codes(stage)
            if same:
                return f"not examined: {stage.name} failed"
        return None


def _codes(stage: CheckStage) -> set[str]:
    return {*(d.code for d in errors_in(stage.diagnostics)), str(stage.details.get("code"))}


def _parsed(connection: Connection) -> ParsedQuery:
    source = connection.source
    return parse(source.sql(), database=source.default_database, databases=source.allowed_databases)


def _query_stage(resolved: Resolved, name: str) -> CheckStage:
    tables = [str(n) for n in resolved.analysis.tables]
    columns = resolved.analysis.columns
    found = resolved.warnings
    return CheckStage(
        name,
        _status(found),
        f"{len(columns)} columns from {', '.join(tables) or 'no table'}",
        found,
        {"tables": tables, "columns": {c.name: str(c.type) for c in columns}},
    )


def _status(found: Iterable[Diagnostic]) -> Status:
    told = any(d.severity is Severity.WARNING for d in found)
    return Status.WARNING if told else Status.OK


def _mapping_stage(mapping: BoundMapping, name: str) -> CheckStage:
    details: dict[str, Any] = {
        c.name: {"role": str(c.role), "column": c.column, "type": str(c.source_type)}
        for c in mapping
    }
    return CheckStage(
        name, Status.OK, f"{len(details)} output columns are fed", (), {"columns": details}
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
    details = {"files": plan.files, "bytes": plan.bytes, "engine": plan.engine}
    return CheckStage("plan", _status(plan.warnings), summary, plan.warnings, details)
