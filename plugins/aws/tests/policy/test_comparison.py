from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.auth.credentials import Permission
from headwater.errors import ConfigError
from headwater_aws.emulator.policy import Query, decide, parse
from headwater_aws.policy.access import access_policy
from headwater_aws.policy.comparison import compare

READ = Permission("s3:GetObject", ("arn:aws:s3:::lake/t/*",))
LIST = Permission("s3:ListBucket", ("arn:aws:s3:::lake",), {"StringLike": {"s3:prefix": ["t/*"]}})
NEEDED = [READ, LIST]


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: Any, resource: Any, **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def deny(action: Any, resource: Any, **condition: Any) -> dict[str, Any]:
    return {**allow(action, resource, **condition), "Effect": "Deny"}


EXACT = policy(
    allow("s3:GetObject", "arn:aws:s3:::lake/t/*"),
    allow("s3:ListBucket", "arn:aws:s3:::lake", StringLike={"s3:prefix": "t/*"}),
)


def test_exact() -> None:
    compared = compare(EXACT, NEEDED)
    assert compared.suffices
    assert compared.excess == ()
    assert compared.render() == "the policy grants exactly what is needed"


def test_lacking() -> None:
    compared = compare(policy(EXACT["Statement"][0]), NEEDED)
    assert compared.lacking == ("s3:ListBucket on arn:aws:s3:::lake with s3:prefix t/*",)
    assert not compared.suffices
    assert "it lacks:\n  - s3:ListBucket" in compared.render()
    assert compared.to_dict()["lacking"] == list(compared.lacking)


@pytest.mark.parametrize(
    ("statements", "excess"),
    [
        ([allow("s3:GetObject", "arn:aws:s3:::lake/*")], "arn:aws:s3:::lake/t/* would do"),
        ([allow("s3:Get*", "arn:aws:s3:::lake/t/*")], "only s3:GetObject of it is needed"),
        ([allow("s3:PutObject", "*")], "s3:PutObject: no connection needs it"),
        ([allow("s3:GetObject", "arn:aws:s3:::other/*")], "no connection needs it there"),
        ([allow("s3:ListBucket", "arn:aws:s3:::lake")], "only with s3:prefix t/* is it needed"),
        ([allow("*", "*")], "*: only s3:GetObject, s3:ListBucket of it is needed"),
    ],
)
def test_too_much(statements: list[dict[str, Any]], excess: str) -> None:
    compared = compare(policy(*EXACT["Statement"], *statements), NEEDED)
    assert compared.suffices
    assert any(excess in one for one in compared.excess), compared.excess


def test_denied() -> None:
    refused = policy(*EXACT["Statement"], deny("s3:*", "arn:aws:s3:::lake/t/secret/*"))
    assert compare(refused, NEEDED).denied == ("s3:GetObject on arn:aws:s3:::lake/t/*",)


def test_conditions_that_cannot_be_judged() -> None:
    only_here = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    guarded = policy(
        allow("s3:GetObject", "arn:aws:s3:::lake/t/*", **only_here), EXACT["Statement"][1]
    )
    assert compare(guarded, NEEDED).uncertain == ("s3:GetObject on arn:aws:s3:::lake/t/*",)
    over_tls = deny("s3:*", "*", Bool={"aws:SecureTransport": "false"})
    assert len(compare(policy(*EXACT["Statement"], over_tls), NEEDED).uncertain) == 2


def test_narrower_prefixes_do_not_suffice() -> None:
    narrow = policy(
        EXACT["Statement"][0],
        allow("s3:ListBucket", "arn:aws:s3:::lake", StringEquals={"s3:prefix": "t/"}),
    )
    assert not compare(narrow, NEEDED).suffices


def test_actions_ignore_case() -> None:
    assert compare(json.dumps(EXACT).replace("GetObject", "getobject"), NEEDED).suffices


@pytest.mark.parametrize(
    "wrapped",
    [
        {"RoleName": "r", "PolicyName": "p", "PolicyDocument": EXACT},
        {"PolicyVersion": {"Document": EXACT, "VersionId": "v1"}},
        EXACT,
    ],
)
def test_what_the_command_line_gives_is_understood(wrapped: Any) -> None:
    assert compare(json.dumps(wrapped), NEEDED).suffices


@pytest.mark.parametrize(
    ("given_text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "no IAM policy"),
        ('{"Statement": [{"Effect": "Allow", "NotAction": "*"}]}', "uses NotAction"),
        ('{"Statement": {"Effect": "allow", "Action": "*"}}', "no Effect"),
    ],
)
def test_what_is_no_policy(given_text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        compare(given_text, NEEDED)


_actions = st.sampled_from(["s3:GetObject", "s3:*", "*", "s3:ListBucket", "s3:Get*"])
_resources = st.sampled_from(
    ["*", "arn:aws:s3:::lake", "arn:aws:s3:::lake/*", "arn:aws:s3:::lake/t/*", "arn:aws:s3:::x/*"]
)
_conditions = st.sampled_from(
    [{}, {"StringLike": {"s3:prefix": "t/*"}}, {"StringLike": {"s3:prefix": ["*"]}}]
)
_statements = st.builds(
    lambda effect, action, resource, condition: {
        "Effect": effect,
        "Action": action,
        "Resource": resource,
        **({"Condition": condition} if condition else {}),
    },
    st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
    _actions,
    _resources,
    _conditions,
)


@given(st.lists(_statements, min_size=1, max_size=4))
def test_what_is_said_to_suffice_does(statements: list[dict[str, Any]]) -> None:
    document = policy(*statements)
    if not compare(document, NEEDED).suffices:
        return
    parsed = parse(json.dumps(document))
    for query in (
        Query("s3:GetObject", "arn:aws:s3:::lake/t/dt=1/a"),
        Query("s3:ListBucket", "arn:aws:s3:::lake", {"s3:prefix": "t/dt=1/"}),
    ):
        decision = decide([parsed], query)
        assert decision.allowed
        assert not decision.denied


@given(st.permutations([READ, LIST, Permission("glue:GetTable", ("arn:a", "arn:b"))]))
def test_a_compiled_policy_is_exact(wanted: list[Permission]) -> None:
    compared = compare(access_policy(wanted), wanted)
    assert compared.suffices
    assert compared.excess == ()
