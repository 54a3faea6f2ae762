"""What a plugin author imports: one module for the interfaces, the errors and the helpers.

    from headwater.plugin import DataSource, SourceSpec, StreamRelation, hookimpl

Each name is imported from its home when it is first used, so a plugin module that names specs alone
stays light. The types of columns are in `headwater.types`, the contract suites in
`headwater.testing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater import interfaces
from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater.auth.secret_references import SecretReference
    from headwater.diagnostics import hint_for
    from headwater.errors import (
        AccessDeniedError,
        AuthError,
        CancelledError,
        ConfigError,
        CredentialsExpiredError,
        DatabaseNotFoundError,
        DataChangedError,
        DataError,
        EngineError,
        EvidenceError,
        HeadwaterError,
        LedgerError,
        LedgerMovedError,
        MappingError,
        PlanError,
        PluginError,
        ProfileError,
        QueryError,
        ReadTimeoutError,
        SourceError,
        TableNotFoundError,
        UnsupportedError,
    )
    from headwater.interfaces import *  # noqa: F403
    from headwater.sources.database_rows import (
        Select,
        arrow_batches,
        quoted,
        record_batches,
        select,
    )
    from headwater.sources.single_database import SingleDatabase

_HOMES = {
    **interfaces.HOMES,
    "AccessDeniedError": "headwater.errors",
    "AuthError": "headwater.errors",
    "CancelledError": "headwater.errors",
    "ConfigError": "headwater.errors",
    "CredentialsExpiredError": "headwater.errors",
    "DataChangedError": "headwater.errors",
    "DataError": "headwater.errors",
    "DatabaseNotFoundError": "headwater.errors",
    "EngineError": "headwater.errors",
    "EvidenceError": "headwater.errors",
    "HeadwaterError": "headwater.errors",
    "LedgerError": "headwater.errors",
    "LedgerMovedError": "headwater.errors",
    "MappingError": "headwater.errors",
    "PlanError": "headwater.errors",
    "PluginError": "headwater.errors",
    "ProfileError": "headwater.errors",
    "QueryError": "headwater.errors",
    "ReadTimeoutError": "headwater.errors",
    "SecretReference": "headwater.auth.secret_references",
    "Select": "headwater.sources.database_rows",
    "SingleDatabase": "headwater.sources.single_database",
    "SourceError": "headwater.errors",
    "TableNotFoundError": "headwater.errors",
    "UnsupportedError": "headwater.errors",
    "arrow_batches": "headwater.sources.database_rows",
    "hint_for": "headwater.diagnostics",
    "quoted": "headwater.sources.database_rows",
    "record_batches": "headwater.sources.database_rows",
    "select": "headwater.sources.database_rows",
}

__all__ = [
    "AccessDeniedError",
    "AuthError",
    "CancelledError",
    "ConfigError",
    "CredentialsExpiredError",
    "DataChangedError",
    "DataError",
    "DatabaseNotFoundError",
    "EngineError",
    "EvidenceError",
    "HeadwaterError",
    "LedgerError",
    "LedgerMovedError",
    "MappingError",
    "PlanError",
    "PluginError",
    "ProfileError",
    "QueryError",
    "ReadTimeoutError",
    "SecretReference",
    "Select",
    "SingleDatabase",
    "SourceError",
    "TableNotFoundError",
    "UnsupportedError",
    "arrow_batches",
    "hint_for",
    "quoted",
    "record_batches",
    "select",
]
__all__ += interfaces.__all__

__getattr__, __dir__ = names_of(__name__, _HOMES)
