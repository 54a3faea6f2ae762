"""Running: a read at work in a thread of its own, which can be stopped at any time.

Nothing of Python's ends a thread that waits in DuckDB, in Java, or for a server. So a read works in
a thread of its own, and who takes its rows waits for that thread alone: a cancelled read, one that
ran out of time, and Ctrl-C end the wait at once, and what works for the read is told to end
(`headwater.interfaces.stopping`). It fetches a batch when one is asked for, and holds no other.

Who leaves a read waits until all of it is gone, unless a source does not answer: then it is gone
when that does. A read that nobody closed ends with the interpreter; a process that was forked from
the one that reads has none of its threads, and leaves it alone.
"""

from __future__ import annotations

import atexit
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from contextvars import copy_context
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar
from weakref import WeakSet

from headwater.diagnostics import Diagnostic
from headwater.display.language import hint_wording
from headwater.errors import (
    CancelledError,
    ConfigError,
    EngineError,
    HeadwaterError,
    ReadTimeoutError,
    UnsupportedError,
)
from headwater.interfaces.engine import ArrowStream, notes_of
from headwater.interfaces.stopping import EVERY, Stop
from headwater.tables.durations import duration

if TYPE_CHECKING:
    import pyarrow as pa

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

SOON: Final = 1.0
"""Seconds that a stopped read is waited for: who takes its rows hears of it then at the latest."""
_LEAVING: Final = 5.0
"""Seconds that a read is waited for that was left midway."""
_TURN: Final = 0.5
"""Seconds between two looks at what is waited for."""


def seconds(timeout: float | str | timedelta | None) -> float | None:
    """Return how long a read may take, in seconds; None for as long as it takes.

    Args:
        timeout: Seconds, as a number or a text, a timedelta, or a text such as `5 minutes`.

    Raises:
        ConfigError: If it is none of these, or not more than nothing.
    """
    if timeout is None:
        return None
    if isinstance(timeout, str) and re.fullmatch(r"\s*\d+(\.\d+)?\s*", timeout):
        timeout = float(timeout)
    total = duration(timeout, "timeout").total_seconds()
    if not total > 0:
        raise ConfigError(
            f"timeout {timeout!r} leaves a read no time", hint="write seconds, or e.g. '5 minutes'"
        )
    return total


class Work:
    """What runs in a thread of its own, for one read.

    Args:
        what: What it is, for messages.
        timeout: Seconds after which it is stopped; None for never.
    """

    def __init__(self, what: str, timeout: float | None = None) -> None:
        self.what = what
        self.stop = Stop()
        self._timeout = timeout
        self._until = None if timeout is None else time.monotonic() + timeout
        self._changed = threading.Condition()
        self._ended = False
        self._error: BaseException | None = None
        self._process = os.getpid()
        self._stack = ExitStack()
        self._thread: threading.Thread | None = None
        self._stopper: threading.Thread | None = None
        self._patience = _LEAVING

    def start(self) -> None:
        """Begin."""
        # A read within a read: what stops the outer one stops it.
        outer = Stop.current()
        self._stack.enter_context(outer.ending(lambda: self.end(outer.reason)))
        _at_work.add(self)
        thread = threading.Thread(
            target=copy_context().run, args=(self._run,), name="headwater-read", daemon=True
        )
        with self._changed:
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        error: BaseException | None = None
        with self.stop.within():
            try:
                self._work()
            except BaseException as caught:  # noqa: BLE001 -- raised where its rows are taken
                error = caught
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def _work(self) -> None:
        raise NotImplementedError

    @property
    def forked(self) -> bool:
        """Whether this process was forked from the one that it runs in."""
        return os.getpid() != self._process

    def end(self, reason: HeadwaterError | None) -> None:
        """Say that it is to end, and have it ended; returns at once. From any thread.

        Args:
            reason: What is raised to who waits for it; None where nobody does.
        """
        self.stop.set(reason)
        with self._changed:
            self._changed.notify_all()
            thread = self._thread
            if thread is None or not thread.is_alive() or self._stopper is not None:
                return
            stopper = threading.Thread(
                target=self._press, args=(thread,), name="headwater-stop", daemon=True
            )
            try:
                stopper.start()
            except RuntimeError:  # Python 3.12 starts none while the interpreter ends
                pass
            else:
                self._stopper = stopper
                return
        self._press(thread, time.monotonic() + SOON)

    def _press(self, thread: threading.Thread, until: float = float("inf")) -> None:
        while thread.is_alive() and time.monotonic() < until:
            self.stop.press()
            thread.join(EVERY)

    def wait_until_ended(self, seconds: float) -> bool:
        """Wait until its threads have ended.

        Args:
            seconds: How long to wait at most.

        Returns:
            Whether they have.
        """
        until = time.monotonic() + seconds
        with self._changed:
            threads = self._thread, self._stopper
        for thread in threads:
            # One of its threads may be the one that collects the garbage that it has become.
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
                if thread.is_alive():
                    return False
        return True

    def _wait(self, ready: Callable[[], bool]) -> None:
        """Wait for the thread, in its lock.

        Raises:
            HeadwaterError: If it is stopped meanwhile, or before.
        """
        while not (self.stop.stopped or ready()):
            left = None if self._until is None else self._until - time.monotonic()
            if left is not None and left <= 0:
                self.stop.set(self._too_late())
                break
            # In turns: some systems let no Ctrl-C into a wait.
            self._changed.wait(_TURN if left is None else min(left, _TURN))

    def _stopped(self) -> None:
        """Raise if it was stopped.

        Raises:
            HeadwaterError: The reason.
        """
        if not self.stop.stopped:
            return
        self.end(None)
        self._patience = SOON
        raise self.stop.reason or CancelledError(f"{self.what} was left")

    def _too_late(self) -> HeadwaterError:
        more = hint_wording("timeout=...", "--timeout")
        return ReadTimeoutError(
            f"{self.what} was not over after {self._timeout:g} seconds",
            hint=f"give it more time ({more}), or read less: a shorter window, a sample",
        )

    def check_process(self) -> None:
        """Refuse to wait for threads that this process does not have.

        Raises:
            EngineError: If it was forked from the one that reads.
        """
        if self.forked:
            raise EngineError(
                f"{self.what} was begun by another process, which forked this one",
                hint="begin a read in the process that takes its rows",
            )

    def close(self) -> None:
        """End it, and wait until it is gone; what does not answer for long ends by itself."""
        if self.forked:
            _not_ours.append(self)  # what it holds belongs to threads that are not here
            return
        self.end(None)
        if not self.wait_until_ended(self._patience):
            _log.warning("%s was ended, and a part of it does not answer yet", self.what)
        self._stack.close()
        _at_work.discard(self)


class Running(Work):
    """The rows of a read, each batch fetched when it is asked for. A context manager.

    Args:
        open_: Opens the read.
        what: What is read, for messages.
        timeout: Seconds for all of it, from now on; None for as long as it takes.
    """

    def __init__(
        self,
        open_: Callable[[], AbstractContextManager[ArrowStream]],
        what: str,
        timeout: float | None = None,
    ) -> None:
        super().__init__(what, timeout)
        self._open = open_
        self._demanded = self._opened = False
        self._batches: list[pa.RecordBatch] = []
        self._schema: pa.Schema | None = None
        self.notes: Sequence[Diagnostic] = ()

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        assert self._schema is not None, "it was entered"
        return self._schema

    def __enter__(self) -> Self:
        try:
            self.start()
            with self._changed:
                self._wait(lambda: self._opened or self._ended)
            self._stopped()
            self._raise()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            self._patience = SOON  # a person waits
        self.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            self.check_process()
            with self._changed:
                self._demanded = True
                self._changed.notify_all()
                self._wait(lambda: bool(self._batches) or self._ended)
                batch = self._batches.pop() if self._batches else None
            self._stopped()
            if batch is None:
                self._raise()
                return
            yield batch

    def _raise(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback knows this frame

    def _work(self) -> None:
        with self._open() as stream:
            self._schema, self.notes = stream.schema, notes_of(stream)
            with self._changed:
                self._opened = True
                self._changed.notify_all()
            batches = iter(stream)
            while self._wait_for_demand():
                batch = next(batches, None)
                if batch is None:
                    break
                self._give(batch)
                del batch

    def _wait_for_demand(self) -> bool:
        """Wait until a batch is asked for.

        Raises:
            GeneratorExit: If the read was left, as for who iterates over it.
            HeadwaterError: If it was stopped.
        """
        with self._changed:
            self._wait(lambda: self._demanded)
            self._demanded = False
        if self.stop.stopped:
            raise self.stop.reason or GeneratorExit
        return True

    def _give(self, batch: pa.RecordBatch) -> None:
        with self._changed:
            if not self.stop.stopped:
                self._batches.append(batch)
            self._changed.notify_all()


class Given(Iterator[_T]):
    """What a read gives, one after another: to one thread at a time, until it is closed.

    Who left it open has it closed with the interpreter, while observers can still be told.

    Args:
        rows: What it gives; closed with it.
        what: What is read, for messages.
        end: Ends the read where another thread waits for what comes next.
    """

    def __init__(
        self, rows: Generator[_T, None, None], what: str, end: Callable[[], object]
    ) -> None:
        self._rows = rows
        self._what = what
        self._end = end
        self._one = threading.Lock()
        self._ended = self._closed = False
        _open_readers.add(self)

    def __next__(self) -> _T:
        if self._closed and not self._ended:  # nobody may take this for the last row
            raise CancelledError(f"{self._what} was ended: its reader was closed")
        if not self._one.acquire(blocking=False):
            raise UnsupportedError(
                f"{self._what}: another thread takes the rows of this reader",
                code="shared-reader",
                hint="take them in one thread and hand the batches over, or give each thread a "
                "read of its own: `data.reader()`",
            )
        try:
            return next(self._rows)
        except StopIteration:
            self._ended = True
            raise
        finally:
            self._one.release()

    def close(self) -> None:
        """End the read; whoever still asks for rows gets an error."""
        self._closed = True
        if not self._one.acquire(blocking=False):
            self._end()
            return
        try:
            self._rows.close()
        finally:
            self._one.release()


class _Call(Work, Generic[_T]):
    """One call, in a thread of its own."""

    def __init__(self, function: Callable[[], _T], what: str, timeout: float | None) -> None:
        super().__init__(what, timeout)
        self._function = function
        self._answer: list[_T] = []

    def _work(self) -> None:
        self._answer.append(self._function())

    def answer(self) -> _T:
        """Wait for what the call returns, or raise what it raises."""
        with self._changed:
            self._wait(lambda: self._ended)
        if not self._answer:
            self._stopped()
        if self._error is not None:
            raise self._error
        return self._answer[0]


class Reads:
    """The reads of one dataset, or of one workspace, that are at work. Thread-safe."""

    def __init__(self, outer: Reads | None = None) -> None:
        self._outer = outer
        self._works: WeakSet[Work] = WeakSet()
        self._lock = threading.Lock()

    def rows(
        self,
        open_: Callable[[], AbstractContextManager[ArrowStream]],
        what: str,
        timeout: float | None = None,
    ) -> Running:
        """Return a read that can be stopped from here; see `Running`."""
        running = Running(open_, what, timeout)
        self._add(running)
        return running

    def call(self, function: Callable[[], _T], what: str, timeout: float | None = None) -> _T:
        """Return what a function returns, which can be stopped from here.

        Args:
            function: What is called, in a thread of its own.
            what: What it is, for messages.
            timeout: Seconds for it; None for as long as it takes.
        """
        call = _Call(function, what, timeout)
        self._add(call)
        try:
            call.start()
            return call.answer()
        finally:
            call.close()

    def end(self, reason: Callable[[str], HeadwaterError]) -> None:
        """Stop what is at work, and wait a little until it is gone.

        Args:
            reason: Gives what is raised to who takes the rows, of what is read.
        """
        with self._lock:
            works = [w for w in self._works if not w.forked]
        for work in works:
            work.end(reason(work.what))
        until = time.monotonic() + SOON
        for work in works:
            if work.stop is not Stop.current():  # a source that ends its own read can't await that
                work.wait_until_ended(until - time.monotonic())

    def _add(self, work: Work) -> None:
        with self._lock:
            self._works.add(work)
        if self._outer is not None:
            self._outer._add(work)


_at_work: Final[WeakSet[Work]] = WeakSet()
_open_readers: Final[WeakSet[Given[Any]]] = WeakSet()
_not_ours: Final[list[Any]] = []


def _end_all() -> None:
    for rows in list(_open_readers):
        rows.close()
    for work in list(_at_work):
        work.close()


atexit.register(_end_all)
if sys.platform != "win32":
    os.register_at_fork(after_in_child=_at_work.clear)
    os.register_at_fork(after_in_child=_open_readers.clear)
