"""The reference of the configuration file: what its JSON Schema says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from headwater.config import json_schema
from headwater.plugins import PluginRegistry

PARTS: Final = {
    "VersionShape": "A model version",
    "ServingShape": "serving",
    "BaselineShape": "training, testing",
    "ActualsShape": "actuals",
    "TimePartition": "A time partition",
}
"""Parts of the file that no plugin provides, in order."""


def reference() -> str:
    """Return a section for each part of the file, each kind of source and each kind of auth."""
    schema = json_schema(PluginRegistry())
    parts: Mapping[str, Any] = schema["$defs"]
    lines: list[str] = []
    for name, title in PARTS.items():
        lines += [f"## {title}", "", *_section(parts[name])]
    for heading, name in (("Source", "Source"), ("Identity", "Auth")):
        for kind, part in sorted(_kinds(parts[name])):
            lines += [f"## {heading}: {kind}", "", *_section(parts[part])]
    return "\n".join(lines)


def _kinds(choice: Any) -> Iterator[tuple[str, str]]:
    """Yield each kind that a choice offers, with the name of its part."""
    for node in [choice, *choice.get("anyOf", [])]:
        for rule in node.get("allOf", []):
            kind = rule["if"]["properties"]["type"]["const"]
            yield kind, rule["then"]["$ref"].rpartition("/")[2]


def _section(part: Mapping[str, Any]) -> Iterator[str]:
    yield " ".join(part.get("description", "").split())
    yield ""
    yield "| key | what it is | default |"
    yield "| --- | --- | --- |"
    required = set(part.get("required", ()))
    for name, what in part["properties"].items():
        if name == "type":
            continue
        default = "required" if name in required else _default(what.get("default"))
        yield f"| `{name}` | {_what(what)} | {default} |"
    yield ""


def _what(what: Mapping[str, Any]) -> str:
    told = " ".join(what.get("description", "").split())
    choices = [c for node in (what, *what.get("anyOf", ())) for c in node.get("enum", ())]
    if choices:
        listed = ", ".join(f"`{c}`" for c in choices)
        told = f"{told} One of {listed}." if told else f"one of {listed}"
    return told.replace("|", "\\|")


def _default(value: Any) -> str:
    return "" if value in (None, {}, [], "") else f"`{value}`"
