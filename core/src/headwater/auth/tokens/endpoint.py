"""A token endpoint: OAuth 2.0's client-credentials grant."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlencode, urlsplit

from headwater.auth.credentials import Secret, TokenSource, leaving_no_frames
from headwater.auth.tokens.http import fetch
from headwater.auth.tokens.jwt import is_jwt
from headwater.auth.tokens.sources import by_reference
from headwater.errors import AuthError, ConfigError


@dataclass(frozen=True)
class ClientCredentialsToken:
    """A token from an OAuth 2.0 token endpoint, by the client-credentials grant.

    Args:
        token_url: The token endpoint; HTTPS, except on this machine.
        client_id: The client's identifier.
        client_secret: Reference to its secret: `env:NAME`, `file:/path`, `command:...`, a
            callable, or `Secret(...)` in code.
        scope: Scopes, separated by spaces.
        audience: Sent as `audience`, which Auth0 and others ask for.
        extra: Further form fields, e.g. `{"resource": "https://..."}`.
        authentication: `basic` sends id and secret in the Authorization header, `post` in the
            form; a server must support the first and may support the second.
        answer_field: Which field of the answer holds the token.
        timeout: Seconds to wait for the endpoint.

    Source: RFC 6749, sections 2.3.1, 4.4 and 5.
    """

    token_url: str
    client_id: str
    client_secret: str | Callable[[], str] | TokenSource | Secret = field(repr=False)
    scope: str | None = None
    audience: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)
    authentication: str = "basic"
    answer_field: str = "access_token"
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if self.authentication not in ("basic", "post"):
            raise ConfigError(
                f"client-credentials: authentication is {self.authentication!r}",
                hint="write basic or post",
            )
        parts = urlsplit(self.token_url)
        local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ConfigError(
                f"client-credentials: token_url {self.token_url!r} is not HTTPS",
                hint="a client secret is only sent over HTTPS",
            )
        object.__setattr__(self, "client_secret", by_reference(self.client_secret))

    @leaving_no_frames
    def token(self) -> str:
        """Ask the endpoint for a token and check that it is a JWT."""
        secret = Secret(cast("TokenSource", self.client_secret).token())
        form = {"grant_type": "client_credentials", **self.extra}
        if self.scope:
            form["scope"] = self.scope
        if self.audience:
            form["audience"] = self.audience
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self.authentication == "basic":
            pair = urlencode({self.client_id: secret.reveal()}).replace("=", ":", 1)
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        else:
            form |= {"client_id": self.client_id, "client_secret": secret.reveal()}
        answer = fetch(
            self.token_url,
            what=f"the token endpoint {self.token_url}",
            headers=headers,
            form=form,
            timeout=self.timeout,
            hide=(secret,),
        )
        text = answer.json_text(self.answer_field)
        if not is_jwt(text):
            raise AuthError(
                f"{answer.what} gave a token that is not a JWT",
                code="token-opaque",
                hint="ask the identity provider for a JWT access token (an API or audience must be "
                "registered for that in most of them); an opaque token proves nothing to others",
            )
        return text

    def describe(self) -> str:
        """Return `client credentials of CLIENT at URL`."""
        return f"client credentials of {self.client_id} at {self.token_url}"
