"""What errors keep of secrets, and whose credentials an operation's storage gets."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from unittest.mock import Mock

import pyarrow as pa
import pytest

import headwater as hw
from headwater.auth.credentials import Access, Identity, Session, leaving_no_frames
from headwater.errors import AuthError
from headwater.tables.relation import Relation
from headwater.tables.table import Partition, Table


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


LOOKED_AT = threading.Event()


class Guarded(hw.MemoryDataSource):
    """Tables in memory, with an identity that it is asked for while they are looked at."""

    kind = "guarded"
    session: Session

    def access(self) -> Access:
        return Access({"guard": self.session})

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        LOOKED_AT.set()
        return super().relation(table, partitions, access)


def test_who_reads_is_asked_while_tables_are_looked_at() -> None:
    LOOKED_AT.clear()
    somebody = Identity("somebody")

    def identity() -> Identity:
        assert LOOKED_AT.wait(30), "nobody looked at the table before the answer came"
        return somebody

    source = Guarded(
        tables={"t": pa.table({"id": ["a"], "f": [1.0]})},
        session=Mock(spec=Session, identity=identity),
    )
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m")
        version = workspace.create_model_version("m", "v", "regression", features={"f": "numeric"})
        plan = version.connect_testing(source, "id").plan()
    assert plan.identities == {"guard": somebody}


def test_what_asking_raises_is_raised_where_the_answer_is_waited_for() -> None:
    nobody = Mock(spec=Session)
    nobody.identity.side_effect = AuthError("nobody was let in")
    answer = Access({"guard": nobody}).asked_identities()
    with pytest.raises(AuthError, match="nobody was let in"):
        answer()
    assert Access().asked_identities()() == {}
