"""Fetched shares: what shares read of objects, fetched by the session ahead of who reads it.

DuckDB's own client takes longer to fetch bytes than DuckDB to read them. So a share whose bytes are
known before it is read is fetched by the session's client, several requests at once and of the
version that was planned alone, into scratch files that have holes where nothing is read. DuckDB
reads these as files of this machine. They live for a second or two: what is written to them stays
in the system's cache, which costs less than files of memory do, whose pages are small.
"""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.errors import FEWER_FILES
from headwater.engines.embedded.files import Selection
from headwater.engines.embedded.formats.parquet_places import Places, Span, joined, places
from headwater.engines.embedded.running import workers
from headwater.engines.embedded.shares import MOST_FILES, Share
from headwater.errors import DataChangedError, EngineError
from headwater.tables.relation import DataFile

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from headwater.partitions.rule_evidence import TimeRange
    from headwater.tables.window import Window

AHEAD: Final = 80 * 2**20
"""Bytes of a share that is fetched, at most, as those of a usual row group; and what is fetched
ahead for each reader."""
AT_ONCE: Final = 32 * 2**20
"""Bytes of one request: a connection to object storage gives some tens of megabytes a second."""
_BLOCK: Final = 2**20
"""Bytes that are taken at a time: they are written on while a core's caches hold them."""
_THREADS: Final = 16
_GAP: Final = 2**18
"""Bytes between two that are read which take less time than another request."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What a share reads of one file.

    Args:
        file: The file.
        spans: Where what is read lies, in order.
        stand_in: The path under which DuckDB is to find it.
    """

    file: DataFile
    spans: tuple[Span, ...]
    stand_in: Path

    @property
    def bytes(self) -> int:
        """How many bytes are read."""
        return sum(last - first for first, last in self.spans)


Opened = Callable[[DataFile, int, int], RawIOBase]
"""Opens the bytes of a file from one place to before another."""


def fetchable(selection: Selection, readers: int) -> frozenset[DataFile]:
    """Return the files of a table of which parts may be fetched.

    Args:
        selection: The table.
        readers: How many shares are read side by side.
    """
    scans = [b.scan for b in selection.branches]
    if sys.platform == "win32":  # which writes at no place
        return frozenset()
    if shutil.disk_usage(tempfile.gettempdir()).free < 2 * AHEAD * (readers + 1):
        return frozenset()
    if any(s.part is None or s.asked is None for s in scans):
        return frozenset()
    return frozenset(f for s in scans for f in s.files if f.etag)


def without_parts(
    files: frozenset[DataFile], window: Window | None, ranges: Mapping[DataFile, TimeRange]
) -> frozenset[DataFile]:
    """Return those of some files of which a window takes all rows, as far as is known.

    Of others DuckDB fetches what their statistics leave.

    Args:
        files: The files.
        window: The window; None where there is none.
        ranges: Between which times files lie, where their footers tell.
    """

    def is_whole(file: DataFile) -> bool:
        told = ranges.get(file)
        return window is None or told is None or (told.first in window and told.last in window)

    return frozenset(filter(is_whole, files))


def excerpts(
    connection: DuckDBPyConnection,
    shares: Sequence[Share],
    files: frozenset[DataFile],
    paths: Mapping[str, str],
    folder: Path,
    most: int,
) -> list[list[Excerpt] | None]:
    """Return what is fetched for each share; None where DuckDB fetches it.

    Args:
        connection: Where footers are asked for.
        shares: The shares.
        files: Those that are fetched.
        paths: DuckDB's name of each file.
        folder: Where DuckDB is to find them.
        most: Bytes of a share that is fetched, at most.

    Raises:
        duckdb.Error: If a file can't be opened.
    """
    fetched = [share.pieces if files.issuperset(share.files) else () for share in shares]
    asked: dict[tuple[int, ...], dict[str, None]] = {}
    for pieces in fetched:
        for piece in pieces:
            named = asked.setdefault(piece.branch.scan.asked or (), {})
            named |= dict.fromkeys(paths[f.path] for f in piece.files)
    known: dict[tuple[tuple[int, ...], str], Places] = {}
    for leaves, named in asked.items():
        found_ = places(connection, list(named), leaves)
        known |= {(leaves, path): places_ for path, places_ in found_.items()}
    found: list[list[Excerpt] | None] = []
    for number, pieces in enumerate(fetched):
        if any(
            (p.branch.scan.asked or (), paths[f.path]) not in known for p in pieces for f in p.files
        ):
            found.append(None)
            continue
        # One stand-in of a file for all that a share reads of it: a path stands for one other.
        spans: dict[str, tuple[DataFile, list[Span]]] = {}
        for piece in pieces:
            for file in piece.files:
                places_of = known[piece.branch.scan.asked or (), paths[file.path]]
                spans.setdefault(file.path, (file, []))[1].extend(places_of.spans(piece.rows))
        parts = [
            Excerpt(file, tuple(joined(some, _GAP)), folder / f"{number}-{place}.parquet")
            for place, (file, some) in enumerate(spans.values())
        ]
        small = sum(e.bytes for e in parts) <= most
        found.append(parts if pieces and small else None)
    return found


class FetchedShares:
    """Fetches what shares read, in their order, while it fits into what may be held. Thread-safe.

    Args:
        shares: What each share reads; None for one that DuckDB fetches itself.
        opened: Opens parts of files.
        ahead: Bytes that may be held, beside those of shares that somebody waits for.
    """

    def __init__(
        self,
        shares: Sequence[Sequence[Excerpt] | None],
        opened: Opened,
        *,
        ahead: int,
    ) -> None:
        self._shares = [None if share is None else _Share(share) for share in shares]
        self._opened = opened
        self._ahead = ahead
        self._lock = threading.Condition()
        self._pieces: deque[_Piece] = deque()
        self._begun = self._asked = 0
        """How many shares were begun, and up to which somebody waits."""
        self._held = self._open = self._working = 0
        self._left = False
        requests = sum(s.missing for s in self._shares if s is not None)
        self._threads = workers(self._fetch, min(_THREADS, requests), "headwater-fetch")

    def start(self) -> None:
        """Begin to fetch."""
        self._working = len(self._threads)
        for thread in self._threads:
            thread.start()

    def ready(self, number: int) -> None:
        """Wait until what a share reads is there, or nobody wants it any more.

        Raises:
            HeadwaterError: As the storage answers.
        """
        share = self._shares[number]
        if share is None:
            return
        with self._lock:
            self._asked = max(self._asked, number + 1)
            self._lock.notify_all()
            self._lock.wait_for(lambda: share.ended or self._left)
            if share.error is not None:
                raise share.error

    def done(self, number: int) -> None:
        """Give back the room of a share; its rows were made."""
        share = self._shares[number]
        if share is None:
            return
        with self._lock:
            self._leave(share)
            self._lock.notify_all()

    def stop(self) -> None:
        """Fetch nothing more; from any thread."""
        with self._lock:
            self._left = True
            self._pieces.clear()
            self._lock.notify_all()

    def close(self) -> None:
        """Wait for what is being fetched, and give all room back."""
        self.stop()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join()
        with self._lock:
            self._close_all()

    def _close_all(self) -> None:
        """Give all room back, once nobody writes to it: its descriptors may become others'."""
        if self._left and not self._working:
            for share in self._shares:
                if share is not None:
                    share.close()

    def _fetch(self) -> None:
        """Fetch one piece after the other, until there is none."""
        try:
            self._fetch_all()
        finally:
            with self._lock:
                self._working -= 1
                self._close_all()

    def _fetch_all(self) -> None:
        block = memoryview(bytearray(_BLOCK))
        while (piece := self._next()) is not None:
            error: BaseException | None = None
            try:
                self._copy(piece, block)
            except BaseException as caught:  # noqa: BLE001  (raised to who waits for the share)
                error = caught
            with self._lock:
                piece.share.arrived(error)
                if piece.share.abandoned and not piece.share.missing:
                    piece.share.close()
                self._lock.notify_all()

    def _next(self) -> _Piece | None:
        with self._lock:
            while not self._left:
                if self._pieces:
                    return self._pieces.popleft()
                if self._begun == len(self._shares):
                    return None
                share = self._shares[self._begun]
                if share is None:
                    self._begun += 1
                elif self._begun < self._asked or self._fits(share):
                    self._begun += 1
                    self._begin(share)
                else:
                    self._lock.wait()
        return None

    def _fits(self, share: _Share) -> bool:
        files = len(share.excerpts)
        return self._held + share.bytes <= self._ahead and self._open + files <= MOST_FILES

    def _begin(self, share: _Share) -> None:
        self._held += share.bytes
        self._open += len(share.excerpts)
        share.begun = True
        try:
            self._pieces += share.pieces()
        except OSError as error:
            share.error, share.missing = _no_room(error), 0
        self._lock.notify_all()

    def _copy(self, piece: _Piece, block: memoryview) -> None:
        place = piece.first
        with self._opened(piece.file, piece.first, piece.last) as content:
            while place < piece.last:
                if self._left or piece.share.abandoned or piece.share.error is not None:
                    return
                count = content.readinto(block[: piece.last - place])
                if not count:
                    raise DataChangedError(
                        f"{piece.file.path} ended before its end while it was read",
                        hint="plan the read again",
                    )
                _write(piece.descriptor, block[:count], place)
                place += count

    def _leave(self, share: _Share) -> None:
        if not share.begun or share.abandoned:
            return
        share.abandoned = True
        self._held -= share.bytes
        self._open -= len(share.excerpts)
        if not share.missing:
            share.close()


class _Share:
    """A share's excerpts, and what is still missing of them."""

    def __init__(self, excerpts: Sequence[Excerpt]) -> None:
        self.excerpts = excerpts
        self.bytes = sum(e.bytes for e in excerpts)
        self.begun = self.abandoned = False
        self.error: BaseException | None = None
        self.missing = sum(len(_cut(span)) for e in excerpts for span in e.spans)
        self._descriptors: list[int] = []

    @property
    def ended(self) -> bool:
        return self.error is not None or (self.begun and not self.missing)

    def pieces(self) -> list[_Piece]:
        """Make its scratch files, and return what they are filled by.

        Raises:
            OSError: If they can't be made.
        """
        found = []
        for excerpt in self.excerpts:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            descriptor = os.open(excerpt.stand_in, flags, 0o600)
            self._descriptors.append(descriptor)
            os.ftruncate(descriptor, excerpt.file.size)
            for span in excerpt.spans:
                found += [_Piece(self, excerpt.file, descriptor, *part) for part in _cut(span)]
        return found

    def arrived(self, error: BaseException | None) -> None:
        """Count a piece that came, or did not."""
        self.missing -= 1
        self.error = self.error or error

    def close(self) -> None:
        """Give its room back: nobody writes to it any more."""
        for excerpt in self.excerpts:
            excerpt.stand_in.unlink(missing_ok=True)
        while self._descriptors:
            os.close(self._descriptors.pop())


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one request fetches."""

    share: _Share
    file: DataFile
    descriptor: int
    first: int
    last: int


def _write(descriptor: int, block: memoryview, place: int) -> None:
    try:
        while block:
            written = os.pwrite(descriptor, block, place)
            block, place = block[written:], place + written
    except OSError as error:
        raise _no_room(error) from error


def _no_room(error: OSError) -> EngineError:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return EngineError(
            "embedded engine: no file can be opened any more to keep what is fetched: "
            f"{error.strerror}",
            hint=FEWER_FILES,
        )
    return EngineError(
        f"embedded engine: what is fetched can't be kept in {tempfile.gettempdir()}: "
        f"{error.strerror}",
        hint="set TMPDIR to a folder of this machine that can be written to",
    )


def _cut(span: Span) -> list[Span]:
    """Return a span in parts of about the same size, none larger than a request fetches."""
    first, last = span
    count = max(1, -(-(last - first) // AT_ONCE))
    edges = [first + (last - first) * i // count for i in range(count + 1)]
    return list(itertools.pairwise(edges))
