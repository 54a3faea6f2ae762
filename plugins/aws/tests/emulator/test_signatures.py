"""Every call is signed with a key that is known, true, and not expired."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from plugins.aws.tests.emulator.support import ACCOUNT, allow, refused, signed_in

from headwater_aws.testing import Emulator

EVERYTHING = allow("s3:*", "glue:*")


def ask(aws: Emulator, service: str, credentials: dict[str, Any]) -> Any:
    client = aws.client_for(service, credentials)
    if service == "glue":
        return client.get_databases()
    return client.list_buckets() if service == "s3" else client.get_caller_identity()


@pytest.fixture
def good(aws: Emulator) -> dict[str, Any]:
    return signed_in(aws, EVERYTHING)


SERVICES = ("glue", "s3", "sts")


@pytest.mark.parametrize("service", SERVICES)
def test_good_keys(aws: Emulator, good: dict[str, Any], service: str) -> None:
    ask(aws, service, good)


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("glue", "UnrecognizedClientException"),
        ("s3", "InvalidAccessKeyId"),
        ("sts", "InvalidClientTokenId"),
    ],
)
def test_an_unknown_key(aws: Emulator, service: str, code: str) -> None:
    with refused(code):
        ask(aws, service, {"AccessKeyId": "AKIAUNKNOWNUNKNOWNXX", "SecretAccessKey": "x"})


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("glue", "InvalidSignatureException"),
        ("s3", "SignatureDoesNotMatch"),
        ("sts", "SignatureDoesNotMatch"),
    ],
)
def test_a_wrong_secret(aws: Emulator, good: dict[str, Any], service: str, code: str) -> None:
    with refused(code, "does not match the signature you provided"):
        ask(aws, service, {**good, "SecretAccessKey": "x" + good["SecretAccessKey"]})


def test_a_wrong_secret_of_long_lived_keys(aws: Emulator) -> None:
    key, secret = aws.create_user_keys(ACCOUNT, EVERYTHING)
    ask(aws, "glue", {"AccessKeyId": key, "SecretAccessKey": secret})
    with refused("InvalidSignatureException"):
        ask(aws, "glue", {"AccessKeyId": key, "SecretAccessKey": secret[:-1]})


@pytest.mark.parametrize("token", ["wrong", None])
@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("glue", "UnrecognizedClientException"),
        ("s3", "InvalidToken"),
        ("sts", "InvalidClientTokenId"),
    ],
)
def test_a_wrong_or_missing_session_token(
    aws: Emulator, good: dict[str, Any], service: str, code: str, token: str | None
) -> None:
    with refused(code):
        ask(aws, service, {**good, "SessionToken": token})


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("glue", "ExpiredTokenException", 400),
        ("s3", "ExpiredToken", 400),
        ("sts", "ExpiredToken", 403),
    ],
)
def test_a_session_that_is_over(
    aws: Emulator, good: dict[str, Any], service: str, code: str, status: int
) -> None:
    ask(aws, service, good)
    aws.faults.expire_now()
    with refused(code, status=status):
        ask(aws, service, good)
    ask(aws, service, signed_in(aws, EVERYTHING))


def test_sessions_end_by_the_emulators_clock() -> None:
    now = [1_800_000_000.0]
    with Emulator(clock=lambda: now[0]) as aws:
        session = signed_in(aws, EVERYTHING, DurationSeconds=900)
        now[0] += 899
        ask(aws, "glue", session)
        now[0] += 1
        with refused("ExpiredTokenException"):
            ask(aws, "glue", session)


def test_a_deleted_key(aws: Emulator) -> None:
    key, secret = aws.create_user_keys(ACCOUNT, EVERYTHING, name="ann")
    credentials = {"AccessKeyId": key, "SecretAccessKey": secret}
    ask(aws, "glue", credentials)
    aws.client("iam").update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    with refused("UnrecognizedClientException"):
        ask(aws, "glue", credentials)


def test_anonymous_calls(aws: Emulator) -> None:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
    asked: dict[str, Any] = {
        "endpoint_url": aws.endpoint_url,
        "region_name": "us-east-1",
        "config": config,
    }
    with refused("MissingAuthenticationToken"):
        boto3.client("sts", **asked).get_caller_identity()
    with refused("MissingAuthenticationTokenException"):
        boto3.client("glue", **asked).get_databases()
    with refused("AccessDenied"):
        boto3.client("s3", **asked).list_buckets()


@pytest.mark.parametrize(
    "key", ["plain.txt", "a b/c+d=e&f?.txt", "é/日本/%25/dt=2026-01-01", "a//b"]
)
def test_any_key_can_be_signed(aws: Emulator, good: dict[str, Any], key: str) -> None:
    s3 = aws.client_for("s3", good)
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key=key, Body=b"x")
    assert s3.get_object(Bucket="lake", Key=key)["Body"].read() == b"x"
    assert s3.list_objects_v2(Bucket="lake", Prefix=key)["Contents"][0]["Key"] == key


def test_a_presigned_url(aws: Emulator, good: dict[str, Any]) -> None:
    s3 = aws.client_for("s3", good)
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="a b", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "lake", "Key": "a b"})
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url.replace("a%20b", "a%20c"))
    with caught.value:
        assert caught.value.code == 403


def test_a_malformed_authorization(aws: Emulator) -> None:
    request = urllib.request.Request(
        f"{aws.endpoint_url}/lake/key", headers={"Authorization": "Bearer something"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert answer.code == 400
        assert b"IncompleteSignature" in answer.read()
