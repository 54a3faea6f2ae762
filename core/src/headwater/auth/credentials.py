"""Identity: strategies that obtain it, sessions that hold it, tokens that prove it.

Core knows no cloud. A plugin gives an `AuthStrategy`; opening it gives a `Session`, which knows how
to renew itself; `Access` carries the sessions of one operation to the catalog and the engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import datetime
from functools import wraps
from threading import Thread
from types import TracebackType
from typing import Any, ParamSpec, Protocol, Self, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict

from headwater.auth.operation_cache import OperationCache
from headwater.errors import AuthError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_E = TypeVar("_E", bound=BaseException)


class Secret:
    """A text that must not be shown: its repr, str and pickle hide it; `reveal()` gives it.

    Args:
        value: The text.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled: open the strategy again on the other side")


def without_frames(error: _E) -> _E:
    """Return an exception, and those that it came from, without the frames that they passed.

    A frame keeps its variables for as long as somebody holds the exception, and trackers of errors
    record them: a token that was being sent would outlive its use. What is suppressed (`raise ...
    from None`) is dropped, for it may quote the secret.
    """
    chain: list[BaseException | None] = [error]
    visited: set[int] = set()
    while chain:
        one = chain.pop()
        if one is None or id(one) in visited:
            continue
        visited.add(id(one))
        one.__traceback__ = None
        if one.__suppress_context__ and one.__context__ is not one.__cause__:
            one.__context__ = None
        chain += [one.__cause__, one.__context__]
    return error


def leaving_no_frames(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Remove the frames of a `function` that handles secrets from the exceptions it raises.

    See `without_frames`; the frames of its callers stay.
    """

    @wraps(function)
    def sealed(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            del args, kwargs
            without_frames(error)
            raise

    return sealed


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a session is, as the provider says.

    Args:
        name: The provider's name for the caller, e.g. a role session's ARN.
        account: The provider's account, project or tenant.
        strategy: Kind of the strategy that obtained it, e.g. `oidc-role`.
        expires_at: When the credentials at hand end; sessions renew themselves before.
    """

    name: str
    account: str | None = None
    strategy: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What an engine needs to read storage, valid until `expires_at`.

    Args:
        scheme: Storage that it opens, e.g. `s3`.
        secrets: E.g. `access_key_id`, `secret_access_key`, `session_token` for `s3`.
        settings: What is not secret, e.g. `region`, `endpoint_url` for `s3`.
        expires_at: When to ask the session again; None means never.
    """

    scheme: str
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing that a plan must be allowed to do.

    Args:
        action: The provider's word for it, e.g. `GetTable`, `GetObject`.
        resources: What it is done to, e.g. ARNs.
        conditions: The provider's conditions on it, e.g. `{"StringLike": {"prefix": ["a/*"]}}`.
        reason: Which part of the plan needs it, for a person.
    """

    action: str
    resources: tuple[str, ...]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


@runtime_checkable
class Session(Protocol):
    """An opened strategy: credentials that renew themselves. Thread-safe."""

    def identity(self) -> Identity:
        """Return who this is, asking the provider; raises AuthError with the true causes."""
        ...

    def storage(self) -> Credentials:
        """Return credentials for storage, renewed if they are about to end."""
        ...

    def narrowed(self, permissions: Iterable[Permission]) -> Session:
        """Return a session that may do no more than this, or itself if it can't be narrowed."""
        ...

    def close(self) -> None:
        """Release what it holds; later calls may fail."""
        ...


class AuthStrategy(BaseModel, ABC):
    """How an identity is obtained. Immutable; holds no credentials until it is opened.

    A strategy that fails, fails: it never falls back to another identity.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    @abstractmethod
    def open(self, *, region: str | None = None, endpoint_url: str | None = None) -> Session:
        """Return a session. No network call is made before it is used.

        Args:
            region: Region of the services that will be called, where the provider has regions.
            endpoint_url: Another address of the provider (an emulator, a private endpoint).

        Raises:
            AuthError: If the strategy can't be used as it is configured.
        """


def strategy_kind(strategy: AuthStrategy) -> str:
    """Return the word for a strategy in configuration: its field `type`, else its class's name."""
    return str(dict(strategy).get("type", type(strategy).__name__))


@runtime_checkable
class TokenSource(Protocol):
    """Where an identity token comes from; asked anew for each renewal."""

    def token(self) -> str:
        """Return a current token.

        Raises:
            AuthError: Naming the source, never the token.
        """
        ...

    def describe(self) -> str:
        """Return where the token comes from, without the token, e.g. `file /var/run/token`."""
        ...


class Access:
    """The opened sessions of one operation, by `auth_ref`. A context manager.

    A plan names each relation's `auth_ref`; several identities in one read are normal.

    Args:
        sessions: The sessions, by `auth_ref`; closed with it.
        cache: Answers that the operation got; default: empty.
    """

    def __init__(
        self, sessions: Mapping[str, Session] | None = None, cache: OperationCache | None = None
    ) -> None:
        self._sessions: dict[str, Session] = dict(sessions or {})
        self.cache = cache or OperationCache()

    def session(self, auth_ref: str) -> Session:
        """Return the session behind an `auth_ref`.

        Raises:
            AuthError: If this operation opened none by that name.
        """
        try:
            return self._sessions[auth_ref]
        except KeyError:
            raise AuthError(f"no identity was opened for {auth_ref!r}") from None

    def storage(self, auth_ref: str | None) -> Credentials | None:
        """Return current storage credentials of an `auth_ref`, or None where there is none."""
        return None if auth_ref is None else self.session(auth_ref).storage()

    def identities(self) -> dict[str, Identity]:
        """Return who each session is, by `auth_ref`."""
        return {ref: session.identity() for ref, session in self._sessions.items()}

    def asked_identities(self) -> Callable[[], dict[str, Identity]]:
        """Ask who each session is while the caller does other work; return how to wait for it.

        What asking raises is raised there. Whoever does not wait leaves it behind.
        """
        if not self._sessions:
            return dict
        answer: Future[dict[str, Identity]] = Future()

        def ask() -> None:
            try:
                answer.set_result(self.identities())
            except BaseException as error:  # noqa: BLE001 -- raised where it is waited for
                answer.set_exception(error)

        # A daemon: a program whose plan has failed ends without the answer.
        run = copy_context().run
        Thread(target=run, args=(ask,), name="headwater-identity", daemon=True).start()
        return answer.result

    def joined(self, other: Access) -> Access:
        """Return an access with the sessions of this and `other`; who opened them closes them.

        Where both have one of a name, it is this one's: one identity is asked once who it is.
        """
        return Access({**other._sessions, **self._sessions}, self.cache)

    def within(self, operation: Access) -> Access:
        """Return these sessions as a part of a wider operation, with a shared cache.

        Args:
            operation: The whole operation's access; for a name in both, its session is used.
        """
        own = {ref: operation._sessions.get(ref, s) for ref, s in self._sessions.items()}
        return Access(own, operation.cache)

    @property
    def refs(self) -> tuple[str, ...]:
        """Names of the opened sessions."""
        return tuple(self._sessions)

    def replaced(self, auth_ref: str, session: Session) -> Access:
        """Return an access with `session` behind an `auth_ref`; whoever opened it closes it."""
        return Access({**self._sessions, auth_ref: session}, self.cache)

    def close(self) -> None:
        """Close all sessions."""
        with ExitStack() as stack:
            for session in self._sessions.values():
                stack.callback(session.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
