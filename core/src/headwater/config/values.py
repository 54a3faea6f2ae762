"""What a configuration file says, as plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from headwater.auth.credentials import AuthStrategy
from headwater.interfaces.data_source import DataSource

Purpose = Literal["serving", "training", "testing", "actuals"]


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Which engine reads.

    Args:
        type: `auto`, `embedded`, `spark`, or one that a plugin provides.
        options: Its options; not shown, since one may hold an address with a token.
    """

    type: str = "auto"
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """One connection of a model version.

    Args:
        source: Where the rows come from.
        id_column: Column that identifies a row.
        timestamp_column: Column that says when it happened.
        labels: Prediction to the column of its actual.
        label_timestamp_column: Column that says when these actuals were set.
        features: Feature to column, where the names differ.
        predictions: Prediction to column, where the names differ.
        raw_inputs: Raw input to column, where the names differ.
        sample: Share of the ids that reads keep, in (0, 1].
        max_bytes: Bytes that a read may read at most.
    """

    source: DataSource
    id_column: str | None = None
    timestamp_column: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    label_timestamp_column: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    predictions: Mapping[str, str] = field(default_factory=dict)
    raw_inputs: Mapping[str, str] = field(default_factory=dict)
    sample: float | None = None
    max_bytes: int | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what was given, as keywords of `ModelVersion.connect_serving` and its siblings."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "source"}
        return {
            "data_source": self.source,
            **{name: value for name, value in given.items() if value not in (None, {})},
        }


@dataclass(frozen=True, slots=True)
class VersionConfig:
    """One version of a model.

    Args:
        model_type: `binary`, `regression`, `multiclass`, `multi-label` or `ranking`.
        raw_inputs: Field name to its declaration, as `Schema.define` takes it.
        features: Likewise.
        predictions: Likewise.
        connections: Its connections, by what their rows are to the model.
    """

    model_type: str
    raw_inputs: Mapping[str, Any] = field(default_factory=dict)
    features: Mapping[str, Any] = field(default_factory=dict)
    predictions: Mapping[str, Any] = field(default_factory=dict)
    connections: Mapping[Purpose, ConnectionConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A model.

    Args:
        id: Its identifier.
        name: What people call it; None if the file does not say.
        versions: Its versions, by identifier, in the order of the file.
    """

    id: str
    name: str | None = None
    versions: Mapping[str, VersionConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file.

    Args:
        path: The file.
        auth: Named authentication strategies.
        engine: Which engine reads.
        models: The models, by identifier, in the order of the file.
    """

    path: Path
    auth: Mapping[str, AuthStrategy] = field(default_factory=dict)
    engine: EngineConfig = field(default_factory=EngineConfig)
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
