"""`headwater new-plugin`: a third party's plugin to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import Debug, Json, terminal_of
from headwater.errors import ConfigError


def new_plugin(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="Word by which configuration names what it gives, e.g. acme.", show_default=False
        ),
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="What it gives: source, database, auth, engine, writer, rule, command, ledger.",
        ),
    ] = "source",
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", help="Where to write it.  [default: headwater-NAME]", show_default=False
        ),
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a plugin's project: what it gives, its tests, packaging, README and CI."""
    from headwater.cli.new_plugin import kind_of, write_project

    terminal = terminal_of(ctx)
    kind_ = kind_of(kind)
    kinds = [spec.kind for spec in kind_.registered(terminal.registry)]
    if name in kinds:
        raise ConfigError(
            f"the {kind_.spec.word} {name!r} is there already",
            hint=f"choose none of {', '.join(kinds)}",
        )
    place = folder or Path(f"headwater-{name}")
    written = write_project(name, place, kind)
    terminal.emit({"folder": str(place), "files": [str(p) for p in written]})
    terminal.say(f"wrote {place}: now `pip install -e '{place}[test]'` and `pytest {place}`")
