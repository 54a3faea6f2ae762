"""`headwater plugins`: what was found, loaded, refused or broken, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from headwater.cli.options import Debug, Json, terminal_of

if TYPE_CHECKING:
    from headwater.cli.terminal import Terminal
    from headwater.plugins.loader import PluginStatus


def plugins(ctx: typer.Context, json: Json = False, debug: Debug = False) -> None:
    """Explain what is installed: each plugin, what it provides, and why it is not loaded."""
    terminal = terminal_of(ctx)
    report = terminal.registry.report()
    ok = all(p.status == "loaded" and not p.problems for p in report)
    terminal.emit({"ok": ok, "plugins": [p.to_dict() for p in report]})
    for plugin in report:
        _show(terminal, plugin)


def _show(terminal: Terminal, plugin: PluginStatus) -> None:
    terminal.say(f"{plugin.status:<8} {plugin.label}  ({plugin.module})")
    rows = [(word.replace("_", " "), ", ".join(kinds)) for word, kinds in plugin.provides.items()]
    if plugin.observes:
        rows.append(("observes", ", ".join(plugin.observes)))
    rows += [("problem", problem) for problem in plugin.problems]
    if plugin.reason:
        rows.append(("reason", plugin.reason))
    if plugin.hint:
        rows.append(("hint", plugin.hint))
    terminal.table(((f"{word}:", text) for word, text in rows), indent=" " * 9)
