"""AWS Glue for headwater: discover the Data Catalog, check queries against it, read tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.lazy import names_of

if TYPE_CHECKING:
    from headwater.tables.table import TimePartition
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
_HOMES = {
    "AssumeRole": "headwater_glue.auth",
    "DefaultChain": "headwater_glue.auth",
    "GlueCatalog": "headwater_glue.catalog",
    "GlueDataSource": "headwater_glue.source",
    "OidcRole": "headwater_glue.auth",
    "Profile": "headwater_glue.auth",
    "StaticKeys": "headwater_glue.auth",
    "TimePartition": "headwater.tables.table",
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

__getattr__, __dir__ = names_of(__name__, _HOMES)
