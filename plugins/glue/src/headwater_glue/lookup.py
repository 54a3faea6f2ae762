"""Finding a table in Glue: names in any case, links followed, missing tables explained."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
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
from headwater.tables.table import TableName
from headwater_glue.api import GlueApi, Place
from headwater_glue.entry import GlueTable, TableLink

if TYPE_CHECKING:
    from headwater_aws.session import AwsSession
    from headwater_glue.answers import Answers

_SUGGESTED_FROM: Final = 5000
"""Names looked at, at most, to suggest one: more pages than that is not worth a better hint."""
_LINKS: Final = 10
OWN_CATALOGS: Final = frozenset({"awsdatacatalog", "spark_catalog", "glue_catalog"})
"""Names under which Athena and Spark know the catalog that needs no name."""


class Finder:
    """Finds tables and databases by name.

    Args:
        session: Who asks.
        place: The catalog that is meant by names without one.
        answers: Keeps tables' entries on disk; None if nothing is kept.
    """

    def __init__(self, session: AwsSession, place: Place, answers: Answers | None = None) -> None:
        self._session = session
        self._answers = answers
        self._place = place

    def table(self, name: TableName) -> tuple[GlueTable, tuple[GlueTable, ...]]:
        """Return the table behind a name, and the resource links that led there.

        Raises:
            DatabaseNotFoundError, TableNotFoundError: Their hints suggest near names.
            SourceError: If links lead in a circle, or to nothing.
            AccessDeniedError: If the caller may not see it, or what a link leads to.
        """
        entry = self._find(self.place(name), name.database, name.name)
        links: list[GlueTable] = []
        while entry.target is not None:
            links.append(entry)
            entry = self._follow(entry, entry.target, links)
        return entry, tuple(links)

    def database(self, name: str) -> tuple[GlueApi, str]:
        """Return where a database lies, links followed, and its name there.

        Raises:
            DatabaseNotFoundError: Its hint suggests near names.
            SourceError: If links lead in a circle.
        """
        return self._database(self._place, name)

    def api(self, place: Place | None = None) -> GlueApi:
        """Return the calls on a catalog; on the one that needs no name if none is given."""
        return GlueApi(self._session, place or self._place, self._answers)

    def home(self, entry: GlueTable) -> GlueApi:
        """Return the calls on the catalog that a table lies in."""
        return self.api(Place(entry.catalog_id or self._place.catalog_id, entry.region))

    def place(self, name: TableName) -> Place:
        """Return the catalog that a name means.

        Raises:
            TableNotFoundError: If it names one that is not known.
        """
        catalog = (name.catalog or "").lower()
        if not catalog or catalog in OWN_CATALOGS:
            return self._place
        if re.fullmatch(r"[0-9]{12}", catalog):
            return Place(catalog, self._place.region)
        raise TableNotFoundError(
            f"table {name}: there is no catalog {name.catalog!r}",
            hint="name tables by database and table; another account's catalog is named by its "
            "12 digits in backticks, or by catalog_id",
        )

    def _find(self, place: Place, database: str, name: str) -> GlueTable:
        api = self.api(place)
        try:
            raw = api.table(database, name)
            if raw is None:
                # Through a linked database, or to an explanation.
                home, real = self._database(place, database)
                if (home.place, real) != (api.place, database):
                    raw = home.table(real, name)
                api, database = home, real
        except AccessDeniedError as error:
            explained = self._denied(error, api, database, name)
            if explained is None:
                raise
            raise explained from error
        if raw is None:
            names = self._suggestions(lambda: api.table_names(database))
            raise TableNotFoundError(
                f"no table {name!r} in the database {database!r} of {api.place}",
                hint=None if names is None else hint_for(name, names, what="tables"),
            )
        return GlueTable.of(raw, region=api.place.region)

    def _database(self, place: Place, name: str) -> tuple[GlueApi, str]:
        for _ in range(_LINKS):
            api = self.api(place)
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
    ) -> AccessDeniedError | None:
        """Tell a table that may not be seen from one that is not there: Lake Formation does not."""
        names = self._suggestions(lambda: api.table_names(database))
        if not names or name in names:
            return None
        return error.explained(
            hint=f"perhaps it does not exist: the caller may list {database!r}, and "
            f"{name!r} is not in it; {hint_for(name, names, what='tables')}\n{error.hint or ''}",
        )

    def _follow(self, link: GlueTable, target: TableLink, links: Sequence[GlueTable]) -> GlueTable:
        trail = " -> ".join(str(each) for each in links)
        place = Place(
            target.catalog_id or link.catalog_id or self._place.catalog_id,
            target.region or link.region,
        )
        step = (place.catalog_id, place.region, target.database, target.name)
        if step in [(e.catalog_id, e.region, e.database, e.name) for e in links]:
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
            raise error.explained(
                f"the resource link {trail} may be seen, its table may not: {error.message}",
                hint=f"a link grants nothing: its table must be granted too\n{error.hint or ''}",
            ) from error
