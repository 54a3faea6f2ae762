"""JSON Web Tokens, read and not verified: for messages, never for decisions."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from headwater.auth.credentials import leaving_no_frames
from headwater.errors import AuthError
from headwater.untrusted import limits
from headwater.untrusted.texts import json_value


def is_jwt(token: str) -> bool:
    """Return whether a text has the shape of a signed JSON Web Token."""
    try:
        claims(token)
    except AuthError:
        return False
    return True


@leaving_no_frames
def claims(token: str, *, what: str = "the token") -> dict[str, Any]:
    """Return what a JWT says about its bearer, *unverified*: for messages, never for decisions.

    Args:
        token: The JWT.
        what: What it is called in the error, e.g. `the token from file /var/run/token`.

    Raises:
        AuthError: If it is not a JWT. The token is not shown.
    """
    return _header_and_claims(token, what)[1]


@leaving_no_frames
def header(token: str, *, what: str = "the token") -> dict[str, Any]:
    """Return how a JWT says that it is signed (`alg`, `kid`), *unverified*.

    Raises:
        AuthError: As `claims`.
    """
    return _header_and_claims(token, what)[0]


def _header_and_claims(token: str, what: str) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = token.strip().split(".")
    try:
        if len(parts) != 3 or len(token) > limits.TOKEN_BYTES:
            raise ValueError
        head, body = (
            json_value(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in parts[:2]
        )
        if not isinstance(head, dict) or not isinstance(body, dict):
            raise ValueError
    except (ValueError, binascii.Error):
        # `from None`: the original may quote a part of the token.
        raise AuthError(
            f"{what} is not a JWT (it is not shown here)",
            code="token-malformed",
            hint="a JWT is three base64url parts joined by dots; check that the source gives the "
            "token alone, e.g. not a JSON document around it",
        ) from None
    return head, body
