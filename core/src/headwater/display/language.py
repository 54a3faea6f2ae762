"""The language of hints: of a definition that lies in a file they name its keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FILE: ContextVar[bool] = ContextVar("headwater-hints-for-a-file", default=False)


@contextmanager
def of_files(whether: bool = True) -> Iterator[None]:
    """Have hints of the block name the keys of a configuration file.

    Args:
        whether: False leaves them in the language that they are in.
    """
    if not whether:
        yield
        return
    token = _FILE.set(True)
    try:
        yield
    finally:
        _FILE.reset(token)


def hint_wording(python: str, file: str) -> str:
    """Return a part of a hint in the language of the place where the definition lies.

    Args:
        python: As a program says it, e.g. `timestamp_column=... of connect_actuals`.
        file: As a configuration file does, e.g. `timestamp_column: ... under actuals:`.
    """
    return file if _FILE.get() else python
