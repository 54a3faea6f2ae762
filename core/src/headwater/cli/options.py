"""Arguments and options that several commands share, and what they mean to the library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from headwater.cli.terminal import Terminal
from headwater.errors import ConfigError

if TYPE_CHECKING:
    from headwater.workspace.model import Connection
    from headwater.workspace.workspace import Workspace

DEFAULT_FILES: Final = ("headwater.yaml", "headwater.yml", "headwater.toml", "headwater.json")
"""What is looked for in the current folder where `--config` is not given, in this order."""


def _json(ctx: typer.Context, value: bool) -> bool:
    terminal_of(ctx).json = value
    return value


def _debug(ctx: typer.Context, value: bool) -> bool:
    terminal_of(ctx).debug = value
    return value


def _moment(value: str | None) -> str | None:
    from headwater.windows.moments import instant

    return _readable(value, instant)


def _length(value: str | None) -> str | None:
    from headwater.windows.moments import until_now

    return _readable(value, until_now)


def _limit(value: str | None) -> str | None:
    from headwater.reading.running import seconds

    return _readable(value, seconds)


def _readable_since(value: str | None) -> str | None:
    from headwater.windows.moments import from_then

    return _readable(value, from_then)


def _step(value: str | None) -> str | None:
    from headwater.windows.calendar import Step

    return _readable(value, Step.of)


def _clock(value: str | None) -> str | None:
    from headwater.partitions.local_time import zone_named

    return _readable(value, zone_named)


def _readable(value: str | None, read: Callable[[str], object]) -> str | None:
    """Return an option unchanged if it can be read; else it is wrong usage."""
    if value is not None:
        try:
            read(value)
        except ConfigError as error:
            raise typer.BadParameter(f"{error.message}: {error.hint}") from None
    return value


def _share(value: float | None) -> float | None:
    if value is not None and not 0 < value <= 1:
        raise typer.BadParameter(f"{value:g} is no share of the rows; write e.g. 0.1")
    return value


Json = Annotated[
    bool,
    typer.Option(
        "--json", help="Answer with one JSON document on stdout.", callback=_json, is_eager=True
    ),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug", help="Show the causes of an error, and the log.", callback=_debug, is_eager=True
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file.  [default: headwater.yaml, .yml, .toml or .json here]",
        show_default=False,
    ),
]
Name = Annotated[
    str,
    typer.Argument(
        help="The connection, e.g. insurance/v1/serving; a unique part of it is enough.",
        metavar="CONNECTION",
        show_default=False,
    ),
]
Start = Annotated[
    str | None,
    typer.Argument(
        help="Start of the window: ISO 8601, or yesterday, today, now, '7 days ago'. "
        "Times without a zone are of the connection's, or UTC.",
        metavar="START",
        callback=_moment,
        show_default=False,
    ),
]
End = Annotated[
    str | None,
    typer.Argument(
        help="End of the window, exclusive. Without a window: all rows; "
        "yesterday and today alone are whole days.",
        metavar="END",
        callback=_moment,
        show_default=False,
    ),
]
Last = Annotated[
    str | None,
    typer.Option(
        "--last",
        help="Instead of START and END: so much time until now, e.g. 7d, 6h, '1 month'.",
        metavar="TIME",
        callback=_length,
        show_default=False,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        help="Instead of START and END: from then until now, e.g. yesterday, 2026-01-31.",
        metavar="START",
        callback=_readable_since,
        show_default=False,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        help="Cut the window at each '1 hour', '1 day', '1 week', '1 month', or some of them.",
        metavar="STEP",
        callback=_step,
        show_default=False,
    ),
]
Timezone = Annotated[
    str | None,
    typer.Option(
        "--timezone",
        help="Whose clock windows begin by, and times are of.  [default: the connection's, or UTC]",
        metavar="ZONE",
        callback=_clock,
        show_default=False,
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Take the actuals that were set until then.  [default: now]",
        callback=_moment,
        show_default=False,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="auto, embedded, spark or a plugin's.  [default: the file's]",
        show_default=False,
    ),
]
Sample = Annotated[
    float | None,
    typer.Option(
        "--sample",
        help="Share of the ids to keep, in (0, 1].  [default: the connection's]",
        callback=_share,
        show_default=False,
    ),
]


def _timeout(more: str = "") -> Any:
    return typer.Option(
        "--timeout",
        help=f"Give up after so long, e.g. 30s, '5 minutes'{more}.",
        metavar="TIME",
        callback=_limit,
        show_default=False,
    )


Timeout = Annotated[str | None, _timeout(": planning, and then each read of rows")]
Within = Annotated[str | None, _timeout()]


def terminal_of(ctx: typer.Context) -> Terminal:
    """Return the terminal of a run; commands of plugins use it too."""
    return cast("Terminal", cast("Any", ctx).find_object(Terminal))


def step_of(every: str | None, connection: Connection) -> str:
    """Return the length of windows: the option's, else the connection's, else a day."""
    return every or str(connection.windows.every or "1 day")


def whole_window(
    start: str | None,
    end: str | None,
    last: str | None = None,
    since: str | None = None,
    every: str | None = None,
) -> None:
    """Refuse half a window, one that ends before it starts, or two, as wrong usage."""
    from headwater.windows.moments import asked_for

    try:
        window = asked_for(start, end, last=last, since=since)
    except ConfigError as error:
        raise typer.BadParameter(
            f"{error.message}: {error.hint}" if error.hint else error.message
        ) from None
    if every is not None and window is None:
        raise typer.BadParameter("--every cuts a window: name START and END, --last or --since")


def config_path(config: Path | None) -> Path:
    """Return the configuration file to use.

    Raises:
        ConfigError: If none is named and none lies in the current folder.
    """
    if config is not None:
        return config
    path = next((Path(name) for name in DEFAULT_FILES if Path(name).exists()), None)
    if path is None:
        raise ConfigError(
            f"there is no headwater.yaml in {Path.cwd()}",
            code="config-missing",
            hint="`headwater init` writes one; --config names one that lies elsewhere",
        )
    return path


def opened(ctx: typer.Context, config: Path | None) -> Workspace:
    """Return the workspace of the configuration file; leave it to close what it started."""
    from headwater.workspace.workspace import Workspace

    terminal = terminal_of(ctx)
    return Workspace.open(config_path(config), terminal.registry)
