"""A small OpenID Connect issuer over HTTP on 127.0.0.1, with the forgeries that tests need.

It serves `/.well-known/openid-configuration`, `/jwks` and `/token` (client credentials).

Source: OpenID Connect Discovery 1.0; RFC 7517 (JWK), RFC 7519 (JWT), RFC 6749 section 4.4.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote

from joserfc import jwt
from joserfc.jwk import ECKey, KeyParameters, RSAKey

from headwater_aws.emulator.wire import HttpServer, Request, Response

Audience = str | Sequence[str]

#: RSA keys of issuers that are closed. Making one takes 50 ms, which every test would pay; two
#: issuers never hold the same key at the same time.
_spare: list[RSAKey] = []


class OidcIssuer:
    """An identity provider whose tokens STS would accept.

    Args:
        clock: Gives Unix time in seconds; `iat` and `exp` count from it.
        algorithm: `RS256` or `ES256`.

    Attributes:
        clients: Client ids of the token endpoint and their secrets.
        available: Set to False, and every endpoint answers 503.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, algorithm: str = "RS256") -> None:
        if algorithm not in ("RS256", "ES256"):
            raise ValueError(f"algorithm must be RS256 or ES256, not {algorithm!r}")
        self.clients: dict[str, str] = {}
        self.available = True
        self._clock = clock
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._signing_keys: list[RSAKey | ECKey] = []
        self._server = HttpServer(self._handle, name="oidc-issuer", server_header="oidc-issuer")

    @property
    def url(self) -> str:
        """The issuer's URL: the `iss` of its tokens. It is http, where AWS would ask for https."""
        return self._server.url

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.close()
        with self._lock:
            _spare.extend(key for key in self._signing_keys if isinstance(key, RSAKey))
            self._signing_keys = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def token(
        self,
        sub: str,
        aud: Audience = "sts.amazonaws.com",
        expires_in: float = 3600,
        **claims: Any,
    ) -> str:
        """Issue a signed token.

        Args:
            sub: The subject, such as `repo:acme/monitor:ref:refs/heads/main`.
            aud: The audience, or several.
            expires_in: Seconds until it expires; negative for one that has expired.
            **claims: Any other claim; `iss="https://elsewhere"` makes a token of a wrong issuer.

        Returns:
            A JWT in compact form.
        """
        return self._sign(self._keys()[-1], sub, aud, expires_in, claims)

    def forged_token(
        self,
        sub: str,
        aud: Audience = "sts.amazonaws.com",
        expires_in: float = 3600,
        **claims: Any,
    ) -> str:
        """Make a token that claims this issuer's key but is signed with another.

        Args:
            sub: The subject.
            aud: The audience, or several.
            expires_in: Seconds until it expires.
            **claims: Any other claim.

        Returns:
            A JWT in compact form.
        """
        forger = self._new_key(str(self._keys()[-1].kid))
        return self._sign(forger, sub, aud, expires_in, claims)

    def rotate_keys(self, *, keep_old: bool = True) -> None:
        """Sign with a new key from now on.

        Args:
            keep_old: Whether the old keys stay published, so that tokens in flight stay valid.
        """
        old = self._keys() if keep_old else []
        with self._lock:
            self._signing_keys = [*old, self._new_key()]

    def add_client(self, client_id: str, secret: str | None = None) -> str:
        """Register a client of the token endpoint.

        Args:
            client_id: Its id, which becomes the `sub` of its tokens.
            secret: Its secret; None makes one.

        Returns:
            The secret.
        """
        self.clients[client_id] = secret or secrets.token_urlsafe(24)
        return self.clients[client_id]

    def _keys(self) -> list[RSAKey | ECKey]:
        """Keys that are published, the signing one last; the first is made when needed."""
        with self._lock:
            if not self._signing_keys:
                self._signing_keys = [self._first_key()]
            return self._signing_keys

    def _first_key(self) -> RSAKey | ECKey:
        if self._algorithm == "RS256":
            with contextlib.suppress(IndexError):
                return _spare.pop()
        return self._new_key()

    def _new_key(self, kid: str | None = None) -> RSAKey | ECKey:
        parameters: KeyParameters = {
            "kid": kid or secrets.token_hex(8),
            "use": "sig",
            "alg": self._algorithm,
        }
        if self._algorithm == "ES256":
            return ECKey.generate_key("P-256", parameters)
        return RSAKey.generate_key(2048, parameters)

    def _sign(
        self,
        key: RSAKey | ECKey,
        sub: str,
        aud: Audience,
        expires_in: float,
        claims: dict[str, Any],
    ) -> str:
        now = int(self._clock())
        payload = {
            "iss": self.url,
            "sub": sub,
            "aud": aud if isinstance(aud, str) else list(aud),
            "iat": min(now, now + int(expires_in)),
            "exp": now + int(expires_in),
            "jti": secrets.token_hex(8),
            **claims,
        }
        header = {"alg": self._algorithm, "kid": key.kid, "typ": "JWT"}
        return jwt.encode(header, payload, key, algorithms=[self._algorithm])

    def _handle(self, request: Request) -> Response:
        if not self.available:
            return _json(503, {"error": "temporarily_unavailable"})
        if request.path == "/.well-known/openid-configuration":
            return _json(200, self._discovery())
        if request.path == "/jwks":
            keys = [key.as_dict(private=False) for key in self._keys()]
            return _json(200, {"keys": keys})
        if request.path == "/token" and request.method == "POST":
            return self._grant(request)
        return _json(404, {"error": "not_found"})

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/jwks",
            "token_endpoint": f"{self.url}/token",
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self._algorithm],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }

    def _grant(self, request: Request) -> Response:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            pair = base64.b64decode(encoded).decode().partition(":")
            client, secret = unquote(pair[0]), unquote(pair[2])
        if form.get("grant_type") != "client_credentials":
            return _json(400, {"error": "unsupported_grant_type"})
        client_secret = self.clients.get(client)
        if client_secret is None or not hmac.compare_digest(
            client_secret.encode(), secret.encode()
        ):
            return _json(401, {"error": "invalid_client"})
        audience = form.get("audience") or form.get("resource") or "sts.amazonaws.com"
        token = self.token(client, audience)
        return _json(
            200,
            {"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": 3600},
        )


def _json(status: int, value: object) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())
