"""Window ids: which ids the rows of a window have, kept for later runs in a few bytes each.

A label is of a window if its id is one of the window's. To know that, the windows' files would be
opened; what stands here says it without them. An id is known by its word, 64 bits that are the same
for equal ids (`headwater.reading.content_digests`); an integer's is the number itself.

    integers that lie close together   their words: three bits each, where none is left out
    all others                         the first bits of a hash, twenty-four more than it takes to
                                       count them: 27 bits each

Of the latter another id is taken for one of the window's in one of 16 million tries, at most. An id
that is one of the window's is never missed. So where few of very many labels are found, they may be
nobody's (`WindowIds.by_chance`), and whoever minds looks into the files.

Both are numbers in order, and are written as Elias and Fano did: of each its low bytes, as they
are; then, in bits, how much the rest of each is more than that of the one before.

What is kept holds for the rows that had a digest, and for ids that are made as they were then. It
may be lost at any time: then the files say it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

MOST: Final = 1_000_000
"""Ids of a window that are kept: of one that has more rows, none are."""
ALL: Final = 8_000_000
"""Bytes that are kept of all windows, those that end last."""
_SPARE: Final = 24
_FEW: Final = 3
"""Ids that chance finds at most, mostly: of 300,000 labels, in one of sixty windows, one."""
_LOW: Final = range(_SPARE // 8 + 1)
_WORD: Final = 64
_MIX: Final = 0x9E3779B97F4A7C15
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Ids:
    """The ids of one window.

    Args:
        rows: Digest of the rows that have them.
        form: What says how the ids were made.
        end: When the window ends.
        bits: How many bits of each id's hash are kept, the first ones; `_WORD` where it is words.
        count: How many numbers there are.
        first: The least of them.
        last: The greatest.
        low: How many bytes of each are written as they are.
        content: The numbers. Most runs ask for none of them, so they stay as they are written.
    """

    rows: str
    form: str
    end: datetime
    bits: int
    count: int
    first: int
    last: int
    low: int
    content: bytes

    @classmethod
    def of(cls, rows: str, form: str, end: datetime, words: Words) -> _Ids:
        """Return what is kept of ids.

        Args:
            rows: Digest of the rows that have them.
            form: What says how the ids were made.
            end: When the window ends.
            words: The word of each, in any order.
        """
        import numpy as np

        words = _in_order(words)
        bits, (size, low) = _WORD, _smallest(words)
        if size > len(words) * _SPARE // 8:
            bits = len(words).bit_length() + _SPARE
            words = _in_order(_hashes(words, bits))
            _, low = _smallest(words)
        count = len(words)
        first, last = (int(words[0]), int(words[-1])) if count else (0, 0)
        numbers = words - np.uint64(first)
        steps = np.zeros(count + ((last - first) >> 8 * low) + 1, np.uint8)
        steps[(numbers >> np.uint64(8 * low)).astype(np.int64) + np.arange(count)] = 1
        lows = numbers.astype("<u8").view(np.uint8).reshape(count, 8)[:, :low]
        content = lows.tobytes() + np.packbits(steps).tobytes()
        return cls(rows, form, end, bits, count, first, last, low, content)

    def numbers(self) -> Words | None:
        """Return the numbers, in order, each without the first; None if they are damaged."""
        import numpy as np

        content, lows = np.frombuffer(self.content, np.uint8), self.count * self.low
        places = np.flatnonzero(np.unpackbits(content[lows:]))
        if len(places) != self.count:
            return None
        high = (places - np.arange(self.count)).astype("<u8")
        numbers: Words = high << np.uint64(8 * self.low)
        of_bytes = numbers.view(np.uint8).reshape(self.count, 8)
        of_bytes[:, : self.low] = content[:lows].reshape(self.count, self.low)
        return numbers


class WindowIds:
    """The ids of windows, by the key of each."""

    def __init__(self) -> None:
        self._windows: dict[str, _Ids] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def learn(self, window_key: str, rows: str, form: str, end: datetime, words: Words) -> None:
        """Keep the ids of a window; those that it had before are forgotten.

        Args:
            window_key: The window.
            rows: Digest of its rows.
            form: What says how the ids were made.
            end: When it ends.
            words: The word of each id, in any order.
        """
        self.forget(window_key)
        if len(words) <= MOST:
            self._windows[window_key] = _Ids.of(rows, form, end, words)

    def forget(self, window_key: str) -> None:
        """Forget the ids of a window."""
        self._windows.pop(window_key, None)

    def knows(self, window_key: str, rows: str, form: str) -> bool:
        """Return whether the ids of a window are known, of the rows that have a digest."""
        ids = self._windows.get(window_key)
        return ids is not None and (ids.rows, ids.form) == (rows, form)

    def found(self, window_key: str, words: Words) -> int:
        """Return how many ids may be among a window's; where its own are damaged, all may.

        Args:
            window_key: The window; its ids are known.
            words: The word of each id.
        """
        import numpy as np

        ids = self._windows[window_key]
        if not ids.count:
            return 0
        sought = words if ids.bits == _WORD else _hashes(words, ids.bits)
        first, last = np.uint64(ids.first), np.uint64(ids.last)
        sought = sought[(sought >= first) & (sought <= last)] - first
        if not len(sought):
            return 0
        numbers = ids.numbers()
        if numbers is None:
            return len(words)
        sought.sort()  # what is looked for in order is found sooner
        places = np.searchsorted(numbers, sought).clip(max=ids.count - 1)
        return int((numbers[places] == sought).sum())

    def by_chance(self, window_key: str, found: int, tried: int) -> bool:
        """Return whether it may well be that none of the ids that were found is a window's.

        Args:
            window_key: The window.
            found: How many of its ids were found.
            tried: Among how many.
        """
        ids = self._windows[window_key]
        if ids.bits == _WORD or not 0 < found <= _FEW:
            return False
        return tried * ids.count << 10 > 1 << ids.bits  # more often than once in a thousand windows

    def to_lines(self) -> Iterator[tuple[list[Any], bytes]]:
        """Yield what is kept of each window: a list, JSON-ready, and the bytes that it tells of.

        The oldest beyond `ALL` are left out.
        """
        left = ALL
        windows = list(self._windows.items())
        for key, ids in sorted(windows, key=lambda item: item[1].end, reverse=True):
            left -= len(ids.content)
            if left < 0:
                return
            end = (ids.end - _EPOCH) // timedelta(microseconds=1)
            numbers = [ids.bits, ids.count, ids.first, ids.last, ids.low, len(ids.content)]
            yield [key, ids.rows, ids.form, end, *numbers], ids.content

    def take(self, line: Any, content: memoryview) -> int:
        """Take what `to_lines` gave of a window; return how many of the bytes are of it.

        Args:
            line: One of the lists that it yielded.
            content: Its bytes, and what stands behind them.

        Raises:
            ValueError: If it is not that.
            TypeError: Likewise.
            OverflowError: Likewise.
        """
        key, rows, form, end, *numbers = line
        if not all(isinstance(text, str) for text in (key, rows, form)):
            raise TypeError("no window")
        if any(type(n) is not int for n in numbers):
            raise TypeError("no numbers")
        bits, count, first, last, low, size = map(int, numbers)
        if not (_SPARE <= bits <= _WORD and 0 <= first <= last < 2**_WORD and low in _LOW):
            raise ValueError("no ids")
        if count < 0 or not count * low <= size <= len(content):
            raise ValueError("no bytes of theirs")
        moment = _EPOCH + timedelta(microseconds=end)
        self._windows[key] = _Ids(
            rows, form, moment, bits, count, first, last, low, bytes(content[:size])
        )
        return size


def _in_order(numbers: Words) -> Words:
    """Return numbers in order, each once: as `numpy.unique`, in a tenth of its time."""
    import numpy as np

    ordered = np.sort(numbers)
    is_first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]


def _smallest(numbers: Words) -> tuple[int, int]:
    """Return how few bytes numbers take, given in order, and how many low ones of each."""
    count = len(numbers)
    span = int(numbers[-1]) - int(numbers[0]) if count else 0
    return min((count * low + (count + (span >> 8 * low)) // 8 + 1, low) for low in _LOW)


def _hashes(words: Words, bits: int) -> Words:
    """Return the first bits of a hash of each word."""
    import numpy as np

    mixed = words * np.uint64(_MIX)
    mixed = (mixed ^ (mixed >> np.uint64(32))) * np.uint64(_MIX)
    hashes: Words = mixed >> np.uint64(_WORD - bits)
    return hashes
