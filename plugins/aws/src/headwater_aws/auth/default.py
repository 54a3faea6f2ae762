"""The default chain: AWS's own variables decide."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from headwater.errors import AuthError
from headwater_aws.auth.chain import AwsStrategy
from headwater_aws.auth.oidc_role import OidcRole
from headwater_aws.tokens import EksToken

if TYPE_CHECKING:
    from headwater_aws.session import Opening, Step


class DefaultChain(AwsStrategy):
    """What a source uses when no identity is configured.

    `AWS_ROLE_ARN` with `AWS_WEB_IDENTITY_TOKEN_FILE` means that role by OIDC, and nothing else:
    where it fails, boto3 would go on to the node's own, broader role; this does not. Without them,
    boto3's chain decides: environment keys, profiles, container and instance metadata.
    """

    type: Literal["default"] = "default"

    def first_step(self, opening: Opening) -> Step:
        """Look at the variables, and only at them: no network."""
        from headwater_aws.auth.ambient import AmbientStep

        role, file = (
            os.environ.get(name, "") for name in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE")
        )
        if role and file:
            name = os.environ.get("AWS_ROLE_SESSION_NAME") or "headwater"
            try:
                strategy = OidcRole(role_arn=role, token=EksToken(), session_name=name)
            except ValidationError as error:
                problem = error.errors(include_url=False, include_input=False)[0]["msg"]
                raise AuthError(
                    f"AWS_ROLE_ARN or AWS_ROLE_SESSION_NAME is wrong: {problem}", code="no-role"
                ) from error
            return strategy.first_step(opening)
        if file:
            raise AuthError(
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, and AWS_ROLE_ARN is not",
                code="no-role",
                hint="set AWS_ROLE_ARN to the role to become, or unset the other",
            )
        return AmbientStep(None, opening)
