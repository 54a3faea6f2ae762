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
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Examine connections, from identity and permissions to rows. Everything wrong is shown.

    The answer is no if a stage of any connection fails.
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
                reports.append(one.check(start, end, last=last, since=since))
            terminal.say(reports[-1].render())
    ok = all(report.ok for report in reports)
    terminal.emit({"ok": ok, "reports": [report.to_dict() for report in reports]})
    if not reports:
        terminal.say("there are no connections to check")
    if not ok:
        raise typer.Exit(1)
