"""Arguments and options that several commands share, and what they mean to the library."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from headwater.cli.terminal import Terminal
from headwater.errors import ConfigError

if TYPE_CHECKING:
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
    from headwater.tables.window import instant

    if value is not None:
        try:
            instant(value)
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
        help="Start of the window, ISO 8601, UTC unless it says otherwise.",
        metavar="START",
        callback=_moment,
        show_default=False,
    ),
]
End = Annotated[
    str | None,
    typer.Argument(
        help="End of the window, exclusive. Without a window: all rows.",
        metavar="END",
        callback=_moment,
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


def terminal_of(ctx: typer.Context) -> Terminal:
    """Return the terminal of a run; commands of plugins use it too."""
    return cast("Terminal", cast("Any", ctx).find_object(Terminal))


def whole_window(start: str | None, end: str | None) -> None:
    """Refuse half a window, and one that ends before it starts, as wrong usage."""
    from headwater.tables.window import Window

    if start is None and end is None:
        return
    if start is None or end is None:
        raise typer.BadParameter("a window needs both START and END, or neither for all rows")
    try:
        Window.of(start, end)
    except ConfigError as error:
        raise typer.BadParameter(f"{error.message}: {error.hint}") from None


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
