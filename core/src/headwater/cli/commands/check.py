"""`headwater check`: prove that connections can be read, and that a version's fit together."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headwater.cli.options import (
    Config,
    Debug,
    End,
    Json,
    Last,
    Since,
    Start,
    Within,
    opened,
    terminal_of,
    whole_window,
)
from headwater.cli.strictness import FailOn, of_report, strictly
from headwater.interfaces.report import DUPLICATES

if TYPE_CHECKING:
    from collections.abc import Callable

    from headwater.interfaces.report import CheckReport


def check(
    ctx: typer.Context,
    connection: Annotated[
        str | None,
        typer.Argument(
            help="The connection, or MODEL/VERSION; without it, all connections.",
            show_default=False,
        ),
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
    timeout: Within = None,
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--bundle",
            help="Write all that was asked and answered to a zip file, without secrets or rows.",
            metavar="FILE.zip",
            show_default=False,
        ),
    ] = None,
    anonymous: Annotated[
        bool,
        typer.Option("--anonymous", help="Put placeholders for all names into the bundle."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the bundle if there is one.")
    ] = False,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Examine connections, from identity and permissions to rows. Everything wrong is shown.

    Of MODEL/VERSION, its datasets are held against each other: ids, labels, units, categories.
    The answer is no if a stage fails, or --fail-on says so.
    """
    whole_window(start, end, last, since)
    if bundle is None and (anonymous or overwrite):
        raise typer.BadParameter(
            "--anonymous and --overwrite are about a bundle: name one, --bundle"
        )
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        versions = {f"{v.model.id}/{v.id}": v for v in workspace.versions}
        options: dict[str, Any] = {"last": last, "since": since, "timeout": timeout}
        checks: dict[str, Callable[[], CheckReport]]
        if connection in versions:
            checks = {connection: partial(versions[connection].check, start, end, **options)}
        else:
            chosen = (
                list(workspace.connections.values())
                if connection is None
                else [workspace.connection(connection)]
            )
            checks = {
                one.name: partial(one.check, start, end, max_duplicates=max_duplicates, **options)
                for one in chosen
            }
        reports = []
        with (
            workspace.recorded(bundle, anonymous=anonymous, overwrite=overwrite)
            if bundle is not None
            else nullcontext()
        ):
            for name, check_one in checks.items():
                with terminal.progress(f"checking {name}"):
                    reports.append(check_one())
                terminal.say(reports[-1].render())
    if bundle is not None:
        terminal.say(f"{bundle} has what was asked and answered; look into it before you send it")
    ok = all(report.ok for report in reports)
    if not reports:
        terminal.say("there are no connections to check")
    failed = strictly(terminal, fail_on, {f for report in reports for f in of_report(report)})
    answer: dict[str, Any] = {"ok": ok, "reports": [report.to_dict() for report in reports]}
    if bundle is not None:
        answer["bundle"] = str(bundle)
    terminal.emit({**answer, "failed_on": failed})
    if failed or not ok:
        raise typer.Exit(1)
