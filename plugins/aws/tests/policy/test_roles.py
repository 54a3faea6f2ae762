from __future__ import annotations

import pytest

from headwater.errors import AuthError
from headwater_aws import AssumeRole, DefaultChain, OidcRole, Profile, TrustedRole
from headwater_aws.policy.roles import CALLER, Bearer, bearer_of, roles_of
from headwater_aws.testing import Emulator
from headwater_aws.tokens import parse_token

HUB = "arn:aws:iam::123456789012:role/hub"
SPOKE = "arn:aws:iam::210987654321:role/team/spoke"
BEARER = Bearer("https://idp.example.com", "me", "sts.amazonaws.com")


def test_a_role_by_token() -> None:
    (role,) = roles_of(OidcRole(role_arn=HUB, token="env:NOT_SET"), bearer=BEARER)
    assert role.provider == "arn:aws:iam::123456789012:oidc-provider/idp.example.com"
    assert role.account == "123456789012"
    conditions = role.trust["Statement"][0]["Condition"]["StringEquals"]
    assert conditions == {
        "idp.example.com:aud": "sts.amazonaws.com",
        "idp.example.com:sub": "me",
    }


def test_the_token_itself_is_read(aws: Emulator) -> None:
    strategy = OidcRole(role_arn=HUB, token=lambda: aws.issuer.token(sub="me"))
    (role,) = roles_of(strategy)
    assert role.bearer == Bearer(aws.issuer.url, "me", "sts.amazonaws.com")


def test_a_token_out_of_reach_asks_for_what_is_in_it() -> None:
    with pytest.raises(AuthError, match=r"whom .*role/hub should trust is not known") as caught:
        roles_of(OidcRole(role_arn=HUB, token="file:/no/such/file"))
    assert "--issuer" in (caught.value.hint or "")


def test_a_token_without_a_subject() -> None:
    # Its header says that it is not signed, its body names an issuer and no more.
    with pytest.raises(AuthError, match="no iss or no sub"):
        bearer_of(parse_token(lambda: "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.c2ln"))


def test_a_chain_trusts_link_by_link() -> None:
    link = TrustedRole(role_arn=SPOKE, external_id="agreed", tags={"team": "ml"})
    hub, spoke = roles_of(OidcRole(role_arn=HUB, token="env:X", then=[link]), bearer=BEARER)
    assert [p.action for p in hub.assumes] == ["sts:AssumeRole", "sts:TagSession"]
    assert {p.resources for p in hub.assumes} == {(SPOKE,)}
    assert spoke.name == "spoke"
    assert spoke.trust["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"AWS": HUB},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {
                "StringEquals": {"sts:ExternalId": "agreed", "aws:RequestTag/team": "ml"}
            },
        }
    ]


def test_assume_role_from_a_profile_names_no_caller() -> None:
    (role,) = roles_of(
        AssumeRole(role_arn=HUB, source=Profile(name="dev"), mfa_serial="s", mfa_code="env:C")
    )
    assert role.trust["Statement"][0]["Principal"] == {"AWS": CALLER}
    assert role.trust["Statement"][0]["Condition"] == {
        "Bool": {"aws:MultiFactorAuthPresent": "true"}
    }


def test_the_default_chain_is_a_role_where_its_variables_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ROLE_ARN", raising=False)
    assert roles_of(DefaultChain()) == ()
    monkeypatch.setenv("AWS_ROLE_ARN", HUB)
    assert [r.arn for r in roles_of(DefaultChain(), bearer=BEARER)] == [HUB]
