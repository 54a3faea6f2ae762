"""Token sources: where an identity token or another secret comes from, asked anew at each use.

A source is a value. It may be shown, compared and pickled, because it holds the way to the secret
and not the secret: `file:/var/run/token`, never `eyJ...`. Every failure names the source.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import urlencode, urlsplit

from headwater.credentials import Secret, TokenSource
from headwater.errors import AuthError, ConfigError
from headwater.token_http import fetch

TokenInput: TypeAlias = str | Callable[[], str] | TokenSource | Mapping[str, Any]
"""What a user may write for a token: a reference, a callable, a source, or a source's fields."""

_MAX_BYTES = 64 * 1024
"""More than any provider issues; a larger file is not a token."""
_REFERENCES = "file:/path, env:NAME or command:PROGRAM ARGS"


@dataclass(frozen=True, slots=True)
class FileToken:
    """A token in a file, read again at each call, since rotated tokens replace the file.

    Args:
        path: Where it lies; `~` is expanded.
    """

    path: str

    def token(self) -> str:
        """Return the file's text, stripped."""
        path = Path(self.path).expanduser()
        try:
            with path.open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
        except OSError as error:
            raise AuthError(
                f"the token file {path} can't be read: {error.strerror or type(error).__name__}",
                code="token-file",
                hint="check that the file exists, that it is mounted, and who may read it",
            ) from error
        if len(raw) > _MAX_BYTES:
            raise AuthError(f"the token file {path} is over {_MAX_BYTES} bytes: that is no token")
        try:
            text = raw.decode().strip()
        except UnicodeDecodeError:
            # `from None`: the original carries the bytes.
            raise AuthError(f"the token file {path} does not hold text") from None
        if not text:
            raise AuthError(
                f"the token file {path} is empty",
                code="token-file",
                hint="whatever writes it has not written yet, or was cut off while writing",
            )
        return text

    def describe(self) -> str:
        """Return `file PATH`."""
        return f"file {self.path}"


@dataclass(frozen=True, slots=True)
class EnvToken:
    """A token in an environment variable, looked up at each call.

    Args:
        name: The variable.
    """

    name: str

    def token(self) -> str:
        """Return the variable's text, stripped."""
        text = os.environ.get(self.name, "").strip()
        if not text:
            state = "empty" if self.name in os.environ else "not set"
            raise AuthError(
                f"the environment variable {self.name} is {state}",
                code="token-env",
                hint=f"export {self.name} in the environment of this process",
            )
        return text

    def describe(self) -> str:
        """Return `environment variable NAME`."""
        return f"environment variable {self.name}"


@dataclass(frozen=True, slots=True)
class CommandToken:
    """A token that a program prints; it is run at each call, without a shell.

    Args:
        arguments: Program and arguments. They are never shown, since they may hold secrets.
        timeout: Seconds after which the program is stopped.
    """

    arguments: tuple[str, ...] = field(repr=False)
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if not self.arguments:
            raise ConfigError("a token command is empty", hint="e.g. command:my-idp print-token")

    def token(self) -> str:
        """Run the program and return what it prints, stripped."""
        try:
            done = subprocess.run(
                self.arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            # `from None` here and below: the originals carry arguments or output.
            raise AuthError(
                f"the token {self.describe()} did not end within {self.timeout:g} seconds",
                code="token-command",
                retryable=True,
            ) from None
        except OSError as error:
            raise AuthError(
                f"the token {self.describe()} can't be run: {error.strerror}",
                code="token-command",
                hint="check that it is installed and on the PATH of this process",
            ) from None
        text = done.stdout.decode(errors="replace").strip()
        if done.returncode or not text:
            ended = f"exit status {done.returncode}" if done.returncode else "no output"
            raise AuthError(
                f"the token {self.describe()} ended with {ended}",
                code="token-command",
                hint="run it by hand to see why; its output is not shown, it may hold the token",
            )
        return text

    def describe(self) -> str:
        """Return `command PROGRAM`, without its arguments."""
        return f"command {self.arguments[0]}"


@dataclass(frozen=True, slots=True)
class CallableToken:
    """A token that a Python function returns.

    Args:
        function: Called without arguments, from any thread.
    """

    function: Callable[[], str] = field(repr=False)

    def token(self) -> str:
        """Call the function."""
        try:
            text: object = self.function()
        except AuthError:
            raise
        except Exception as error:  # noqa: BLE001 - it is the user's code: anything may come
            # `from None`: what a user's function raises may quote the token.
            raise AuthError(
                f"the token {self.describe()} raised {type(error).__name__}",
                code="token-callable",
                hint="call it by hand to see why; its message is not shown, it may hold the token",
            ) from None
        if not isinstance(text, str) or not text.strip():
            got = "an empty text" if isinstance(text, str) else type(text).__name__
            raise AuthError(f"the token {self.describe()} returned {got}", code="token-callable")
        return text.strip()

    def describe(self) -> str:
        """Return `function NAME`."""
        name = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return f"function {name}"


@dataclass(frozen=True, slots=True)
class LiteralSecret:
    """A secret that was given itself, wrapped in `Secret`: hidden everywhere, never pickled."""

    secret: Secret

    def token(self) -> str:
        """Return the secret's text."""
        return self.secret.reveal()

    def describe(self) -> str:
        """Return `a secret given in code`."""
        return "a secret given in code"


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
    client_secret: TokenInput | Secret = field(repr=False)
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
        object.__setattr__(self, "client_secret", parse_secret_source(self.client_secret))

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


def parse_token_source(
    given: TokenInput, *, more: Mapping[str, Callable[..., TokenSource]] | None = None
) -> TokenSource:
    """Return the token source that a user wrote.

    Args:
        given: A source itself; a callable; a text `file:/path`, `env:NAME`, `command:PROGRAM ARGS`
            or the bare word of a source in `more`; or a mapping whose `type` is `file`, `env`,
            `command`, `client-credentials` or a word of `more`, and whose rest are its fields.
        more: Further sources by word; each is called with the mapping's fields.

    Raises:
        ConfigError: If it is none of these. The text is not repeated: it may be the token itself.
    """
    kinds: dict[str, Callable[..., TokenSource]] = {
        "file": FileToken,
        "env": EnvToken,
        "command": _command,
        "client-credentials": ClientCredentialsToken,
        **(more or {}),
    }
    if isinstance(given, Mapping):
        return _from_fields(dict(given), kinds)
    if isinstance(given, str):
        return _from_text(given.strip(), more or {})
    if isinstance(given, TokenSource):
        return given
    if callable(given):
        return CallableToken(given)
    raise ConfigError(
        f"a token can't be given as {type(given).__name__}", hint=f"give {_REFERENCES}"
    )


def parse_secret_source(given: TokenInput | Secret) -> TokenSource:
    """Return the source of a secret: as `parse_token_source`, and `Secret(...)` given in code."""
    return LiteralSecret(given) if isinstance(given, Secret) else parse_token_source(given)


def _from_text(text: str, more: Mapping[str, Callable[..., TokenSource]]) -> TokenSource:
    scheme, separator, rest = text.partition(":")
    if text in more:
        return more[text]()
    if separator and rest:
        match scheme:
            case "file":
                # file:///path and file:/path are the same place.
                return FileToken(re.sub(r"^//(?=/)", "", rest))
            case "env":
                return EnvToken(rest)
            case "command":
                return _command(rest)
    words = "".join(f", {word}" for word in more)
    raise ConfigError(
        "a token or secret is given by reference, and this text is none (it is not shown here)",
        hint=f"write {_REFERENCES}{words}; in Python a callable or Secret(...) will do too",
    )


def _from_fields(
    fields: dict[str, Any], kinds: Mapping[str, Callable[..., TokenSource]]
) -> TokenSource:
    kind = fields.pop("type", None)
    if kind not in kinds:
        raise ConfigError(
            f"a token of type {kind!r} is not known", hint=f"types: {', '.join(sorted(kinds))}"
        )
    try:
        return kinds[kind](**fields)
    except TypeError as error:
        # The message names parameters only: "... unexpected keyword argument 'x'".
        problem = str(error).partition("() ")[2] or "its fields are wrong"
        raise ConfigError(f"token of type {kind}: {problem}") from None


def _command(command: str | None = None, **fields: Any) -> CommandToken:
    try:
        return CommandToken(tuple(shlex.split(command or "")), **fields)
    except ValueError:
        raise ConfigError("a token command has an unclosed quote") from None


def is_jwt(token: str) -> bool:
    """Return whether a text has the shape of a signed JSON Web Token."""
    try:
        claims(token)
    except AuthError:
        return False
    return True


def claims(token: str, *, what: str = "the token") -> dict[str, Any]:
    """Return what a JWT says about its bearer, *unverified*: for messages, never for decisions.

    Args:
        token: The JWT.
        what: What it is called in the error, e.g. `the token from file /var/run/token`.

    Raises:
        AuthError: If it is not a JWT. The token is not shown.
    """
    parts = token.strip().split(".")
    try:
        if len(parts) != 3:
            raise ValueError
        header, body = (
            json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in parts[:2]
        )
        if not isinstance(header, dict) or not isinstance(body, dict):
            raise ValueError
    except (ValueError, binascii.Error):
        # `from None`: the original may quote a part of the token.
        raise AuthError(
            f"{what} is not a JWT (it is not shown here)",
            code="token-malformed",
            hint="a JWT is three base64url parts joined by dots; check that the source gives the "
            "token alone, e.g. not a JSON document around it",
        ) from None
    return body
