"""The command `headwater demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from headwater_monitor import Report

PICTURE = "headwater-demo.html"


def demo(
    keep: Annotated[
        Path | None,
        typer.Option(help="Leave the data, a config and the report behind in this folder."),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, embedded or spark.")] = "auto",
    json: Annotated[
        bool, typer.Option("--json", help="Print only the monthly figures, as JSON.")
    ] = False,
) -> None:
    """Do the main job on real data, against an emulated AWS account on this machine.

    The months' figures are shown, and saved as a report: headwater-demo.html.
    """
    from json import dumps

    from rich.console import Console

    from headwater_glue.demo.stage import Stage
    from headwater_glue.demo.tutorial import run

    console = Console(quiet=json)
    with tempfile.TemporaryDirectory() as passing:
        folder = keep or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        picture = (folder if keep or json else Path.cwd()) / PICTURE
        report = run(Stage(console, folder, picture, kept=keep is not None), engine=engine)
    if json:
        typer.echo(dumps({"months": _months(report)}, indent=2))


def _months(report: Report) -> list[dict[str, Any]]:
    """Return the figures of every month, JSON-ready."""
    months = []
    for part in report.assessment.windows:
        accuracy = next((row for row in part.rows if row.metric == "accuracy"), None)
        months.append(
            {
                "start": None if part.window is None else part.window.start.isoformat(),
                "rows": part.profile.count(),
                "coverage": part.ripeness.coverage,
                "accuracy": None if accuracy is None else float(accuracy.figure),
                "provisional": part.ripeness.provisional,
                "expected": None if accuracy is None else accuracy.expected,
                "drift": {row.field: float(row.figure) for row in part.rows if row.metric == "psi"},
            }
        )
    return months
