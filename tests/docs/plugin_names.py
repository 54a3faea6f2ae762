"""The page of `headwater.plugin`: `python -m tests.docs.plugin_names` writes it.

It is for readers of GitHub: the site renders the same docstrings, with types, and this is text that
needs no site.
"""

from __future__ import annotations

import enum
import inspect
import re
import typing
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from headwater import plugin

PAGE: Final = Path(__file__).parents[2] / "docs/reference/plugin.md"
NAMES: Final = re.compile(r"(<!-- names -->\n).*?(?=<!-- end -->)", re.DOTALL)
GROUPS: Final = {
    "Sources": "data_source abilities report",
    "Catalogs and tables": "tables.table window data_types types.arrow single_database",
    "Relations": "relation",
    "Scan requests and rows": "scan_request database_rows stopping",
    "Logins": "credentials secret_references",
    "Engines and plans": "engine plan read_stats",
    "Queries and rules": "rewriting diagnostics",
    "Models": "interfaces.schema interfaces.mapping",
    "Ledger stores": "ledger_store",
    "What a plugin registers": "specs hookspecs",
    "Errors": "errors",
}
"""Headings, with the ends of the modules whose names stand under them."""


def filled(text: str) -> str:
    """Return the page's text with the names that there are now."""
    return NAMES.sub(lambda found: found[1] + "\n".join(listed()), text)


def listed() -> Iterator[str]:
    """Yield the lines of all names, by group."""
    grouped: dict[str, list[str]] = {heading: [] for heading in GROUPS}
    for name in plugin.__all__:
        home = plugin._HOMES[name]
        (heading,) = (h for h, ends in GROUPS.items() if home.endswith(tuple(ends.split())))
        grouped[heading].append(name)
    for heading, names in grouped.items():
        yield f"\n## {heading}\n"
        if heading == "Errors":
            yield "| error | when |\n| --- | --- |"
            yield from (f"| `{n}` | {_first(getattr(plugin, n))} |" for n in names)
        else:
            for name in names:
                yield from _entry(name, getattr(plugin, name))
    yield ""


def _entry(name: str, value: Any) -> Iterator[str]:
    yield f"### {name}\n"
    if not (inspect.isclass(value) or inspect.isfunction(value)):
        choices = [str(getattr(one, "__name__", one)) for one in typing.get_args(value)]
        shown = [choice for choice in choices if "(" not in choice]  # without what pydantic adds
        if shown or isinstance(value, int):
            yield f"`{' | '.join(shown) or value}`\n"
        return
    if _callable(value):
        yield f"```text\n{name}{_signature(value)}\n```\n"
    yield f"{_first(value)}\n"
    rows = list(_arguments(value)) + list(_members(value))
    if rows:
        yield "| | |\n| --- | --- |"
        yield from (f"| `{word}` | {said} |" for word, said in rows)
        yield ""


def _callable(value: Any) -> bool:
    """Return whether an author calls it: no protocol, no class to derive from, no enumeration."""
    return not (
        inspect.isclass(value)
        and (getattr(value, "_is_protocol", False) or issubclass(value, BaseModel | enum.Enum))
    )


def _signature(value: Any) -> str:
    """Return how it is called, without types: they are on the site."""
    found = []
    told = {f.name for f in fields(value)} if is_dataclass(value) else set()
    kind = None
    for p in inspect.signature(value).parameters.values():
        if p.kind is p.KEYWORD_ONLY and kind is not p.KEYWORD_ONLY:
            found.append("*")
        kind = p.kind
        default = p.default
        optional = default is not p.empty or (told and _has_default(value, p.name))
        plain = default is None or isinstance(default, str | int | tuple | frozenset)
        shown = repr(default) if plain and default is not p.empty else "..."
        found.append(f"{p.name}={shown}" if optional else p.name)
    return f"({', '.join(found)})"


def _has_default(value: Any, name: str) -> bool:
    return any(
        f.name == name and not (f.default is MISSING and f.default_factory is MISSING)
        for f in fields(value)
    )


def _first(value: Any) -> str:
    """Return the first sentence or paragraph of a docstring, in a line."""
    said = (inspect.getdoc(value) or "").split("\n\n")[0]
    return re.sub(r"\s+", " ", said).replace("|", r"\|")


def _arguments(value: Any) -> Iterator[tuple[str, str]]:
    """Yield what a docstring says of arguments."""
    found = re.search(r"^Args:\n((?:    .*\n?|\n)+)", inspect.getdoc(value) or "", re.MULTILINE)
    for one in re.split(r"^    (?=\S)", found[1] if found else "", flags=re.MULTILINE)[1:]:
        name, _, said = one.partition(":")
        yield name, re.sub(r"\s+", " ", said).strip().replace("|", r"\|")


def _members(value: Any) -> Iterator[tuple[str, str]]:
    if not inspect.isclass(value):
        return
    if issubclass(value, enum.Enum):
        yield from ((str(member.value), "") for member in value)
        return
    for name, member in vars(value).items():
        if name.startswith("_") or name == "model_config":
            continue
        if isinstance(member, property):
            yield name, _first(member.fget)
            continue
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and inspect.getdoc(function):
            given = [p for p in inspect.signature(function).parameters if p not in ("self", "cls")]
            yield f"{name}({', '.join(given)})", _first(function)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
