"""AuthContract: what every authentication strategy promises.

class TestAcmeLogin(AuthContract):
    @pytest.fixture
    def strategy(self):
        return AcmeLogin(user="monitor", password="env:ACME_PASSWORD")

    @pytest.fixture
    def refused_strategy(self):
        return AcmeLogin(user="nobody", password="env:ACME_PASSWORD")
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from headwater.auth.credentials import (
    AuthStrategy,
    Identity,
    Permission,
    Secret,
    Session,
    strategy_kind,
)
from headwater.errors import AuthError, HeadwaterError
from headwater.testing.canaries import error_places, listening, secrets, shown, unsaid, value_places
from headwater.testing.contract import Contract, expect, fitting, offline
from headwater.testing.deadlines import where_it_was_made
from headwater.testing.leftovers import leftovers
from headwater.testing.sources.support import fields

if TYPE_CHECKING:
    from headwater.plugins.registry import PluginRegistry


class AuthContract(Contract):
    """What every strategy promises; a subclass overrides `strategy` and `refused_strategy`."""

    @pytest.fixture
    def strategy(self) -> AuthStrategy:
        """Override: return a strategy with which the provider lets in."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture strategy")

    @pytest.fixture
    def refused_strategy(self) -> AuthStrategy:
        """Override: return a strategy that the provider refuses."""
        raise NotImplementedError(
            f"{type(self).__name__} must override the fixture refused_strategy"
        )

    @pytest.fixture
    def opening(self) -> Mapping[str, str]:
        """Override where the provider has regions or another address: `region`, `endpoint_url`."""
        return {}

    def test_every_call_ends_in_time(
        self,
        strategy: AuthStrategy,
        refused_strategy: AuthStrategy,
        opening: Mapping[str, str],
    ) -> None:
        """Each method of a strategy and its session returns within `deadline` seconds.

        If it fails: the message says which call hangs, and in which line. Give it a timeout.
        """
        kind = type(strategy).__name__
        for which, one in (("", strategy), (" of the refused strategy", refused_strategy)):
            session = self.within(f"{kind}.open(...){which}", partial(one.open, **opening))
            for name, call in (("identity", session.identity), ("storage", session.storage)):
                with suppress(HeadwaterError):
                    self.within(f"session.{name}(){which}", call)
            self.within(f"session.close(){which}", session.close)

    def test_its_kind_is_registered(
        self, strategy: AuthStrategy, headwater_registry: PluginRegistry
    ) -> None:
        """`auth: {type: <kind>}` in a configuration file means this class.

        If it fails: return AuthSpec(kind, "module:Class") from the hook headwater_auth, and give
        the class a field `type` that holds the kind.
        """
        kind = strategy_kind(strategy)
        assert headwater_registry.auth_class(kind) is type(strategy)

    def test_it_is_a_frozen_value(self, strategy: AuthStrategy) -> None:
        """Two strategies with the same fields are equal, and none changes while it is open.

        If it fails: keep AuthStrategy's model_config (frozen); hold what changes in the session.
        """
        assert type(strategy)(**fields(strategy)) == strategy
        name = next(iter(type(strategy).model_fields))
        with pytest.raises(ValueError, match="frozen"):
            setattr(strategy, name, getattr(strategy, name))

    def test_an_unknown_option_is_refused(self, strategy: AuthStrategy) -> None:
        """A misspelled option is an error where it is written, not silently ignored.

        If it fails: keep AuthStrategy's model_config (extra="forbid").
        """
        with pytest.raises(ValueError, match="no_such_option"):
            type(strategy)(**{**fields(strategy), "no_such_option": 1})

    def test_opening_asks_nobody(self, strategy: AuthStrategy, opening: Mapping[str, str]) -> None:
        """To open a strategy touches no network: a plan may never need the identity.

        If it fails: ask the provider in `identity` and `storage`, and remember the answer.
        """
        with offline():
            session = strategy.open(**opening)
        assert isinstance(session, Session)
        session.close()

    def test_the_identity_is_told(self, strategy: AuthStrategy, opening: Mapping[str, str]) -> None:
        """`identity()` says who this is, as the provider sees it, and by which strategy.

        If it fails: fill in Identity.name from the provider's answer, and Identity.strategy.
        """
        with _opened(strategy, opening) as session:
            identity = session.identity()
        assert identity.name
        assert identity.strategy == strategy_kind(strategy)
        assert identity.expires_at is None or identity.expires_at.tzinfo is not None

    def test_its_abilities_fit(
        self,
        strategy: AuthStrategy,
        opening: Mapping[str, str],
        record_property: Callable[[str, object], None],
    ) -> None:
        """What a session offers beside its interface can be used; the run's summary names it.

        If it fails: rename or mend what the message names; see `headwater.interfaces.abilities`.
        """
        with _opened(strategy, opening) as session:
            fitting(session, Session, record_property)

    def test_storage_credentials_are_current(
        self, strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """`storage()` gives credentials that are still good, with every secret as a Secret.

        If it fails: renew before they end, and wrap secret texts in `headwater.Secret`.
        """
        with _opened(strategy, opening) as session:
            credentials = session.storage()
        assert credentials.scheme
        assert all(isinstance(s, Secret) for s in credentials.secrets.values())
        assert credentials.expires_at is None or credentials.expires_at > datetime.now(UTC)

    def test_secrets_stay_secret(self, strategy: AuthStrategy, opening: Mapping[str, str]) -> None:
        """No repr, str or dump of strategy, session, identity or credentials shows a secret.

        If it fails: `Field(repr=False)` with a serializer, or secrets by reference (`env:NAME`).
        """
        with _opened(strategy, opening) as session:
            storage = session.storage()
            places = value_places("the strategy", strategy) | {
                "repr(session)": repr(session),
                "str(session)": str(session),
                "repr(storage())": repr(storage),
                "str(storage())": str(storage),
                "the identity": repr(session.identity()),
            }
            hidden = secrets(strategy, storage)
        expect(
            shown(hidden, places),
            "hold it as headwater.Secret or by reference (`env:NAME`), also in the session",
        )

    def test_nothing_secret_is_logged(
        self,
        strategy: AuthStrategy,
        opening: Mapping[str, str],
        request: pytest.FixtureRequest,
    ) -> None:
        """Logging in, and being refused, says no secret: logged at any level, printed, warned of.

        If it fails: log that you ask, and whom; never with what, nor the answer.
        """
        with listening() as output:
            with _opened(strategy, opening) as session:
                session.identity()
                hidden = secrets(strategy, session.storage())
            refused = _refused(request)
            hidden |= secrets(refused)
            with _opened(refused, opening) as session, suppress(HeadwaterError):
                session.identity()
        expect(
            shown(unsaid(hidden), output),
            "log no secret, at no level; leave it out of what you print",
        )

    def test_a_session_is_not_pickled(
        self, strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """Sessions and credentials do not travel: the other side opens the strategy again.

        If it fails: `def __reduce__(self): raise TypeError("open the strategy again")`.
        """
        with _opened(strategy, opening) as session:
            session.identity()
            for carrier in (session, session.storage()):
                with pytest.raises(TypeError):
                    pickle.dumps(carrier)

    def test_two_sessions_do_not_share_their_end(
        self, strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """Closing one session leaves another of the same strategy usable.

        If it fails: hold clients in the session, not in the strategy or the module.
        """
        with _opened(strategy, opening) as one:
            with _opened(strategy, opening) as other:
                other.identity()
            assert one.identity().name

    def test_it_can_be_asked_from_many_threads(
        self, strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """One session serves all threads, also when all of them ask first.

        If it fails: guard the renewal with a lock.
        """
        with _opened(strategy, opening) as session, ThreadPoolExecutor(8) as pool:
            identities = [pool.submit(session.identity) for _ in range(8)]
            credentials = [pool.submit(session.storage) for _ in range(8)]
            assert len({a.result().name for a in identities}) == 1
            assert len({g.result().scheme for g in credentials}) == 1

    def test_a_narrowed_session_is_the_same_caller(
        self, strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """`narrowed` gives a session that still works, of the same account: less, never another.

        If it fails: return self where the provider can't narrow.
        """
        permissions = [Permission("s3:GetObject", ("arn:aws:s3:::bucket/prefix/*",), reason="rows")]
        with _opened(strategy, opening) as session:
            less = session.narrowed(permissions)
            assert isinstance(less, Session)
            assert less.identity().account == session.identity().account
            less.close()

    def test_nobody_gets_what_is_anothers(
        self,
        strategy: AuthStrategy,
        opening: Mapping[str, str],
        request: pytest.FixtureRequest,
    ) -> None:
        """Who is refused is refused also after somebody else was let in, in the same process.

        If it fails: keep what a provider answered in the session; or under all that the strategy
        asked with (user, secret, token, address), never under a part of it.
        """
        with _opened(strategy, opening) as session:
            identity = session.identity()
            theirs = {s.reveal() for s in session.storage().secrets.values()}
            with _opened(_refused(request), opening) as other:
                faults = _let_in(other, identity, theirs)
        expect(
            faults,
            "keep answers of the provider in the session, not in the class or the module",
        )

    def test_a_session_leaves_nothing_behind(
        self, strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """After a session was closed, no thread, connection or file of it is left.

        If it fails: close clients in `close`, and end threads that renew.
        """

        def use() -> None:
            with _opened(strategy, opening) as session:
                session.identity()
                session.storage()

        expect(
            [f"each session leaves {f}" for f in leftovers(use, strategy)],
            "close in `close` what the session opened, and end its threads",
        )

    def test_a_refusal_is_an_auth_error(
        self, refused_strategy: AuthStrategy, opening: Mapping[str, str]
    ) -> None:
        """A strategy that fails, fails: as an AuthError with a hint, never as somebody else.

        If it fails: raise AuthError(..., hint=what to do) from the provider's error, and fall back
        to no other identity.
        """
        with _opened(refused_strategy, opening) as session, pytest.raises(AuthError) as caught:
            session.identity()
        assert caught.value.hint
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301
        expect(
            shown(secrets(refused_strategy), error_places(caught.value)),
            "quote no secret; where the provider's message does, say it in your own words and "
            "raise ... from None",
        )


def _refused(request: pytest.FixtureRequest) -> AuthStrategy:
    """Return the strategy that is refused, made only now: both may use one environment."""
    strategy: AuthStrategy = where_it_was_made(request.getfixturevalue)("refused_strategy")
    return strategy


def _let_in(session: Session, identity: Identity, theirs: set[str]) -> list[str]:
    """Return what of somebody else a refused session was given."""
    faults = []
    with suppress(HeadwaterError):
        if session.identity() == identity:
            faults.append(f"the refused strategy is let in as {identity.name}, who was before it")
    with suppress(HeadwaterError):
        if theirs and {s.reveal() for s in session.storage().secrets.values()} == theirs:
            faults.append("storage() of the refused strategy gives the other's credentials")
    return faults


@contextmanager
def _opened(strategy: AuthStrategy, opening: Mapping[str, str]) -> Iterator[Session]:
    session = strategy.open(**opening)
    try:
        yield session
    finally:
        session.close()
