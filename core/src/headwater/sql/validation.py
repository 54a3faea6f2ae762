"""Validating a query against a catalog that is a dict: no source, no network, no engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from headwater.diagnostics import Diagnostic, did_you_mean, errors_in, render_all
from headwater.errors import ConfigError
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, Table, TableName
from headwater.types import DataType, unreadable
from headwater.types.text import TypeTextError, parse_type

CatalogDict = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Database -> table -> column -> type, as Hive or Spark spells types."""


class OutputColumn(NamedTuple):
    """One column that a query gives.

    Args:
        name: As Spark names it.
        type: As Spark spells it; `unknown` where it can't be told.
    """

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Validation:
    """What is known of a query without running it.

    Args:
        sql: The query.
        diagnostics: Everything that was found, in the order of the text's parts.
        tables: The tables that it names; `str(table)` is `database.table`.
        columns: The columns that it gives, as far as they can be told.
        portability: Why the embedded engine can't promise Spark's answer; empty if it can, or if
            the query is not valid.
    """

    sql: str
    diagnostics: tuple[Diagnostic, ...]
    tables: tuple[TableName, ...]
    columns: tuple[OutputColumn, ...]
    portability: tuple[Diagnostic, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing forbids to run it."""
        return not errors_in(self.diagnostics)

    @property
    def portable(self) -> bool:
        """Whether the embedded engine answers as Spark does."""
        return self.ok and not self.portability

    def render(self) -> str:
        """Return all findings for a person; empty where there is none."""
        return render_all(self.diagnostics)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "ok": self.ok,
            "diagnostics": [d.to_dict() for d in self.diagnostics],
            "tables": [str(t) for t in self.tables],
            "columns": [c._asdict() for c in self.columns],
            "portable": self.portable,
            "portability": [d.to_dict() for d in self.portability],
        }


def validate(
    sql: str,
    *,
    catalog: CatalogDict,
    database: str | None = None,
    databases: Collection[str] | None = None,
) -> Validation:
    """Check a query against a catalog, without running anything.

    The cost depends on the query and the tables that it names, not on the size of the catalog.

    Args:
        sql: Spark SQL, one query.
        catalog: Tables and their columns, e.g. `{"db": {"t": {"id": "bigint"}}}`.
        database: Where tables without a database lie.
        databases: Databases that the query may name besides `database`. Where neither is given, all
            of the catalog.

    Returns:
        All findings at once.

    Raises:
        ConfigError: If the catalog has another shape. A column whose type can't be read is an error
            of the query only where it is used.

    Example:
        >>> found = validate(
        ...     "SELECT id, amont FROM t",
        ...     catalog={"db": {"t": {"id": "bigint", "amount": "int"}}},
        ...     database="db",
        ... )
        >>> [(d.code, d.line, d.column, d.hint) for d in found.diagnostics]
        [('unknown-column', 1, 12, "did you mean 'amount'?")]
    """
    allowed = databases if database is not None or databases is not None else list(catalog)
    parsed = parse(sql, database=database, databases=allowed)
    names = parsed.table_names
    tables = {n: t for n in names if (t := _table(catalog, n)) is not None}
    analysis = bind(parsed, tables, suggest=lambda name: _suggest(catalog, name))
    columns = tuple(OutputColumn(c.name, str(c.type)) for c in analysis.columns)
    refusals: tuple[Diagnostic, ...] = ()
    if analysis.ok:
        from headwater.sql import portable

        refusals = portable.refusals(analysis)
    return Validation(sql, analysis.diagnostics, names, columns, refusals)


def _folded(mapping: Mapping[str, Any], name: str) -> str | None:
    """The key that Spark takes for a name: case does not matter."""
    if name in mapping:
        return name
    lower = name.lower()
    if lower in mapping:
        return lower
    return next((k for k in mapping if k.lower() == lower), None)


def _table(catalog: CatalogDict, name: TableName) -> Table | None:
    database = _folded(catalog, name.database)
    table = _folded(catalog[database], name.name) if database is not None else None
    if database is None or table is None:
        return None
    columns = catalog[database][table]
    if not isinstance(columns, Mapping):
        raise ConfigError(
            f"catalog table {database}.{table}: columns are {type(columns).__name__}, "
            "not a mapping",
            hint='give {"column": "type", ...}',
        )
    return Table(name, tuple(_columns(f"{database}.{table}", columns)))


def _columns(table: str, columns: Mapping[str, str]) -> Iterator[Column]:
    for name, text in columns.items():
        yield Column(name, _type(table, name, text))


def _type(table: str, column: str, text: str) -> DataType:
    if not isinstance(text, str):
        raise ConfigError(
            f"catalog table {table}: the type of column {column} is {type(text).__name__}",
            hint='give it as text, e.g. "bigint" or "array<string>"',
        )
    try:
        return parse_type(text)
    except TypeTextError as error:
        return unreadable(text, str(error))


def _suggest(catalog: CatalogDict, name: TableName) -> str | None:
    """Return what may have been meant by a table that is not there."""
    database = _folded(catalog, name.database)
    if database is None:
        return did_you_mean(name.database, catalog) or f"there is no database {name.database!r}"
    guess = did_you_mean(name.name, catalog[database])
    if guess:
        return guess
    elsewhere = [d for d in catalog if _folded(catalog[d], name.name) is not None]
    if elsewhere:
        places = ", ".join(map(repr, elsewhere[:3]))
        return f"there is one in {places}: write {elsewhere[0]}.{name.name}"
    return f"database {database!r} has {len(catalog[database])} tables, and none of a similar name"
