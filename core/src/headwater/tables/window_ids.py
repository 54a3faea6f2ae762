"""Window ids: which ids the rows of a window have, in four bytes each, kept for later runs.

A label is of a window if its id is one of the window's. To know that, the windows' files would be
opened; what stands here says it without them. Of each id a few bits are kept, twenty-six more than
it takes to count them: so another id is taken for one of the window's in one of 67 million tries.
That costs a read which finds nothing new. An id that is one of the window's is never missed.

What is kept holds for the rows that had a digest (`headwater.reading.content_digests`), and may be
lost at any time: then the files say it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Hashes = NDArray[np.uint64]

MOST: Final = 1_000_000
"""Ids of a window that are kept: of one that has more rows, none are."""
ALL: Final = 2_000_000
"""Ids that are kept of all windows, those that end last."""
_SPARE: Final = 26
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Ids:
    """The ids of one window.

    Args:
        rows: Digest of the rows that have them.
        end: When the window ends.
        bits: How many bits of each id's hash are kept, the first ones.
        steps: From each to the next, in order, as 32-bit numbers, in base 64. Most runs ask for
            none of them, so they stay as they are written.
    """

    rows: str
    end: datetime
    bits: int
    steps: str

    def __len__(self) -> int:
        return len(self.steps) * 3 // 16

    def hashes(self) -> Hashes | None:
        """Return what is kept of each id, in order; None if it is damaged."""
        import numpy as np

        with suppress(ValueError):
            content = base64.b64decode(self.steps, validate=True)
            return np.cumsum(np.frombuffer(content, "<u4"), dtype=np.uint64)
        return None


class WindowIds:
    """The ids of windows, by the key of each."""

    def __init__(self) -> None:
        self._windows: dict[str, _Ids] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def learn(self, window_key: str, rows: str, end: datetime, hashes: Hashes) -> None:
        """Keep the ids of a window; those that it had before are forgotten.

        Args:
            window_key: The window.
            rows: Digest of its rows.
            end: When it ends.
            hashes: A hash of each id, in any order.
        """
        import numpy as np

        self.forget(window_key)
        bits = min(64, max(1, len(hashes)).bit_length() + _SPARE)
        steps = np.diff(np.sort(hashes >> np.uint64(64 - bits)), prepend=np.uint64(0))
        if len(hashes) > MOST or (len(steps) and int(steps.max()) >= 2**32):
            return
        text = base64.b64encode(steps.astype("<u4").tobytes()).decode()
        self._windows[window_key] = _Ids(rows, end, bits, text)

    def forget(self, window_key: str) -> None:
        """Forget the ids of a window."""
        self._windows.pop(window_key, None)

    def knows(self, window_key: str, rows: str) -> bool:
        """Return whether the ids of a window are known, of the rows that have a digest."""
        ids = self._windows.get(window_key)
        return ids is not None and ids.rows == rows

    def has_any(self, window_key: str, hashes: Hashes) -> bool:
        """Return whether some ids may be among a window's.

        Args:
            window_key: The window; its ids are known.
            hashes: A hash of each id.
        """
        import numpy as np

        ids = self._windows[window_key]
        values, prefixes = ids.hashes(), hashes >> np.uint64(64 - ids.bits)
        if values is None:
            return True
        if not len(values) or not len(prefixes):
            return False
        places = np.searchsorted(values, prefixes).clip(max=len(values) - 1)
        return bool((values[places] == prefixes).any())

    def to_list(self) -> Iterator[list[Any]]:
        """Yield what is kept of each window, JSON-ready; the oldest beyond `ALL` are left out."""
        left = ALL
        windows = list(self._windows.items())
        for key, ids in sorted(windows, key=lambda item: item[1].end, reverse=True):
            left -= len(ids)
            if left < 0:
                return
            end = (ids.end - _EPOCH) // timedelta(microseconds=1)
            yield [key, ids.rows, end, ids.bits, ids.steps]

    def take(self, line: Any) -> None:
        """Take what `to_list` gave of a window.

        Args:
            line: One of the lists that it yielded.

        Raises:
            ValueError: If it is not that.
            TypeError: Likewise.
            OverflowError: Likewise.
        """
        key, rows, end, bits, steps = line
        if not all(isinstance(text, str) for text in (key, rows, steps)):
            raise TypeError("no window")
        if type(bits) is not int or not _SPARE <= bits <= 64:
            raise ValueError("no number of bits")
        moment = _EPOCH + timedelta(microseconds=end)
        self._windows[key] = _Ids(rows, moment, bits, steps)
