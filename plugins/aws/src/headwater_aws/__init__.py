"""AWS for headwater: identities, clients, listing, policies, and the strict emulator."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_aws.auth.assume_role import AssumeRole
    from headwater_aws.auth.chain import TrustedRole
    from headwater_aws.auth.default import DefaultChain
    from headwater_aws.auth.oidc_role import OidcRole
    from headwater_aws.auth.profile import Profile
    from headwater_aws.auth.static import StaticKeys
    from headwater_aws.errors import translate, translating
    from headwater_aws.listing import S3Object, list_files, list_many
    from headwater_aws.policy import trust_policy
    from headwater_aws.session import AwsSession
    from headwater_aws.tokens import (
        AzureMetadataToken,
        EksToken,
        GcpMetadataToken,
        GitHubActionsToken,
    )

# Each name is imported when it is asked for: boto3 takes half a second.
_HOME = {
    "AssumeRole": "auth.assume_role",
    "AwsSession": "session",
    "AzureMetadataToken": "tokens",
    "DefaultChain": "auth.default",
    "EksToken": "tokens",
    "GcpMetadataToken": "tokens",
    "GitHubActionsToken": "tokens",
    "OidcRole": "auth.oidc_role",
    "Profile": "auth.profile",
    "S3Object": "listing",
    "StaticKeys": "auth.static",
    "TrustedRole": "auth.chain",
    "list_files": "listing",
    "list_many": "listing",
    "translate": "errors",
    "translating": "errors",
    "trust_policy": "policy",
}

__all__ = [
    "AssumeRole",
    "AwsSession",
    "AzureMetadataToken",
    "DefaultChain",
    "EksToken",
    "GcpMetadataToken",
    "GitHubActionsToken",
    "OidcRole",
    "Profile",
    "S3Object",
    "StaticKeys",
    "TrustedRole",
    "list_files",
    "list_many",
    "translate",
    "translating",
    "trust_policy",
]


# Not by headwater.lazy: the emulator stands without the core.
def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
