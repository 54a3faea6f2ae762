"""`headwater profile`: a connection's rows counted, by window, segment and field."""

from __future__ import annotations

import warnings
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
    Sample,
    Since,
    Start,
    Timezone,
    Within,
    opened,
    terminal_of,
    whole_window,
)
from headwater.cli.strictness import FailOn, Finding, of_diagnostics, strictly

if TYPE_CHECKING:
    from headwater.profiling.edges import Edges


def profile(
    ctx: typer.Context,
    connection: Name,
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    every: Every = None,
    timezone: Timezone = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            help="A field whose values are counted each for itself. Repeatable.",
            metavar="FIELD",
            show_default=False,
        ),
    ] = None,
    edges: Annotated[
        Path | None,
        typer.Option(
            "--edges",
            help="Bins and vocabularies: what --save-edges wrote, or a profile with them.  "
            "[default: made of these rows]",
            show_default=False,
        ),
    ] = None,
    save_edges: Annotated[
        Path | None,
        typer.Option(
            "--save-edges",
            help="Write the bins and vocabularies to this JSON file: keep them beside the model.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Write the profile to this Parquet file.", show_default=False
        ),
    ] = None,
    as_of: AsOf = None,
    engine: Engine = None,
    sample: Sample = None,
    fail_on: FailOn = None,
    timeout: Within = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Count rows by window, segment and field, in a way that adds up; no row leaves the engine.

    Profiles are comparable where their edges are the same: make them once, of training.
    """
    from headwater.reading.dataset import EmptyReadWarning

    whole_window(start, end, last, since, every)
    terminal = terminal_of(ctx)
    edges_ = None if edges is None else _edges(edges)
    with opened(ctx, config) as workspace, warnings.catch_warnings():
        # What is said of empty windows is part of the answer below.
        warnings.simplefilter("ignore", EmptyReadWarning)
        chosen = workspace.connection(connection)
        with terminal.progress(f"counting the rows of {chosen.name}"):
            profile_ = chosen.profile(
                start,
                end,
                last=last,
                since=since,
                every=every,
                timezone=timezone,
                by=by or (),
                edges=edges_,
                as_of=as_of,
                engine=engine,
                sample=sample,
                timeout=timeout,
            )
    terminal.say(str(profile_))
    if save_edges is not None:
        terminal.say(f"wrote the edges to {profile_.edges().save(save_edges)}")
    if out is not None:
        terminal.say(f"wrote {profile_.to_arrow().num_rows:,} cells to {profile_.save(out)}")
    findings = of_diagnostics(profile_.warnings)
    if not profile_.windows:
        findings.add(Finding.EMPTY)
    failed = strictly(terminal, fail_on, findings)
    terminal.emit(
        {**profile_.to_dict(), "path": None if out is None else str(out), "failed_on": failed}
    )
    if failed:
        raise typer.Exit(1)


def _edges(path: Path) -> Edges:
    from headwater.profiling.edges import Edges
    from headwater.profiling.profile import Profile

    return Profile.load(path).edges() if path.suffix == ".parquet" else Edges.load(path)
