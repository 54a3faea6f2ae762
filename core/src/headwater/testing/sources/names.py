"""What a data source promises of names: columns and tables may be called anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from headwater.errors import HeadwaterError
from headwater.sql.rewriting import quoted
from headwater.testing.contract import expect
from headwater.testing.edges import COLUMNS, edge_rows
from headwater.testing.sources.support import (
    MakeSource,
    SourcePromises,
    only_table,
    read,
    table_text,
    takes_table,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.data_source import DataSource


class NamePromises(SourcePromises):
    """Whatever columns and tables are called, they are found, and hold their own values."""

    def test_columns_may_be_called_anything(
        self, make_source: MakeSource, odd_names: Sequence[str]
    ) -> None:
        """Keywords, spaces, quotes, dots, percent signs, other scripts: a column is its own name.

        If it fails: quote every name that goes into the system's own query language, with its
        quotes doubled; pass none through a format string.
        """
        import pyarrow as pa

        rows = edge_rows()
        for name in odd_names:
            values = [f"{name} {number}" for number in range(rows.num_rows)]
            rows = rows.append_column(name, pa.array(values))
        source = _stored(make_source, rows)
        try:
            faults = _others(read(source), rows, odd_names)
        except HeadwaterError as error:
            faults = list(_unreadable(source, rows, odd_names)) or [
                f"they can't be read: {error.message}"
            ]
        expect(
            faults,
            "quote each name, doubling the quotes in it, and keep it as it is spelled; override "
            "the fixture odd_names where the system itself can't hold some",
        )

    def test_tables_may_be_called_anything(
        self, make_source: MakeSource, odd_tables: Sequence[str]
    ) -> None:
        """Keywords, spaces, quotes, dots, other scripts: a table is found by its own name.

        If it fails: quote the name where it goes into a query of the system, and cut no name at
        its dots: TableName says its parts.
        """
        if not takes_table(make_source):
            pytest.skip(
                "make_source takes no `table`: let it take one (and quote it in the query) to have "
                "names of tables proven"
            )
        storing: Callable[..., DataSource] = make_source
        faults = []
        for name in odd_tables:
            rows = edge_rows().select(["id", *COLUMNS])
            try:
                source = storing(rows, table=name)
                with source.access() as access:
                    table = only_table(source, access).name.name
                if table.casefold() != name.casefold():
                    faults.append(f"the table {name!r} is called {table!r} in the catalog")
                elif (count := read(source).num_rows) != rows.num_rows:
                    faults.append(f"of the table {name!r} came {count} rows, not {rows.num_rows}")
            except HeadwaterError as error:
                faults.append(f"the table {name!r} can't be read: {error.message}")
        expect(
            faults,
            "quote the table's name where it goes into a query of the system; override the fixture "
            "odd_tables where the system itself can't hold some",
        )


def _stored(make_source: MakeSource, rows: pa.Table) -> DataSource:
    """Return a source of rows with other columns; skips where only the edge rows' are made."""
    why = (
        "make_source makes the columns of edge_rows, whatever rows it is given: let it take names "
        "and types from rows.schema, to have names of columns proven"
    )
    source = make_source(rows)
    with source.access() as access:
        columns = {c.name.casefold() for c in only_table(source, access).columns}
    if columns == {"id", *COLUMNS}:
        pytest.skip(why)
    return source


def _unreadable(source: DataSource, rows: pa.Table, names: Sequence[str]) -> Iterator[str]:
    """Yield which columns can't be read, each alone, and what is said of it."""
    for name in names:
        query = f"SELECT id, {quoted(name)} FROM {table_text(source)}"
        try:
            yield from _others(read(source, query), rows, [name])
        except HeadwaterError as error:
            yield f"column {name!r} can't be read: {error.message}"


def _others(actual: pa.Table, expected: pa.Table, names: Sequence[str]) -> list[str]:
    """Return which columns are missing, or hold other values."""
    came = {n.casefold(): n for n in actual.column_names}
    faults = []
    for name in names:
        if name.casefold() not in came:
            faults.append(
                f"column {name!r} did not come; there are {', '.join(actual.column_names)}"
            )
            continue
        values = sorted(map(str, actual[came[name.casefold()]].to_pylist()))
        if values != sorted(map(str, expected[name].to_pylist())):
            faults.append(f"column {name!r} holds {values}, not {expected[name].to_pylist()}")
    return faults
