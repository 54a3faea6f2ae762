"""What changed: a connection's windows compared with a ledger, over one plan of them all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headwater.changes import comparison, fingerprints
from headwater.changes.changes import Changes, Cost, Offer, closes
from headwater.changes.comparison import Policy, Present
from headwater.diagnostics import Diagnostic, hint_for
from headwater.errors import ConfigError, PlanError
from headwater.interfaces.ledger_store import LedgerStore
from headwater.interfaces.plan import Plan
from headwater.interfaces.schema import Role
from headwater.ledger.entries import moment_text
from headwater.ledger.ledger import Ledger
from headwater.planning import engine_choice, planner
from headwater.planning.lake_files import lake_files
from headwater.planning.planner import Draft, MappedQuery
from headwater.planning.shares import Divided, Share, stretch_of
from headwater.planning.windowed_query import timestamp_literal
from headwater.plugins import hooks
from headwater.reading.dataset import Dataset
from headwater.reading.reader import Reading
from headwater.sql.rewriting import quoted
from headwater.tables.relation import DeltaRelation, IcebergRelation
from headwater.tables.window import Window
from headwater.windows import labels
from headwater.windows.calendar import Calendar

if TYPE_CHECKING:
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Asked:
    """What changes are asked for; see `Connection.changes`.

    Args:
        calendar: What the windows are cut by.
        ledger: What was handed over.
        now: The present.
        partial: Whether windows that are not over are offered.
        definition: What another definition does to what was handed over.
        engine: Name of the engine that reads.
    """

    calendar: Calendar
    ledger: Ledger
    now: datetime
    partial: bool = False
    definition: Policy = "restate"
    engine: str | None = None


def ledger_of(given: Ledger | LedgerStore | str | os.PathLike[str]) -> Ledger:
    """Return the ledger that is given, or kept at the place that is given."""
    return given if isinstance(given, Ledger) else Ledger.load(given)


def changes(workspace: Workspace, connection: Connection, span: Window, asked: Asked) -> Changes:
    """Compare the windows of a stretch of time with a ledger; reads no data."""
    if asked.definition not in comparison.POLICIES:
        raise ConfigError(
            f"definition={asked.definition!r} is neither 'restate' nor 'forward'",
            hint="'restate' offers old windows again when the query changed; 'forward' leaves them",
        )
    windows = asked.calendar.steps(span)
    whole = Window(windows[0].start, windows[-1].end)
    request = replace(workspace.request(connection, whole), max_bytes=None)
    with workspace.opened(connection) as access:
        mapped = workspace.map_queries(connection, access)
        _check_reproducible(connection.name, mapped)
        draft = planner.draft(
            request, mapped[0], access, actuals=mapped[1], now=asked.now, nearby=True
        )
        listed, times = lake_files(draft.scans, access)
    divided = [Divided(s, times, listed.get(s.slot), draft.now) for s in draft.scans]
    compared = _Compared(connection, draft, asked, divided)
    return Changes(
        connection.name,
        windows,
        compared.offers(windows),
        asked.ledger,
        asked.now,
        open=lambda window: _read(workspace, connection, draft, window, asked.engine),
        label_after=lambda: _label_after(workspace, connection, draft, asked.engine),
        warnings=compared.warnings,
        blocker=compared.blocker,
    )


def _check_reproducible(name: str, mapped: Sequence[MappedQuery | None]) -> None:
    found = [
        d for m in mapped if m is not None for d in m.bound.warnings if d.code == "non-reproducible"
    ]
    if found:
        raise PlanError(
            f"{name}: its query may answer differently each time, so nothing can be said of what "
            f"changed: {found[0].message}",
            code="non-reproducible",
            hint="take the moment from a column, give samples a hash of the id, and let an ORDER "
            "BY name columns that tell all rows apart",
        )


class _Compared:
    """The windows of a draft beside the entries of a ledger."""

    def __init__(
        self, connection: Connection, draft: Draft, asked: Asked, divided: Sequence[Divided]
    ) -> None:
        self._name = _key_name(connection.name)
        self._draft = draft
        self._asked = asked
        self._lateness = connection.windows.lateness
        self._ignored = _ignored(connection, draft)
        calendar = f"{asked.calendar.step.short} {asked.calendar.timezone}"
        self._definition = fingerprints.of_definition(draft, calendar)
        self._divided = divided
        sides = (draft.serving, draft.actuals)
        self._labelled = any(side is not None and side.mapping.actuals for side in sides)
        self.warnings: tuple[Diagnostic, ...] = ()
        self.blocker: str | None = None

    def offers(self, windows: Sequence[Window]) -> tuple[Offer, ...]:
        found = tuple(o for w in windows if (o := self._offer(w)) is not None)
        reasons = [
            f"{share.scan.table}: {share.reason}"
            for share in self._shares(windows[-1], self._draft.as_of)
            if share.reason is not None
            and not share.scan.gives_actuals
            and str(share.scan.table) not in self._ignored
        ]
        self.blocker = "; ".join(dict.fromkeys(reasons)) or None
        return found

    def _offer(self, window: Window) -> Offer | None:
        draft, asked = self._draft, self._asked
        horizon = draft.request.horizon
        state = comparison.state(
            window, asked.now, labelled=self._labelled, horizon=horizon, lateness=self._lateness
        )
        if state == "open" and not asked.partial:
            return None
        as_of = None if draft.as_of is None else labels.until(window, draft.as_of, horizon)
        shares = self._shares(window, as_of)
        tables = fingerprints.of_tables(shares, self._ignored)
        empty = comparison.is_empty(shares)
        present = Present(tables, self._definition, as_of, empty)
        key = f"{self._name}/{asked.calendar.step.short}/{moment_text(window.start)}"
        entry = asked.ledger.entries.get(key)
        reasons = comparison.reasons(entry, present, asked.definition)
        if not reasons:
            return None
        return Offer(
            window,
            key,
            fingerprints.of_share(tables, self._definition, as_of),
            self._definition,
            tables,
            as_of,
            closes(window, horizon),
            state,
            reasons,
            Cost(
                sum(s.scan.estimate.files for s in shares),
                sum(s.scan.estimate.bytes for s in shares),
            ),
            entry,
            dict(_pins(shares)),
        )

    def _shares(self, window: Window, as_of: datetime | None) -> list[Share]:
        return [
            divided.share(stretch_of(scan, window, as_of, None))
            for scan, divided in zip(self._draft.scans, self._divided, strict=True)
        ]


def _ignored(connection: Connection, draft: Draft) -> frozenset[str]:
    """Return the full names of the tables whose history does not count.

    Raises:
        ConfigError: If one of them is in no query.
    """
    actuals = connection.actuals
    given = [*connection.windows.ignore, *(actuals.windows.ignore if actuals is not None else ())]
    names = {str(scan.table): scan.table for scan in draft.scans}
    found = set()
    for name in given:
        wanted = name.casefold()
        mine = {
            full
            for full, table in names.items()
            if wanted in (full.casefold(), table.name.casefold())
        }
        if not mine:
            raise ConfigError(
                f"{connection.name}: windows ignore {name!r}, and no query reads such a table",
                hint=hint_for(name, names, what="tables"),
            )
        found |= mine
    return frozenset(found)


def _pins(shares: Sequence[Share]) -> Iterator[tuple[str, int]]:
    for share in shares:
        match share.scan.relation:
            case IcebergRelation(snapshot_id=int(number)) | DeltaRelation(version=number):
                yield str(share.scan.table), number


def _key_name(name: str) -> str:
    """Return a connection's name as a part of keys: without blanks and unseen characters."""
    return "".join(
        c if c.isprintable() and not c.isspace() and c != "%" else _escaped(c) for c in name
    )


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _read(
    workspace: Workspace, connection: Connection, draft: Draft, window: Window, engine: str | None
) -> Dataset:
    limit = workspace.request(connection, window).max_bytes
    plan = planner.within(draft.part([window]), limit)
    planned, chosen = engine_choice.choose(plan, engine or workspace.engine, workspace.engine_named)
    hooks.plan_created(workspace.registry, planned.plan)
    return workspace.dataset(
        connection, planned, chosen, lambda: workspace.opened(connection), digests=True
    )


def _label_after(
    workspace: Workspace, connection: Connection, draft: Draft, engine: str | None
) -> datetime | None:
    """Return when the first actual was set that the present cuts off, of the files that there are.

    It is of a label's clock that goes ahead, or a decision that is dated ahead: no file will move
    when its time comes.
    """
    found = []
    for text, column, scans in _label_queries(draft):
        plan = Plan(
            connection.name, text(column), "", scans, None, None, "", "",
            identities=draft.identities, created_at=draft.now,
        )  # fmt: skip
        planned, chosen = engine_choice.choose(
            plan, engine or workspace.engine, workspace.engine_named
        )
        data = Dataset(Reading(planned, chosen, lambda: workspace.opened(connection)))
        value = data.to_arrow().column(0)[0].as_py()
        if value is not None:
            found.append(value.astimezone(UTC))
    return min(found, default=None)


def _label_queries(draft: Draft) -> Iterator[Any]:
    """Yield what gives a query of labels' times, their column, and the scans that it reads."""
    if draft.as_of is None:
        return
    cut = timestamp_literal(draft.as_of)

    def over(text: str) -> Any:
        def query(column: str) -> str:
            moment = f"CAST(q.{quoted(column)} AS TIMESTAMP)"
            return f"SELECT min({moment}) AS `first` FROM (\n{text}\n) AS q WHERE {moment} > {cut}"

        return query

    own = draft.serving.mapping.label_timestamp
    if own is not None:
        mine = tuple(s for s in draft.scans if not s.gives_actuals)
        yield over(draft.text), own.column, mine
    if draft.actuals is not None and draft.actuals_text is not None:
        theirs = draft.actuals.mapping.role(Role.TIMESTAMP)
        if theirs is not None:
            scans = tuple(s for s in draft.scans if s.gives_actuals)
            yield over(draft.actuals_text), theirs.column, scans
