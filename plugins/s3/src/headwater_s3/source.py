"""S3DataSource: tables made of files in S3, with no catalog to ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self, cast

from pydantic import Field, model_validator

from headwater.auth.credentials import Access, AuthStrategy, Permission
from headwater.auth.operation_cache import Same
from headwater.display.language import hint_wording
from headwater.errors import ConfigError
from headwater.interfaces.data_source import DataSource, DeclaredPartition, SourceCapability
from headwater.interfaces.plan import Plan
from headwater.tables.relation import DataFile, FilePartition, FileRelation, Relation
from headwater.tables.table import Partition, Table, TableName, TimePartition
from headwater.tables.window import Window
from headwater_aws.auth.default import DefaultChain
from headwater_aws.auth.naming import auth_ref
from headwater_aws.listings import Listings
from headwater_aws.permissions import arn_partition, prefix_permissions
from headwater_s3.catalog import DATABASE, InputDetail, S3Catalog
from headwater_s3.inputs import LAKES, Format, Input, ReaderOptions, check_names, declared_columns
from headwater_s3.lakes import lake_relation
from headwater_s3.location import parse_location
from headwater_s3.placeholders import filled

if TYPE_CHECKING:
    from headwater.interfaces.report import CheckStage
    from headwater_aws.session import AwsSession

ONLY = "data"
"""Name of the input that `path` gives, as in `SELECT * FROM {data}`."""


class S3DataSource(DataSource):
    """A Spark SQL query over files in S3.

    Args:
        path: Where the files lie: `s3://bucket/prefix/`, with globs (`*`, `**`, `?`, `[0-9]`,
            `{a,b}`), or with strftime directives (`%Y/%m/%d/%H`): partition keys `year`, `month`,
            `day`, `hour`. Directories named `key=value` become partition keys of their own. For
            `delta` and `iceberg`, the table's directory (or one Iceberg metadata file).
        paths: Instead of `path`: several inputs by name, for a query over `{name}` each.
        format: Format of the files. Compressed text files are read by their ending (`.gz`, `.bz2`).
        query: Spark SQL; `{data}` stands for the files of `path`.
        regex: What the rest of each key, behind `path`, must match.
        columns: Column to Spark type, or for several inputs: name to such a mapping. Needed for
            `json` and `avro`; `csv` without it takes its names from the header, and all its columns
            are text. One that names partition keys alone gives their types; the rest is inferred.
        options: Reader options in Spark's words, e.g. `{"sep": ";"}`.
        time_column: The column that the date directives of `path` follow from; with it the window
            chooses the directories.
        partitions: Input to how its partition keys follow from time, for `key=value` directories.
        region: Region of the buckets.
        auth: Identity that lists and reads; left out, AWS's own variables decide.
        endpoint_url: Another address of S3.

    Example:
        >>> S3DataSource(
        ...     path="s3://lake/predictions/%Y/%m/%d/*.parquet",
        ...     query="SELECT id, score FROM {data}",
        ...     time_column="predicted_at",
        ... ).sql()
        'SELECT id, score FROM `data`'
    """

    kind: ClassVar[str] = "s3"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset(SourceCapability)

    path: str | None = None
    paths: Mapping[str, str] = Field(default_factory=dict)
    format: Format = "parquet"
    query: str = f"SELECT * FROM {{{ONLY}}}"
    regex: str | None = None
    columns: Mapping[str, str | Mapping[str, str]] = Field(default_factory=dict)
    options: ReaderOptions = Field(default_factory=dict)
    time_column: str | None = None
    partitions: Mapping[str, DeclaredPartition] = Field(default_factory=dict)
    region: str | None = None
    auth: AuthStrategy | None = None
    endpoint_url: str | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.path is None) == (not self.paths):
            raise ConfigError(
                "an s3 source needs either path or paths",
                hint='path="s3://bucket/prefix/", or paths={"predictions": "s3://...", ...}',
            )
        check_names("partitions", self.partitions, self._paths)
        if self.path is None:
            check_names("columns", self.columns, self._paths)
        inputs = [self._input(name) for name in self._paths]
        if self.time_column is not None and not any(i.location.date_keys for i in inputs):
            raise ConfigError(
                f"time_column is {self.time_column!r}, and no path has a date directive",
                hint="write e.g. %Y/%m/%d in the path; for key=value directories declare "
                + hint_wording("partitions={...}", "partitions: {...}"),
            )
        return self

    def access(self) -> Access:
        """Return the one identity that lists and reads; nothing is asked of AWS yet.

        Raises:
            AuthError: If there is no region, or the strategy can't be used as it is configured.
        """
        session = self._strategy.open(region=self.region, endpoint_url=self.endpoint_url)
        return Access({self.auth_ref: session})

    def catalog(self, access: Access) -> S3Catalog:
        """Return the inputs as a catalog of the database `s3`: one for each operation."""

        def build() -> S3Catalog:
            inputs = {name: self._input(name) for name in self._paths}
            return S3Catalog(Listings.of(access, self.auth_ref), inputs)

        return access.cache.once((S3Catalog, Same(self)), build)

    def sql(self) -> str:
        """Return the query with its inputs named.

        Raises:
            QueryError: If the query names an input that there is not.
        """
        return self.filled(self.query)

    def filled(self, query: str) -> str:
        """Return a query with its inputs named.

        Raises:
            QueryError: If it names an input that there is not.
        """
        return filled(query, self._paths)

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return the files of the partitions that were kept, or a table's pinned state.

        Raises:
            SourceError: If the files are not laid out alike.
        """
        if self.format in LAKES:
            return lake_relation(table, self.auth_ref)
        catalog = self.catalog(access)
        groups = list(catalog.partitions(table)) if partitions is None else list(partitions)
        return FileRelation(
            table.name,
            table.columns,
            table.partition_keys,
            self.format,
            cast("InputDetail", table.detail).options,
            tuple(FilePartition(g.values, g.location) for g in groups) or (FilePartition(),),
            tuple(
                DataFile(f.uri, f.size, index, f.etag)
                for index, group in enumerate(groups)
                for f in group.detail
            ),
            self.auth_ref,
        )

    @property
    def auth_ref(self) -> str:
        """The name under which this source's identity is opened."""
        return auth_ref(self._strategy, self.region, self.endpoint_url)

    @property
    def default_database(self) -> str:
        """The one database: `s3`."""
        return DATABASE

    @property
    def allowed_databases(self) -> frozenset[str]:
        """Only that."""
        return frozenset({DATABASE})

    def time_partition(self, table: Table) -> TimePartition | None:
        """Return how an input's directories follow from time, if that was declared."""
        declared = self.partitions.get(table.name.name)
        if declared is not None or self.time_column is None:
            return declared
        dates = parse_location(self._paths[table.name.name], self.regex).date_patterns()
        return TimePartition(self.time_column, dates) if dates else None

    def permissions(self, plan: Plan) -> Iterable[Permission]:
        """Return what a plan over this source must be allowed to do: list and read its prefixes."""
        # Of the plan, only who reads matters: files lie below the inputs, which are listed whole.
        who = plan.identities.get(self.auth_ref)
        partition = arn_partition(self.region or "", who.name if who else "")
        places = {self._input(n).location.root: f"input {n}" for n in self._paths}
        if self.format == "iceberg":
            # A metadata file stands for the table around it.
            places = {k.rpartition("/metadata/")[0] or k: v for k, v in places.items()}
        return tuple(prefix_permissions(partition, places))

    def examine(self, access: Access) -> Iterator[CheckStage]:
        """Yield the examination of the identity: its token, the token's issuer, the caller."""
        from headwater_aws.examination import examine

        return examine(cast("AwsSession", access.session(self.auth_ref)))

    def examine_tables(
        self, names: Sequence[TableName], access: Access, window: Window | None = None
    ) -> Iterator[CheckStage]:
        """Yield the examination of the places of the inputs that the query names, and `tables`."""
        from headwater_s3.examination import examine_tables

        inputs = [self._input(name) for name in self._paths]
        listings = Listings.of(access, self.auth_ref)
        return examine_tables(names, inputs, self.catalog(access), listings)

    def describe(self) -> Mapping[str, str]:
        """Return the type and where the inputs lie."""
        return {"type": self.kind, **{f"input {n}": p for n, p in self._paths.items()}}

    def _input(self, name: str) -> Input:
        columns = self.columns if self.path is not None else self.columns.get(name, {})
        return Input(
            name,
            parse_location(self._paths[name], self.regex),
            self.format,
            declared_columns(name, columns),
            dict(self.options),
        )

    @property
    def _paths(self) -> Mapping[str, str]:
        return {ONLY: self.path} if self.path is not None else self.paths

    @property
    def _strategy(self) -> AuthStrategy:
        return self.auth or DefaultChain()
