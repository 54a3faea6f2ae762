"""A role in somebody's account, by an OIDC token and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, cast

from pydantic import Field

from headwater.auth.credentials import TokenSource
from headwater_aws.auth.chain import AwsStrategy
from headwater_aws.auth.fields import Duration, PolicyText, RoleArn, SessionName, Token

if TYPE_CHECKING:
    from headwater_aws.session import Opening, Step


class OidcRole(AwsStrategy):
    """A role that trusts an OIDC issuer, assumed with a token of that issuer.

    The call carries neither an external id nor session tags: AWS takes none with a web identity.

    Args:
        role_arn: The role.
        token: Where the token comes from, asked anew for each renewal: `file:/path`, `env:NAME`,
            `command:...`, `github-actions`, `eks`, `gcp`, a callable, a `TokenSource`, or a mapping
            with `type` and the source's fields (`client-credentials`, `azure` ...).
        session_name: Name of its sessions, as CloudTrail shows it.
        duration: Seconds that a session lasts before it is renewed.
        policy: Session policy: the session may do no more than this.
        policy_arns: Managed policies that do the same.
    """

    is_role: ClassVar[bool] = True

    type: Literal["oidc-role"] = "oidc-role"
    role_arn: RoleArn
    token: Token = Field(repr=False)
    session_name: SessionName = "headwater"
    duration: Duration = 3600
    policy: PolicyText | None = None
    policy_arns: tuple[str, ...] = ()

    def first_step(self, opening: Opening) -> Step:
        """Assume the role with the token, unsigned."""
        from headwater_aws.auth.assumption import web_identity_step

        return web_identity_step(self, cast("TokenSource", self.token), opening)
