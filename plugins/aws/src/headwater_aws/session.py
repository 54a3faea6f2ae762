"""AwsSession: an opened identity, with its clients."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from io import RawIOBase
from types import TracebackType
from typing import Any, Protocol, Self

from headwater.auth.credentials import Credentials, Identity, Permission, TokenSource
from headwater.errors import AuthError, HeadwaterError
from headwater.interfaces.recording import Recording
from headwater.tables.relation import DataFile
from headwater_aws.clients import Clients, bare_session
from headwater_aws.errors import not_recorded, translating
from headwater_aws.renewal import Clock, Keys, LiveCredentials, utc_now
from headwater_aws.session_policies import PolicyRow, session_policies


@dataclass(frozen=True)
class Opening:
    """Where and when an identity is opened; what its steps share.

    Args:
        region: Region of STS and of the services.
        endpoint_url: Another address of AWS.
        profile: Profile whose settings apply.
        clock: Gives the time, with a zone.
        tokens: Where the web identity tokens come from, if any step uses one.
        recording: Where the calls are noted: what was recorded into when it was made.
    """

    region: str
    endpoint_url: str | None = None
    profile: str | None = None
    clock: Clock = utc_now
    tokens: list[TokenSource] = field(default_factory=list, repr=False, compare=False)
    recording: Recording | None = field(
        default_factory=Recording.current, repr=False, compare=False
    )
    _opened: list[Clients] = field(default_factory=list, repr=False, compare=False)

    def clients(self, credentials: LiveCredentials | None) -> Clients:
        """Return clients that are closed with the opening."""
        clients = Clients(
            credentials=credentials,
            region=self.region,
            endpoint_url=self.endpoint_url,
            profile=self.profile,
            recording=self.recording,
        )
        self._opened.append(clients)
        return clients

    def close(self) -> None:
        """Close all clients."""
        while self._opened:
            self._opened.pop().close()


class Step(Protocol):
    """The last step of obtaining an identity, which may be taken again with less."""

    @property
    def account(self) -> str | None:
        """Account of the identity, where it is known without asking."""
        ...

    @property
    def narrowable(self) -> bool:
        """Whether it takes a session policy."""
        ...

    def credentials(self, narrowed: PolicyRow | None = None) -> LiveCredentials:
        """Return credentials; nothing is asked before their first use.

        Args:
            narrowed: Session policies that bound them; only where the step is narrowable.
        """
        ...


class AwsSession:
    """An opened AWS identity: clients, and credentials for engines. Thread-safe.

    Args:
        strategy: Kind of the strategy that opened it.
        step: Gives its credentials.
        opening: Where it was opened.
        narrowing: Session policies that bound it.
        narrows_to_plan: Whether reads narrow it to their plan.
    """

    def __init__(
        self,
        *,
        strategy: str,
        step: Step,
        opening: Opening,
        narrowing: PolicyRow | None = None,
        narrows_to_plan: bool = False,
    ) -> None:
        self.narrows_to_plan = narrows_to_plan
        self._strategy = strategy
        self._step = step
        self._narrowing = narrowing
        self._credentials = step.credentials(narrowing)
        # A narrowed session has clients of its own, and leaves those of its steps to the whole one.
        self._opening = replace(opening, _opened=[]) if narrowing else opening
        self._clients = self._opening.clients(self._credentials)
        self._identity: tuple[Keys, Identity] | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"AwsSession({self._strategy}, region={self.region!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a session is not pickled: open the strategy again on the other side")

    @property
    def region(self) -> str:
        """Region of its calls."""
        return self._opening.region

    @property
    def endpoint_url(self) -> str | None:
        """The address that replaces AWS's own for every service, if one was given."""
        return self._opening.endpoint_url

    def caller_arn(self) -> str | None:
        """Return the ARN of the caller, asked for if it is not known; None where nobody says.

        No permission is needed to ask, so that a refusal can always name whom it refused.
        """
        keys = self._credentials.cached
        if keys is not None and keys.caller_arn:
            return keys.caller_arn
        if self._identity is not None:
            return self._identity[1].name
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            arn: str = self.client("sts").get_caller_identity()["Arn"]
        except (BotoCoreError, ClientError, HeadwaterError):
            return None
        return arn

    @property
    def account(self) -> str:
        """The caller's account number; asks STS where the strategy does not say."""
        return self._step.account or self.identity().account or ""

    @property
    def tokens(self) -> tuple[TokenSource, ...]:
        """Where the web identity tokens come from; empty for an identity that needs none."""
        return tuple(self._opening.tokens)

    @property
    def collapsed(self) -> tuple[str, ...]:
        """What was widened to fit a session policy's limits, one sentence each.

        Empty for a session that is not narrowed. It may grow at the first call, when STS finds a
        policy too large that is within the documented limit.
        """
        return self._narrowing.current.collapsed if self._narrowing else ()

    @property
    def narrowed_to(self) -> str | None:
        """The session policy in force, as JSON, or None."""
        return self._narrowing.current.document if self._narrowing else None

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a botocore client; the same one for the same service and region.

        Args:
            service: E.g. `glue`, `s3`.
            region: Another region than the session's.
        """
        return self._clients.client(service, region)

    def identity(self) -> Identity:
        """Return who this is; asks STS once for each set of keys.

        Raises:
            AuthError: With the true causes, where no identity can be obtained.
        """
        keys = self._credentials.keys()
        with self._lock:
            cached = self._identity
        if cached is None or cached[0] != keys:
            with translating(doing="ask AWS who the caller is", session=self):
                answer = self.client("sts").get_caller_identity()
            keys = self._credentials.keys()
            identity = Identity(
                name=answer["Arn"],
                account=answer["Account"],
                strategy=self._strategy,
                expires_at=keys.expires_at,
            )
            cached = (keys, identity)
            with self._lock:
                self._identity = cached
        return cached[1]

    def storage(self) -> Credentials:
        """Return credentials for S3, renewed if they are about to end."""
        keys = self._credentials.keys()
        secrets = {"secret_access_key": keys.secret_access_key}
        secrets["access_key_id"] = type(keys.secret_access_key)(keys.access_key_id)
        if keys.session_token is not None:
            secrets["session_token"] = keys.session_token
        settings = {"region": self.region}
        endpoint = self._clients.endpoint("s3")
        if endpoint:
            settings["endpoint_url"] = endpoint
        return Credentials("s3", secrets, settings, keys.expires_at)

    def changes(self, files: Iterable[DataFile]) -> Mapping[str, str]:
        """Return which planned `files` are not what they were, and what happened to them.

        Raises:
            AccessDeniedError: If the session may not list them.
        """
        from headwater_aws.version_marks import changes

        changed = changes(self, files)
        if self._clients.replayed:
            raise not_recorded("read rows", "a support bundle is replayed, which holds none")
        return changed

    def content(self, file: DataFile, doing: str) -> RawIOBase:
        """Return the bytes of a planned `file`, streamed; of the version that was planned.

        Args:
            file: The file.
            doing: What it is opened for, after "can't".

        Raises:
            HeadwaterError: While it is read, told as what AWS says.
        """
        from headwater_aws.objects import Content

        return Content(self, file, doing)

    def part(self, file: DataFile, first: int, last: int, doing: str) -> RawIOBase:
        """Return some bytes of a planned `file`, streamed; of the version that was planned.

        Args:
            file: The file.
            first: The first of them, counted from 0.
            last: The one behind the last.
            doing: What it is opened for, after "can't".

        Raises:
            HeadwaterError: While it is read, told as what AWS says.
        """
        from headwater_aws.objects import Content

        return Content(self, file, doing, (first, last))

    def ending(self, file: DataFile, length: int, doing: str) -> bytes:
        """Return how a planned `file` ends: its last `length` bytes, of the version planned.

        Args:
            file: The file.
            length: How many bytes, at most.
            doing: What it is opened for, after "can't".

        Raises:
            HeadwaterError: Told as what AWS says.
        """
        from headwater_aws.objects import ending

        return ending(self, file, length, doing)

    def refusal(self, path: str, doing: str) -> HeadwaterError | None:
        """Return why S3 does not give the object at `path`, asked again; None if it does.

        Engines' own clients of S3 often tell no more than a status.

        Args:
            path: The object.
            doing: What was tried, after "can't".
        """
        from headwater_aws.objects import refusal

        return refusal(self, path, doing)

    def narrowed(self, permissions: Iterable[Permission]) -> AwsSession:
        """Return a session that has these `permissions` alone, or itself if it can't be narrowed.

        Only a role that is assumed can be narrowed, by a session policy. What a session policy's
        limits forced to widen is told by `collapsed`.
        """
        if not self._step.narrowable or self._narrowing:
            return self
        return AwsSession(
            strategy=self._strategy,
            step=self._step,
            opening=self._opening,
            narrowing=PolicyRow(session_policies(permissions)),
        )

    def close(self) -> None:
        """Close all connections; later calls fail."""
        self._opening.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def region_of(explicit: str | None, profile: str | None = None) -> str:
    """Return the region to call: the one given, or the one that AWS's own settings name.

    Raises:
        AuthError: If there is none; without one, STS and Glue have no address.
    """
    region = explicit or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        with translating(doing="find the region"):
            region = bare_session(profile).get_config_variable("region")
    if not region:
        raise AuthError(
            "no AWS region is set",
            code="no-region",
            hint="give the source a region, e.g. region='us-east-1', or set AWS_REGION",
        )
    return region
