"""Checking a version: each connection, then what its datasets say of each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from headwater.checking.version import spelled_ids
from headwater.checking.version.findings import Datasets, Spelled
from headwater.checking.version.stages import STAGES
from headwater.checking.version.tally import Tally, tally_of
from headwater.checking.version.tally_query import tally_queries
from headwater.diagnostics import Severity
from headwater.errors import HeadwaterError
from headwater.interfaces.mapping import BoundMapping
from headwater.interfaces.plan_text import bytes_text
from headwater.interfaces.report import CheckReport, CheckStage, Status
from headwater.interfaces.schema import ID, Role
from headwater.interfaces.stopping import Stop
from headwater.planning import planner
from headwater.planning.windowed_query import Wrapped, select
from headwater.sql.rewriting import quoted
from headwater.tables.window import Window
from headwater.types import DataType
from headwater.workspace.examination import check
from headwater.workspace.model import Connection, ModelVersion, Purpose

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.plan import Plan
    from headwater.workspace.workspace import Workspace

DIGESTS = 50_000
"""Rows whose features are told as digests, about: enough to find one row of a hundred twice."""
_ROW = 24
"""Bytes of a row in files, at least: the sample is then no smaller than meant."""


def check_version(
    workspace: Workspace,
    version: ModelVersion,
    window: Window | None,
    so_far: list[CheckStage],
) -> CheckReport:
    """Examine a version: its connections, then its datasets together.

    Args:
        workspace: Whose version it is.
        version: What to examine.
        window: Which predictions to look at; None for all. Training and test set are taken whole.
        so_far: Takes each stage once it was examined, for one who may not wait for all.
    """
    stages = _VersionExamination(workspace, version, window).stages()
    # What was cut off says nothing of what it looked at.
    so_far.extend(stage for stage in stages if not Stop.current().stopped)
    name = f"{version.model.id}/{version.id}"
    return CheckReport(name, tuple(so_far), tuple(s.name for s in STAGES))


class _VersionExamination:
    """What a version's connections gave so far."""

    def __init__(self, workspace: Workspace, version: ModelVersion, window: Window | None) -> None:
        self._workspace = workspace
        self._version = version
        self._window = window
        self._connections = version.connections
        self._drafts: dict[str, tuple[Connection, planner.Draft, Plan]] = {}

    def stages(self) -> Iterator[CheckStage]:
        """Yield the stages as they are examined."""
        tallies: dict[str, Tally] = {}
        mismatch: CheckStage | None = None
        purposes = [Purpose.SERVING, Purpose.TRAINING, Purpose.TESTING]
        if Purpose.SERVING not in self._connections:
            purposes.append(Purpose.ACTUALS)
        for purpose in purposes:
            connection = self._connections.get(purpose)
            if connection is None:
                continue
            window = self._window if purpose is Purpose.SERVING else None
            report = check(self._workspace, connection, window, rows=False)
            stage, mismatch_here = _parts(report)
            mismatch = mismatch or mismatch_here
            if purpose is Purpose.ACTUALS or not report.ok:
                yield from stage
                continue
            try:
                tallies[str(purpose)] = self._tally(connection, window)
            except HeadwaterError as error:
                failed = CheckStage.failed(str(purpose), error)
                stage = [failed if s.name == str(purpose) else s for s in stage]
            yield from stage
        if not self._connections:
            yield CheckStage.skipped("connections", "the version is connected to nothing")
        data = self._datasets(tallies)
        for one in STAGES:
            if one.name == "match" and mismatch is not None:
                yield mismatch
                continue
            try:
                stage_here = one.run(data)
            except HeadwaterError as error:
                stage_here = CheckStage.failed(one.name, error)
            yield stage_here

    def _tally(self, connection: Connection, window: Window | None) -> Tally:
        """Count the rows of a connection, and of the actuals that are joined to it."""
        workspace = self._workspace
        # All rows, whatever share of them reads keep: labels of the others would find none.
        request = replace(workspace.request(connection, window), sample=None)
        with workspace.opened(connection) as access:
            mapped = workspace.map_queries(connection, access)
            draft = planner.draft(request, mapped[0], access, actuals=mapped[1], nearby=True)
            plan = draft.plan()
        purpose = str(connection.purpose)
        self._drafts[purpose] = connection, draft, plan
        model_type = connection.schema.model_type
        size = sum(s.estimate.bytes or 0 for s in plan.scans if not s.gives_actuals)
        sampled = 1.0 if size <= DIGESTS * _ROW else DIGESTS * _ROW / size
        queries = tally_queries(draft, model_type, sampled, digests=len(self._connections) > 1)
        answers = [(q, self._ask(purpose, q.sql)) for q in queries]
        return tally_of(
            purpose,
            model_type,
            answers,
            has_actuals=draft.actuals is not None,
            windowed=window is not None,
        )

    def _ask(self, purpose: str, sql: str) -> pa.Table:
        """Return what SQL over the tables of a connection's plan gives, read as it would be."""
        connection, _, plan = self._drafts[purpose]
        plan = replace(plan, sql=sql, mapping=None)
        return self._workspace.answer(connection, plan).to_arrow()

    def _datasets(self, tallies: dict[str, Tally]) -> Datasets:
        queries: dict[str, str] = {}
        columns: dict[tuple[str, Role], tuple[str, DataType]] = {}
        labels: dict[str, tuple[str, str, DataType]] = {}
        for purpose in tallies:
            connection, draft, _ = self._drafts[purpose]
            sides = [(purpose, connection, draft.serving)]
            if draft.actuals is not None and connection.actuals is not None:
                sides.append(("actuals", connection.actuals, draft.actuals))
            for name, owner, mapped in sides:
                queries[name] = owner.source.sql()
                for role in (Role.ID, Role.TIMESTAMP):
                    column = mapped.mapping.role(role)
                    if column is not None:
                        columns[name, role] = column.column, column.source_type
                if mapped.mapping.label_timestamp is not None:
                    moment = mapped.mapping.label_timestamp
                    columns[name, Role.ACTUAL] = moment.column, moment.source_type
            if draft.actuals is not None:
                for item in draft.actuals.mapping.actuals:
                    labels[item.name] = "actuals", item.column, item.source_type
        now = int(datetime.now(UTC).timestamp()) // 3600
        return Datasets(tallies, queries, columns, now, self._value_of, self._spelled, labels)

    def _value_of(
        self, purpose: str, name: str, low: float, high: float
    ) -> tuple[float, int] | None:
        """Return the most frequent number of a field in a range, and its rows."""
        _, draft, _ = self._drafts[purpose]
        mapping = draft.serving.mapping
        column = next((c for c in mapping if c.name == name), None)
        if column is None:
            return None
        own = _only(mapping, name)
        rows = select(Wrapped(draft.text, own, draft.request.window))
        value = f"CAST(v.{quoted(name)} AS DOUBLE)"
        sql = (
            f"SELECT x, count(*) AS n FROM (SELECT {value} AS x FROM (\n{rows}\n) AS v) AS w "
            f"WHERE x >= {low!r}D AND x <= {high!r}D GROUP BY x ORDER BY n DESC, x LIMIT 1"
        )
        answer = self._ask(purpose, sql).to_pylist()
        return (answer[0]["x"], answer[0]["n"]) if answer else None

    def _spelled(self) -> Spelled | None:
        """Return how the ids of actuals that find no prediction would find theirs."""
        _, draft, _ = self._drafts["serving"]
        if draft.actuals is None or draft.actuals_text is None:
            return None
        own = draft.serving.mapping.role(Role.ID)
        theirs = draft.actuals.mapping.role(Role.ID)
        if own is None or theirs is None or not own.source_type.is_text:
            return None
        serving = select(
            Wrapped(draft.text, _only(draft.serving.mapping, ID), draft.request.window)
        )
        actuals = select(Wrapped(draft.actuals_text, _only(draft.actuals.mapping, ID)))
        try:
            ends = self._ask("serving", spelled_ids.ends_sql(serving, actuals)).to_pylist()
        except HeadwaterError:
            return None
        sides = {e["side"]: (e["low"], e["high"]) for e in ends if e["low"] is not None}
        tried = spelled_ids.forms(sides.get(0), sides.get(1))
        chosen = self._tried(serving, actuals, tried)
        if chosen is None:
            return None
        form, more = chosen
        column = theirs.column if form.side == "actuals" else own.column
        return Spelled(more, form.sql(quoted(column)), column, form.side)

    def _tried(
        self, serving: str, actuals: str, tried: list[spelled_ids.Form]
    ) -> tuple[spelled_ids.Form, int] | None:
        """Return the form of ids that lets most labels find their prediction, and how many more."""
        try:
            rows = self._ask("serving", spelled_ids.forms_sql(serving, actuals, tried)).to_pylist()
        except HeadwaterError:
            # An engine refuses one of them: lower() of a text that upper() made, letters without
            # rules. The others are asked for by themselves.
            if len(tried) == 1:
                return None
            half = len(tried) // 2
            parts = (tried[:half], tried[half:])
            forms = [f for part in parts if (f := self._tried(serving, actuals, part)) is not None]
            return max(forms, key=lambda f: f[1], default=None)
        counts = {r["kind"]: (r["serving"], r["actuals"], r["both"]) for r in rows}
        return spelled_ids.best(tried, counts)


def _only(mapping: BoundMapping, name: str) -> BoundMapping:
    """Return a mapping of one column, and of the time by which a window is taken."""
    return BoundMapping(tuple(c for c in mapping if c.name == name or c.role is Role.TIMESTAMP))


def _parts(report: CheckReport) -> tuple[list[CheckStage], CheckStage | None]:
    """Return the stages of a connection as one, those of its actuals as another.

    Ids of two types can't be joined, which is told where labels are matched.
    """
    purpose = report.connection.rsplit("/", 1)[-1]
    by_purpose: dict[str, list[CheckStage]] = {purpose: []}
    mismatch = None
    for stage in report.stages:
        if stage.details.get("code") == "id-type-mismatch":
            mismatch = stage.named("match")
            stage = CheckStage.skipped(stage.name, "not examined: its ids can't be joined")
        prefix, _, rest = stage.name.partition(": ")
        if rest and prefix == "actuals":
            by_purpose.setdefault("actuals", []).append(stage.named(rest))
        else:
            by_purpose[purpose].append(stage)
    return [_as_one(name, stages) for name, stages in by_purpose.items()], mismatch


def _as_one(name: str, stages: list[CheckStage]) -> CheckStage:
    """Return what a connection's stages amount to, as one."""
    failed = [s for s in stages if s.status is Status.FAILED]
    warned = [s for s in stages if s.status is Status.WARNING]
    if failed:
        summary = f"{failed[0].name}: {failed[0].summary}"
    else:
        plan = next((s for s in stages if s.name == "plan"), None)
        size = ""
        if plan is not None and plan.details.get("files"):
            size = f", {plan.details['files']} files, {bytes_text(plan.details['bytes'])}"
        count = sum(s.status is not Status.SKIPPED for s in stages)
        summary = f"it can be read ({count} stages{size})"
    status = Status.FAILED if failed else Status.WARNING if warned else Status.OK
    diagnostics = tuple(
        d for s in (failed or stages) for d in s.diagnostics if d.severity is not Severity.INFO
    )
    details = {"stages": [s.to_dict() for s in stages]}
    if failed and "code" in failed[0].details:
        details["code"] = failed[0].details["code"]
    return CheckStage(name, status, summary, diagnostics, details)
