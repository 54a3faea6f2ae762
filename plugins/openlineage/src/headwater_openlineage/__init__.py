"""OpenLineage for headwater: what was read, by which connection, from which tables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_openlineage.events import finished_events, planned_event

_HOME = {"finished_events": "events", "planned_event": "events"}

__all__ = ["finished_events", "planned_event"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
