"""Late labels: what labels mean for windows of changes that landed, are dated ahead, or are lost.

Each question is one query over the files that may answer it, of the tables as `changes` saw them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from headwater.changes import label_touch
from headwater.changes.changes import Offer, closes
from headwater.changes.label_touch import Landed
from headwater.errors import HeadwaterError
from headwater.interfaces.plan import Plan, Scan
from headwater.interfaces.schema import Role
from headwater.interfaces.stopping import Stop
from headwater.planning import label_delays, planner
from headwater.planning import label_touch as label_touch_sql
from headwater.planning.file_times import file_times
from headwater.planning.lake_files import lake_files
from headwater.planning.planner import Draft
from headwater.planning.shares import Divided, Known, with_files_only
from headwater.planning.windowed_query import Wrapped, timestamp_literal
from headwater.sql.rewriting import quoted
from headwater.tables.file_facts import FileFacts
from headwater.tables.relation import DataFile, DeltaRelation, FileRelation, IcebergRelation
from headwater.tables.window import Window
from headwater.windows import labels

if TYPE_CHECKING:
    from headwater.reading.dataset import Dataset
    from headwater.workspace.changes import ChangesOptions
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

_log = logging.getLogger(__name__)
_PROBED: Final = 8
"""Of so many windows whose labels landed, one is asked first whether these touch it."""
_ASKED: Final = 4
"""Windows that are asked first, at least: of one that is touched, nothing follows for others."""


class LateLabels:
    """Answers what labels mean for the windows that are compared.

    Args:
        workspace: Who asks.
        connection: Whose labels.
        draft: Its tables, as they were compared.
        options: What was asked for.
        windows: The windows, in order, without a gap between them.
        id_form: Digest of how ids are made.
    """

    def __init__(
        self,
        workspace: Workspace,
        connection: Connection,
        draft: Draft,
        options: ChangesOptions,
        windows: Sequence[Window],
        id_form: str,
    ) -> None:
        self._workspace, self._connection, self._draft = workspace, connection, draft
        self._options, self._windows, self._id_form = options, windows, id_form
        self._facts = options.ledger.facts

    def touched(self, offers: Sequence[Offer]) -> frozenset[Window] | None:
        """Return those of the windows that are offered which labels touch that landed.

        None where it can't be told: then all of them are read, and that tells it.

        Args:
            offers: Windows of which nothing but labels moved, in order.
        """
        by_ids = label_touch.ids_compare(self._draft)
        touched: set[Window] = set()
        known: list[Offer] = []
        others: list[Offer] = []
        for offer in offers:
            entry = offer.entry
            assert entry is not None, "labels landed since it was handed over"
            if by_ids and self._facts.ids.knows(offer.window_key, entry.rows, self._id_form):
                known.append(offer)
            elif _reads_alike(offer):
                others.append(offer)
            else:  # which ids it had, today's query can't tell
                touched.add(offer.window)
        try:
            for offer, may_be_chance in self._touched_by_ids(known):
                if may_be_chance and _reads_alike(offer):
                    others.append(offer)
                else:
                    touched.add(offer.window)
            if others:
                touched |= self._touched_by_files(sorted(others, key=lambda o: o.window.start))
        except HeadwaterError as error:
            Stop.current().check()
            _log.debug("%s: labels that landed: %s", self._connection.name, error)
            return None
        return frozenset(touched)

    def first_ahead(self) -> datetime | None:
        """Return when the first actual was set that the present cuts off, of the files there are.

        It is of a label's clock that goes ahead, or a decision that is dated ahead: no file will
        move when its time comes.
        """
        draft = self._draft
        moments = []
        for sql, scans in _queries_ahead(draft):
            scans = self._ahead(scans)
            if not scans:
                continue
            plan = Plan(
                self._connection.name, sql, "", scans, None, None, "", "",
                identities=draft.identities, created_at=draft.now,
            )  # fmt: skip
            value = self._value(plan)
            if value is not None:
                moments.append(value.astimezone(UTC))
        return min(moments, default=None)

    def lost(self) -> int | None:
        """Return how many labels were set after their windows had closed; None if nothing tells."""
        workspace, connection, now = self._workspace, self._connection, self._options.now
        request = workspace.request(connection, None)
        horizon = request.horizon
        if horizon is None:
            return None
        windows = self._windows
        closed = [w for w in windows if (end := closes(w, horizon)) is not None and end < now]
        hull = Window(windows[0].start, (closed or windows)[-1].end)
        # Labels beyond the horizon are what is looked for: their files are named, too.
        request = replace(request, window=hull, max_bytes=None, horizon=None)

        def planned() -> Draft:
            with workspace.opened(connection) as access:
                access.cache.keep(FileFacts, self._facts)
                own, theirs = workspace.map_queries(connection, access)
                draft = planner.draft(request, own, access, actuals=theirs, now=now)
                return replace(draft, times=file_times(draft.scans, access, self._facts))

        draft = workspace.in_time(planned, connection, self._options.timeout)
        self._options.ledger.save_facts()
        if draft.as_of is None:
            return None
        if not closed:
            return 0
        beyond = Window(closed[0].end + horizon, now + timedelta(microseconds=1))
        own = Wrapped(draft.text, draft.serving.mapping, hull, request.sample, draft.as_of)
        queries: list[tuple[Wrapped | None, tuple[Scan, ...]]] = []
        mine = tuple(s for s in draft.scans if not s.gives_actuals)
        if own.mapping.label_timestamp is not None and own.mapping.actuals:
            queries.append((None, mine))
        theirs = draft.actuals
        if theirs is not None and draft.actuals_text and theirs.mapping.role(Role.TIMESTAMP):
            shares = [
                Divided(s, draft.times.get(s.slot), None, draft.now).share(
                    beyond if s.time_column is not None else None
                )
                for s in draft.scans
                if s.gives_actuals
            ]
            if any(s.files or not s.has_files for s in shares):
                actuals = Wrapped(draft.actuals_text, theirs.mapping, beyond)
                queries.append((actuals, (*mine, *(s.scan for s in shares))))
        lost = 0
        for actuals_of, scans in queries:
            sql = label_delays.count_lost(closed, horizon, own, actuals_of)
            lost += self._value(replace(draft.plan(), sql=sql, mapping=None, scans=scans))
        return lost

    def _touched_by_ids(self, offers: Sequence[Offer]) -> Iterator[tuple[Offer, bool]]:
        """Yield the windows that labels touch which landed, by the ids kept of each window.

        Only the new files are read. Each window is told with whether it may be there by chance.
        """
        if not offers:
            return
        import numpy as np
        import pyarrow.compute as pc

        from headwater.reading.content_digests import id_words

        hull = Window(offers[0].window.start, offers[-1].window.end)
        landed = [o.landed for o in offers]
        scans = tuple(s for s in _scans_of_touch(self._draft, (), hull, landed) if s.gives_actuals)
        sql = label_touch_sql.first_labels(_labels_of(self._draft, hull))
        words, moments = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
        for batch in self._answer(self._plan(sql, scans)):
            valid: Any = pc.is_valid(batch.column("id"))
            batch = batch.filter(valid)
            words.append(id_words(batch.column("id")))
            moments.append(batch.column("came").to_numpy(zero_copy_only=False).astype(np.int64))
        ids, came = np.concatenate(words), np.concatenate(moments)
        kept = self._facts.ids
        for offer in offers:
            label_ids = ids
            if offer.closes is not None:
                label_ids = ids[came <= label_delays.micros(offer.closes - label_delays.EPOCH)]
            key = offer.window_key
            if found := kept.found(key, label_ids):
                yield offer, kept.by_chance(key, found, len(label_ids))

    def _touched_by_files(self, offers: Sequence[Offer]) -> frozenset[Window]:
        """Return the windows that labels touch which landed, by ids and times of predictions.

        Of many windows some are asked first: where these are all touched, the others will be, and
        ids and times of all predictions would be read for nothing.
        """
        step = min(_PROBED, len(offers) // _ASKED)
        probed = offers[step // 2 :: step] if step > 1 else ()
        if probed and self._joined(probed).issuperset(o.window for o in probed):
            return frozenset(o.window for o in offers)
        return self._joined(offers)

    def _joined(self, offers: Sequence[Offer]) -> frozenset[Window]:
        """Return the windows that have predictions of new labels, by a join of the two."""
        draft = self._draft
        first, last = offers[0].window, offers[-1].window
        inside = [w for w in self._windows if w.start >= first.start and w.end <= last.end]
        hull = Window(inside[0].start, inside[-1].end)
        own = Wrapped(draft.text, draft.serving.mapping, hull, draft.request.sample)
        sql = label_touch_sql.touched(inside, draft.request.horizon, own, _labels_of(draft, hull))
        scans = _scans_of_touch(draft, [o.window for o in offers], hull, [o.landed for o in offers])
        rows = self._rows(self._plan(sql, scans))
        return frozenset(inside[n] for row in rows if (n := row["window"]) is not None)

    def _ahead(self, scans: tuple[Scan, ...]) -> tuple[Scan, ...]:
        """Return the scans without the files of labels whose footers name no time to come.

        Where that leaves no file, there is no such label, and no scan. Rules are not asked here: a
        label that is dated ahead may lie where no rule would look for it.
        """
        as_of = self._draft.as_of
        assert as_of is not None, "the caller looked for it"
        if len(scans) != 1 or scans[0].time_column is None or not scans[0].gives_actuals:
            return scans
        (scan,) = scans

        def looked_up() -> tuple[Known | None, Sequence[DataFile] | None]:
            with self._workspace.opened(self._connection) as access:
                if isinstance(scan.relation, FileRelation):
                    times = file_times(scans, access, self._facts, parted=True)
                    return times.get(scan.slot), scan.relation.files
                listed, times_of_lakes = lake_files(scans, access)
                return times_of_lakes.get(scan.slot), listed.get(scan.slot)

        known, files = self._workspace.in_time(looked_up, self._connection, self._options.timeout)
        if known is None or files is None:
            return scans
        left = [
            f for f in files if (ends := known.get((f.path, f.etag))) is None or ends[1] > as_of
        ]
        if not left:
            return ()
        return (with_files_only(scan, left),) if isinstance(scan.relation, FileRelation) else scans

    def _plan(self, sql: str, scans: tuple[Scan, ...]) -> Plan:
        return replace(self._draft.plan(), sql=sql, mapping=None, scans=scans, window=None)

    def _answer(self, plan: Plan) -> Dataset:
        return self._workspace.answer(
            self._connection, plan, self._options.engine, timeout=self._options.timeout
        )

    def _rows(self, plan: Plan) -> list[dict[str, Any]]:
        """Return the few rows that a plan gives."""
        return self._answer(plan).to_arrow().to_pylist()

    def _value(self, plan: Plan) -> Any:
        """Return the one value that a plan gives."""
        return next(iter(self._rows(plan)[0].values()))


def _reads_alike(offer: Offer) -> bool:
    """Return whether today's query gives the ids of a window as that gave them which read it."""
    return offer.entry is not None and offer.entry.definition == offer.definition


def _labels_of(draft: Draft, hull: Window) -> Wrapped:
    """Return the labels that windows may take."""
    actuals, text, as_of = draft.actuals, draft.actuals_text, draft.as_of
    assert actuals is not None, "labels landed"
    assert text is not None, "likewise"
    assert as_of is not None, "likewise"
    return Wrapped(text, actuals.mapping, labels.stretch(hull, as_of))


def _scans_of_touch(
    draft: Draft, windows: Sequence[Window], hull: Window, landed: Sequence[Landed | None]
) -> tuple[Scan, ...]:
    """Return the scans with the files of the windows' predictions, and the new files of labels.

    Other tables that the query of the labels names keep all files that the hull needs of them.
    """
    new = {(one.slot, f.path, f.etag) for one in landed if one is not None for f in one.files}
    slots = {slot for slot, _, _ in new}
    rows = draft.part_files(windows)
    scans = []
    for share in draft.part_shares(hull):
        scan, relation = share.scan, share.scan.relation
        if isinstance(relation, FileRelation):
            files = [
                f
                for f in share.files
                if (scan.slot, f.path, f.etag) in new
                or (
                    scan.slot not in slots
                    # What new labels are joined to decides which of them there are.
                    and (scan.gives_actuals or (scan.slot, f.path) in rows)
                )
            ]
            scan = with_files_only(scan, files)
        elif scan.slot in slots and isinstance(relation, IcebergRelation | DeltaRelation):
            paths = tuple(path for slot, path, _ in sorted(new, key=str) if slot == scan.slot)
            scan = replace(scan, relation=replace(relation, only_files=paths))
        scans.append(scan)
    return tuple(scans)


def _queries_ahead(draft: Draft) -> Iterator[tuple[str, tuple[Scan, ...]]]:
    """Yield each query of the first label that is cut off, with the scans that it reads."""
    if draft.as_of is None:
        return
    cut = timestamp_literal(draft.as_of)

    def first(text: str, column: str) -> str:
        moment = f"CAST(q.{quoted(column)} AS TIMESTAMP)"
        return f"SELECT min({moment}) AS `first` FROM (\n{text}\n) AS q WHERE {moment} > {cut}"

    own = draft.serving.mapping.label_timestamp
    if own is not None:
        mine = tuple(s for s in draft.scans if not s.gives_actuals)
        yield first(draft.text, own.column), mine
    if draft.actuals is not None and draft.actuals_text is not None:
        theirs = draft.actuals.mapping.role(Role.TIMESTAMP)
        if theirs is not None:
            scans = tuple(s for s in draft.scans if s.gives_actuals)
            yield first(draft.actuals_text, theirs.column), scans
