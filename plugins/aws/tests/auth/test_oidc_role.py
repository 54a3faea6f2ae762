from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from plugins.aws.tests.support import ACCOUNT, OTHER, Clock, oidc_role, opened, seed
from pydantic import ValidationError

from headwater.errors import AccessDeniedError, AuthError, CredentialsExpiredError
from headwater_aws import OidcRole
from headwater_aws.testing import Emulator, OidcIssuer

ROLE = f"arn:aws:iam::{ACCOUNT}:role/monitoring"


def refused(aws: Emulator, token: str, role: str | None = None) -> AuthError:
    role = role or aws.create_oidc_role(subject="me")
    strategy = OidcRole(role_arn=role, token=lambda: token)
    with opened(aws, strategy) as session, pytest.raises(AuthError) as caught:
        session.client("glue").get_databases()
    assert token not in str(caught.value)
    return caught.value


def test_becomes_the_role(aws: Emulator) -> None:
    seed(aws)
    with opened(aws) as session:
        assert session.client("glue").get_databases()["DatabaseList"][0]["Name"] == "db"
        who = session.identity()
    assert who.name == f"arn:aws:sts::{ACCOUNT}:assumed-role/monitoring/headwater"
    assert who.account == ACCOUNT
    assert who.strategy == "oidc-role"
    assert who.expires_at is not None


def test_opening_asks_nobody(aws: Emulator) -> None:
    with opened(aws, OidcRole(role_arn=ROLE, token="file:/no/such/file")) as session:
        assert session.account == ACCOUNT
        assert session.region == "us-east-1"
    assert len(aws.requests) == 0


def test_the_call_to_sts_is_not_signed_and_regional(
    aws: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAAMBIENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ambient")
    with opened(aws) as session:
        assert "assumed-role/monitoring" in session.identity().name
    with OidcRole(role_arn=ROLE, token="env:X").open(region="eu-central-1") as session:
        assert session.client("sts").meta.endpoint_url == "https://sts.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("aud", "code", "says"),
    [("other", "audience", "add other to the audiences"), ("", "audience", "audience")],
)
def test_wrong_audience(aws: Emulator, aud: str, code: str, says: str) -> None:
    error = refused(aws, aws.issuer.token(sub="me", aud=aud))
    assert error.code == code
    assert says in str(error)
    assert f"oidc-provider/{aws.issuer.url.partition('://')[2]}" in (error.hint or "")


def test_expired_token_shows_when(aws: Emulator) -> None:
    error = refused(aws, aws.issuer.token(sub="me", expires_in=-600))
    assert isinstance(error, CredentialsExpiredError)
    assert error.code == "token-expired"
    assert "(10 min ago)" in error.message
    assert "sub=me" in error.message


def test_forged_token(aws: Emulator) -> None:
    header, body, signature = aws.issuer.token(sub="me").split(".")
    forged = f"{header}.{body}.{signature[:-6]}AAAAAA"
    error = refused(aws, forged)
    assert error.code == "token-invalid"
    assert "not signed by a key that the issuer publishes" in (error.hint or "")


def test_another_issuer(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="me")
    with OidcIssuer() as stranger:
        error = refused(aws, stranger.token(sub="me"), role)
        assert error.code == "issuer-unknown"
        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{stranger.url.partition('://')[2]}"
        assert f"create the identity provider {provider}" in (error.hint or "")


def test_unreachable_issuer(aws: Emulator) -> None:
    with OidcIssuer() as issuer:
        role = aws.create_oidc_role(subject="me", issuer=issuer)
        token = issuer.token(sub="me")
    error = refused(aws, token, role)
    assert error.code == "issuer-unreachable"
    assert ".well-known/openid-configuration" in (error.hint or "")
    assert error.retryable


@pytest.mark.parametrize("which", ["sub", "role"])
def test_a_mismatch_and_a_missing_role_look_alike_and_get_a_trust_policy(
    aws: Emulator, which: str
) -> None:
    role = aws.create_oidc_role(subject="me")
    error = (
        refused(aws, aws.issuer.token(sub="stranger"), role)
        if which == "sub"
        else refused(aws, aws.issuer.token(sub="me"), f"{role}-missing")
    )
    assert isinstance(error, AccessDeniedError)
    assert error.code == "role-refused"
    hint = error.hint or ""
    assert "another sub or aud" in hint
    assert "no such role" in hint
    # The policy in the hint is the one that would have let this token in.
    policy = json.loads(hint[hint.index("{") :])
    aws.client("iam").update_assume_role_policy(
        RoleName="monitoring", PolicyDocument=json.dumps(policy)
    )
    if which == "sub":
        strategy = OidcRole(role_arn=role, token=lambda: aws.issuer.token(sub="stranger"))
        with opened(aws, strategy) as session:
            assert session.identity().account == ACCOUNT


def test_what_is_no_token_names_its_source(aws: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text('{"access_token": "canary"}')
    role = aws.create_oidc_role(subject="me")
    with (
        opened(aws, OidcRole(role_arn=role, token=f"file:{path}")) as session,
        pytest.raises(AuthError, match=f"the token from file {path} is not a JWT") as caught,
    ):
        session.identity()
    assert "canary" not in str(caught.value)
    assert len(aws.requests) == 0


def test_duration_above_the_roles_maximum(aws: Emulator) -> None:
    with (
        opened(aws, oidc_role(aws, duration=7200)) as session,
        pytest.raises(AuthError, match="7200 seconds are more than it allows") as caught,
    ):
        session.identity()
    assert caught.value.code == "duration"


def test_the_users_own_session_policy_holds(aws: Emulator) -> None:
    seed(aws)
    only_s3 = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    with opened(aws, oidc_role(aws, policy=only_s3)) as session:
        with pytest.raises(ClientError, match="GetDatabases"):
            session.client("glue").get_databases()
        assert session.narrowed([]) is session


def test_the_file_is_read_again_when_sts_calls_the_token_expired(
    aws: Emulator, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    reads = 0

    def token() -> str:
        nonlocal reads
        reads += 1
        path.write_text(aws.issuer.token(sub="me", expires_in=-10 if reads == 1 else 600))
        return path.read_text()

    role = aws.create_oidc_role(subject="me")
    with opened(aws, OidcRole(role_arn=role, token=token)) as session:
        assert session.identity().account == ACCOUNT
    assert reads == 2


def test_renewed_before_it_ends(aws: Emulator) -> None:
    clock = Clock()
    clock.now = clock.now.now(clock.now.tzinfo)
    with opened(aws, oidc_role(aws), clock=clock) as session:
        first = session.storage()
        assert session.storage() == first
        clock.move(minutes=56)
        second = session.storage()
    assert second.secrets["access_key_id"] != first.secrets["access_key_id"]


def test_a_vanished_token_file_fails_the_renewal_with_its_name(
    aws: Emulator, tmp_path: Path
) -> None:
    seed(aws)
    path = tmp_path / "token"
    path.write_text(aws.issuer.token(sub="me"))
    role = aws.create_oidc_role(subject="me")
    with opened(aws, OidcRole(role_arn=role, token=f"file:{path}")) as session:
        session.client("glue").get_databases()
        path.unlink()
        session.client("glue").get_databases()
        aws.faults.expire_now()
        with pytest.raises(AuthError, match=f"{path} can't be read"):
            session.client("glue").get_databases()


def test_expiry_in_the_middle_of_pages(aws: Emulator) -> None:
    seed(aws, tables=250)
    with opened(aws) as session:
        pages = iter(session.client("glue").get_paginator("get_tables").paginate(DatabaseName="db"))
        names = [t["Name"] for t in next(pages)["TableList"]]
        for page in pages:
            names += [t["Name"] for t in page["TableList"]]
            aws.faults.expire_now()
    assert names == [f"t{n:03}" for n in range(250)]


def test_it_is_renewed_once_for_each_call(aws: Emulator) -> None:
    seed(aws)
    with opened(aws) as session:
        glue = session.client("glue")
        glue.get_databases()
        aws.faults.fail("glue:GetDatabases", 400, None, code="ExpiredTokenException")
        before = len(aws.requests)
        with pytest.raises(ClientError, match="ExpiredToken"):
            glue.get_databases()
        actions = [r.action for r in aws.requests][before:]
    assert actions == [
        "GetDatabases",
        "AssumeRoleWithWebIdentity",
        "GetDatabases",
    ]


def test_two_accounts_two_roles_at_once(aws: Emulator) -> None:
    seed(aws, ACCOUNT, "mine")
    seed(aws, OTHER, "theirs")
    roles = {
        "mine": aws.create_oidc_role(subject="me", account_id=ACCOUNT),
        "theirs": aws.create_oidc_role(subject="me", account_id=OTHER),
    }
    with (
        opened(aws, oidc_role(aws, roles["mine"])) as mine,
        opened(aws, oidc_role(aws, roles["theirs"])) as theirs,
        ThreadPoolExecutor(8) as pool,
    ):
        sessions = {"mine": mine, "theirs": theirs}

        def databases(number: int) -> bool:
            name = ("mine", "theirs")[number % 2]
            found = sessions[name].client("glue").get_databases()["DatabaseList"]
            return [d["Name"] for d in found] == [name]

        for _ in range(4):
            assert all(pool.map(databases, range(16)))
            aws.faults.expire_now()
        assert mine.account == ACCOUNT
        assert theirs.account == OTHER


class TestDefinition:
    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"role_arn": "monitoring"}, "is not a role's ARN"),
            ({"session_name": "a b"}, "2 to 64 letters"),
            ({"duration": 60}, "greater than or equal to 900"),
            ({"duration": 90000}, "less than or equal to 43200"),
            ({"policy": "{"}, "not JSON"),
            ({"policy": {"Statement": ["x" * 2100]}}, "2118 characters, AWS takes 2048"),
            ({"external_id": "abc"}, "Extra inputs"),
            ({"then": [{"role_arn": ROLE, "duration": 7200}]}, "lasts at most 3600"),
        ],
    )
    def test_mistakes_are_named(self, fields: dict[str, object], says: str) -> None:
        given = {"role_arn": ROLE, "token": "file:/t", **fields}
        with pytest.raises(ValidationError, match=says):
            OidcRole.model_validate(given)

    def test_a_token_itself_is_refused_and_not_shown(self, aws: Emulator) -> None:
        token = aws.issuer.token(sub="me")
        with pytest.raises(ValidationError, match="given by reference") as caught:
            OidcRole(role_arn=ROLE, token=token)
        assert token not in str(caught.value)

    def test_is_a_value(self) -> None:
        one = OidcRole(role_arn=ROLE, token="file:/t")
        assert one == OidcRole(role_arn=ROLE, token="file:/t")
        assert one != OidcRole(role_arn=ROLE, token="file:/u")
        assert pickle.loads(pickle.dumps(one)) == one
        assert one.model_dump(mode="json")["token"] == "file /t"

    def test_is_in_a_json_schema(self) -> None:
        schema = OidcRole.model_json_schema()
        assert schema["properties"]["type"]["const"] == "oidc-role"
        assert "token" in schema["required"]
