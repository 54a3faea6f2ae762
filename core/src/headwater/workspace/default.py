"""The default workspace: one, in memory, for notebooks. Programs make their own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from headwater.workspace.model import Model, ModelVersion
from headwater.workspace.workspace import Workspace

_lock = threading.Lock()
_workspaces: list[Workspace] = []


def default_workspace() -> Workspace:
    """Return the default workspace, made when it is first asked for."""
    with _lock:
        if not _workspaces:
            _workspaces.append(Workspace())
        return _workspaces[0]


def create_model(model_id: str, name: str | None = None) -> Model:
    """Describe a model in the default workspace; see `Workspace.create_model`."""
    return default_workspace().create_model(model_id, name)


def create_model_version(
    model_id: str,
    model_version: str,
    model_type: str,
    *,
    raw_inputs: Mapping[str, Any] | None = None,
    features: Mapping[str, Any] | None = None,
    predictions: Mapping[str, Any] | None = None,
) -> ModelVersion:
    """Describe a version in the default workspace; see `Workspace.create_model_version`."""
    return default_workspace().create_model_version(
        model_id,
        model_version,
        model_type,
        raw_inputs=raw_inputs,
        features=features,
        predictions=predictions,
    )
