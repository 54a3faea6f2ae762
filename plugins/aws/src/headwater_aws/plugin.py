"""What headwater-aws contributes to headwater: hook implementations, nothing else."""

from __future__ import annotations

from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import AuthSpec, CommandSpec

HEADWATER_API = 1


@hookimpl
def headwater_auth() -> list[AuthSpec]:
    """Return AWS's authentication strategies."""
    return [
        AuthSpec(
            "oidc-role",
            "headwater_aws.auth.oidc_role:OidcRole",
            "an IAM role, assumed with an OIDC token",
        ),
        AuthSpec(
            "assume-role",
            "headwater_aws.auth.assume_role:AssumeRole",
            "an IAM role, assumed from another identity",
        ),
        AuthSpec(
            "profile",
            "headwater_aws.auth.profile:Profile",
            "a profile of the shared AWS configuration files",
        ),
        AuthSpec(
            "static",
            "headwater_aws.auth.static:StaticKeys",
            "access keys, given by reference",
        ),
        AuthSpec(
            "default",
            "headwater_aws.auth.default:DefaultChain",
            "what AWS's own environment variables and files decide",
        ),
    ]


@hookimpl
def headwater_commands() -> list[CommandSpec]:
    """Return `headwater policy`."""
    return [
        CommandSpec(
            "policy",
            "headwater_aws.policy.command:policy",
            "compile the IAM policies that connections need",
        )
    ]
