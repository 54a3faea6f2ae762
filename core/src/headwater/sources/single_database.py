"""A catalog of one database, made of tables that are already known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from headwater.diagnostics import hint_for
from headwater.errors import DatabaseNotFoundError, TableNotFoundError, UnsupportedError
from headwater.tables.table import KeyCondition, Partition, Table, TableName


class SingleDatabase:
    """A `Catalog` of one database.

    Args:
        database: Its name.
        tables: For each table's name, what describes it when it is asked for.
        partitions: Gives the partitions of a table that it described; None where no table has any.
    """

    def __init__(
        self,
        database: str,
        tables: Mapping[str, Callable[[], Table]],
        partitions: Callable[[Table], Sequence[Partition]] | None = None,
    ) -> None:
        self._database = database
        self._tables = tables
        self._partitions = partitions

    def databases(self) -> Iterator[str]:
        """Yield the one database."""
        yield self._database

    def tables(self, database: str) -> Iterator[str]:
        """Yield its tables."""
        if database.casefold() != self._database.casefold():
            raise DatabaseNotFoundError(
                f"no database {database!r}", hint=f"there is only {self._database!r}"
            )
        yield from self._tables

    def table(self, name: TableName) -> Table:
        """Return one of its tables; names are compared without case, as Spark does."""
        list(self.tables(name.database))
        for own_name, describe in self._tables.items():
            if own_name.casefold() == name.name.casefold():
                return describe()
        raise TableNotFoundError(
            f"no table {name.name!r}", hint=hint_for(name.name, self._tables, what="tables")
        )

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        """Return all partitions of a table; there is nothing to save by asking for less.

        Raises:
            UnsupportedError: If no table here has any.
        """
        if self._partitions is None:
            raise UnsupportedError(
                f"the tables of {self._database!r} have no partitions",
                hint="its source does not declare the capability `partitions`",
            )
        return self._partitions(table)

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        """Return how many partitions there are."""
        count = len(list(self.partitions(table)))
        return count if count <= at_most else None
