"""Identities that are narrowed to a plan: which ones, to what, and who closes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from headwater.auth.credentials import Access, Credentials, Identity, Permission, Session
from headwater.interfaces.plan import Plan
from headwater.reading.session_policy import narrowed, widened
from headwater.sources.memory import MemoryDataSource

PLAN = Plan("c", "SELECT 1", "SELECT 1", (), None, None, "embedded", "")
WANTED = Permission("s3:GetObject", ("arn:aws:s3:::lake/t/*",))


class Watched:
    """A session that keeps whom it was narrowed for, and whether it was closed."""

    collapsed = ("all of s3://lake is allowed",)

    def __init__(self, narrows_to_plan: bool = True, *, can_narrow: bool = True) -> None:
        self.narrows_to_plan = narrows_to_plan
        self.made: list[tuple[list[Permission], Watched]] = []
        self._closed = 0
        self._can_narrow = can_narrow

    def identity(self) -> Identity:
        raise NotImplementedError

    def storage(self) -> Credentials:
        raise NotImplementedError

    def narrowed(self, permissions: Iterable[Permission]) -> Session:
        if not self._can_narrow:
            return self
        made = Watched()
        self.made.append((list(permissions), made))
        return made

    def close(self) -> None:
        self._closed += 1

    def closings(self) -> int:
        return self._closed


class Source(MemoryDataSource):
    """Reads as the sessions that it is given, which stay open."""

    sessions: Any

    def access(self) -> Access:
        return Access({ref: Watched() for ref in self.sessions})

    def permissions(self, plan: Plan) -> Iterable[Permission]:
        return (WANTED,)


def source(*refs: str) -> Source:
    return Source(tables={}, query="SELECT 1", sessions=refs)


def test_a_session_that_asks_for_it_is_replaced_while_the_plan_is_read() -> None:
    asks, other = Watched(), Watched(narrows_to_plan=False)
    whole = Access({"asks": asks, "other": other})
    with narrowed(whole, PLAN, [source("asks", "other"), source("asks")]) as access:
        ((permissions, tight),) = asks.made
        assert permissions == [WANTED, WANTED]
        assert access.session("asks") is tight
        assert access.session("other") is other
        assert tight.closings() == 0
    assert tight.closings() == 1
    assert not other.made
    assert (asks.closings(), other.closings()) == (0, 0)


def test_a_session_that_can_not_be_narrowed_reads_and_stays_open() -> None:
    whole = Watched(can_narrow=False)
    access = Access({"it": whole})
    with narrowed(access, PLAN, [source("it")]) as same:
        assert same.session("it") is whole
    assert widened(access, PLAN, [source("it")]) == ()
    assert whole.closings() == 0


@pytest.mark.parametrize("asks", [True, False])
def test_what_had_to_be_widened_is_told_of_those_that_are_narrowed(asks: bool) -> None:
    session = Watched(asks)
    told = widened(Access({"it": session}), PLAN, [source("it")])
    assert [(d.code, d.message) for d in told] == [
        ("session-policy-widened", "all of s3://lake is allowed")
    ] * asks
    assert [tight.closings() for _, tight in session.made] == [1] * asks
