"""Views as queries: what a view in Glue stands for, in Spark SQL that names every table in full.

The view's own text is edited, never written anew; only Athena's views, whose SQL is Trino's, are
translated (see `athena`). What can't be carried over with its meaning is refused with the reason.

Source: Apache Spark, `CatalogTable` (view properties), `View.effectiveSQLConf`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from sqlglot import exp

from headwater.diagnostics import errors_in
from headwater.errors import TableNotFoundError
from headwater.sql import functions
from headwater.sql.analysis import ParsedQuery
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.rewriting import Edit, apply, quoted
from headwater.tables.table import Column, Table, TableName
from headwater.types import INTEGER_BITS, DataType
from headwater.untrusted.texts import whole_number
from headwater_glue.entry import GlueTable
from headwater_glue.kinds import Kind
from headwater_glue.lookup import OWN_CATALOGS
from headwater_glue.query.athena.stored import AthenaView, spark_sql, unpack
from headwater_glue.query.athena.values import UntranslatableError

Lookup = Callable[[TableName], Table]

_UTC: Final = frozenset({"utc", "etc/utc", "gmt", "etc/gmt", "z", "zulu", "+00:00", "uct"})
_SIZES: Final = frozenset({"size", "cardinality"})


class CannotExpandError(Exception):
    """A view can't be turned into a query; its message says why."""


def view_sql(entry: GlueTable, kind: Kind, columns: Sequence[Column], lookup: Lookup) -> str:
    """Return the query that a view stands for, with exactly the view's columns.

    Args:
        entry: The view.
        kind: What kind of view it is.
        columns: Its columns, as declared.
        lookup: Finds the tables under it.

    Raises:
        CannotExpandError: If its meaning can't be kept; says why.
    """
    if kind is Kind.SPARK_VIEW:
        return _spark_view(entry, columns, lookup)
    if kind is Kind.ATHENA_VIEW:
        return _athena_view(entry, columns, lookup)
    if kind is Kind.MULTI_DIALECT_VIEW and "SPARK" in entry.representations:
        return _selected(entry.representations["SPARK"], entry.database, None, columns, lookup)
    if kind is Kind.MULTI_DIALECT_VIEW and "ATHENA" in entry.representations:
        return _athena_view(entry, columns, lookup)
    raise CannotExpandError(f"headwater does not expand a view of kind {kind}")


def _athena_view(entry: GlueTable, columns: Sequence[Column], lookup: Lookup) -> str:
    try:
        if "ATHENA" in entry.representations:
            view = AthenaView(entry.representations["ATHENA"], entry.database)
        else:
            view = unpack(entry.view_text, entry.database)
        return spark_sql(view, columns, lookup)
    except UntranslatableError as error:
        raise CannotExpandError(str(error)) from error


def _spark_view(entry: GlueTable, columns: Sequence[Column], lookup: Lookup) -> str:
    zone = entry.parameter("view.sqlconfig.spark.sql.session.timezone")
    if zone and zone.lower() not in _UTC:
        raise CannotExpandError(
            f"it was made in a session of the time zone {zone}, and headwater's sessions are in UTC"
        )
    parts = whole_number(entry.parameter("view.catalogandnamespace.numparts")) or 0
    database = entry.database
    if parts > 1:
        database = entry.parameter(f"view.catalogandnamespace.part.{parts - 1}") or database
    count = whole_number(entry.parameter("view.query.out.numcols")) or 0
    outputs = None
    if count > len(entry.parameters):
        raise CannotExpandError(f"it counts {count} columns, and does not name as many")
    if count > 0:
        outputs = [entry.parameter(f"view.query.out.col.{n}") for n in range(count)]
    return _selected(
        entry.view_text, database, outputs, columns, lookup, before_ansi=_before_ansi(entry)
    )


def _before_ansi(entry: GlueTable) -> bool:
    """Return whether a view was made where errors were NULLs: Spark 4 made ANSI the default."""
    setting = entry.parameter("view.sqlconfig.spark.sql.ansi.enabled").lower()
    if setting:
        return setting != "true"
    return not entry.parameter("spark.sql.create.version").startswith("4.")


def _selected(
    text: str,
    database: str,
    outputs: Sequence[str] | None,
    columns: Sequence[Column],
    lookup: Lookup,
    *,
    before_ansi: bool = False,
) -> str:
    """Return a view's text with its tables named in full and its columns as declared.

    Args:
        text: Spark SQL.
        database: Of the tables that it names without one.
        outputs: Names of the text's output columns that the view is made of, in the order of
            `columns`; None for all of them by position.
        columns: The view's own.
        lookup: Finds the tables under it.
        before_ansi: Whether it was made without ANSI mode. Under ANSI the same text gives the same
            rows or an error, save for the size of a NULL array.
    """
    text = _without_catalogs(text)
    named = {name.database for name in parse(text).table_names}
    parsed = parse(text, database=database, databases=named)
    if not parsed.ok or parsed.tree is None:
        raise CannotExpandError(f"its text is refused: {errors_in(parsed.diagnostics)[0].message}")
    if before_ansi and (name := _size_of_null(parsed.tree)):
        raise CannotExpandError(
            f"it was made without ANSI mode, in which {name}(NULL) is -1 and not NULL"
        )
    text = apply(
        parsed.body,
        [
            Edit.replace(r.span, f"{quoted(r.name.database)}.{quoted(r.name.name)}")
            for r in parsed.references
        ],
    )
    outputs_now = _outputs(parsed, lookup)
    chosen = (
        [(c.name, c) for c in outputs_now] if outputs is None else _by_name(outputs, outputs_now)
    )
    if len(chosen) != len(columns):
        raise CannotExpandError(
            f"its text gives {len(chosen)} columns, and the view declares {len(columns)}"
        )
    items = [
        _item(name, column.type, declared)
        for (name, column), declared in zip(chosen, columns, strict=True)
    ]
    return f"SELECT {', '.join(items)} FROM (\n{text}\n) AS `v`"


def _outputs(parsed: ParsedQuery, lookup: Lookup) -> Sequence[Column]:
    tables: dict[TableName, Table] = {}
    for name in parsed.table_names:
        try:
            tables[name] = lookup(name)
        except TableNotFoundError as error:
            raise CannotExpandError(f"it stands on {name}: {error.message}") from error
        if why := tables[name].unqueryable:
            raise CannotExpandError(f"it stands on {name}, which can't be queried: {why}")
    analysis = bind(parsed, tables)
    if not analysis.ok:
        why = errors_in(analysis.diagnostics)[0].message
        raise CannotExpandError(f"its text does not fit its tables any more: {why}")
    return analysis.columns


def _by_name(names: Sequence[str], columns: Sequence[Column]) -> list[tuple[str, Column]]:
    chosen = []
    for name in names:
        matching = [c for c in columns if c.name.casefold() == name.casefold()]
        if len(matching) != 1:
            raise CannotExpandError(
                f"its text gives {len(matching)} columns named {name!r}, the view is made of one"
            )
        chosen.append((name, matching[0]))
    return chosen


def _item(name: str, now: DataType, declared: Column) -> str:
    if now == declared.type or not now.is_known:
        return f"`v`.{quoted(name)} AS {quoted(declared.name)}"
    if not _widens(now, declared.type):
        raise CannotExpandError(
            f"its column {declared.name!r} was {declared.type} when it was made, and is {now} now"
        )
    return f"CAST(`v`.{quoted(name)} AS {declared.type}) AS {quoted(declared.name)}"


def _widens(from_: DataType, to: DataType) -> bool:
    """Return whether every value of one type is a value of the other."""
    if from_.is_integer and to.is_integer:
        return INTEGER_BITS[from_.name] <= INTEGER_BITS[to.name]
    if from_.name == "decimal" and to.name == "decimal":
        whole = (from_.precision or 0) - (from_.scale or 0) <= (to.precision or 0) - (to.scale or 0)
        return whole and (from_.scale or 0) <= (to.scale or 0)
    if from_.is_text:
        return to.name == "string"
    small = from_.is_integer and INTEGER_BITS[from_.name] <= 32
    return (to.name == "double" and (small or from_.name == "float")) or (
        from_.name == "date" and to.name == "timestamp"
    )


def _without_catalogs(text: str) -> str:
    """Return a text without the names of catalogs that are this one: `spark_catalog`.`db`.`t`."""
    tree = parse(text).tree
    if tree is None:
        return text
    edits = []
    for table in tree.find_all(exp.Table):
        catalog, database = table.args.get("catalog"), table.args.get("db")
        if catalog is not None and database is not None and catalog.name.lower() in OWN_CATALOGS:
            edits.append(Edit(catalog.meta["start"], database.meta["start"], ""))
    return apply(text, edits)


def _size_of_null(tree: exp.Query) -> str | None:
    names = (functions.name_of(node) for node in tree.find_all(exp.Anonymous))
    return next((n for n in names if n in _SIZES), None)
