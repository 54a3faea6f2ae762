"""The command `headwater monitor report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

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
from headwater.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from headwater.maturity.maturity import Maturity
    from headwater.profiling.profile import Profile
    from headwater.tables.window import Window
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace
    from headwater_monitor.label_sets import MultiLabel
    from headwater_monitor.query_ranking import Ranking

    Bounds = tuple[datetime, datetime] | tuple[None, None]

PAGE = Path("report.html")
ENDINGS: Final = (".html", ".htm")

monitor = typer.Typer(
    name="monitor",
    help="Drift and performance of a connection, from counts alone.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@monitor.callback()
def _root() -> None:
    """Drift and performance of a connection, from counts alone."""


def _limit(text: str) -> tuple[str, float | None]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), None if value.strip().lower() == "none" else float(value)
    except ValueError:
        pass
    raise typer.BadParameter(f"--threshold {text}: write FIGURE=NUMBER, e.g. psi=0.2, or psi=none")


@monitor.command("report")
def report_command(
    ctx: typer.Context,
    connection: Name,
    start: Start = None,
    end: End = None,
    last: Last = None,
    since: Since = None,
    every: Every = None,
    timezone: Timezone = None,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="The reference: a connection, or the file of a profile.  "
            "[default: the version's training set]",
            metavar="CONNECTION|FILE",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", help="Tell segments apart by this field. Repeatable.", show_default=False
        ),
    ] = None,
    threshold: Annotated[
        list[str] | None,
        typer.Option(
            "--threshold",
            help="From where on a figure is worth a look, e.g. psi=0.2 or accuracy=0.8; "
            "none turns a default off. Repeatable.",
            metavar="FIGURE=NUMBER",
            show_default=False,
        ),
    ] = None,
    prediction: Annotated[
        str | None,
        typer.Option(
            "--prediction",
            help="The prediction to judge, where the model gives several.",
            show_default=False,
        ),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(
            "--query",
            help="Of a ranking model: the field that items of a query have in common.",
            metavar="FIELD",
            show_default=False,
        ),
    ] = None,
    as_of: AsOf = None,
    sample: Sample = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="The file to write.", dir_okay=False)
    ] = PAGE,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 1 if a final figure is beyond its threshold."),
    ] = False,
    engine: Engine = None,
    config: Config = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a report of drift and performance, by window, as one HTML file.

    Rows are counted where they are. With --json every figure is told as well.
    """
    from headwater.windows.moments import asked_for
    from headwater_monitor.html_report import report

    whole_window(start, end, last, since, every)
    limits = dict(_limit(text) for text in threshold or ())
    terminal = terminal_of(ctx)
    if out.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(
            f"{out}: a report is HTML, so end its name in {ENDINGS[0]}", param_hint="'--out'"
        )
    with opened(ctx, config) as workspace:
        chosen = workspace.connection(connection)
        zone = timezone or chosen.windows.timezone
        window = asked_for(start, end, zone, last=last, since=since)
        usual = chosen.windows.every
        step = every or (None if window is None or usual is None else str(usual))
        with terminal.progress(f"counting {chosen.name}"):
            reference = _reference(workspace, chosen, against, engine)
            edges = None if reference is None else reference.edges()
            bounds: Bounds = (None, None) if window is None else (window.start, window.end)
            profile = chosen.profile(
                *bounds, every=step, timezone=zone, by=tuple(by or ()), edges=edges, as_of=as_of,
                engine=engine, sample=sample,
            )  # fmt: skip
            try:
                maturity = _maturity(chosen, window, step, zone, as_of, prediction, engine)
            except ConfigError as error:
                maturity = None
                terminal.warn(f"which windows are final is not known: {error.message}")
            if _unranked(chosen, query):
                fields = [f.name for f in chosen.schema.raw_inputs]
                terminal.warn(
                    "how items were ranked is not told: name the field that items of a query have "
                    f"in common: --query {fields[0] if len(fields) == 1 else 'FIELD'}"
                )
            report_ = report(
                profile,
                reference,
                maturity=maturity,
                ranking=_ranked(chosen, bounds, step, query, as_of, engine),
                labels=_labelled(chosen, bounds, step, as_of, engine),
                thresholds=limits,
                prediction=prediction,
            )
            report_.save(out)
    terminal.emit({"path": str(out), **report_.to_dict()})
    terminal.say(f"{report_}\n")
    head, rows = report_.summary()
    terminal.table([head, *rows])
    terminal.say(f"\nthe report: {out}")
    if strict and report_.breached:
        raise typer.Exit(1)


def _reference(
    workspace: Workspace, chosen: Connection, named: str | None, engine: str | None
) -> Profile | None:
    """Return the profile that is compared with; None where there is nothing to compare with."""
    from headwater.profiling.profile import Profile

    if named is not None and Path(named).is_file():
        return Profile.load(named)
    if named is not None:
        return workspace.connection(named).profile(engine=engine)
    training = workspace.connections.get(f"{chosen.name.rpartition('/')[0]}/training")
    return None if training is None or training is chosen else training.profile(engine=engine)


def _maturity(
    chosen: Connection,
    window: Window | None,
    step: str | None,
    zone: str,
    as_of: str | None,
    prediction: str | None,
    engine: str | None,
) -> Maturity | None:
    """Return how ripe labels are; None of all rows, and of a connection without delayed labels."""
    mapping = chosen.mapping
    delayed = chosen.actuals is not None or mapping.label_timestamp_column is not None
    if window is None or not delayed:
        return None
    label = prediction if prediction in _labels(chosen) else None
    return chosen.maturity(
        window.start,
        window.end,
        every=step if step is not None and "hour" in step else "1 day",
        timezone=zone,
        as_of=as_of,
        label=label,
        engine=engine,
    )


def _labels(chosen: Connection) -> Mapping[str, str]:
    """Return the label column of each prediction, from the log or from the actuals."""
    return (chosen.actuals.mapping if chosen.actuals else chosen.mapping).labels


def _ranked(
    chosen: Connection,
    bounds: Bounds,
    step: str | None,
    query: str | None,
    as_of: str | None,
    engine: str | None,
) -> Ranking | None:
    """Return the ranking figures; None if not asked for, or for other models."""
    from headwater.interfaces.schema import ModelType
    from headwater_monitor.query_ranking import ranking

    if chosen.schema.model_type is not ModelType.RANKING or _unranked(chosen, query):
        return None
    return ranking(chosen, *bounds, query=query, every=step, as_of=as_of, engine=engine)


def _unranked(chosen: Connection, query: str | None) -> bool:
    """Return whether a model is a ranking without a query field."""
    from headwater.interfaces.schema import ModelType
    from headwater.types import FieldType

    listed = any(p.type is FieldType.ARRAY for p in chosen.schema.predictions)
    return chosen.schema.model_type is ModelType.RANKING and query is None and not listed


def _labelled(
    chosen: Connection,
    bounds: Bounds,
    step: str | None,
    as_of: str | None,
    engine: str | None,
) -> MultiLabel | None:
    """Return the figures of a multi-label model; None for other models."""
    from headwater.interfaces.schema import ModelType
    from headwater_monitor.label_sets import multilabel

    if chosen.schema.model_type is not ModelType.MULTI_LABEL or not _labels(chosen):
        return None
    return multilabel(chosen, *bounds, every=step, as_of=as_of, engine=engine)
