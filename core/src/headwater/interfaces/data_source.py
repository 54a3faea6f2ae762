"""DataSource: where rows come from. The interface that a connector implements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from headwater.auth.credentials import Access, Permission
from headwater.diagnostics import Diagnostic
from headwater.display import html
from headwater.errors import HeadwaterError, UnsupportedError
from headwater.interfaces.plan import Plan, Scan
from headwater.interfaces.report import CheckStage, Status
from headwater.interfaces.table_lookup import look_up, tables_stage
from headwater.sql.rewriting import RewriteRule
from headwater.tables.relation import Relation
from headwater.tables.table import Catalog, Partition, Table, TableName, TimePartition
from headwater.tables.window import Window


def _declared(value: object) -> object:
    return TimePartition.of(value) if isinstance(value, Mapping) else value


DeclaredPartition = Annotated[TimePartition, BeforeValidator(_declared)]
"""Type of a source's field that takes a `TimePartition`, or the mapping that a file has for it."""


class SourceCapability(StrEnum):
    """What a source declares that it can do; the rest raises UnsupportedError."""

    DISCOVER = "discover"
    """Its catalog lists databases and tables."""
    PARTITIONS = "partitions"
    """Its tables have partitions that can be chosen."""
    PERMISSIONS = "permissions"
    """It knows what a plan must be allowed to do."""


class DataSource(BaseModel, ABC):
    """Where rows come from, as a value: it connects to nothing before `access` is used.

    A connector subclasses it, adds its own fields, and implements the abstract methods.
    The pipeline calls them in this order: `access`, `catalog`, `sql`, then `relation` for each
    table that the query names.

    Args:
        nanoseconds: What becomes of timestamps in nanoseconds, which Spark does not have: `exact`
            reads them while each is a whole microsecond and fails on one that is not, `truncate`
            reads the microsecond in which it lies.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    nanoseconds: Literal["exact", "truncate"] = "exact"

    kind: ClassVar[str]
    """Word for it in configuration, e.g. `files`."""
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset()
    """What it can do beyond the minimum."""

    def access(self) -> Access:
        """Return the opened identities that this source needs; empty if it needs none."""
        return Access()

    @abstractmethod
    def catalog(self, access: Access) -> Catalog:
        """Return the catalog that the query's tables are looked up in; `access` asks it."""

    @abstractmethod
    def sql(self) -> str:
        """Return the Spark SQL query that gives the rows."""

    def filled(self, query: str) -> str:
        """Return a query with the placeholders for the source's tables filled in.

        For a source whose queries have placeholders, `{data}`; others take a query as it is.

        Args:
            query: Spark SQL over its tables.

        Raises:
            QueryError: If a placeholder names nothing that it has.
        """
        return query

    @abstractmethod
    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return how an engine reads a table.

        Args:
            table: As this source's catalog returned it.
            partitions: Those to read, for a partitioned table; None for an unpartitioned one.
            access: The opened identities.

        Raises:
            UnsupportedError: If no engine can read it; says why.
        """

    @property
    def default_database(self) -> str | None:
        """Database of a table that the query names without one."""
        return None

    @property
    def allowed_databases(self) -> frozenset[str] | None:
        """Databases that the query may name; None allows all that the catalog shows."""
        return None

    def time_partition(self, table: Table) -> TimePartition | None:
        """Return how the partition keys of `table` follow from time, if that is known."""
        return None

    def rewrite_rules(self) -> tuple[RewriteRule, ...]:
        """Return the source's own edits on a query over its tables (links, views)."""
        return ()

    def why_no_files(self, scan: Scan, window: Window | None, access: Access) -> Diagnostic | None:
        """Return why a scan found no files, asking the source; None where it can't tell.

        Called only when a read gave no rows.

        Args:
            scan: The scan, of this source or of another one of the same plan.
            window: The rows that were wanted; None for all.
            access: The opened identities.
        """
        return None

    def permissions(self, plan: Plan) -> Iterable[Permission]:
        """Return what a `plan` over this source must be allowed to do.

        Raises:
            UnsupportedError: If the source does not declare `permissions`.
        """
        raise UnsupportedError(
            f"a {self.kind} source does not know what a plan must be allowed to do",
            hint="it declares no such capability; ask whoever runs the system behind it",
        )

    def examine(self, access: Access) -> Iterator[CheckStage]:
        """Yield what `check` should know before it asks the catalog: is access what it should be?

        A source that knows more (a token's claims, an issuer, each permission) yields more stages.

        Args:
            access: The opened identities.
        """
        try:
            identities = access.identities()
        except HeadwaterError as error:
            yield CheckStage.failed("identity", error)
            return
        names = ", ".join(i.name for i in identities.values())
        yield CheckStage("identity", Status.OK, names or "none needed")

    def examine_tables(
        self, names: Sequence[TableName], access: Access, window: Window | None = None
    ) -> Iterator[CheckStage]:
        """Yield what `check` should know of the query's tables: are they there, may they be read?

        It examines each of them, whatever is wrong with the others, and ends in a stage `tables`.
        A source that knows more (each permission, each place of files) yields more stages. It is
        asked before the query is resolved, and also where the query can't be.

        Args:
            names: The tables that the query names.
            access: The opened identities.
            window: The rows that are looked at; None for all.
        """
        yield tables_stage(look_up(self.catalog(access), names))

    def describe(self) -> Mapping[str, str]:
        """Return what identifies it, for a person, without secrets."""
        return {"type": self.kind}

    def _repr_html_(self) -> str:
        facts = self.describe()
        return html.card(f"{type(self).__name__}", html.facts(facts.items()))
