from __future__ import annotations

import json

import pytest
from plugins.aws.tests.support import ACCOUNT, Answer, Asked, as_json, oidc_role, opened, serving

from headwater.auth.credentials import Secret
from headwater.interfaces.report import CheckStage, Status
from headwater_aws import OidcRole, StaticKeys
from headwater_aws.examination import examine
from headwater_aws.testing import Emulator, OidcIssuer

ROLE = f"arn:aws:iam::{ACCOUNT}:role/monitoring"


def stages(aws: Emulator, strategy: object) -> dict[str, CheckStage]:
    with opened(aws, strategy) as session:
        return {stage.name: stage for stage in examine(session)}


def test_all_is_well(aws: Emulator) -> None:
    found = stages(aws, oidc_role(aws))
    assert list(found) == ["token", "issuer", "identity"]
    assert {stage.status for stage in found.values()} == {Status.OK}
    assert found["token"].details["claims"]["sub"] == "me"
    assert "in 59 min" in found["token"].summary or "in 60 min" in found["token"].summary
    assert aws.issuer.url in found["issuer"].summary
    assert found["identity"].details["account"] == ACCOUNT
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/monitoring" in found["identity"].summary
    assert json.dumps([stage.to_dict() for stage in found.values()])


def test_keys_have_no_token(aws: Emulator) -> None:
    key, secret = aws.create_user_keys()
    found = stages(aws, StaticKeys(access_key_id=key, secret_access_key=Secret(secret)))
    assert list(found) == ["identity"]
    assert found["identity"].status is Status.OK


def test_no_token_stops_nothing(aws: Emulator) -> None:
    found = stages(aws, OidcRole(role_arn=ROLE, token="file:/no/such/file"))
    assert found["token"].status is Status.FAILED
    assert found["issuer"].status is Status.SKIPPED
    assert found["identity"].status is Status.SKIPPED
    assert "/no/such/file" in found["token"].summary


def test_an_expired_token_is_seen_before_aws_refuses_it(aws: Emulator) -> None:
    role = aws.create_oidc_role(subject="me")
    token = aws.issuer.token(sub="me", expires_in=-60)
    found = stages(aws, OidcRole(role_arn=role, token=lambda: token))
    assert [d.code for d in found["token"].diagnostics] == ["token-expired"]
    assert found["identity"].status is Status.FAILED
    assert found["identity"].details["code"] == "token-expired"
    assert token not in json.dumps([stage.to_dict() for stage in found.values()])


def test_an_issuer_out_of_reach_is_a_warning(aws: Emulator) -> None:
    with OidcIssuer() as issuer:
        token = issuer.token(sub="me")
        aws.create_oidc_role(subject="me", issuer=issuer)
    found = stages(aws, OidcRole(role_arn=ROLE, token=lambda: token))
    assert found["issuer"].status is Status.WARNING
    (diagnostic,) = found["issuer"].diagnostics
    assert "can't be reached" in diagnostic.message
    assert "AWS fetches the keys from the internet" in (diagnostic.hint or "")


def test_another_key_than_the_published_ones(aws: Emulator) -> None:
    # An issuer that answers in place of the real one, with other keys.
    def answer(asked: Asked) -> Answer:
        if asked.path == "/.well-known/openid-configuration":
            return as_json(200, {"issuer": url, "jwks_uri": f"{url}/keys"})
        return as_json(200, {"keys": [{"kid": "other"}]})

    with serving(answer) as url:
        token = aws.issuer.token(sub="me", iss=url)
        found = stages(aws, OidcRole(role_arn=ROLE, token=lambda: token))
    assert [d.code for d in found["issuer"].diagnostics] == ["issuer-key"]


@pytest.mark.parametrize(
    ("keys", "says"), [("[]", "no key set"), ("nonsense", "no key set"), ('{"keys": 1}', "0 keys")]
)
def test_keys_that_are_none(aws: Emulator, keys: str, says: str) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path == "/.well-known/openid-configuration":
            return as_json(200, {"jwks_uri": f"{url}/keys"})
        return 200, {}, keys

    with serving(answer) as url:
        token = aws.issuer.token(sub="me", iss=url)
        found = stages(aws, OidcRole(role_arn=ROLE, token=lambda: token))
    stage = found["issuer"]
    assert stage.status is Status.WARNING
    assert says in stage.summary + " ".join(d.message for d in stage.diagnostics)


def test_a_token_that_says_little(aws: Emulator) -> None:
    # Its header says HS256, and its body only who it is about.
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2ln"
    found = stages(aws, OidcRole(role_arn=ROLE, token=lambda: token))
    assert "no iss, aud, exp" in found["token"].diagnostics[0].message
    assert [d.code for d in found["issuer"].diagnostics] == [
        "token-algorithm",
        "issuer-unreachable",
    ]
