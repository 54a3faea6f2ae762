"""Recording: the calls of an operation and their answers, for a support bundle.

Whoever asks another system notes the call where all of its calls pass; nobody does so while nothing
is recorded:

    recording = Recording.current()
    if recording is not None:
        recording.call(...)

What is noted is plain data without secrets, and bounded: what comes after is counted, not kept.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from headwater.untrusted import limits

if TYPE_CHECKING:
    from headwater.interfaces.plan import Plan
    from headwater.interfaces.report import CheckReport
    from headwater.tables.relation import DataFile

_current: ContextVar[Recording | None] = ContextVar("headwater_recording", default=None)

_SHORTEST_VALUE: Final = 3
FILES: Final = 200
"""Files whose footers a recording keeps: a check looks at fewer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A call to a provider, and its answer.

    Args:
        service: Whom it asked, e.g. `catalog`.
        operation: What it asked, e.g. `GetTable`.
        region: Where.
        asked: The question, as plain data.
        status: HTTP status of the answer; 0 where none came.
        answer: The answer, as plain data; None for an error.
        error: The provider's error, as plain data; None for an answer.
    """

    service: str
    operation: str
    region: str
    asked: Mapping[str, Any]
    status: int
    answer: Any
    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Call(Exchange):
    """One attempt of a call: an exchange, and when it was.

    Args:
        began: When it was sent.
        seconds: How long it took.
    """

    began: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of an object, of which it is known that it holds no rows.

    Args:
        path: The object.
        form: What it is: `json`, `lines` of JSON, `checkpoint`, `text`, `footer`, `magic`,
            `header`, `shape`.
        content: Its bytes.
        size: Bytes of the whole object; None where they are those of the content.
        etag: The object's version mark.
    """

    path: str
    form: str
    content: bytes = field(repr=False)
    size: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How to read a provider's calls: which of their fields hold secrets or names.

    Whoever notes calls hands one in (`Recording.speaks`). Fields are those of calls' plain data.

    Args:
        words: Words of the provider's own, which are never hidden.
        kinds: Field to the kind of name that it holds: `database table column bucket name`.
        entries: Field to the kind of what stands under it, and is called `Name`.
        parents: A field of an entry that says that the entry is of a kind.
        addresses: Fields that hold a path.
        values: Fields that hold values of partitions.
        queries: Fields that hold SQL.
        bags: Fields that hold mappings into which anybody puts what they like.
        bag_keys: Keys there that say how a table is read, of which values stay.
        prose: Fields that hold what people wrote.
        plain: Fields that hold words of the provider.
        pages: Fields that hold the provider's mark of a page.
        accounts: How an account's number is spelled.
        ids: How other identifiers are spelled.
        principals: How a name of somebody is spelled, parted by `/`, as the group `names`.
        secrets: How secrets are spelled.
        strike: Strikes the secrets that are known out of a text.
        published: Distributions that anybody may have: their names are nobody's.
        replay: How a bundle is replayed: lines for its README.
    """

    words: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=dict)
    entries: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    addresses: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    queries: frozenset[str] = frozenset()
    bags: frozenset[str] = frozenset()
    bag_keys: re.Pattern[str] | None = None
    prose: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    accounts: re.Pattern[str] | None = None
    ids: re.Pattern[str] | None = None
    principals: re.Pattern[str] | None = None
    secrets: tuple[re.Pattern[str], ...] = ()
    strike: Callable[[str], str] | None = None
    published: frozenset[str] = frozenset()
    replay: tuple[str, ...] = ()


def footer_length(tail: bytes) -> int | None:
    """Return the length of a Parquet file's footer, its ending included; None if it is none.

    Args:
        tail: How the file ends.
    """
    return int.from_bytes(tail[-8:-4], "little") + 8 if tail[-4:] == b"PAR1" else None


class Recording:
    """The calls and answers of an operation. Thread-safe, bounded.

    Args:
        most: Bytes that are kept, about.
    """

    def __init__(self, most: int = limits.BUNDLE_BYTES // 2) -> None:
        self.calls: list[Call] = []
        self.excerpts: dict[tuple[str, str], Excerpt] = {}
        self.files: dict[tuple[str, str], DataFile] = {}
        self.plans: list[Plan] = []
        self.reports: list[tuple[CheckReport, float]] = []
        self.configurations: list[Mapping[str, Any]] = []
        self.secrets: set[str] = set()
        """Texts that must not be in a bundle, whatever says them."""
        self.values: set[str] = set()
        """Values of rows that were taken for names: the first row of a file without a header."""
        self.vocabularies: dict[str, Vocabulary] = {}
        """How calls are told, by who told them."""
        self.left_out = 0
        """Calls and parts of objects for which there was no room."""
        self._left = most
        self._closed = False
        self._lock = threading.Lock()

    @classmethod
    def current(cls) -> Recording | None:
        """Return the recording of the current context; None if there is none."""
        return _current.get()

    @contextmanager
    def on(self) -> Iterator[Recording]:
        """Record the calls of the block."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)
            # What was left behind by a check that ran out of time is not waited for.
            with self._lock:
                self._closed = True

    def speaks(self, who: str, vocabulary: Vocabulary) -> None:
        """Note how to read the calls of a plugin."""
        with self._lock:
            self.vocabularies[who] = vocabulary

    def call(self, call: Call) -> None:
        """Note a call."""
        size = len(json.dumps([call.asked, call.answer, call.error], default=str))
        with self._lock:
            if self._room(size):
                self.calls.append(call)

    def excerpt(self, excerpt: Excerpt) -> None:
        """Note a part of an object; of the same part the first is kept."""
        key = (excerpt.path, excerpt.form)
        with self._lock:
            if key not in self.excerpts and self._room(len(excerpt.content)):
                self.excerpts[key] = excerpt

    def footer(self, path: str, tail: bytes, size: int, etag: str | None) -> None:
        """Note the footer of a Parquet file, and no byte before it, if its tail holds all of it.

        Args:
            path: The file.
            tail: How it ends.
            size: Bytes of the file.
            etag: Its version mark.
        """
        length = footer_length(tail)
        if length is not None and length <= len(tail):
            self.excerpt(Excerpt(path, "footer", tail[-length:], size, etag))

    def footer_wanted(self, auth_ref: str, file: DataFile) -> None:
        """Note that the footer of a file was read, for readers that do not note its bytes."""
        with self._lock:
            if self._closed:
                return
            if len(self.files) < FILES:
                self.files.setdefault((auth_ref, file.path), file)
            elif (auth_ref, file.path) not in self.files:
                self.left_out += 1

    def plan(self, plan: Plan) -> None:
        """Note a plan."""
        with self._lock:
            self.plans.append(plan)

    def report(self, report: CheckReport, seconds: float) -> None:
        """Note the report of an examination, finished or not, and how long it took."""
        with self._lock:
            self.reports.append((report, seconds))

    def configuration(self, configuration: Mapping[str, Any], secrets: set[str]) -> None:
        """Note how what is examined is configured, and the secrets in it."""
        with self._lock:
            self.configurations.append(configuration)
            self.secrets |= secrets

    def hide(self, values: Iterable[str]) -> None:
        """Note values of rows that reports may show as names."""
        with self._lock:
            self.values.update(v for v in values if len(v) >= _SHORTEST_VALUE)

    def _room(self, size: int) -> bool:
        if self._closed:
            return False
        if size > self._left:
            self.left_out += 1
            return False
        self._left -= size
        return True
