"""Counts how often a function runs, whoever calls it, under whatever name, in whatever thread."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def calls_of(
    functions: Mapping[str, tuple[Callable[..., Any], Callable[[FrameType], str]]],
) -> Iterator[Mapping[str, Counter[str]]]:
    """Count the calls of functions while the block runs.

    A function that is replaced where it is defined is missed by those who imported it before; what
    Python itself tells of each call is not.

    Args:
        functions: By a word: the function, and what tells from its frame what it was called for.

    Yields:
        By the word: how often it was called for what.
    """
    counts: dict[str, Counter[str]] = {word: Counter() for word in functions}
    codes = {f.__code__: (word, tell) for word, (f, tell) in functions.items()}

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in codes:
            word, tell = codes[frame.f_code]
            counts[word][tell(frame)] += 1

    before = sys.getprofile()
    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield counts
    finally:
        sys.setprofile(before)
        threading.setprofile(None)


@contextmanager
def stages_counted() -> Iterator[Mapping[str, Counter[str]]]:
    """Count the stages `parse`, `bind` and `compile` of queries, each by the text it is of."""
    from headwater.sql import portable
    from headwater.sql.binding.binder import bind
    from headwater.sql.parser import parse

    with calls_of(
        {
            "parse": (parse, lambda frame: frame.f_locals["text"]),
            "bind": (bind, lambda frame: frame.f_locals["parsed"].text),
            "compile": (portable._compiled, lambda frame: frame.f_locals["queries"].analysis.text),
        }
    ) as counts:
        yield counts
