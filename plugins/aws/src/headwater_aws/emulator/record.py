"""The record of what was asked, for tests to assert on.

Calls of the seeding client are not recorded. Nothing in a record is secret.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from headwater_aws.emulator.policy import matches


@dataclass(frozen=True)
class Recorded:
    """One call and how it was answered.

    Args:
        service: Signing name, such as `glue`.
        action: Name of the operation, such as `GetTables`.
        account_id: Account of the caller; empty for an anonymous call.
        principal: ARN of the caller; empty for an anonymous call.
        resources: ARNs that the call touches.
        status: HTTP status of the answer; 0 when the connection was dropped.
        error: AWS's error code, or None.
        time: Unix time, seconds.
        seconds: How long the emulator took to answer, latency included.
        parameters: Glue's input; of S3 the key, range and prefix; of STS all but the token.
    """

    service: str
    action: str
    account_id: str
    principal: str
    resources: tuple[str, ...]
    status: int
    error: str | None
    time: float
    seconds: float
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def resource(self) -> str:
        """The most specific resource that the call touches; empty when it touches none."""
        return self.resources[-1] if self.resources else ""


class RequestLog(Sequence[Recorded]):
    """Every call since the start or the last `clear()`, oldest first."""

    def __init__(self) -> None:
        self._records: list[Recorded] = []
        self._lock = threading.Lock()

    def select(
        self, call: str = "*", *, account_id: str | None = None, error: str | None = None
    ) -> list[Recorded]:
        """Find calls.

        Args:
            call: Pattern over `service:Action`, such as `glue:Get*`.
            account_id: Account of the caller, if only one is of interest.
            error: Error code, if only refusals with that code are of interest.

        Returns:
            The calls that match, oldest first.
        """
        return [
            one
            for one in self
            if matches(call, f"{one.service}:{one.action}", ignore_case=True)
            and account_id in (None, one.account_id)
            and error in (None, one.error)
        ]

    def add(self, record: Recorded) -> None:
        """Append the `record` of a call."""
        with self._lock:
            self._records.append(record)

    def clear(self) -> None:
        """Forget every call so far."""
        with self._lock:
            self._records.clear()

    @overload
    def __getitem__(self, index: int) -> Recorded: ...
    @overload
    def __getitem__(self, index: slice) -> list[Recorded]: ...
    def __getitem__(self, index: int | slice) -> Recorded | list[Recorded]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Recorded]:
        with self._lock:
            return iter(list(self._records))
