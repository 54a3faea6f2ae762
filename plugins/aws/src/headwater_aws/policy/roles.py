"""The roles of an identity: which there are, in what order, and who must trust whom."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from headwater.auth.credentials import AuthStrategy, Permission, TokenSource
from headwater.auth.tokens import claims
from headwater.errors import AuthError, ConfigError
from headwater_aws.auth.assume_role import AssumeRole
from headwater_aws.auth.chain import AwsStrategy, TrustedRole
from headwater_aws.auth.default import DefaultChain
from headwater_aws.auth.oidc_role import OidcRole
from headwater_aws.policy.trust import provider_arn, role_trust_policy, trust_policy
from headwater_aws.sts_errors import role_account
from headwater_aws.tokens import EksToken

CALLER = "REPLACE-WITH-THE-ARN-OF-THE-CALLER"
"""Stands in a trust policy for a principal that is known only where the source is used."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """What a token says of itself, as far as a trust policy must know it.

    Args:
        issuer: `iss`.
        subject: `sub`.
        audience: `aud`.
    """

    issuer: str
    subject: str
    audience: str


@dataclass(frozen=True, slots=True)
class Role:
    """One role of an identity.

    Args:
        arn: The role.
        trust: Its trust policy.
        provider: ARN of the identity provider that must exist beside it, for a token.
        bearer: Whom the trust policy lets in, for a token.
        assumes: What the role needs to become the next one; empty for the last.
    """

    arn: str
    trust: Mapping[str, Any]
    provider: str | None = None
    bearer: Bearer | None = None
    assumes: tuple[Permission, ...] = ()

    @property
    def path(self) -> str:
        """Path of the role, `/` for most."""
        path = self.arn.partition(":role/")[2].rpartition("/")[0]
        return f"/{path}/" if path else "/"

    @property
    def account(self) -> str:
        """Number of the role's account."""
        return role_account(self.arn) or ""

    @property
    def name(self) -> str:
        """The role's name, without its path."""
        return self.arn.rpartition("/")[2]


def roles_of(strategy: AuthStrategy, *, bearer: Bearer | None = None) -> tuple[Role, ...]:
    """Return the roles of an identity, in the order in which they are assumed.

    Args:
        strategy: How the identity is obtained. One that assumes no role has none.
        bearer: Whom to let in by token; None reads the strategy's own token and believes it.

    Raises:
        AuthError: If the token can't be read, and `bearer` does not say what is in it.
    """
    if not isinstance(strategy, AwsStrategy):
        return ()
    roles: tuple[Role, ...] = ()
    match strategy:
        case OidcRole():
            roles = (_by_token(strategy, bearer),)
        case AssumeRole():
            roles = roles_of(strategy.source or DefaultChain(), bearer=bearer)
            roles = _extended(roles, strategy)
        case DefaultChain() if os.environ.get("AWS_ROLE_ARN"):
            role = OidcRole(role_arn=os.environ["AWS_ROLE_ARN"], token=EksToken())
            roles = (_by_token(role, bearer),)
    for chained in strategy.chained:
        roles = _extended(roles, chained)
    return roles


def together(roles: Sequence[Role], others: Sequence[Role]) -> tuple[Role, ...]:
    """Return the roles of an identity that is obtained in two ways, each trusting both.

    Args:
        roles: The roles of one way, the one that reads last.
        others: Those of the other.
    """
    by_arn = {role.arn: role for role in (*others[:-1], *roles)}
    for other in others:
        role = by_arn[other.arn]
        own, more = role.trust["Statement"], other.trust["Statement"]
        statements = [*own, *(s for s in more if s not in own)]
        assumes = (*role.assumes, *(p for p in other.assumes if p not in role.assumes))
        by_arn[other.arn] = replace(
            role, trust={**role.trust, "Statement": statements}, assumes=assumes
        )
    return tuple(by_arn.values())


def bearer_of(source: TokenSource) -> Bearer:
    """Return what a token says of itself, unverified.

    Raises:
        AuthError: If there is no token, or it lacks `iss` or `sub`.
    """
    token_claims = claims(source.token(), what=f"the token from {source.describe()}")
    audience = token_claims.get("aud")
    first = audience[0] if isinstance(audience, list) and audience else audience
    if not isinstance(token_claims.get("iss"), str) or not isinstance(token_claims.get("sub"), str):
        raise AuthError(f"the token from {source.describe()} has no iss or no sub")
    return Bearer(token_claims["iss"], token_claims["sub"], str(first or ""))


def _by_token(strategy: OidcRole, bearer: Bearer | None) -> Role:
    account = role_account(strategy.role_arn)
    if account is None:
        raise ConfigError(f"{strategy.role_arn!r} is not a role's ARN")
    partition = strategy.role_arn.split(":")[1]
    if bearer is None:
        try:
            bearer = bearer_of(cast("TokenSource", strategy.token))
        except AuthError as error:
            raise AuthError(
                f"whom {strategy.role_arn} should trust is not known: {error.message}",
                code="bearer-unknown",
                hint="run this where the token is, or say what will be in it: --issuer, --subject "
                "and --audience",
            ) from error
    trust = trust_policy(
        account=account,
        issuer=bearer.issuer,
        subject=bearer.subject,
        audience=bearer.audience,
        partition=partition,
    )
    provider = provider_arn(account, bearer.issuer, partition=partition)
    return Role(strategy.role_arn, trust, provider, bearer)


def _extended(before: tuple[Role, ...], role: TrustedRole) -> tuple[Role, ...]:
    """Return a chain with one more role, and the one before it allowed to become that."""
    trust = role_trust_policy(
        principal=before[-1].arn if before else CALLER,
        external_id=role.external_id,
        mfa=role.mfa_serial is not None,
        tags=role.tags,
        source_identity=role.source_identity,
    )
    actions = ["sts:AssumeRole"]
    actions += ["sts:TagSession"] if role.tags else []
    actions += ["sts:SetSourceIdentity"] if role.source_identity else []
    needs = tuple(Permission(a, (role.role_arn,), reason="the next role") for a in actions)
    last = tuple(replace(b, assumes=(*b.assumes, *needs)) for b in before[-1:])
    return (*before[:-1], *last, Role(role.role_arn, trust))
