"""A deadline on calls into a plugin: what blocks fails, and says in which line it hangs."""

from __future__ import annotations

import atexit
import contextvars
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, Final, ParamSpec, TypeVar

try:
    from threading import _register_atexit as _register  # type: ignore[attr-defined]
except ImportError:
    _register = atexit.register

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SHOWN: Final = 12
"""Frames of a stack that are shown, the innermost ones."""


class HungError(AssertionError):
    """A call did not return in time; the message says where it is."""


class _Call:
    """A call on a thread of its own, and what it asks the thread that waits for it to do."""

    def __init__(self, what: str, call: Callable[[], Any]) -> None:
        self.tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.result: Any = None
        self.error: BaseException | None = None
        self._call = call
        self._context = contextvars.copy_context()
        self.thread = threading.Thread(target=self._run, name=f"contract: {what}", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        _running.call = self
        try:
            self.result = self._context.run(self._call)
        except BaseException as error:  # noqa: BLE001 - pytest skips with such a one, too
            self.error = error
        self.tasks.put(None)

    def wait(self, seconds: float) -> bool:
        """Do what the call asks for until it ends; return whether it does in time."""
        until = time.monotonic() + seconds
        while True:
            try:
                task = self.tasks.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                return False
            if task is None:
                return True
            began = time.monotonic()
            task()
            until += time.monotonic() - began


class _Running(threading.local):
    """The call that a thread makes for somebody who waits."""

    call: _Call | None = None


_running = _Running()


def in_time(what: str, seconds: float, call: Callable[[], _T]) -> _T:
    """Return what a call returns, or raise what it raises, if it does so in time.

    It runs on a thread of its own: one that blocks in C can't be interrupted, only left behind.

    Args:
        what: The call, for the message.
        seconds: How long it may take.
        call: It.

    Raises:
        HungError: If it has not ended by then; with the stack of it, and of threads that it began.
    """
    __tracebackhide__ = True
    before = {t.ident for t in threading.enumerate()}
    thread_call = _Call(what, call)
    if not thread_call.wait(seconds):
        _left.append(thread_call.thread)
        raise HungError(
            f"{what} did not end within {seconds:g} seconds; it hangs here:\n"
            + _stacks(thread_call.thread, before)
            + "\nGive every call to your system a timeout (to connect, and to read), and raise "
            "SourceError(..., retryable=True) from what the driver raises then. If the system "
            "does need longer, set `deadline` (seconds) in the class of your tests."
        )
    error, thread_call.error = thread_call.error, None
    if error is not None:
        try:
            raise error
        finally:
            del error  # it holds this frame, and each would hold the other
    result: _T = thread_call.result
    return result


_left: list[threading.Thread] = []
"""Threads that hang, and were left behind."""
_status: list[int] = []


def ended(status: int) -> None:
    """Have the process of a run of pytest end, with its status, also while calls hang in it.

    A thread that blocks can't be ended: the interpreter would wait for it, or abort.
    """
    main = sys.modules["__main__"].__spec__
    name = main.name if main is not None else Path(sys.argv[0] or "-").stem
    if not _left or name.partition(".")[0] not in ("pytest", "py", "xdist"):
        return
    if not _status:
        # Before the interpreter waits for threads; concurrent.futures has the same need.
        _register(_leave)
    _status[:] = [status]


def _leave() -> None:
    if any(thread.is_alive() for thread in _left):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status[0])


def where_it_was_made(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Return a fixture's function that a call `in_time` may use: it runs where that is waited for.

    An author's fixtures may hold what serves one thread alone, e.g. a connection of sqlite3; and
    the time that they take is not the plugin's.
    """

    @wraps(function)
    def asking(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        call = _running.call
        if call is None:
            return function(*args, **kwargs)
        answer: Future[_T] = Future()

        def do() -> None:
            try:
                # Who waits may itself be called in time, and does not make it either.
                answer.set_result(asking(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - it is raised where it was asked for
                answer.set_exception(error)

        call.tasks.put(do)
        return answer.result()

    return asking


def _stacks(thread: threading.Thread, before: set[int | None]) -> str:
    """Return where a thread is, and those that were started since and run Python."""
    frames = sys._current_frames()
    texts = [_stack(frames[thread.ident])] if thread.ident in frames else []
    names = {t.ident: t.name for t in threading.enumerate()}
    own = {threading.get_ident(), thread.ident}
    for ident, frame in frames.items():
        if ident not in own and ident not in before and (text := _stack(frame)):
            texts.append(f"and, on the thread {names.get(ident, 'of an engine')!r}:\n{text}")
    return "\n".join(texts)


def _stack(frame: FrameType) -> str:
    ours = (__file__, threading.__file__)
    lines = [f for f in traceback.extract_stack(frame) if f.filename not in ours]
    return "".join(traceback.format_list(lines[-_SHOWN:])).rstrip()
