"""What a configuration file says, as plain frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from headwater.auth.credentials import AuthStrategy
from headwater.interfaces.definition import Definition
from headwater.interfaces.ledger_store import LedgerStore

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
    connections: Mapping[Purpose, Definition] = field(default_factory=dict)


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
        ledger: Where a ledger is kept; None if the file does not say.
    """

    path: Path
    auth: Mapping[str, AuthStrategy] = field(default_factory=dict)
    engine: EngineConfig = field(default_factory=EngineConfig)
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    ledger: LedgerStore | None = None
