"""The ledger as a value, and what it does with a store."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from core.tests.ledger.entries import START, entry, unchecked
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ConfigError, LedgerError, LedgerMovedError
from headwater.ledger import ledger as ledgers
from headwater.ledger.ledger import Ledger


class Kept:
    """A store in memory that saves all of a ledger, and notes how often."""

    def __init__(self) -> None:
        self.content, self.saves = b"", 0
        self.mark: str | None = None
        self.answers: list[BaseException] = []

    def load(self) -> tuple[bytes, str | None]:
        return self.content, self.mark

    def save(self, content: bytes, expected_mark: str | None) -> str | None:
        if expected_mark != self.mark:
            raise LedgerMovedError("moved")
        self.saves += 1
        self.content, self.mark = content, str(self.saves)
        if self.answers:
            raise self.answers.pop()
        return self.mark


def commit(ledger: Ledger, day: int, generation: int = 1, **changed: object) -> None:
    new = entry(day, generation, **changed)
    ledger.commit(new, ledger.entries.get(new.window_key))


def test_a_new_ledger_is_empty() -> None:
    assert (Ledger().version, Ledger().keys(), len(Ledger())) == (0, {}, 0)
    assert Ledger.from_bytes(b"").version == 0


def test_a_ledger_comes_back_from_its_bytes() -> None:
    ledger = Ledger()
    commit(ledger, 3)
    commit(ledger, 1, next=START + timedelta(days=40), pins={"lake.t": 7})
    again = Ledger.from_bytes(ledger.to_bytes())
    assert again.entries == ledger.entries
    assert again.version == ledger.version == 2
    assert again.to_bytes() == ledger.to_bytes()


def test_a_person_can_read_it() -> None:
    ledger = Ledger()
    commit(ledger, 3)
    commit(ledger, 1)
    first, *lines = unchecked(ledger.to_bytes()).decode().splitlines()
    assert json.loads(first) == {"headwater": "ledger", "format": 1, "version": 2, "windows": 2}
    keys = [json.loads(line)["key"] for line in lines]
    assert keys == sorted(keys)
    assert keys[0].startswith("insurance/v1/serving/1d/2026-01-02T00:00Z/g1-")
    assert '"done_at":"2026-02-01T00:00:07.123456Z"' in lines[0]


def test_keys_tell_what_is_current() -> None:
    ledger = Ledger()
    commit(ledger, 1)
    commit(ledger, 1, 2)
    new = entry(1, 2)
    assert ledger.keys() == {new.window_key: new.key}
    assert new.key == f"{new.window_key}/g2-{new.share}"


def test_a_window_that_somebody_else_handed_over_is_not_taken() -> None:
    ledger = Ledger()
    commit(ledger, 1)
    with pytest.raises(LedgerMovedError, match="1d/2026-01-02") as caught:
        ledger.commit(entry(1, 2), None)
    assert caught.value.retryable
    assert ledger.version == 1
    ledger.commit(entry(2), None)


def test_what_a_newer_headwater_wrote_beside_is_kept() -> None:
    ledger = Ledger()
    commit(ledger, 1)
    text = unchecked(ledger.to_bytes()).replace(b'"content":', b'"confidence":{"low":1},"content":')
    assert unchecked(Ledger.from_bytes(text).to_bytes()) == text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"rows":123456', b'"rows":123457'),
        (b'"version":3', b'"version":4'),
        (b'"state":"closed"', b'"state":"open"'),
        (b'"counts"', b' "counts"'),
        (b'{"check":"', b'{"other":1,"check":"'),
        (b'{"check":"', b'{"check":1,"check_":"'),
    ],
)
def test_a_line_that_was_edited_is_noticed(old: bytes, new: bytes) -> None:
    assert old in CHECKED
    with pytest.raises(LedgerError, match=r"line [1-4]: it was edited") as caught:
        Ledger.from_bytes(CHECKED.replace(old, new))
    assert caught.value.code == "ledger-damaged"


def test_lines_without_a_checksum_are_taken_as_they_are() -> None:
    assert Ledger.from_bytes(WHOLE).to_bytes() == CHECKED


def test_ten_thousand_windows_take_less_than_six_megabytes() -> None:
    ledger = Ledger()
    for day in range(10_000):
        commit(ledger, day)
    assert len(ledger.to_bytes()) < 6_000_000


LINES = Ledger()
for _day in range(3):
    commit(LINES, _day)
CHECKED = LINES.to_bytes()
WHOLE = unchecked(CHECKED)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"hello", "ledger-damaged"),
        (b"\n", "ledger-damaged"),
        (b"{}\n", "ledger-damaged"),
        (b"\x00" * 512, "ledger-damaged"),
        (b"\xff\xfe\n", "ledger-damaged"),
        (WHOLE[len(WHOLE) // 2 :], "ledger-damaged"),
        (WHOLE[: len(WHOLE) // 2], "ledger-damaged"),
        (b"".join(WHOLE.splitlines(keepends=True)[:-1]), "ledger-damaged"),
        (WHOLE.replace(b'"format":1', b'"format":2'), "ledger-newer"),
        (WHOLE.replace(b'"format":1', b'"format":true'), "ledger-damaged"),
        (WHOLE.replace(b'"version":3', b'"version":-3'), "ledger-damaged"),
        (WHOLE.replace(b'"version":3', b'"version":"3"'), "ledger-damaged"),
        (WHOLE.replace(b"/g1-", b"/g0-"), "ledger-damaged"),
        (WHOLE.replace(b'"rows":123456', b'"rows":-1'), "ledger-damaged"),
        (WHOLE.replace(b'"rows":123456', b'"rows":1e999'), "ledger-damaged"),
        (WHOLE.replace(b'"rows":123456', b'"rows":NaN'), "ledger-damaged"),
        (WHOLE.replace(b'"rows":123456', b'"rows":' + b"9" * 5000), "ledger-damaged"),
        (WHOLE.replace(b'"state":"closed"', b'"state":"gone"'), "ledger-damaged"),
        (WHOLE.replace(b'"state":"closed"', b'"state":{}'), "ledger-damaged"),
        (WHOLE.replace(b"2026-01-02T00:00Z", b"2026-13-02T00:00Z"), "ledger-damaged"),
        (WHOLE.replace(b'"state":"closed"', b'"state":"closed","x":"\\ud800"'), "ledger-damaged"),
        (WHOLE.replace(b'"state":"closed"', b'"state":"closed","state":"open"'), "ledger-damaged"),
        (WHOLE.replace(b'{"as_of"', b"[" * 100_000 + b'{"as_of"'), "ledger-damaged"),
        (WHOLE.replace(b'"state":', b'"x":"' + b"x" * 300_000 + b'","state":'), "ledger-damaged"),
        (WHOLE.replace(WHOLE.splitlines()[2], WHOLE.splitlines()[1]), "ledger-damaged"),
        (WHOLE + b"{}\n", "ledger-damaged"),
    ],
)
def test_what_is_no_ledger_is_refused_by_name(content: bytes, code: str) -> None:
    with pytest.raises(LedgerError) as caught:
        Ledger.from_bytes(content)
    assert caught.value.code == code
    assert caught.value.hint


def test_a_line_that_was_cut_while_it_was_added_is_left_out() -> None:
    added = CHECKED.splitlines(keepends=True)[1]
    for cut in (1, 20, len(added) - 1):
        ledger = Ledger.from_bytes(CHECKED + added[:cut])
        assert ledger.to_bytes() == CHECKED


@settings(deadline=None)
@given(st.data())
def test_whatever_is_made_of_its_bytes_is_read_or_refused(data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["put", "cut", "twice"])):
            case "put":
                content[place] = data.draw(st.integers(0, 255))
            case "cut":
                del content[place : place + data.draw(st.integers(1, 50))]
            case "twice":
                content[place:place] = content[place : place + data.draw(st.integers(1, 500))]
        if not content:
            return
    with suppress(LedgerError):
        ledger = Ledger.from_bytes(bytes(content))
        assert Ledger.from_bytes(ledger.to_bytes()).to_bytes() == ledger.to_bytes()


def test_a_store_keeps_what_was_handed_over() -> None:
    store = Kept()
    ledger = Ledger.load(store)
    commit(ledger, 1)
    assert Ledger.load(store).keys() == ledger.keys()
    assert store.saves == 1


def test_windows_that_are_handed_over_together_are_saved_together() -> None:
    store = Kept()
    ledger = Ledger.load(store)
    with ledger.batch():
        for day in range(ledgers.WINDOWS + 10):
            commit(ledger, day)
        assert store.saves == 1
    assert store.saves == 2
    assert Ledger.load(store).keys() == ledger.keys()


def test_what_was_handed_over_before_a_failure_is_saved() -> None:
    store = Kept()
    ledger = Ledger.load(store)

    def fail() -> None:
        with ledger.batch():
            commit(ledger, 1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert Ledger.load(store).keys() == ledger.keys()


def test_two_who_hand_over_different_windows_both_succeed() -> None:
    store = Kept()
    one, two = Ledger.load(store), Ledger.load(store)
    commit(one, 1)
    commit(two, 2)
    commit(one, 3)
    assert len(Ledger.load(store)) == 3
    assert one.version == 3


def test_of_two_who_hand_over_the_same_window_one_is_told() -> None:
    store = Kept()
    one, two = Ledger.load(store), Ledger.load(store)
    commit(one, 1)
    with pytest.raises(LedgerMovedError):
        two.commit(entry(1, rows="0" * 16), None)
    assert Ledger.load(store).keys() == one.keys() == two.keys()
    with pytest.raises(LedgerMovedError):
        Ledger.load(store).commit(entry(1), None)


def test_of_windows_saved_together_only_those_of_others_are_refused() -> None:
    store = Kept()
    one, two = Ledger.load(store), Ledger.load(store)
    commit(one, 1)

    def hand_over() -> None:
        with two.batch():
            for day in range(4):
                two.commit(entry(day, rows="0" * 16), None)

    with pytest.raises(LedgerMovedError, match="2026-01-02"):
        hand_over()
    kept = Ledger.load(store)
    assert len(kept) == 4
    assert kept.entries == two.entries
    assert kept.entries[entry(1).window_key] == entry(1)


def test_a_save_whose_answer_was_lost_is_known_for_ones_own() -> None:
    store = Kept()
    ledger = Ledger.load(store)
    # S3's client tries again by itself, and finds what it had saved before.
    store.answers = [LedgerMovedError("moved")]
    commit(ledger, 1)
    assert store.saves == 1
    commit(ledger, 2)
    assert len(Ledger.load(store)) == 2


def test_what_could_not_be_saved_is_not_in_the_ledger() -> None:
    store = Kept()
    ledger = Ledger.load(store)
    store.save = lambda *_: (_ for _ in ()).throw(LedgerError("disk full"))  # type: ignore[method-assign]
    with pytest.raises(LedgerError, match="disk full"):
        commit(ledger, 1)
    assert (ledger.keys(), ledger.version) == ({}, 0)


def test_a_store_that_does_not_tell_its_mark_is_asked() -> None:
    class Silent(Kept):
        def save(self, content: bytes, expected_mark: str | None) -> None:
            super().save(content, expected_mark)

    store = Silent()
    one, two = Ledger.load(store), Ledger.load(store)
    commit(one, 1)
    commit(two, 2)
    commit(one, 3)
    assert len(Ledger.load(store)) == 3


def test_others_who_save_all_the_time_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.ledger.ledger.time.sleep", lambda _: None)
    store = Kept()
    ledger = Ledger.load(store)
    store.save = lambda *_: (_ for _ in ()).throw(LedgerMovedError("moved"))  # type: ignore[method-assign]
    with pytest.raises(LedgerMovedError, match="30 times"):
        commit(ledger, 1)


def test_threads_share_a_ledger(tmp_path: Path) -> None:
    ledger = Ledger.load(tmp_path / "ledger")
    threads = [threading.Thread(target=commit, args=(ledger, day)) for day in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Ledger.load(tmp_path / "ledger")) == 16


def test_a_place_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="int"):
        Ledger.load(7)  # type: ignore[arg-type]
