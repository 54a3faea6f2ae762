"""File facts: what footers said of files, kept for later runs, so that none is asked twice.

A file of a path and a version mark never changes, so what its footer said holds for ever. Facts
may be lost at any time: then footers are read again. Facts that are damaged are none.

    {"files":2,"format":1,"headwater":"files","sha256":"..."}
    ["s3://lake/t/part-0.parquet","9f3c...",{"at":[1767571200000000,1767657599000000]},null]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from headwater.tables.relation import FileTimes
from headwater.untrusted import limits

FORMAT: Final = 1
"""Raised where footers are understood otherwise than before: what was kept is left aside then."""
_WHAT: Final = "files"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)


@dataclass(slots=True)
class _Facts:
    """What is known of one version of a file.

    Args:
        etag: The version's mark.
        times: Least and greatest time of columns, by their names in lower case.
        columns: Names and types of all its columns, where somebody asked.
    """

    etag: str
    times: dict[str, FileTimes] = field(default_factory=dict)
    columns: tuple[tuple[str, str], ...] | None = None


class FileFacts:
    """What is known of files by their footers."""

    def __init__(self) -> None:
        self._files: dict[str, _Facts] = {}
        self._used: set[str] = set()
        self.moved = False
        """Whether more is known than when they were loaded or saved."""

    def __len__(self) -> int:
        return len(self._files)

    def knows(self, path: str, etag: str | None, column: str) -> bool:
        """Return whether a file's footer was asked for a column's times, whatever it said."""
        facts = self._of(path, etag)
        return facts is not None and column.casefold() in facts.times

    def times(self, path: str, etag: str | None, column: str) -> FileTimes:
        """Return the least and greatest time of a column of a file; None where nothing tells."""
        facts = self._of(path, etag)
        return None if facts is None else facts.times.get(column.casefold())

    def columns(self, path: str, etag: str | None) -> tuple[tuple[str, str], ...] | None:
        """Return names and types of a file's columns; None where nobody asked."""
        facts = self._of(path, etag)
        return None if facts is None else facts.columns

    def learn_times(self, path: str, etag: str, column: str, times: FileTimes) -> None:
        """Keep what a footer says of a column; None: that it says nothing."""
        self._kept(path, etag).times[column.casefold()] = times

    def learn_columns(self, path: str, etag: str, columns: Sequence[tuple[str, str]]) -> None:
        """Keep names and types of a file's columns."""
        self._kept(path, etag).columns = tuple(columns)

    def to_bytes(self) -> bytes:
        """Return them as text, no more of them than are kept."""
        if len(self._files) > limits.KEPT_FILES:
            # Those that this run needed, and of the others the ones that were learned last.
            mine = {p: f for p, f in self._files.items() if p in self._used}
            others = [p for p in self._files if p not in mine]
            room = max(0, limits.KEPT_FILES - len(mine))
            mine |= {p: self._files[p] for p in others[len(others) - room :]}
            self._files = dict(list(mine.items())[: limits.KEPT_FILES])
        lines = b"".join(_json(_line(p, f)) for p, f in sorted(self._files.items()))
        head = {
            "headwater": _WHAT,
            "format": FORMAT,
            "files": len(self._files),
            "sha256": hashlib.sha256(lines).hexdigest(),
        }
        return _json(head) + lines

    @classmethod
    def from_bytes(cls, content: bytes) -> FileFacts:
        """Return what `to_bytes` gave; of anything else, no facts."""
        facts = cls()
        if len(content) > limits.KEPT_FILES_BYTES:
            return facts
        head, _, lines = content.partition(b"\n")
        try:
            said = json.loads(head)
            if said["headwater"] != _WHAT or said["format"] != FORMAT:
                return facts
            if said["sha256"] != hashlib.sha256(lines).hexdigest():
                return facts
            facts._files = dict(_read(json.loads(line)) for line in lines.splitlines())
        except (ValueError, TypeError, KeyError, OverflowError, AttributeError, RecursionError):
            return cls()
        return facts

    def _of(self, path: str, etag: str | None) -> _Facts | None:
        facts = self._files.get(path)
        if facts is None or etag is None or facts.etag != etag:
            return None
        self._used.add(path)
        return facts

    def _kept(self, path: str, etag: str) -> _Facts:
        facts = self._of(path, etag)
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
    return [path, facts.etag, times, facts.columns]


def _read(line: Any) -> tuple[str, _Facts]:
    path, etag, times, columns = line
    if not (isinstance(path, str) and isinstance(etag, str)):
        raise TypeError("no file")
    return path, _Facts(
        etag,
        {str(column): None if ends is None else _ends(*ends) for column, ends in times.items()},
        None if columns is None else tuple((str(name), str(type_)) for name, type_ in columns),
    )


def _ends(first: int, last: int) -> FileTimes:
    return _EPOCH + first * _TICK, _EPOCH + last * _TICK


def _count(moment: datetime) -> int:
    return (moment - _EPOCH) // _TICK


def _json(value: Any) -> bytes:
    # In ASCII: a path may hold halves of characters, which are no UTF-8.
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
