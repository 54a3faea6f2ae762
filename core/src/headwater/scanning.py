"""Scanning: which partitions and files of each table a read needs, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from headwater import gaps, local_files, partitions
from headwater.credentials import Access
from headwater.gaps import Gaps
from headwater.plan import Scan, ScanEstimate
from headwater.relation import DeltaRelation, FileRelation, IcebergRelation, Relation
from headwater.resolving import Resolved
from headwater.sql import commute, key_conditions
from headwater.sql.analysis import TableReference
from headwater.table import KeyCondition, Partition, Table, TimePartition
from headwater.window import Window

COUNTED = 5000
"""Partitions of a table are counted for the plan's "kept of total" up to this many."""

_THREADS = 8


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
    """

    conditions: tuple[KeyCondition, ...] = ()
    tests: tuple[Callable[[Partition], bool], ...] = ()
    pruned_by: str | None = None
    blocker: str | None = None
    rule: TimePartition | None = None
    own: tuple[KeyCondition, ...] = ()


def scan(
    resolved: Resolved,
    access: Access,
    slots: Sequence[str],
    *,
    window: Window | None,
    time_column: str | None,
    now: datetime | None = None,
    expected: Window | None = None,
) -> tuple[Scan, ...]:
    """Return a scan for each place where a query names a table.

    Args:
        resolved: The query and its source.
        access: The opened identities.
        slots: A private name for each reference, in order.
        window: The rows that are wanted; None for all.
        time_column: Output column of the query that the window is about.
        now: The present: partitions of the future are not missed. Default: the system's.
        expected: The part of the window for which partitions are missed; None for none of it.

    Raises:
        ConfigError: If a declared rule does not fit its table.
        UnsupportedError: If a table can't be read.
        SourceError, AuthError: As the catalog or the storage answers.
    """
    references = resolved.analysis.parsed.references
    choices = [choose(resolved, i, window, time_column) for i in range(len(references))]

    present = now or datetime.now(UTC)

    def one(index: int) -> Scan:
        found, table, kept = _scan(
            resolved, access, references[index], slots[index], choices[index]
        )
        return replace(found, gaps=_gaps(found, table, kept, choices[index], expected, present))

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-scan") as pool:
        return tuple(pool.map(one, range(len(references))))


def choose(
    resolved: Resolved, index: int, window: Window | None, time_column: str | None
) -> Choice:
    """Return how the partitions of one table reference are chosen; decides, asks nothing."""
    analysis = resolved.analysis
    reference = analysis.parsed.references[index]
    table = analysis.tables[reference.name]
    if not table.partition_keys:
        return Choice()
    own = key_conditions.conditions(analysis, reference)
    tests: list[Callable[[Partition], bool]] = [
        lambda p, c=c: key_conditions.matches(c, table, p)  # type: ignore[misc]
        for c in own
    ]
    reasons = [f"{c.key} (in the query)" for c in own]
    rule = resolved.source.time_partition(table)
    if rule is not None:
        partitions.check_rule(rule, table)
    blocker = _blocker(resolved, index, rule, table, window, time_column)
    conditions = own
    if window is not None and rule is not None and blocker is None:
        conditions += partitions.keys_for(rule, window, table)
        tests.append(partitions.keeps(rule, window, table))
        reasons.append(f"{', '.join(rule.keys)} from {rule.column} (window)")
    pruned_by = "; ".join(dict.fromkeys(reasons)) or None
    return Choice(tuple(conditions), tuple(tests), pruned_by, blocker, rule, tuple(own))


def _blocker(
    resolved: Resolved,
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
        return (
            f"no rule says how the partitions of {table.name} ({keys}) follow from time; declare "
            f'partitions={{"{table.name.name}": TimePartition(column=..., keys=...)}}'
        )
    reach = commute.reach(resolved.analysis, time_column)[index]
    if isinstance(reach, commute.Blocked):
        return f"{reach.reason}; {reach.hint}" if reach.hint else reach.reason
    if reach.table_column.casefold() != rule.column.casefold():
        return f"the window is on {reach.table_column}, the rule for {table.name} on {rule.column}"
    return None


def _scan(
    resolved: Resolved, access: Access, reference: TableReference, slot: str, choice: Choice
) -> tuple[Scan, Table, list[Partition] | None]:
    table = resolved.analysis.tables[reference.name]
    kept: list[Partition] | None = None
    total: int | None = None
    if table.partition_keys:
        found = resolved.catalog.partitions(table, choice.conditions)
        listed, kept = _kept(found, choice.tests)
        total = (
            listed if not choice.conditions else resolved.catalog.count_partitions(table, COUNTED)
        )
    extent = _extent(resolved, table) if kept == [] and choice.conditions else None
    relation = resolved.source.relation(table, kept, access)
    if isinstance(relation, FileRelation) and relation.auth_ref is None:
        relation = replace(relation, files=local_files.marked(relation.files))
    files, size = _cost(relation)
    estimate = ScanEstimate(len(kept) if kept is not None else 1, total, files, size)
    made = Scan(
        slot,
        table.name,
        relation,
        estimate,
        choice.pruned_by,
        choice.blocker,
        choice.rule,
        extent,
    )
    return made, table, kept


def _gaps(
    found: Scan,
    table: Table,
    kept: Sequence[Partition] | None,
    choice: Choice,
    window: Window | None,
    now: datetime,
) -> Gaps | None:
    """Return what a scan lacks; None where nothing can be told, or nothing at all was found."""
    relation, rule = found.relation, choice.rule
    if not isinstance(relation, FileRelation) or not kept or not relation.files:
        return None
    if rule is None or window is None or choice.blocker:
        return gaps.of_registered(table, kept, relation)
    keys = {k.casefold() for k in rule.keys}
    if any(c.key.casefold() in keys for c in choice.own):
        return gaps.of_registered(table, kept, relation)
    return gaps.of_window(table, rule, window, relation, now)


def _extent(resolved: Resolved, table: Table) -> tuple[str, str] | None:
    """Return the first and last partition: asked only where a plan found none, to say why."""
    found = resolved.catalog.partitions(table)
    known = [[v for v in p.values if v is not None] for p in found if None not in p.values]
    return (_spelled(table, min(known)), _spelled(table, max(known))) if known else None


def _spelled(table: Table, values: Sequence[str]) -> str:
    return "/".join(f"{k}={v}" for k, v in zip(table.partition_keys, values, strict=True))


def _kept(
    found: Iterable[Partition], tests: Sequence[Callable[[Partition], bool]]
) -> tuple[int, list[Partition]]:
    listed, kept = 0, []
    for partition in found:
        listed += 1
        if all(test(partition) for test in tests):
            kept.append(partition)
    return listed, kept


def _cost(relation: Relation) -> tuple[int, int]:
    if isinstance(relation, FileRelation):
        return len(relation.files), relation.size
    if isinstance(relation, IcebergRelation | DeltaRelation):
        return relation.file_count or 0, relation.size or 0
    files = getattr(relation, "files", ())
    return len(files), sum(f.size for f in files)
