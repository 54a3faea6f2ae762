"""Credentials that renew themselves, in the shape in which botocore signs with them.

botocore's own refreshable credentials renew 15 minutes before the end, so that a session of 900
seconds calls STS for every signature, and they can't be told that a service refused them. These
renew once, in good time, from whatever thread comes first, and again when they are refused.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from botocore.credentials import ReadOnlyCredentials

from headwater.auth.credentials import Secret
from headwater.errors import AuthError, CredentialsExpiredError, HeadwaterError
from headwater_aws.errors import translating
from headwater_aws.redaction import hide_from_logs

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]

_EARLY = timedelta(minutes=5)
_LATEST = timedelta(minutes=1)
_PAUSE = timedelta(seconds=15)


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Keys:
    """What was issued.

    Args:
        access_key_id: Not secret by itself; names the credentials.
        secret_access_key: The signing key.
        session_token: None for long-lived keys.
        expires_at: None for keys that do not expire.
        caller_arn: Whom they make of the bearer, where the issuer said so.
    """

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret | None = None
    expires_at: datetime | None = None
    caller_arn: str | None = None

    def frozen(self) -> ReadOnlyCredentials:
        """Return them as botocore signs with them."""
        token = self.session_token.reveal() if self.session_token else None
        return ReadOnlyCredentials(self.access_key_id, self.secret_access_key.reveal(), token)


class LiveCredentials(Protocol):
    """Credentials that a session holds. Thread-safe."""

    @property
    def method(self) -> str:
        """Word for where they come from; botocore puts it into logs."""
        ...

    @property
    def cached(self) -> Keys | None:
        """The keys at hand, whatever their age, without asking anybody."""
        ...

    def keys(self) -> Keys:
        """Return current keys, renewed if they are about to end."""
        ...

    def renew(self, refused: str | None) -> bool:
        """Obtain other keys, because a service called these expired.

        Args:
            refused: Access key id that was refused; None if it is not known. Nothing is done where
                another thread has replaced it already.

        Returns:
            Whether the keys are other ones now, so that a retry makes sense.
        """
        ...

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return current keys to botocore's signer."""
        ...

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        """Return a function that gives a property to botocore's endpoint rules."""
        ...


class _Signing(ABC):
    """What botocore asks of credentials, over `keys()`."""

    method = "headwater"

    @abstractmethod
    def keys(self) -> Keys: ...

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self.keys().frozen()

    def get_deferred_property(self, property_name: str) -> Callable[[], Any]:
        # botocore asks for `account_id`, for endpoints that none of our services has.
        return lambda: None

    def __reduce__(self) -> Any:
        raise TypeError("credentials are not pickled: open the strategy again on the other side")


class RenewingCredentials(_Signing):
    """Keys that a function issues, renewed before they end.

    Renewal is due from five minutes before the end (a quarter of the lifetime, for short ones): one
    thread does it while the others go on with the old keys, and a failure is only logged. From
    one minute before the end (a tenth), all wait for it, and a failure is raised.

    Args:
        issue: Gives new keys; raises AuthError. Called by one thread at a time.
        name: What these are, for logs, e.g. `oidc-role arn:...`.
        clock: Gives the time, with a zone.
    """

    def __init__(self, issue: Callable[[], Keys], *, name: str, clock: Clock = utc_now) -> None:
        self._issue = issue
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._due = self._overdue = datetime.max.replace(tzinfo=UTC)
        self._failures = 0
        self._failure: HeadwaterError | None = None

    def __repr__(self) -> str:
        return f"RenewingCredentials({self._name})"

    @property
    def cached(self) -> Keys | None:
        """The keys at hand, whatever their age."""
        return self._keys

    def keys(self) -> Keys:
        """Return current keys, renewed if they are about to end."""
        failures_before = self._failures
        cached, now = self._keys, self._clock()
        if cached is not None and now < self._due:
            return cached
        must = cached is None or now >= self._overdue
        if self._lock.acquire(blocking=must):
            try:
                if self._keys is cached:
                    if must and self._failures != failures_before and self._failure is not None:
                        # The thread we waited for just failed; asking again would fail again.
                        raise self._failure
                    self._try(must)
            finally:
                self._lock.release()
        current = self._keys
        assert current is not None  # `must` holds until there are some
        return current

    def renew(self, refused: str | None) -> bool:
        """Have new keys issued, unless another thread has replaced the refused ones."""
        with self._lock:
            cached = self._keys
            if cached is not None and refused is not None and cached.access_key_id != refused:
                return True
            log.info("%s: keys were refused as expired, renewing", self._name)
            self._try(must=True)
            return self._keys != cached

    def _try(self, must: bool) -> None:
        try:
            self._take(self._issue())
        except HeadwaterError as error:
            self._failure = error
            self._failures += 1
            if must:
                raise
            log.warning("%s: early renewal failed, trying again soon: %s", self._name, error.code)
            self._due = min(self._clock() + _PAUSE, self._overdue)
        else:
            self._failure = None

    def _take(self, keys: Keys) -> None:
        now = self._clock()
        if keys.expires_at is not None:
            life = keys.expires_at - now
            if life <= timedelta(0):
                raise CredentialsExpiredError(
                    f"{self._name}: keys that were just issued ended at "
                    f"{keys.expires_at:%Y-%m-%d %H:%M:%SZ}, it is {now:%Y-%m-%d %H:%M:%SZ} here",
                    hint="this machine's clock is wrong: synchronise it",
                    retryable=False,
                )
            self._due = keys.expires_at - min(_EARLY, life / 4)
            self._overdue = keys.expires_at - min(_LATEST, life / 10)
        secret = keys.secret_access_key.reveal()
        token = keys.session_token.reveal() if keys.session_token else None
        hide_from_logs(secret, token)
        self._keys = keys


class AmbientCredentials(_Signing):
    """Keys that boto3's own chain or a profile finds and renews; looked for at first use.

    Args:
        load: Looks for them anew; gives botocore credentials, or None if there are none.
        missing: The error to raise when there are none.
        name: What these are, for messages, e.g. `profile dev`.
    """

    def __init__(
        self, load: Callable[[], Any], *, missing: Callable[[], AuthError], name: str
    ) -> None:
        self._load = load
        self._missing = missing
        self._name = name
        self._lock = threading.Lock()
        self._ambient: Any = None
        self._last: Keys | None = None

    def __repr__(self) -> str:
        return f"AmbientCredentials({self._name})"

    @property
    def cached(self) -> Keys | None:
        """The keys at hand, whatever their age."""
        return self._last

    def keys(self) -> Keys:
        """Return what botocore has now; it renews that by itself where it can."""
        doing = f"obtain credentials from the {self._name}"
        with translating(doing=doing):
            ambient, frozen = _unspoken(doing, self._ask)
        last = self._last
        # botocore has no public word for the end of its credentials.
        expires_at = getattr(ambient, "_expiry_time", None)
        ends = expires_at.astimezone(UTC) if expires_at else None
        if last is None or last.frozen() != frozen or last.expires_at != ends:
            hide_from_logs(frozen.secret_key, frozen.token)
            token = Secret(frozen.token) if frozen.token else None
            last = Keys(str(frozen.access_key), Secret(str(frozen.secret_key)), token, ends)
            self._last = last
        return last

    def renew(self, refused: str | None) -> bool:
        """Look for other keys than the refused ones."""
        # A new look at the chain reads rotated files, caches and metadata again.
        with self._lock:
            if self._last is not None and refused not in (None, self._last.access_key_id):
                return True
            doing = f"renew credentials from the {self._name}"
            with translating(doing=doing):
                self._ambient = _unspoken(doing, self._look)
        return self.keys().access_key_id != refused

    def _ask(self) -> tuple[Any, ReadOnlyCredentials]:
        with self._lock:
            if self._ambient is None:
                self._ambient = self._look()
            ambient = self._ambient
        frozen = ambient.get_frozen_credentials()
        if not isinstance(frozen.access_key, str) or not isinstance(frozen.secret_key, str):
            raise TypeError("a key that is no text")
        return ambient, frozen

    def _look(self) -> Any:
        ambient = self._load()
        if ambient is None:
            raise self._missing()
        return ambient


_T = TypeVar("_T")


def _unspoken(doing: str, ask: Callable[[], _T]) -> _T:
    """Show nothing of what a profile's program printed, over which botocore stumbles."""
    from botocore.exceptions import BotoCoreError, ClientError, CredentialRetrievalError

    why = ""
    try:
        return ask()
    except CredentialRetrievalError as error:
        if error.kwargs.get("provider") != "custom-process":
            raise
        why = "its credential_process failed, or printed no credentials"
    except (HeadwaterError, BotoCoreError, ClientError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  (botocore checks nothing of it)
        why = f"what its program or file gave can't be read ({type(error).__name__})"
    # Outside of the handlers: no context of it keeps what was printed.
    raise AuthError(
        f"can't {doing}: {why}; its output is not shown, it may hold a secret",
        code="credentials-config",
        hint="run the program yourself: it has to print JSON with Version 1 and keys that last",
    )
