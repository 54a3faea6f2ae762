"""Checking: a staged examination that stops nowhere and explains everything.

identity -> permissions, tables, places of files (what the source knows) -> query -> mapping ->
time partitions -> plan -> rows; before them, a model without predictions. A stage that needs one
that failed says which, and is not examined; what an earlier stage explained is not explained again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headwater.auth.credentials import Access
from headwater.checking.rows import rows_stage
from headwater.checking.time_partitions import rule_stages
from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.errors import AccessDeniedError, HeadwaterError
from headwater.interfaces.mapping import BoundMapping
from headwater.interfaces.plan import Plan, Planned
from headwater.interfaces.plan_text import bytes_text, files_text
from headwater.interfaces.recording import Recording
from headwater.interfaces.report import DUPLICATES, CheckReport, CheckStage, Status
from headwater.interfaces.stopping import Stop
from headwater.planning.bound_query import parsed_for
from headwater.sql.analysis import ParsedQuery
from headwater.tables.window import Window
from headwater.workspace.bundle_notes import note_connection, note_footers
from headwater.workspace.model import Connection, Purpose

if TYPE_CHECKING:
    from headwater.interfaces.engine import Engine
    from headwater.planning.bound_query import BoundQuery
    from headwater.planning.planner import MappedQuery
    from headwater.workspace.workspace import Workspace

BYTES_LIMIT = 10**9
"""Bytes up to which `check` looks at the rows without being given a window."""


def check(
    workspace: Workspace,
    connection: Connection,
    window: Window | None,
    max_duplicates: float = DUPLICATES,
    *,
    rows: bool = True,
    so_far: list[CheckStage] | None = None,
) -> CheckReport:
    """Examine a connection, and the actuals that are joined to it.

    One operation: each query is parsed and mapped once, one plan is made, and what the catalog and
    the storage said to one stage the later ones know.

    Args:
        workspace: Whose connection it is.
        connection: What to examine.
        window: Whose rows to look at; None for all, if they are few.
        max_duplicates: Share of the rows that may repeat an id.
        rows: Whether rows are looked at, and not only planned to be.
        so_far: Takes each stage once it was examined, for one who may not wait for all.
    """
    recording = Recording.current()
    with ExitStack() as opened:
        examination = _Examination(workspace, opened, [] if so_far is None else so_far)
        if recording is not None:
            note_connection(recording, connection)
        if not connection.schema.predictions:
            examination.add(_no_predictions(connection))
        for part in connection.parts:
            own = part is connection
            examination.source(part, window if own else None, "" if own else f"{part.purpose}: ")
        if rows:
            examination.rows(connection, window, max_duplicates)
        else:
            examination.plan(connection, window)
        if recording is not None:
            examination.note_footers(recording)
        return CheckReport(connection.name, tuple(examination.stages))


class _Examination:
    """The stages so far, what of them failed, and what they learned.

    Args:
        workspace: Whose connection is examined.
        opened: Closes the identities when all is examined.
        stages: Takes the stages.
    """

    def __init__(self, workspace: Workspace, opened: ExitStack, stages: list[CheckStage]) -> None:
        self.stages = stages
        self._workspace = workspace
        self._opened = opened
        self._access: Access | None = None
        self._bound: dict[Purpose, MappedQuery] = {}
        self._is_well: dict[str, bool] = {}

    def source(self, connection: Connection, window: Window | None, whose: str = "") -> None:
        """Examine one source, from its identity to its mapping; what is well is kept for the plan.

        Args:
            connection: What gives the rows.
            window: Which of them; None for all.
            whose: Put before the stages' names.
        """
        first = len(self.stages)
        query = _Query(connection)
        try:
            access = self._enter(connection)
            if self._identity(connection, access, whose):
                self._tables(connection, query, access, window, whose)
                mapped = self._binding(connection, query, access, window, whose, first)
                if mapped is not None and not self._failed(first):
                    self._bound[connection.purpose] = mapped
                return
        except HeadwaterError as error:
            self.add(CheckStage.failed(f"{whose}identity", error))
        blamed = self._blamed(first if self._failed(first) else 0)
        self.add(CheckStage.skipped(f"{whose}tables", blamed))
        self.add(_text_stage(query, f"{whose}query", blamed))
        self.add(CheckStage.skipped(f"{whose}mapping", blamed))

    def _enter(self, connection: Connection) -> Access:
        """Open the identities of a source, as part of this operation until its end."""
        access = self._opened.enter_context(connection.source.access())
        if self._access is None:
            self._access = access
            return access
        self._access = self._access.joined(access)
        return access.within(self._access)

    def plan(self, connection: Connection, window: Window | None) -> None:
        """Examine the plan."""
        self._planned(connection, window)

    def rows(self, connection: Connection, window: Window | None, max_duplicates: float) -> None:
        """Examine the plan and a sample of the rows."""
        ready = self._planned(connection, window)
        if ready is None:
            self.add(CheckStage.skipped("rows", "not examined: there is no plan"))
            return
        planned, engine, access = ready
        if window is None and (planned.plan.bytes or 0) > BYTES_LIMIT:
            size = bytes_text(planned.plan.bytes)
            why = f"not examined: all rows are {size}; name a window to look at its rows"
            self.add(CheckStage.skipped("rows", why))
            return
        try:
            data = self._workspace.dataset(connection, planned, engine, lambda: nullcontext(access))
            model_type = connection.schema.model_type
            # Of an actual that was set again, the latest is taken: its id may repeat.
            allowed = None if connection.purpose is Purpose.ACTUALS else max_duplicates
            self.add(rows_stage(data, datetime.now(UTC), model_type, max_duplicates=allowed))
        except HeadwaterError as error:
            self._ended("rows", error, 0)

    def note_footers(self, recording: Recording) -> None:
        """Note the footers that were looked at, while the identities are open."""
        if self._access is not None:
            note_footers(recording, self._access)

    def _planned(
        self, connection: Connection, window: Window | None
    ) -> tuple[Planned, Engine, Access] | None:
        """Examine the plan; return it, what runs it, and the identities that it was made with."""
        mapped = self._bound.get(connection.purpose)
        actuals = connection.actuals
        theirs = None if actuals is None else self._bound.get(actuals.purpose)
        access = self._access
        if mapped is None or access is None or (actuals is not None and theirs is None):
            self.add(CheckStage.skipped("plan", self._blamed(0)))
            return None
        try:
            request = self._workspace.request(connection, window)
            planned, engine = self._workspace.planned(
                connection, access, request, (mapped, theirs), nearby=True
            )
        except HeadwaterError as error:
            self._ended("plan", error, 0)
            return None
        recording = Recording.current()
        if recording is not None:
            recording.plan(planned.plan)
        self.add(_plan_stage(planned.plan))
        return planned, engine, access

    def _identity(self, connection: Connection, access: Access, whose: str) -> bool:
        """Examine who reads, once for each identity; return whether it is well."""
        first = len(self.stages)
        if not whose or any(ref not in self._is_well for ref in access.refs):
            for stage in connection.source.examine(access):
                self.add(stage, whose)
            well = not self._failed(first)
            self._is_well.update(dict.fromkeys(access.refs, well))
        return not self._failed(first) and all(self._is_well[ref] for ref in access.refs)

    def _tables(
        self,
        connection: Connection,
        query: _Query,
        access: Access,
        window: Window | None,
        whose: str,
    ) -> None:
        try:
            names = query.parsed().table_names
        except HeadwaterError:  # the stage of the query tells it
            names = ()
        try:
            for stage in connection.source.examine_tables(names, access, window):
                self.add(stage, whose)
        except HeadwaterError as error:
            self.add(CheckStage.failed(f"{whose}tables", error))

    def _binding(
        self,
        connection: Connection,
        query: _Query,
        access: Access,
        window: Window | None,
        whose: str,
        first: int,
    ) -> MappedQuery | None:
        """Examine query, mapping and declared rules, with what the catalog says."""
        try:
            bound = self._workspace.bind_query(connection.source, access, query.parsed())
        except HeadwaterError as error:
            if reason := self._reported(error, first):
                self.add(_text_stage(query, f"{whose}query", reason))
            else:
                self.add(CheckStage.failed(f"{whose}query", error))
            reason = self._blamed(first)
            self.add(CheckStage.skipped(f"{whose}mapping", reason))
            return None
        self.add(_query_stage(bound, f"{whose}query"))
        try:
            mapped = self._workspace.map_query(connection, access, bound)
        except HeadwaterError as error:
            self.add(CheckStage.failed(f"{whose}mapping", error))
            return None
        self.add(_mapping_stage(mapped.mapping, f"{whose}mapping"))
        for stage in rule_stages(bound, access, window, self._workspace.reader()):
            self.add(stage, whose)
        return mapped

    def add(self, stage: CheckStage, whose: str = "") -> None:
        """Add a stage.

        Args:
            stage: It.
            whose: Put before its name.
        """
        if not Stop.current().stopped:  # what was cut off says nothing of what it looked at
            self.stages.append(stage.named(f"{whose}{stage.name}") if whose else stage)

    def _ended(self, name: str, error: HeadwaterError, first: int) -> None:
        """Add a stage that ended in an error, or that it did for a reason given before."""
        reason = self._reported(error, first)
        stage = CheckStage.skipped(name, reason) if reason else CheckStage.failed(name, error)
        self.add(stage)

    def _failed(self, first: int) -> list[CheckStage]:
        return [s for s in self.stages[first:] if s.status is Status.FAILED]

    def _blamed(self, first: int) -> str:
        names = ", ".join(dict.fromkeys(s.name for s in self._failed(first)))
        return f"not examined: {names} failed" if names else "not examined"

    def _reported(self, error: HeadwaterError, first: int) -> str | None:
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


class _Query:
    """A connection's query, parsed when that is first wanted, and once."""

    def __init__(self, connection: Connection) -> None:
        self._source = connection.source
        self._parsed: ParsedQuery | HeadwaterError | None = None

    def parsed(self) -> ParsedQuery:
        """Return the query as its source allows it.

        Raises:
            HeadwaterError: If the source has none that can be read.
        """
        if self._parsed is None:
            try:
                self._parsed = parsed_for(self._source, self._source.sql())
            except HeadwaterError as error:
                self._parsed = error
        if isinstance(self._parsed, HeadwaterError):
            raise self._parsed
        return self._parsed


def _text_stage(query: _Query, name: str, why: str) -> CheckStage:
    """Examine a query's text alone, where its tables can't be looked up."""
    try:
        errors = errors_in(query.parsed().diagnostics)
    except HeadwaterError as error:
        return CheckStage.failed(name, error)
    if errors:
        return CheckStage(name, Status.FAILED, "the query is refused", errors)
    return CheckStage.skipped(name, f"its text can be read; its names were {why}")


def _query_stage(bound: BoundQuery, name: str) -> CheckStage:
    tables = [str(n) for n in bound.analysis.tables]
    columns = bound.analysis.columns
    diagnostics = bound.warnings
    return CheckStage(
        name,
        _status(diagnostics),
        f"{len(columns)} columns from {', '.join(tables) or 'no table'}",
        diagnostics,
        {"tables": tables, "columns": {c.name: str(c.type) for c in columns}},
    )


def _status(diagnostics: Iterable[Diagnostic]) -> Status:
    has_warning = any(d.severity is Severity.WARNING for d in diagnostics)
    return Status.WARNING if has_warning else Status.OK


def _mapping_stage(mapping: BoundMapping, name: str) -> CheckStage:
    details: dict[str, Any] = {
        c.name: {"role": str(c.role), "column": c.column, "type": str(c.source_type)}
        for c in mapping
    }
    return CheckStage(
        name, Status.OK, f"{len(details)} output columns are fed", (), {"columns": details}
    )


def _no_predictions(connection: Connection) -> CheckStage:
    version = connection.version
    diagnostic = Diagnostic(
        "no-predictions",
        f"{version.model.id}/{version.id} has no predictions: there is nothing of its answers to "
        "monitor",
        hint="name the columns that hold what the model answered, with their types, e.g. "
        "will_buy: boolean",
    )
    return CheckStage("model", Status.FAILED, "it has no predictions", (diagnostic,))


def _plan_stage(plan: Plan) -> CheckStage:
    parts = [
        f"{s.estimate.partitions_kept} of {s.estimate.partitions_total} partitions"
        for s in plan.scans
        if s.estimate.partitions_total is not None
    ]
    summary = ", ".join(
        [*parts, files_text(plan.files), bytes_text(plan.bytes), f"engine {plan.engine}"]
    )
    details = {"files": plan.files, "bytes": plan.bytes, "engine": plan.engine}
    return CheckStage("plan", _status(plan.warnings), summary, plan.warnings, details)
