"""MemoryDataSource: rows that are already in this process, for tests and for trying things out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

from pydantic import Field, field_validator

from headwater.auth.credentials import Access
from headwater.errors import ConfigError
from headwater.interfaces.data_source import DataSource, SourceCapability
from headwater.sources.files import the_query
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import MemoryRelation, Relation
from headwater.tables.table import Catalog, Partition, Table, TableName, columns_of

DATABASE = "memory"
_CONVERSIONS: Final = {
    "pandas": "convert it, e.g. pyarrow.Table.from_pandas(frame)",
    "polars": "convert it: frame.to_arrow(); of a LazyFrame, frame.collect().to_arrow(); integers "
    "of 128 bits before, which Arrow has not: pl.col(name).cast(pl.Decimal(38, 0))",
}


class MemoryDataSource(DataSource):
    """Tables in memory.

    Args:
        tables: Table name to a `pyarrow.Table`.
        query: Spark SQL over them; may be left out where there is one table.
    """

    kind: ClassVar[str] = "memory"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset({SourceCapability.DISCOVER})

    tables: Mapping[str, Any] = Field(repr=False)
    query: str | None = None

    @field_validator("tables")
    @classmethod
    def _are_arrow(cls, tables: Mapping[str, Any]) -> Mapping[str, Any]:
        import pyarrow as pa

        for name, table in tables.items():
            if not isinstance(table, pa.Table):
                module = type(table).__module__.partition(".")[0]
                raise ConfigError(
                    f"table {name!r} is a {type(table).__name__} of {module}, not a pyarrow.Table",
                    hint=_CONVERSIONS.get(module, _CONVERSIONS["pandas"]),
                )
        return tables

    def access(self) -> Access:
        """Return no identities: memory needs none."""
        return Access()

    def catalog(self, access: Access) -> Catalog:
        """Return the tables as a catalog of the database `memory`."""

        def describing(name: str) -> Callable[[], Table]:
            return lambda: self._table(name)

        return SingleDatabase(DATABASE, {name: describing(name) for name in self.tables})

    def _table(self, name: str) -> Table:
        columns = columns_of(self.tables[name].schema)
        return Table(TableName(DATABASE, name), columns, kind="memory", detail=name)

    def sql(self) -> str:
        """Return the query, or all rows of the only table."""
        return the_query(self.query, list(self.tables))

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        """Return the rows themselves."""
        return MemoryRelation(table.name, table.columns, self.tables[table.detail])

    @property
    def default_database(self) -> str:
        """The one database: `memory`."""
        return DATABASE

    @property
    def allowed_databases(self) -> frozenset[str]:
        """Only that."""
        return frozenset({DATABASE})
