"""botocore clients of one set of credentials: built once, shared by threads, patient, not forever.

Every call of every client, pages included, renews credentials that AWS calls expired and tries
once more, and ends by a deadline whatever botocore's retries would still do.
"""

from __future__ import annotations

import copy
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import version
from typing import Any
from xml.etree import ElementTree as ET

import botocore.config
import botocore.loaders
import botocore.session
from botocore import UNSIGNED
from botocore.hooks import HierarchicalEmitter

from headwater.errors import SourceError
from headwater.interfaces.recording import Recording
from headwater.untrusted.texts import json_value
from headwater_aws.errors import EXPIRED, broken_answer, translating
from headwater_aws.recording import watch
from headwater_aws.renewal import LiveCredentials

THREADS = 32
"""Connections that a client keeps: as many threads may use it at once."""
ATTEMPTS = 6
CALL_SECONDS = 120.0
"""How long one API call may take, all its attempts together."""

_deadline: ContextVar[float | None] = ContextVar("headwater_aws_deadline", default=None)
_KEY = "headwater_access_key"
_RENEWED = "headwater_renewed"
_UNTIL = "headwater_until"


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound the time of all AWS calls made inside, together.

    It holds for this thread, and for those that get a copy of its context.

    Args:
        seconds: From now; an outer, earlier deadline keeps its force.

    Raises:
        SourceError: With code `deadline`, from the call that overran it.
    """
    until, outer = time.monotonic() + seconds, _deadline.get()
    token = _deadline.set(until if outer is None else min(until, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


class Clients:
    """The clients of one session, by service and region. Thread-safe.

    Args:
        credentials: Signs the calls; None leaves them unsigned.
        region: Region of a client for which none is named.
        endpoint_url: Address of every service, for an emulator; None leaves it to botocore, which
            honours `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_<SERVICE>` and the profile's settings.
        profile: Profile whose settings apply; None is `AWS_PROFILE`'s or the default one.
        recording: Where their calls are noted; None notes none.
    """

    def __init__(
        self,
        *,
        credentials: LiveCredentials | None,
        region: str,
        endpoint_url: str | None = None,
        profile: str | None = None,
        recording: Recording | None = None,
    ) -> None:
        self.region = region
        self._recording = recording
        self.replayed = False
        self.endpoint_url = endpoint_url
        self._credentials = credentials
        self._profile = profile
        self._lock = threading.Lock()
        self._session: botocore.session.Session | None = None
        self._clients: dict[tuple[str, str], Any] = {}
        self._closed = False

    def client(self, service: str, region: str | None = None) -> Any:
        """Return a botocore client.

        Args:
            service: E.g. `glue`, `s3`, `sts`.
            region: Another region than the session's.
        """
        key = (service, region or self.region)
        # botocore's clients are thread-safe; building them is not.
        with self._lock:
            if self._closed:
                raise RuntimeError("this AWS session is closed")
            if key not in self._clients:
                self._clients[key] = self._build(*key)
            return self._clients[key]

    def endpoint(self, service: str) -> str | None:
        """Return the address that was configured for a service, or None for AWS's own."""
        address: str = self.client(service).meta.endpoint_url
        return None if re.match(r"https://[^/]*\.amazonaws\.com(\.cn)?(/|$)", address) else address

    def close(self) -> None:
        """Close all connections; further calls fail."""
        with self._lock:
            clients, self._clients = self._clients, {}
            self._closed = True
        for client in clients.values():
            client.close()

    def _build(self, service: str, region: str) -> Any:
        if self._session is None:
            self._session = bare_session(self._profile)
            # No component of ours ever asks the chain: a configured identity stays alone.
            self._session.register_component("credential_provider", _Only(self._credentials))
        options: dict[str, Any] = {
            "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
            "max_pool_connections": THREADS,
            "connect_timeout": 10,
            "read_timeout": 60,
            "tcp_keepalive": True,
            "user_agent_extra": _user_agent(),
        }
        if self._credentials is None:
            options["signature_version"] = UNSIGNED
        if self.endpoint_url is not None:
            # An emulator has no host name for each bucket.
            options["s3"] = {"addressing_style": "path"}
        with translating(doing=f"call {service} in {region}"):
            client: Any = self._session.create_client(
                service,
                region_name=region,
                endpoint_url=self.endpoint_url,
                config=botocore.config.Config(**options),
            )
        self._watch(client)
        return client

    def _watch(self, client: Any) -> None:
        service = client.meta.service_model.service_id.hyphenize()
        events = client.meta.events
        events.register_last(f"request-created.{service}", self._note_key)
        events.register_first(f"request-created.{service}", _check_deadline)
        if service == "s3" and self.endpoint_url is not None:
            events.register(f"after-call.{service}", self._note_replay)
        events.register_first(f"needs-retry.{service}", _bound_retries)
        if client.meta.service_model.protocol == "json":
            events.register_first(f"needs-retry.{service}", _retry_broken)
            events.register_last(f"after-call.{service}", _refuse_broken)
        else:
            events.register_first(f"before-parse.{service}", _refuse_broken_xml)
        if self._credentials is not None:
            events.register_first(f"needs-retry.{service}", self._renew_expired)
        if self._recording is not None:
            watch(client, self._recording)

    def _note_replay(self, parsed: Any, **_: Any) -> None:
        """Remember that an emulator answers which replays a bundle: its objects have no rows."""
        headers = parsed.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        self.replayed = self.replayed or "x-headwater-replay" in headers

    def _note_key(self, request: Any, **_: Any) -> None:
        """Remember which key signed a request, so that only that one is replaced if refused."""
        header = request.headers.get("Authorization", "")
        text = header.decode() if isinstance(header, bytes) else header
        match = re.search(r"Credential=([^/,\s]+)/", text)
        request.context[_KEY] = match[1] if match else None

    def _renew_expired(
        self, response: Any, operation: Any, request_dict: dict[str, Any], **_: Any
    ) -> int | None:
        """Retry a call once with new keys; botocore itself would give up."""
        context = request_dict["context"]
        if response is None or context.get(_RENEWED) or not _expired(response, operation):
            return None
        context[_RENEWED] = True
        assert self._credentials is not None  # registered only where there are some
        return 0 if self._credentials.renew(context.get(_KEY)) else None


class _Only:
    """A botocore credential chain of one, or none."""

    def __init__(self, credentials: LiveCredentials | None) -> None:
        self._credentials = credentials

    def load_credentials(self) -> Any:
        return self._credentials


def bare_session(profile: str | None = None) -> botocore.session.Session:
    """Return a botocore session that shares the service models with all others.

    Args:
        profile: Profile whose settings apply; None is `AWS_PROFILE`'s or the default one.

    Raises:
        AuthError: If there is no such profile.
    """
    session = botocore.session.Session(
        profile=profile, event_hooks=copy.copy(_builtin_hooks()), include_builtin_handlers=False
    )
    with translating(doing="read the AWS configuration"):
        data_path = session.get_config_variable("data_path")
    # Reading a service's model takes longer than the rest of building its client.
    session.register_component("data_loader", _loader(data_path))
    return session


@cache
def _builtin_hooks() -> HierarchicalEmitter:
    """Return botocore's own handlers: registering its hundreds takes longer than copying them."""
    hooks = HierarchicalEmitter()
    botocore.session.Session(event_hooks=hooks)
    return hooks


@cache
def _user_agent() -> str:
    return f"headwater/{version('headwater-aws')}"


@cache
def _loader(data_path: str | None) -> Any:
    return botocore.loaders.create_loader(data_path)


def _expired(response: Any, operation: Any) -> bool:
    http, parsed = response
    code = parsed.get("Error", {}).get("Code", "")
    # The answer to HEAD has no body: S3 says 400 and no more when a token has expired.
    return code in EXPIRED or (http.status_code == 400 and operation.http["method"] == "HEAD")


def _check_deadline(request: Any, operation_name: str, **_: Any) -> None:
    context = request.context
    until = context.setdefault(_UNTIL, _call_deadline())
    if time.monotonic() >= until:
        raise _overran(operation_name, "")


def _bound_retries(
    response: Any,
    caught_exception: Exception | None,
    operation: Any,
    request_dict: dict[str, Any],
    **_: Any,
) -> None:
    failed = caught_exception is not None or (response and response[0].status_code >= 300)
    if failed and time.monotonic() >= request_dict["context"].get(_UNTIL, float("inf")):
        last = caught_exception or response[1].get("Error", {}).get("Code", "")
        raise _overran(operation.name, f"; the last attempt ended with {last}")


def _refuse_broken_xml(operation_model: Any, response_dict: Any, **_: Any) -> None:
    """Refuse an XML answer that broke off, before botocore reads it.

    botocore's own error quotes the answer, which may hold keys.
    """
    body = response_dict["body"]
    if response_dict["status_code"] >= 300 or not isinstance(body, bytes):
        return  # an error, or a stream that is not read here
    if not body and operation_model.service_model.protocol != "query":
        return  # many of S3's answers have no body
    try:
        ET.fromstring(body)
    except ET.ParseError:
        raise broken_answer(f"call {operation_model.name}") from None


def _retry_broken(response: Any, attempts: int, **_: Any) -> int | None:
    """Retry a call whose answer broke off; botocore would take it for an empty one."""
    return 0 if response is not None and attempts < ATTEMPTS and _broken(*response) else None


def _refuse_broken(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    if _broken(http_response, parsed):
        raise broken_answer(f"call {model.name}")


def _broken(http_response: Any, parsed: Mapping[str, Any]) -> bool:
    """Return whether a good answer's body is no JSON: botocore reads that as a `message`.

    Of such a body nothing is left after botocore looked for what the operation returns. Where
    something is, it was JSON, and is not decoded again: a page of tables takes milliseconds.
    """
    if http_response.status_code != 200 or any(key != "ResponseMetadata" for key in parsed):
        return False
    try:
        json_value(http_response.content)
    except ValueError:
        return True
    return False


def _call_deadline() -> float:
    until, outer = time.monotonic() + CALL_SECONDS, _deadline.get()
    return until if outer is None else min(until, outer)


def _overran(operation: str, more: str) -> SourceError:
    return SourceError(
        f"AWS did not answer {operation} in the time allowed{more}",
        code="deadline",
        hint="try again later; if it is always so, check the network and the service's quotas",
        retryable=True,
    )
