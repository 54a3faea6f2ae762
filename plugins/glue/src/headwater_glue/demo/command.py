"""The command `headwater demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

PICTURE = "headwater-demo.html"


def demo(
    keep: Annotated[
        Path | None,
        typer.Option(help="Leave the data, a config and the chart behind in this folder."),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, embedded or spark.")] = "auto",
    json: Annotated[
        bool, typer.Option("--json", help="Print only the monthly figures, as JSON.")
    ] = False,
) -> None:
    """Do the main job on real data, against an emulated AWS account on this machine.

    The months' figures are shown, and saved as a chart: headwater-demo.html.
    """
    from dataclasses import asdict
    from json import dumps

    from rich.console import Console

    from headwater_glue.demo.stage import Stage
    from headwater_glue.demo.tutorial import run

    console = Console(quiet=json)
    with tempfile.TemporaryDirectory() as passing:
        folder = keep or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        picture = (folder if keep or json else Path.cwd()) / PICTURE
        months = run(Stage(console, folder, picture, kept=keep is not None), engine=engine)
    if json:
        figures = [{**asdict(m), "start": m.start.isoformat()} for m in months]
        typer.echo(dumps({"months": figures}, indent=2))
