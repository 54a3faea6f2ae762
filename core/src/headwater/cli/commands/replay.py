"""`headwater replay`: whether a read that evidence tells of gives the same again."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import Config, Debug, Json, Timeout, opened, terminal_of

if TYPE_CHECKING:
    from headwater.reading.dataset import Dataset


def replay(
    ctx: typer.Context,
    evidence: Annotated[
        Path,
        typer.Argument(
            help="What `headwater read --evidence` wrote.",
            metavar="EVIDENCE",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Write the rows to this Parquet file, too.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if there is one.")
    ] = False,
    timeout: Timeout = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Read again what evidence tells of, and compare: files, rows, labels.

    The answer is no if rows or labels are others than they were.
    """
    from headwater.evidence.evidence import Evidence
    from headwater.reading.dataset import EmptyReadWarning

    terminal = terminal_of(ctx)
    recorded = Evidence.load(evidence)
    with opened(ctx, config) as workspace, warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        with terminal.progress(f"planning {recorded.connection}"):
            data = workspace.replay(recorded, timeout=timeout)
        with terminal.progress(lambda: f"reading {recorded.connection}: {data.stats.rows:,} rows"):
            path = _read(data, out, overwrite)
    result = data.replay
    assert result is not None, "the workspace replayed it"
    answer: dict[str, Any] = {**result.to_dict(), "path": None if path is None else str(path)}
    terminal.emit(answer)
    terminal.say(result.outcome)
    if path is not None:
        terminal.say(f"wrote {data.stats.rows:,} rows to {path}")
    if not result.same:
        raise typer.Exit(1)


def _read(data: Dataset, out: Path | None, overwrite: bool) -> Path | None:
    if out is not None:
        return data.write(out, overwrite=overwrite)
    for _ in data:
        pass
    return None
