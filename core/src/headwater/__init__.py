"""headwater: from a model in production to the data it is monitored on.

    import headwater as hw

    hw.create_model("insurance", "Insurance purchase")
    version = hw.create_model_version(model_id="insurance", model_version="v1", ...)
    serving = version.connect_serving(data_source=..., id_column=..., timestamp_column=...)
    data = serving.read("2026-01-01", "2026-01-08")

This module is the table of contents; each name is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.credentials import Access, AuthStrategy, Credentials, Identity, Secret
    from headwater.dataset import Dataset, EmptyReadWarning
    from headwater.default import create_model, create_model_version
    from headwater.diagnostics import Diagnostic, Severity, Span
    from headwater.engine import Engine
    from headwater.errors import HeadwaterError
    from headwater.hookspecs import hookimpl
    from headwater.mapping import Mapping
    from headwater.model import Connection, Model, ModelVersion
    from headwater.plan import Plan
    from headwater.plugins import PluginRegistry
    from headwater.schema import Field, ModelType, Role, Schema
    from headwater.source import DataSource
    from headwater.sources.files import FileDataSource
    from headwater.sources.memory import MemoryDataSource
    from headwater.stats import ReadStats
    from headwater.table import Catalog, Column, Partition, Table, TableName, TimePartition
    from headwater.types import DataType, FieldType
    from headwater.window import Window
    from headwater.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "Access": "credentials",
    "AuthStrategy": "credentials",
    "Catalog": "table",
    "Column": "table",
    "Connection": "model",
    "Credentials": "credentials",
    "DataSource": "source",
    "DataType": "types",
    "Dataset": "dataset",
    "Diagnostic": "diagnostics",
    "EmptyReadWarning": "dataset",
    "Engine": "engine",
    "Field": "schema",
    "FieldType": "types",
    "FileDataSource": "sources.files",
    "HeadwaterError": "errors",
    "Identity": "credentials",
    "Mapping": "mapping",
    "MemoryDataSource": "sources.memory",
    "Model": "model",
    "ModelType": "schema",
    "ModelVersion": "model",
    "Partition": "table",
    "Plan": "plan",
    "PluginRegistry": "plugins",
    "ReadStats": "stats",
    "Role": "schema",
    "Schema": "schema",
    "Secret": "credentials",
    "Severity": "diagnostics",
    "Span": "diagnostics",
    "Table": "table",
    "TableName": "table",
    "TimePartition": "table",
    "Window": "window",
    "Workspace": "workspace",
    "create_model": "default",
    "create_model_version": "default",
    "hookimpl": "hookspecs",
}
_ROOMS = ("config", "credentials", "errors", "plugins", "sql", "testing", "types")

__all__ = [
    "Access",
    "AuthStrategy",
    "Catalog",
    "Column",
    "Connection",
    "Credentials",
    "DataSource",
    "DataType",
    "Dataset",
    "Diagnostic",
    "EmptyReadWarning",
    "Engine",
    "Field",
    "FieldType",
    "FileDataSource",
    "HeadwaterError",
    "Identity",
    "Mapping",
    "MemoryDataSource",
    "Model",
    "ModelType",
    "ModelVersion",
    "Partition",
    "Plan",
    "PluginRegistry",
    "ReadStats",
    "Role",
    "Schema",
    "Secret",
    "Severity",
    "Span",
    "Table",
    "TableName",
    "TimePartition",
    "Window",
    "Workspace",
    "create_model",
    "create_model_version",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"headwater.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return importlib.import_module(f"headwater.{name}")
    raise AttributeError(f"module 'headwater' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})
