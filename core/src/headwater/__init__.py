"""headwater: from a model in production to the data it is monitored on.

    import headwater as hw

    hw.create_model("insurance", "Insurance purchase")
    version = hw.create_model_version(model_id="insurance", model_version="v1", ...)
    serving = version.connect_serving(data_source=..., id_column=..., timestamp_column=...)
    data = serving.read("2026-01-01", "2026-01-08")

This module is the table of contents; each name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of
from headwater.moved import forward_moved_modules

if TYPE_CHECKING:
    from headwater.auth.credentials import Access, AuthStrategy, Credentials, Identity, Secret
    from headwater.diagnostics import Diagnostic, Severity, Span
    from headwater.errors import HeadwaterError
    from headwater.evidence.evidence import Evidence
    from headwater.interfaces.data_source import DataSource
    from headwater.interfaces.engine import Engine
    from headwater.interfaces.hookspecs import hookimpl
    from headwater.interfaces.ledger_store import LedgerStore
    from headwater.interfaces.mapping import Mapping
    from headwater.interfaces.plan import Plan
    from headwater.interfaces.read_stats import ReadStats
    from headwater.interfaces.schema import Field, ModelType, Role, Schema
    from headwater.ledger.ledger import Ledger
    from headwater.maturity.maturity import Maturity
    from headwater.planning.plans import Plans
    from headwater.plugins.registry import PluginRegistry
    from headwater.profiling.edges import Edges
    from headwater.profiling.profile import Profile
    from headwater.reading.dataset import Dataset, EmptyReadWarning
    from headwater.reading.datasets import Datasets
    from headwater.sources.files import FileDataSource
    from headwater.sources.memory import MemoryDataSource
    from headwater.tables.table import Catalog, Column, Partition, Table, TableName, TimePartition
    from headwater.tables.window import Window
    from headwater.types import DataType, FieldType
    from headwater.workspace.default import create_model, create_model_version
    from headwater.workspace.model import Connection, Model, ModelVersion
    from headwater.workspace.workspace import Workspace

__version__ = "0.1.0"

_HOMES = {
    "Access": "headwater.auth.credentials",
    "AuthStrategy": "headwater.auth.credentials",
    "Catalog": "headwater.tables.table",
    "Column": "headwater.tables.table",
    "Connection": "headwater.workspace.model",
    "Credentials": "headwater.auth.credentials",
    "DataSource": "headwater.interfaces.data_source",
    "DataType": "headwater.types",
    "Dataset": "headwater.reading.dataset",
    "Datasets": "headwater.reading.datasets",
    "Diagnostic": "headwater.diagnostics",
    "Edges": "headwater.profiling.edges",
    "EmptyReadWarning": "headwater.reading.dataset",
    "Engine": "headwater.interfaces.engine",
    "Evidence": "headwater.evidence.evidence",
    "Field": "headwater.interfaces.schema",
    "FieldType": "headwater.types",
    "FileDataSource": "headwater.sources.files",
    "HeadwaterError": "headwater.errors",
    "Identity": "headwater.auth.credentials",
    "Ledger": "headwater.ledger.ledger",
    "LedgerStore": "headwater.interfaces.ledger_store",
    "Mapping": "headwater.interfaces.mapping",
    "Maturity": "headwater.maturity.maturity",
    "MemoryDataSource": "headwater.sources.memory",
    "Model": "headwater.workspace.model",
    "ModelType": "headwater.interfaces.schema",
    "ModelVersion": "headwater.workspace.model",
    "Partition": "headwater.tables.table",
    "Plan": "headwater.interfaces.plan",
    "Plans": "headwater.planning.plans",
    "PluginRegistry": "headwater.plugins.registry",
    "Profile": "headwater.profiling.profile",
    "ReadStats": "headwater.interfaces.read_stats",
    "Role": "headwater.interfaces.schema",
    "Schema": "headwater.interfaces.schema",
    "Secret": "headwater.auth.credentials",
    "Severity": "headwater.diagnostics",
    "Span": "headwater.diagnostics",
    "Table": "headwater.tables.table",
    "TableName": "headwater.tables.table",
    "TimePartition": "headwater.tables.table",
    "Window": "headwater.tables.window",
    "Workspace": "headwater.workspace.workspace",
    "auth": "headwater.auth",
    "config": "headwater.config",
    "create_model": "headwater.workspace.default",
    "create_model_version": "headwater.workspace.default",
    "errors": "headwater.errors",
    "hookimpl": "headwater.interfaces.hookspecs",
    "interfaces": "headwater.interfaces",
    "plugins": "headwater.plugins",
    "sql": "headwater.sql",
    "testing": "headwater.testing",
    "types": "headwater.types",
}

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
    "Datasets",
    "Diagnostic",
    "Edges",
    "EmptyReadWarning",
    "Engine",
    "Evidence",
    "Field",
    "FieldType",
    "FileDataSource",
    "HeadwaterError",
    "Identity",
    "Ledger",
    "LedgerStore",
    "Mapping",
    "Maturity",
    "MemoryDataSource",
    "Model",
    "ModelType",
    "ModelVersion",
    "Partition",
    "Plan",
    "Plans",
    "PluginRegistry",
    "Profile",
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

__getattr__, __dir__ = names_of(__name__, _HOMES)
forward_moved_modules()
