"""AssumeRole: trust and permission, external ids, MFA, tags, chains."""

from __future__ import annotations

import json
from typing import Any

import pytest
from plugins.aws.tests.emulator.support import (
    ACCOUNT,
    OTHER,
    allow,
    refused,
    signed_in,
    trusting,
)

from headwater_aws.emulator.errors import AwsError
from headwater_aws.testing import Emulator

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def keys(pair: tuple[str, str]) -> dict[str, Any]:
    return {"AccessKeyId": pair[0], "SecretAccessKey": pair[1]}


def become(aws: Emulator, caller: dict[str, Any], role: str, **more: Any) -> dict[str, Any]:
    sts = aws.client_for("sts", caller)
    answer = sts.assume_role(RoleArn=role, RoleSessionName="chained", **more)
    return dict(answer["Credentials"])


@pytest.fixture
def user(aws: Emulator) -> dict[str, Any]:
    return keys(aws.create_user_keys(ACCOUNT, allow("sts:*")))


def test_a_trusted_account_whose_user_may(aws: Emulator, user: dict[str, Any]) -> None:
    role = aws.create_role(name="reader", account_id=OTHER, trust=trusting(ROOT))
    session = become(aws, user, role)
    identity = aws.client_for("sts", session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/reader/chained"
    assert identity["Account"] == OTHER


@pytest.mark.parametrize("account_id", [ACCOUNT, OTHER])
def test_trust_in_an_account_does_not_replace_permission(aws: Emulator, account_id: str) -> None:
    role = aws.create_role(name="reader", account_id=account_id, trust=trusting(ROOT))
    weak = keys(aws.create_user_keys(ACCOUNT, allow("s3:*")))
    with refused(
        "AccessDenied", f"is not authorized to perform: sts:AssumeRole on resource: {role}"
    ):
        become(aws, weak, role)


def test_permission_does_not_replace_trust(aws: Emulator, user: dict[str, Any]) -> None:
    for account_id in (ACCOUNT, OTHER):
        trust = trusting("arn:aws:iam::999999999999:root")
        role = aws.create_role(name="reader", account_id=account_id, trust=trust)
        with refused("AccessDenied", status=403):
            become(aws, user, role)


def test_trust_in_a_user_of_the_same_account_is_enough(aws: Emulator) -> None:
    weak = keys(aws.create_user_keys(ACCOUNT, allow("s3:*"), name="ann"))
    trust = trusting(f"arn:aws:iam::{ACCOUNT}:user/ann")
    become(aws, weak, aws.create_role(name="reader", trust=trust))


def test_a_missing_role(aws: Emulator, user: dict[str, Any]) -> None:
    with refused("AccessDenied"):
        become(aws, user, f"arn:aws:iam::{ACCOUNT}:role/missing")


def test_an_external_id(aws: Emulator, user: dict[str, Any]) -> None:
    trust = trusting(ROOT, StringEquals={"sts:ExternalId": "acme-42"})
    role = aws.create_role(name="reader", account_id=OTHER, trust=trust)
    become(aws, user, role, ExternalId="acme-42")
    for more in ({}, {"ExternalId": "acme-43"}):
        with refused("AccessDenied"):
            become(aws, user, role, **more)


def test_multi_factor_authentication(aws: Emulator, user: dict[str, Any]) -> None:
    trust = trusting(ROOT, Bool={"aws:MultiFactorAuthPresent": "true"})
    role = aws.create_role(name="reader", trust=trust)
    device = f"arn:aws:iam::{ACCOUNT}:mfa/phone"
    become(aws, user, role, SerialNumber=device, TokenCode=aws.mfa_code)
    with refused("AccessDenied", "invalid MFA one time pass code"):
        become(aws, user, role, SerialNumber=device, TokenCode="000000")
    with refused("AccessDenied", "sts:AssumeRole"):
        become(aws, user, role)


def test_session_tags_reach_the_policies_of_the_session(
    aws: Emulator, user: dict[str, Any]
) -> None:
    policy = allow(
        "s3:ListBucket", on="arn:aws:s3:::lake", StringEquals={"aws:PrincipalTag/team": "blue"}
    )
    role = aws.create_role(name="reader", trust=trusting(ROOT), policy=policy)
    aws.client("s3").create_bucket(Bucket="lake")
    blue = become(aws, user, role, Tags=[{"Key": "team", "Value": "blue"}])
    aws.client_for("s3", blue).list_objects_v2(Bucket="lake")
    red = become(aws, user, role, Tags=[{"Key": "team", "Value": "red"}])
    with refused("AccessDenied"):
        aws.client_for("s3", red).list_objects_v2(Bucket="lake")


def test_tags_need_a_trust_of_their_own(aws: Emulator, user: dict[str, Any]) -> None:
    trust = trusting(ROOT)
    trust["Statement"][0]["Action"] = "sts:AssumeRole"
    role = aws.create_role(name="reader", trust=trust)
    become(aws, user, role)
    with refused("AccessDenied", "sts:TagSession"):
        become(aws, user, role, Tags=[{"Key": "team", "Value": "blue"}])


def test_a_chain_of_roles_lasts_an_hour_at_most(aws: Emulator) -> None:
    first = signed_in(aws, allow("sts:AssumeRole"))
    role = aws.create_role(
        name="second", account_id=OTHER, trust=trusting(ROOT), max_session_duration=7200
    )
    become(aws, first, role)
    with refused("ValidationError", "1 hour session limit for roles assumed by role chaining"):
        become(aws, first, role, DurationSeconds=7200)


def test_a_managed_session_policy_narrows(aws: Emulator, user: dict[str, Any]) -> None:
    aws.client("s3").create_bucket(Bucket="lake")
    role = aws.create_role(name="reader", trust=trusting(ROOT), policy=allow("s3:*"))
    made = aws.client("iam").create_policy(
        PolicyName="list-only", PolicyDocument=json.dumps(allow("s3:ListBucket"))
    )
    session = become(aws, user, role, PolicyArns=[{"arn": made["Policy"]["Arn"]}])
    s3 = aws.client_for("s3", session)
    s3.list_objects_v2(Bucket="lake")
    with refused("AccessDenied", "because no session policy allows the s3:PutObject action"):
        s3.put_object(Bucket="lake", Key="k", Body=b"")


def test_a_parameter_that_might_narrow_is_not_ignored(aws: Emulator, user: dict[str, Any]) -> None:
    role = aws.create_role(name="reader", trust=trusting(ROOT))
    with refused("NotImplemented", "SourceIdentity", 501):
        become(aws, user, role, SourceIdentity="ann")


def test_get_caller_identity_needs_no_permission(aws: Emulator) -> None:
    pair = aws.create_user_keys(ACCOUNT, allow("s3:GetObject"), name="ann")
    identity = aws.client_for("sts", keys(pair)).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/ann"


def test_a_policy_that_cannot_be_judged_is_refused_at_once(aws: Emulator) -> None:
    with pytest.raises(AwsError, match="no condition operator 'IpAddress'"):
        aws.create_role(name="odd", trust=trusting(ROOT, IpAddress={"aws:SourceIp": "10.0.0.0/8"}))
