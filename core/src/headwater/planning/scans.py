"""Scanning: which partitions and files of each table a read needs, and what that costs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.display.language import hint_wording
from headwater.errors import HeadwaterError, PlanError
from headwater.interfaces.offers import offers
from headwater.interfaces.plan import Scan, ScanEstimate
from headwater.partitions import missing_partitions as gaps
from headwater.partitions import rule_evidence, time_partitions
from headwater.partitions.missing_partitions import Gaps
from headwater.planning.bound_query import BoundQuery
from headwater.sources import local_files
from headwater.sql.analysis import TableReference
from headwater.sql.pruning import key_conditions
from headwater.sql.pruning import windows as window_pruning
from headwater.tables.relation import (
    CatalogRelation,
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
    Relation,
    StreamRelation,
)
from headwater.tables.table import Catalog, KeyCondition, Partition, Sampled, Table, TimePartition
from headwater.tables.window import Window

COUNTED = 5000
"""Partitions of a table are counted for the plan's "kept of total" up to this many."""

NEARBY = 4
"""Partitions that are looked at between the first and the last, to prove a rule."""

_THREADS = 8
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """How the partitions of one table are chosen.

    Args:
        conditions: What a catalog may use to ask for less.
        tests: What each partition must pass.
        pruned_by: The same for a person, or None if nothing chooses.
        blocker: Why the window does not choose, or None.
        rule: The declared rule that was used.
        own: The conditions that stand in the query.
        window: The window that chooses by the rule; None if it does not.
        around: Conditions of the partitions of the window and of those beside it.
        time_column: Column of the table by which the window may leave out rows of it; None where
            it may not.
    """

    conditions: tuple[KeyCondition, ...] = ()
    tests: tuple[Callable[[Partition], bool], ...] = ()
    pruned_by: str | None = None
    blocker: str | None = None
    rule: TimePartition | None = None
    own: tuple[KeyCondition, ...] = ()
    window: Window | None = None
    around: tuple[KeyCondition, ...] = ()
    time_column: str | None = None

    @property
    def expects(self) -> bool:
        """Whether the rule says which partitions a window should find, and nothing else does."""
        if self.rule is None or self.blocker:
            return False
        keys = {k.casefold() for k in self.rule.keys}
        return not any(c.key.casefold() in keys for c in self.own)

    def is_own(self, table: Table, partition: Partition) -> bool:
        """Return whether a partition meets the query's own conditions."""
        return all(key_conditions.matches(c, table, partition) for c in self.own)


def scan(
    bound: BoundQuery,
    access: Access,
    slots: Sequence[str],
    *,
    window: Window | None,
    time_column: str | None,
    now: datetime | None = None,
    expected: Window | None = None,
    nearby: bool = False,
) -> tuple[Scan, ...]:
    """Return a scan for each place where a query names a table.

    Args:
        bound: The query and its source.
        access: The opened identities.
        slots: A private name for each reference, in order.
        window: The rows that are wanted; None for all.
        time_column: Output column of the query that the window is about.
        now: The present: partitions of the future are not missed. Default: the system's.
        expected: The part of the window for which partitions are missed; None for none of it.
        nearby: Whether to look for files beside those that will be read, to prove rules by.

    Raises:
        ConfigError: If a declared rule does not fit its table, or reads none of its values.
        UnsupportedError: If a table can't be read.
        SourceError, AuthError: As the catalog or the storage answers.
    """
    references = bound.analysis.parsed.references
    choices = [choose(bound, i, window, time_column) for i in range(len(references))]

    present = now or datetime.now(UTC)

    def one(index: int) -> Scan:
        choice = choices[index]
        surveyed = _scan(bound, access, references[index], slots[index], choice, nearby)
        scanned = replace(surveyed.scan, gaps=_gaps(surveyed, choice, expected, present))
        if not nearby or choice.window is None or not isinstance(scanned.relation, FileRelation):
            return scanned
        return replace(scanned, nearby=_nearby(bound, access, surveyed, choice, scanned.gaps))

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-scan") as pool:
        return tuple(pool.map(one, range(len(references))))


def choose(bound: BoundQuery, index: int, window: Window | None, time_column: str | None) -> Choice:
    """Return how the partitions of one table reference are chosen; decides, asks nothing."""
    analysis = bound.analysis
    reference = analysis.parsed.references[index]
    table = analysis.tables[reference.name]
    time = _time_of(bound, index, table, window, time_column)
    if not table.partition_keys:
        return Choice(time_column=time)
    own = key_conditions.conditions(analysis, reference)
    tests: list[Callable[[Partition], bool]] = [
        lambda p, c=c: key_conditions.matches(c, table, p)  # type: ignore[misc]
        for c in own
    ]
    reasons = [f"{c.key} (in the query)" for c in own]
    rule = bound.source.time_partition(table)
    if rule is not None:
        time_partitions.check_rule(rule, table)
    blocker = _blocker(bound, index, rule, table, window, time_column)
    conditions = around = own
    by_rule = None
    if window is not None and rule is not None and blocker is None:
        by_rule = window
        conditions += time_partitions.keys_for(rule, window, table)
        around += time_partitions.keys_for(rule, time_partitions.widened(rule, window), table)
        tests.append(time_partitions.keeps(rule, window, table))
        reasons.append(f"{', '.join(rule.keys)} from {rule.column} (window)")
    pruned_by = "; ".join(dict.fromkeys(reasons)) or None
    return Choice(
        tuple(conditions),
        tuple(tests),
        pruned_by,
        blocker,
        rule,
        tuple(own),
        by_rule,
        tuple(around),
        time,
    )


def _time_of(
    bound: BoundQuery, index: int, table: Table, window: Window | None, time_column: str | None
) -> str | None:
    """Return the table's own time column where rows outside the window may be left out by it."""
    if window is None or time_column is None:
        return None
    reach = window_pruning.reach(bound.analysis, time_column)[index]
    if isinstance(reach, window_pruning.Blocked):
        return None
    column = table.column(reach.table_column)
    is_time = column is not None and column.type.name in ("timestamp", "timestamp_ntz", "date")
    return reach.table_column if is_time else None


def _blocker(
    bound: BoundQuery,
    index: int,
    rule: TimePartition | None,
    table: Table,
    window: Window | None,
    time_column: str | None,
) -> str | None:
    if window is None or time_column is None:
        return None
    if rule is None:
        keys = ", ".join(table.partition_keys)
        name = table.name.name
        declaration = hint_wording(
            f'partitions={{"{name}": TimePartition(column=..., keys=...)}}',
            f"partitions: {{{name}: {{column: ..., keys: {{...}}}}}} under the source",
        )
        return (
            f"no rule says how the partitions of {table.name} ({keys}) follow from time; declare "
            f"{declaration}"
        )
    reach = window_pruning.reach(bound.analysis, time_column)[index]
    if isinstance(reach, window_pruning.Blocked):
        return f"{reach.reason}; {reach.hint}" if reach.hint else reach.reason
    if reach.table_column.casefold() != rule.column.casefold():
        return f"the window is on {reach.table_column}, the rule for {table.name} on {rule.column}"
    return None


@dataclass(frozen=True, slots=True)
class _Surveyed:
    """A scan, and what was learned of its table on the way.

    Args:
        scan: The scan.
        table: Its table.
        partitions: Those that it reads; None for an unpartitioned table.
        looked_at: All partitions of the table that a catalog was asked for.
    """

    scan: Scan
    table: Table
    partitions: list[Partition] | None = None
    looked_at: tuple[Partition, ...] = ()


def _scan(
    bound: BoundQuery,
    access: Access,
    reference: TableReference,
    slot: str,
    choice: Choice,
    nearby: bool,
) -> _Surveyed:
    table, catalog = bound.analysis.tables[reference.name], bound.catalog
    partitions: list[Partition] | None = None
    total: int | None = None
    extent: tuple[str, str] | None = None
    looked_at: tuple[Partition, ...] = ()
    remarks: tuple[Diagnostic, ...] = ()
    if table.partition_keys:
        # All of them first: a catalog that keeps them answers what follows from these.
        some = registered(catalog, table, COUNTED) if choice.window is not None else None
        listed = list(catalog.partitions(table, choice.around if nearby else choice.conditions))
        partitions = [p for p in listed if all(test(p) for test in choice.tests)]
        if some is not None:
            total = len(some) if len(some) <= COUNTED else None
        elif choice.conditions:
            total = catalog.count_partitions(table, COUNTED)
        else:
            total = len(listed)
        if not partitions and choice.conditions:
            # Asked only where a plan found none, to say why.
            everything = some if total is not None else None
            some = list(catalog.partitions(table)) if everything is None else everything
            extent = _extent(table, some)
        looked_at = (*listed, *(some or ()))
        if choice.rule is not None and choice.window is not None:
            unread = rule_evidence.unread(choice.rule, table, looked_at, partitions)
            if unread.fails:
                raise unread.error()
            remarks = tuple(filter(None, [unread.finding()]))
    relation = bound.source.relation(table, partitions, access)
    if isinstance(relation, FileRelation) and relation.auth_ref is None:
        relation = replace(relation, files=local_files.marked(relation.files))
    if bound.source.nanoseconds == "truncate" and not isinstance(
        relation, DeltaRelation | CatalogRelation
    ):
        relation = replace(relation, truncates=True)
    estimate = _estimate(relation, len(partitions) if partitions is not None else 1, total)
    partitions_text = (
        "no" if partitions is None else f"{len(partitions)} of {'?' if total is None else total}"
    )
    _log.debug(
        "table %s: %s partitions, %s files, %s bytes",
        table.name,
        partitions_text,
        estimate.files,
        estimate.bytes,
    )
    scan = Scan(
        slot,
        table.name,
        relation,
        estimate,
        choice.pruned_by,
        choice.blocker,
        choice.rule,
        extent,
        window=choice.window,
        remarks=remarks,
        time_column=choice.time_column,
        expects=choice.expects,
    )
    return _Surveyed(scan, table, partitions, looked_at)


def registered(catalog: Catalog, table: Table, at_most: int) -> list[Partition] | None:
    """Return up to `at_most + 1` partitions of a table; None where that might cost a long listing.

    Args:
        catalog: Who is asked.
        table: As it returned it.
        at_most: How many are wanted; one more tells that there are others.
    """
    if not offers(catalog, Sampled):
        return None
    try:
        return list(catalog.some_partitions(table, (), at_most + 1))
    except PlanError:
        return None  # computed ones that only the query's own conditions can name


def _nearby(
    bound: BoundQuery, access: Access, surveyed: _Surveyed, choice: Choice, gaps: Gaps | None
) -> FileRelation | None:
    """Return a file of some partitions that will not be read; None where none can be looked at.

    They are those just before and after the window, the first and the last. Where the window lacks
    partitions, a few between are taken too: the rule may be what is wrong.
    """
    rule, window = choice.rule, choice.window
    assert rule is not None
    assert window is not None
    read = {p.values for p in surveyed.partitions or ()}
    others = [
        p for p in surveyed.looked_at if p.values not in read and choice.is_own(surveyed.table, p)
    ]
    wanting = not read or bool(gaps and gaps.unregistered)
    chosen = spread(rule, surveyed.table, others, window, between=NEARBY if wanting else 0)
    return files_of(bound, access, surveyed.table, chosen, 1)


def spread(
    rule: TimePartition,
    table: Table,
    partitions: Iterable[Partition],
    window: Window | None,
    between: int,
) -> list[Partition]:
    """Return partitions by which a rule is proven: beside a window, the first, the last, between.

    Args:
        rule: How keys follow from time.
        table: The table.
        partitions: Its partitions, or some of them.
        window: The rows that are wanted; None for all.
        between: How many more are taken, spread over all.
    """
    periods = time_partitions.Periods(rule, table)
    dated = {}
    for partition in partitions:
        stretch = periods.stretch(partition)
        if stretch is not None:
            dated[partition.values] = (*stretch, partition)
    order = sorted(dated.values(), key=lambda one: (one[0], str(one[2].values)))
    if not order:
        return []
    chosen = [order[0], order[-1]]
    if window is not None:
        chosen += [one for one in order if one[0] < window.start][-1:]
        chosen += [one for one in order if one[0] >= window.start][:1]
    chosen += [order[i * (len(order) - 1) // (between + 1)] for i in range(1, between + 1)]
    return list({p.values: p for _, _, p in chosen}.values())


def files_of(
    bound: BoundQuery, access: Access, table: Table, chosen: Sequence[Partition], each: int
) -> FileRelation | None:
    """Return partitions of a table with a few files of each; None where they can't be looked at.

    Args:
        bound: Whose source says how they are read.
        access: The opened identities.
        table: The table.
        chosen: The partitions.
        each: How many files of each, at most.
    """
    if not chosen:
        return None
    try:
        relation = bound.source.relation(table, chosen, access)
    except HeadwaterError as error:
        # They are looked at to prove a rule: what is read does not depend on them.
        _log.debug("%s: partitions beside the window: %s", table.name, error.message)
        return None
    if not isinstance(relation, FileRelation):
        return None
    by_partition: dict[int, list[DataFile]] = {}
    for file in relation.files:
        by_partition.setdefault(file.partition, []).append(file)
    files = tuple(file for those in by_partition.values() for file in some_of(those, each))
    return replace(relation, files=files) if files else None


def some_of(files: Sequence[DataFile], count: int) -> list[DataFile]:
    """Return a few of a list of files: the last, the first, and between."""
    count = min(count, len(files))
    if count == 1:
        return [files[-1]]
    return [files[i * (len(files) - 1) // (count - 1)] for i in range(count)]


def _gaps(surveyed: _Surveyed, choice: Choice, window: Window | None, now: datetime) -> Gaps | None:
    """Return what a scan lacks; None where nothing can be told, or nothing at all was found."""
    relation, rule, partitions = surveyed.scan.relation, choice.rule, surveyed.partitions
    if not partitions:
        return None
    files = relation if isinstance(relation, FileRelation) and relation.files else None
    if rule is not None and window is not None and choice.expects:
        if files is not None:
            return gaps.of_window(surveyed.table, rule, window, files, now)
        if isinstance(relation, StreamRelation):
            return gaps.of_rows(surveyed.table, rule, window, partitions, now)
    return None if files is None else gaps.of_registered(surveyed.table, partitions, files)


def _extent(table: Table, partitions: Iterable[Partition]) -> tuple[str, str] | None:
    """Return the first and last of partitions."""
    complete = [[v for v in p.values if v is not None] for p in partitions if None not in p.values]
    return (_spelled(table, min(complete)), _spelled(table, max(complete))) if complete else None


def _spelled(table: Table, values: Sequence[str]) -> str:
    return "/".join(f"{k}={v}" for k, v in zip(table.partition_keys, values, strict=True))


def _estimate(relation: Relation, kept: int, total: int | None) -> ScanEstimate:
    """Return what a relation says that it costs to read."""
    match relation:
        case FileRelation():
            return ScanEstimate(kept, total, len(relation.files), relation.size)
        case IcebergRelation() | DeltaRelation():
            return ScanEstimate(kept, total, relation.file_count, relation.size)
        case StreamRelation():
            return ScanEstimate(kept, total, 0, relation.size, relation.rows)
        case CatalogRelation():
            return ScanEstimate(kept, total, None, None)
        case MemoryRelation():  # it is there already
            return ScanEstimate(kept, total, 0, 0)
