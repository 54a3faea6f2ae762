"""Secrets in a configuration file: by reference only, and read when they are used.

A field is secret if its class says so: `headwater.auth.credentials.Secret` or pydantic's
`SecretStr`. (A token field, which is a
reference by its nature, is read by `headwater.auth.tokens`.)
"""

from __future__ import annotations

import types
import typing
from typing import Any

from pydantic import SecretStr

from headwater.auth.credentials import Secret, TokenSource
from headwater.auth.tokens import parse_token_source
from headwater.errors import ConfigError


class SecretReference(Secret):
    """A secret known by where it is: each `reveal` reads it anew, so a rotated file is seen."""

    __slots__ = ("_source",)

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self._source = parse_token_source(reference)

    def reveal(self) -> str:
        """Return the secret itself.

        Raises:
            AuthError: If the variable, file or command does not give it; names which.
        """
        return self._source.token()

    def __repr__(self) -> str:
        return f"Secret({self._source.describe()})"

    __str__ = __repr__


def by_reference(value: Any, annotation: Any) -> Any:
    """Return the value of a secret field from the reference in the file.

    Raises:
        ConfigError: If it is no reference; does not repeat it.
        AuthError: If a `SecretStr` is wanted, which can't wait, and it can't be read now.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise ConfigError(
            f"a secret is given by reference, not as {type(value).__name__}",
            hint="write env:NAME or file:/path",
        )
    reference = SecretReference(value)
    return reference if mentions(annotation, Secret) else SecretStr(reference.reveal())


def is_secret(annotation: Any) -> bool:
    """Return whether a field of that type holds a secret that it can't fetch by itself."""
    if mentions(annotation, TokenSource):
        return False
    return mentions(annotation, Secret) or mentions(annotation, SecretStr)


def mentions(annotation: Any, class_: type) -> bool:
    """Return whether a type annotation names a class (or one derived from it) anywhere inside."""
    return any(issubclass(cls, class_) for cls in classes_in(annotation))


def classes_in(annotation: Any) -> typing.Iterator[type]:
    """Yield the classes that a type annotation names, inside unions, lists and mappings too."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from classes_in(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType) or typing.get_args(annotation):
        for inner in typing.get_args(annotation):
            yield from classes_in(inner)
    elif isinstance(annotation, type):
        yield annotation
