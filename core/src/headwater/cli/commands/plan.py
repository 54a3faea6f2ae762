"""`headwater plan`: what a read would do."""

from __future__ import annotations

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
    Sample,
    Since,
    Start,
    Timezone,
    opened,
    terminal_of,
    whole_window,
)


def plan(
    ctx: typer.Context,
    connection: Name,
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    every: Every = None,
    timezone: Timezone = None,
    as_of: AsOf = None,
    engine: Engine = None,
    sample: Sample = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what a read would do: SQL, tables, partitions, files, bytes, identity, engine and why.

    Reads no data.
    """
    whole_window(start, end, last, since, every)
    terminal = terminal_of(ctx)
    with opened(ctx, config) as workspace:
        chosen = workspace.connection(connection)
        with terminal.progress(f"planning {chosen.name}"):
            planned = chosen.plan(
                start,
                end,
                last=last,
                since=since,
                every=every,
                timezone=timezone,
                as_of=as_of,
                engine=engine,
                sample=sample,
            )
    terminal.emit(planned.to_dict())
    terminal.say(planned.explain())
