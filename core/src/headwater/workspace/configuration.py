"""From a configuration to what it describes: models, versions and connections of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.config import Config
from headwater.workspace.model import Purpose

if TYPE_CHECKING:
    from headwater.workspace.workspace import Workspace


def describe(workspace: Workspace, config: Config) -> None:
    """Describe to a workspace all models and connections of a configuration.

    Raises:
        ConfigError: If a definition is wrong.
    """
    for model in config.models.values():
        workspace.create_model(model.id, model.name)
        for version_id, version in model.versions.items():
            model_version = workspace.create_model_version(
                model_id=model.id,
                model_version=version_id,
                model_type=version.model_type,
                raw_inputs=version.raw_inputs,
                features=version.features,
                predictions=version.predictions,
            )
            for purpose, connection in version.connections.items():
                model_version.connect(Purpose(purpose), connection)
