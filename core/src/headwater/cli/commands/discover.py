"""`headwater discover`: what databases, tables and columns there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import Config, Debug, Json, opened, terminal_of
from headwater.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    from pathlib import Path

    from headwater.cli.terminal import Terminal
    from headwater.source import DataSource
    from headwater.table import Catalog, Table


def discover(
    ctx: typer.Context,
    connection: Annotated[
        str | None,
        typer.Argument(
            help="Look where this connection looks; needless if there is one only.",
            show_default=False,
        ),
    ] = None,
    database: Annotated[
        str | None, typer.Option("--database", "-d", help="Only this database.", show_default=False)
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            "--table",
            "-t",
            help="The columns of one table: NAME or DATABASE.NAME.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="Instead of a connection: a source's kind, e.g. glue.",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="With --source: its region.", show_default=False)
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="With --source: its address.", show_default=False)
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="With --source: another of its options, e.g. --set auth.type=profile "
            "--set auth.name=dev.",
            metavar="KEY=VALUE",
            show_default=False,
        ),
    ] = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List databases and tables as they are found, or the columns of one table."""
    terminal = terminal_of(ctx)
    if source is None and (region or endpoint_url or options):
        raise typer.BadParameter("--region, --endpoint-url and --set go with --source")
    if source is not None and connection is not None:
        raise typer.BadParameter("give a connection or --source, not both")
    given = {"region": region, "endpoint_url": endpoint_url, **_options(options or [])}
    with _chosen(ctx, connection, source, database, given, config) as found:
        _refuse_silent(found)
        with found.access() as access:
            catalog = found.catalog(access)
            if table is not None:
                _one_table(terminal, catalog, table, database or found.default_database)
            else:
                _all_tables(terminal, catalog, database)


@contextmanager
def _chosen(
    ctx: typer.Context,
    connection: str | None,
    kind: str | None,
    database: str | None,
    given: dict[str, Any],
    config: Path | None,
) -> Iterator[DataSource]:
    if kind is not None:
        yield _made(ctx, kind, database, given)
        return
    with opened(ctx, config) as workspace:
        if connection is not None:
            yield workspace.connection(connection).source
            return
        connections = workspace.connections
        if len(connections) != 1:
            raise ConfigError(
                f"the file has {len(connections)} connections: which one?",
                hint=f"name one: {', '.join(connections)}" if connections else "or use --source",
            )
        [only] = connections.values()
        yield only.source


def _made(ctx: typer.Context, kind: str, database: str | None, given: dict[str, Any]) -> DataSource:
    from headwater.config import source_of

    registry = terminal_of(ctx).registry
    fields = registry.source_class(kind).model_fields
    options = {key: value for key, value in given.items() if value is not None}
    # A source is a query over a database; looking around needs neither.
    if "database" in fields:
        options.setdefault("database", database or "default")
    if "query" in fields and "table" not in options:
        options.setdefault("query", "SELECT 1")
    return source_of(kind, options, registry)


def _options(pairs: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in pairs:
        path, separator, value = pair.partition("=")
        if not separator or not path:
            raise typer.BadParameter(f"--set takes KEY=VALUE, got {path!r}")
        *outer, last = path.split(".")
        place = found
        for step in outer:
            place = place.setdefault(step, {})
        place[last] = value
    return found


def _refuse_silent(source: DataSource) -> None:
    from headwater.source import SourceCapability

    if SourceCapability.DISCOVER not in source.capabilities:
        raise UnsupportedError(
            f"the source {source.kind!r} does not list what it holds",
            hint="name the tables in its query, and use `headwater check`",
        )


def _all_tables(terminal: Terminal, catalog: Catalog, database: str | None) -> None:
    found = []
    for name in [database] if database is not None else catalog.databases():
        terminal.say(name)
        tables = []
        for table in catalog.tables(name):
            terminal.say(f"  {table}")
            tables.append(table)
        found.append({"name": name, "tables": tables})
    terminal.emit({"databases": found})
    if not found:
        terminal.say("there are no databases that this identity can see")


def _one_table(terminal: Terminal, catalog: Catalog, name: str, database: str | None) -> None:
    from headwater.table import TableName

    home, _, short = name.rpartition(".")
    if not home and database is None:
        raise typer.BadParameter("name the table's database: --table DATABASE.NAME")
    table = catalog.table(TableName(home or str(database), short))
    terminal.emit(_described(table))
    terminal.say(f"{table.name}  ({table.kind}{f', {table.location}' if table.location else ''})")
    keys = {key.casefold() for key in table.partition_keys}
    terminal.table(
        (
            (c.name, str(c.type), "partition key" if c.name.casefold() in keys else c.comment or "")
            for c in table.columns
        ),
        indent="  ",
    )
    if table.unqueryable:
        terminal.say(f"  it can't be queried: {table.unqueryable}")


def _described(table: Table) -> dict[str, Any]:
    return {
        "name": str(table.name),
        "kind": table.kind,
        "location": table.location,
        "columns": [
            {"name": c.name, "type": str(c.type), "comment": c.comment} for c in table.columns
        ],
        "partition_keys": list(table.partition_keys),
        "unqueryable": table.unqueryable,
    }
