from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from plugins.aws.tests.support import ACCOUNT, OTHER, oidc_role, opened, seed
from pydantic import ValidationError

from headwater.auth.credentials import Secret
from headwater.errors import AccessDeniedError, AuthError
from headwater_aws import AssumeRole, OidcRole, Profile, StaticKeys
from headwater_aws.testing import Emulator

MAY_ASSUME = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": "*"}],
}


def trust(principal: str, *more: str, **condition: Any) -> Any:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": ["sts:AssumeRole", *more],
    }
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def keys_of(aws: Emulator, policy: Any = MAY_ASSUME, name: str = "someone") -> StaticKeys:
    key, secret = aws.create_user_keys(policy=policy, name=name)
    return StaticKeys(access_key_id=key, secret_access_key=Secret(secret))


def test_from_static_keys_into_another_account(aws: Emulator) -> None:
    seed(aws, OTHER)
    role = aws.create_role(account_id=OTHER, name="reader", trust=trust(ACCOUNT))
    with opened(aws, AssumeRole(role_arn=role, source=keys_of(aws))) as session:
        assert session.account == OTHER
        assert session.client("glue").get_databases()["DatabaseList"][0]["Name"] == "db"
        assert session.identity().name.startswith(f"arn:aws:sts::{OTHER}:assumed-role/reader/")


def test_external_id(aws: Emulator) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "agreed"}}
    role = aws.create_role(name="reader", trust=trust(ACCOUNT, **condition))
    source = keys_of(aws)
    with opened(aws, AssumeRole(role_arn=role, source=source, external_id="agreed")) as session:
        assert session.identity().account == ACCOUNT
    for given, says in ((None, "none was given"), ("wrong", "is not the one")):
        strategy = AssumeRole(role_arn=role, source=source, external_id=given)
        with opened(aws, strategy) as session, pytest.raises(AccessDeniedError) as caught:
            session.identity()
        assert caught.value.code == "role-refused"
        assert says in (caught.value.hint or "")


def test_mfa_code_is_asked_for_at_each_renewal(aws: Emulator) -> None:
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    role = aws.create_role(name="reader", trust=trust(ACCOUNT, **condition))
    source, asked = keys_of(aws), []

    def code() -> str:
        asked.append(1)
        return aws.mfa_code

    serial = f"arn:aws:iam::{ACCOUNT}:mfa/someone"
    strategy = AssumeRole(role_arn=role, source=source, mfa_serial=serial, mfa_code=code)
    with opened(aws, strategy) as session:
        session.identity()
        aws.faults.expire_now()
        session.client("glue").get_databases()
    assert len(asked) == 2
    wrong = AssumeRole(role_arn=role, source=source, mfa_serial=serial, mfa_code=lambda: "000000")
    with opened(aws, wrong) as session, pytest.raises(AuthError) as caught:
        session.identity()
    assert caught.value.code == "mfa-refused"
    without = AssumeRole(role_arn=role, source=source)
    with opened(aws, without) as session, pytest.raises(AccessDeniedError, match="MFA"):
        session.identity()


def test_session_tags(aws: Emulator) -> None:
    condition = {"StringEquals": {"aws:RequestTag/team": "ml"}}
    actions = ["sts:AssumeRole", "sts:TagSession"]
    role = aws.create_role(name="reader", trust=trust(ACCOUNT, actions[1], **condition))
    both = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}],
    }
    source = keys_of(aws, both)
    tagged = AssumeRole(role_arn=role, source=source, tags={"team": "ml"})
    with opened(aws, tagged) as session:
        assert session.identity().account == ACCOUNT
    with (
        opened(aws, AssumeRole(role_arn=role, source=source)) as session,
        pytest.raises(AccessDeniedError),
    ):
        session.identity()


def test_the_source_may_not(aws: Emulator) -> None:
    role = aws.create_role(account_id=OTHER, name="reader", trust=trust(ACCOUNT))
    nothing = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
    }
    strategy = AssumeRole(role_arn=role, source=keys_of(aws, nothing))
    with opened(aws, strategy) as session, pytest.raises(AccessDeniedError) as caught:
        session.identity()
    assert f"arn:aws:iam::{ACCOUNT}:user/someone has no policy" in (caught.value.hint or "")


def test_a_chain_from_a_token_through_two_accounts(aws: Emulator) -> None:
    seed(aws, OTHER)
    hub = aws.create_oidc_role(subject="me", name="hub", policy=MAY_ASSUME)
    spoke = aws.create_role(account_id=OTHER, name="spoke", trust=trust(ACCOUNT))
    with opened(aws, oidc_role(aws, hub, then=[spoke])) as session:
        assert session.account == OTHER
        assert session.client("glue").get_databases()["DatabaseList"][0]["Name"] == "db"
        # Both ends of the chain are renewed.
        aws.faults.expire_now()
        assert session.client("glue").get_databases()["DatabaseList"][0]["Name"] == "db"
        assert session.identity().name == f"arn:aws:sts::{OTHER}:assumed-role/spoke/headwater"
    nested = AssumeRole(role_arn=spoke, source=oidc_role(aws, hub))
    with opened(aws, nested) as session:
        assert session.identity().account == OTHER


def test_a_refused_link_of_a_chain_names_who_asked(aws: Emulator) -> None:
    hub = aws.create_oidc_role(subject="me", name="hub", policy=MAY_ASSUME)
    spoke = aws.create_role(account_id=OTHER, name="spoke", trust=trust("333333333333"))
    with (
        opened(aws, oidc_role(aws, hub, then=[spoke])) as session,
        pytest.raises(AccessDeniedError, match=f"can't become {spoke}") as caught,
    ):
        session.client("glue").get_databases()
    assert f"does not name arn:aws:sts::{ACCOUNT}:assumed-role/hub/headwater" in str(caught.value)


def test_the_first_link_that_fails_is_the_one_told(aws: Emulator) -> None:
    spoke = f"arn:aws:iam::{OTHER}:role/spoke"
    strategy = OidcRole(
        role_arn=aws.create_oidc_role(subject="me"),
        token=lambda: aws.issuer.token(sub="stranger"),
        then=[spoke],
    )
    with (
        opened(aws, strategy) as session,
        pytest.raises(AccessDeniedError, match="role/monitoring with a web identity token"),
    ):
        session.client("glue").get_databases()


def test_managed_session_policies_hold(aws: Emulator) -> None:
    aws.client("s3").create_bucket(Bucket="lake")
    only_s3 = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
    }
    policy = aws.client("iam").create_policy(
        PolicyName="only-s3", PolicyDocument=json.dumps(only_s3)
    )["Policy"]["Arn"]
    role = aws.create_role(name="reader", trust=trust(ACCOUNT))
    strategy = AssumeRole(role_arn=role, source=keys_of(aws), policy_arns=(policy,))
    with opened(aws, strategy) as session:
        session.client("s3").list_objects_v2(Bucket="lake")
        with pytest.raises(ClientError, match="session policy"):
            session.client("glue").get_databases()
    missing = AssumeRole(role_arn=role, source=keys_of(aws, name="b"), policy_arns=(f"{policy}x",))
    with opened(aws, missing) as session, pytest.raises(AuthError, match="No such managed policy"):
        session.identity()


class TestDefinition:
    role = f"arn:aws:iam::{ACCOUNT}:role/reader"

    def test_mfa_needs_both(self) -> None:
        with pytest.raises(ValidationError, match="go together"):
            AssumeRole(role_arn=self.role, mfa_serial="x")

    def test_a_chained_role_lasts_an_hour(self) -> None:
        source = OidcRole(role_arn=self.role, token="env:T")
        with pytest.raises(ValidationError, match="at most 3600 seconds"):
            AssumeRole(role_arn=self.role, source=source, duration=7200)
        direct = AssumeRole(role_arn=self.role, source=Profile(name="dev"), duration=7200)
        assert direct.duration == 7200

    def test_from_a_mapping(self) -> None:
        given = {
            "type": "assume-role",
            "role_arn": self.role,
            "external_id": "agreed",
            "source": {"type": "oidc-role", "role_arn": self.role, "token": "env:T"},
            "then": [self.role, {"role_arn": self.role, "tags": {"a": "b"}}],
            "mfa_serial": "serial",
            "mfa_code": "command:mfa show",
        }
        strategy = AssumeRole.model_validate(given)
        assert isinstance(strategy.source, OidcRole)
        assert [r.role_arn for r in strategy.chained] == [self.role, self.role]
        assert "mfa show" not in repr(strategy)
