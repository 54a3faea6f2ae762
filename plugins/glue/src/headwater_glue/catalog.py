"""The Glue catalog: databases, tables and partitions, asked for no more than is needed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import Diagnostic, Severity
from headwater.errors import AccessDeniedError, HeadwaterError, SourceError
from headwater.partitions.hive_layout import NULL_PARTITION
from headwater.tables.table import KeyCondition, Measure, Partition, Table, TableName
from headwater.untrusted import limits
from headwater_aws.lakes.delta import DeltaState, delta_state
from headwater_aws.lakes.iceberg import IcebergState, iceberg_state
from headwater_glue.api import Place, Raw
from headwater_glue.conditions import accepts, expression
from headwater_glue.descriptions import GlueDetail, describe
from headwater_glue.entry import GlueTable, Storage
from headwater_glue.kinds import Kind, classify, data_location
from headwater_glue.lookup import Finder
from headwater_glue.survey import Surveyed, survey

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession
    from headwater_glue.answers import Answers


_log = logging.getLogger(__name__)

_FEW: Final = 100
"""Partitions of a table that are described all at once, when some of them are asked for."""

_Key = tuple[str, str, str | None, str | None]
"""Database, name, catalog and region of a table's entry."""


@dataclass(frozen=True, slots=True)
class GluePartition:
    """What Glue holds of a partition: `Partition.detail` of this plugin.

    Args:
        storage: Its storage descriptor.
        has_columns: Whether its own columns were asked for.
    """

    storage: Storage
    has_columns: bool


class GlueCatalog:
    """A Glue catalog as core's `Catalog`. Thread-safe; for one operation: it keeps what it found.

    Args:
        session: Who asks.
        catalog_id: Account or catalog; None is the caller's own account.
        now: Clock behind the `NOW` of partition projection.
        answers: Keeps tables' entries on disk; None if nothing is kept.
    """

    def __init__(
        self,
        session: AwsSession,
        *,
        catalog_id: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        answers: Answers | None = None,
    ) -> None:
        self._session = session
        self._answers = answers
        self._finder = Finder(session, Place(catalog_id, session.region), answers)
        self._now = now
        self._tables: dict[TableName, Table] = {}
        self._registered: dict[_Key, tuple[Partition, ...]] = {}
        self._complete: dict[_Key, dict[tuple[str | None, ...], Partition]] = {}
        self._expressions: dict[_Key, dict[str, None]] = {}
        self._lock = threading.Lock()

    def databases(self) -> Iterator[str]:
        """Yield the names of the databases that the caller may see, page by page."""
        return self._finder.api().database_names()

    def tables(self, database: str) -> Iterator[str]:
        """Yield the names of a database's tables, page by page.

        Raises:
            DatabaseNotFoundError: If there is no such database; its hint suggests near names.
        """
        api, name = self._finder.database(database.lower())
        return api.table_names(name)

    def survey(self, databases: Iterable[str] | None = None) -> Generator[Surveyed, None, None]:
        """Yield all tables of databases, told what they are, as Glue's pages arrive.

        Args:
            databases: Their names; all that the caller may see if left out.

        Yields:
            Database and table; or database and the error that ended its listing.
        """
        names = self.databases() if databases is None else (d.lower() for d in databases)
        return survey(self._finder.api(), names)

    def table(self, name: TableName) -> Table:
        """Return one table; a resource link as the table it leads to, under the link's name.

        Raises:
            DatabaseNotFoundError, TableNotFoundError: Their hints suggest near names.
            SourceError: If resource links lead in a circle, or to nothing.
            AccessDeniedError: If the caller may not see it, or what a link leads to.
        """
        return self._table(name, ())

    def _table(self, name: TableName, within: tuple[TableName, ...]) -> Table:
        """Return a table, once; `within` are the views on the way to it."""
        name = TableName(name.database.lower(), name.name.lower(), name.catalog)
        if len(within) > limits.VIEW_LEVELS and name not in within:
            raise SourceError(
                f"{within[0]} is made of views that are made of views, more than "
                f"{limits.VIEW_LEVELS} levels deep",
                code="too-deep",
                hint="query the tables under the views",
            )
        if name in within:
            trail = " -> ".join(str(n) for n in (*within, name))
            raise SourceError(f"views name each other in a circle: {trail}", code="view-cycle")
        with self._lock:
            table = self._tables.get(name)
        if table is None:
            table = self._described(name, within)
            with self._lock:
                self._tables[name] = table
        return table

    def _described(self, name: TableName, within: tuple[TableName, ...]) -> Table:
        entry, links = self._finder.table(name)
        state = self._state(name, entry)
        table = describe(name, entry, links=links, state=state, now=self._now)
        age = self._answers.age(entry) if self._answers is not None else None
        if age is not None:
            table = replace(table, notes=(*table.notes, _kept_answer(name, age)))
        return self._expanded(table, within) if table.detail.kind.is_view else table

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        """Yield the partitions of a table: registered ones, or those that its projection gives.

        Raises:
            PlanError: If a projection can't be listed under these conditions.
        """
        detail: GlueDetail = table.detail
        if detail.projection is not None:
            return detail.projection.partitions(where)
        entry = detail.entry
        filter_text = expression(where, entry.partition_keys)
        if filter_text:
            with self._lock:
                self._expressions.setdefault(_key(entry), {})[filter_text] = None
        registered = self._registered.get(_key(entry))
        if registered is not None:
            return self._with_known_columns(entry, _meeting(table, registered, where))
        # What a condition has chosen is about to be read, so its columns are wanted too.
        return map(
            _partition,
            self._finder.home(entry).partitions(
                entry.database, entry.name, filter_text, columns=bool(filter_text)
            ),
        )

    def some_partitions(
        self, table: Table, where: Sequence[KeyCondition], at_most: int
    ) -> list[Partition]:
        """Return the first `at_most` partitions of `table`; `where` as in `partitions`.

        Of a projection that gives more of them, its last is the last one.

        Raises:
            PlanError: If a projection can't be listed under these conditions.
        """
        detail: GlueDetail = table.detail
        if detail.projection is not None:
            if where:
                return list(islice(detail.projection.partitions(where), at_most))
            return detail.projection.some(at_most)
        entry = detail.entry
        registered = self._registered.get(_key(entry))
        if registered is not None:
            chosen = _meeting(table, registered, where)[:at_most]
            return self._with_known_columns(entry, chosen)
        filter_text = expression(where, entry.partition_keys)
        partitions = [
            _partition(p)
            for p in self._finder.home(entry).some_partitions(
                entry.database, entry.name, filter_text, at_most, columns=bool(filter_text)
            )
        ]
        if not filter_text and len(partitions) < at_most:
            with self._lock:
                self._registered[_key(entry)] = tuple(partitions)
        return partitions

    def describe_partition(self, table: Table, partition: Partition) -> None:
        """Ask for the own columns of a `partition` of `table`; raise what refuses that."""
        entry = table.detail.entry
        everything = self._registered.get(_key(entry), ())
        chosen = everything if 0 < len(everything) <= _FEW else (partition,)
        self._describe(entry, self._finder.home(entry).batch, chosen)

    @property
    def found(self) -> tuple[Table, ...]:
        """The tables that were looked up, those under views among them."""
        with self._lock:
            return tuple(self._tables.values())

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        """Return how many partitions a table has, or None if they are more than `at_most`."""
        detail: GlueDetail = table.detail
        if detail.projection is not None:
            total = detail.projection.total()
            return total if total is not None and total <= at_most else None
        entry = detail.entry
        registered = self._registered.get(_key(entry))
        if registered is not None:
            return len(registered) if len(registered) <= at_most else None
        return self._finder.home(entry).count_partitions(entry.database, entry.name, at_most)

    def with_columns(self, table: Table, partitions: Sequence[Partition]) -> Sequence[Partition]:
        """Return `partitions` of `table` with their own columns; asks for those that lack them.

        Of a table with few partitions all are asked for at once.

        Raises:
            AccessDeniedError: If none of the ways to ask for them is allowed.
        """
        detail: GlueDetail = table.detail
        entry = detail.entry
        lacking = self._lacking(entry, partitions)
        if not lacking:
            return self._with_known_columns(entry, partitions)
        everything = self._lacking(entry, self._registered.get(_key(entry), ()))
        if len(lacking) < len(everything) <= _FEW:
            with suppress(AccessDeniedError):
                self._describe(entry, self._finder.home(entry).batch, everything)
                return self._with_known_columns(entry, partitions)
        try:
            self._describe(entry, self._finder.home(entry).partitions_of, lacking)
        except AccessDeniedError:
            for filter_text in self._expressions.get(_key(entry), ()):
                home = self._finder.home(entry)
                raw = home.partitions(entry.database, entry.name, filter_text, columns=True)
                self._remember(entry, map(_partition, raw))
            if self._lacking(entry, partitions):
                raise
        # A partition that was dropped since it was listed keeps what is known of it.
        return self._with_known_columns(entry, partitions)

    def _describe(
        self,
        entry: GlueTable,
        ask: Callable[[str, str, Sequence[tuple[str, ...]]], list[Raw]],
        lacking: Sequence[Partition],
    ) -> None:
        raw = ask(entry.database, entry.name, [_values(p) for p in lacking])
        self._remember(entry, map(_partition, raw))

    def _remember(self, entry: GlueTable, partitions: Iterable[Partition]) -> None:
        complete = {p.values: p for p in partitions}
        with self._lock:
            self._complete.setdefault(_key(entry), {}).update(complete)

    def _with_known_columns(
        self, entry: GlueTable, partitions: Iterable[Partition]
    ) -> list[Partition]:
        described = self._complete.get(_key(entry), {})
        return [described.get(p.values, p) if _lacks_columns(p) else p for p in partitions]

    def _lacking(self, entry: GlueTable, partitions: Iterable[Partition]) -> list[Partition]:
        described = self._complete.get(_key(entry), {})
        return [p for p in partitions if _lacks_columns(p) and p.values not in described]

    def measure(self, table: Table) -> Measure | None:
        """Return how much a table holds, within bounds; None for a view, or what can't be read.

        A link is measured as the table that it leads to.

        Args:
            table: As this catalog returned or surveyed it.

        Raises:
            SourceError, AccessDeniedError: As the catalog or S3 answers.
        """
        from headwater_glue import measures

        detail: GlueDetail = table.detail
        if detail.kind in (Kind.LINK, Kind.ICEBERG, Kind.DELTA) and detail.state is None:
            table = self.table(table.name)
            detail = table.detail
        if table.unqueryable or detail.kind.is_view:
            return None
        if detail.state is not None:
            log = detail.entry.parameter("metadata_location")
            place = log or f"{detail.state.location.rstrip('/')}/_delta_log/"
            return measures.measure_state(detail.state, self._session, place)
        count = None
        if table.partition_keys and detail.projection is None:
            count = self.count_partitions(table, measures.PARTITIONS)
        return measures.measure_files(detail, count, self._session)

    def _expanded(self, view: Table, within: tuple[TableName, ...]) -> Table:
        """Return a view with the query that it stands for, or with why there is none."""
        detail: GlueDetail = view.detail
        if view.unqueryable:
            return view
        if detail.links and not _same_catalog(detail.links[0], detail.entry):
            owner = detail.entry.catalog_id
            return replace(
                view,
                unqueryable=f"it is a view of the catalog {owner}, and its tables are looked up "
                f"there: read it with catalog_id={owner!r}",
            )
        # Only queries over views need what reads queries.
        from headwater_glue.query.views import CannotExpandError, view_sql

        try:
            sql = view_sql(
                detail.entry,
                detail.kind,
                view.columns,
                lambda name: self._table(name, (*within, view.name)),
            )
        except CannotExpandError as error:
            return replace(view, unqueryable=str(error))
        except HeadwaterError:
            raise
        except Exception as error:  # noqa: BLE001
            # What others wrote as a view's text may be anything.
            _log.warning("the text of the view %s can't be read", view.name, exc_info=error)
            return replace(view, unqueryable=f"its text can't be read: {type(error).__name__}")
        return replace(view, detail=replace(detail, view=sql))

    def _state(self, name: TableName, entry: GlueTable) -> IcebergState | DeltaState | None:
        """Return the snapshot or version that is current, of a table that keeps its own history."""
        classified = classify(entry)
        if classified.unqueryable:
            return None
        if classified.kind is Kind.ICEBERG:
            return iceberg_state(self._session, entry.parameter("metadata_location"), str(name))
        if classified.kind is Kind.DELTA:
            return delta_state(self._session, data_location(entry), str(name))
        return None


def _kept_answer(name: TableName, age: timedelta) -> Diagnostic:
    return Diagnostic(
        "kept-answer",
        f"{name} is described by an answer of Glue that was kept {int(age.total_seconds())} s ago; "
        "its partitions and files were asked for now",
        Severity.INFO,
        hint="take the source's cache out to ask Glue every time",
    )


def _same_catalog(one: GlueTable, other: GlueTable) -> bool:
    return (one.catalog_id, one.region) == (other.catalog_id, other.region)


def _key(entry: GlueTable) -> _Key:
    return entry.database, entry.name, entry.catalog_id, entry.region


def _meeting(
    table: Table, partitions: Iterable[Partition], where: Sequence[KeyCondition]
) -> list[Partition]:
    """Return the partitions that meet conditions, or can't be said not to."""
    types = {c.name.casefold(): c.type for c in table.partition_columns}
    places = {k.casefold(): i for i, k in enumerate(table.partition_keys)}
    applicable = [(c, types[k], places[k]) for c in where if (k := c.key.casefold()) in places]
    return [p for p in partitions if all(accepts(c, t, p.values[i]) for c, t, i in applicable)]


def _lacks_columns(partition: Partition) -> bool:
    return isinstance(partition.detail, GluePartition) and not partition.detail.has_columns


def _values(partition: Partition) -> tuple[str, ...]:
    return tuple(NULL_PARTITION if v is None else v for v in partition.values)


def _partition(raw: Raw) -> Partition:
    descriptor = raw.get("StorageDescriptor") or {}
    storage = Storage.of(descriptor)
    return Partition(
        tuple(None if v == NULL_PARTITION else v for v in raw["Values"]),
        storage.location,
        GluePartition(storage, "Columns" in descriptor),
    )
