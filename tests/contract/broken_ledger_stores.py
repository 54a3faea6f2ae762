"""Stores of ledgers that break one promise each: what `test_broken_plugins.py` runs."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ConfigDict

from headwater.auth.credentials import Secret
from headwater.errors import LedgerError, LedgerMovedError
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.ledger_store import LedgerStore
from headwater.interfaces.specs import LedgerSpec
from headwater.testing import LedgerStoreContract

SHELVES: dict[str, bytes] = {}
SAVES: dict[str, int] = {}
SAVERS: dict[str, int] = {}
LOCK = threading.Lock()


class Whole(BaseModel):
    """Keeps every promise: a shelf in this process, which all who name it share."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: ClassVar[str] = "shelf"

    place: str

    def load(self) -> tuple[bytes, str | None]:
        self.look()
        content = SHELVES.get(self.place)
        return (b"", None) if content is None else (content, self.mark(content))

    def save(self, content: bytes, expected_mark: str | None) -> str | None:
        with LOCK:
            self.expect(expected_mark)
            self.put(content)
        return self.mark(content)

    def look(self) -> None:
        if self.place == "hidden":
            raise LedgerError("the shelf is hidden")

    def put(self, content: bytes) -> None:
        SHELVES[self.place] = content
        SAVES[self.place] = SAVES.get(self.place, 0) + 1
        SAVERS[self.place] = threading.get_ident()

    def mark(self, content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    def expect(self, mark: str | None) -> None:
        content = SHELVES.get(self.place)
        if mark != (None if content is None else self.mark(content)):
            raise LedgerMovedError("somebody else was here")


class Good(Whole):
    """Adds lines, too."""

    def append(self, line: bytes, expected_mark: str | None) -> str | None:
        with LOCK:
            Whole.expect(self, expected_mark)
            self.put(SHELVES[self.place] + line)
            return self.mark(SHELVES[self.place])


class Shelf(LedgerStoreContract):
    """Tests the class that a suite names."""

    breaks = ""
    Store: ClassVar[type[Any]]
    given: ClassVar[str] = ""

    @pytest.fixture
    def store(self) -> LedgerStore:
        for told in (SHELVES, SAVES, SAVERS):
            told.clear()
        store: LedgerStore = self.Store(place="here")
        return store

    @pytest.fixture
    def hidden_store(self) -> LedgerStore:
        store: LedgerStore = self.Store(place="hidden")
        return store

    @pytest.fixture
    def headwater_plugins(self) -> list[object]:
        @hookimpl
        def headwater_ledgers() -> list[LedgerSpec]:
            return [LedgerSpec("shelf", f"{__name__}:{self.given or self.Store.__name__}")]

        return [SimpleNamespace(__name__="shelf", headwater_ledgers=headwater_ledgers)]


class SuiteGood(Shelf):
    Store = Good


class SuiteWithoutLines(Shelf):
    Store = Whole


class SuiteRegistersAnother(Shelf):
    Store = Good
    given = "Whole"
    breaks = "test_its_kind_is_registered"


class Lenient(Good):
    model_config = ConfigDict(extra="ignore")


class SuiteLenient(Shelf):
    Store = Lenient
    breaks = "test_it_is_a_frozen_value"


class Eager(Good):
    def model_post_init(self, context: object) -> None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()


class SuiteEager(Shelf):
    Store = Eager
    breaks = "test_making_it_asks_nobody"


class Misspelt(Whole):
    def apend(self, line: bytes, expected_mark: str | None) -> str | None:
        return None


class SuiteMisspelt(Shelf):
    Store = Misspelt
    breaks = "test_its_abilities_fit"


class Marked(Good):
    def load(self) -> tuple[bytes, str | None]:
        content, mark = super().load()
        return content, mark or "nothing"


class SuiteMarksNothing(Shelf):
    Store = Marked
    breaks = "test_nothing_saved_is_nothing"


class Shrugging(Good):
    def look(self) -> None:
        """Who may not look sees nothing."""


class SuiteShrugs(Shelf):
    Store = Shrugging
    breaks = "test_what_can_not_be_looked_at_is_not_empty"


class Mistaken(Good):
    def save(self, content: bytes, expected_mark: str | None) -> str | None:
        super().save(content, expected_mark)
        return "saved"


class SuiteMistaken(Shelf):
    Store = Mistaken
    breaks = "test_what_is_saved_comes_back"


class Narrow(Good):
    def put(self, content: bytes) -> None:
        super().put(content[: 5 * 1024 * 1024])


class SuiteNarrow(Shelf):
    Store = Narrow
    breaks = "test_a_large_ledger_comes_back"


class Alternating(Good):
    def mark(self, content: bytes) -> str:
        return str(SAVES.get(self.place, 0) % 2)


class SuiteAlternating(Shelf):
    Store = Alternating
    breaks = "test_a_mark_stands_for_what_was_saved"


class Overwriting(Good):
    def expect(self, mark: str | None) -> None:
        if mark is not None:
            super().expect(mark)


class SuiteOverwrites(Shelf):
    Store = Overwriting
    breaks = "test_a_first_save_finds_nothing"


class Trusting(Good):
    def expect(self, mark: str | None) -> None:
        """Whoever saved last may save again, whatever they know."""
        if mark is None or SAVERS.get(self.place) != threading.get_ident():
            super().expect(mark)


class SuiteTrusts(Shelf):
    Store = Trusting
    breaks = "test_a_mark_of_before_is_refused"


class Restoring(Good):
    def expect(self, mark: str | None) -> None:
        if self.place in SHELVES:
            super().expect(mark)


class SuiteRestores(Shelf):
    Store = Restoring
    breaks = "test_a_ledger_that_is_gone_is_not_replaced"


class Racing(Good):
    def save(self, content: bytes, expected_mark: str | None) -> str | None:
        self.expect(expected_mark)
        time.sleep(0.05)
        self.put(content)
        return self.mark(content)


class SuiteRaces(Shelf):
    Store = Racing
    breaks = "test_of_many_at_once_one_wins"


class Halving(Good):
    def put(self, content: bytes) -> None:
        SHELVES[self.place] = content[: len(content) // 2]
        time.sleep(0.005)
        super().put(content)


class SuiteHalves(Shelf):
    Store = Halving
    breaks = "test_readers_see_whole_ledgers"


class Appender(Whole):
    def append(self, line: bytes, expected_mark: str | None) -> str | None:
        self.put(SHELVES[self.place] + line)
        return self.mark(SHELVES[self.place])


class SuiteAppends(Shelf):
    Store = Appender
    breaks = "test_a_line_that_is_added_comes_back"


class Facts(Good):
    """Keeps what is told of files, too."""

    def load_files(self) -> bytes:
        return SHELVES.get(f"{self.place} files", b"")

    def save_files(self, content: bytes) -> None:
        SHELVES[f"{self.place} files"] = content


class SuiteFacts(Shelf):
    Store = Facts


class Mixing(Facts):
    def save_files(self, content: bytes) -> None:
        super().save_files(content)
        SHELVES[self.place] = content


class SuiteMixes(Shelf):
    Store = Mixing
    breaks = "test_what_is_kept_of_files_comes_back_and_is_no_part_of_the_ledger"


class Texts(Facts):
    """Takes what is told of files for a text."""

    def save_files(self, content: bytes) -> None:
        super().save_files(content.decode(errors="replace").encode())


class SuiteTexts(Shelf):
    Store = Texts
    breaks = "test_what_is_kept_of_files_comes_back_and_is_no_part_of_the_ledger"


class Waiting(Good):
    def look(self) -> None:
        threading.Event().wait()


class SuiteWaits(Shelf):
    Store = Waiting
    deadline = 1
    breaks = "test_every_call_ends_in_time"


class Plain(Good):
    """Holds its password as a text."""

    password: str = "hunter2"


class SuitePlain(Shelf):
    Store = Plain
    breaks = "test_its_secrets_stay_secret"


class Quoting(Good):
    """Quotes what it connects with."""

    password: Secret = Secret("hunter2-canary")
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def look(self) -> None:
        if self.place == "hidden":
            raise LedgerError(f"can't connect with {self.password.reveal()}")


class SuiteQuoting(Shelf):
    Store = Quoting
    breaks = "test_its_secrets_stay_secret"


class Translating(Good):
    """Writes text, and has ends of lines translated."""

    def put(self, content: bytes) -> None:
        super().put(content.replace(b"\r\n", b"\n"))


class SuiteTranslates(Shelf):
    Store = Translating
    breaks = "test_bytes_are_kept_as_they_are"


class Littering(Good):
    """Writes beside, and leaves that there."""

    def put(self, content: bytes) -> None:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(content)
        super().put(Path(file.name).read_bytes())


class SuiteLitters(Shelf):
    Store = Littering
    breaks = "test_it_leaves_nothing_behind"


class Overtaking(Whole):
    """Compares, and adds the line a little later."""

    def append(self, line: bytes, expected_mark: str | None) -> str | None:
        self.expect(expected_mark)
        time.sleep(0.05)
        with LOCK:
            self.put(SHELVES[self.place] + line)
            return self.mark(SHELVES[self.place])


class SuiteOvertakes(Shelf):
    Store = Overtaking
    breaks = "test_of_many_lines_at_once_one_wins"


SUITES = {
    name: suite
    for name, suite in dict(globals()).items()
    if name.startswith("Suite") and isinstance(suite, type)
}
