"""The reference of the command line: what the program says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.core import TyperGroup

from headwater.cli.program import program
from headwater.cli.terminal import Terminal
from headwater.plugins import PluginRegistry


def reference() -> str:
    """Return a section for each command: what it does, its arguments, its options."""
    group = program()
    root = group.make_context(
        "headwater", [], obj=Terminal(PluginRegistry()), resilient_parsing=True
    )
    parts: list[str] = []
    for name in group.list_commands(root):
        for words, command in _commands(name, group.get_command(root, name), root):
            context = type(root)(command, info_name=words, parent=root)
            parts += [f"## headwater {words}", "", *_section(command, context), ""]
    return "\n".join(parts)


def _commands(words: str, command: Any, parent: Any) -> Iterator[tuple[str, Any]]:
    """Yield a command, or those of a group, each with the words that it is run by."""
    if not isinstance(command, TyperGroup):
        yield words, command
        return
    context = type(parent)(command, info_name=words, parent=parent)
    for name in command.list_commands(context):
        yield from _commands(f"{words} {name}", command.get_command(context, name), context)


def _section(command: Any, context: Any) -> Iterator[str]:
    yield _text(command.help or command.short_help or "")
    yield ""
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```text\nheadwater {context.info_name} {usage}\n```"
    yield ""
    yield "| argument or option | what it is |"
    yield "| --- | --- |"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        name, what = (" ".join(text.split()) for text in record)
        yield f"| `{name.replace('|', 'or')}` | {_text(what)} |"


def _text(text: str) -> str:
    """Return a help text as Markdown: one line a paragraph, nothing in it read as markup."""
    paragraphs = ("  ".join(p.split()).replace("  ", " ") for p in text.split("\n\n"))
    return "\n\n".join(
        p.replace("|", "\\|").replace("[", "\\[").replace("*", "\\*") for p in paragraphs
    )
