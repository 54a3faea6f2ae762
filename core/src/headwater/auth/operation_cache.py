"""Cache: the answers that one operation got, so that it asks nothing twice.

An operation (a plan, a check, one run of a read) opens its identities, and what they are told
lives as long as these: the next operation asks anew, and sees what landed since. What compares a
plan with what is read now (version marks) never looks here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar, cast

_T = TypeVar("_T")

LARGEST: Final = 64 * 2**20
"""Bytes that are kept, about; beyond, what is asked again is asked again."""
_ENTRY: Final = 1000
"""Bytes that an answer is taken for whose size nobody says."""


class Same:
    """An object in a key: equal to itself alone, and alive as long as the key is.

    Its `id` would not do: of an object that is gone, the next one may have it.

    Args:
        value: The object, which need not be hashable.
    """

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


class OperationCache:
    """Answers by what was asked. Thread-safe, bounded.

    Args:
        largest: Bytes that are kept, about.
    """

    def __init__(self, largest: int = LARGEST) -> None:
        self._left = largest
        self._answers: dict[Hashable, Any] = {}
        self._asking: dict[Hashable, threading.RLock] = {}
        self._lock = threading.Lock()

    def once(
        self, key: Hashable, ask: Callable[[], _T], size: Callable[[_T], int] = lambda _: _ENTRY
    ) -> _T:
        """Return the answer to a question, from the cache or by asking; errors are not kept.

        Args:
            key: The question: who asks, what of.
            ask: Asks it.
            size: Bytes that the answer takes, about.
        """
        with self._lock:
            asking = self._asking.setdefault(key, threading.RLock())
        with asking:
            with self._lock:
                if key in self._answers:
                    return cast("_T", self._answers[key])
            answer = ask()
            self.keep(key, answer, size(answer))
            return answer

    def get(self, key: Hashable) -> Any:
        """Return a kept answer; None if there is none."""
        with self._lock:
            return self._answers.get(key)

    def keep(self, key: Hashable, answer: Any, size: int = _ENTRY) -> None:
        """Keep an answer, if there is room for it."""
        with self._lock:
            if key not in self._answers and size <= self._left:
                self._left -= size
                self._answers[key] = answer
