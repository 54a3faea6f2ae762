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
from headwater.partitions import missing_partitions, time_partitions
from headwater.partitions.missing_partitions import Gaps
from headwater.tables.relation import DataFile, DeltaRelation, FileRelation, IcebergRelation
from headwater.tables.table import Partition, Table
from headwater.tables.window import Window
from headwater.windows import labels

FileTimes: TypeAlias = "tuple[datetime, datetime] | None"
"""Least and greatest time of a file's rows, both included; None where nothing tells them."""

Known: TypeAlias = "Mapping[tuple[str, str | None], FileTimes]"
"""What is known of files, by path and version mark: a file of both never changes."""

NO_STATISTICS: Final = "nothing says which of its files hold which time"


@dataclass(frozen=True, slots=True)
class Share:
    """What one window needs of one table of a plan.

    Args:
        scan: The scan, with the window's files only. A lake's stays as it is: its engine chooses.
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

    Args:
        plan: Of a stretch of time that the window lies in.
        window: The window.
        known: The times of files, where they are known (`Scan.time_column` says of which column).
        listed: The files of lakes, by the slot of their scan.
    """
    found = []
    for scan in plan.scans:
        files = (listed or {}).get(scan.slot)
        found.append(share(scan, stretch_of(plan, scan, window), known, files, _now(plan)))
    return tuple(found)


def stretch_of(plan: Plan, scan: Scan, window: Window) -> Window | None:
    """Return the time of a table's rows that a window needs; None for all of time.

    Args:
        plan: The plan.
        scan: One of its tables.
        window: The window.
    """
    if not scan.gives_actuals:
        return window
    if plan.as_of is None or scan.time_column is None:
        return None
    return labels.stretch(window, labels.until(window, plan.as_of, plan.horizon))


def share(
    scan: Scan,
    stretch: Window | None,
    known: Known | None = None,
    listed: Sequence[DataFile] | None = None,
    now: datetime | None = None,
) -> Share:
    """Return what a stretch of time needs of one table.

    Args:
        scan: The table, as a plan of a longer stretch has it.
        stretch: The time; None for all of it.
        known: The times of files.
        listed: The files of a lake, which its relation does not name.
        now: The present: partitions of the future are not missed. Default: the system's.
    """
    relation = scan.relation
    if not isinstance(relation, FileRelation):
        return _of_lake(scan, stretch, known or {}, listed)
    if stretch is None:
        return Share(scan, relation.files, None, reason=scan.blocker or NO_STATISTICS)
    kept, chosen_by = list(relation.files), []
    if scan.rule is not None and scan.window is not None:
        table = Table(scan.table, relation.columns, relation.partition_columns)
        keeps = time_partitions.keeps(scan.rule, stretch, table)
        fits = [keeps(Partition(p.values, p.location)) for p in relation.partitions]
        kept = [f for f in kept if fits[f.partition]]
        chosen_by.append("partitions")
    else:
        fits = [True] * len(relation.partitions)
    places = {f.partition for f in kept}
    if scan.time_column is not None and known:
        timed = [f for f in kept if known.get((f.path, f.etag)) is not None]
        if timed:
            kept = [f for f in kept if _may_hold(f, stretch, known)]
            chosen_by.append("statistics")
    narrowed = _narrowed(scan, relation, kept, fits, stretch)
    gaps = _gaps(scan, narrowed, places, fits, stretch, now or datetime.now(UTC))
    narrowed = replace(narrowed, gaps=gaps)
    assert isinstance(narrowed.relation, FileRelation)
    reason = None if chosen_by else scan.blocker or NO_STATISTICS
    how = " and ".join(chosen_by) or None
    return Share(narrowed, narrowed.relation.files, stretch, how, reason)


def _narrowed(
    scan: Scan,
    relation: FileRelation,
    files: Sequence[DataFile],
    fits: Sequence[bool],
    stretch: Window,
) -> Scan:
    """Return a scan with some of its files, and the partitions that fit."""
    places = {old: new for new, old in enumerate(i for i, fit in enumerate(fits) if fit)}
    partitions = tuple(p for p, fit in zip(relation.partitions, fits, strict=True) if fit)
    moved = tuple(replace(f, partition=places[f.partition]) for f in files)
    part = replace(relation, partitions=partitions, files=moved)
    estimate = ScanEstimate(
        len(partitions) if relation.partition_columns else scan.estimate.partitions_kept,
        scan.estimate.partitions_total,
        len(moved),
        part.size,
    )
    by_rule = stretch if scan.window is not None else None
    return replace(scan, relation=part, estimate=estimate, window=by_rule)


def _gaps(
    scan: Scan,
    narrowed: Scan,
    with_files: Collection[int],
    fits: Sequence[bool],
    stretch: Window,
    now: datetime,
) -> Gaps | None:
    """Return what a stretch of time lacks of a scan, as a plan of it alone would say.

    Args:
        scan: The scan of the longer stretch.
        narrowed: That of this one.
        with_files: The partitions in which files lie, whatever their statistics, in `scan`.
        fits: Which partitions of `scan` are those of `narrowed`.
        stretch: The time.
        now: The present.
    """
    whole, part = scan.relation, narrowed.relation
    assert isinstance(whole, FileRelation)
    assert isinstance(part, FileRelation)
    if not with_files:
        return None
    wanted = _expected(scan, stretch) if scan.expects else None
    if scan.rule is not None and wanted is not None:
        table = Table(scan.table, whole.columns, whole.partition_columns)
        kept = [i for i, fit in enumerate(fits) if fit]
        landed = [n for n, i in enumerate(kept) if i in with_files]
        values = [p.values for p in part.partitions]
        return missing_partitions.of_partitions(table, scan.rule, wanted, values, landed, now)
    if scan.gaps is None:
        return None
    names = {missing_partitions.spelled(part.partition_columns, p.values) for p in part.partitions}
    without = tuple(name for name in scan.gaps.without_files if name in names)
    return Gaps(len(part.partitions), without_files=without)


def _expected(scan: Scan, stretch: Window) -> Window | None:
    """Return the part of a stretch of time whose partitions are missed."""
    if not scan.gives_actuals:
        return stretch
    start, end = stretch.start + labels.MAY_BELONG, stretch.end - timedelta(microseconds=1)
    return Window(start, end) if start < end else None


def _of_lake(
    scan: Scan, stretch: Window | None, known: Known, listed: Sequence[DataFile] | None
) -> Share:
    if listed is None:
        return Share(scan, (), stretch, reason=scan.blocker or NO_STATISTICS)
    if stretch is None or scan.time_column is None:
        return Share(scan, tuple(listed), stretch, reason=scan.blocker or NO_STATISTICS)
    files = tuple(f for f in listed if _may_hold(f, stretch, known))
    estimate = replace(scan.estimate, files=len(files), bytes=sum(f.size for f in files))
    return Share(replace(scan, estimate=estimate), files, stretch, "statistics")


def _may_hold(file: DataFile, stretch: Window, known: Known) -> bool:
    times = known.get((file.path, file.etag))
    return times is None or (times[0] < stretch.end and times[1] >= stretch.start)


def _now(plan: Plan) -> datetime:
    return plan.created_at or datetime.now(UTC)
