"""Ledger: what was handed over of each window, as a value, or as what a store keeps."""

from __future__ import annotations

import logging
import os
import pickle
import random
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Any, Final

from headwater.errors import (
    ConfigError,
    HeadwaterError,
    LedgerError,
    LedgerMovedError,
    UnsupportedError,
)
from headwater.interfaces.ledger_store import Appending, KeepingFiles, LedgerStore
from headwater.interfaces.offers import offers
from headwater.ledger import ledger_text
from headwater.ledger.entries import Entry
from headwater.tables.file_facts import FileFacts

SECONDS: Final = 30.0
WINDOWS: Final = 100
"""How long, and for how many windows, a whole save may wait while several are handed over."""
_TRIES: Final = 30
"""How often a ledger is loaded again because somebody else saved: each time they got further."""
_log = logging.getLogger(__name__)


class Ledger:
    """What was handed over of each window of each connection.

    A new one is empty, and lives in memory: keep its bytes in the same transaction as your results,
    and rows and ledger are there together or not at all. `Ledger.load` gives one that a store
    keeps: then `Change.done` saves it. Thread-safe.

    Example:
        >>> ledger = Ledger()
        >>> Ledger.from_bytes(ledger.to_bytes()).version
        0
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._version = 0
        self._name = "the ledger"
        self._store: LedgerStore | None = None
        self._mark: str | None = None
        # Windows that wait to be saved, each with what stood in the ledger as it was planned.
        self._waiting: dict[str, tuple[Entry, Entry | None]] = {}
        self._saved_at = 0.0
        self._batches = 0
        self._facts: FileFacts | None = None
        self._lock = threading.RLock()

    @classmethod
    def from_bytes(cls, content: bytes) -> Ledger:
        """Return the ledger that `to_bytes` gave.

        Args:
            content: The text; of no bytes, the ledger is empty.

        Raises:
            LedgerError: With code `ledger-damaged` or `ledger-newer`, if it can't be read.
        """
        ledger = cls()
        text = ledger_text.read(bytes(content))
        ledger._entries, ledger._version = dict(text.entries), text.version
        return ledger

    @classmethod
    def load(cls, place: str | os.PathLike[str] | LedgerStore) -> Ledger:
        """Return the ledger that is kept at a place; where nothing is yet, an empty one.

        Args:
            place: A file of this machine, or a store.

        Raises:
            LedgerError: If it can't be read.
            ConfigError: If the place is none.
        """
        ledger = cls()
        if isinstance(place, str | os.PathLike):
            from headwater.ledger.file_store import FileLedgerStore

            ledger._store = FileLedgerStore(path=os.fspath(place))
            ledger._name = f"the ledger {os.fspath(place)}"
        elif offers(place, LedgerStore):
            ledger._store = place
            ledger._name = f"the ledger that a {type(place).__name__} keeps"
        else:
            raise ConfigError(
                f"a ledger is kept in a file or a LedgerStore, not a {type(place).__name__}",
                hint='e.g. Ledger.load("state/headwater.ledger")',
            )
        added = ledger._reload().added
        if added:
            ledger._compact()
        return ledger

    @property
    def version(self) -> int:
        """How many windows were ever handed over by it: it rises with each, and never falls."""
        return self._version

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What was handed over last of each window, by the window's key."""
        return MappingProxyType(self._entries)

    def keys(self) -> dict[str, str]:
        """Return the key of what is current of each window, by the window's key.

        Whatever else a consumer has of a window was superseded.
        """
        with self._lock:
            return {name: self._entries[name].key for name in sorted(self._entries)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Let it be sent to another process: as its text, or as its store, where it is loaded.

        Raises:
            UnsupportedError: If windows wait to be saved, or its store can't be sent.
        """
        with self._lock:
            if self._waiting:
                raise UnsupportedError(
                    f"{self._name} can't be sent to another process: {len(self._waiting)} windows "
                    "wait to be saved",
                    hint="leave the block of `with changes:` first",
                )
            if self._store is None:
                return Ledger.from_bytes, (self.to_bytes(),)
            try:
                pickle.dumps(self._store)  # so that what can't be sent is named
            except HeadwaterError:
                raise
            except Exception as error:
                raise UnsupportedError(
                    f"{self._name} can't be sent to another process: {error}",
                    hint="load it there, Ledger.load(...), of a store that is made there; one "
                    "whose identity names where its keys are (a profile) can be sent",
                ) from error
            return Ledger.load, (self._store,)

    def to_bytes(self) -> bytes:
        """Return the ledger as text: JSON lines, in order."""
        with self._lock:
            return ledger_text.write(self._version, self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Ledger of {len(self._entries):,} windows, version {self._version:,}>"

    @property
    def facts(self) -> FileFacts:
        """What is known of files by their footers: kept beside the ledger, or in memory."""
        with self._lock:
            if self._facts is None:
                self._facts, store = FileFacts(), self._store
                if store is not None and offers(store, KeepingFiles):
                    try:
                        self._facts = FileFacts.from_bytes(store.load_files())
                    except HeadwaterError as error:
                        _log.debug("files of %s: %s", self._name, error.message)
            return self._facts

    def save_facts(self) -> None:
        """Keep what is known of files, if it is more than was; where that fails, it is not kept."""
        with self._lock:
            facts, store = self._facts, self._store
            if facts is None or not facts.moved or store is None:
                return
            if not offers(store, KeepingFiles):
                return
            try:
                store.save_files(facts.to_bytes())
            except HeadwaterError as error:
                _log.debug("files of %s: %s", self._name, error.message)
            else:
                facts.moved = False

    def commit(self, entry: Entry, planned: Entry | None) -> None:
        """Take over what was handed over of a window, and save it, where a store keeps it.

        Args:
            entry: What was handed over.
            planned: What stood there as it was planned.

        Raises:
            LedgerMovedError: If somebody else handed over this window since.
            LedgerError: If it can't be saved; then it is not in the ledger.
        """
        self.commit_all([(entry, planned)])

    def commit_all(self, commits: Sequence[tuple[Entry, Entry | None]]) -> None:
        """Take over what was handed over of several windows, and save it at once; as `commit`.

        Args:
            commits: What was handed over of each, and what stood there as it was planned.
        """
        if not commits:
            return
        with self._lock:
            self._check(commits)
            if self._store is None:
                for entry, _ in commits:
                    self._put(entry)
            elif offers(self._store, Appending):
                self._append(self._store, commits)
            else:
                self._wait(commits)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Save what is handed over inside together, where each save writes the whole ledger.

        It is saved every 30 seconds or 100 windows, and at the end, also where the block fails.
        """
        with self._lock:
            self._batches += 1
            self._saved_at = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._batches -= 1
                self.save()

    def save(self) -> None:
        """Save what waits to be saved.

        Raises:
            LedgerMovedError: If somebody else handed over some of these windows; what they handed
                over holds, and the other windows are saved.
            LedgerError: If it can't be saved.
        """
        with self._lock:
            if not self._waiting or self._store is None:
                return
            moved: list[str] = []
            for attempt in range(_TRIES):
                writer = secrets.token_hex(8)
                content = ledger_text.write(self._version, self._entries.values(), writer)
                try:
                    self._mark = self._store.save(content, self._mark)
                except LedgerMovedError:
                    _pause(attempt)
                    # A save whose answer was lost is found here as our own.
                    moved += self._rebase(writer)
                    if self._waiting:
                        continue
                else:
                    self._waiting.clear()
                    if self._mark is None:
                        self._reload()
                self._saved_at = time.monotonic()
                if moved:
                    raise _moved(moved)
                return
            raise _never(_TRIES)

    def _wait(self, commits: Sequence[tuple[Entry, Entry | None]]) -> None:
        version = self._version
        before = {e.window_key: self._entries.get(e.window_key) for e, _ in commits}
        for entry, planned in commits:
            # What is planned of a window that waits already is what waits: its first base holds.
            base = self._waiting.get(entry.window_key, (entry, planned))[1]
            self._waiting[entry.window_key] = entry, base
            self._put(entry)
        due = (
            not self._batches
            or len(self._waiting) >= WINDOWS
            or time.monotonic() - self._saved_at >= SECONDS
        )
        if not due:
            return
        try:
            self.save()
        except LedgerMovedError:
            raise
        except BaseException:  # it may not be written, or nobody answers
            for name, entry_before in before.items():
                if self._waiting.pop(name, None) is not None:
                    self._version = version
                    _restore(self._entries, name, entry_before)
            raise

    def _append(self, store: Appending, commits: Sequence[tuple[Entry, Entry | None]]) -> None:
        entries = {entry.window_key: entry for entry, _ in commits}
        lines = b"".join(map(ledger_text.line, entries.values()))
        for attempt in range(_TRIES):
            try:
                if self._mark is None:
                    whole = {**self._entries, **entries}.values()
                    content = ledger_text.write(self._version + len(entries), whole)
                    self._mark = self._whole.save(content, None)
                else:
                    self._mark = store.append(lines, self._mark)
            except LedgerMovedError:
                _pause(attempt)
                self._reload()
                self._check(commits)
                continue
            for entry in entries.values():
                self._put(entry)
            if self._mark is None:
                self._reload()
            return
        raise _never(_TRIES)

    @property
    def _whole(self) -> LedgerStore:
        assert self._store is not None, "only what a store keeps is saved"
        return self._store

    def _put(self, entry: Entry) -> None:
        self._entries[entry.window_key] = entry
        self._version += 1

    def _check(self, commits: Sequence[tuple[Entry, Entry | None]]) -> None:
        moved = [
            entry.window_key
            for entry, planned in commits
            if self._entries.get(entry.window_key) != planned
        ]
        if moved:
            raise _moved(moved)

    def _reload(self) -> ledger_text.LedgerText:
        """Take what the store has in the place of what is here."""
        content, mark = self._whole.load()
        text = ledger_text.read(content, self._name)
        self._entries, self._version, self._mark = dict(text.entries), text.version, mark
        return text

    def _rebase(self, writer: str) -> list[str]:
        """Put what waits upon what the store has now; return the windows that others have done."""
        text = self._reload()
        waiting, self._waiting = self._waiting, {}
        if text.writer == writer:
            return []
        moved = []
        for name, (entry, planned) in waiting.items():
            if self._entries.get(name) == planned:
                self._waiting[name] = entry, planned
                self._put(entry)
            else:
                moved.append(name)
        return moved

    def _compact(self) -> None:
        """Write anew, in order, what was added line by line; who may not, reads it as it is."""
        with suppress(LedgerError):
            mark = self._whole.save(self.to_bytes(), self._mark)
            if mark is None:
                self._reload()
            else:
                self._mark = mark


def _restore(entries: dict[str, Entry], name: str, before: Entry | None) -> None:
    if before is None:
        entries.pop(name, None)
    else:
        entries[name] = before


def _pause(attempt: int) -> None:
    """Let others go first, a while that no two take alike."""
    if attempt:
        time.sleep(random.uniform(0, min(1.0, 0.01 * 2**attempt)))


def _moved(windows: list[str]) -> LedgerMovedError:
    shown = ", ".join(windows[:5]) + (f" and {len(windows) - 5} more" if len(windows) > 5 else "")
    return LedgerMovedError(
        f"somebody else handed over {shown} since the changes were planned: what they handed over "
        "holds",
        hint="ask for the changes again; mostly nothing is left to do",
    )


def _never(tries: int) -> LedgerMovedError:
    return LedgerMovedError(
        f"others saved the ledger {tries} times while this was tried: nothing was saved",
        hint="try again; if it is always so, keep a ledger for each model",
    )
