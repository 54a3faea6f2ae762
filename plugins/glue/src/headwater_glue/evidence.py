"""The facts behind an empty read, asked of Glue and S3 only when a read was empty."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from headwater.interfaces.plan import Scan
from headwater.partitions.local_time import first_moment
from headwater.partitions.patterns import Unit, parse_pattern
from headwater.partitions.time_partitions import expected_keys
from headwater.partitions.values import canonical
from headwater.tables.relation import FileRelation
from headwater.tables.table import Partition, Table, TimePartition
from headwater.tables.window import Window
from headwater_aws.listing import list_files, list_many
from headwater_glue.catalog import GlueCatalog
from headwater_glue.descriptions import GlueDetail
from headwater_glue.empty_reads import Facts, Landed, Values
from headwater_glue.kinds import data_location
from headwater_glue.partition_path import path_of
from headwater_glue.partition_projection.partitions import InjectedAxis, Projection

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_EXPECTED: Final = 64
"""Partitions of the window that are looked for in S3."""
_LISTED: Final = 20_000
"""Registered partitions that are looked at."""


def gather(scan: Scan, window: Window | None, catalog: GlueCatalog, session: AwsSession) -> Facts:
    """Gather the facts about a scan that gave no files.

    Args:
        scan: The scan.
        window: The rows that were wanted.
        catalog: Where its table is looked up.
        session: Who lists S3.
    """
    table = catalog.table(scan.table)
    detail: GlueDetail = table.detail
    location = data_location(detail.entry)
    locations: tuple[str, ...] = ()
    if isinstance(scan.relation, FileRelation):
        locations = tuple(p.location for p in scan.relation.partitions if p.location)
    expected: tuple[Values, ...] = ()
    if scan.rule is not None and window is not None:
        expected = tuple(
            _in_order(table, scan.rule, values)
            for values in islice(expected_keys(scan.rule, window), _EXPECTED)
        )
    facts = Facts(
        table.name,
        table.partition_keys,
        window,
        location,
        chosen=locations if table.partition_keys else (),
        expected=expected,
        filtered_by=scan.pruned_by,
        lake_formation=detail.entry.lake_formation,
    )
    if detail.projection is not None:
        return replace(facts, projected={} if locations else _bounds(detail.projection))
    if not table.partition_keys or locations:
        return facts
    registered = list(islice(catalog.partitions(table), _LISTED))
    moments = sorted(_moments(scan.rule, table, registered), key=lambda pair: pair[0])
    if not registered:
        some = any(True for _ in list_files(session, location))
        return replace(facts, partitions=0, files_under_location=some)
    newest = moments[-1][1] if moments else max((p.values for p in registered), key=str)
    return replace(
        facts,
        partitions=len(registered),
        landed=_landed(session, table, location, registered, expected),
        first=moments[0][0] if moments else None,
        last=moments[-1][0] if moments else None,
        newest=newest,
    )


def _in_order(table: Table, rule: TimePartition, values: Sequence[str]) -> Values:
    """Return a rule's key values in the order of the table's keys; None where it has none."""
    by_key = {k.casefold(): v for k, v in zip(rule.keys, values, strict=True)}
    return tuple(by_key.get(k.casefold()) for k in table.partition_keys)


def _bounds(projection: Projection) -> dict[str, tuple[str, str]]:
    """Return the first and last value of each key that a projection bounds."""
    bounds = {}
    for key, axis in zip(projection.keys, projection.axes, strict=True):
        if isinstance(axis, InjectedAxis) or not axis.size:
            continue
        bounds[key.name] = axis.ends
    return bounds


def _moments(
    rule: TimePartition | None, table: Table, partitions: Sequence[Partition]
) -> Iterator[tuple[datetime, Values]]:
    """Yield when each partition begins, by the rule."""
    if rule is None:
        return
    folded = [k.casefold() for k in table.partition_keys]
    places = [(folded.index(k.casefold()), parse_pattern(p)) for k, p in rule.keys.items()]
    types = [c.type for c in table.partition_columns]
    for partition in partitions:
        units: dict[Unit, int] = {}
        for index, pattern in places:
            value = canonical(partition.values[index] or "", pattern, types[index])
            units |= pattern.parse(value or "") or {}
        moment = first_moment(units) if Unit.YEAR in units else None
        if moment is not None:
            begin = moment.replace(tzinfo=ZoneInfo(rule.timezone))
            yield begin.astimezone(UTC), partition.values


def _landed(
    session: AwsSession,
    table: Table,
    location: str,
    registered: Sequence[Partition],
    expected: Sequence[Values],
) -> tuple[Landed, ...]:
    """Return files where the expected partitions would lie, by the layout of those there are."""
    complete = [v for v in expected if None not in v]
    places = {v: _place(table, location, registered, v) for v in complete}
    by_place = list_many(session, list(dict.fromkeys(places.values())))
    return tuple(
        Landed(values, place, len(by_place[place]))
        for values, place in places.items()
        if by_place[place]
    )


def _place(table: Table, location: str, registered: Sequence[Partition], values: Values) -> str:
    """Return where a partition would lie: as its newest sibling does, or as Hive would put it."""
    sibling = max(registered, key=lambda p: str(p.values), default=None)
    path = None if sibling is None else _renamed(table, sibling, values)
    return path or f"{location.rstrip('/')}/{path_of(table.partition_keys, values)}/"


def _renamed(table: Table, sibling: Partition, values: Values) -> str | None:
    """Return a partition's location with other values, or None if it does not spell its own."""
    begin, rest = "", sibling.location.rstrip("/") + "/"
    for key, old, new in zip(table.partition_keys, sibling.values, values, strict=True):
        segment = re.compile(
            rf"(/(?:{re.escape(key)}=)?){re.escape(old or '')}(?=/)", re.IGNORECASE
        )
        match = segment.search(rest)
        if match is None:
            return None
        begin += f"{rest[: match.start()]}{match[1]}{new}"
        rest = rest[match.end() :]
    return begin + rest
