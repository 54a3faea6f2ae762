"""File facts: what footers say of files and when files appeared, kept for later runs.

A file of a path and a version mark never changes, so what its footer said holds for ever, and none
is asked twice. Of files of labels it is kept which listing of their table was the first that named
them: the one before did not, so they landed between the two. Facts may be lost at any time: then
footers are read again, and nothing is known of when files landed. Facts that are damaged are none.
Behind them stand the ids of windows (`headwater.tables.window_ids`): a line of each, and behind all
lines their bytes.

    {"files":1,"format":4,"headwater":"files","sha256":"...","windows":1}
    [[1,"m/v1/serving labels",1767571200000000,null]]
    ["s3://lake/t/part-0.parquet","9f3c...",{"at":[1767571200000000,1767657599000000]},null,1,true]
    ["m/v1/serving/1d/2026-01-05T00:00Z","5be1...","07c2...",1767657600000000,64,720,1,720,0,180]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from headwater.tables.relation import FileTimes
from headwater.tables.window import Window
from headwater.tables.window_ids import WindowIds
from headwater.untrusted import limits

FORMAT: Final = 4
"""Raised where footers are understood otherwise than before: what was kept is left aside then."""
_WHAT: Final = "files"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_LISTINGS: Final = 1000
"""Listings that are kept, the last ones."""


@dataclass(frozen=True, slots=True)
class Landing:
    """The moments between which a file landed.

    Args:
        after: When its table was listed without it.
        by: When its table was listed with it first.
        since: From which time on rows' partitions were listed then; None for all of time.
    """

    after: datetime
    by: datetime
    since: datetime | None


@dataclass(frozen=True, slots=True)
class _Listing:
    """A listing of a table's files.

    Args:
        whose: The table, and for whom it is listed.
        at: When.
        stretch: For which time; None for all of it.
    """

    whose: str
    at: datetime
    stretch: FileTimes


@dataclass(slots=True)
class _Facts:
    """The facts of one version of a file.

    Args:
        etag: The version's mark.
        times: Least and greatest time of columns, by their names in lower case.
        columns: Names and types of all its columns, where somebody asked.
        listing: Number of the listing that named it first; None where nobody counts them.
        landed: Whether it landed since the listing before, and holds no rows that were rewritten.
    """

    etag: str
    times: dict[str, FileTimes] = field(default_factory=dict)
    columns: tuple[tuple[str, str], ...] | None = None
    listing: int | None = None
    landed: bool = False


class FileFacts:
    """Facts of files from their footers and from listings."""

    def __init__(self) -> None:
        self._files: dict[str, _Facts] = {}
        self._listings: dict[int, _Listing] = {}
        self._used: set[str] = set()
        self.ids = WindowIds()
        """The ids of windows; whoever adds to them sets `moved`."""
        self.moved = False
        """Whether more is known than when they were loaded or saved."""

    def __len__(self) -> int:
        return len(self._files)

    def knows(self, path: str, etag: str | None, column: str) -> bool:
        """Return whether a file's footer was read for a column's times."""
        facts = self._known_facts(path, etag)
        return facts is not None and column.casefold() in facts.times

    def times(self, path: str, etag: str | None, column: str) -> FileTimes:
        """Return the least and greatest time of a file's column; None if unknown."""
        facts = self._known_facts(path, etag)
        return None if facts is None else facts.times.get(column.casefold())

    def columns(self, path: str, etag: str | None) -> tuple[tuple[str, str], ...] | None:
        """Return names and types of a file's columns; None if unknown."""
        facts = self._known_facts(path, etag)
        return None if facts is None else facts.columns

    def learn_times(self, path: str, etag: str, column: str, times: FileTimes) -> None:
        """Keep the times of a column from a footer; None if the footer has none."""
        self._facts_of(path, etag).times[column.casefold()] = times

    def learn_columns(self, path: str, etag: str, columns: Sequence[tuple[str, str]]) -> None:
        """Keep names and types of a file's columns."""
        self._facts_of(path, etag).columns = tuple(columns)

    def listed(
        self,
        whose: str,
        files: Iterable[tuple[str, str | None]],
        at: datetime,
        stretch: Window | None,
    ) -> None:
        """Record a table's listing, if it has new files.

        A file whose folder lost another one, or that has another version mark than it had, may hold
        rows that landed long ago: of it nothing is known but that it is new.

        Args:
            whose: The table, and for whom it is listed.
            files: Path and version mark of each; None where a path stands for one version.
            at: When.
            stretch: The time whose partitions were listed; None for all of it.
        """
        marks = {path: etag or "" for path, etag in files}
        new = [path for path, etag in marks.items() if self.listing(path, etag) is None]
        before = self._listing_before(whose, None)
        if not new and before is not None:
            return
        number = max(self._listings, default=0) + 1
        span = None if stretch is None else (stretch.start, stretch.end)
        self._listings[number] = _Listing(whose, at, span)
        for old in sorted(self._listings)[:-_LISTINGS]:
            del self._listings[old]
        folders = {_folder(path) for path in new}
        lost = {
            _folder(path)
            for path, facts in self._files.items()
            if facts.listing is not None and path not in marks and _folder(path) in folders
        }
        # A table of which no file was known is another one under the name, or all of it is anew.
        known = before is not None and len(new) < len(marks)
        for path in new:
            earlier = self._files.get(path)
            rewritten = earlier is not None and earlier.listing is not None
            facts = self._facts_of(path, marks[path])
            facts.listing = number
            facts.landed = known and not rewritten and _folder(path) not in lost
        self.moved = True

    def listing(self, path: str, etag: str | None) -> int | None:
        """Return the number of the listing that named a file first: later ones have greater ones.

        None where no listing of its table was counted.
        """
        facts = self._known_facts(path, etag or "")
        return None if facts is None else facts.listing

    def landing(self, path: str, etag: str | None) -> Landing | None:
        """Return the moments between which a file landed; None if unknown."""
        facts = self._known_facts(path, etag or "")
        if facts is None or not facts.landed or facts.listing not in self._listings:
            return None
        listing = self._listings[facts.listing]
        before = self._listing_before(listing.whose, facts.listing)
        if before is None:
            return None
        return Landing(before.at, listing.at, None if before.stretch is None else before.stretch[0])

    def _listing_before(self, whose: str, number: int | None) -> _Listing | None:
        """Return the last listing of a table before another one; None if there is none."""
        numbers = [
            n
            for n, listing in self._listings.items()
            if listing.whose == whose and (number is None or n < number)
        ]
        return self._listings[max(numbers)] if numbers else None

    def to_bytes(self) -> bytes:
        """Return them as bytes, as many as are kept."""
        if len(self._files) > limits.KEPT_FILES:
            # Those that this run needed, and of the others the ones that were learned last.
            kept = {p: f for p, f in self._files.items() if p in self._used}
            others = [p for p in self._files if p not in kept]
            room = max(0, limits.KEPT_FILES - len(kept))
            kept |= {p: self._files[p] for p in others[len(others) - room :]}
            self._files = dict(list(kept.items())[: limits.KEPT_FILES])
        listings = [
            [number, x.whose, _count(x.at), x.stretch and [_count(end) for end in x.stretch]]
            for number, x in sorted(self._listings.items())
        ]
        files = [_json(_line(p, f)) for p, f in sorted(self._files.items())]
        ids = list(self.ids.to_lines())
        windows = [_json(line) for line, _ in ids]
        content = b"".join([_json(listings), *files, *windows, *(content for _, content in ids)])
        head = {
            "headwater": _WHAT,
            "format": FORMAT,
            "files": len(files),
            "windows": len(windows),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        return _json(head) + content

    @classmethod
    def from_bytes(cls, content: bytes) -> FileFacts:
        """Return the facts that `to_bytes` wrote; empty for anything else."""
        facts = cls()
        if len(content) > limits.KEPT_FILES_BYTES:
            return facts
        head, _, content = content.partition(b"\n")
        try:
            header = json.loads(head)
            if header["headwater"] != _WHAT or header["format"] != FORMAT:
                return facts
            if header["sha256"] != hashlib.sha256(content).hexdigest():
                return facts
            files, windows = int(header["files"]), int(header["windows"])
            listings, *lines, ids = content.split(b"\n", 1 + files + windows)
            facts._listings = {
                int(number): _Listing(str(whose), _moment(at), stretch and _moments(*stretch))
                for number, whose, at, stretch in json.loads(listings)
            }
            facts._files = dict(_parse_line(json.loads(line)) for line in lines[:files])
            place = 0
            for line in lines[files:]:
                place += facts.ids.take(json.loads(line), memoryview(ids)[place:])
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError):
            return cls()
        return facts

    def _known_facts(self, path: str, etag: str | None) -> _Facts | None:
        facts = self._files.get(path)
        if facts is None or etag is None or facts.etag != etag:
            return None
        self._used.add(path)
        return facts

    def _facts_of(self, path: str, etag: str) -> _Facts:
        facts = self._known_facts(path, etag)
        if facts is None:
            self._files.pop(path, None)  # so that it stands among those that were learned last
            facts = self._files[path] = _Facts(etag)
            self._used.add(path)
        self.moved = True
        return facts


def _line(path: str, facts: _Facts) -> list[Any]:
    times = {
        column: None if ends is None else [_count(end) for end in ends]
        for column, ends in sorted(facts.times.items())
    }
    return [path, facts.etag, times, facts.columns, facts.listing, facts.landed]


def _parse_line(line: Any) -> tuple[str, _Facts]:
    path, etag, times, columns, listing, landed = line
    if not (isinstance(path, str) and isinstance(etag, str)):
        raise TypeError("no file")
    if listing is not None and type(listing) is not int:
        raise TypeError("no number")
    return path, _Facts(
        etag,
        {str(column): None if ends is None else _moments(*ends) for column, ends in times.items()},
        None if columns is None else tuple((str(name), str(type_)) for name, type_ in columns),
        listing,
        landed is True,
    )


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _moments(first: int, last: int) -> FileTimes:
    return _moment(first), _moment(last)


def _moment(count: int) -> datetime:
    return _EPOCH + count * _TICK


def _count(moment: datetime) -> int:
    return (moment - _EPOCH) // _TICK


def _json(value: Any) -> bytes:
    # In ASCII: a path may hold halves of characters, which are no UTF-8.
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
