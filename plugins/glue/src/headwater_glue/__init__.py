"""AWS Glue for headwater: discover the Data Catalog, check queries against it, read tables."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.table import TimePartition
    from headwater_glue.auth import (
        AssumeRole,
        DefaultChain,
        OidcRole,
        Profile,
        StaticKeys,
        TrustedRole,
    )
    from headwater_glue.catalog import GlueCatalog
    from headwater_glue.source import GlueDataSource

# Each name is imported when it is asked for: pydantic and boto3 take their time.
_HOME = {
    "AssumeRole": "headwater_glue.auth",
    "DefaultChain": "headwater_glue.auth",
    "GlueCatalog": "headwater_glue.catalog",
    "GlueDataSource": "headwater_glue.source",
    "OidcRole": "headwater_glue.auth",
    "Profile": "headwater_glue.auth",
    "StaticKeys": "headwater_glue.auth",
    "TimePartition": "headwater.table",
    "TrustedRole": "headwater_glue.auth",
}

__all__ = [
    "AssumeRole",
    "DefaultChain",
    "GlueCatalog",
    "GlueDataSource",
    "OidcRole",
    "Profile",
    "StaticKeys",
    "TimePartition",
    "TrustedRole",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
