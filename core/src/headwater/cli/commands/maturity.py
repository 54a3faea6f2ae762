"""`headwater maturity`: how ripe the labels of each window are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headwater.cli.options import (
    AsOf,
    Config,
    Debug,
    End,
    Engine,
    Every,
    Json,
    Last,
    Name,
    Since,
    Start,
    Timeout,
    Timezone,
    opened,
    step_of,
    terminal_of,
    whole_window,
)

if TYPE_CHECKING:
    from headwater.ledger.ledger import Ledger

_LAST = "60d"


def maturity(
    ctx: typer.Context,
    connection: Name,
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    every: Every = None,
    timezone: Timezone = None,
    as_of: AsOf = None,
    label: Annotated[
        str | None,
        typer.Option(
            "--label",
            help="The prediction whose labels are meant, where the model has several.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            help="'prediction': each predicted class alone, too.",
            metavar="WHAT",
            show_default=False,
        ),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger",
            help="The ledger's file, which says how late labels landed.  "
            "[default: the file's `ledger`, if it names one]",
            show_default=False,
        ),
    ] = None,
    engine: Engine = None,
    timeout: Timeout = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how long labels take, and for each window how many are known and should be by now.

    Without a window: the last 60 days. Counts in one aggregate; no row leaves the engine.
    """
    if start is None and end is None and last is None and since is None:
        last = _LAST
    whole_window(start, end, last, since, every)
    from headwater.errors import HeadwaterError

    if by not in (None, "prediction"):
        raise typer.BadParameter("--by knows 'prediction'")
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        chosen = workspace.connection(connection)
        ledger_: Ledger | Path | None = ledger
        if ledger is None and workspace.ledger_store is not None:
            try:
                ledger_ = workspace.ledger()
            except HeadwaterError as error:  # what it would say is left out
                terminal.warn(f"nothing is said of when labels landed: {error.message}")
        with terminal.progress(f"counting the labels of {chosen.name}"):
            answer = chosen.maturity(
                start,
                end,
                last=last,
                since=since,
                every=step_of(every, chosen),
                timezone=timezone,
                as_of=as_of,
                label=label,
                by="prediction" if by else None,
                engine=engine,
                timeout=timeout,
                ledger=ledger_,
            )
    terminal.emit(answer.to_dict())
    terminal.say(str(answer))
