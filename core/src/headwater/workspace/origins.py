"""Origins: what evidence says beside the plan: the engine, its settings, and versions."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any, Final

from headwater.changes import fingerprints
from headwater.evidence.evidence import Origin
from headwater.interfaces.distributions import version_of
from headwater.interfaces.engine import Engine
from headwater.planning.planner import Draft
from headwater.plugins.loader import core_version
from headwater.plugins.registry import PluginRegistry
from headwater.reading.content_digests import FORM

_BUILT_ON: Final = {"embedded": "duckdb", "spark": "pyspark"}
"""The package that is core's engine, by the engine's name; another's is its plugin's."""
_SETTINGS: Final = ("memory_limit", "threads", "tolerance", "semantics", "storage_identity")
"""Settings of engines that evidence tells: none of them can hold a secret."""


def origin(
    registry: PluginRegistry, draft: Draft, engine: Engine, calendar: str | None = None
) -> Callable[[], Origin]:
    """Return what gives the origin of a read: it is made when evidence is asked for.

    Args:
        registry: The plugins.
        draft: What the plan was made of.
        engine: What ran it.
        calendar: Step and zone of the windows that it is one of.
    """
    return lambda: origin_of(
        registry,
        engine,
        fingerprints.of_reading(draft),
        fingerprints.of_definition(draft, calendar or ""),
        calendar,
    )


def origin_of(
    registry: PluginRegistry, engine: Engine, reading: str, definition: str, calendar: str | None
) -> Origin:
    """Return what evidence tells of how a reading was done here.

    Args:
        registry: The plugins.
        engine: What ran it.
        reading: Digest of how rows are read.
        definition: The digest that a ledger keeps.
        calendar: Step and zone of the windows that it is one of.
    """
    plugins = {
        status.distribution: status.version
        for status in registry.report()
        if status.distribution is not None and status.status == "loaded"
    }
    return Origin(
        reading,
        definition,
        calendar,
        FORM,
        {"headwater": core_version(), "python": platform.python_version(), "plugins": plugins},
        {"version": _version_of(engine), "settings": _settings(engine)},
    )


def _version_of(engine: Engine) -> str | None:
    package = _BUILT_ON.get(engine.name, type(engine).__module__.partition(".")[0])
    return version_of(package)


def _settings(engine: Engine) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for name in _SETTINGS:
        value = getattr(engine, name, getattr(engine, f"_{name}", None))
        if isinstance(value, str | int | float | bool):
            settings[name] = value
    return settings
