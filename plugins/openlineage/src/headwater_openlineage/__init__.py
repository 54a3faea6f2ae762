"""OpenLineage for headwater: what was read, by which connection, from which tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater_openlineage.events import finished_events, planned_event

_HOMES = {
    "finished_events": "headwater_openlineage.events",
    "planned_event": "headwater_openlineage.events",
}

__all__ = ["finished_events", "planned_event"]

__getattr__, __dir__ = names_of(__name__, _HOMES)
