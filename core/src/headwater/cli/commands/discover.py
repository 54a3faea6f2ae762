"""`headwater discover`: what databases, tables and columns there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from headwater.cli.options import Config, Debug, Json, opened, terminal_of
from headwater.errors import ConfigError, HeadwaterError, UnsupportedError
from headwater.interfaces.offers import offers

if TYPE_CHECKING:
    from pathlib import Path

    from headwater.cli.terminal import Terminal
    from headwater.interfaces.data_source import DataSource
    from headwater.tables.table import Catalog, Table

_ASKED: Final = frozenset({"query", "table", "database", "databases", "partitions"})
"""Fields that say what a source asks of its catalog, and not which catalog that is."""


def discover(
    ctx: typer.Context,
    connection: Annotated[
        str | None,
        typer.Argument(
            help="Look where this connection looks; without it, where all of them do.",
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
            help="Instead of a connection: a source's kind, e.g. files.",
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
    names: Annotated[
        bool, typer.Option("--names", help="Names only: all that is asked of the catalog.")
    ] = False,
    details: Annotated[
        bool,
        typer.Option(
            "--details",
            help="Also partitions, files, size and freshness of each table: several calls a table.",
        ),
    ] = False,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List tables as they are found, told what they are; or the columns of one table.

    Without a connection: every place that the file's connections look at, each once. What --json
    gives is a catalog for validate --catalog.
    """
    terminal = terminal_of(ctx)
    if source is None and (region or endpoint_url or options):
        raise typer.BadParameter("--region, --endpoint-url and --set go with --source")
    if source is not None and connection is not None:
        raise typer.BadParameter("give a connection or --source, not both")
    if names and details:
        raise typer.BadParameter("give --names or --details, not both")
    depth = _Depth(names, details)
    source_options = {
        "region": region,
        "endpoint_url": endpoint_url,
        **parsed_options(options or []),
    }
    with _places(ctx, connection, source, database, source_options, config) as places:
        if table is not None:
            only = _single_source(places)
            with only.access() as access:
                _one_table(terminal, only.catalog(access), table, database or only.default_database)
        elif len(places) == 1:
            databases, catalog = _print_listing(terminal, _single_source(places), database, depth)
            terminal.emit({"databases": databases, "catalog": catalog})
            _tell_problems(terminal, databases)
        else:
            _list_places(terminal, places, database, depth)


@dataclass(frozen=True, slots=True)
class _Place:
    """A source to look at, and the connections that look there."""

    source: DataSource
    connections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Depth:
    """How much is asked: names only, what tables are, or also how much they hold."""

    names: bool
    details: bool


@contextmanager
def _places(
    ctx: typer.Context,
    connection: str | None,
    kind: str | None,
    database: str | None,
    options: dict[str, Any],
    config: Path | None,
) -> Iterator[Sequence[_Place]]:
    if kind is not None:
        yield [_Place(_source_of(ctx, kind, database, options))]
        return
    with opened(ctx, config) as workspace:
        if connection is not None:
            yield [_Place(workspace.connection(connection).source)]
            return
        if not workspace.connections:
            raise ConfigError("the file has no connections", hint="use --source")
        yield _distinct({n: c.source for n, c in workspace.connections.items()})


def _distinct(sources: Mapping[str, DataSource]) -> list[_Place]:
    """Return the places that connections look at, each once, in the order of the file."""
    places: list[tuple[Any, _Place]] = []
    for name, source in sources.items():
        own = {f: getattr(source, f) for f in type(source).model_fields if f not in _ASKED}
        key = (type(source), own)
        for index, (other, place) in enumerate(places):
            if other == key:
                places[index] = (key, _Place(place.source, (*place.connections, name)))
                break
        else:
            places.append((key, _Place(source, (name,))))
    return [place for _, place in places]


def _single_source(places: Sequence[_Place]) -> DataSource:
    if len(places) > 1:
        names = ", ".join(place.connections[0] for place in places)
        raise ConfigError(
            f"the file's connections look at {len(places)} places: which one has the table?",
            hint=f"name one: {names}",
        )
    [place] = places
    _refuse_silent(place.source)
    return place.source


def _list_places(
    terminal: Terminal, places: Sequence[_Place], database: str | None, depth: _Depth
) -> None:
    """List several places; one that can't be listed does not hide the others."""
    answers: list[dict[str, Any]] = []
    failed = 0
    for place in places:
        terminal.say(f"{', '.join(place.connections)}  ({place.source.kind})")
        answer: dict[str, Any] = {
            "connections": list(place.connections),
            "source": place.source.kind,
        }
        try:
            _refuse_silent(place.source)
            answer["databases"], answer["catalog"] = _print_listing(
                terminal, place.source, database, depth, indent="  "
            )
        except HeadwaterError as error:
            failed += 1
            terminal.warn(f"{place.connections[0]}: {error}")
            answer["error"] = error.to_dict()
        answers.append(answer)
    terminal.emit({"sources": answers})
    if failed == len(places):
        raise typer.Exit(1)
    _tell_problems(terminal, [d for answer in answers for d in answer.get("databases", ())])


def _tell_problems(terminal: Terminal, databases: Sequence[dict[str, Any]]) -> None:
    """End with 1 where a table's description is wrong: a program may look at nothing else."""
    from headwater.cli import catalog_listing

    wrong = catalog_listing.problems(databases)
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        terminal.warn(
            f"the catalog's description of {', '.join(wrong[:3])}{more} can't be read whole"
        )
        raise typer.Exit(1)


def _print_listing(
    terminal: Terminal,
    source: DataSource,
    database: str | None,
    depth: _Depth,
    *,
    indent: str = "",
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Print what a source holds; return it, with its columns' types for a program."""
    from headwater.cli import catalog_listing
    from headwater.tables.table import Measurable, Surveyable

    with source.access() as access:
        catalog = source.catalog(access)
        measurable = catalog if depth.details and offers(catalog, Measurable) else None
        if depth.details and measurable is None:
            raise UnsupportedError(
                f"the catalog of the source {source.kind!r} does not tell how much tables hold",
                hint="leave --details out",
            )
        if depth.names or not offers(catalog, Surveyable):
            databases = catalog_listing.names(terminal, catalog, database, indent=indent)
        else:
            databases = catalog_listing.survey(
                terminal, catalog, catalog, database, indent=indent, measurable=measurable
            )
        with_types = terminal.json and not depth.names
        return databases, catalog_listing.typed(databases, catalog) if with_types else {}


def _source_of(
    ctx: typer.Context, kind: str, database: str | None, settings: dict[str, Any]
) -> DataSource:
    """Return a source to look around with, from its kind and the options that were given."""
    from headwater.config import source_of

    registry = terminal_of(ctx).registry
    fields = registry.source_class(kind).model_fields
    options = {key: value for key, value in settings.items() if value is not None}
    # A source is a query over a database; looking around needs neither.
    if "database" in fields:
        options.setdefault("database", database or "default")
    if "query" in fields and "table" not in options:
        options.setdefault("query", "SELECT 1")
    return source_of(kind, options, registry)


def parsed_options(pairs: list[str]) -> dict[str, Any]:
    """Parse `--set KEY=VALUE` options; dots in a key mean nesting."""
    parsed: dict[str, Any] = {}
    for pair in pairs:
        path, separator, value = pair.partition("=")
        if not separator or not path:
            raise typer.BadParameter(f"--set takes KEY=VALUE, got {path!r}")
        *outer, last = path.split(".")
        place = parsed
        for step in outer:
            place = place.setdefault(step, {})
        place[last] = value
    return parsed


def _refuse_silent(source: DataSource) -> None:
    from headwater.interfaces.data_source import SourceCapability

    if SourceCapability.DISCOVER not in source.capabilities:
        raise UnsupportedError(
            f"the source {source.kind!r} does not list what it holds",
            hint="name the tables in its query, and use `headwater check`",
        )


def _one_table(terminal: Terminal, catalog: Catalog, name: str, database: str | None) -> None:
    from headwater.tables.table import TableName

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
    if table.problem:
        terminal.say(f"  {table.problem}")
        raise typer.Exit(1)


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
        "problem": table.problem,
    }
