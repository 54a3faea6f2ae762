"""What an identity has for an engine, or why it has nothing."""

from __future__ import annotations

import pytest

from headwater.auth.credentials import Access, Credentials
from headwater.engines import identities
from headwater.errors import AuthError, UnsupportedError


class Holder(Access):
    """Gives what it was given."""

    def __init__(self, found: Credentials | None) -> None:
        super().__init__()
        self.found = found

    def storage(self, auth_ref: str | None) -> Credentials | None:
        return self.found


def test_credentials_are_given_for_the_storage_that_engines_read() -> None:
    found = Credentials("s3")
    assert identities.current(Holder(found), "a:b", engine="spark", hint="") is found


def test_no_credentials_name_the_identity() -> None:
    with pytest.raises(AuthError, match="identity 'a:b' gives no storage credentials"):
        identities.current(Holder(None), "a:b", engine="spark", hint="")


def test_another_storage_is_named_with_a_way_out() -> None:
    with pytest.raises(UnsupportedError) as caught:
        identities.current(Holder(Credentials("gs")), "a:b", engine="spark", hint="try this")
    assert str(caught.value) == (
        "the spark engine reads S3; identity 'a:b' opens 'gs'\n  hint: try this"
    )
