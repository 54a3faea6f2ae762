"""The program's commands: named by plugins (core's own among them), imported when they are run."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core
import typer.main

from headwater.cli.terminal import Terminal
from headwater.errors import PluginError

if TYPE_CHECKING:
    from headwater.interfaces.specs import CommandSpec
    from headwater.plugins.registry import PluginRegistry

_HELP = """Connect models in production to the data they are monitored on.

Start with `headwater init`, then `headwater check`.
"""
_SETTINGS = {"help_option_names": ["-h", "--help"]}
_EPILOG = """Exit codes: 0 fine, 1 the answer is no (an error, or what --fail-on names),
2 wrong usage, 70 a fault of the program, 130 interrupted, 143 terminated."""


class Program(typer.core.TyperGroup):
    """A group whose commands are those of the registry that the context carries."""

    _named: Mapping[str, Any] = {}
    """Commands of which the names suffice, while they do."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return [spec.kind for spec in _registry(ctx).commands()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; an unknown one is wrong usage, with suggestions."""
        if cmd_name in self._named:
            return self._named[cmd_name]
        registry = _registry(ctx)
        try:
            spec = registry.command(cmd_name)
        except PluginError as error:
            if not ctx.resilient_parsing:
                ctx.fail(f"{error.message}\n{error.hint}" if error.hint else error.message)
            return None
        return _imported(registry, spec)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands and what they are for, without importing one."""
        with self._by_name(ctx):
            super().format_commands(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a command's name, without importing one."""
        with self._by_name(ctx):
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _by_name(self, ctx: Any) -> Iterator[None]:
        self._named = {
            spec.kind: typer.core.TyperCommand(spec.kind, short_help=spec.summary)
            for spec in _registry(ctx).commands()
        }
        try:
            yield
        finally:
            self._named = {}


def _registry(ctx: Any) -> PluginRegistry:
    terminal: Terminal = ctx.find_object(Terminal)
    return terminal.registry


def _imported(registry: PluginRegistry, spec: CommandSpec) -> Any:
    """Import the function, typer app or ready command that a command spec names."""
    command = registry.load(spec)
    if isinstance(command, typer.Typer):
        return typer.main.get_command(command)
    if inspect.isroutine(command):
        alone = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        alone.command(spec.kind, context_settings=_SETTINGS)(command)
        return typer.main.get_command(alone)
    if isinstance(command, typer.core.TyperCommand | typer.core.TyperGroup):
        return command
    raise PluginError(
        f"{spec.factory}, given as the command {spec.kind!r}, is no command",
        hint="the plugin's author must give a function or a typer.Typer",
    )


def program() -> Any:
    """Return the program as a command of typer."""
    app = typer.Typer(
        cls=Program,
        help=_HELP,
        epilog=_EPILOG,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
    )
    app.callback()(_root)
    return typer.main.get_command(app)


def _version(value: bool) -> None:
    if value:
        from headwater.plugins.loader import core_version

        typer.echo(f"headwater {core_version()}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and exit.", callback=_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""
