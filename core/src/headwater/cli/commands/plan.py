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
    Within,
    opened,
    terminal_of,
    whole_window,
)
from headwater.cli.strictness import FailOn, of_plan, strictly


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
    fail_on: FailOn = None,
    timeout: Within = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what a read would do: SQL, tables, partitions, files, bytes, identity, engine and why.

    Reads no data. The answer is no if --fail-on says so: a plan is empty without a file to read.
    """
    from headwater.interfaces.plan import Plan

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
                timeout=timeout,
            )
    terminal.say(planned.explain())
    plans = [planned] if isinstance(planned, Plan) else planned
    failed = strictly(terminal, fail_on, {f for one in plans for f in of_plan(one)})
    terminal.emit({**planned.to_dict(), "failed_on": failed})
    if failed:
        raise typer.Exit(1)
