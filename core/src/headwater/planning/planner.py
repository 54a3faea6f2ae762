"""The planner: parse -> bind -> map -> plan -> compile -> read, each step a function over values.

bound_query.bind_query    text -> BoundQuery            (parsed, its names bound)
map_query                 BoundQuery -> MappedQuery     (each field fed by a column)
plan_query                MappedQuery -> Plan           (everything but the engine)
engine_choice.choose      Plan, engines -> Planned      (the engine, and what it compiled)
reader.Reading            Planned, engine -> reads      (again and again)
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from headwater.auth.credentials import Access, Identity
from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.display.language import hint_wording
from headwater.errors import ConfigError, MappingError, PlanError
from headwater.interfaces.mapping import BoundColumn, BoundMapping, Mapping, map_fields
from headwater.interfaces.plan import Plan, Scan
from headwater.interfaces.plan_text import bytes_text, files_text
from headwater.interfaces.schema import Role, Schema
from headwater.partitions import missing_partitions
from headwater.planning.bound_query import BoundQuery
from headwater.planning.scans import scan
from headwater.planning.shares import Divided, Known, Share, stretch_of, with_files_only
from headwater.planning.windowed_query import (
    Part,
    Wrapped,
    private_names,
    select,
    select_with_actuals,
)
from headwater.sql.binding.char_columns import length_of_output
from headwater.sql.rewriting import apply
from headwater.tables.relation import FileRelation, MemoryRelation, StreamRelation
from headwater.tables.window import Window
from headwater.windows import labels


@dataclass(frozen=True, slots=True, eq=False)
class MappedQuery:
    """A bound query whose mapping was proven.

    Args:
        bound: The query.
        mapping: Its output columns.
    """

    bound: BoundQuery
    mapping: BoundMapping


def map_query(
    bound: BoundQuery, mapping: Mapping, schema: Schema, *, fields: bool = True
) -> MappedQuery:
    """Return the query with its mapping proven.

    Args:
        bound: The query.
        mapping: Field to column.
        schema: The model's fields.
        fields: False for a source of actuals, which gives no fields of the model.

    Raises:
        MappingError: With every finding: unknown columns, types that would lose something.
    """
    columns, diagnostics = map_fields(mapping, schema, bound.analysis.columns, fields=fields)
    if errors_in(diagnostics):
        findings = (*diagnostics, *bound.warnings)
        raise MappingError("the mapping does not fit what the query gives", findings)
    return MappedQuery(bound, columns)


@dataclass(frozen=True, slots=True)
class Request:
    """What of a connection is wanted.

    Args:
        connection: Its name.
        window: Rows by the timestamp column; None for all.
        as_of: Until when actuals are taken, by when they were set; it goes before the horizon.
        sample: Share of the ids, in (0, 1); None for all.
        max_bytes: Refuse a plan that may read more.
        horizon: How long after its end the window takes actuals; None for ever.
    """

    connection: str
    window: Window | None = None
    as_of: datetime | None = None
    sample: float | None = None
    max_bytes: int | None = None
    horizon: timedelta | None = None


def plan_query(
    request: Request,
    serving: MappedQuery,
    access: Access,
    *,
    actuals: MappedQuery | None = None,
    now: datetime | None = None,
    nearby: bool = False,
) -> Plan:
    """Return the plan of a read, its engine still to be chosen. Reads no data.

    Args:
        request: What is wanted.
        serving: The connection's own query.
        access: The opened identities, of both sources.
        actuals: The query that gives delayed actuals, joined on the id.
        now: The present, where the caller has its own clock; default: the system's.
        nearby: Whether to look for files beside those that will be read, to prove rules by.

    Raises:
        PlanError: If it would read more than `max_bytes`.
        ConfigError: If the sample is no share, a window is asked of a query without time, or
            `as_of` of labels of which nothing says when they were set.
    """
    return draft(request, serving, access, actuals=actuals, now=now, nearby=nearby).plan()


def draft(
    request: Request,
    serving: MappedQuery,
    access: Access,
    *,
    actuals: MappedQuery | None = None,
    now: datetime | None = None,
    nearby: bool = False,
) -> Draft:
    """Return what a plan is made of, for all of a request's time; arguments as of `plan_query`.

    Raises:
        ConfigError: As `plan_query`.
    """
    now = now or datetime.now(UTC)
    _check(request, serving)
    as_of = _as_of(request, serving, actuals, now)
    identities = access.asked_identities()
    text, scans = _named_and_scanned(
        serving, access, request.window, first=0, now=now, expected=request.window, nearby=nearby
    )
    theirs = None
    if actuals is not None:
        latest = _until(request, request.window, as_of)
        theirs, label_scans = _actuals(
            serving, actuals, request, access, now, latest, first=len(scans), nearby=nearby
        )
        scans += label_scans
    return Draft(request, serving, actuals, text, theirs, scans, identities(), now, as_of)


@dataclass(frozen=True, eq=False)
class Draft:
    """What the plans of a stretch of time are made of: tables were looked at once, for all of it.

    Args:
        request: What is wanted; its window is the whole stretch.
        serving: The connection's own query.
        actuals: The query that gives delayed actuals.
        text: The connection's query, its tables under their private names.
        actuals_text: Likewise, that of the actuals.
        scans: The tables.
        identities: Who reads.
        now: When it was made.
        as_of: Until when actuals are taken at all.
        times: Which time files hold, by the slot of their scan, where it is known.
    """

    request: Request
    serving: MappedQuery
    actuals: MappedQuery | None
    text: str
    actuals_text: str | None
    scans: tuple[Scan, ...]
    identities: MappingABC[str, Identity]
    now: datetime
    as_of: datetime | None
    times: MappingABC[str, Known] = field(default_factory=dict)

    def plan(self) -> Plan:
        """Return the plan of the whole stretch, as one window.

        Raises:
            PlanError: If it would read more than the request's `max_bytes`.
        """
        window = self.request.window
        as_of = _until(self.request, window, self.as_of)
        plan = self._plan(window, as_of, self.scans, self._sql(window, as_of))
        return within(plan, self.request.max_bytes)

    def part(self, windows: Sequence[Window]) -> Plan:
        """Return the plan of one window, or of several at once; nothing is asked of anyone.

        Of several, each row says of which one it is (`private_names.PART`), and takes the actuals
        that it has as a row of that window.

        Args:
            windows: In order, inside of the stretch; what lies between them is not read.
        """
        hull = Window(windows[0].start, windows[-1].end)
        moments = [_until(self.request, w, self.as_of) for w in windows]
        as_of = max((m for m in moments if m is not None), default=None)
        parts = tuple(Part(w, m) for w, m in zip(windows, moments, strict=True))
        sql = self._sql(hull, as_of, parts if len(parts) > 1 else ())
        scans = self._scans(hull, as_of)
        if any(a.end < b.start for a, b in pairwise(windows)):
            scans = self._of_each(windows, scans)
        return self._plan(hull, as_of, scans, sql)

    def _of_each(self, windows: Sequence[Window], scans: Sequence[Scan]) -> tuple[Scan, ...]:
        """Return the scans of a stretch with the files that some windows in it need."""
        needed = self.part_files(windows)
        return tuple(
            with_files_only(s, [f for f in s.relation.files if (s.slot, f.path) in needed])
            if isinstance(s.relation, FileRelation)
            else s
            for s in scans
        )

    def part_files(self, windows: Sequence[Window]) -> frozenset[tuple[str, str]]:
        """Return the files that some windows need, by the slot of their scan and their path.

        Args:
            windows: Inside of the stretch.
        """
        return frozenset(
            (share.scan.slot, file.path)
            for window in windows
            for share in self.part_shares(window)
            if isinstance(share.scan.relation, FileRelation)
            for file in share.files
        )

    def part_shares(self, window: Window) -> tuple[Share, ...]:
        """Return which files one window needs of each table; nothing is asked of anyone.

        Args:
            window: Inside of the stretch.
        """
        until = _until(self.request, window, self.as_of)
        return tuple(
            divided.files(stretch_of(scan, window, until, None))
            for scan, divided in zip(self.scans, self.divided, strict=True)
        )

    def _scans(self, window: Window, as_of: datetime | None) -> tuple[Scan, ...]:
        return tuple(
            divided.share(stretch_of(scan, window, as_of, None)).scan
            for scan, divided in zip(self.scans, self.divided, strict=True)
        )

    def limited(self, max_bytes: int | None) -> Draft:
        """Return the draft of reads that may take so many bytes each."""
        limited = replace(self, request=replace(self.request, max_bytes=max_bytes))
        vars(limited)["divided"] = self.divided  # no limit is in there: it is made once
        return limited

    @cached_property
    def divided(self) -> tuple[Divided, ...]:
        """The tables, of which each window needs less."""
        return tuple(
            Divided(scan, self.times.get(scan.slot), None, self.now) for scan in self.scans
        )

    def _sql(
        self, window: Window | None, as_of: datetime | None, parts: tuple[Part, ...] = ()
    ) -> str:
        own = Wrapped(
            self.text, self.serving.mapping, window, self.request.sample, as_of, parts=parts
        )
        if self.actuals is None or self.actuals_text is None:
            return select(own)
        mapping = self.actuals.mapping
        timed = as_of is not None and mapping.role(Role.TIMESTAMP) is not None
        stretch = labels.stretch(window, as_of) if as_of is not None and timed else None
        return select_with_actuals(own, Wrapped(self.actuals_text, mapping, stretch, untimed=True))

    def _plan(
        self, window: Window | None, as_of: datetime | None, scans: tuple[Scan, ...], sql: str
    ) -> Plan:
        serving, actuals, request = self.serving, self.actuals, self.request
        mapping = serving.mapping
        if actuals is not None:
            mapping = replace(mapping, columns=(*mapping, *actuals.mapping.actuals))
        rules = (rule for b in (serving, actuals) if b for rule in b.bound.rewritten_by)
        return Plan(
            connection=request.connection,
            sql=sql,
            query=serving.bound.query,
            scans=scans,
            mapping=mapping,
            window=window,
            engine="",
            engine_reason="",
            identities=self.identities,
            warnings=(*_warnings(serving, actuals, scans), *_of_horizon(request, window, as_of)),
            as_of=as_of,
            horizon=None if request.as_of is not None else request.horizon,
            sample=request.sample,
            created_at=self.now,
            rewritten_by=tuple(dict.fromkeys(rules)),
        )


def _until(request: Request, window: Window | None, as_of: datetime | None) -> datetime | None:
    """Return until when a window's actuals are taken; a moment that was asked for wins."""
    if as_of is None or window is None or request.as_of is not None:
        return as_of
    return labels.until(window, as_of, request.horizon)


def _of_horizon(
    request: Request, window: Window | None, as_of: datetime | None
) -> tuple[Diagnostic, ...]:
    """Return that actuals beyond the horizon are taken, as they were asked for."""
    if request.as_of is None or as_of is None or window is None or request.horizon is None:
        return ()
    closes = labels.until(window, as_of, request.horizon)
    if closes >= as_of:
        return ()
    return (
        Diagnostic(
            "beyond-horizon",
            f"{request.connection}: {window} takes actuals until {as_of.isoformat()}, as asked; "
            f"its horizon ended at {closes.isoformat()}",
            Severity.WARNING,
            hint=f"leave out {hint_wording('as_of', '--as-of')} to take those within the horizon",
        ),
    )


def plan_sql(name: str, bound: BoundQuery, access: Access) -> Plan:
    """Return the plan of a bare query, with no model and no mapping; its engine is to come."""
    slots, text = _named(bound, 0)
    identities = access.asked_identities()
    scans = scan(bound, access, slots, window=None, time_column=None)
    return Plan(
        connection=name,
        sql=text,
        query=bound.query,
        scans=scans,
        mapping=None,
        window=None,
        engine="",
        engine_reason="",
        identities=identities(),
        warnings=(*bound.warnings, *_of_scans(scans)),
        created_at=datetime.now(UTC),
        rewritten_by=bound.rewritten_by,
    )


def within(plan: Plan, max_bytes: int | None) -> Plan:
    """Return the plan if it reads at most `max_bytes`.

    Raises:
        PlanError: If it may read more; names the largest tables and what keeps them unpruned.
    """
    if max_bytes is None or (plan.bytes is not None and plan.bytes <= max_bytes):
        return plan
    size = sum(s.estimate.bytes or 0 for s in plan.scans)
    if size <= max_bytes:
        unknown = [str(s.table) for s in plan.scans if s.estimate.bytes is None]
        raise PlanError(
            f"{plan.connection} can't be held to max_bytes={bytes_text(max_bytes)}: nothing says "
            f"how large {' and '.join(dict.fromkeys(unknown))} may be",
            code="max-bytes",
            hint="leave out max_bytes, or have the source say the size of its tables "
            "(StreamRelation.size)",
        )
    largest = sorted(plan.scans, key=lambda s: -(s.estimate.bytes or 0))[:3]
    parts = [
        f"{s.table}: {bytes_text(s.estimate.bytes)}" + (f" ({s.blocker})" if s.blocker else "")
        for s in largest
    ]
    raise PlanError(
        f"{plan.connection} would read up to {bytes_text(size)}, "
        f"more than max_bytes={bytes_text(max_bytes)}",
        code="max-bytes",
        hint="narrow the window, declare partitions, or raise max_bytes\n" + "\n".join(parts),
    )


def _check(request: Request, serving: MappedQuery) -> None:
    if request.window is not None and serving.mapping.role(Role.TIMESTAMP) is None:
        raise ConfigError(
            f"{request.connection} has no timestamp_column, so no window can be taken of it",
            hint="read it whole, without start and end, or name its timestamp_column",
        )
    if request.sample is not None:
        if not 0 < request.sample <= 1:
            raise ConfigError(f"sample={request.sample} is no share", hint="0 < sample <= 1")
        if serving.mapping.role(Role.ID) is None:
            raise ConfigError(
                f"{request.connection} has no id_column, and a sample is taken by the id's hash",
                hint="name its id_column",
            )


def _as_of(
    request: Request, serving: MappedQuery, actuals: MappedQuery | None, now: datetime
) -> datetime | None:
    """Return until when actuals are taken; None where nothing says when they were set.

    Raises:
        ConfigError: If a moment was asked for that can't be kept: some actuals have no time.
    """
    name, own = request.connection, serving.mapping
    timed = own.label_timestamp is not None
    if actuals is not None and actuals.mapping.role(Role.TIMESTAMP) is not None:
        timed = True
    if request.as_of is None:
        return now if timed else None
    lacking, hint = None, None
    if own.actuals and own.label_timestamp is None:
        lacking = f"nothing says when its labels ({_columns_of(own)}) were set"
        hint = hint_wording(
            "name the column that says it: label_timestamp_column=...; "
            "without as_of all labels are taken",
            "name the column that says it: label_timestamp_column: ...; "
            "without --as-of all labels are taken",
        )
    elif actuals is not None and actuals.mapping.role(Role.TIMESTAMP) is None:
        lacking = f"nothing says when its actuals ({_columns_of(actuals.mapping)}) were set"
        hint = hint_wording(
            "name the column that says it: timestamp_column=... of connect_actuals; "
            "without as_of all actuals are taken",
            "name the column that says it: timestamp_column: ... under actuals:; "
            "without --as-of all actuals are taken",
        )
    elif not own.actuals and actuals is None:
        lacking = "it has no labels, and as_of is about these alone"
        hint = hint_wording(
            "leave out as_of, name its labels, or connect_actuals",
            "leave out --as-of, name its labels (labels: {...}), or add actuals: {...}",
        )
    if lacking is not None:
        raise ConfigError(
            f"{name} can't be read as of {request.as_of.isoformat()}: {lacking}",
            code="as-of-unknown",
            hint=hint,
        )
    return request.as_of


def _columns_of(mapping: BoundMapping) -> str:
    return ", ".join(c.column for c in mapping.actuals)


def _named_and_scanned(
    query: MappedQuery,
    access: Access,
    window: Window | None,
    *,
    first: int,
    now: datetime,
    expected: Window | None,
    nearby: bool,
) -> tuple[str, tuple[Scan, ...]]:
    slots, text = _named(query.bound, first)
    moment = query.mapping.role(Role.TIMESTAMP)
    column = None if moment is None else moment.column
    scans = scan(
        query.bound,
        access,
        slots,
        window=window,
        time_column=column,
        now=now,
        expected=expected,
        nearby=nearby,
    )
    return text, scans


def _named(bound: BoundQuery, first: int) -> tuple[Sequence[str], str]:
    references = bound.analysis.parsed.references
    slots = [f"t{first + i}" for i in range(len(references))]
    body = bound.analysis.parsed.body
    return slots, apply(body, private_names(bound.analysis, slots))


def _actuals(
    serving: MappedQuery,
    actuals: MappedQuery,
    request: Request,
    access: Access,
    now: datetime,
    as_of: datetime | None,
    *,
    first: int,
    nearby: bool,
) -> tuple[str, tuple[Scan, ...]]:
    own, theirs = serving.mapping.role(Role.ID), actuals.mapping.role(Role.ID)
    if own is None or theirs is None:
        raise ConfigError(f"{request.connection}: actuals are joined on the id; name id_column")
    if own.source_type != theirs.source_type and not (
        (own.source_type.is_text and theirs.source_type.is_text)
        or (own.source_type.is_integer and theirs.source_type.is_integer)
    ):
        raise MappingError(
            f"{request.connection}: its id {own.column!r} is {own.source_type}, the actuals' id "
            f"{theirs.column!r} is {theirs.source_type}",
            code="id-type-mismatch",
            hint=f"cast one of them in its query, e.g. CAST({theirs.column} AS {own.source_type})",
        )
    _check_filled(serving, own, actuals, theirs, request.connection)
    window = expected = None
    if as_of is not None and actuals.mapping.role(Role.TIMESTAMP) is not None:
        window = labels.stretch(request.window, as_of)
        expected = labels.expected(request.window, as_of)
    text, scans = _named_and_scanned(
        actuals, access, window, first=first, now=now, expected=expected, nearby=nearby
    )
    scans = tuple(replace(s, gives_actuals=True) for s in scans)
    return text, scans


def _check_filled(
    serving: MappedQuery,
    own: BoundColumn,
    actuals: MappedQuery,
    theirs: BoundColumn,
    connection: str,
) -> None:
    """Refuse to join ids of which one is a CHAR and the other is not: none would be equal.

    Raises:
        MappingError: With how to take the spaces off.
    """
    sides = ((serving.bound, own), (actuals.bound, theirs))
    lengths = [length_of_output(bound.analysis, c.column) for bound, c in sides]
    if (lengths[0] is None) is (lengths[1] is None):
        return
    which = 0 if lengths[0] is not None else 1
    what, column = ("its id", "the actuals' id")[which], sides[which][1].column
    raise MappingError(
        f"{connection}: {what} {column!r} is char({lengths[which]}), filled with spaces, and "
        f"{sides[1 - which][1].column!r}, which it is joined with, is a text without them",
        code="id-type-mismatch",
        hint=f"take the spaces off in its query: rtrim({column}) AS {column}",
    )


def _warnings(
    serving: MappedQuery, actuals: MappedQuery | None, scans: Sequence[Scan]
) -> tuple[Diagnostic, ...]:
    diagnostics = list(serving.bound.warnings)
    if actuals is not None:
        diagnostics += actuals.bound.warnings
    diagnostics += [
        Diagnostic(
            "unpruned-scan",
            f"{s.table} is read whole ({files_text(s.estimate.files)}, "
            f"{bytes_text(s.estimate.bytes)})",
            Severity.WARNING,
            hint=s.blocker,
        )
        for s in scans
        if s.blocker
    ]
    diagnostics += _of_scans(scans)
    return tuple(d for d in diagnostics if d.severity is not Severity.ERROR)


def _of_scans(scans: Sequence[Scan]) -> list[Diagnostic]:
    """Return what a plan says of tables in which less lies than a reader might think."""
    diagnostics = [
        Diagnostic("no-files", f"{s.table} has no files to read for this plan", Severity.WARNING)
        for s in scans
        if s.estimate.files == 0 and not isinstance(s.relation, MemoryRelation | StreamRelation)
    ]
    return diagnostics + [
        d for s in scans for d in (*s.remarks, *missing_partitions.warnings(s.table, s.gaps))
    ]
