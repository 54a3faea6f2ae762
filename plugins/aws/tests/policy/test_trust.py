from __future__ import annotations

import json

from headwater_aws import trust_policy
from headwater_aws.policy import provider_arn, provider_name


def test_both_audience_and_subject_are_asked_for() -> None:
    policy = trust_policy(
        account="123456789012", issuer="https://oidc.example.com/id/1/", subject="monitor"
    )
    (statement,) = policy["Statement"]
    assert statement["Principal"] == {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1"
    }
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "oidc.example.com/id/1:aud": "sts.amazonaws.com",
            "oidc.example.com/id/1:sub": "monitor",
        }
    }
    assert json.loads(json.dumps(policy)) == policy


def test_patterns_and_lists() -> None:
    (statement,) = trust_policy(
        account="123456789012",
        issuer="https://token.actions.githubusercontent.com",
        subject=["repo:org/a:*", "repo:org/b:ref:refs/heads/main"],
        audience=["a", "b"],
    )["Statement"]
    name = "token.actions.githubusercontent.com"
    assert statement["Condition"] == {
        "StringEquals": {f"{name}:aud": ["a", "b"]},
        "StringLike": {f"{name}:sub": ["repo:org/a:*", "repo:org/b:ref:refs/heads/main"]},
    }


def test_google_is_built_in() -> None:
    (statement,) = trust_policy(
        account="123456789012", issuer="https://accounts.google.com", subject="1"
    )["Statement"]
    assert statement["Principal"] == {"Federated": "accounts.google.com"}
    assert statement["Condition"]["StringEquals"] == {
        "accounts.google.com:oaud": "sts.amazonaws.com",
        "accounts.google.com:sub": "1",
    }


def test_names() -> None:
    assert provider_name("https://a.b/c/") == "a.b/c"
    assert (
        provider_arn("1", "https://a.b", partition="aws-cn")
        == "arn:aws-cn:iam::1:oidc-provider/a.b"
    )
