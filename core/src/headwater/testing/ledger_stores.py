"""LedgerStoreContract: what every store of a ledger promises.

class TestShelf(LedgerStoreContract):
    @pytest.fixture
    def store(self, shelf):
        return ShelfLedgerStore(place=shelf.name)

    @pytest.fixture
    def hidden_store(self, shelf):
        return ShelfLedgerStore(place=shelf.name, user="nobody")
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
from pydantic import BaseModel

from headwater.errors import HeadwaterError, LedgerError, LedgerMovedError
from headwater.interfaces.ledger_store import Appending, KeepingFiles, LedgerStore
from headwater.interfaces.offers import offers
from headwater.ledger.ledger_text import write
from headwater.testing.canaries import error_places, listening, secrets, shown, unsaid, value_places
from headwater.testing.contract import Contract, expect, fitting, offline, undeclared
from headwater.testing.leftovers import leftovers_and_files
from headwater.testing.sources.support import fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from headwater.plugins.registry import PluginRegistry

_RUNNERS: Final = 8
_SAVES: Final = 12
_LARGE: Final = 6 * 1024 * 1024
"""Bytes of a ledger of ten thousand windows."""


def _content(number: int) -> bytes:
    """Return a ledger's text, another for each number."""
    return write(number, ())


class LedgerStoreContract(Contract):
    """What every store promises; a subclass overrides `store` and `hidden_store`."""

    @pytest.fixture
    def store(self) -> LedgerStore:
        """Override: return a store in which nothing was saved."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture store")

    @pytest.fixture
    def hidden_store(self) -> LedgerStore:
        """Override: return a store whose place can't be looked at: no right, no such bucket."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture hidden_store")

    @pytest.fixture
    def again(self, store: LedgerStore) -> Callable[[], LedgerStore]:
        """Give another store of the same place, as another process would make it."""
        if isinstance(store, BaseModel):
            return lambda: type(store)(**fields(store))
        raise NotImplementedError(f"{type(self).__name__} must override the fixture again")

    def test_every_call_ends_in_time(self, store: LedgerStore, hidden_store: LedgerStore) -> None:
        """Each method of a store returns within `deadline` seconds, also where it may not look.

        If it fails: the message says which call hangs, and in which line. Give it a timeout.
        """
        self.within("store.load()", store.load)
        self.within("store.save(content, None)", lambda: store.save(_content(1), None))
        with contextlib.suppress(HeadwaterError):
            self.within("load() of the hidden store", hidden_store.load)

    def test_its_kind_is_registered(
        self, store: LedgerStore, headwater_registry: PluginRegistry
    ) -> None:
        """`ledger: {type: <kind>}` in a configuration file means this class.

        If it fails: return LedgerSpec(kind, "module:Class") from the hook headwater_ledgers, and
        give the class that `kind`.
        """
        kind = inspect.getattr_static(type(store), "kind", "")
        assert headwater_registry.ledger_class(kind) is type(store)

    def test_it_is_a_frozen_value(self, store: LedgerStore) -> None:
        """A configuration file makes it, a misspelled option is an error, and it does not change.

        If it fails: derive it from pydantic's BaseModel, with frozen=True and extra="forbid".
        """
        assert isinstance(store, BaseModel)
        assert type(store)(**fields(store)) == store
        with pytest.raises(ValueError, match="no_such_option"):
            type(store)(**{**fields(store), "no_such_option": 1})
        name = next(iter(type(store).model_fields))
        with pytest.raises(ValueError, match="frozen"):
            setattr(store, name, getattr(store, name))

    def test_making_it_asks_nobody(self, again: Callable[[], LedgerStore]) -> None:
        """A configuration is read where the store can't be reached: when it is made, it is quiet.

        If it fails: connect in load and save.
        """
        with offline():
            again()

    def test_its_abilities_fit(
        self, store: LedgerStore, record_property: Callable[[str, object], None]
    ) -> None:
        """What it has beyond the minimum is recognised; a misspelled name would be passed over.

        If it fails: name and sign the method as `headwater.interfaces.ledger_store` does.
        """
        fitting(store, LedgerStore, record_property)

    def test_nothing_saved_is_nothing(self, store: LedgerStore) -> None:
        """Before the first save there are no bytes and no mark: an empty ledger.

        If it fails: return (b"", None) where it is certain that nothing is there.
        """
        assert store.load() == (b"", None)

    def test_what_can_not_be_looked_at_is_not_empty(self, hidden_store: LedgerStore) -> None:
        """Where nobody may say whether there is a ledger, that is an error, and no empty ledger.

        If it fails: raise LedgerError (or AccessDeniedError) for every answer but a certain no.
        """
        with pytest.raises(HeadwaterError):
            hidden_store.load()

    def test_its_secrets_stay_secret(self, store: LedgerStore, hidden_store: LedgerStore) -> None:
        """No repr, dump, pickle, log or error of a store shows a secret; its errors pickle.

        If it fails: hold secrets as `headwater.Secret`, or by reference (`env:NAME`), never as str;
        and quote no connection string in an error.
        """
        hidden = secrets(store, hidden_store)
        with listening() as output:
            store.load()
            try:
                hidden_store.load()
                raised = None
            except HeadwaterError as error:
                raised = error
        faults = shown(unsaid(hidden), output)
        if raised is not None:
            assert str(pickle.loads(pickle.dumps(raised))) == str(raised)  # noqa: S301
            faults += shown(hidden, error_places(raised))
        if isinstance(store, BaseModel):
            faults += shown(hidden, value_places("the store", store))
        expect(
            faults,
            "hold it as headwater.Secret or by reference, and quote it in no error and no log",
        )

    def test_bytes_are_kept_as_they_are(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Every byte comes back: ends of lines of other systems, NUL, what is no UTF-8.

        If it fails: write and read bytes, not text; look for what translates, trims or compresses.
        """
        odd = _content(1) + bytes(range(256)) + b"\r\n\n \r\n"
        store.save(odd, None)
        content = again().load()[0]
        expect(
            []
            if content == odd
            else [f"of {len(odd)} bytes came {len(content)}: {content[-30:]!r}"],
            "write and read bytes, not text: no encoding, no ends of lines, no trimming",
        )

    def test_it_leaves_nothing_behind(
        self, store: LedgerStore, again: Callable[[], LedgerStore], tmp_path: Path
    ) -> None:
        """After loading and saving, no thread, connection or temporary file is left.

        If it fails: close what a call opened before it returns; rename or delete temporary files.
        """
        numbers = itertools.count(1)
        store.save(_content(0), None)

        def use() -> None:
            other = again()
            _, mark = other.load()
            other.save(_content(next(numbers)), mark)

        leftovers = leftovers_and_files(use, store, tmp_path)
        expect(
            [f"each save leaves {f}" for f in leftovers], "close what a call opened; delete files"
        )

    def test_what_is_saved_comes_back(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """What was saved is loaded byte by byte, in this process and in others, with its mark.

        If it fails: keep the bytes as they are, in a place that other processes see.
        """
        mark = store.save(_content(1), None)
        for other in (store, again()):
            content, loaded_mark = other.load()
            assert content == _content(1)
            assert loaded_mark is not None
            assert mark in (None, loaded_mark)

    def test_a_large_ledger_comes_back(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Ten thousand windows are some megabytes.

        If it fails: look for a limit on what is written or read at once.
        """
        large = _content(1) + b"x" * _LARGE + b"\n"
        store.save(large, None)
        assert again().load()[0] == large

    def test_a_mark_stands_for_what_was_saved(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Each save is in the place of the one before, and has a mark of its own.

        If it fails: make the mark of the bytes, or count.
        """
        marks: list[str] = []
        for number in (1, 2, 3):
            store.save(_content(number), marks[-1] if marks else None)
            content, mark = again().load()
            assert content == _content(number)
            assert mark is not None
            marks.append(mark)
        assert len(set(marks)) == 3

    def test_a_first_save_finds_nothing(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Who expects nothing does not overwrite what somebody else saved first.

        If it fails: for expected_mark None, write only where nothing is; else LedgerMovedError.
        """
        store.save(_content(1), None)
        with pytest.raises(LedgerMovedError):
            again().save(_content(2), None)
        assert store.load()[0] == _content(1)

    def test_a_mark_of_before_is_refused(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Who was overtaken is told, and changes nothing: what it knows is no longer true.

        If it fails: compare expected_mark with what is there, in the same step as the write.
        """
        store.save(_content(1), None)
        other = again()
        _, mark = other.load()
        store.save(_content(2), mark)
        with pytest.raises(LedgerMovedError):
            other.save(_content(3), mark)
        assert store.load()[0] == again().load()[0] == _content(2)

    def test_a_ledger_that_is_gone_is_not_replaced(self, store: LedgerStore) -> None:
        """Where something was expected and nothing is, somebody took it away: that is told.

        If it fails: for a mark, write only in the place of what has it; else LedgerMovedError.
        """
        with pytest.raises(LedgerMovedError):
            store.save(_content(1), "a mark of long ago")
        assert store.load()[0] == b""

    def test_of_many_at_once_one_wins(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Of several who save upon the same bytes at the same time, exactly one succeeds.

        If it fails: comparing and writing must be one step: a lock, or a conditional write.
        """
        store.save(_content(1), None)
        runners = [again() for _ in range(_RUNNERS)]
        marks = [runner.load()[1] for runner in runners]
        together = threading.Barrier(_RUNNERS)

        def save(number: int) -> int | None:
            together.wait()
            try:
                runners[number].save(_content(100 + number), marks[number])
            except LedgerMovedError:
                return None
            return number

        with ThreadPoolExecutor(_RUNNERS) as pool:
            won = [n for n in pool.map(save, range(_RUNNERS)) if n is not None]
        assert len(won) == 1
        assert store.load()[0] == again().load()[0] == _content(100 + won[0])

    def test_readers_see_whole_ledgers(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Who loads while somebody saves gets the old bytes or the new ones, whole.

        If it fails: write beside and rename, or in one request; never in place.
        """
        long, short = (write(n, ()) + letter * size + b"\n" for n, letter, size in (
            (1, b"a", 1_000_000), (2, b"b", 1_000)
        ))  # fmt: skip
        store.save(short, None)
        saves = []

        def write_on() -> None:
            for number in range(_SAVES):
                with contextlib.suppress(LedgerError):
                    _, mark = store.load()
                    store.save(short if number % 2 else long, mark)
                saves.append(number)

        reader = again()
        writer = threading.Thread(target=write_on)
        writer.start()
        wholes = []
        while len(saves) < _SAVES:
            wholes.append(reader.load()[0] in (long, short))
        writer.join()
        assert all(wholes)

    def test_a_line_that_is_added_comes_back(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """A store that adds lines has them behind what was saved, under the same conditions.

        If it fails: append as save does: compare the mark, make it last, return the new mark.
        """
        if not offers(store, Appending):
            undeclared(store, "append")
            return
        store.save(_content(1), None)
        other = again()
        assert offers(other, Appending)
        _, mark = other.load()
        store.append(b"one\n", mark)
        with pytest.raises(LedgerMovedError):
            other.append(b"two\n", mark)
        content, mark = other.load()
        assert content == _content(1) + b"one\n"
        other.append(b"two\n", mark)
        assert again().load()[0] == _content(1) + b"one\ntwo\n"

    def test_of_many_lines_at_once_one_wins(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """Of several who add a line behind the same bytes at the same time, exactly one succeeds.

        If it fails: compare the mark and add the line in one step: a lock, a conditional write.
        """
        if not offers(store, Appending):
            undeclared(store, "append")
            return
        store.save(_content(1), None)
        _, first = store.load()
        store.append(b"first\n", first)
        with contextlib.suppress(LedgerMovedError):
            store.append(b"late\n", first)
            return  # that is another promise
        runners = [again() for _ in range(_RUNNERS)]
        marks = [runner.load()[1] for runner in runners]
        together = threading.Barrier(_RUNNERS)

        def add(number: int) -> int | None:
            runner = runners[number]
            assert offers(runner, Appending)
            together.wait()
            try:
                runner.append(b"%d\n" % number, marks[number])
            except LedgerMovedError:
                return None
            return number

        with ThreadPoolExecutor(_RUNNERS) as pool:
            won = [n for n in pool.map(add, range(_RUNNERS)) if n is not None]
        lines = again().load()[0].removeprefix(_content(1) + b"first\n").splitlines()
        expect(
            []
            if len(won) == 1 and lines == [b"%d" % n for n in won]
            else [f"{len(won)} of {_RUNNERS} succeeded, as they were told; the ledger has {lines}"],
            "compare the mark and add the line in one step: a lock, or a conditional write",
        )

    def test_what_is_kept_of_files_comes_back_and_is_no_part_of_the_ledger(
        self, store: LedgerStore, again: Callable[[], LedgerStore]
    ) -> None:
        """A store that keeps facts of files gives them back, and its ledger stays as it was.

        If it fails: keep them at a place of their own, as bytes, for most are no text; and give no
        bytes where there are none.
        """
        content = b"one\n" + bytes(range(256))
        if not offers(store, KeepingFiles):
            undeclared(store, "load_files")
            return
        assert store.load_files() == b""
        store.save_files(content)
        assert store.load() == (b"", None), "there is a ledger that nobody saved"
        mark = store.save(_content(1), None)
        other = again()
        assert offers(other, KeepingFiles)
        assert other.load_files() == content
        other.save_files(b"two\n")
        assert again().load() == (_content(1), mark or again().load()[1])
        assert offers(store, KeepingFiles)
        assert store.load_files() == b"two\n"
