"""Is this web identity token good? The issuer's keys are fetched over HTTP, as STS does.

AWS asks for an issuer at an https address that the internet can reach; the emulator takes http as
well, so that a test's issuer may be on 127.0.0.1.

Source: "AssumeRoleWithWebIdentity", STS API reference.
"""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from headwater_aws.emulator.errors import AwsError

ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_TIMEOUT = 5  # seconds, as STS allows an issuer
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def unverified_claims(token: str) -> dict[str, Any]:
    """Read a token's claims without believing them.

    Args:
        token: A JWT in compact form.

    Returns:
        The claims.

    Raises:
        AwsError: `InvalidIdentityToken`, when it is not a JWT.
    """
    try:
        _, payload, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if not isinstance(claims, dict):
            raise ValueError("claims are not an object")
    except ValueError as error:
        raise AwsError(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this "
            "error if you sent an Access Token)",
        ) from error
    return claims


def verify(token: str, issuer: str, audiences: list[str], now: float) -> Mapping[str, Any]:
    """Verify a token's signature, audience and lifetime.

    Args:
        token: A JWT in compact form.
        issuer: URL of the issuer, which its discovery document must repeat.
        audiences: Client ids of the identity provider in IAM.
        now: Unix time, seconds.

    Returns:
        The claims, now to be believed.

    Raises:
        AwsError: With AWS's code and message for what is wrong.
    """
    keys = _fetch_keys(issuer)
    try:
        claims = json.loads(jws.deserialize_compact(token, keys, algorithms=ALGORITHMS).payload)
    except (JoseError, ValueError) as error:
        if _unknown_key(token, keys):
            raise _keys_unavailable() from error
        raise AwsError("InvalidIdentityToken", "Provided token signature is invalid") from error
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, int | float) or "sub" not in claims or "iat" not in claims:
        raise AwsError("InvalidIdentityToken", "Missing a required claim: exp, iat, sub")
    if now >= expires:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration "
            f"date/time {int(expires)}",
        )
    if isinstance(begins, int | float) and now < begins:
        raise AwsError("InvalidIdentityToken", "Token is not yet valid")
    presented = claims.get("aud", [])
    presented = [presented] if isinstance(presented, str) else presented
    if not set(presented) & set(audiences):
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")
    return claims  # type: ignore[no-any-return]  # json.loads


def _unknown_key(token: str, keys: KeySet) -> bool:
    header = token.split(".")[0]
    try:
        kid = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))).get("kid")
    except (ValueError, AttributeError):
        return False
    return kid is not None and all(key.kid != kid for key in keys.keys)


def _fetch_keys(issuer: str) -> KeySet:
    try:
        discovery = _get(issuer.rstrip("/") + "/.well-known/openid-configuration")
        if discovery["issuer"] != issuer:
            raise ValueError("the discovery document names another issuer")
        return KeySet.import_key_set(_get(discovery["jwks_uri"]))
    except (
        OSError,
        http.client.HTTPException,
        ValueError,
        KeyError,
        TypeError,
        JoseError,
    ) as error:
        raise _keys_unavailable() from error


def _get(url: str) -> Any:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"not an http address: {url}")
    try:
        with _OPENER.open(url, timeout=_TIMEOUT) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise


def _keys_unavailable() -> AwsError:
    return AwsError(
        "InvalidIdentityToken",
        "Couldn't retrieve verification key from your identity provider,  please reference "
        "AssumeRoleWithWebIdentity documentation for requirements",
    )
