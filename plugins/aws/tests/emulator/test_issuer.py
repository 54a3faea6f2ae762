"""The OIDC issuer over HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from headwater_aws.testing import OidcIssuer


@pytest.fixture
def issuer() -> Iterator[OidcIssuer]:
    with OidcIssuer() as issuer:
        yield issuer


def fetch(url: str, data: bytes | None = None, **headers: str) -> Any:
    request = urllib.request.Request(url, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


def test_an_issuer_describes_itself(issuer: OidcIssuer) -> None:
    described = fetch(f"{issuer.url}/.well-known/openid-configuration")
    assert described["issuer"] == issuer.url
    (key,) = fetch(described["jwks_uri"])["keys"]
    assert key["kty"] == "RSA"
    assert "d" not in key  # the private exponent
    issuer.rotate_keys()
    assert len(fetch(described["jwks_uri"])["keys"]) == 2


def test_client_credentials(issuer: OidcIssuer) -> None:
    secret = issuer.add_client("monitor", "p:w/d")
    form = f"grant_type=client_credentials&audience=lake&client_id=monitor&client_secret={secret}"
    answer = fetch(f"{issuer.url}/token", form.encode())
    assert answer["token_type"] == "Bearer"
    claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
    assert (claims["iss"], claims["sub"], claims["aud"]) == (issuer.url, "monitor", "lake")
    basic = base64.b64encode(b"monitor:p%3Aw%2Fd").decode()
    assert fetch(
        f"{issuer.url}/token", b"grant_type=client_credentials", Authorization=f"Basic {basic}"
    )["access_token"]


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ("grant_type=client_credentials&client_id=m&client_secret=no", 401, "invalid_client"),
        ("grant_type=client_credentials&client_id=x&client_secret=no", 401, "invalid_client"),
        ("grant_type=password&client_id=m&client_secret=s", 400, "unsupported_grant_type"),
    ],
)
def test_client_credentials_that_are_refused(
    issuer: OidcIssuer, form: str, status: int, error: str
) -> None:
    issuer.add_client("m", "s")
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(f"{issuer.url}/token", form.encode())
    with caught.value as answer:
        assert answer.code == status
        assert json.load(answer)["error"] == error


def test_an_unknown_algorithm() -> None:
    with pytest.raises(ValueError, match="RS256 or ES256, not 'HS256'"):
        OidcIssuer(algorithm="HS256")


def key_of(token: str) -> str:
    return str(json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))["kid"])


def test_issuers_that_live_together_share_no_key() -> None:
    for _ in range(2):  # the second round takes the keys that the first has left
        with OidcIssuer() as one, OidcIssuer() as two:
            assert key_of(one.token(sub="me")) != key_of(two.token(sub="me"))


def test_a_body_in_chunks(issuer: OidcIssuer) -> None:
    secret = issuer.add_client("monitor")
    form = [b"grant_type=client_credentials", f"&client_id=monitor&client_secret={secret}".encode()]
    connection = http.client.HTTPConnection(issuer.url.removeprefix("http://"))
    for _ in range(2):  # the connection stays usable: the body was read to its end
        connection.request("POST", "/token", body=iter(form))
        with connection.getresponse() as answer:
            assert json.load(answer)["token_type"] == "Bearer"
    connection.close()
