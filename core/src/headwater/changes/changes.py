"""Changes: the windows that are to be handed over, and each of them as it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeAlias

from headwater.changes import fingerprints
from headwater.changes.fingerprints import columns_part, files_part
from headwater.changes.label_touch import Landed
from headwater.diagnostics import Diagnostic
from headwater.display.printable import printable
from headwater.errors import (
    EvidenceError,
    HeadwaterError,
    LedgerError,
    LedgerMovedError,
    UnsupportedError,
)
from headwater.evidence import comparison
from headwater.interfaces.plan import total
from headwater.interfaces.plan_text import bytes_text
from headwater.interfaces.stopping import Stop
from headwater.ledger.entries import Entry, moment_text
from headwater.ledger.ledger import Ledger
from headwater.maturity.states import CLOSED
from headwater.reading.content_digests import FORM
from headwater.tables import window_ids
from headwater.tables.window import Window

if TYPE_CHECKING:
    from headwater.evidence.evidence import Evidence
    from headwater.interfaces.read_stats import ReadStats
    from headwater.profiling.edges import Edges
    from headwater.profiling.profile import Profile
    from headwater.reading.dataset import Dataset

ProfileOf: TypeAlias = "Callable[[Window, tuple[str, ...], Edges | None, int | None], Profile]"

_NOTHING: Final = "0" * 16
_SHOWN: Final = 20
"""Changes that a text names one by one."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a window holds.

    Args:
        rows: How many rows.
        labels: Of how many of them an actual is known.
        rows_digest: Digest of all that is delivered but the actuals.
        labels_digest: Digest of the ids with their actuals.
    """

    rows: int
    labels: int
    rows_digest: str
    labels_digest: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON-ready dict."""
        return {
            "rows": self.rows,
            "labels": self.labels,
            "rows_digest": self.rows_digest,
            "labels_digest": self.labels_digest,
        }


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading a window takes, at most.

    Args:
        files: Files that will be opened; None where it is not known.
        bytes: Their size; None where it is not known.
    """

    files: int | None
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What is known of a window before it is read.

    Args:
        window: The window.
        window_key: Its key, for ever.
        share: Digest of all that its content is decided by.
        definition: Digest of how it is read.
        tables: Digest of its share of each table.
        as_of: Until when its actuals are taken.
        closes: When it takes no more actuals; None if never.
        state: What it is in time.
        reasons: Why it is offered.
        cost: What reading it takes.
        entry: What was handed over of it before, if anything was.
        pins: Snapshot or version of each lake table.
        landed: The label files that alone are why it is offered, where that is so.
        warnings: What its reader should know.
    """

    window: Window
    window_key: str
    share: str
    definition: str
    tables: Mapping[str, str]
    as_of: datetime | None
    closes: datetime | None
    state: str
    reasons: tuple[str, ...]
    cost: Cost
    entry: Entry | None
    pins: Mapping[str, int]
    landed: Landed | None = None
    warnings: tuple[Diagnostic, ...] = ()


class Change:
    """One window that is to be handed over: it is new, or not what was handed over of it.

    Made by `Connection.changes`. Read it, keep the rows under its key, say `done`.

    Args:
        offer: What is known of it.
        changes: Those that it is one of.
    """

    def __init__(self, offer: Offer, changes: Changes) -> None:
        self._offer = offer
        self._changes = changes
        self._after: Content | None = None
        self._done: Entry | None = None
        self._broken: tuple[Diagnostic, ...] | None = None
        self._ids: Any = None

    @property
    def offer(self) -> Offer:
        """What is known of it."""
        return self._offer

    @property
    def is_untaken(self) -> bool:
        """Whether nobody has read or handed it over."""
        return self._after is None and self._done is None

    @property
    def window(self) -> Window:
        """The window, whole, in UTC."""
        return self._offer.window

    @property
    def window_key(self) -> str:
        """What names the window for ever: where to overwrite what is kept of it."""
        return self._offer.window_key

    @property
    def generation(self) -> int:
        """How often the window will have been handed over with other content: 1 for a new one."""
        before = self._offer.entry
        if before is None:
            return 1
        return before.generation if self.same else before.generation + 1

    @property
    def key(self) -> str:
        """What is handed over: the window's key with generation and what it was read from."""
        before = self._offer.entry
        if before is not None and self.same:
            return before.key
        return f"{self.window_key}/g{self.generation}-{self._offer.share}"

    @property
    def supersedes(self) -> str | None:
        """The key of what was handed over of the window before; None for a new one."""
        return None if self._offer.entry is None else self._offer.entry.key

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is offered: `new`, `files:<table>`, `definition`, `gone`, `as_of`, `ended`."""
        return self._offer.reasons

    @property
    def state(self) -> str:
        """What the window is in time: `open`, `landing`, `ripening` or `closed`."""
        return self._offer.state

    @property
    def as_of(self) -> datetime | None:
        """Until when its actuals are taken; None where nothing says when they were set."""
        return self._offer.as_of

    @property
    def cost(self) -> Cost:
        """What reading it takes, at most: files and bytes."""
        return self._offer.cost

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """What its reader should know.

        `rule-broken`: rows that its files hold beyond the time of their partition. Another window
        that they are of does not see them, and is not offered for them. They are counted as the
        warnings are asked for first: by the footers of the window's files, and in those alone that
        hold such rows.

        Raises:
            HeadwaterError: Any of its kinds, as for a read, where there are such rows to count.
        """
        if self._broken is None:
            self._broken = self._changes.broken_rules(self.window)
        return (*self._offer.warnings, *self._broken)

    @property
    def before(self) -> Content | None:
        """What was handed over of the window last; None for a new one."""
        entry = self._offer.entry
        if entry is None:
            return None
        counts = entry.counts
        return Content(counts["rows"], counts["labels"], entry.rows, entry.labels)

    @property
    def after(self) -> Content | None:
        """What the window holds now; None until it was read to its end."""
        return self._after

    @property
    def same(self) -> bool | None:
        """Whether it holds what was handed over before; None until it was read to its end."""
        return None if self._after is None else self._after == self.before

    @property
    def restated(self) -> tuple[str, ...]:
        """What is another than it was: `rows`, `labels`, both or none; empty until it was read."""
        before, after = self.before, self._after
        if after is None:
            return ()
        if before is None:
            return ("rows", "labels") if after.labels else ("rows",)
        restated = []
        if (before.rows, before.rows_digest) != (after.rows, after.rows_digest):
            restated.append("rows")
        if (before.labels, before.labels_digest) != (after.labels, after.labels_digest):
            restated.append("labels")
        return tuple(restated)

    def read(self) -> Dataset:
        """Return the window's rows, of the files that were compared.

        Files that land meanwhile are found by the next run. A file that is rewritten or deleted
        before it was read is an error (`data-changed`): leave the window, and go on with the next.

        Raises:
            HeadwaterError: Any of its kinds, as the read is planned; later as its rows come.
        """
        data = self._changes.open(self.window)
        data.ids_of = window_ids.MOST if self._changes.keeps_ids(self._offer) else 0

        def ended(stats: ReadStats) -> None:
            self._read(stats)
            self._ids = data.ids

        data.on_end = ended
        return data

    def profile(
        self,
        *,
        by: str | Iterable[str] = (),
        edges: Edges | None = None,
        max_cells: int | None = None,
    ) -> Profile:
        """Return the profile of the window, of the files that were compared.

        Rows are counted where they are (`Connection.profile`), so it is not known afterwards what
        they were: `done` still wants them read.

        Args:
            by: Fields whose values are segments.
            edges: Those of training: profiles of other edges can't be added.
            max_cells: How many cells there may be.

        Raises:
            HeadwaterError: Any of its kinds, as for a read.
        """
        fields = (by,) if isinstance(by, str) else tuple(by)
        return self._changes.profile(self.window, fields, edges, max_cells)

    def done(self, evidence: Evidence | None = None) -> str:
        """Put into the ledger that the window was handed over; again, it is a no-op.

        Until then a crash offers the window again. Where the content is the same as before,
        generation and key stay what they were.

        Args:
            evidence: Of the read, where another process did it: of the window, until the same
                `as_of`, of the files that are there now. The ledger keeps its SHA-256.

        Returns:
            The key that is current now.

        Raises:
            LedgerError: With code `not-read`, if it was not read to its end, and is not `gone`.
            EvidenceError: With code `evidence-changed`, if the evidence is of something else.
            LedgerMovedError: If somebody else handed the window over since the changes were asked.
        """
        if self._done is None:
            if evidence is not None:
                self._check(evidence)
                self._after = Content(
                    evidence.rows, evidence.labelled, evidence.rows_digest, evidence.labels_digest
                )
            entry = self._entry()
            if evidence is not None:
                entry = replace(entry, evidence=evidence.sha256)
            self._changes.ledger.commit(entry, self._offer.entry)
            self._changes.learn_ids(entry, self._ids)
            self._done = entry
        return self._done.key

    def to_dict(self) -> dict[str, Any]:
        """Return the change as a JSON-ready dict."""
        before, after = self.before, self.after
        return {
            "start": moment_text(self.window.start),
            "end": moment_text(self.window.end),
            "window_key": self.window_key,
            "key": self.key,
            "supersedes": self.supersedes,
            "generation": self.generation,
            "reasons": list(self.reasons),
            "state": self.state,
            "as_of": None if self.as_of is None else moment_text(self.as_of),
            "cost": {"files": self.cost.files, "bytes": self.cost.bytes},
            "before": before and before.to_dict(),
            "after": after and after.to_dict(),
            "same": self.same,
            "restated": list(self.restated),
            # Those that are counted when they are asked for are here if they were.
            "warnings": [w.to_dict() for w in (*self._offer.warnings, *(self._broken or ()))],
        }

    def __reduce__(self) -> NoReturn:
        """Say what to send instead: what is done is put into the ledger by one process.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"the change of {self.window_key} can't be sent to another process",
            hint="send change.read(), a dataset, and take its evidence back: change.done(evidence)",
        )

    def __repr__(self) -> str:
        return f"<Change {self.key}: {', '.join(self.reasons)}>"

    def _read(self, stats: ReadStats) -> None:
        """Take over what a read counted, if it was read to its end."""
        if not stats.finished or stats.rows_digest is None or stats.labels_digest is None:
            return
        self._after = Content(stats.rows, stats.labelled, stats.rows_digest, stats.labels_digest)

    def _check(self, evidence: Evidence) -> None:
        """Raise if evidence is not of the read of this window, as it is to be read now."""
        offer, changes = self._offer, self._changes
        reading = fingerprints.of_calendar(evidence.reading, changes.calendar)
        for what, is_so in (
            ("another connection", evidence.connection == changes.connection),
            ("another window", evidence.window == offer.window),
            ("another as_of", evidence.as_of == offer.as_of),
            ("another query, mapping or rule", reading == offer.definition),
            ("digests that are made otherwise", evidence.form == FORM),
        ):
            if not is_so:
                raise self._other(f"it is of {what}")
        scans = changes.open(offer.window).plan.scans
        if {s.slot for s in scans} != set(evidence.tables):
            raise self._other("it is of other tables")
        for scan in scans:
            recorded = evidence.tables[scan.slot]
            replay = comparison.replay_of_table(scan, recorded, evidence.files_of(scan.slot))
            if replay.changes or not replay.exact:
                raise self._other("; ".join(str(c) for c in replay.changes))

    def _other(self, why: str) -> EvidenceError:
        return EvidenceError(
            f"the evidence is not of {self.key} as it is now: {why}",
            code="evidence-changed",
            hint="read the window again, with the as_of that the change names, and keep the "
            "evidence of that read",
        )

    def _entry(self) -> Entry:
        offer, after = self._offer, self._after
        if after is None:
            if "gone" not in offer.reasons:
                raise LedgerError(
                    f"{offer.window_key} was not read to its end, so nothing says what of it was "
                    "handed over",
                    code="not-read",
                    hint="take all rows of read() in this process, then say done()",
                )
            after = self._after = Content(0, 0, _NOTHING, _NOTHING)
        before = offer.entry
        earlier = before if before is not None and self.same else None
        return Entry(
            offer.window_key,
            self.generation,
            offer.share if earlier is None else earlier.share,
            offer.window.end,
            offer.definition,
            dict(offer.tables),
            after.rows_digest,
            after.labels_digest,
            {"rows": after.rows, "labels": after.labels},
            offer.state,
            offer.reasons,
            self._changes.now,
            offer.as_of,
            self._changes.next_label(offer),
            offer.pins,
            more={} if earlier is None else earlier.more,
        )


class Changes:
    """The windows of a stretch of time that are to be handed over, in order.

    Made by `Connection.changes`, which reads no data. As a context manager it lets a store that
    writes all of a ledger at once save every 30 seconds or 100 windows, and at the end: a crash
    offers those again that were not saved.

    Whoever goes through them has windows left out of which nothing moved but that labels landed,
    and none of these is of a prediction of theirs (`untouched`). To know it, the ids of the new
    labels are read beside ids and times of the predictions, once, as the first change is asked for.
    The ledger has these windows as compared then: no later run looks at them for that again.

    Args:
        connection: Name of the connection.
        windows: All windows that were compared.
        offers: Those that are to be handed over.
        ledger: Where `done` puts them.
        now: The present, by which everything was compared.
        open: Gives the rows of a window.
        read_together: Told which windows are left: these alone are read at once.
        profile: Gives the profile of a window: by fields, of edges, of so many cells at most.
        broken_rules: Gives what a window's files say against the rules that chose them.
        label_after: Gives when the first actual was set that the present cuts off, if there is one.
        lost_labels: Counts the labels that were set after their windows had closed.
        touched: Gives those of some windows that labels touch which landed; None if nothing tells.
        warnings: What a reader should know of all of them.
        blocker: Why each file counts for every window, if that is so.
        calendar: Step and zone of the windows.
        compacted: Windows of which a lake says that their rows are the same, in other files.
        id_form: Digest of how ids are made.
    """

    def __init__(
        self,
        connection: str,
        windows: Sequence[Window],
        offers: Sequence[Offer],
        ledger: Ledger,
        now: datetime,
        *,
        open: Callable[[Window], Dataset],
        read_together: Callable[[Sequence[Window]], None],
        profile: ProfileOf,
        broken_rules: Callable[[Window], tuple[Diagnostic, ...]],
        label_after: Callable[[], datetime | None],
        lost_labels: Callable[[], int | None],
        touched: Callable[[Sequence[Offer]], frozenset[Window] | None],
        warnings: tuple[Diagnostic, ...] = (),
        blocker: str | None = None,
        calendar: str = "",
        compacted: Sequence[Offer] = (),
        id_form: str = "",
    ) -> None:
        self.connection = connection
        self.windows = tuple(windows)
        self.ledger = ledger
        self.now = now
        self.warnings = warnings
        self.blocker = blocker
        self.calendar = calendar
        self.open = open
        self._read_together = read_together
        self.profile = profile
        self.broken_rules = broken_rules
        self._changes = tuple(Change(offer, self) for offer in offers)
        self._label_after = label_after
        self._lost_labels = lost_labels
        self._touched = touched
        self._id_form = id_form
        self._untouched: tuple[Window, ...] | None = None
        self._compacted = tuple(compacted)
        self._first_label: tuple[datetime | None] | None = None
        self._lost: tuple[int | None] | None = None
        self._lock = threading.Lock()
        self._batch: AbstractContextManager[None] | None = None

    @property
    def oldest(self) -> Window | None:
        """The oldest window that was compared: of what is older nothing is known."""
        return self.windows[0] if self.windows else None

    @property
    def files(self) -> int | None:
        """Files that reading all of them opens, at most; one of several windows counts in each.

        None where it is not known.
        """
        return total(c.cost.files for c in self._changes)

    @property
    def bytes(self) -> int | None:
        """Size of these files; None where it is not known."""
        return total(c.cost.bytes for c in self._changes)

    @property
    def beyond_horizon(self) -> int | None:
        """Labels that were set after their windows had closed: no window takes them.

        Of the windows that were compared; all of them that are there now, not only new ones. It is
        counted when it is asked for first, by the engine: then ids and times are read, of the
        closed windows and of the labels' files that may hold such a label. None where there is no
        horizon, or nothing says when labels were set.

        Raises:
            HeadwaterError: Any of its kinds, as for a read.
        """
        with self._lock:
            if self._lost is None:
                self._lost = (self._lost_labels(),)
            return self._lost[0]

    def next_label(self, offer: Offer) -> datetime | None:
        """Return when an actual comes to count that was left out of a window as not set yet.

        Args:
            offer: The window.
        """
        if offer.as_of is None or offer.as_of < self.now:
            return None  # it has closed
        with self._lock:
            if self._first_label is None:
                self._first_label = (self._label_after(),)
        first = self._first_label[0]
        return None if first is None or (offer.closes and first > offer.closes) else first

    @property
    def untouched(self) -> tuple[Window, ...]:
        """Windows that are left out: labels landed in files of theirs, and none of these is theirs.

        Known from when the first change is asked for; none before.
        """
        return self._untouched or ()

    def keeps_ids(self, offer: Offer) -> bool:
        """Return whether labels may still touch a window: then its ids are kept.

        Args:
            offer: The window.
        """
        return offer.as_of is not None and (offer.closes is None or offer.closes > self.now)

    def learn_ids(self, entry: Entry, words: Any) -> None:
        """Keep which ids a window has that was handed over, beside the ledger.

        Args:
            entry: What was handed over.
            words: The word of each id; None where they are not known.
        """
        facts = self.ledger.facts
        if words is not None:
            facts.ids.learn(entry.window_key, entry.rows, self._id_form, entry.end, words)
            facts.moved = True
        elif entry.state == CLOSED:
            facts.ids.forget(entry.window_key)

    def __iter__(self) -> Iterator[Change]:
        self._leave_out()
        return self._each()

    def _each(self) -> Iterator[Change]:
        yield from self._changes
        self.ledger.save_facts()

    def __len__(self) -> int:
        return len(self._changes)

    def __getitem__(self, index: int) -> Change:
        return self._changes[index]

    def _leave_out(self) -> None:
        """Leave out the windows that labels which landed do not touch; the ledger has them then."""
        with self._lock:
            if self._untouched is not None:
                return
            self._untouched = ()
            candidates = [c for c in self._changes if c.is_untaken and c.offer.landed is not None]
            # One is read: that tells it, too, and takes no more.
            touched = self._touched([c.offer for c in candidates]) if len(candidates) > 1 else None
        self._keep(self._compacted, labels_moved=False)
        if touched is None:
            return
        untouched = [c for c in candidates if c.window not in touched]
        kept = self._keep([c.offer for c in untouched], labels_moved=True)
        left = [c for c in untouched if c.window_key in kept]
        with self._lock:
            self._untouched = tuple(c.window for c in left)
            self._changes = tuple(c for c in self._changes if c not in left)
        self._read_together([c.window for c in self._changes])

    def _keep(self, offers: Sequence[Offer], *, labels_moved: bool) -> frozenset[str]:
        """Put windows that are not read into the ledger as compared; return those that are there.

        Where somebody else was quicker, or one can't be saved, whoever reads it hears of that.
        """
        ledger, commits = self.ledger, []
        try:
            commits = [self._compared(offer, labels_moved=labels_moved) for offer in offers]
            with suppress(LedgerMovedError):  # of some: the others are saved one by one
                ledger.commit_all(commits)
            for entry, before in commits:
                if ledger.entries.get(entry.window_key) == before != entry:
                    ledger.commit(entry, before)
        except HeadwaterError:
            Stop.current().check()
        entries = [entry for entry, _ in commits]
        return frozenset(e.window_key for e in entries if ledger.entries.get(e.window_key) == e)

    def _compared(self, offer: Offer, *, labels_moved: bool) -> tuple[Entry, Entry]:
        """Return what the ledger says of a window that was compared, and what it said before."""
        before = offer.entry
        assert before is not None, "of a new window nothing landed since"
        tables = dict(offer.tables)
        if before.definition != offer.definition:  # it keeps its own, with the columns of that
            tables = {
                name: files_part(tables.get(name, digest)) + columns_part(digest)
                for name, digest in before.tables.items()
            }
        entry = replace(
            before,
            tables=tables,
            state=offer.state,
            done_at=self.now,
            as_of=offer.as_of,
            next=self.next_label(offer) if labels_moved else before.next,
            pins=offer.pins,
        )
        return entry, before

    def __enter__(self) -> Self:
        self._batch = self.ledger.batch()
        self._batch.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            batch.__exit__(kind, error, trace)
        self.ledger.save_facts()

    def to_dict(self) -> dict[str, Any]:
        """Return the changes as a JSON-ready dict."""
        return {
            "connection": self.connection,
            "now": moment_text(self.now),
            "windows": len(self.windows),
            "oldest": None if self.oldest is None else moment_text(self.oldest.start),
            "files": self.files,
            "bytes": self.bytes,
            "blocker": self.blocker,
            "untouched": [moment_text(w.start) for w in self.untouched],
            "changes": [c.to_dict() for c in self._changes],
            "warnings": [w.to_dict() for w in self.warnings],
        }

    def __str__(self) -> str:
        count, total = len(self._changes), len(self.windows)
        files = "unknown files" if self.files is None else f"{self.files:,} files"
        size = f"{files}, {bytes_text(self.bytes)}"
        lines = [f"{self.connection}: {count:,} of {total:,} windows, {size}"]
        if self.oldest is not None:
            lines[0] += f"; watched from {moment_text(self.oldest.start)}"
        lines += [
            f"  {moment_text(c.window.start)}  g{c.generation}  {c.state:8}  {', '.join(c.reasons)}"
            for c in self._changes[:_SHOWN]
        ]
        if count > _SHOWN:
            lines.append(f"  and {count - _SHOWN:,} more")
        if self.untouched:
            lines.append(f"  {len(self.untouched):,} windows more: new labels, and none is theirs")
        if self.blocker:
            lines.append(f"  each file counts for every window: {self.blocker}")
        lines += [w.render() for w in self.warnings]
        return printable("\n".join(lines))

    def __reduce__(self) -> NoReturn:
        """Say what to send instead; as `Change`.

        Raises:
            UnsupportedError: Always.
        """
        raise UnsupportedError(
            f"the changes of {self.connection} can't be sent to another process",
            hint="send the dataset of each, change.read(), and take its evidence back: "
            "change.done(evidence)",
        )

    def __repr__(self) -> str:
        return (
            f"<Changes of {self.connection}: {len(self._changes)} of {len(self.windows)} windows>"
        )


def closes(window: Window, horizon: timedelta | None) -> datetime | None:
    """Return when a window takes no more actuals; None if never."""
    try:
        return None if horizon is None else window.end + horizon
    except OverflowError:
        return None
