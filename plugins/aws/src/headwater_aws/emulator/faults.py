"""Faults on demand: what AWS does on a bad day.

A pattern names calls as `service:Action`, with wildcards: `glue:GetTables`, `s3:*`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.policy import matches


@dataclass
class _Fault:
    """One standing order; `times` counts down as it is met.

    Args:
        pattern: Which calls, such as `glue:GetTables`.
        resource: Which resources, as a pattern over ARNs.
        times: How often it strikes; None for always.
        skip: How many matching calls pass unharmed first.
        error: Refuse with this error.
        seconds: Wait before the answer.
        truncate_at: Send only this many bytes of the body, then cut the connection.
        drop: Cut the connection without an answer.
        keep: Answer only this many items of a batch, and call the rest unprocessed.
    """

    pattern: str
    resource: str = "*"
    times: int | None = None
    skip: int = 0
    error: AwsError | None = None
    seconds: float = 0.0
    truncate_at: int | None = None
    drop: bool = False
    keep: int | None = None


@dataclass(frozen=True)
class Strike:
    """Every fault that meets one call, together."""

    error: AwsError | None = None
    seconds: float = 0.0
    truncate_at: int | None = None
    drop: bool = False
    keep: int | None = None


class Faults:
    """The faults of one emulator.

    Args:
        expire_sessions: Ends every session handed out so far.

    Attributes:
        session_seconds: How long new sessions last, whatever they ask for; None: as asked.
    """

    def __init__(self, expire_sessions: Callable[[], None]) -> None:
        self.session_seconds: float | None = None
        self._expire_sessions = expire_sessions
        self._standing: list[_Fault] = []
        self._lock = threading.Lock()

    def expire_now(self) -> None:
        """End every session that STS has handed out so far; their next call is refused."""
        self._expire_sessions()

    def shorten_sessions(self, seconds: float) -> None:
        """Let sessions from now on last only this long, whatever they ask for.

        Args:
            seconds: How long; STS itself gives no less than 900.
        """
        self.session_seconds = seconds

    def throttle(
        self, pattern: str, times: int | None = 1, *, resource: str = "*", skip: int = 0
    ) -> None:
        """Refuse calls as too many, with the code of their service.

        Args:
            pattern: Which calls.
            times: How many; None for all of them.
            resource: Which resources, as a pattern over ARNs.
            skip: How many matching calls pass first.
        """
        service = pattern.partition(":")[0]
        if service == "s3":
            error = AwsError("SlowDown", "Please reduce your request rate.", 503)
        elif service == "glue":
            error = AwsError("ThrottlingException", "Rate exceeded", 400)
        else:
            error = AwsError("Throttling", "Rate exceeded", 400)
        self._add(_Fault(pattern, resource, times, skip, error=error))

    def fail(
        self,
        pattern: str,
        status: int = 503,
        times: int | None = 1,
        *,
        code: str | None = None,
        message: str | None = None,
        resource: str = "*",
        skip: int = 0,
    ) -> None:
        """Refuse calls with an error.

        Args:
            pattern: Which calls.
            status: HTTP status.
            times: How many; None for all of them.
            code: AWS's error code; None for the usual one of that status.
            message: AWS's message; None for a plain one.
            resource: Which resources, as a pattern over ARNs.
            skip: How many matching calls pass first.
        """
        usual = {500: "InternalFailure", 503: "ServiceUnavailable", 403: "AccessDenied"}
        error = AwsError(
            code or usual.get(status, "InternalFailure"),
            message or "A fault that the test asked for.",
            status,
        )
        self._add(_Fault(pattern, resource, times, skip, error=error))

    def truncate(
        self,
        pattern: str,
        after: int = 0,
        times: int | None = 1,
        *,
        resource: str = "*",
        skip: int = 0,
    ) -> None:
        """Promise the whole body, send only its beginning, and cut the connection.

        Args:
            pattern: Which calls.
            after: How many bytes of the body are sent.
            times: How many calls; None for all of them.
            resource: Which resources, as a pattern over ARNs.
            skip: How many matching calls pass first.
        """
        self._add(_Fault(pattern, resource, times, skip, truncate_at=after))

    def drop(
        self, pattern: str, times: int | None = 1, *, resource: str = "*", skip: int = 0
    ) -> None:
        """Cut the connection without an answer.

        Args:
            pattern: Which calls.
            times: How many; None for all of them.
            resource: Which resources, as a pattern over ARNs.
            skip: How many matching calls pass first.
        """
        self._add(_Fault(pattern, resource, times, skip, drop=True))

    def slow(
        self,
        pattern: str,
        seconds: float,
        times: int | None = None,
        *,
        resource: str = "*",
        skip: int = 0,
    ) -> None:
        """Answer late.

        Args:
            pattern: Which calls.
            seconds: How late.
            times: How many; None for all of them.
            resource: Which resources, as a pattern over ARNs.
            skip: How many matching calls pass first.
        """
        self._add(_Fault(pattern, resource, times, skip, seconds=seconds))

    def leave_unprocessed(
        self, pattern: str = "glue:BatchGetPartition", keep: int = 1, times: int | None = 1
    ) -> None:
        """Answer only part of a batch, and name the rest as unprocessed.

        Args:
            pattern: Which calls.
            keep: How many items are answered.
            times: How many calls; None for all of them.
        """
        self._add(_Fault(pattern, "*", times, keep=keep))

    def clear(self) -> None:
        """Back to a good day. Sessions that have been ended stay ended."""
        with self._lock:
            self._standing.clear()
            self.session_seconds = None

    def strike(self, action: str, resources: Sequence[str]) -> Strike:
        """Gather the faults that meet a call, and count them down.

        Args:
            action: The call, such as `glue:GetTables`.
            resources: ARNs that it touches.

        Returns:
            All of them together.
        """
        met: list[_Fault] = []
        with self._lock:
            for fault in self._standing:
                if fault.times == 0 or not matches(fault.pattern, action, ignore_case=True):
                    continue
                if not any(matches(fault.resource, arn) for arn in resources or ("*",)):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                met.append(fault)
        return Strike(
            next((fault.error for fault in met if fault.error), None),
            sum(fault.seconds for fault in met),
            next((fault.truncate_at for fault in met if fault.truncate_at is not None), None),
            any(fault.drop for fault in met),
            next((fault.keep for fault in met if fault.keep is not None), None),
        )

    def _add(self, fault: _Fault) -> None:
        if ":" not in fault.pattern:
            raise ValueError(f"a fault's pattern is service:Action, not {fault.pattern!r}")
        with self._lock:
            self._standing.append(fault)
