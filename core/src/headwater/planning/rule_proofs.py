"""Proving: what the files of a plan say of the rules that chose them, before a row is read.

A window opens only the partitions that a declared `TimePartition` names for it. Three sets of files
are compared with the rule:

    those that are read       all of them, by their footers
    some beside them          a file each of a few partitions, which the plan names (`Scan.nearby`)
    those without statistics  a few, by the values of their rows, if they are small

A file that lies wholly outside its partition's time is an error; one that lies partly outside is
told. What can't be looked at (no permission, no engine for it) proves nothing, and stops nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.engines.embedded.formats.parquet_statistics import ranges
from headwater.errors import HeadwaterError
from headwater.interfaces.engine import Engine, EngineCapability
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.partitions.rule_evidence import Evidence, TimeRange, judged
from headwater.planning.scans import some_of
from headwater.planning.windowed_query import timestamp_literal
from headwater.sql.private_names import PRIVATE_DATABASE
from headwater.sql.rewriting import quoted
from headwater.tables.relation import DataFile, FileRelation, Relation
from headwater.tables.table import Partition, Table, TimePartition
from headwater.tables.window import Window, instant

_LOOKED_AT: Final = 4
"""Files of those that are read that are looked at where they keep no statistics."""
_VALUES: Final = 64 * 2**20
"""Bytes of files whose rows are looked at."""
_log = logging.getLogger(__name__)


def opened(plan: Plan, access: Access, engine: Engine) -> tuple[Diagnostic, ...]:
    """Compare the files that a plan reads with its rules, for an engine that does not do so.

    Args:
        plan: What is about to be read.
        access: The identities that read.
        engine: What will read it.

    Returns:
        What a reader should know.

    Raises:
        ConfigError: With code `rule-broken`, if a file lies wholly outside.
    """
    if EngineCapability.TIME_STATISTICS in engine.capabilities:
        return ()
    notes = []
    for scan, rule, _, relation in _ruled(plan):
        by_file = _footers(relation, relation.files, rule.column, access)
        evidence = judged(rule, table_of(scan), by_file.values())
        if evidence.refuted(scan.forgiving):
            raise evidence.error()
        notes.append(evidence.finding())
    return tuple(n for n in notes if n is not None)


def elsewhere(plan: Plan, access: Access) -> Iterator[tuple[Scan, Evidence]]:
    """Yield the tables of a plan whose footers speak against their rule, with what they say.

    Args:
        plan: A plan.
        access: The identities.
    """
    for scan, rule, _, relation in _ruled(plan):
        by_file = _footers(relation, relation.files, rule.column, access)
        evidence = judged(rule, table_of(scan), by_file.values())
        if evidence.broken:
            yield scan, evidence


def outside_rows(scan: Scan, evidence: Evidence) -> tuple[str, tuple[Scan, ...]]:
    """Return the query that counts the rows that lie outside of their partition's time, by file.

    Args:
        scan: The table.
        evidence: What its files say of its rule.

    Returns:
        The SELECT, whose columns are the file's number in `evidence.against`, how many there are,
        and the first and last of their times; and what it reads.
    """
    relation = scan.relation
    assert isinstance(relation, FileRelation)
    by_path = {file.path: file for file in relation.files}
    time = f"CAST({quoted(evidence.rule.column)} AS TIMESTAMP)"
    scans: list[Scan] = []
    parts: list[str] = []
    for number, one in enumerate(evidence.against):
        if not one.real:
            continue
        alone = replace(relation, files=(by_path[one.file.path],))
        slot = f"t{len(scans)}"
        scans.append(Scan(slot, scan.table, alone, ScanEstimate(1, None, 1, alone.size)))
        out = f"{time} < {timestamp_literal(one.begin)} OR {time} >= {timestamp_literal(one.end)}"
        parts.append(
            f"SELECT {number} AS number, count(*) AS n, min({time}) AS first, max({time}) AS last "
            f"FROM {PRIVATE_DATABASE}.{slot} WHERE {out}"
        )
    return "\nUNION ALL\n".join(parts), tuple(scans)


def nearby(plan: Plan, access: Access, engine: Engine) -> tuple[Diagnostic, ...]:
    """Compare a few files with a plan's rules: some beside those that are read, to find lost rows.

    Args:
        plan: What is about to be read; one that reads no file is left to its verdict.
        access: The identities, unnarrowed: the files are not among those that the plan reads.
        engine: What reads rows, of files without statistics.

    Returns:
        What a reader should know.

    Raises:
        ConfigError: With code `rule-broken`, if a file lies wholly outside, and rows of the window
            are lost for it or may be.
    """
    notes = []
    for scan, rule, window, relation in _ruled(plan):
        if not relation.files:
            continue
        read, beside = _sampled(scan, rule, relation, access, engine)
        lost = any(c.outside and c.file.meets(window) for c in beside.against)
        wanting = scan.gaps is not None and bool(scan.gaps.unregistered)
        if read.refuted(scan.forgiving) or lost or (wanting and beside.outside):
            raise read.joined(beside).error()
        notes.append(read.finding())
        if any(c.outside or (c.real and c.file.meets(window)) for c in beside.against):
            notes.append(beside.finding())
    return tuple(n for n in notes if n is not None)


def why_empty(plan: Plan, scan: Scan, access: Access, engine: Engine) -> Diagnostic | None:
    """Return that a rule is why a scan gave no rows, where files show it.

    Args:
        plan: The plan that gave no rows.
        scan: One of its tables.
        access: The identities, unnarrowed.
        engine: What reads rows, of files without statistics.
    """
    for one, rule, window, relation in _ruled(plan):
        if one is not scan:
            continue
        read, beside = _sampled(one, rule, relation, access, engine, always=True)
        evidence = read.joined(beside)
        if any(c.outside or (c.real and _touches(c.file, window)) for c in evidence.against):
            return evidence.finding()
    return None


def examined(
    rule: TimePartition, table: Table, relation: FileRelation, access: Access, engine: Engine | None
) -> tuple[Evidence, int]:
    """Return what the files of a relation say of a rule, and how many of them say nothing.

    Args:
        rule: The rule.
        table: The table that it was declared for.
        relation: Some files of the table.
        access: The identities.
        engine: What reads rows, of files without statistics; None reads none.

    Raises:
        HeadwaterError: If the files can't be looked at.
    """
    by_file = _time_ranges(rule.column, relation, relation.files, access, engine)
    return judged(rule, table, by_file.values()), len(relation.files) - len(by_file)


def streamed(
    rule: TimePartition,
    table: Table,
    parts: Sequence[tuple[Partition, Relation]],
    access: Access,
    engine: Engine,
) -> Evidence:
    """Return what the rows of some partitions say of a rule, where a source gives them itself.

    Args:
        rule: The rule.
        table: The table that it was declared for.
        parts: Partitions, each with what its rows come from.
        access: The identities.
        engine: What reads rows.

    Raises:
        HeadwaterError: If they can't be read.
    """
    relations = [relation for _, relation in parts]
    time_ranges = []
    for number, begin, end in _extents(relations, rule.column, access, engine):
        partition = parts[number][0]
        values = "/".join(v or "NULL" for v in partition.values)
        place = partition.location or f"the partition {values}"
        time_ranges.append(TimeRange(partition, place, begin, end))
    return judged(rule, table, time_ranges)


def table_of(scan: Scan) -> Table:
    """Return the table of a scan of files, as far as its relation tells it."""
    relation = scan.relation
    assert isinstance(relation, FileRelation)
    return Table(scan.table, relation.columns, relation.partition_columns)


def _ruled(plan: Plan) -> Iterator[tuple[Scan, TimePartition, Window, FileRelation]]:
    """Yield the scans whose partitions a rule chose."""
    for scan in plan.scans:
        relation, rule, window = scan.relation, scan.rule, scan.window
        if rule is not None and window is not None and isinstance(relation, FileRelation):
            yield scan, rule, window, relation


def _touches(time_range: TimeRange, window: Window) -> bool:
    return time_range.first < window.end and time_range.last >= window.start


def _sampled(
    scan: Scan,
    rule: TimePartition,
    relation: FileRelation,
    access: Access,
    engine: Engine,
    *,
    always: bool = False,
) -> tuple[Evidence, Evidence]:
    """Return what a few files that are read say of a rule, and what some beside them do.

    Args:
        scan: The scan.
        rule: Its rule.
        relation: What it reads.
        access: The identities.
        engine: What reads rows.
        always: Whether to look at files that are read though they may keep statistics.
    """
    table = table_of(scan)
    beside = scan.nearby.files if scan.nearby is not None else ()
    both, inside = _joined(scan.nearby, relation, some_of(relation.files, _LOOKED_AT))
    first = inside if always else inside[:1]
    try:
        by_file = _footers(both, [*beside, *first], rule.column, access)
        # Where a file that is read keeps statistics, all of them are compared by these.
        silent = always or not (first and first[0] in by_file)
        lacking = [f for f in (*beside, *(inside if silent else ())) if f not in by_file]
        by_file |= _values(both, lacking, rule.column, access, engine)
    except HeadwaterError as error:
        _log.debug("%s: its rule could not be compared: %s", scan.table, error.message)
        return judged(rule, table, ()), judged(rule, table, ())
    read = [by_file[f] for f in inside if silent and f in by_file]
    return judged(rule, table, read), judged(
        rule, table, [by_file[f] for f in beside if f in by_file]
    )


def _joined(
    nearby: FileRelation | None, relation: FileRelation, files: Sequence[DataFile]
) -> tuple[FileRelation, list[DataFile]]:
    """Return one relation of two, to be asked at once, and files of the second as it has them."""
    if nearby is None:
        return relation, list(files)
    shift = len(nearby.partitions)
    moved = [replace(f, partition=f.partition + shift) for f in files]
    partitions = (*nearby.partitions, *relation.partitions)
    return replace(nearby, partitions=partitions, files=(*nearby.files, *moved)), moved


def _time_ranges(
    column: str,
    relation: FileRelation,
    files: Sequence[DataFile],
    access: Access,
    engine: Engine | None,
) -> dict[DataFile, TimeRange]:
    """Return what is known of files: by their footers, or else by the values of their rows."""
    by_file = _footers(relation, files, column, access)
    if engine is not None:
        lacking = [f for f in files if f not in by_file]
        by_file |= _values(relation, lacking, column, access, engine)
    return by_file


def _footers(
    relation: FileRelation, files: Sequence[DataFile], column: str, access: Access
) -> dict[DataFile, TimeRange]:
    """Return what footers say; nothing where they can't be read from here."""
    try:
        return dict(ranges(relation, files, column, access))
    except HeadwaterError as error:
        _log.debug("%s: footers: %s", relation.name, error.message)
    except ImportError:
        _log.debug("%s: footers are read by DuckDB, which is not installed", relation.name)
    return {}


def _values(
    relation: FileRelation,
    files: Sequence[DataFile],
    column: str,
    access: Access,
    engine: Engine,
) -> dict[DataFile, TimeRange]:
    """Return the least and greatest value of a column, read from the rows of small files."""
    small, left = [], _VALUES
    for file in files:
        if file.size <= left:
            small.append(file)
            left -= file.size
    relations = [replace(relation, files=(file,)) for file in small]
    by_file = {}
    for number, begin, end in _extents(relations, column, access, engine):
        file = small[number]
        part = relation.partitions[file.partition]
        place = Partition(part.values, part.location)
        by_file[file] = TimeRange(place, file.path, begin, end)
    return by_file


def _extents(
    relations: Sequence[Relation], column: str, access: Access, engine: Engine
) -> Iterator[tuple[int, datetime, datetime]]:
    """Yield the least and greatest value of a column in each of some relations that has any.

    Args:
        relations: Of one table.
        column: The column.
        access: The identities.
        engine: What reads rows.
    """
    if not relations:
        return
    name = relations[0].name
    scans = tuple(
        Scan(
            f"t{number}",
            name,
            one,
            ScanEstimate(1, None, 1, one.size if isinstance(one, FileRelation) else 0),
        )
        for number, one in enumerate(relations)
    )
    time = quoted(column)
    sql = "\nUNION ALL\n".join(
        f"SELECT {number} AS file, min({time}) AS first, max({time}) AS last "
        f"FROM {PRIVATE_DATABASE}.{scan.slot}"
        for number, scan in enumerate(scans)
    )
    plan = Plan(f"the time partition of {name}", sql, sql, scans, None, None, engine.name, "")
    with engine.read(plan, access) as stream:
        for batch in stream:
            for number, first, last in zip(*batch.columns, strict=True):
                try:
                    if first.is_valid:
                        yield number.as_py(), instant(first.as_py()), instant(last.as_py())
                except OverflowError:  # later than Python's calendar
                    continue
