"""`headwater read`: a window's rows, to a file."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import (
    AsOf,
    Config,
    Debug,
    End,
    Engine,
    Json,
    Name,
    Sample,
    Start,
    opened,
    terminal_of,
    whole_window,
)

if TYPE_CHECKING:
    from headwater.interfaces.read_stats import ReadStats
    from headwater.reading.dataset import Dataset


def read(
    ctx: typer.Context,
    connection: Name,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A file, or a folder in which it is called part-0."),
    ],
    start: Start = None,
    end: End = None,
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help="parquet, csv, arrow or a plugin's.  [default: by the file's ending, or parquet]",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
    as_of: AsOf = None,
    engine: Engine = None,
    sample: Sample = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the rows of a window to a file, whole or not at all."""
    from headwater.reading.dataset import EmptyReadWarning

    whole_window(start, end)
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        chosen = workspace.connection(connection)
        with terminal.progress(f"planning {chosen.name}"):
            data = chosen.read(start, end, as_of=as_of, engine=engine, sample=sample)
        with (
            terminal.progress(lambda: f"reading {chosen.name}: {data.stats.rows:,} rows"),
            warnings.catch_warnings(),
        ):
            # The verdict on an empty read is part of the answer below.
            warnings.simplefilter("ignore", EmptyReadWarning)
            path = data.write(out, format=format or _format_of(out), overwrite=overwrite)
    terminal.emit(_answer(data, path))
    terminal.say(_summary(data.stats, path))


def _format_of(out: Path) -> str:
    from headwater.reading.file_writer import FORMATS

    by_ending = {ending: name for name, ending in FORMATS.items()}
    return by_ending.get(out.suffix, "parquet")


def _answer(data: Dataset, path: Path) -> dict[str, Any]:
    return {
        "path": str(path),
        "connection": data.plan.connection,
        "engine": data.plan.engine,
        "stats": data.stats.to_dict(),
    }


def _summary(stats: ReadStats, path: Path) -> str:
    lines = [f"wrote {stats.rows:,} rows to {path}"]
    if stats.first and stats.last:
        lines.append(f"  from {stats.first.isoformat()} to {stats.last.isoformat()}")
    lines += [
        f"  {name} is known for {count:,} rows ({count / stats.rows:.1%})"
        for name, count in stats.actuals.items()
        if stats.rows
    ]
    if stats.null_ids:
        lines.append(f"  {stats.null_ids:,} rows have no id")
    if stats.conflicts:
        lines.append(f"  {stats.conflicts:,} rows have actuals that contradict each other")
    findings = [*stats.notes, *([stats.verdict] if stats.verdict else [])]
    lines += [f"  {line}" for finding in findings for line in finding.render().splitlines()]
    return "\n".join(lines)
