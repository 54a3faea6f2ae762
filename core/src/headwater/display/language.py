"""The wording of hints: where a definition lies in a file, they name the file's keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_FILE: ContextVar[bool] = ContextVar("headwater-hints-for-a-file", default=False)


@contextmanager
def of_files(whether: bool = True) -> Iterator[None]:
    """Make hints in the block name the keys of a configuration file.

    Args:
        whether: False leaves the wording unchanged.
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
    """Return the wording of a part of a hint for the place where the definition lies.

    Args:
        python: The wording for a program, e.g. `timestamp_column=... of connect_actuals`.
        file: The wording for a configuration file, e.g. `timestamp_column: ... under actuals:`.
    """
    return file if _FILE.get() else python
