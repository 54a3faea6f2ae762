"""How a Glue source is reached: the authentication strategies.

The strategies are headwater-aws's own, under the names by which a Glue user meets them.
"""

from __future__ import annotations

from headwater_aws.auth.assume_role import AssumeRole
from headwater_aws.auth.chain import TrustedRole
from headwater_aws.auth.default import DefaultChain
from headwater_aws.auth.oidc_role import OidcRole
from headwater_aws.auth.profile import Profile
from headwater_aws.auth.static import StaticKeys

__all__ = [
    "AssumeRole",
    "DefaultChain",
    "OidcRole",
    "Profile",
    "StaticKeys",
    "TrustedRole",
]
