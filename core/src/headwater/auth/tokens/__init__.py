"""Token sources: where an identity token or another secret comes from, asked anew at each use.

A source is a value. It may be shown, compared and pickled, because it holds the way to the secret
and not the secret: `file:/var/run/token`, never `eyJ...`. Every failure names the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from headwater.auth.credentials import Secret, TokenSource
from headwater.auth.tokens.endpoint import ClientCredentialsToken
from headwater.auth.tokens.jwt import claims, is_jwt
from headwater.auth.tokens.sources import (
    CallableToken,
    CommandToken,
    EnvToken,
    FileToken,
    LiteralSecret,
    by_reference,
    from_command,
    from_text,
)
from headwater.errors import ConfigError

__all__ = [
    "CallableToken",
    "ClientCredentialsToken",
    "CommandToken",
    "EnvToken",
    "FileToken",
    "LiteralSecret",
    "TokenInput",
    "claims",
    "is_jwt",
    "parse_secret_source",
    "parse_token_source",
]

TokenInput: TypeAlias = str | Callable[[], str] | TokenSource | Mapping[str, Any]
"""What a user may write for a token: a reference, a callable, a source, or a source's fields."""


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
        "command": from_command,
        "client-credentials": ClientCredentialsToken,
        **(more or {}),
    }
    if isinstance(given, Mapping):
        return _from_fields(dict(given), kinds)
    if isinstance(given, str):
        word = given.strip()
        return more[word]() if more and word in more else from_text(word, words=(*(more or {}),))
    return by_reference(given)


def parse_secret_source(given: TokenInput | Secret) -> TokenSource:
    """Return the source of a secret: as `parse_token_source`, and `Secret(...)` given in code."""
    return by_reference(given) if isinstance(given, Secret) else parse_token_source(given)


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
