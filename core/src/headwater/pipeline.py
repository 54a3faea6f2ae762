"""The pipeline: resolve -> validate -> bind -> plan -> read, each step a function over values.

resolving.resolve_query   text  -> Resolved       (validates on the way)
bound                     Resolved -> Bound       (mapping proven)
draft                     Bound -> Plan           (everything but the engine)
choosing.choose           Plan, engines -> Plan   (the engine, and why)
read                      Plan, engine -> Dataset
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headwater import gaps
from headwater.credentials import Access
from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.errors import ConfigError, MappingError, PlanError
from headwater.mapping import BoundMapping, Mapping, bind
from headwater.plan import Plan, Scan
from headwater.plan_text import bytes_text
from headwater.relation import MemoryRelation, StreamRelation
from headwater.resolving import Resolved
from headwater.scanning import scan
from headwater.schema import Role, Schema
from headwater.sql.rewriting import apply
from headwater.sql.wrap import Wrapped, private_names, select, select_with_actuals
from headwater.window import Window


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """A resolved query whose mapping was proven.

    Args:
        resolved: The query.
        mapping: Its output columns.
    """

    resolved: Resolved
    mapping: BoundMapping


def bound(resolved: Resolved, mapping: Mapping, schema: Schema, *, fields: bool = True) -> Bound:
    """Return the query with its mapping proven.

    Args:
        resolved: The query.
        mapping: Field to column.
        schema: The model's fields.
        fields: False for a source of actuals, which gives no fields of the model.

    Raises:
        MappingError: With every finding: unknown columns, types that would lose something.
    """
    columns, found = bind(mapping, schema, resolved.analysis.columns, fields=fields)
    if errors_in(found):
        told = (*found, *resolved.warnings)
        raise MappingError("the mapping does not fit what the query gives", told)
    return Bound(resolved, columns)


@dataclass(frozen=True, slots=True)
class Request:
    """What of a connection is wanted.

    Args:
        connection: Its name.
        window: Rows by the timestamp column; None for all.
        as_of: Until when actuals of another source are taken.
        sample: Share of the ids, in (0, 1); None for all.
        max_bytes: Refuse a plan that may read more.
    """

    connection: str
    window: Window | None = None
    as_of: datetime | None = None
    sample: float | None = None
    max_bytes: int | None = None


def draft(
    request: Request,
    serving: Bound,
    access: Access,
    *,
    actuals: Bound | None = None,
    now: datetime | None = None,
) -> Plan:
    """Return the plan of a read, its engine still to be chosen. Reads no data.

    Args:
        request: What is wanted.
        serving: The connection's own query.
        access: The opened identities, of both sources.
        actuals: The query that gives delayed actuals, joined on the id.
        now: The present, where the caller has its own clock; default: the system's.

    Raises:
        PlanError: If it would read more than `max_bytes`.
        ConfigError: If the sample is no share, or a window is asked of a query without time.
    """
    now = now or datetime.now(UTC)
    _check(request, serving)
    wrapped, scans = _wrapped(serving, access, request.window, first=0, now=now)
    wrapped = Wrapped(wrapped.text, wrapped.mapping, request.window, request.sample)
    sql, mapping, as_of = select(wrapped), serving.mapping, None
    if actuals is not None:
        as_of = request.as_of or now
        labels, label_scans = _actuals(serving, actuals, request, access, as_of, len(scans))
        sql = select_with_actuals(wrapped, labels)
        mapping = BoundMapping((*mapping, *(c for c in labels.mapping if c.role is Role.ACTUAL)))
        scans += label_scans
    plan = Plan(
        connection=request.connection,
        sql=sql,
        query=serving.resolved.query,
        scans=scans,
        mapping=mapping,
        window=request.window,
        engine="",
        engine_reason="",
        identities=access.identities(),
        warnings=_warnings(serving, actuals, scans),
        as_of=as_of,
        sample=request.sample,
        created_at=now,
        rewritten_by=tuple(
            dict.fromkeys(rule for b in (serving, actuals) if b for rule in b.resolved.rewritten_by)
        ),
    )
    return within(plan, request.max_bytes)


def draft_sql(name: str, resolved: Resolved, access: Access) -> Plan:
    """Return the plan of a bare query, with no model and no mapping; its engine is to come."""
    slots, text = _named(resolved, 0)
    scans = scan(resolved, access, slots, window=None, time_column=None)
    return Plan(
        connection=name,
        sql=text,
        query=resolved.query,
        scans=scans,
        mapping=None,
        window=None,
        engine="",
        engine_reason="",
        identities=access.identities(),
        warnings=(*resolved.warnings, *_of_scans(scans)),
        created_at=datetime.now(UTC),
        rewritten_by=resolved.rewritten_by,
    )


def within(plan: Plan, max_bytes: int | None) -> Plan:
    """Return the plan if it reads at most `max_bytes`.

    Raises:
        PlanError: If it may read more; names the largest tables and what keeps them unpruned.
    """
    if max_bytes is None or plan.bytes <= max_bytes:
        return plan
    largest = sorted(plan.scans, key=lambda s: -s.estimate.bytes)[:3]
    parts = [
        f"{s.table}: {bytes_text(s.estimate.bytes)}" + (f" ({s.blocker})" if s.blocker else "")
        for s in largest
    ]
    raise PlanError(
        f"{plan.connection} would read up to {bytes_text(plan.bytes)}, "
        f"more than max_bytes={bytes_text(max_bytes)}",
        code="max-bytes",
        hint="narrow the window, declare partitions, or raise max_bytes\n" + "\n".join(parts),
    )


def _check(request: Request, serving: Bound) -> None:
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


def _wrapped(
    query: Bound, access: Access, window: Window | None, *, first: int, now: datetime | None = None
) -> tuple[Wrapped, tuple[Scan, ...]]:
    slots, text = _named(query.resolved, first)
    moment = query.mapping.role(Role.TIMESTAMP)
    column = None if moment is None else moment.column
    scans = scan(query.resolved, access, slots, window=window, time_column=column, now=now)
    return Wrapped(text, query.mapping), scans


def _named(resolved: Resolved, first: int) -> tuple[Sequence[str], str]:
    references = resolved.analysis.parsed.references
    slots = [f"t{first + i}" for i in range(len(references))]
    body = resolved.analysis.parsed.body
    return slots, apply(body, private_names(resolved.analysis, slots))


def _actuals(
    serving: Bound,
    actuals: Bound,
    request: Request,
    access: Access,
    as_of: datetime,
    first: int,
) -> tuple[Wrapped, tuple[Scan, ...]]:
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
    window = None
    if actuals.mapping.role(Role.TIMESTAMP) is not None:
        start = request.window.start if request.window else datetime(1, 1, 1, tzinfo=UTC)
        # `as_of` itself is included: its window ends a microsecond later.
        window = Window(start, max(as_of, start) + timedelta(microseconds=1))
    wrapped, scans = _wrapped(actuals, access, window, first=first)
    return Wrapped(wrapped.text, wrapped.mapping, window), scans


def _warnings(
    serving: Bound, actuals: Bound | None, scans: Sequence[Scan]
) -> tuple[Diagnostic, ...]:
    found = list(serving.resolved.warnings)
    if actuals is not None:
        found += actuals.resolved.warnings
    found += [
        Diagnostic(
            "unpruned-scan",
            f"{s.table} is read whole ({s.estimate.files} files, {bytes_text(s.estimate.bytes)})",
            Severity.WARNING,
            hint=s.blocker,
        )
        for s in scans
        if s.blocker
    ]
    found += _of_scans(scans)
    return tuple(d for d in found if d.severity is not Severity.ERROR)


def _of_scans(scans: Sequence[Scan]) -> list[Diagnostic]:
    """Return what a plan says of tables in which less lies than a reader might think."""
    found = [
        Diagnostic("no-files", f"{s.table} has no files to read for this plan", Severity.WARNING)
        for s in scans
        if s.estimate.files == 0 and not isinstance(s.relation, MemoryRelation | StreamRelation)
    ]
    return found + [d for s in scans for d in gaps.warnings(s.table, s.gaps)]
