"""What `headwater init` asks where a person sits before it, and no option says it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from headwater.cli.starting_point import SOURCES

_EXAMPLES: Final = {
    "files": "a file or a folder, e.g. data/predictions/",
    "glue": "my_db.model_predictions",
    "s3": "s3://my-lake/model_predictions/%Y/%m/%d/*.parquet",
}
"""What a table is called, by kind of source."""
_REGIONAL: Final = ("glue", "s3")


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


def ask(default: str, installed: Sequence[str], path: Path, overwrite: bool) -> Answers:
    """Ask where the predictions lie; questions go to stderr, Enter takes what is in brackets.

    Args:
        default: Kind of source that is likely.
        installed: Kinds that there are: a table can only be looked at by one of these.
        path: The file to write.
        overwrite: Whether it may be replaced without being asked.

    Raises:
        typer.Abort: On Ctrl-C, Ctrl-D, or if the file is there and must stay.
    """
    if path.exists() and not overwrite:
        typer.confirm(f"{path} exists. Replace it?", abort=True, err=True)
        overwrite = True
    source = ""
    while source not in SOURCES:
        source = typer.prompt(
            f"Where do the predictions lie: {', '.join(SOURCES)}?", default=default, err=True
        ).strip()
    table = None
    options = {}
    if source in installed:
        what = f"Propose the file from a table that is there, e.g. {_EXAMPLES[source]}"
        table = _optional(f"{what} (Enter: a commented file to fill in)")
    if table and source in _REGIONAL:
        region = _optional("Its AWS region, e.g. us-east-1 (Enter: as AWS_REGION says)")
        options = {"region": region} if region else {}
    return Answers(source, table, options, overwrite)


def _optional(question: str) -> str | None:
    answer: str = typer.prompt(question, default="", show_default=False, err=True)
    return answer.strip() or None
