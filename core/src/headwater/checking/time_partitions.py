"""The stage `time-partition` of an examination: a declared rule is compared with values and files.

A sample is looked at: some of the window's partitions, those beside it, the first and the last that
are registered; of each a few files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from headwater.auth.credentials import Access
from headwater.errors import HeadwaterError
from headwater.interfaces.engine import Engine
from headwater.interfaces.report import CheckStage, Status
from headwater.partitions import time_partitions
from headwater.partitions.rule_evidence import rule_text, unread
from headwater.planning import rule_proofs
from headwater.planning.bound_query import BoundQuery
from headwater.planning.scans import COUNTED, files_of, registered, spread
from headwater.tables.relation import MemoryRelation, Relation, StreamRelation
from headwater.tables.table import Partition, Table, TimePartition
from headwater.tables.window import Window

NAME: Final = "time-partition"
_INSIDE: Final = 4
"""Partitions of the window that are looked at; as many of all, where there is no window."""
_SEARCHED: Final = 60
"""Partitions that are looked through where those hold no file."""
_STREAMS: Final = 4
"""Partitions whose rows are read, where a source gives rows and no files."""
_FILES: Final = 3
"""Files of a partition that are looked at."""


def rule_stages(
    bound: BoundQuery, access: Access, window: Window | None, engine: Engine | None
) -> Iterator[CheckStage]:
    """Yield a stage for each table of a query whose partitions were declared to follow from time.

    Args:
        bound: The query and its source.
        access: The opened identities.
        window: The rows that are looked at; None for all.
        engine: What reads rows, of files without statistics; None reads none.
    """
    for table in bound.analysis.tables.values():
        rule = bound.source.time_partition(table) if table.partition_keys else None
        if rule is None:
            continue
        try:
            yield _stage(bound, access, table, rule, window, engine)
        except HeadwaterError as error:
            yield CheckStage.failed(NAME, error)


def _stage(
    bound: BoundQuery,
    access: Access,
    table: Table,
    rule: TimePartition,
    window: Window | None,
    engine: Engine | None,
) -> CheckStage:
    time_partitions.check_rule(rule, table)
    partitions = _nearby_partitions(bound, table, rule, window)
    values = unread(rule, table, partitions)
    if values.fails:
        raise values.error()
    if values.unread:
        values = unread(
            rule, table, partitions, _partitions_of(bound, table, rule, window, partitions)
        )
    chosen = _sampled_partitions(table, rule, window, partitions)
    relation = files_of(bound, access, table, chosen, _FILES)
    if relation is None:
        # Computed partitions may be long before the first file, and long after the last.
        many = spread(rule, table, partitions, None, between=_SEARCHED)
        relation = files_of(bound, access, table, many, 1)
    text = f"{table.name}: {rule_text(rule)}"
    if relation is not None:
        evidence, silent = rule_proofs.examined(rule, table, relation, access, engine)
    elif engine is not None and (parts := _streams(bound, access, table, chosen)):
        evidence = rule_proofs.streamed(rule, table, parts, access, engine)
        silent = len(parts) - len(evidence.ranges)
    else:
        return CheckStage.skipped(NAME, f"{text}: there is no file to compare it with")
    if evidence.broken:
        raise evidence.error()
    diagnostics = tuple(filter(None, [evidence.finding(), values.finding()]))
    details = {
        "table": str(table.name),
        "partitions": values.partitions,
        "unread": len(values.unread),
        "compared": len(evidence.ranges),
        "silent": silent,
    }
    if not evidence.ranges:
        why = f"{text}: none of {silent} files tells the times of its rows"
        return CheckStage(
            NAME, Status.WARNING if diagnostics else Status.SKIPPED, why, diagnostics, details
        )
    where = len({r.partition.values for r in evidence.ranges})
    summary = (
        f"{table.name}: {_count(len(evidence.ranges), 'file')} of {_count(where, 'partition')} "
        f"agree with {rule_text(rule)}"
    )
    if silent:
        summary += f"; {silent} more do not tell their times"
    return CheckStage(
        NAME, Status.WARNING if diagnostics else Status.OK, summary, diagnostics, details
    )


def _streams(
    bound: BoundQuery, access: Access, table: Table, chosen: Sequence[Partition]
) -> list[tuple[Partition, Relation]]:
    """Return a few partitions whose rows the source itself streams, each with its stream."""
    parts: list[tuple[Partition, Relation]] = []
    for partition in chosen[:_STREAMS]:
        relation = bound.source.relation(table, [partition], access)
        if isinstance(relation, StreamRelation | MemoryRelation):
            parts.append((partition, relation))
    return parts


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _nearby_partitions(
    bound: BoundQuery, table: Table, rule: TimePartition, window: Window | None
) -> list[Partition]:
    """Return partitions of a table: those of the window and beside it, others at little cost."""
    catalog = bound.catalog
    some = registered(catalog, table, COUNTED)
    if some is not None and len(some) <= COUNTED:
        return some
    if window is None:
        return some or list(islice(catalog.partitions(table), COUNTED))
    around = time_partitions.keys_for(rule, time_partitions.widened(rule, window), table)
    nearby = list(catalog.partitions(table, around))
    # A window that nothing is found for may be one that the rule looks for in a wrong place.
    return [*nearby, *(some or ())] or list(islice(catalog.partitions(table), COUNTED))


def _partitions_of(
    bound: BoundQuery,
    table: Table,
    rule: TimePartition,
    window: Window | None,
    nearby: Sequence[Partition],
) -> list[Partition]:
    """Return the catalog's partitions for a window; without one, for that of a known partition.

    Some give partitions whose keys name no time for any window, some for none.
    """
    if window is None:
        stretches = map(time_partitions.Periods(rule, table).stretch, nearby)
        window = next(Window(*s) for s in stretches if s is not None)
    keeps = time_partitions.keeps(rule, window, table)
    conditions = time_partitions.keys_for(rule, window, table)
    return [p for p in bound.catalog.partitions(table, conditions) if keeps(p)]


def _sampled_partitions(
    table: Table, rule: TimePartition, window: Window | None, nearby: Sequence[Partition]
) -> list[Partition]:
    if window is None:
        return spread(rule, table, nearby, None, between=_INSIDE)
    keeps = time_partitions.keeps(rule, window, table)
    inside = [p for p in nearby if keeps(p)]
    outside = [p for p in nearby if not keeps(p)]
    return [
        *spread(rule, table, inside, None, between=_INSIDE - 2),
        *spread(rule, table, outside, window, between=0),
    ]
