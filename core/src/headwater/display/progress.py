"""Progress of slow steps, for a terminal that a person watches and for the log."""

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
    """Notify a listener of slow steps in the block.

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
    """Report the block as a slow step.

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
