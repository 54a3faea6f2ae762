"""Policies: who may become a role, and what a role needs for its connections."""

from headwater_aws.policy.trust import (
    AUDIENCE,
    as_json,
    provider_arn,
    provider_name,
    role_trust_policy,
    trust_policy,
)

__all__ = [
    "AUDIENCE",
    "as_json",
    "provider_arn",
    "provider_name",
    "role_trust_policy",
    "trust_policy",
]
