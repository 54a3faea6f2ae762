"""What takes long, told to whoever shows it: a terminal that a person watches, and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_log = logging.getLogger(__name__)
_LISTENER: ContextVar[Callable[[str | None], None] | None] = ContextVar(
    "headwater-progress", default=None
)


@contextmanager
def heard_by(listener: Callable[[str | None], None]) -> Iterator[None]:
    """Have a listener told what the block does while it takes long.

    Args:
        listener: Given what is being done, and None when that is over.
    """
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Tell what the block does.

    Args:
        what: A few words, e.g. `starting Spark`.
    """
    listener = _LISTENER.get()
    _log.info("%s", what)
    if listener is not None:
        listener(what)
    try:
        yield
    finally:
        if listener is not None:
            listener(None)
