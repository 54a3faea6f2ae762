"""ScoresClient: who asks. A token is obtained when it is needed, and kept until it is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from headwater.auth.tokens import ClientCredentialsToken
from headwater.plugin import (
    AuthError,
    AuthStrategy,
    Credentials,
    Identity,
    Permission,
    Secret,
    SecretReference,
    Session,
)
from headwater_scores.http import ask


class ScoresClient(AuthStrategy):
    """A client of the API, by OAuth 2.0's client-credentials grant.

    Args:
        token_url: The token endpoint; HTTPS, except on this machine.
        client_id: The client's identifier.
        client_secret: Reference to its secret, e.g. `env:SCORES_SECRET`.
        scope: Scopes, separated by spaces.
        attempts: How often a request is made at most, where it may be made again.
    """

    type: Literal["scores-client"] = "scores-client"
    token_url: str
    client_id: str
    client_secret: SecretReference
    scope: str | None = None
    attempts: int = 5

    def open(self, *, region: str | None = None, endpoint_url: str | None = None) -> ScoresSession:
        """Return a session with the API at `endpoint_url`; asks nobody."""
        return ScoresSession(self, endpoint_url or "https://scores.example.com")


class ScoresSession:
    """A client at one API. Thread-safe; holds its current token, and no connection.

    Args:
        client: Who asks.
        url: The API.
    """

    def __init__(self, client: ScoresClient, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._lock = threading.Lock()
        self._token: Secret | None = None

    def __repr__(self) -> str:
        return f"ScoresSession({self._client.client_id!r} at {self._url})"

    def __reduce__(self) -> Any:
        raise TypeError("a session is not pickled: open the client again on the other side")

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the API's answer to a GET.

        Raises:
            AuthError: If the client is refused, also with a new token.
            SourceError: If the API does not answer, or answers something else.
        """
        url, token = self._url + path, self._current(None)
        try:
            return ask(url, parameters, token, self._client.attempts)
        except AuthError as error:
            if error.code != "token-expired":
                raise
        return ask(url, parameters, self._current(token), self._client.attempts)

    def _current(self, refused: Secret | None) -> Secret:
        """Return the token; another one, where that at hand was refused."""
        with self._lock:
            if self._token is None or self._token == refused:
                client = self._client
                grant = ClientCredentialsToken(
                    client.token_url, client.client_id, client.client_secret, client.scope
                )
                try:
                    self._token = Secret(grant.token())
                except AuthError as error:
                    raise AuthError(
                        f"{client.client_id} gets no token: {error.message}",
                        code=error.code,
                        hint=error.hint or "are client_id and client_secret right?",
                        retryable=error.retryable,
                    ) from error
            return self._token

    def identity(self) -> Identity:
        """Ask the API who this is."""
        return Identity(self.get("/whoami")["client"], strategy="scores-client")

    def storage(self) -> Credentials:
        """Return the current token."""
        return Credentials("scores", {"token": self._current(None)}, {"url": self._url})

    def narrowed(self, permissions: Iterable[Permission]) -> Session:
        """Return itself: this API can't narrow a client."""
        return self

    def close(self) -> None:
        """Nothing is held."""
