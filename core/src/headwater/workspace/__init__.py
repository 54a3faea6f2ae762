"""What a user holds: models, versions and connections, and the workspace that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater.workspace.model import Connection, Model, ModelVersion
    from headwater.workspace.workspace import Workspace

__all__ = ["Connection", "Model", "ModelVersion", "Workspace"]

_HOMES = {
    "Connection": "headwater.workspace.model",
    "Model": "headwater.workspace.model",
    "ModelVersion": "headwater.workspace.model",
    "Workspace": "headwater.workspace.workspace",
}

__getattr__, __dir__ = names_of(__name__, _HOMES)
