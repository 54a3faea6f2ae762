"""Windows of tables that no rule parts: footers say which of their files a window needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.counting import Openings

import headwater as hw
from headwater.changes.changes import Changes
from headwater.errors import DataChangedError
from headwater.tables.file_facts import FileFacts
from headwater.untrusted import limits

BASE = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, ROWS = 6, 12
NOW = BASE + timedelta(days=DAYS)
UTC_MICROSECONDS = pa.timestamp("us", "UTC")
COLUMNS = {"id": "string", "at": "timestamp", "x": "double"}

linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")


def moments(day: float, count: int = ROWS, step: float = 60) -> list[datetime]:
    return [BASE + timedelta(days=day, seconds=i * step) for i in range(count)]


def write(path: Path, at: Sequence[Any], type_: pa.DataType = UTC_MICROSECONDS, **how: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Any] = {
        "id": [f"{path.stem}-{i}" for i in range(len(at))],
        "at": pa.array(at, type_),
        "x": [float(i) for i in range(len(at))],
    }
    pq.write_table(pa.table(rows), path, **how)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "lake" / "flat"
    for day in range(DAYS):
        write(made / f"day{day}.parquet", moments(day))
    return made


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as made:
        yield made


def connect(workspace: hw.Workspace, folder: Path, **more: Any) -> hw.Connection:
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "regression", features={"x": "numeric"})
    for purpose in list(version.connections):
        version.disconnect(purpose)
    source = hw.FileDataSource(tables={"flat": str(folder)}, **more)
    return version.connect_serving(source, "id", "at")


@pytest.fixture
def serving(workspace: hw.Workspace, folder: Path) -> hw.Connection:
    return connect(workspace, folder)


def asked(serving: hw.Connection, ledger: Any) -> Changes:
    return serving.changes(BASE, NOW, every="1 day", ledger=ledger, now=NOW)


def days(changes: Changes) -> list[int]:
    return [(c.window.start - BASE).days for c in changes]


def taken(changes: Changes) -> list[int]:
    for change in changes:
        change.read().to_arrow()
        change.done()
    return days(changes)


def test_a_new_file_offers_the_windows_whose_time_it_holds(
    serving: hw.Connection, folder: Path
) -> None:
    ledger = hw.Ledger()
    first = asked(serving, ledger)
    assert [c.cost.files for c in first] == [1] * DAYS
    assert first.blocker is None
    taken(first)
    assert days(asked(serving, ledger)) == []
    write(folder / "late.parquet", moments(2.5, step=7200))  # until the day after
    again = asked(serving, ledger)
    assert [c.reasons for c in again] == [("files:files.flat",)] * 2
    assert taken(again) == [2, 3]
    assert [e.counts["rows"] for e in ledger.entries.values()] == [12, 12, 18, 18, 12, 12]
    (folder / "day4.parquet").unlink()
    (gone,) = asked(serving, ledger)
    assert gone.reasons == ("gone", "files:files.flat")


@pytest.mark.parametrize(
    ("at", "type_", "how"),
    [
        (moments(1), UTC_MICROSECONDS, {"write_statistics": False}),
        (moments(1), pa.timestamp("us"), {"use_deprecated_int96_timestamps": True}),
        ([None] * 3, UTC_MICROSECONDS, {}),
    ],
    ids=["no statistics", "INT96", "NULLs"],
)
def test_a_file_that_does_not_tell_its_times_counts_for_every_window(
    serving: hw.Connection, folder: Path, at: list[Any], type_: pa.DataType, how: dict[str, Any]
) -> None:
    ledger = hw.Ledger()
    taken(asked(serving, ledger))
    write(folder / "mute.parquet", at, type_, **how)
    assert days(asked(serving, ledger)) == list(range(DAYS))


def test_one_row_group_without_statistics_makes_a_file_count_for_every_window(
    serving: hw.Connection, folder: Path
) -> None:
    """As of nanoseconds before 1677, or times beyond the calendar: one end is not told."""
    ledger = hw.Ledger()
    taken(asked(serving, ledger))
    write(folder / "far.parquet", [*moments(1), 2**62], pa.timestamp("us"), row_group_size=4)
    assert days(asked(serving, ledger)) == list(range(DAYS))


@pytest.mark.parametrize(
    ("at", "type_", "columns", "expected"),
    [
        ([date(2026, 1, 3)], pa.date32(), {**COLUMNS, "at": "date"}, [2]),
        (moments(2, 1), pa.timestamp("ns", "UTC"), COLUMNS, [2]),
        (moments(2, 1), pa.timestamp("ms"), COLUMNS, [2]),
        (moments(2, 1), pa.timestamp("us", "America/New_York"), COLUMNS, [2]),
        ([moments(2, 1)[0] - timedelta(microseconds=1)], pa.timestamp("us"), COLUMNS, [1]),
        ([*moments(2, 1), None, *moments(3, 1)], UTC_MICROSECONDS, COLUMNS, [2, 3]),
    ],
    ids=["date", "nanoseconds", "local", "zone", "last of a day", "with NULL"],
)
def test_times_are_those_that_the_declared_type_reads(
    workspace: hw.Workspace,
    tmp_path: Path,
    at: list[Any],
    type_: pa.DataType,
    columns: dict[str, str],
    expected: list[int],
) -> None:
    folder = tmp_path / "typed"
    for day in range(DAYS):
        start = moments(day, 1)
        values = [m.date() for m in start] if pa.types.is_date(type_) else start
        write(folder / f"day{day}.parquet", values, type_)
    serving = connect(workspace, folder, columns={"flat": columns})
    ledger = hw.Ledger()
    taken(asked(serving, ledger))
    write(folder / "new.parquet", at, type_)
    found = asked(serving, ledger)
    assert days(found) == expected
    assert sum(c.read().to_arrow().num_rows for c in found) == len(expected) + len(
        [one for one in at if one is not None]
    )


@linux
def test_an_unchanged_rerun_opens_no_file_and_lists_each_place_once(
    serving: hw.Connection, folder: Path, tmp_path: Path
) -> None:
    place = tmp_path / "state" / "headwater.ledger"
    write(folder / "more" / "day0.parquet", moments(0.5))
    taken(asked(serving, place))
    openings = Openings(folder)
    for ledger in (place, hw.Ledger.load(place)):
        assert days(asked(serving, ledger)) == []
        assert openings.counts() == (0, 2)
    write(folder / "late.parquet", moments(2))
    openings.counts()
    assert days(asked(serving, place)) == [2]
    files, directories = openings.counts()
    assert 0 < files <= 3, "only the footer of the new file"
    assert directories == 2
    place.with_name("headwater.ledger.files").unlink()
    assert days(asked(serving, place)) == [2]
    assert openings.count() >= DAYS
    assert days(asked(serving, place)) == [2]
    assert openings.count() == 0


def test_a_ledger_in_memory_keeps_what_footers_said_in_memory(
    serving: hw.Connection, folder: Path
) -> None:
    ledger = hw.Ledger()
    asked(serving, ledger)
    assert len(ledger.facts) == DAYS
    assert len(hw.Ledger.from_bytes(ledger.to_bytes()).facts) == 0


def test_a_file_that_is_none_counts_for_every_window_and_hides_no_other(
    serving: hw.Connection, folder: Path
) -> None:
    ledger = hw.Ledger()
    taken(asked(serving, ledger))
    (folder / "xbroken.parquet").write_bytes(b"PAR1" + b"\xff" * 500 + b"\x40\x00\x00\x00PAR1")
    write(folder / "late.parquet", moments(2))
    found = asked(serving, ledger)
    assert days(found) == list(range(DAYS))
    assert [c.cost.files for c in found] == [2, 2, 3, 2, 2, 2]


def test_files_that_fail_are_asked_a_bounded_number_of_times(
    serving: hw.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FOOTER_FAILURES", 3)
    for number in range(20):
        (folder / f"xbroken{number}.parquet").write_bytes(b"PAR1 none of it PAR1")
    found = asked(serving, hw.Ledger())
    assert {c.cost.files for c in found} <= {21, 20 + DAYS}


def test_a_file_that_changes_while_its_footer_is_read_is_not_known(
    serving: hw.Connection, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headwater.engines.embedded.formats import parquet_statistics

    real = parquet_statistics.ranges

    def ranges(*given: Any) -> Any:
        write(folder / "day1.parquet", moments(4))
        return real(*given)

    monkeypatch.setattr(parquet_statistics, "ranges", ranges)
    ledger = hw.Ledger()
    found = asked(serving, ledger)
    assert [c.cost.files for c in found] == [2, 1, 2, 2, 2, 2]
    with pytest.raises(DataChangedError):
        found[1].read().to_arrow()
    monkeypatch.undo()
    assert [c.cost.files for c in asked(serving, ledger)] == [1, 0, 1, 1, 2, 1]


def test_many_windows_read_the_files_that_hold_their_time(
    serving: hw.Connection, folder: Path
) -> None:
    write(folder / "late.parquet", moments(2.5, step=7200))
    plans = serving.plan(BASE, NOW, every="1 day")
    assert [p.files for p in plans] == [1, 1, 2, 2, 1, 1]
    rows = [d.to_arrow().num_rows for d in serving.read(BASE, NOW, every="1 day")]
    assert rows == [12, 12, 18, 18, 12, 12]


def test_two_uses_of_a_table_by_two_columns_have_times_of_their_own(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    for day in range(DAYS):
        rows: dict[str, Any] = {
            "id": [f"{day}"],
            "made": pa.array(moments(day, 1), UTC_MICROSECONDS),
            "sent": pa.array(moments(DAYS - 1 - day, 1), UTC_MICROSECONDS),
            "x": [1.0],
        }
        pq.write_table(pa.table(rows), folder / f"day{day}.parquet")
    query = "SELECT id, made AS at, x FROM flat UNION ALL SELECT concat(id, 's'), sent, x FROM flat"
    serving = connect(workspace, folder, query=query)
    for window in serving.read(BASE, NOW, every="1 day"):
        assert window.to_arrow().num_rows == 2
    for change in asked(serving, hw.Ledger()):
        assert change.read().to_arrow().num_rows == 2


def test_facts_come_back_from_their_text_and_damaged_ones_are_none() -> None:
    facts = FileFacts()
    facts.learn_times("a", "1", "At", (BASE, NOW))
    facts.learn_times("b", "1", "at", None)
    facts.learn_columns("a", "1", [("At", "timestamp")])
    text = facts.to_bytes()
    again = FileFacts.from_bytes(text)
    assert (again.times("a", "1", "AT"), again.columns("a", "1")) == (
        (BASE, NOW),
        (("At", "timestamp"),),
    )
    assert again.knows("b", "1", "at")
    assert not again.knows("a", "2", "at"), "another version"
    assert again.to_bytes() == text
    for number in range(len(text)):
        damaged = text[:number] + bytes([text[number] ^ 1]) + text[number + 1 :]
        found = FileFacts.from_bytes(damaged)
        assert found.to_bytes() in (text, FileFacts().to_bytes())
    assert len(FileFacts.from_bytes(text[:-5])) == 0


def test_no_more_files_are_kept_than_are_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KEPT_FILES", 3)
    old = FileFacts()
    for name in "abc":
        old.learn_times(name, "1", "at", None)
    facts = FileFacts.from_bytes(old.to_bytes())
    assert facts.knows("a", "1", "at")
    facts.learn_times("d", "1", "at", None)
    kept = FileFacts.from_bytes(facts.to_bytes())
    assert [n for n in "abcd" if kept.knows(n, "1", "at")] == ["a", "c", "d"]
