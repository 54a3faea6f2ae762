"""How an AWS identity is obtained: one strategy in each file."""

from headwater_aws.auth.assume_role import AssumeRole
from headwater_aws.auth.chain import TrustedRole
from headwater_aws.auth.default import DefaultChain
from headwater_aws.auth.oidc_role import OidcRole
from headwater_aws.auth.profile import Profile
from headwater_aws.auth.static import StaticKeys

__all__ = ["AssumeRole", "DefaultChain", "OidcRole", "Profile", "StaticKeys", "TrustedRole"]
