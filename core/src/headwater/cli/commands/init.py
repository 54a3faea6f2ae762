"""`headwater init`: a configuration file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import Debug, Json, terminal_of
from headwater.errors import ConfigError


def init(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("headwater.yaml"),
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="Kind of source in it: files or glue.  [default: glue if it is installed]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a commented headwater.yaml: a model, and where its predictions lie."""
    from headwater.cli.starting_point import SOURCES, starting_point
    from headwater.writing import complete

    terminal = terminal_of(ctx)
    kinds = [spec.kind for spec in terminal.registry.sources()]
    kind = source or ("glue" if "glue" in kinds else "files")
    if kind not in SOURCES:
        raise typer.BadParameter(f"--source is one of {', '.join(SOURCES)}, got {kind!r}")
    if path.suffix not in (".yaml", ".yml"):
        raise typer.BadParameter(f"{path}: the file is YAML; end its name in .yaml")
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} exists", hint="name another file, or use --overwrite")
    path.parent.mkdir(parents=True, exist_ok=True)
    with complete(path) as file:
        file.write(starting_point(kind).encode())
    terminal.emit({"path": str(path), "source": kind})
    terminal.say(f"wrote {path}: edit it, then run `headwater check`")
    if kind not in kinds:
        terminal.warn(f"the source {kind!r} is not installed: pip install headwater-{kind}")
