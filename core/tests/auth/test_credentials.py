"""What errors keep of secrets, and whose credentials an operation's storage gets."""

from __future__ import annotations

from unittest.mock import Mock

import pytest

from headwater.auth.credentials import Access, Session, leaving_no_frames
from headwater.errors import AuthError


def sent(token: str) -> None:
    raise ValueError(f"refused: {token}")


@leaving_no_frames
def while_handled() -> None:
    try:
        sent("canary")
    except ValueError:
        raise AuthError("another one, while the first was handled")  # noqa: B904


@leaving_no_frames
def caused() -> None:
    try:
        sent("canary")
    except ValueError as error:
        raise AuthError("it has a cause") from error


@leaving_no_frames
def suppressed() -> None:
    try:
        sent("canary")
    except ValueError:
        raise AuthError("what it came from is not told") from None


def test_no_error_of_a_chain_keeps_its_frames() -> None:
    with pytest.raises(AuthError) as caught:
        while_handled()
    before = caught.value.__context__
    assert isinstance(before, ValueError)
    assert before.__traceback__ is None
    with pytest.raises(AuthError) as caught:
        caused()
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__.__traceback__ is None
    with pytest.raises(AuthError) as caught:
        suppressed()
    assert caught.value.__context__ is None


def test_storage_is_read_with_the_credentials_of_the_session_that_a_table_names() -> None:
    ours, theirs = Mock(spec=Session), Mock(spec=Session)
    access = Access({"ours": ours, "theirs": theirs})
    assert access.storage("theirs") is theirs.storage.return_value
    assert access.storage(None) is None
    ours.storage.assert_not_called()
    with pytest.raises(AuthError, match="no identity was opened for 'nobody'"):
        access.storage("nobody")
