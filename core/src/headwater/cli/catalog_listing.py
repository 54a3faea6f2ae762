"""Listing a catalog for a person, as it answers: names only, or tables with what they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final

from headwater.cli.table_sizes import Measured, measure_entry, measured, spelled
from headwater.errors import HeadwaterError
from headwater.tables.table import TableName

if TYPE_CHECKING:
    from headwater.cli.terminal import Terminal
    from headwater.tables.table import Catalog, Measurable, Surveyable, Table

_THREADS: Final = 8
_NAME_WIDTH: Final = 40
_KIND_WIDTH: Final = 10
"""Widths for lines that are shown before the next one is known; a longer text takes its room."""


def names(
    terminal: Terminal, catalog: Catalog, database: str | None, *, indent: str = ""
) -> list[dict[str, Any]]:
    """Print the names of databases and tables as they come, and return them.

    Args:
        terminal: Who hears them.
        catalog: What is listed.
        database: Only this one; None for all.
        indent: Before each line.

    Raises:
        HeadwaterError: As the catalog answers.
    """
    entries = []
    databases = [database] if database is not None else catalog.databases()
    for name, listed in names_by_database(catalog, databases):
        terminal.say(indent + name)
        tables = []
        for table in listed:
            terminal.say(f"{indent}  {table}")
            tables.append(table)
        entries.append({"name": name, "tables": tables})
    if not entries:
        terminal.say(f"{indent}there are no databases that this identity can see")
    return entries


def names_by_database(
    catalog: Catalog, databases: Iterable[str]
) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield each database and the names of its tables, in order, several asked for side by side.

    The first one's names come as its pages do: a person is waiting for them.

    Args:
        catalog: Who is asked.
        databases: Their names.

    Raises:
        HeadwaterError: As the catalog answers.
    """
    remaining = iter(databases)
    first = next(remaining, None)
    if first is None:
        return
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-names") as pool:
        yield first, catalog.tables(first)
        waiting: deque[tuple[str, Future[list[str]]]] = deque()
        try:
            for name in remaining:
                listed = pool.submit(copy_context().run, lambda n=name: list(catalog.tables(n)))
                waiting.append((name, listed))
                if len(waiting) > _THREADS:
                    database, listed = waiting.popleft()
                    yield database, listed.result()
            while waiting:
                database, listed = waiting.popleft()
                yield database, listed.result()
        finally:
            for _, listed in waiting:
                listed.cancel()


def survey(
    terminal: Terminal,
    catalog: Catalog,
    surveyed: Surveyable,
    database: str | None,
    *,
    indent: str = "",
    measurable: Measurable | None = None,
) -> list[dict[str, Any]]:
    """Print every table and what it is, a line each, as they come; return them by database.

    A database that can't be listed is a warning: it hides none of the others.

    Args:
        terminal: Who hears them.
        catalog: Gives the names of the databases.
        surveyed: The same catalog.
        database: Only this one; None for all.
        indent: Before each line.
        measurable: The same catalog, where it is also asked how much each table holds.

    Raises:
        HeadwaterError: If nothing at all could be listed.
    """
    entries: dict[str, dict[str, Any]] = {}
    databases = [database] if database is not None else _recorded(catalog.databases(), entries)
    errors = []
    with closing(surveyed.survey(databases)) as listed, measured(listed, measurable) as tables:
        for home, table, measure in tables:
            entry = entries.setdefault(home, _entry(home))
            if isinstance(table, HeadwaterError):
                if not home:
                    raise table
                if error := _print_names(terminal, catalog, entry, table, indent):
                    errors.append(error)
            else:
                terminal.say(indent + line(table, measure))
                entry["tables"].append(table.name.name)
                entry["details"].append(_table_entry(table) | measure_entry(measure))
    if errors and len(errors) == len(entries):  # what was asked for could not be listed at all
        raise errors[0]
    for home, entry in entries.items():
        if not entry["tables"] and "error" not in entry:
            terminal.say(f"{indent}{home}  (no tables)")
    if not entries and database is None:
        terminal.say(f"{indent}there are no databases that this identity can see")
    elif not entries:
        terminal.say(f"{indent}{database}  (no tables)")
        entries[str(database)] = _entry(str(database))
    return list(entries.values())


def _print_names(
    terminal: Terminal,
    catalog: Catalog,
    entry: dict[str, Any],
    error: HeadwaterError,
    indent: str,
) -> HeadwaterError | None:
    """Print the names of the tables that could not be surveyed, or return why there are none.

    By name, a catalog follows links and suggests near names, which a survey has no calls for.
    """
    home = entry["name"]
    try:
        missing = [t for t in catalog.tables(home) if t not in entry["tables"]]
    except HeadwaterError as failure:
        entry["error"] = failure.to_dict()
        terminal.warn(f"{home}: {failure.message}")
        return failure
    for name in missing:
        terminal.say(f"{indent}{home}.{name}")
    entry["tables"] += missing
    terminal.warn(f"{home}: its tables are known by name only: {error.message}")
    return None


def problems(databases: Iterable[dict[str, Any]]) -> list[str]:
    """Return the tables of a survey whose descriptions are wrong, by name."""
    return [
        f"{database['name']}.{table['name']}"
        for database in databases
        for table in database.get("details", ())
        if table.get("problem")
    ]


def line(table: Table, measure: Measured = None) -> str:
    """Return one line about a table in a listing.

    Args:
        table: The table.
        measure: How much it holds, if that was measured; or why it can't be.
    """
    count = len(table.columns)
    parts = [f"{count} column{'' if count == 1 else 's'}"]
    if table.partition_keys:
        parts.append(f"by {', '.join(table.partition_keys)}")
    if table.unqueryable:
        parts.append(f"can't be queried: {table.unqueryable}")
    elif table.problem:
        parts.append(table.problem)
    parts += spelled(measure)
    return f"{table.name!s:<{_NAME_WIDTH}}  {table.kind:<{_KIND_WIDTH}}  {'; '.join(parts)}"


def _recorded(databases: Iterable[str], entries: dict[str, dict[str, Any]]) -> Iterator[str]:
    for name in databases:
        entries.setdefault(name, _entry(name))
        yield name


def _entry(name: str) -> dict[str, Any]:
    return {"name": name, "tables": [], "details": []}


def _table_entry(table: Table) -> dict[str, Any]:
    return {
        "name": table.name.name,
        "kind": table.kind,
        "columns": len(table.columns),
        "types": types_of(table),
        "partition_keys": list(table.partition_keys),
        "location": table.location,
        "unqueryable": table.unqueryable,
        "problem": table.problem,
    }


def types_of(table: Table) -> dict[str, str]:
    """Return the columns of a table with their types, as `validate --catalog` takes them."""
    return {c.name: str(c.type) for c in table.columns if c.type.is_known}


def typed(
    databases: Iterable[Mapping[str, Any]], catalog: Catalog
) -> dict[str, dict[str, dict[str, str]]]:
    """Return a listing as `validate --catalog` takes it: databases, tables, columns, types.

    A table that was listed by name alone is looked up; one that can't be, or that nobody can query,
    is left out.

    Args:
        databases: What `names` or `survey` returned.
        catalog: Who is asked.
    """
    types: dict[str, dict[str, dict[str, str]]] = {}
    for database in databases:
        home = database["name"]
        described = {entry["name"]: entry for entry in database.get("details", ())}
        tables = types.setdefault(home, {})
        for name in database["tables"]:
            entry = described.get(name)
            try:
                table = None if entry else catalog.table(TableName(home, name))
            except HeadwaterError:
                continue
            refused = entry["unqueryable"] if entry else table and table.unqueryable
            if not refused:
                tables[name] = entry["types"] if entry else types_of(table) if table else {}
    return types
