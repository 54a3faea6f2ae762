"""AssumeRoleWithWebIdentity: a token is believed only for good reasons."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from plugins.aws.tests.emulator.support import (
    ACCOUNT,
    OTHER,
    allow,
    anonymous_sts,
    assume,
    refused,
)

from headwater_aws.testing import Emulator, OidcIssuer

NO_KEYS = "Couldn't retrieve verification key from your identity provider"
NOT_AUTHORIZED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


@pytest.fixture
def role(aws: Emulator) -> str:
    return aws.create_oidc_role(subject="me")


def test_a_good_token_gives_a_session_of_the_role(aws: Emulator, role: str) -> None:
    credentials = assume(aws, role)
    identity = aws.client_for("sts", credentials).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/monitoring/session"
    assert identity["Account"] == ACCOUNT
    assert identity["UserId"].endswith(":session")
    lasts = (credentials["Expiration"] - datetime.now(UTC)).total_seconds()
    assert 3590 < lasts <= 3600


def test_the_answer_names_subject_audience_and_provider(aws: Emulator, role: str) -> None:
    answer = anonymous_sts(aws).assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="session", WebIdentityToken=aws.issuer.token(sub="me")
    )
    assert answer["SubjectFromWebIdentityToken"] == "me"
    assert answer["Audience"] == "sts.amazonaws.com"
    host = aws.issuer.url.removeprefix("http://")
    assert answer["Provider"] == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"


def test_a_forged_token(aws: Emulator, role: str) -> None:
    with refused("InvalidIdentityToken", "signature is invalid", 400):
        assume(aws, role, aws.issuer.forged_token(sub="me"))


def test_a_token_whose_claims_were_changed(aws: Emulator, role: str) -> None:
    head, _, signature = aws.issuer.token(sub="someone-else").split(".")
    claims = aws.issuer.token(sub="me").split(".")[1]
    with refused("InvalidIdentityToken", "signature is invalid"):
        assume(aws, role, f"{head}.{claims}.{signature}")


def test_an_unsigned_token(aws: Emulator, role: str) -> None:
    claims = aws.issuer.token(sub="me").split(".")[1]
    with refused("InvalidIdentityToken"):
        assume(aws, role, f"eyJhbGciOiJub25lIn0.{claims}.")


def test_not_a_jwt(aws: Emulator, role: str) -> None:
    with refused("InvalidIdentityToken", "not a valid JWT"):
        assume(aws, role, "opaque-access-token")


def test_a_token_for_another_audience(aws: Emulator, role: str) -> None:
    with refused("InvalidIdentityToken", "Incorrect token audience"):
        assume(aws, role, aws.issuer.token(sub="me", aud="elsewhere"))


def test_one_good_audience_of_several_is_enough_for_the_provider(aws: Emulator, role: str) -> None:
    assume(aws, role, aws.issuer.token(sub="me", aud=["elsewhere", "sts.amazonaws.com"]))


def test_an_expired_token(aws: Emulator, role: str) -> None:
    with refused("ExpiredTokenException", "Token expired: current date/time", 400):
        assume(aws, role, aws.issuer.token(sub="me", expires_in=-10))


def test_a_token_that_is_not_yet_valid(aws: Emulator, role: str) -> None:
    later = int(datetime.now(UTC).timestamp()) + 600
    with refused("InvalidIdentityToken", "not yet valid"):
        assume(aws, role, aws.issuer.token(sub="me", nbf=later))


def test_an_issuer_without_a_provider_in_the_account(aws: Emulator, role: str) -> None:
    token = aws.issuer.token(sub="me", iss="https://elsewhere.example/realm")
    with refused(
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://elsewhere.example/realm",
    ):
        assume(aws, role, token)


def test_an_issuer_that_differs_by_a_slash(aws: Emulator, role: str) -> None:
    with refused("InvalidIdentityToken", "No OpenIDConnect provider found"):
        assume(aws, role, aws.issuer.token(sub="me", iss=aws.issuer.url + "/"))


def test_the_provider_must_be_in_the_account_of_the_role(aws: Emulator, role: str) -> None:
    aws.create_role(name="lonely", account_id=OTHER, trust=allow("sts:*"))
    with refused("InvalidIdentityToken", "No OpenIDConnect provider found"):
        assume(aws, f"arn:aws:iam::{OTHER}:role/lonely")


def test_a_deleted_provider(aws: Emulator, role: str) -> None:
    iam = aws.client("iam")
    (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
    with refused("InvalidIdentityToken", "No OpenIDConnect provider found"):
        assume(aws, role)


def test_an_issuer_that_does_not_answer(aws: Emulator, role: str) -> None:
    token = aws.issuer.token(sub="me")
    aws.issuer.available = False
    with refused("InvalidIdentityToken", NO_KEYS):
        assume(aws, role, token)


def test_an_issuer_that_is_gone(aws: Emulator) -> None:
    with OidcIssuer() as elsewhere:
        role = aws.create_oidc_role(subject="me", issuer=elsewhere)
        token = elsewhere.token(sub="me")
        assume(aws, role, token)
    with refused("InvalidIdentityToken", NO_KEYS):
        assume(aws, role, token)


def test_another_issuer_with_its_own_algorithm(aws: Emulator) -> None:
    with OidcIssuer(algorithm="ES256") as elsewhere:
        role = aws.create_oidc_role(subject="me", issuer=elsewhere, name="elsewhere")
        assume(aws, role, elsewhere.token(sub="me"))
        with refused("InvalidIdentityToken"):
            assume(aws, role, elsewhere.forged_token(sub="me"))


def test_a_token_of_one_issuer_is_no_token_of_another(aws: Emulator, role: str) -> None:
    with OidcIssuer() as elsewhere:
        with refused("InvalidIdentityToken", "No OpenIDConnect provider found"):
            assume(aws, role, elsewhere.token(sub="me"))
        with refused("InvalidIdentityToken", NO_KEYS):  # its key is none of this issuer's
            assume(aws, role, elsewhere.token(sub="me", iss=aws.issuer.url))


def test_rotated_keys(aws: Emulator, role: str) -> None:
    old = aws.issuer.token(sub="me")
    aws.issuer.rotate_keys()
    assume(aws, role, old)
    assume(aws, role, aws.issuer.token(sub="me"))
    aws.issuer.rotate_keys(keep_old=False)
    with refused("InvalidIdentityToken", NO_KEYS):
        assume(aws, role, old)
    assume(aws, role, aws.issuer.token(sub="me"))


def test_a_missing_role_looks_like_a_mistrusting_one(aws: Emulator, role: str) -> None:
    with refused("AccessDenied", NOT_AUTHORIZED, 403):
        assume(aws, role.replace("monitoring", "missing"))
    with refused("AccessDenied", NOT_AUTHORIZED, 403):
        assume(aws, role, aws.issuer.token(sub="someone-else"))


def test_the_subject_may_be_a_pattern(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="repo:acme/*:ref:refs/heads/main")
    assume(aws, role, aws.issuer.token(sub="repo:acme/monitor:ref:refs/heads/main"))
    with refused("AccessDenied", NOT_AUTHORIZED):
        assume(aws, role, aws.issuer.token(sub="repo:evil/monitor:ref:refs/heads/main"))


def test_the_trust_policy_asks_for_an_audience_of_its_own(aws: Emulator, role: str) -> None:
    aws.create_oidc_role(subject="me", audience="second", name="second")
    with refused("AccessDenied", NOT_AUTHORIZED):
        assume(aws, role, aws.issuer.token(sub="me", aud="second"))


def test_a_role_that_trusts_another_kind_of_principal(aws: Emulator, role: str) -> None:
    trust: dict[str, Any] = allow("sts:AssumeRoleWithWebIdentity")
    trust["Statement"][0].pop("Resource")
    trust["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    other = aws.create_role(name="other", trust=trust)
    with refused("AccessDenied", NOT_AUTHORIZED):
        assume(aws, other)


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (899, "greater than or equal to 900"),
        ("long", "Value 'long' at 'durationSeconds'"),
        (43201, "less than or equal to 43200"),
        (7200, "exceeds the MaxSessionDuration set for this role"),
    ],
)
def test_the_bounds_of_a_session(aws: Emulator, role: str, seconds: object, message: str) -> None:
    # boto3 refuses 899 itself, so the request is written by hand.
    form = {
        "Action": "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": role,
        "RoleSessionName": "session",
        "WebIdentityToken": aws.issuer.token(sub="me"),
        "DurationSeconds": str(seconds),
    }
    data = urllib.parse.urlencode(form).encode()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(aws.endpoint_url, data=data))
    with caught.value as answer:
        body = answer.read().decode()
    assert caught.value.code == 400
    assert "<Code>ValidationError</Code>" in body
    assert message in body


def test_a_role_with_a_longer_maximum(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="me", max_session_duration=7200)
    credentials = assume(aws, role, DurationSeconds=7200)
    assert (credentials["Expiration"] - datetime.now(UTC)).total_seconds() > 7190


def test_a_session_policy_that_is_too_long(aws: Emulator, role: str) -> None:
    policy = json.dumps(allow("s3:GetObject", on=["arn:aws:s3:::" + "x" * 60] * 40))
    assert len(policy) > 2048
    with refused("ValidationError", "length less than or equal to 2048"):
        assume(aws, role, Policy=policy)


def test_a_session_policy_that_is_no_policy(aws: Emulator, role: str) -> None:
    with refused("MalformedPolicyDocument"):
        assume(aws, role, Policy='{"Statement": "everything"}')


def test_the_record_keeps_no_token(aws: Emulator, role: str) -> None:
    token = aws.issuer.token(sub="me")
    credentials = assume(aws, role, token)
    (call,) = aws.requests.select("sts:AssumeRoleWithWebIdentity")
    assert call.parameters["RoleArn"] == role
    text = repr(list(aws.requests))
    assert token not in text
    assert credentials["SecretAccessKey"] not in text
    assert credentials["SessionToken"] not in text
