"""The examination of a query's tables: each Glue permission, each table, each place of its files.

The permissions that are tried are those that reading the tables takes; no other is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import AccessDeniedError, HeadwaterError
from headwater.interfaces.report import CheckStage, Status
from headwater.interfaces.table_lookup import LookedUp, look_up, tables_stage
from headwater.partitions import time_partitions as rules
from headwater.planning.scans import COUNTED
from headwater.tables.table import Partition, Table, TableName, TimePartition
from headwater.tables.window import Window
from headwater_aws.places import Place, examine_places
from headwater_glue.catalog import GlueCatalog, GluePartition
from headwater_glue.descriptions import GlueDetail
from headwater_glue.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from headwater_aws.listings import Listings

GET_TABLE: Final = "glue:GetTable"
GET_PARTITIONS: Final = "glue:GetPartitions"
BATCH_GET_PARTITION: Final = "glue:BatchGetPartition"
_LOOKED_AT: Final = 1000
"""Partitions of a table that are looked at: one call's worth."""
_LISTED: Final = 20
"""Partitions of a place whose files are listed: the newest of those looked at."""


def examine_tables(
    names: Sequence[TableName],
    catalog: GlueCatalog,
    listings: Listings,
    window: Window | None,
    rule_of: Callable[[Table], TimePartition | None],
) -> Iterator[CheckStage]:
    """Yield a stage for each Glue permission, `tables`, and two for each place of files.

    Args:
        names: The tables that the query names.
        catalog: Where they are looked up.
        listings: Lists and reads for the operation.
        window: The rows that are looked at; None for all.
        rule_of: Gives how a table's partition keys follow from time.
    """
    lookup = look_up(catalog, names)
    denied = {n: e for n, e in lookup.errors.items() if isinstance(e, AccessDeniedError)}
    for action in dict.fromkeys([GET_TABLE, *(e.action or GET_TABLE for e in denied.values())]):
        stage = _lookups(action, lookup, denied)
        if stage is not None:
            yield stage
    files = [table for table in catalog.found if table.detail.kind in _OF_FILES]
    chosen = {}
    listing, batch = _Tried(GET_PARTITIONS), _Tried(BATCH_GET_PARTITION)
    for table in files:
        if table.partition_keys:
            chosen[table.name] = _window_partitions(table, catalog, window, rule_of(table), listing)
            if window is None or rule_of(table) is None:
                # What a window chooses is described by the listing that chose it, too.
                _describe(table, catalog, chosen[table.name], batch)
    for tried in (listing, batch):
        if tried.attempted:
            yield tried.stage()
    reported = {e.code for e in denied.values()}
    yield tables_stage(lookup, reported)
    places = [place for table in catalog.found for place in _places(table, chosen.get(table.name))]
    yield from examine_places(listings, dict.fromkeys(places))


_OF_FILES: Final = (Kind.HIVE, Kind.SPARK, Kind.MANIFEST)


def _lookups(
    action: str, lookup: LookedUp, denied: dict[TableName, AccessDeniedError]
) -> CheckStage | None:
    """Return the stage of a permission that looking tables up takes; None if it was not asked."""
    refused = {n: e for n, e in denied.items() if (e.action or GET_TABLE) == action}
    allowed = list(lookup.tables) if action == GET_TABLE else []
    if not refused and not allowed:
        return None
    return _permission(action, [str(n) for n in allowed], [*refused.values()])


class _Tried:
    """The trial of one permission on one table after the other."""

    def __init__(self, action: str) -> None:
        self._action = action
        self._allowed: list[str] = []
        self._errors: list[HeadwaterError] = []
        self._instead: list[Diagnostic] = []

    @property
    def attempted(self) -> bool:
        """Whether any table needed it."""
        return bool(self._allowed or self._errors or self._instead)

    def allowed(self, table: Table) -> None:
        """Note that it is allowed on a table."""
        self._allowed.append(str(table.name))

    def refused(self, error: HeadwaterError) -> None:
        """Note that it is refused on a table."""
        self._errors.append(error)

    def replaced(self, table: Table, error: HeadwaterError) -> None:
        """Note that it is refused on a table, and that a slower way works."""
        self._instead.append(
            Diagnostic(
                "slow-partitions",
                f"partitions of {table.name} are described one by one, by glue:GetPartition, "
                f"instead of a thousand at once: {error.message}",
                Severity.WARNING,
                hint=error.hint,
            )
        )

    def stage(self) -> CheckStage:
        """Return the stage of the trial."""
        return _permission(self._action, self._allowed, self._errors, self._instead)


def _permission(
    action: str,
    allowed: Sequence[str],
    errors: Sequence[HeadwaterError],
    warnings: Sequence[Diagnostic] = (),
) -> CheckStage:
    diagnostics = [*(Diagnostic(e.code, e.message, hint=e.hint) for e in errors), *warnings]
    status = Status.FAILED if errors else Status.WARNING if warnings else Status.OK
    summary = f"allowed on {', '.join(allowed)}" if allowed else "refused"
    if errors and allowed:
        summary += f"; refused on {len(errors)} of {len(errors) + len(allowed)} tables"
    return CheckStage(action, status, summary, tuple(diagnostics), {"allowed": list(allowed)})


def _window_partitions(
    table: Table,
    catalog: GlueCatalog,
    window: Window | None,
    rule: TimePartition | None,
    listing: _Tried,
) -> tuple[Partition, ...]:
    """Return the first partitions that a read of the window would read."""
    registered = table.detail.projection is None
    try:
        if window is not None and rule is not None:
            conditions = rules.keys_for(rule, window, table)
            keeps = rules.keeps(rule, window, table)
            if registered:  # as the plan asks: all of a table that has not too many
                catalog.some_partitions(table, (), COUNTED + 1)
            partitions = catalog.some_partitions(table, conditions, _LOOKED_AT)
            partitions = [p for p in partitions if keeps(p)]
        else:
            partitions = catalog.some_partitions(table, (), _LOOKED_AT)
    except HeadwaterError as error:
        # What is wrong with a projection or a rule is told where the plan is made.
        if registered and isinstance(error, AccessDeniedError):
            listing.refused(error)
        return ()
    if registered:
        listing.allowed(table)
    return tuple(sorted(partitions, key=lambda p: tuple(v or "" for v in p.values)))


def _describe(
    table: Table, catalog: GlueCatalog, chosen: Sequence[Partition], batch: _Tried
) -> None:
    """Try to describe one partition, as reads do that were not told its columns by the listing."""
    if (
        not chosen
        or not isinstance(chosen[-1].detail, GluePartition)
        or chosen[-1].detail.has_columns
    ):
        return
    try:
        catalog.describe_partition(table, chosen[-1])
        batch.allowed(table)
    except AccessDeniedError as error:
        try:
            catalog.with_columns(table, chosen[-1:])
        except HeadwaterError:
            batch.refused(error)
        else:
            batch.replaced(table, error)
    except HeadwaterError as error:
        batch.refused(error)


def _places(table: Table, chosen: Sequence[Partition] | None) -> Iterator[Place]:
    """Yield where the files of a table lie: below its location, and wherever else partitions do."""
    detail: GlueDetail = table.detail
    form = detail.how.format if detail.kind in (Kind.HIVE, Kind.SPARK) else ""
    if table.unqueryable:
        return
    match detail.kind:
        case Kind.ICEBERG:
            yield Place(
                (),
                f"the metadata of {table.name}",
                object=detail.entry.parameter("metadata_location"),
                listed=False,
            )
        case Kind.DELTA:
            yield Place((f"{(table.location or '').rstrip('/')}/",), str(table.name), "parquet")
        case Kind.HIVE | Kind.SPARK | Kind.MANIFEST if not table.partition_keys and table.location:
            yield Place((table.location,), str(table.name), form)
        case Kind.HIVE | Kind.SPARK | Kind.MANIFEST:
            for directory in _directories(table, chosen or ()):
                listed = tuple(islice(reversed(directory), _LISTED))[::-1]
                description = (
                    f"{table.name}, {len(listed)} of {len(directory)} partitions looked at"
                )
                yield Place(listed, description, form)


def _directories(table: Table, chosen: Sequence[Partition]) -> Iterator[list[str]]:
    """Yield the locations of partitions, those of one directory together."""
    own = f"{(table.location or '').rstrip('/')}/"
    by_directory: dict[str, list[str]] = {}
    for partition in chosen:
        inside = partition.location.startswith(own)
        above = own if inside else partition.location.rstrip("/").rpartition("/")[0]
        by_directory.setdefault(above, []).append(partition.location)
    yield from by_directory.values()
