"""Stopping: whether a read is to end early, and how what works for it hears of that.

A read is cancelled by another thread, runs out of time, or is left by who takes its rows. Nothing
ends a thread of Python's from outside, so what waits or works for a read says how it is ended:

    stop = Stop.current()
    with stop.ending(connection.interrupt):
        rows = connection.execute(sql)

What only loops asks `stop.stopped` or calls `stop.check()`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from headwater.errors import CancelledError, HeadwaterError

_log = logging.getLogger(__name__)

EVERY: Final = 0.1
"""Seconds between two calls of what ends a read: one between two queries stops neither."""


class Stop:
    """Whether one read, or another piece of work, is to end. Thread-safe."""

    def __init__(self) -> None:
        self._saying, self._ending = threading.Lock(), threading.Lock()
        self._set = threading.Event()
        self._reason: HeadwaterError | None = None
        self._ends: list[Callable[[], object]] = []

    @staticmethod
    def current() -> Stop:
        """Return the one of the read that this thread works for; elsewhere one that is never set.

        Threads that an engine starts by itself work for no read: hand it to them.
        """
        return _CURRENT.get() or Stop()

    @contextmanager
    def within(self) -> Iterator[None]:
        """Let it be the current one while the block runs."""
        before = _CURRENT.set(self)
        try:
            yield
        finally:
            _CURRENT.reset(before)

    @property
    def stopped(self) -> bool:
        """Whether the read is to end."""
        return self._set.is_set()

    @property
    def reason(self) -> HeadwaterError | None:
        """What is raised to who takes the rows; None where the read was left, or goes on."""
        return self._reason

    def check(self) -> None:
        """Raise if the read is to end.

        Raises:
            HeadwaterError: Why: `CancelledError`, `ReadTimeoutError`.
        """
        if self.stopped:
            raise self._reason or CancelledError("the read was left")

    def wait(self, seconds: float) -> None:
        """Wait, and raise if the read is to end before that; in the place of `time.sleep`.

        Args:
            seconds: How long.

        Raises:
            HeadwaterError: As `check`.
        """
        self._set.wait(seconds)
        self.check()

    def acquire(self, lock: threading.Lock) -> None:
        """Wait for a lock that another read may hold for long.

        Args:
            lock: The lock, which the caller then holds.

        Raises:
            HeadwaterError: As `check`.
        """
        while not lock.acquire(timeout=EVERY):
            self.check()

    @contextmanager
    def ending(self, end: Callable[[], object]) -> Iterator[None]:
        """Have something called if the read is to end while the block runs.

        Args:
            end: Ends what the block does or waits for. It is called on another thread, again and
                again until the block is left, and should return soon; what it raises is logged.
        """
        with self._ending:
            self._ends.append(end)
        try:
            self.check()
            yield
        finally:
            with self._ending:
                self._ends.remove(end)

    def set(self, reason: HeadwaterError | None = None) -> None:
        """Say that the read is to end; the first reason stays.

        Args:
            reason: What is raised to who takes the rows; None where nobody does any more.
        """
        with self._saying:
            if not self._set.is_set():
                self._reason = reason
                self._set.set()

    def press(self) -> None:
        """End what works for the read, once; whoever stops it does so until it has ended."""
        # In the lock: what is to be called is not closed meanwhile.
        with self._ending:
            for end in self._ends:
                try:
                    end()
                except Exception as error:  # noqa: BLE001 -- anybody's; the others are called
                    _log.debug("what ends a read failed: %s", error)


_CURRENT: ContextVar[Stop | None] = ContextVar("headwater_stop", default=None)
