"""The Glue catalog: databases, tables and partitions, asked for no more than is needed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import hint_for
from headwater.errors import (
    AccessDeniedError,
    DatabaseNotFoundError,
    HeadwaterError,
    SourceError,
    TableNotFoundError,
)
from headwater.hive_layout import NULL_PARTITION
from headwater.table import KeyCondition, Partition, Table, TableName
from headwater_glue.api import GlueApi, Place, Raw
from headwater_glue.conditions import expression
from headwater_glue.delta import DeltaState, delta_state
from headwater_glue.describing import Known, describe
from headwater_glue.entry import GlueTable, Storage, TableLink
from headwater_glue.iceberg import IcebergState, iceberg_state
from headwater_glue.kinds import Kind, classify, data_location

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession

_SUGGESTED_FROM: Final = 5000
"""Names looked at, at most, to suggest one: more pages than that is not worth a better hint."""
_LINKS: Final = 10
_OWN_CATALOGS: Final = frozenset({"awsdatacatalog", "spark_catalog", "glue_catalog"})
"""Names under which Athena and Spark know the catalog that needs no name."""


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
    """A Glue catalog as core's `Catalog`. Thread-safe; keeps nothing.

    Args:
        session: Who asks.
        catalog_id: Account or catalog; None is the caller's own account.
        now: Clock behind the `NOW` of partition projection.
    """

    def __init__(
        self,
        session: AwsSession,
        *,
        catalog_id: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._session = session
        self._place = Place(catalog_id, session.region)
        self._now = now

    def databases(self) -> Iterator[str]:
        """Yield the names of the databases that the caller may see, page by page."""
        return self._api(self._place).database_names()

    def tables(self, database: str) -> Iterator[str]:
        """Yield the names of a database's tables, page by page.

        Raises:
            DatabaseNotFoundError: If there is no such database; its hint suggests near names.
        """
        api, name = self._database(self._place, database.lower())
        return api.table_names(name)

    def table(self, name: TableName) -> Table:
        """Return one table; a resource link as the table it leads to, under the link's name.

        Raises:
            DatabaseNotFoundError, TableNotFoundError: Their hints suggest near names.
            SourceError: If resource links lead in a circle, or to nothing.
            AccessDeniedError: If the caller may not see it, or what a link leads to.
        """
        place, name = self._placed(name)
        entry = self._find(place, name.database, name.name)
        links: list[GlueTable] = []
        while entry.target is not None:
            links.append(entry)
            entry = self._follow(entry, entry.target, links)
        state = self._state(name, entry)
        return describe(name, entry, links=tuple(links), state=state, now=self._now)

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        """Yield the partitions of a table: registered ones, or those that its projection gives.

        Raises:
            PlanError: If a projection can't be listed under these conditions.
        """
        known: Known = table.detail
        if known.projection is not None:
            return known.projection.partitions(where)
        entry = known.entry
        asked = expression(where, entry.partition_keys)
        # What a condition has chosen is about to be read, so its columns are wanted too.
        return map(
            _partition,
            self._home(entry).partitions(entry.database, entry.name, asked, columns=bool(asked)),
        )

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        """Return how many partitions a table has, or None if they are more than `at_most`."""
        known: Known = table.detail
        if known.projection is not None:
            total = known.projection.total()
            return total if total is not None and total <= at_most else None
        entry = known.entry
        return self._home(entry).count_partitions(entry.database, entry.name, at_most)

    def with_columns(self, table: Table, partitions: Sequence[Partition]) -> Sequence[Partition]:
        """Return registered partitions with their own columns, asking for those that lack them."""
        known: Known = table.detail
        lacking = [p for p in partitions if _lacks_columns(p)]
        if not lacking:
            return partitions
        entry = known.entry
        values = [tuple(NULL_PARTITION if v is None else v for v in p.values) for p in lacking]
        found = self._home(entry).partitions_of(entry.database, entry.name, values)
        complete = {p.values: p for p in map(_partition, found)}
        # A partition that was dropped since it was listed keeps what is known of it.
        return [complete.get(p.values, p) for p in partitions]

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

    def _api(self, place: Place) -> GlueApi:
        return GlueApi(self._session, place)

    def _home(self, entry: GlueTable) -> GlueApi:
        return self._api(Place(entry.catalog_id or self._place.catalog_id, entry.region))

    def _placed(self, name: TableName) -> tuple[Place, TableName]:
        """Return the catalog that a name means, and the name in Glue's spelling."""
        lowered = TableName(name.database.lower(), name.name.lower(), name.catalog)
        catalog = (name.catalog or "").lower()
        if not catalog or catalog in _OWN_CATALOGS:
            return self._place, lowered
        if re.fullmatch(r"[0-9]{12}", catalog):
            return Place(catalog, self._place.region), lowered
        raise TableNotFoundError(
            f"table {name}: there is no catalog {name.catalog!r}",
            hint="name tables by database and table; another account's catalog is named by its "
            "12 digits in backticks, or by catalog_id",
        )

    def _find(self, place: Place, database: str, name: str) -> GlueTable:
        api = self._api(place)
        try:
            raw = api.table(database, name)
            if raw is None:
                # Through a linked database, or to an explanation.
                api, database = self._database(place, database)
                raw = api.table(database, name) if api.place != place else None
        except AccessDeniedError as error:
            raise self._denied(error, api, database, name) from error
        if raw is None:
            names = self._suggestions(lambda: api.table_names(database))
            raise TableNotFoundError(
                f"no table {name!r} in the database {database!r} of {api.place}",
                hint=None if names is None else hint_for(name, names, what="tables"),
            )
        return GlueTable.of(raw, region=api.place.region)

    def _database(self, place: Place, name: str) -> tuple[GlueApi, str]:
        """Return where a database lies, through links; raises DatabaseNotFoundError."""
        for _ in range(_LINKS):
            api = self._api(place)
            raw = api.database(name)
            if raw is None:
                raise self._no_database(api, name)
            target = TableLink.of(raw.get("TargetDatabase"))
            if target is None:
                return api, name
            place = Place(target.catalog_id or place.catalog_id, target.region or place.region)
            name = target.database
        raise SourceError(f"the links of the database {name!r} lead in a circle", code="link-cycle")

    def _no_database(self, api: GlueApi, name: str) -> DatabaseNotFoundError:
        names = self._suggestions(api.database_names)
        hint = None if names is None else hint_for(name, names, what="databases")
        if names == []:
            hint = (
                f"the caller sees no database in {api.place}: is it the right account and region? "
                "another account's catalog needs catalog_id; Lake Formation hides what it does "
                "not grant"
            )
        return DatabaseNotFoundError(f"no database {name!r} in {api.place}", hint=hint)

    def _suggestions(self, names: Callable[[], Iterator[str]]) -> list[str] | None:
        """Return the names there are, or None if they can't be listed: then there is no hint."""
        try:
            return list(islice(names(), _SUGGESTED_FROM))
        except HeadwaterError:
            return None

    def _denied(
        self, error: AccessDeniedError, api: GlueApi, database: str, name: str
    ) -> AccessDeniedError:
        """Tell a table that may not be seen from one that is not there: Lake Formation does not."""
        names = self._suggestions(lambda: api.table_names(database))
        if not names or name in names:
            return error
        return AccessDeniedError(
            error.message,
            code=error.code,
            hint=f"perhaps it does not exist: the caller may list {database!r}, and "
            f"{name!r} is not in it; {hint_for(name, names, what='tables')}\n{error.hint or ''}",
        )

    def _follow(self, link: GlueTable, target: TableLink, links: Sequence[GlueTable]) -> GlueTable:
        trail = " -> ".join(str(each) for each in links)
        place = Place(
            target.catalog_id or link.catalog_id or self._place.catalog_id,
            target.region or link.region,
        )
        there = (place.catalog_id, place.region, target.database, target.name)
        if there in [(e.catalog_id, e.region, e.database, e.name) for e in links]:
            raise SourceError(
                f"the resource link {links[0]} leads in a circle: {trail}", code="link-cycle"
            )
        try:
            return self._find(place, target.database, target.name or link.name)
        except TableNotFoundError as error:
            raise SourceError(
                f"the resource link {trail} leads to nothing: {error.message}",
                code="dangling-link",
                hint="its owner dropped or renamed the table; the link must be made again",
            ) from error
        except AccessDeniedError as error:
            raise AccessDeniedError(
                f"the resource link {trail} may be seen, its table may not: {error.message}",
                code=error.code,
                hint=f"a link grants nothing: its table must be granted too\n{error.hint or ''}",
            ) from error


def _lacks_columns(partition: Partition) -> bool:
    return isinstance(partition.detail, GluePartition) and not partition.detail.has_columns


def _partition(raw: Raw) -> Partition:
    descriptor = raw.get("StorageDescriptor") or {}
    storage = Storage.of(descriptor)
    return Partition(
        tuple(None if v == NULL_PARTITION else v for v in raw["Values"]),
        storage.location,
        GluePartition(storage, "Columns" in descriptor),
    )
