"""Shares: which files of a plan each window needs. Pure; nothing is asked of anyone.

A plan of a long stretch of time names the files of all of it. A window needs fewer of them:

    by its rule          files of the partitions that a declared time partition names for it
    by statistics        files that may hold its time, as their footers or a lake's metadata say
    else                 all of them, and why is said

A window's actuals are those of its own stretch of time (`windows.labels`), which is longer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.partitions import missing_partitions
from headwater.partitions.missing_partitions import Gaps
from headwater.partitions.time_partitions import Dated
from headwater.tables.relation import (
    DataFile,
    DeltaRelation,
    FileRelation,
    FileTimes,
    IcebergRelation,
)
from headwater.tables.table import Partition, Table
from headwater.tables.window import Window
from headwater.windows import labels

Known: TypeAlias = "Mapping[tuple[str, str | None], FileTimes]"
"""What is known of files, by path and version mark: a file of both never changes."""

NO_STATISTICS: Final = "nothing says which of its files hold which time"


@dataclass(frozen=True, slots=True)
class Share:
    """What one window needs of one table of a plan.

    Args:
        scan: The scan, with the window's files only; as it is, where only these were asked for
            (`Divided.files`). A lake's stays as it is: its engine chooses.
        files: The files that may hold rows of the window.
        stretch: The time that they were chosen for; None for all of time.
        chosen_by: How, e.g. `partitions` or `statistics`; None where nothing chose.
        reason: Why nothing chose, so that all files are the window's; None where something did.
    """

    scan: Scan
    files: tuple[DataFile, ...]
    stretch: Window | None
    chosen_by: str | None = None
    reason: str | None = None

    @property
    def bytes(self) -> int:
        """Size of the files."""
        return sum(f.size for f in self.files)

    @property
    def has_files(self) -> bool:
        """Whether rows come from files that are named: then these say whether anything changed."""
        relation = self.scan.relation
        if isinstance(relation, IcebergRelation | DeltaRelation):
            return bool(self.files) or not relation.file_count
        return isinstance(relation, FileRelation)


def shares(
    plan: Plan,
    window: Window,
    known: Known | None = None,
    listed: Mapping[str, Sequence[DataFile]] | None = None,
) -> tuple[Share, ...]:
    """Return what one window needs of each table of a plan, in the order of the plan's scans.

    For many windows of one plan, `Shares` looks at its files but once.

    Args:
        plan: Of a stretch of time that the window lies in.
        window: The window.
        known: The times of files, where they are known (`Scan.time_column` says of which column).
        listed: The files of lakes, by the slot of their scan.
    """
    return Shares(plan, known, listed).of(window)


class Shares:
    """What the windows of a plan need of its tables.

    Args:
        plan: Of a stretch of time.
        known: The times of files, where they are known.
        listed: The files of lakes, by the slot of their scan.
    """

    def __init__(
        self,
        plan: Plan,
        known: Known | None = None,
        listed: Mapping[str, Sequence[DataFile]] | None = None,
    ) -> None:
        self._plan = plan
        now = plan.created_at or datetime.now(UTC)
        listed_files = listed or {}
        self._divided = [Divided(s, known, listed_files.get(s.slot), now) for s in plan.scans]

    def of(self, window: Window) -> tuple[Share, ...]:
        """Return what a window needs of each table, in the order of the plan's scans."""
        plan = self._plan
        return tuple(
            divided.share(stretch_of(scan, window, plan.as_of, plan.horizon))
            for scan, divided in zip(plan.scans, self._divided, strict=True)
        )


def stretch_of(
    scan: Scan, window: Window, as_of: datetime | None, horizon: timedelta | None
) -> Window | None:
    """Return the time of a table's rows that a window needs; None for all of time.

    Args:
        scan: The table.
        window: The window.
        as_of: Until when actuals are taken.
        horizon: How long after its end the window takes actuals.
    """
    if not scan.gives_actuals:
        return window
    if as_of is None or scan.time_column is None:
        return None
    return labels.stretch(window, labels.until(window, as_of, horizon))


def with_files_only(scan: Scan, files: Sequence[DataFile]) -> Scan:
    """Return a scan of files with some of them only.

    Args:
        scan: The scan, of a `FileRelation`.
        files: Those that are read.
    """
    assert isinstance(scan.relation, FileRelation), "no other names its files"
    estimate = replace(scan.estimate, files=len(files), bytes=sum(f.size for f in files))
    return replace(scan, relation=replace(scan.relation, files=tuple(files)), estimate=estimate)


class Divided:
    """One table of a plan of a stretch of time, of which shorter stretches need less.

    Args:
        scan: The table.
        known: The times of files, where they are known.
        listed: The files of a lake, which its relation does not name.
        now: The present: partitions of the future are not missed.
    """

    def __init__(
        self,
        scan: Scan,
        known: Known | None,
        listed: Sequence[DataFile] | None,
        now: datetime,
    ) -> None:
        self._scan, self._now = scan, now
        relation = scan.relation
        self._relation = relation if isinstance(relation, FileRelation) else None
        self._files = relation.files if isinstance(relation, FileRelation) else listed
        self._in_partition: dict[int, list[int]] = {}
        for number, file in enumerate(self._files or ()):
            self._in_partition.setdefault(file.partition, []).append(number)
        self._dated: Dated | None = None
        if self._relation is not None and scan.rule is not None and scan.window is not None:
            places = [Partition(p.values, p.location) for p in self._relation.partitions]
            self._dated = Dated(scan.rule, _table(scan, self._relation), places)
        times = [(known or {}).get((f.path, f.etag)) for f in self._files or ()]
        if scan.time_column is None or not any(times):
            times = []
        self._times = times

    def share(self, stretch: Window | None) -> Share:
        """Return what a stretch of time needs, in a scan of its own; None is all of time.

        Args:
            stretch: The time.
        """
        share, places = self._chosen(stretch)
        relation, chosen = self._relation, share.files
        if relation is None or stretch is None:
            return share
        landed = {n for n in places if n in self._in_partition}
        narrowed = _narrowed(self._scan, relation, places, chosen, stretch)
        gaps = self._gaps(narrowed, places, landed, stretch)
        passed = sum(len(self._in_partition[n]) for n in landed) - len(chosen)
        narrowed = replace(narrowed, gaps=gaps, passed=passed)
        assert isinstance(narrowed.relation, FileRelation)
        return replace(share, scan=narrowed, files=narrowed.relation.files)

    def files(self, stretch: Window | None) -> Share:
        """Return which files a stretch of time needs; the scan is that of all of them."""
        return self._chosen(stretch)[0]

    def _chosen(self, stretch: Window | None) -> tuple[Share, Sequence[int]]:
        """Return the files that a stretch of time needs, and the places of its partitions."""
        relation, files, scan = self._relation, self._files, self._scan
        if files is None or stretch is None:
            whole = scan.blocker or NO_STATISTICS
            return Share(scan, tuple(files or ()), stretch, reason=whole), ()
        if relation is None:
            return self._of_lake(files, stretch), ()
        places: Sequence[int] = range(len(relation.partitions))
        chosen: Sequence[int] = range(len(files))
        if self._dated is not None:
            places = self._dated.overlapping(stretch)
            chosen = sorted(n for place in places for n in self._in_partition.get(place, ()))
        if self._times:
            chosen = [n for n in chosen if self._may_hold(n, stretch)]
        how = ["partitions"] * (self._dated is not None) + ["statistics"] * bool(self._times)
        reason = None if how else scan.blocker or NO_STATISTICS
        kept = tuple(files[n] for n in chosen)
        return Share(scan, kept, stretch, " and ".join(how) or None, reason), places

    def _of_lake(self, files: Sequence[DataFile], stretch: Window) -> Share:
        scan = self._scan
        if not self._times:
            return Share(scan, tuple(files), stretch, reason=scan.blocker or NO_STATISTICS)
        kept_files = tuple(f for n, f in enumerate(files) if self._may_hold(n, stretch))
        estimate = replace(
            scan.estimate, files=len(kept_files), bytes=sum(f.size for f in kept_files)
        )
        scan = replace(scan, estimate=estimate, passed=len(files) - len(kept_files))
        return Share(scan, kept_files, stretch, "statistics")

    def _may_hold(self, number: int, stretch: Window) -> bool:
        times = self._times[number] if self._times else None
        return times is None or (times[0] < stretch.end and times[1] >= stretch.start)

    def _gaps(
        self, narrowed: Scan, places_: Sequence[int], landed: Collection[int], stretch: Window
    ) -> Gaps | None:
        """Return what a stretch of time lacks, as a plan of it alone would say.

        Args:
            narrowed: The scan of the stretch.
            places_: Its partitions, by their place in the longer one's.
            landed: Those of them in which files lie, whatever their statistics.
            stretch: The time.
        """
        scan, part = self._scan, narrowed.relation
        assert isinstance(part, FileRelation)
        if not landed:
            return None
        expected = _expected(scan, stretch) if scan.expects else None
        if scan.rule is not None and expected is not None:
            with_files = [n for n, place in enumerate(places_) if place in landed]
            values = [p.values for p in part.partitions]
            table = _table(scan, part)
            return missing_partitions.of_partitions(
                table, scan.rule, expected, values, with_files, self._now
            )
        if scan.gaps is None:
            return None
        keys = part.partition_columns
        names = {missing_partitions.spelled(keys, p.values) for p in part.partitions}
        without = tuple(name for name in scan.gaps.without_files if name in names)
        return Gaps(len(part.partitions), without_files=without)


def _narrowed(
    scan: Scan,
    relation: FileRelation,
    places_: Sequence[int],
    files: Sequence[DataFile],
    stretch: Window,
) -> Scan:
    """Return a scan with some of its partitions, by their places, and some of their files."""
    places = {old: new for new, old in enumerate(places_)}
    moved = tuple(replace(f, partition=places[f.partition]) for f in files)
    partitions = tuple(relation.partitions[place] for place in places_)
    part = replace(relation, partitions=partitions, files=moved)
    estimate = ScanEstimate(
        len(partitions) if relation.partition_columns else scan.estimate.partitions_kept,
        scan.estimate.partitions_total,
        len(moved),
        part.size,
    )
    by_rule = stretch if scan.window is not None else None
    return replace(scan, relation=part, estimate=estimate, window=by_rule)


def _table(scan: Scan, relation: FileRelation) -> Table:
    return Table(scan.table, relation.columns, relation.partition_columns)


def _expected(scan: Scan, stretch: Window) -> Window | None:
    """Return the part of a stretch of time whose partitions are missed."""
    if not scan.gives_actuals:
        return stretch
    start, end = stretch.start + labels.MAY_BELONG, stretch.end - timedelta(microseconds=1)
    return Window(start, end) if start < end else None
