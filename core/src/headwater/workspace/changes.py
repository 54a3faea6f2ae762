"""Changes: a connection's windows compared with a ledger, over one plan of them all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from headwater.changes import comparison, fingerprints, label_touch
from headwater.changes.changes import Changes, Cost, Offer, closes
from headwater.changes.comparison import Policy, Present
from headwater.diagnostics import Diagnostic, hint_for
from headwater.errors import ConfigError, HeadwaterError, PlanError, UnsupportedError
from headwater.interfaces.engine import ArrowStream
from headwater.interfaces.ledger_store import LedgerStore
from headwater.interfaces.plan import Scan, total
from headwater.interfaces.stopping import Stop
from headwater.ledger.entries import Entry, moment_text
from headwater.ledger.ledger import Ledger
from headwater.maturity.states import OPEN
from headwater.planning import planner, rule_proofs
from headwater.planning.file_times import file_times
from headwater.planning.lake_files import before_compaction, lake_files
from headwater.planning.planner import Draft, MappedQuery
from headwater.planning.plans import Plans
from headwater.planning.shares import Divided, Share, stretch_of, with_files_only
from headwater.reading.dataset import Dataset
from headwater.reading.datasets import Datasets, Group
from headwater.tables.file_facts import FileFacts
from headwater.tables.relation import DataFile, DeltaRelation, FileRelation, IcebergRelation
from headwater.tables.window import Window
from headwater.windows import labels
from headwater.windows.calendar import Calendar
from headwater.workspace.late_labels import LateLabels
from headwater.workspace.ripeness import terms_of

if TYPE_CHECKING:
    from headwater.profiling.edges import Edges
    from headwater.profiling.profile import Profile
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace


_COUNTED: Final = 100
"""Files whose rows are counted that lie outside of their rule; of more, the worst is told."""


@dataclass(frozen=True, slots=True)
class ChangesOptions:
    """The arguments of changes; see `Connection.changes`.

    Args:
        calendar: What the windows are cut by.
        ledger: What was handed over.
        now: The present.
        partial: Whether windows that are not over are offered.
        definition: What another definition does to what was handed over.
        engine: Name of the engine that reads.
        timeout: Seconds that each read may take; None for as long as it takes.
    """

    calendar: Calendar
    ledger: Ledger
    now: datetime
    partial: bool = False
    definition: Policy = "restate"
    engine: str | None = None
    timeout: float | None = None


def ledger_of(given: Ledger | LedgerStore | str | os.PathLike[str]) -> Ledger:
    """Return the ledger that is given, or kept at the place that is given."""
    return given if isinstance(given, Ledger) else Ledger.load(given)


def changes(
    workspace: Workspace, connection: Connection, span: Window, options: ChangesOptions
) -> Changes:
    """Compare the windows of a stretch of time with a ledger; reads no data."""
    if options.definition not in comparison.POLICIES:
        raise ConfigError(
            f"definition={options.definition!r} is neither 'restate' nor 'forward'",
            hint="'restate' offers old windows again when the query changed; 'forward' leaves them",
        )
    windows = options.calendar.steps(span)
    whole = Window(windows[0].start, windows[-1].end)
    request = replace(workspace.request(connection, whole), max_bytes=None)
    facts = options.ledger.facts
    with workspace.opened(connection) as access:
        access.cache.keep(FileFacts, facts)
        mapped = workspace.map_queries(connection, access)
        _check_reproducible(connection.name, mapped)
        draft = planner.draft(
            request, mapped[0], access, actuals=mapped[1], now=options.now, nearby=True
        )
        draft = replace(
            draft,
            times=file_times(draft.scans, access, facts),
            scans=tuple(replace(s, forgiving=True) for s in draft.scans),
        )
        listed, lake_times = lake_files(draft.scans, access)
    _keep_listings(connection, draft, options, listed)
    options.ledger.save_facts()
    divided = [
        Divided(s, lake_times.get(s.slot), listed[s.slot], draft.now) if s.slot in listed else own
        for s, own in zip(draft.scans, draft.divided, strict=True)
    ]
    compared = _Compared(connection, draft, options, divided, _Older(workspace, connection, draft))
    offered = compared.offers(windows)
    reads = _Reads(workspace, connection, draft, options, [o.window for o in offered])
    id_form = fingerprints.of_ids(draft)
    late_labels = LateLabels(workspace, connection, draft, options, windows, id_form)
    return Changes(
        connection.name,
        windows,
        offered,
        options.ledger,
        options.now,
        open=reads.open,
        read_together=reads.only,
        profile=reads.profile,
        broken_rules=reads.broken_rules,
        label_after=late_labels.first_ahead,
        lost_labels=late_labels.lost,
        touched=late_labels.touched,
        warnings=compared.warnings,
        blocker=compared.blocker,
        calendar=_calendar(options.calendar),
        compacted=compared.compacted,
        id_form=id_form,
    )


def _check_reproducible(name: str, mapped: Sequence[MappedQuery | None]) -> None:
    refusals = [
        d for m in mapped if m is not None for d in m.bound.warnings if d.code == "non-reproducible"
    ]
    if refusals:
        raise PlanError(
            f"{name}: its query may answer differently each time, so nothing can be said of what "
            f"changed: {refusals[0].message}",
            code="non-reproducible",
            hint="take the moment from a column, give samples a hash of the id, and let an ORDER "
            "BY name columns that tell all rows apart",
        )


class _Compared:
    """The windows of a draft beside the entries of a ledger."""

    def __init__(
        self,
        connection: Connection,
        draft: Draft,
        options: ChangesOptions,
        divided: Sequence[Divided],
        older: _Older,
    ) -> None:
        self._name = _key_name(connection.name)
        self._draft = draft
        self._options = options
        self._terms = terms_of(connection)
        self._ignored = _ignored(connection, draft)
        self._definition = fingerprints.of_definition(draft, _calendar(options.calendar))
        self._fingerprints = fingerprints.Tables(draft)
        self._divided = divided
        self._older = older
        self.compacted: list[Offer] = []
        """Windows of which nothing moved but files that a lake says hold the same rows."""
        self._separable = label_touch.slots_of(draft)
        self._then: dict[str, label_touch.Then] = {}
        sides = (draft.serving, draft.actuals)
        self._labelled = any(side is not None and side.mapping.actuals for side in sides)
        self.warnings: tuple[Diagnostic, ...] = ()
        self.blocker: str | None = None

    def offers(self, windows: Sequence[Window]) -> tuple[Offer, ...]:
        offers = tuple(o for w in windows if (o := self._offer(w)) is not None)
        reasons = [
            f"{share.scan.table}: {share.reason}"
            for share in self._shares(windows[-1], self._draft.as_of)
            if share.reason is not None
            and not share.scan.gives_actuals
            and str(share.scan.table) not in self._ignored
        ]
        self.blocker = "; ".join(dict.fromkeys(reasons)) or None
        return offers

    def _offer(self, window: Window) -> Offer | None:
        draft, options = self._draft, self._options
        horizon = draft.request.horizon
        state = comparison.state(window, options.now, self._terms, labelled=self._labelled)
        if state == OPEN and not options.partial:
            return None
        as_of = None if draft.as_of is None else labels.until(window, draft.as_of, horizon)
        shares = self._shares(window, as_of)
        tables = self._fingerprints.of(shares, self._ignored)
        empty = comparison.is_empty(shares)
        present = Present(tables, self._definition, as_of, empty)
        key = self._window_key(window)
        entry = options.ledger.entries.get(key)
        reasons = comparison.reasons(entry, present, options.definition, state)
        if not reasons:
            return None
        landed = None
        # By another definition all is read anew, unless old windows are to keep theirs.
        restated = comparison.DEFINITION in reasons and options.definition == "restate"
        if entry is not None and not self._ignored and not restated:
            separable = [s for s in shares if s.scan.slot in self._separable]
            landed = label_touch.landed(
                entry, present, reasons, separable,
                lambda share, moment: self._share_at(share, window, moment),
                options.ledger.facts, self._fingerprints, self._then,
            )  # fmt: skip
        offer = Offer(
            window,
            key,
            fingerprints.of_share(self._all_tables(shares, tables), self._definition, as_of),
            self._definition,
            tables,
            as_of,
            closes(window, horizon),
            state,
            reasons,
            _cost(shares),
            entry,
            dict(_pins(shares)),
            landed,
        )
        if entry is not None and self._is_compacted(entry, present, reasons, shares, window):
            self.compacted.append(offer)
            return None
        return offer

    def _is_compacted(
        self,
        entry: Entry,
        present: Present,
        reasons: Sequence[str],
        shares: Sequence[Share],
        window: Window,
    ) -> bool:
        """Return whether all that moved are files of lakes that say that no row did.

        What the ledger has of a lake must be what its older state gives now: then its columns are
        the same, too.
        """
        if entry.definition != present.definition:
            return False
        if entry.as_of is not None and (present.as_of is None or present.as_of < entry.as_of):
            return False
        for reason in reasons:
            table = reason.removeprefix(comparison.FILES)
            pin = entry.pins.get(table)
            if table == reason or pin is None or table in self._ignored:
                return False
            then = []
            for share in (s for s in shares if str(s.scan.table) == table):
                older = self._older.divided(share.scan.slot, pin)
                if older is None:
                    return False
                stretch = stretch_of(share.scan, window, entry.as_of, None)
                then.append(older.files(stretch))
            if self._fingerprints.of(then).get(table) != entry.tables.get(table):
                return False
        return True

    def _window_key(self, window: Window) -> str:
        """Return a window's key: its step and start; and its end, where they do not tell it.

        Days of two zones may start together and end apart, where a clock is set. A ledger may hold
        such a window by its start alone: it stays the one that it was.
        """
        calendar = self._options.calendar
        key = f"{self._name}/{calendar.step.short}/{moment_text(window.start)}"
        entry = self._options.ledger.entries.get(key)
        is_even = calendar.even(window) if entry is None else entry.end == window.end
        return key if is_even else f"{key}-{moment_text(window.end)}"

    def _all_tables(self, shares: Sequence[Share], tables: Mapping[str, str]) -> dict[str, str]:
        """Return the digests of all tables: a key tells those that do not count, too."""
        digests = dict(tables)
        for name in sorted(self._ignored):
            mine = [s for s in shares if str(s.scan.table) == name]
            with suppress(UnsupportedError):  # nothing tells its versions apart
                digests |= self._fingerprints.of(mine)
        return digests

    def _share_at(self, share: Share, window: Window, as_of: datetime) -> Share:
        """Return what a window needs of a table where actuals are taken until another moment."""
        number = next(n for n, s in enumerate(self._draft.scans) if s.slot == share.scan.slot)
        scan = self._draft.scans[number]
        return self._divided[number].files(stretch_of(scan, window, as_of, None))

    def _shares(self, window: Window, as_of: datetime | None) -> list[Share]:
        return [
            divided.files(stretch_of(scan, window, as_of, None))
            for scan, divided in zip(self._draft.scans, self._divided, strict=True)
        ]


class _Older:
    """Lakes as they were at older states, where nothing but compaction happened since.

    Args:
        workspace: Who asks.
        connection: What is compared.
        draft: Its tables, at their newest states.
    """

    def __init__(self, workspace: Workspace, connection: Connection, draft: Draft) -> None:
        self._workspace, self._connection, self._draft = workspace, connection, draft
        self._states: dict[str, dict[int, Scan]] = {}
        self._found: dict[tuple[str, int], Divided | None] = {}

    def divided(self, slot: str, pin: int) -> Divided | None:
        """Return the table of a scan at a state; None if more happened since, or nothing tells."""
        key = slot, pin
        if key not in self._found:
            self._found[key] = self._looked_up(slot, pin)
        return self._found[key]

    def _looked_up(self, slot: str, pin: int) -> Divided | None:
        scan = next(s for s in self._draft.scans if s.slot == slot)
        if not isinstance(scan.relation, IcebergRelation | DeltaRelation):
            return None
        if slot not in self._states:  # asked once, however many states the windows are of
            with self._workspace.opened(self._connection) as access:
                self._states[slot] = before_compaction(scan, access)
        older = self._states[slot].get(pin)
        if older is None:
            return None
        with self._workspace.opened(self._connection) as access:
            listed, times = lake_files([older], access)
        return Divided(older, times.get(slot), listed.get(slot), self._draft.now)


def _calendar(calendar: Calendar) -> str:
    """Return what of a calendar is a part of how a window is read.

    Its zone is none: it decides which windows there are, and each of them has a key of its own.
    """
    return Calendar(calendar.step).name


def _ignored(connection: Connection, draft: Draft) -> frozenset[str]:
    """Return the full names of the tables whose history does not count.

    Raises:
        ConfigError: If one of them is in no query.
    """
    actuals = connection.actuals
    ignore = [*connection.windows.ignore, *(actuals.windows.ignore if actuals is not None else ())]
    names = {str(scan.table): scan.table for scan in draft.scans}
    ignored = set()
    for name in ignore:
        folded = name.casefold()
        mine = {
            full
            for full, table in names.items()
            if folded in (full.casefold(), table.name.casefold())
        }
        if not mine:
            raise ConfigError(
                f"{connection.name}: windows ignore {name!r}, and no query reads such a table",
                hint=hint_for(name, names, what="tables"),
            )
        ignored |= mine
    return frozenset(ignored)


def _pins(shares: Sequence[Share]) -> Iterator[tuple[str, int]]:
    for share in shares:
        match share.scan.relation:
            case IcebergRelation(snapshot_id=int(number)) | DeltaRelation(version=number):
                yield str(share.scan.table), number


def _cost(shares: Sequence[Share]) -> Cost:
    estimates = [
        with_files_only(s.scan, s.files).estimate
        if isinstance(s.scan.relation, FileRelation)
        else s.scan.estimate
        for s in shares
    ]
    return Cost(total(e.files for e in estimates), total(e.bytes for e in estimates))


def _key_name(name: str) -> str:
    """Return a connection's name as a part of keys: without blanks and unseen characters."""
    return "".join(
        c if c.isprintable() and not c.isspace() and c != "%" else _escaped(c) for c in name
    )


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


class _Reads:
    """The rows of windows that are offered: those that need the same files are read together.

    Args:
        workspace: Who reads.
        connection: What is read.
        draft: What the windows' plans are made of.
        options: What was asked for.
        windows: The windows, in order.
    """

    def __init__(
        self,
        workspace: Workspace,
        connection: Connection,
        draft: Draft,
        options: ChangesOptions,
        windows: Sequence[Window],
    ) -> None:
        self._workspace, self._connection, self._options = workspace, connection, options
        self._draft = draft.limited(workspace.request(connection, None).max_bytes)
        self._places = {window: place for place, window in enumerate(windows)}
        self._lock = threading.Lock()
        self._made: tuple[Datasets, list[Group | None]] | None = None

    def only(self, windows: Sequence[Window]) -> None:
        """Read no others together with these; where some were read, it is left as it is."""
        with self._lock:
            if self._made is None:
                self._places = {window: place for place, window in enumerate(windows)}

    def open(self, window: Window) -> Dataset:
        """Return the rows of one of the windows."""
        place = self._places.get(window)
        if place is None:  # it was left out, and is wanted nevertheless
            datasets, groups = self._make([window])
            return datasets.make(0, groups[0])
        with self._lock:
            if self._made is None:
                self._made = self._make(tuple(self._places))
            datasets, groups = self._made
        return datasets.make(place, groups[place])

    def profile(
        self, window: Window, by: tuple[str, ...], edges: Edges | None, max_cells: int | None
    ) -> Profile:
        """Return the profile of one of the windows."""
        from headwater.workspace import profiles

        most = profiles.MAX_CELLS if max_cells is None else max_cells
        options = profiles.ProfileOptions(by, edges, engine=self._options.engine, max_cells=most)
        plans = Plans(self._draft, self._options.calendar, [window])
        plans = self._workspace.decided(plans, self._options.engine)
        return self._workspace.in_time(
            lambda: profiles.profile_of(self._workspace, self._connection, plans, options),
            self._connection,
            self._options.timeout,
        )

    def broken_rules(self, window: Window) -> tuple[Diagnostic, ...]:
        """Return what the files of one of the windows say against the rules that chose them."""
        plan = self._draft.part([window])
        findings = []
        with self._workspace.opened(self._connection) as access:
            contradicted = list(rule_proofs.elsewhere(plan, access))
        for scan, evidence in contradicted:
            if len(evidence.against) > _COUNTED and (finding := evidence.finding()) is not None:
                findings.append(finding)
                continue
            sql, scans = rule_proofs.outside_rows(scan, evidence)
            counting = replace(plan, sql=sql, mapping=None, scans=scans, window=None)
            data = self._workspace.answer(
                self._connection, counting, self._options.engine, timeout=self._options.timeout
            )
            rows = data.to_arrow().to_pylist()
            findings.append(evidence.counted([tuple(row.values()) for row in rows]))
        return tuple(findings)

    def _make(self, windows: Sequence[Window]) -> tuple[Datasets, list[Group | None]]:
        plans = Plans(self._draft, self._options.calendar, windows)
        plans = self._workspace.decided(plans, self._options.engine)
        groups: list[Group | None] = []
        for numbers in plans.groups():
            group = _Patient(numbers) if len(numbers) > 1 else None
            groups += [group] * len(numbers)
        datasets = self._workspace.datasets_of(
            self._connection, plans, digests=True, timeout=self._options.timeout
        )
        return datasets, groups


class _Patient(Group):
    """Windows that are read together, unless that fails: then each has its own failure, or none."""

    _alone = False

    def rows(
        self, window: int, read: Callable[[range], AbstractContextManager[ArrowStream]]
    ) -> ArrowStream | None:
        """Return the rows of a window if they are put aside; as `Group.rows`."""
        if self._alone:
            return None
        try:
            return super().rows(window, read)
        except HeadwaterError:
            Stop.current().check()
            self._alone = True
            return None


def _keep_listings(
    connection: Connection,
    draft: Draft,
    options: ChangesOptions,
    listed: Mapping[str, Sequence[DataFile]],
) -> None:
    """Keep in which order the files of labels were listed first: it says which of them are new."""
    facts = options.ledger.facts
    for scan in draft.scans:
        relation = scan.relation
        named = relation.files if isinstance(relation, FileRelation) else listed.get(scan.slot)
        if scan.gives_actuals and named is not None:
            files = [(f.path, f.etag) for f in named]
            facts.listed(f"{connection.name} {scan.table}", files, options.now, scan.window)
