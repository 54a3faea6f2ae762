"""Secrets by reference, as fields of sources and strategies: what is kept shows none."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from headwater.auth.credentials import Secret
from headwater.auth.tokens import TokenInput, parse_secret_source
from headwater.errors import ConfigError

_SCHEMA: Final = {"type": "string", "pattern": "^(file:|env:|command:).+$"}


def _secret(value: TokenInput | Secret) -> TokenInput | Secret:
    try:
        return parse_secret_source(value)
    except ConfigError as error:
        raise ValueError(f"{error.message}; {error.hint}") from None


def _described(value: Any) -> str:
    return str(value.describe())


SecretReference: TypeAlias = Annotated[
    Any,
    BeforeValidator(_secret),
    PlainSerializer(_described, return_type=str),
    WithJsonSchema(_SCHEMA),
]
"""Type of a field that takes a reference to a secret, or in code a `Secret(...)`.

A reference is `env:NAME`, `file:/path` or `command:PROGRAM`. What is kept is a `TokenSource`:
`token()` reads the secret anew each time, so that a rotated one is seen; `describe()` says where it
lies.
"""
