"""`headwater validate`: is a query safe and right, and would every engine answer it alike?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from headwater.cli.options import Debug, Json, terminal_of
from headwater.cli.strictness import FailOn, Finding, of_diagnostics, strictly
from headwater.errors import ConfigError


def validate(
    ctx: typer.Context,
    query: Annotated[
        str,
        typer.Argument(help="Spark SQL, or @FILE, or - for stdin.", show_default=False),
    ],
    catalog: Annotated[
        Path,
        typer.Option(
            help='What tables there are: JSON or YAML, {"database": {"table": '
            '{"column": "type"}}}, types as Hive and Spark spell them; or the answer of '
            "discover --json."
        ),
    ],
    database: Annotated[
        str, typer.Option("--database", "-d", help="Database of unqualified tables.")
    ],
    databases: Annotated[
        list[str] | None,
        typer.Option(
            help="Other databases that the query may name; several, or separated by commas.",
            show_default=False,
        ),
    ] = None,
    fail_on: FailOn = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check a query against a catalog in a file, offline. Every finding is shown.

    The answer is no if the query would be refused, or --fail-on says so: a query is empty that
    reads no table.
    """
    from headwater.diagnostics import render_all
    from headwater.sql import validate as examine

    terminal = terminal_of(ctx)
    others = [name.strip() for part in databases or [] for name in part.split(",")]
    examined = examine(_text(query), catalog=_catalog(catalog), database=database, databases=others)
    findings = of_diagnostics(examined.diagnostics) | (
        set() if examined.tables else {Finding.EMPTY}
    )
    failed = [one for one in fail_on or () if one in findings]
    terminal.emit({**examined.to_dict(), "failed_on": sorted(failed)})
    if examined.diagnostics:
        terminal.say(render_all(examined.diagnostics))
    if not examined.ok:
        terminal.say("the query is refused")
        raise typer.Exit(1)
    terminal.say(
        f"the query is right; it reads {', '.join(map(str, examined.tables)) or 'no table'}"
    )
    terminal.table(((c.name, str(c.type)) for c in examined.columns), indent="  ")
    if examined.portable:
        terminal.say("portable: every engine answers it alike")
    else:
        terminal.say("not portable: it needs Spark")
        terminal.say(render_all(examined.portability))
    if strictly(terminal, fail_on, findings):
        raise typer.Exit(1)


def _text(query: str) -> str:
    if query == "-":
        return sys.stdin.read()
    if query.startswith("@"):
        try:
            return Path(query[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"the query file {query[1:]} can't be read: {error}") from error
    return query


def _catalog(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    """Return the catalog in a file, checked for its shape: databases, tables, columns, types."""
    from headwater.config.document import read

    expected = 'expected {"database": {"table": {"column": "type"}}}'
    data: Any = read(path, what="catalog file", if_missing=None, shape=expected).data
    data = _discovered(data, path)
    for database, tables in data.items():
        if not isinstance(tables, dict):
            raise ConfigError(
                f"{path}: database {database!r} is no mapping of tables", hint=expected
            )
        for table, columns in tables.items():
            if not isinstance(columns, dict):
                raise ConfigError(
                    f"{path}: table {database}.{table} is no mapping of columns", hint=expected
                )
            for column, type_ in columns.items():
                if not isinstance(type_, str):
                    raise ConfigError(
                        f"{path}: column {database}.{table}.{column} has no type", hint=expected
                    )
    return dict(data)


def _discovered(data: Any, path: Path) -> Any:
    """Return the catalog in an answer of `discover --json`; other data is returned unchanged."""
    match data:
        case {"databases": [*_], "catalog": dict(catalog)}:
            if not catalog and data["databases"]:
                raise ConfigError(
                    f"{path} lists names alone, and a query needs the columns' types",
                    hint="run discover --json without --names",
                )
            return catalog
        case {"sources": [*sources]}:
            whole: dict[str, Any] = {}
            for source in sources:
                listed_catalog = source.get("catalog") if isinstance(source, dict) else None
                for database, tables in (
                    listed_catalog if isinstance(listed_catalog, dict) else {}
                ).items():
                    if database in whole and whole[database] != tables:
                        raise ConfigError(
                            f"{path}: several sources have a database {database!r}",
                            hint="discover one of them: headwater discover CONNECTION --json",
                        )
                    whole[database] = tables
            return whole
        case {"name": str(name), "columns": [*columns], "kind": _}:
            home, _, short = name.rpartition(".")
            types = {c.get("name"): c.get("type") for c in columns if isinstance(c, dict)}
            return {home: {short: types}}
        case _:
            return data
