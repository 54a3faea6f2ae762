"""`headwater check`: prove that connections can be read, stage by stage."""

from __future__ import annotations

from typing import Annotated

import typer

from headwater.cli.options import (
    Config,
    Debug,
    End,
    Json,
    Last,
    Since,
    Start,
    opened,
    terminal_of,
    whole_window,
)
from headwater.cli.strictness import FailOn, of_report, strictly
from headwater.interfaces.report import DUPLICATES


def check(
    ctx: typer.Context,
    connection: Annotated[
        str | None,
        typer.Argument(help="The connection; without it, all of them.", show_default=False),
    ] = None,
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    fail_on: FailOn = None,
    max_duplicates: Annotated[
        float,
        typer.Option(
            help="Fail where a larger share of the rows repeats an id; fewer are a warning.",
            min=0,
            max=1,
        ),
    ] = DUPLICATES,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Examine connections, from identity and permissions to rows. Everything wrong is shown.

    The answer is no if a stage of any connection fails, or --fail-on says so.
    """
    whole_window(start, end, last, since)
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        chosen = (
            list(workspace.connections.values())
            if connection is None
            else [workspace.connection(connection)]
        )
        reports = []
        for one in chosen:
            with terminal.progress(f"checking {one.name}"):
                report = one.check(
                    start, end, last=last, since=since, max_duplicates=max_duplicates
                )
            reports.append(report)
            terminal.say(reports[-1].render())
    ok = all(report.ok for report in reports)
    if not reports:
        terminal.say("there are no connections to check")
    failed = strictly(terminal, fail_on, {f for report in reports for f in of_report(report)})
    answer = {"ok": ok, "reports": [report.to_dict() for report in reports]}
    terminal.emit({**answer, "failed_on": failed})
    if failed or not ok:
        raise typer.Exit(1)
