"""`headwater init`: a configuration file to begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.commands.discover import parsed_options
from headwater.cli.options import Debug, Json, terminal_of
from headwater.cli.prompts import ask, somebody_answers
from headwater.errors import ConfigError, PluginError
from headwater.reading.file_writer import complete

if TYPE_CHECKING:
    from headwater.cli.terminal import Terminal
    from headwater.interfaces.specs import StartingPoint


def init(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("headwater.yaml"),
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            "-s",
            help="Kind of source in it, e.g. files.  [default: the first that a plugin brings]",
            show_default=False,
        ),
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            help="Propose a whole file for a table, e.g. files:data/predictions/. Twice: the "
            "second has the actuals.",
            metavar="KIND:TABLE",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="With --from: the source's region.", show_default=False)
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="With --from: its address.", show_default=False)
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="With --from: another of its options, e.g. --set auth.type=profile "
            "--set auth.name=dev.",
            metavar="KEY=VALUE",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a commented headwater.yaml: a model, and where its predictions lie.

    With --from, the model and the mapping are proposed from a table's columns, partitions and
    the footers of a few of its files. Without --source and --from, a person at a terminal is asked.
    """
    terminal = terminal_of(ctx)
    if not table and (region or endpoint_url or options):
        raise typer.BadParameter("--region, --endpoint-url and --set go with --from")
    if table and source is not None:
        raise typer.BadParameter("give --from or --source, not both")
    if path.suffix not in (".yaml", ".yml"):
        raise typer.BadParameter(f"{path}: the file is YAML; end its name in .yaml")
    source_options: dict[str, Any] = {"region": region, "endpoint_url": endpoint_url}
    if source is None and not table and not json and somebody_answers():
        points = _starting_points(terminal)
        tables = {kind: point.table for kind, point in points.items()}
        answers = ask(_likely_kind(points), tables, partial(_regional, terminal), path, overwrite)
        source, overwrite = answers.source, answers.overwrite
        table = [f"{source}:{answers.table}"] if answers.table else None
        source_options |= answers.options
    if not table:
        kind, text = _starting_point(terminal, source)
        _refuse_existing(path, overwrite)
    else:
        _refuse_existing(path, overwrite)
        source_options |= parsed_options(options or [])
        kind, text = _proposal(terminal, table, source_options, path)
    with complete(path, overwrite=overwrite) as file:
        file.write(text.encode())
    terminal.emit({"path": str(path), "source": kind})
    terminal.say(f"wrote {path}: edit it, then run `headwater check`")


def _starting_point(terminal: Terminal, source: str | None) -> tuple[str, str]:
    from headwater.cli.starting_point import starting_point

    points = _starting_points(terminal)
    kind = source or _likely_kind(points)
    if kind not in points:
        spec = terminal.registry.source(kind)  # says what to install
        if spec.starting_point:
            terminal.registry.load(spec, spec.starting_point)
        raise typer.BadParameter(f"--source is one of {', '.join(points)}, got {kind!r}")
    return kind, starting_point(points[kind])


def _starting_points(terminal: Terminal) -> dict[str, StartingPoint]:
    """Return what can be begun with, by the kinds of the installed sources."""
    points: dict[str, StartingPoint] = {}
    for spec in terminal.registry.sources():
        if spec.starting_point:
            with suppress(PluginError):  # told to whoever asks for this kind
                points[spec.kind] = terminal.registry.load(spec, spec.starting_point)
    return points


def _likely_kind(points: Mapping[str, StartingPoint]) -> str:
    """Return the kind of whoever installed a plugin for it; core's own is always there."""
    return next((kind for kind in points if kind != "files"), "files")


def _regional(terminal: Terminal, kind: str) -> bool:
    return "region" in terminal.registry.source_class(kind).model_fields


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise ConfigError(f"{path} exists", hint="name another file, or use --overwrite")


def _proposal(
    terminal: Terminal, tables: Sequence[str], options: Mapping[str, Any], path: Path
) -> tuple[str, str]:
    from headwater.cli.table_evidence import proposed

    if len(tables) > 2:
        raise typer.BadParameter("--from is given once or twice: predictions, and their actuals")
    references = [_reference(table) for table in tables]
    with terminal.progress(f"looking at {', '.join(place for _, place in references)}"):
        return references[0][0], proposed(references, options, path, terminal.registry)


def _reference(table: str) -> tuple[str, str]:
    kind, separator, rest = table.partition(":")
    if not separator or not rest:
        raise typer.BadParameter(f"--from takes KIND:TABLE, e.g. files:data/log/, got {table!r}")
    # A URL names its kind itself.
    return kind, table if rest.startswith("//") else rest
