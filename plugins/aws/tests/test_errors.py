from __future__ import annotations

import pickle
from typing import Any

import pytest
from botocore import exceptions as aws_errors
from plugins.aws.tests.support import client_error, oidc_role, opened

from headwater.errors import (
    AccessDeniedError,
    AuthError,
    ConfigError,
    CredentialsExpiredError,
    HeadwaterError,
    SourceError,
    TableNotFoundError,
)
from headwater_aws import translate, translating
from headwater_aws.errors import iam_action
from headwater_aws.testing import Emulator

USER = "arn:aws:sts::123456789012:assumed-role/monitoring/headwater"
TABLE = "arn:aws:glue:us-east-1:123456789012:table/db/t"


class Caller:
    region = "us-east-1"

    def caller_arn(self) -> str:
        return USER


def told(error: Exception, **more: Any) -> HeadwaterError:
    return translate(error, doing="look up db.t", **more)


@pytest.mark.parametrize(
    ("code", "kind", "ours", "retryable"),
    [
        ("AccessDeniedException", AccessDeniedError, "access-denied", False),
        ("403", AccessDeniedError, "access-denied", False),
        ("ExpiredTokenException", CredentialsExpiredError, "credentials-expired", True),
        ("ExpiredToken", CredentialsExpiredError, "credentials-expired", True),
        ("ThrottlingException", SourceError, "throttled", True),
        ("SlowDown", SourceError, "throttled", True),
        ("InvalidClientTokenId", AuthError, "credentials-refused", False),
        ("SignatureDoesNotMatch", AuthError, "credentials-refused", False),
        ("RequestTimeTooSkewed", AuthError, "clock-skew", False),
        ("RegionDisabledException", AuthError, "region-disabled", False),
        ("OptInRequired", AuthError, "region-disabled", False),
        ("PermanentRedirect", SourceError, "wrong-region", False),
        ("InvalidObjectState", SourceError, "object-archived", False),
        ("KMS.DisabledException", SourceError, "kms-key", False),
        ("KMS.NotFoundException", SourceError, "kms-key", False),
        ("KMS.KMSInvalidStateException", SourceError, "kms-key", False),
        ("KMS.ThrottlingException", SourceError, "throttled", True),
        ("KMS.AccessDeniedException", AccessDeniedError, "access-denied", False),
        ("NoSuchBucket", SourceError, "not-found", False),
        ("EntityNotFoundException", SourceError, "not-found", False),
        ("InternalServiceException", SourceError, "aws-outage", True),
        ("503", SourceError, "aws-outage", True),
        ("SomethingNewException", SourceError, "aws", False),
        ("AllAccessDisabled", SourceError, "aws", False),
        ("AccountProblem", SourceError, "aws", False),
    ],
)
def test_codes(code: str, kind: type[HeadwaterError], ours: str, retryable: bool) -> None:
    error = told(client_error(code, "what AWS said"), session=Caller())
    assert type(error) is kind
    assert error.code == ours
    assert error.retryable is retryable
    assert error.message.startswith("can't look up db.t: ")


def test_what_no_policy_opens_asks_for_none() -> None:
    error = told(client_error("AllAccessDisabled", "All access to this object has been disabled"))
    assert "All access to this object has been disabled" in error.message
    assert "no policy opens" in (error.hint or "")
    said = (
        "The object was stored using a form of Server Side Encryption. The correct parameters ..."
    )
    assert "SSE-C" in (told(client_error("InvalidRequest", said)).hint or "")


def test_expired_signature_is_a_clock_and_not_a_key() -> None:
    error = told(client_error("SignatureDoesNotMatch", "Signature expired: 2026.. is now earlier"))
    assert error.code == "clock-skew"


class TestDenied:
    def test_says_who_may_not_do_what(self) -> None:
        said = (
            f"User: {USER} is not authorized to perform: glue:GetTable on resource: {TABLE} because"
            " no identity-based policy allows the glue:GetTable action"
        )
        error = told(client_error("AccessDeniedException", said))
        assert f"{USER} may not glue:GetTable on {TABLE} (because no identity" in error.message
        assert f'"Action": "glue:GetTable", "Resource": "{TABLE}"' in (error.hint or "")
        assert "the role monitoring in account 123456789012" in (error.hint or "")

    def test_fills_in_what_aws_leaves_out(self) -> None:
        error = told(
            client_error("AccessDenied", "Access Denied", "ListObjectsV2"),
            resource="arn:aws:s3:::lake",
            session=Caller(),
        )
        assert f"{USER} may not s3:ListBucket on arn:aws:s3:::lake" in error.message

    @pytest.mark.parametrize(
        ("why", "code", "hint"),
        [
            ("with an explicit deny in a service control policy", "access-denied", "service"),
            ("with an explicit deny in an identity-based policy", "access-denied", "explicitly"),
            ("because no session policy allows it", "access-denied", "was narrowed"),
        ],
    )
    def test_other_reasons_get_other_advice(self, why: str, code: str, hint: str) -> None:
        said = (
            f"User: {USER} is not authorized to perform: glue:GetTable on resource: {TABLE} {why}"
        )
        error = told(client_error("AccessDeniedException", said))
        assert error.code == code
        assert hint in (error.hint or "")
        assert '"Effect"' not in (error.hint or "")

    def test_lake_formation(self) -> None:
        said = "Insufficient Lake Formation permission(s): Required Describe on t"
        error = told(client_error("AccessDeniedException", said), session=Caller())
        assert error.code == "lake-formation-denied"
        assert "DESCRIBE and SELECT" in (error.hint or "")
        assert "Required Describe on t" in error.message

    @pytest.mark.parametrize(
        "said",
        [
            "not authorized to perform: kms:Decrypt on arn:aws:kms:us-east-1:1:key/x",
            "The ciphertext refers to a customer master key that does not exist, or is not yours",
        ],
    )
    def test_a_key_of_which_little_is_said(self, said: str) -> None:
        error = told(
            client_error("AccessDenied", said, "GetObject"),
            resource="s3://lake/t/a",
            session=Caller(),
        )
        assert isinstance(error, AccessDeniedError)
        assert (error.action, error.caller) == ("kms:Decrypt", USER)
        assert error.resource in (None, "arn:aws:kms:us-east-1:1:key/x")
        assert "s3:::" not in str(error)

    def test_a_bucket_of_requester_pays(self) -> None:
        said = "The bucket is configured as Requester Pays"
        error = told(client_error("AccessDenied", said, "GetObject"), session=Caller())
        assert (type(error), error.code) == (AccessDeniedError, "requester-pays")
        assert said in error.message
        assert '"Effect"' not in (error.hint or "")

    def test_a_key_behind_a_bucket(self) -> None:
        key = "arn:aws:kms:us-east-1:123456789012:key/abc"
        said = (
            f"User: {USER} is not authorized to perform: kms:Decrypt on resource: {key} because no"
            " identity-based policy allows the kms:Decrypt action"
        )
        error = told(client_error("AccessDenied", said, "GetObject"), resource="arn:aws:s3:::b/k")
        assert f"may not kms:Decrypt on {key}" in error.message

    @pytest.mark.parametrize(
        ("operation", "action"),
        [
            ("GetTables", "glue:GetTables"),
            ("BatchGetPartition", "glue:BatchGetPartition"),
            ("HeadObject", "s3:GetObject"),
            ("AssumeRole", "sts:AssumeRole"),
            ("Frobnicate", "Frobnicate"),
        ],
    )
    def test_actions(self, operation: str, action: str) -> None:
        assert iam_action(operation) == action


@pytest.mark.parametrize(
    ("error", "kind", "code", "retryable"),
    [
        (aws_errors.NoCredentialsError(), AuthError, "no-credentials", False),
        (aws_errors.ProfileNotFound(profile="dev"), AuthError, "profile-not-found", False),
        (aws_errors.UnauthorizedSSOTokenError(), AuthError, "sso-login", False),
        (
            aws_errors.CredentialRetrievalError(provider="p", error_msg="m"),
            AuthError,
            "credentials-config",
            False,
        ),
        (
            aws_errors.EndpointConnectionError(endpoint_url="http://x"),
            SourceError,
            "unreachable",
            True,
        ),
        (
            aws_errors.ReadTimeoutError(endpoint_url="http://x", error="e"),
            SourceError,
            "unreachable",
            True,
        ),
        (
            aws_errors.ConnectTimeoutError(endpoint_url="http://x", error="e"),
            SourceError,
            "unreachable",
            True,
        ),
        (
            aws_errors.SSLError(endpoint_url="http://x", error=OSError("e")),
            SourceError,
            "tls",
            False,
        ),
        (aws_errors.ParamValidationError(report="r"), ConfigError, "config", False),
        (aws_errors.InvalidRegionError(region_name="a b"), ConfigError, "config", False),
        (aws_errors.DataNotFoundError(data_path="d"), SourceError, "aws", False),
    ],
)
def test_errors_without_an_answer(
    error: Exception, kind: type[HeadwaterError], code: str, retryable: bool
) -> None:
    ours = told(error, session=Caller())
    assert (type(ours), ours.code, ours.retryable) == (kind, code, retryable)


def test_our_own_pass_unchanged() -> None:
    mine = TableNotFoundError("no table")
    assert told(mine) is mine
    with pytest.raises(TableNotFoundError), translating(doing="x"):
        raise mine


def test_other_errors_are_not_ours_to_explain() -> None:
    with pytest.raises(KeyError), translating(doing="x"):
        raise KeyError("x")


def test_translated_errors_keep_their_cause_and_pickle() -> None:
    with pytest.raises(SourceError) as caught, translating(doing="read the table"):
        raise client_error("SlowDown", "Please reduce your request rate.")
    assert isinstance(caught.value.__cause__, aws_errors.ClientError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.code, copy.retryable) == (
        str(caught.value),
        caught.value.code,
        caught.value.retryable,
    )


def test_of_the_emulator_in_full(aws: Emulator) -> None:
    one_table = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "glue:GetTable", "Resource": "*"}],
    }
    role = aws.create_oidc_role(subject="me", policy=one_table)
    with (
        opened(aws, oidc_role(aws, role)) as session,
        pytest.raises(AccessDeniedError) as caught,
        translating(doing="list the tables of db", session=session),
    ):
        session.client("glue").get_tables(DatabaseName="db")
    assert f"{USER} may not glue:GetTables on arn:aws:glue:us-east-1:123456789012:" in str(
        caught.value
    )
