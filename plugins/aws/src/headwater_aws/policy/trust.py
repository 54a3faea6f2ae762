"""Trust policies: who may become a role."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

AUDIENCE = "sts.amazonaws.com"
"""The audience that AWS's own guides use for web identity."""
_GOOGLE = "accounts.google.com"


def provider_name(issuer: str) -> str:
    """Return an issuer as IAM names it: without scheme and final slash.

    Args:
        issuer: The token's `iss`, e.g. `https://oidc.example.com/id/1`.

    Source: IAM User Guide, "Create an OpenID Connect (OIDC) identity provider in IAM".
    """
    return re.sub(r"^https?://", "", issuer).rstrip("/")


def provider_arn(account: str, issuer: str, *, partition: str = "aws") -> str:
    """Return the ARN of the IAM identity provider that stands for an issuer in an account.

    Args:
        account: The 12-digit number of the role's account.
        issuer: The token's `iss`.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
    """
    return f"arn:{partition}:iam::{account}:oidc-provider/{provider_name(issuer)}"


def trust_policy(
    *,
    account: str,
    issuer: str,
    subject: str | Sequence[str],
    audience: str | Sequence[str] = AUDIENCE,
    partition: str = "aws",
) -> dict[str, Any]:
    """Return the trust policy that lets one subject of an issuer become a role.

    Both conditions matter: without `sub`, every token of the issuer for this audience is let in.

    Args:
        account: The 12-digit number of the role's account.
        issuer: The token's `iss`.
        subject: The token's `sub`, or several; `*` and `?` are wildcards.
        audience: The token's `aud`, or several.
        partition: `aws`, `aws-cn` or `aws-us-gov`.

    Returns:
        The policy, ready for `json.dumps`.

    Source: IAM User Guide, "Create a role for OpenID Connect federation" and "Available keys for
        AWS OIDC federation" (Google is built in, and its `aud` key means the token's `azp`).
    """
    name = provider_name(issuer)
    google = name == _GOOGLE
    equals: dict[str, Any] = {f"{name}:{'oaud' if google else 'aud'}": _single_or_list(audience)}
    conditions: dict[str, Any] = {"StringEquals": equals}
    if any(c in s for s in _as_list(subject) for c in "*?"):
        conditions["StringLike"] = {f"{name}:sub": _single_or_list(subject)}
    else:
        equals[f"{name}:sub"] = _single_or_list(subject)
    provider = _GOOGLE if google else provider_arn(account, issuer, partition=partition)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": conditions,
            }
        ],
    }


def role_trust_policy(
    *,
    principal: str,
    external_id: str | None = None,
    mfa: bool = False,
    tags: Mapping[str, str] | None = None,
    source_identity: str | None = None,
) -> dict[str, Any]:
    """Return the trust policy that lets an AWS principal become a role.

    Args:
        principal: ARN of a role or a user.
        external_id: What the caller must say, agreed on beforehand.
        mfa: Whether it must have shown an MFA code.
        tags: Session tags that it must give.
        source_identity: Who must be named as the one that acts.

    Source: IAM User Guide, "Access to AWS accounts owned by third parties" (external id) and "Pass
        session tags in AWS STS" (sts:TagSession belongs into the trust policy).
    """
    equals: dict[str, Any] = {}
    actions = ["sts:AssumeRole"]
    if external_id is not None:
        equals["sts:ExternalId"] = external_id
    if tags:
        equals |= {f"aws:RequestTag/{key}": value for key, value in sorted(tags.items())}
        actions.append("sts:TagSession")
    if source_identity is not None:
        equals["sts:SourceIdentity"] = source_identity
        actions.append("sts:SetSourceIdentity")
    conditions: dict[str, Any] = {"StringEquals": equals} if equals else {}
    if mfa:
        conditions["Bool"] = {"aws:MultiFactorAuthPresent": "true"}
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": _single_or_list(actions),
    }
    if conditions:
        statement["Condition"] = conditions
    return {"Version": "2012-10-17", "Statement": [statement]}


def as_json(policy: Mapping[str, Any]) -> str:
    """Return a policy as text to paste."""
    return json.dumps(policy, indent=2)


def _as_list(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _single_or_list(value: str | Sequence[str]) -> str | list[str]:
    values = _as_list(value)
    return values[0] if len(values) == 1 else values
