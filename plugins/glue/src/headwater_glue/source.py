"""GlueDataSource: a query over a Glue catalog, as a value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Self, cast

from pydantic import Field, field_validator, model_validator

from headwater.auth.credentials import Access, AuthStrategy, Permission, strategy_kind
from headwater.auth.operation_cache import Same
from headwater.diagnostics import Diagnostic
from headwater.errors import ConfigError
from headwater.interfaces.data_source import DataSource, DeclaredPartition, SourceCapability
from headwater.interfaces.plan import Plan, Scan
from headwater.sql.rewriting import RewriteRule, quoted
from headwater.tables.relation import Relation
from headwater.tables.table import Partition, Table, TableName, TimePartition
from headwater.tables.window import Window
from headwater_aws.auth.naming import auth_ref
from headwater_glue.auth import DefaultChain
from headwater_glue.catalog import GlueCatalog

if TYPE_CHECKING:
    from headwater.interfaces.report import CheckStage
    from headwater_aws.listings import Listings
    from headwater_aws.session import AwsSession


class GlueDataSource(DataSource):
    """A Spark SQL query over tables of a Glue catalog, or one of its tables whole.

    It connects to nothing before it is used. With neither `region` nor `auth`, AWS's own variables
    decide (`AWS_REGION`; `AWS_ROLE_ARN` with `AWS_WEB_IDENTITY_TOKEN_FILE` means OIDC).

    Args:
        database: Database of the tables that the query names without one.
        query: Spark SQL that gives the rows.
        table: Instead of a query: all rows of this table.
        region: Region of the catalog, e.g. `us-east-1`.
        catalog_id: Account (12 digits) or catalog that holds the databases; the caller's own if
            left out.
        auth: Identity that looks the tables up and reads their files.
        partitions: Table (`name` or `database.name`) to how its partition keys follow from time.
        databases: Other databases that the query may name.
        endpoint_url: Address of every AWS service, for an emulator or a private endpoint.
        cache: How long Glue's descriptions of tables may be kept on disk and used again, by the
            same identity; nothing is kept if left out. Partitions and files are always asked for.

    Example:
        >>> GlueDataSource(
        ...     database="my_db",
        ...     query="SELECT * FROM model_predictions",
        ...     partitions={
        ...         "model_predictions": {"column": "event_time", "keys": {"dt": "yyyy-MM-dd"}}
        ...     },
        ... ).sql()
        'SELECT * FROM model_predictions'
    """

    kind: ClassVar[str] = "glue"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset(SourceCapability)

    database: str
    query: str | None = None
    table: str | None = None
    region: str | None = None
    catalog_id: str | None = None
    auth: AuthStrategy | None = None
    partitions: Mapping[str, DeclaredPartition] = Field(default_factory=dict)
    databases: tuple[str, ...] = ()
    endpoint_url: str | None = None
    cache: timedelta | None = None

    @field_validator("catalog_id", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        # YAML reads twelve digits as a number, and drops the zeros that lead.
        return f"{value:012d}" if isinstance(value, int) else value

    @model_validator(mode="after")
    def _not_both_query_and_table(self) -> Self:
        if self.query is not None and self.table is not None:
            raise ConfigError(
                f"the glue source of database {self.database!r} has a query and a table",
                hint="give one of them: query='SELECT ...', or table='name' for all its rows",
            )
        return self

    def access(self) -> Access:
        """Return the one identity that looks up and reads; nothing is asked of AWS yet.

        Raises:
            AuthError: If there is no region, or the strategy can't be used as it is configured.
        """
        session = self._strategy.open(region=self.region, endpoint_url=self.endpoint_url)
        return Access({self.auth_ref: session})

    def catalog(self, access: Access) -> GlueCatalog:
        """Return the catalog that the query's tables are looked up in: one for each operation."""
        return access.cache.once((GlueCatalog, Same(self)), lambda: self._catalog(access))

    def _catalog(self, access: Access) -> GlueCatalog:
        session, answers = self._session(access), None
        if self.cache is not None:
            from headwater_glue.answers import Answers

            answers = Answers(session, self.cache)
        return GlueCatalog(session, catalog_id=self.catalog_id, answers=answers)

    def sql(self) -> str:
        """Return the query, or all rows of the table.

        Raises:
            ConfigError: If there is neither: such a source only takes queries (`Workspace.sql`).
        """
        if self.query is not None:
            return self.query
        if self.table is None:
            raise ConfigError(
                f"the glue source of database {self.database!r} has neither a query nor a table",
                hint="give one of them: query='SELECT ...', or table='name' for all its rows",
            )
        return f"SELECT * FROM {quoted(self.table)}"

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return how an engine reads a table: its files listed, its snapshot pinned.

        Raises:
            UnsupportedError: If no engine can read it; says why.
        """
        from headwater_glue.relations import relation_of

        if partitions is not None:
            partitions = self.catalog(access).with_columns(table, partitions)
        return relation_of(table, partitions, self._listings(access), self.auth_ref)

    @property
    def auth_ref(self) -> str:
        """The name under which this source's identity is opened."""
        return auth_ref(self._strategy, self.region, self.endpoint_url)

    @property
    def default_database(self) -> str:
        """Database of the tables that the query names without one."""
        return self.database

    @property
    def allowed_databases(self) -> frozenset[str]:
        """The databases that the query may name."""
        return frozenset({self.database, *self.databases})

    def time_partition(self, table: Table) -> TimePartition | None:
        """Return the rule that was declared for a table, by its name or by database and name."""
        own = (f"{table.name.database}.{table.name.name}".lower(), table.name.name.lower())
        declared = {name.lower(): rule for name, rule in self.partitions.items()}
        return next((declared[name] for name in own if name in declared), None)

    def rewrite_rules(self) -> tuple[RewriteRule, ...]:
        """Return the rules that expand the catalog's views."""
        from headwater_glue.query.rewrite import RULES

        return RULES

    def permissions(self, plan: Plan) -> Iterable[Permission]:
        """Return what a plan over this source must be allowed to do, exactly, and why."""
        from headwater_glue.permissions import Owner, plan_permissions

        identity = plan.identities.get(self.auth_ref)
        with self.access() as access:
            session = self._session(access)
            account = self.catalog_id or (identity and identity.account) or session.account
            owner = Owner(account.partition(":")[0], session.region)
        return plan_permissions(plan, owner=owner, auth_ref=self.auth_ref, database=self.database)

    def why_no_files(self, scan: Scan, window: Window | None, access: Access) -> Diagnostic | None:
        """Return why a table gave no files, asking Glue and S3; None if it is not this source's."""
        from headwater_glue.empty_reads import verdict
        from headwater_glue.evidence import gather

        if scan.relation.auth_ref != self.auth_ref:
            return None
        return verdict(gather(scan, window, self.catalog(access), self._session(access)))

    def examine(self, access: Access) -> Iterator[CheckStage]:
        """Yield the examination of the identity: its token, the token's issuer, the caller."""
        from headwater_aws.examination import examine

        return examine(self._session(access))

    def examine_tables(
        self, names: Sequence[TableName], access: Access, window: Window | None = None
    ) -> Iterator[CheckStage]:
        """Yield the examination of each Glue permission, the tables, and where their files lie."""
        from headwater_glue.examination import examine_tables

        catalog, listings = self.catalog(access), self._listings(access)
        return examine_tables(names, catalog, listings, window, self.time_partition)

    def describe(self) -> Mapping[str, str]:
        """Return what identifies it, for a person."""
        description = {
            "type": self.kind,
            "database": self.database,
            "region": self.region,
            "catalog_id": self.catalog_id,
            "auth": strategy_kind(self._strategy),
            "endpoint_url": self.endpoint_url,
        }
        return {name: value for name, value in description.items() if value is not None}

    @property
    def _strategy(self) -> AuthStrategy:
        return self.auth if self.auth is not None else DefaultChain()

    def _listings(self, access: Access) -> Listings:
        from headwater_aws.listings import Listings

        return Listings.of(access, self.auth_ref)

    def _session(self, access: Access) -> AwsSession:
        return cast("AwsSession", access.session(self.auth_ref))
