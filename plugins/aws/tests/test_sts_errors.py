"""Each refusal of STS by its code; what the emulator gives too is in auth/test_oidc_role.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plugins.aws.tests.support import client_error

from headwater.errors import AuthError
from headwater_aws.sts_errors import (
    explain_assume_role,
    explain_web_identity,
    role_account,
    show_claims,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/ml/monitoring"
CLAIMS = {
    "iss": "https://oidc.example.com/id/1/",
    "aud": ["sts.amazonaws.com"],
    "sub": "monitor",
    "exp": (NOW + timedelta(hours=3)).timestamp(),
}


def web_identity(code: str, message: str = "said", claims: Any = None) -> AuthError:
    return explain_web_identity(
        client_error(code, message, "AssumeRoleWithWebIdentity"),
        role_arn=ROLE,
        claims=CLAIMS if claims is None else claims,
        source="file /var/run/token",
        region="eu-west-1",
        now=NOW,
        duration=3600,
    )


@pytest.mark.parametrize(
    ("code", "message", "ours", "says"),
    [
        ("InvalidIdentityToken", "Incorrect token audience", "audience", "add sts.amazonaws.com"),
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://oidc.example.com/id/1",
            "issuer-unknown",
            "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1 in the role's account",
        ),
        (
            "InvalidIdentityToken",
            "Couldn't retrieve verification key from your identity provider",
            "issuer-unreachable",
            "https://oidc.example.com/id/1/.well-known/openid-configuration",
        ),
        ("InvalidIdentityToken", "Provided token signature is invalid", "token-invalid", "signed"),
        ("ExpiredTokenException", "Token expired", "token-expired", "file /var/run/token has"),
        ("IDPCommunicationError", "down", "issuer-unreachable", "from outside your network"),
        ("IDPRejectedClaim", "revoked", "token-rejected", "get a new one"),
        ("AccessDenied", "Not authorized", "role-refused", "service control policy"),
        ("PackedPolicyTooLarge", "Packed size: 120%", "session-policy-too-large", "policy_arns"),
        ("MalformedPolicyDocument", "bad", "session-policy", "malformed"),
        ("RegionDisabledException", "off", "region-disabled", "eu-west-1"),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "duration",
            "lower `duration`",
        ),
        ("Throttling", "Rate exceeded", "throttled", "try again"),
        ("Strange", "thing", "aws", "Strange: thing"),
    ],
)
def test_web_identity(code: str, message: str, ours: str, says: str) -> None:
    error = web_identity(code, message)
    assert error.code == ours
    assert says in str(error)
    assert ROLE in error.message
    assert isinstance(error, AuthError)


def test_the_claims_are_shown() -> None:
    shown = show_claims(CLAIMS, NOW)
    assert shown == (
        "iss=https://oidc.example.com/id/1/, aud=sts.amazonaws.com, sub=monitor, "
        "exp=2026-01-01 03:00:00Z (in 3 h)"
    )
    assert show_claims({"exp": NOW.timestamp() - 90}, NOW).endswith("(90 s ago)")
    assert show_claims({"exp": "soon", "jti": "x"}, NOW) == "no iss, aud, sub or exp"
    assert len(show_claims({"sub": "x" * 5000}, NOW)) < 400


def test_the_trust_policy_to_paste_names_this_token() -> None:
    hint = web_identity("AccessDenied").hint or ""
    assert '"oidc.example.com/id/1:sub": "monitor"' in hint
    assert '"oidc.example.com/id/1:aud": "sts.amazonaws.com"' in hint


def assume_role(code: str, message: str = "said", **more: Any) -> AuthError:
    given: dict[str, Any] = {
        "role_arn": ROLE,
        "caller": None,
        "external_id": False,
        "mfa": False,
        "region": "eu-west-1",
        "duration": 3600,
        **more,
    }
    return explain_assume_role(client_error(code, message, "AssumeRole"), **given)


def test_assume_role_lists_the_causes_that_are_left() -> None:
    said = "User: arn:aws:iam::1:user/a is not authorized to perform: sts:AssumeRole on resource: r"
    hint = assume_role("AccessDenied", said).hint or ""
    assert hint.index("does not name arn:aws:iam::1:user/a") < hint.index("external id")
    assert "none was given" in hint
    assert "asks for MFA" in hint
    hint = assume_role("AccessDenied", said, external_id=True, mfa=True).hint or ""
    assert "is not the one" in hint
    assert "asks for MFA" not in hint
    wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code."
    assert assume_role("AccessDenied", wrong).code == "mfa-refused"
    assert assume_role("ExpiredToken", "x").code == "credentials-expired"
    assert assume_role("ValidationError", "DurationSeconds exceeds the 1 hour").code == "duration"


def test_accounts_of_roles() -> None:
    assert role_account(ROLE) == "123456789012"
    assert role_account("arn:aws-cn:iam::210987654321:role/x") == "210987654321"
    assert role_account("monitoring") is None
