"""What `headwater init` asks where a person sits before it, and no option says it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import typer


@dataclass(frozen=True, slots=True)
class Answers:
    """What a person answered.

    Args:
        source: Kind of source.
        table: The table to propose a file for; None for a commented file to fill in.
        options: The source's options that were asked for.
        overwrite: Whether the file that is there may be replaced.
    """

    source: str
    table: str | None
    options: Mapping[str, str]
    overwrite: bool


def somebody_answers() -> bool:
    """Return whether a person can be asked: stdin is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(
    default: str,
    tables: Mapping[str, str],
    regional: Callable[[str], bool],
    path: Path,
    overwrite: bool,
) -> Answers:
    """Ask where the predictions lie; questions go to stderr, Enter takes what is in brackets.

    Args:
        default: Kind of source that is likely.
        tables: What a table is called, e.g. `db.log`, by kind of source.
        regional: Tells whether a kind of source is in some region.
        path: The file to write.
        overwrite: Whether it may be replaced without being asked.

    Raises:
        typer.Abort: On Ctrl-C, Ctrl-D, or if the file is there and must stay.
    """
    if path.exists() and not overwrite:
        typer.confirm(f"{path} exists. Replace it?", abort=True, err=True)
        overwrite = True
    source = ""
    while source not in tables:
        source = typer.prompt(
            f"Where do the predictions lie: {', '.join(tables)}?", default=default, err=True
        ).strip()
    options = {}
    what = f"Propose the file from a table that is there, e.g. {tables[source]}"
    table = _optional(f"{what} (Enter: a commented file to fill in)")
    if table and regional(source):
        region = _optional("Its region, e.g. us-east-1 (Enter: as the environment says)")
        options = {"region": region} if region else {}
    return Answers(source, table, options, overwrite)


def _optional(question: str) -> str | None:
    answer: str = typer.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None
