"""Identities: the credentials that an identity has now, where an engine opens storage with them."""

from __future__ import annotations

from headwater.auth.credentials import Access, Credentials
from headwater.errors import AuthError, UnsupportedError


def current(access: Access, auth_ref: str, *, engine: str, hint: str) -> Credentials:
    """Return an identity's current credentials.

    Args:
        access: The opened identities.
        auth_ref: The identity.
        engine: Who opens storage with it.
        hint: What to do where it is for another storage than the engine reads.

    Raises:
        AuthError: If it has none.
        UnsupportedError: If they are for another storage than S3.
    """
    credentials = access.storage(auth_ref)
    if credentials is None:
        raise AuthError(f"identity {auth_ref!r} gives no storage credentials")
    if credentials.scheme != "s3":
        raise UnsupportedError(
            f"the {engine} engine reads S3; identity {auth_ref!r} opens {credentials.scheme!r}",
            hint=hint,
        )
    return credentials
