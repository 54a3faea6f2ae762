"""Strategies that break one promise each; `test_broken_plugins.py` runs the contract on them."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import pytest
from pydantic import ConfigDict, field_validator

from headwater.auth.credentials import (
    AuthStrategy,
    Credentials,
    Identity,
    Permission,
    Secret,
    Session,
)
from headwater.errors import AuthError
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import AuthSpec
from headwater.testing import AuthContract

WELL_KNOWN = "correct-horse-canary"


class GoodSession:
    """Keeps every promise."""

    def __init__(self, user: str, password: Secret) -> None:
        self.user = user
        self.password = password

    def __repr__(self) -> str:
        return f"GoodSession({self.user!r})"

    def __reduce__(self) -> Any:
        raise TypeError("open the strategy again")

    def identity(self) -> Identity:
        if self.password.reveal() != WELL_KNOWN:
            raise AuthError(f"{self.user} was refused", hint="give the right password")
        return Identity(self.user, "acme", "login")

    def storage(self) -> Credentials:
        self.identity()
        return Credentials("acme", {"password": self.password})

    def narrowed(self, permissions: Iterable[Permission]) -> Session:
        return self

    def close(self) -> None:
        """Nothing is held."""


class Good(AuthStrategy):
    type: Literal["login"] = "login"
    user: str = "monitor"
    password: Secret

    session: ClassVar[Any] = GoodSession

    def open(self, *, region: str | None = None, endpoint_url: str | None = None) -> Session:
        found: Session = self.session(self.user, self.password)
        return found


class Login(AuthContract):
    """The contract on `Strategy`; broken suites name what they break."""

    Strategy: ClassVar[type[Any]]
    given: ClassVar[str | None] = None
    breaks: ClassVar[str] = ""

    @pytest.fixture
    def headwater_plugins(self) -> Sequence[object]:
        @hookimpl
        def headwater_auth() -> list[AuthSpec]:
            return [AuthSpec("login", f"{__name__}:{self.given or self.Strategy.__name__}")]

        return [SimpleNamespace(__name__="login", headwater_auth=headwater_auth)]

    @pytest.fixture
    def strategy(self) -> AuthStrategy:
        found: AuthStrategy = self.Strategy(password=Secret(WELL_KNOWN))
        return found

    @pytest.fixture
    def refused_strategy(self) -> AuthStrategy:
        found: AuthStrategy = self.Strategy(password=Secret("guessed-canary"))
        return found


class SuiteGood(Login):
    Strategy = Good


class Other(Good):
    """Registered in the place of another."""


class SuiteRegistersAnother(Login):
    Strategy = Good
    given = "Other"
    breaks = "test_its_kind_is_registered"


class Mutable(Good):
    model_config = ConfigDict(frozen=False)


class SuiteMutable(Login):
    Strategy = Mutable
    breaks = "test_it_is_a_frozen_value"


class Lenient(Good):
    model_config = ConfigDict(extra="ignore")


class SuiteLenient(Login):
    Strategy = Lenient
    breaks = "test_an_unknown_option_is_refused"


class Eager(Good):
    def open(self, *, region: str | None = None, endpoint_url: str | None = None) -> Session:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().open(region=region, endpoint_url=endpoint_url)


class SuiteEager(Login):
    Strategy = Eager
    breaks = "test_opening_asks_nobody"


class AnonymousSession(GoodSession):
    def identity(self) -> Identity:
        return Identity(super().identity().name, "acme")


class Anonymous(Good):
    session = AnonymousSession


class SuiteAnonymous(Login):
    Strategy = Anonymous
    breaks = "test_the_identity_is_told"


class StaleSession(GoodSession):
    def storage(self) -> Credentials:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        return Credentials("acme", {"password": self.password}, expires_at=past)


class Stale(Good):
    session = StaleSession


class SuiteStale(Login):
    Strategy = Stale
    breaks = "test_storage_credentials_are_current"


class MisaskedSession(GoodSession):
    def refusal(self, path: str) -> None:
        """Takes no word on what was tried."""


class Misasked(Good):
    session = MisaskedSession


class SuiteMisasked(Login):
    Strategy = Misasked
    breaks = "test_its_abilities_fit"


class TalkativeSession(GoodSession):
    def __repr__(self) -> str:
        return f"TalkativeSession({self.user!r}, {self.password.reveal()!r})"


class Talkative(Good):
    session = TalkativeSession


class SuiteTalkative(Login):
    Strategy = Talkative
    breaks = "test_secrets_stay_secret"


class TravellingSession(GoodSession):
    def __reduce__(self) -> Any:
        return str, (self.user,)


class Travelling(Good):
    session = TravellingSession


class SuiteTravelling(Login):
    Strategy = Travelling
    breaks = "test_a_session_is_not_pickled"


class SharedSession(GoodSession):
    closed: ClassVar[bool] = False

    def __init__(self, user: str, password: Secret) -> None:
        super().__init__(user, password)
        SharedSession.closed = False

    def identity(self) -> Identity:
        if SharedSession.closed:
            raise AuthError("the client is closed", hint="open it again")
        return super().identity()

    def close(self) -> None:
        SharedSession.closed = True


class Shared(Good):
    session = SharedSession


class SuiteShared(Login):
    Strategy = Shared
    breaks = "test_two_sessions_do_not_share_their_end"


class BusySession(GoodSession):
    busy: ClassVar[bool] = False

    def identity(self) -> Identity:
        if BusySession.busy:
            raise AuthError("a renewal is under way", hint="wait")
        BusySession.busy = True
        try:
            time.sleep(0.01)
            return super().identity()
        finally:
            BusySession.busy = False


class Busy(Good):
    session = BusySession


class SuiteBusy(Login):
    Strategy = Busy
    breaks = "test_it_can_be_asked_from_many_threads"


class AnotherSession(GoodSession):
    def identity(self) -> Identity:
        return Identity("root", "another", "login")


class WideningSession(GoodSession):
    def narrowed(self, permissions: Iterable[Permission]) -> Session:
        return AnotherSession(self.user, self.password)


class Widening(Good):
    session = WideningSession


class SuiteWidening(Login):
    Strategy = Widening
    breaks = "test_a_narrowed_session_is_the_same_caller"


class FallbackSession(GoodSession):
    def identity(self) -> Identity:
        try:
            return super().identity()
        except AuthError:
            return Identity("the machine itself", "acme", "login")


class Fallback(Good):
    session = FallbackSession


class SuiteFallback(Login):
    Strategy = Fallback
    breaks = "test_a_refusal_is_an_auth_error"


class WaitingSession(GoodSession):
    def identity(self) -> Identity:
        threading.Event().wait()
        raise AssertionError


class Waiting(Good):
    session = WaitingSession


class SuiteWaiting(Login):
    Strategy = Waiting
    deadline = 1
    breaks = "test_every_call_ends_in_time"


class ChattySession(GoodSession):
    def identity(self) -> Identity:
        logging.getLogger("login").debug("POST /login %s", {"password": self.password.reveal()})
        return super().identity()


class Chatty(Good):
    session = ChattySession


class SuiteChatty(Login):
    Strategy = Chatty
    breaks = "test_nothing_secret_is_logged"


class PlainSession(GoodSession):
    def __init__(self, user: str, password: str) -> None:
        super().__init__(user, Secret(password))


class Plain(Good):
    """Holds its password as a text."""

    password: str = WELL_KNOWN  # type: ignore[assignment]
    session = PlainSession

    @field_validator("password", mode="before")
    @classmethod
    def _revealed(cls, value: object) -> object:
        return value.reveal() if isinstance(value, Secret) else value


class SuitePlain(Login):
    Strategy = Plain
    breaks = "test_secrets_stay_secret"


class CachingSession(GoodSession):
    """Keeps what the provider answered under the user's name alone."""

    known: ClassVar[dict[str, tuple[Identity, Credentials]]] = {}

    def identity(self) -> Identity:
        return self.answer()[0]

    def storage(self) -> Credentials:
        return self.answer()[1]

    def answer(self) -> tuple[Identity, Credentials]:
        if self.user not in self.known:
            identity = super().identity()
            self.known[self.user] = identity, Credentials("acme", {"password": self.password})
        return self.known[self.user]

    def close(self) -> None:
        """An hour from now, it is forgotten."""


class Caching(Good):
    session = CachingSession


class SuiteCaching(Login):
    Strategy = Caching
    breaks = "test_nobody_gets_what_is_anothers"

    @pytest.fixture(autouse=True)
    def _an_hour_later(self) -> None:
        CachingSession.known.clear()


class RenewingSession(GoodSession):
    """Renews on a thread that nobody ends."""

    def __init__(self, user: str, password: Secret) -> None:
        super().__init__(user, password)
        self.renewing = threading.Thread(target=threading.Event().wait, daemon=True)
        self.renewing.start()


class Renewing(Good):
    session = RenewingSession


class SuiteRenewing(Login):
    Strategy = Renewing
    breaks = "test_a_session_leaves_nothing_behind"


def _suites() -> Iterator[tuple[str, Any]]:
    for name, suite in vars(sys.modules[__name__]).items():
        if name.startswith("Suite"):
            yield name, suite


SUITES: dict[str, Any] = dict(_suites())
