"""The configuration file: read, interpolated, checked, and turned into plain values."""

from headwater.config.json_schema import json_schema
from headwater.config.loader import load
from headwater.config.parts import source_of
from headwater.config.values import (
    Config,
    EngineConfig,
    ModelConfig,
    VersionConfig,
)

__all__ = [
    "Config",
    "EngineConfig",
    "ModelConfig",
    "VersionConfig",
    "json_schema",
    "load",
    "source_of",
]
