"""From a configuration to what it describes: models, versions and connections of a workspace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from headwater.config import Config
from headwater.workspace.model import Connection, ModelVersion, Purpose

if TYPE_CHECKING:
    from headwater.workspace.workspace import Workspace

_CONNECT: Final[Mapping[Purpose, Callable[..., Connection]]] = {
    Purpose.SERVING: ModelVersion.connect_serving,
    Purpose.TRAINING: ModelVersion.connect_training,
    Purpose.TESTING: ModelVersion.connect_testing,
    Purpose.ACTUALS: ModelVersion.connect_actuals,
}


def describe(workspace: Workspace, config: Config) -> None:
    """Describe to a workspace all models and connections of a configuration.

    Raises:
        ConfigError: If a definition is wrong.
    """
    for model in config.models.values():
        workspace.create_model(model.id, model.name)
        for version_id, version in model.versions.items():
            made = workspace.create_model_version(
                model_id=model.id,
                model_version=version_id,
                model_type=version.model_type,
                raw_inputs=version.raw_inputs,
                features=version.features,
                predictions=version.predictions,
            )
            for purpose, connection in version.connections.items():
                _CONNECT[Purpose(purpose)](made, **connection.arguments())
