"""Changes over local files: what is offered, why, and what a reader learns of it."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.ledger.entries import unchecked

import headwater as hw
from headwater.changes.changes import Change, Changes
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import (
    ConfigError,
    DataChangedError,
    LedgerError,
    LedgerMovedError,
    PlanError,
    UnsupportedError,
)

BASE = datetime(2026, 1, 1, tzinfo=UTC)
DAYS, ROWS = 4, 40
NOW = BASE + timedelta(days=DAYS)
HORIZON = timedelta(days=2)
QUERY = "SELECT id, at, x, will FROM serving"


def at(day: int, **more: float) -> datetime:
    return BASE + timedelta(days=day, **more)


class Lake:
    """A table of predictions and one of their labels, a partition a day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for day in range(DAYS):
            self.predictions(day, range(ROWS // 2), name="a")
            self.predictions(day, range(ROWS // 2, ROWS), name="b")
            if day:
                self.labels(day, [f"{day - 1}-{i}" for i in range(0, ROWS, 2)], at(day, hours=3))

    def path(self, table: str, day: int, name: str) -> Path:
        return self.folder / table / f"dt={at(day):%Y-%m-%d}" / f"{name}.parquet"

    def write(self, path: Path, rows: pa.Table) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path)

    def predictions(
        self, day: int, rows: range, *, name: str, shift: float = 0.0, partition: int | None = None
    ) -> None:
        self.write(
            self.path("serving", day if partition is None else partition, name),
            pa.table(
                {
                    "id": [f"{day}-{i}" for i in rows],
                    "at": pa.array(
                        [at(day, minutes=1, seconds=i) for i in rows], pa.timestamp("us", "UTC")
                    ),
                    "x": [i % 7 + shift for i in rows],
                    "will": [i % 3 == 0 for i in rows],
                }
            ),
        )

    def labels(self, day: int, ids: list[str], when: datetime, name: str = "l") -> None:
        self.write(
            self.path("actuals", day, name),
            pa.table(
                {
                    "id": ids,
                    "decided": pa.array([when] * len(ids), pa.timestamp("us", "UTC")),
                    "did": [int(i.split("-")[1]) % 4 == 0 for i in ids],
                }
            ),
        )

    def compact(self, table: str, day: int) -> None:
        files = sorted(self.path(table, day, "x").parent.glob("*.parquet"))
        rows = pa.concat_tables([pq.ParquetFile(f).read() for f in files])
        for file in files:
            file.unlink()
        self.write(self.path(table, day, "compacted"), rows.sort_by([("x", "descending")]))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as made:
        yield made


def connect(
    workspace: hw.Workspace,
    lake: Lake,
    *,
    query: str = QUERY,
    horizon: timedelta | None = HORIZON,
    windows: dict[str, Any] | None = None,
    version: str = "v1",
) -> hw.Connection:
    workspace.create_model("m")
    made = workspace.create_model_version(
        "m", version, "binary", features={"x": "numeric"}, predictions={"will": "boolean"}
    )
    for purpose in list(made.connections):
        made.disconnect(purpose)
    rule = {"dt": "yyyy-MM-dd"}
    serving = made.connect_serving(
        hw.FileDataSource(
            tables={"serving": str(lake.folder / "serving")},
            query=query,
            partitions={"serving": hw.TimePartition("at", keys=rule, lateness=timedelta(days=1))},
        ),
        "id",
        "at",
        windows=windows,
    )
    made.connect_actuals(
        hw.FileDataSource(
            tables={"actuals": str(lake.folder / "actuals")},
            partitions={"actuals": hw.TimePartition("decided", keys=rule)},
        ),
        "id",
        {"will": "did"},
        "decided",
        horizon=horizon,
    )
    return serving


@pytest.fixture
def serving(workspace: hw.Workspace, lake: Lake) -> hw.Connection:
    return connect(workspace, lake)


def asked(serving: hw.Connection, ledger: Any, **more: Any) -> Changes:
    return serving.changes(
        more.pop("start", BASE), more.pop("end", NOW), every="1 day", ledger=ledger,
        **{"now": NOW, **more},
    )  # fmt: skip


def taken(changes: Changes) -> dict[int, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Read and hand over all; return by day why each was offered and what was restated."""
    found = {}
    for change in changes:
        if change.reasons[0] != "gone":
            change.read().to_arrow()
        change.done()
        found[(change.window.start - BASE).days] = (change.reasons, change.restated)
    return found


def handed_over(serving: hw.Connection, **more: Any) -> hw.Ledger:
    ledger = hw.Ledger()
    taken(asked(serving, ledger, **more))
    return ledger


def full(serving: hw.Connection, change: Change) -> pa.Table:
    window = change.window
    as_of = change.as_of
    return serving.read(window.start, window.end, as_of=as_of).to_arrow().sort_by("id")


def test_a_first_run_offers_every_window(serving: hw.Connection) -> None:
    ledger = hw.Ledger()
    changes = asked(serving, ledger)
    assert [c.reasons for c in changes] == [("new",)] * DAYS
    assert [c.state for c in changes] == ["closed", "closed", "ripening", "ripening"]
    first = changes[0]
    assert first.window_key == "m/v1/serving/1d/2026-01-01T00:00Z"
    assert first.key.startswith(f"{first.window_key}/g1-")
    assert (first.generation, first.supersedes, first.same, first.before) == (1, None, None, None)
    assert first.as_of == at(3)
    assert changes[3].as_of == NOW
    assert first.cost.files == 7
    rows = first.read().to_arrow()
    assert rows.num_rows == ROWS
    assert rows["actual_will"].null_count == ROWS // 2
    assert first.after is not None
    assert (first.after.rows, first.after.labels, first.same) == (ROWS, ROWS // 2, False)
    assert first.done() == first.key == first.done()
    assert ledger.keys() == {first.window_key: first.key}
    assert ledger.version == 1


def test_a_second_run_offers_nothing_and_opens_nothing(
    serving: hw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = handed_over(serving)
    later = asked(serving, ledger, now=NOW + timedelta(minutes=5))
    assert (len(later), len(later.windows), later.files, later.bytes) == (0, DAYS, 0, 0)
    assert asked(serving, hw.Ledger.from_bytes(ledger.to_bytes()))._changes == ()


def test_what_changed_is_told_from_what_did_not(serving: hw.Connection, lake: Lake) -> None:
    """The histories of the design, one after the other."""
    ledger = handed_over(serving)

    lake.predictions(1, range(ROWS, ROWS + 5), name="late", partition=2)
    assert taken(asked(serving, ledger)) == {
        1: (("files:files.serving",), ("rows",)),
        2: (("files:files.serving",), ()),
    }
    lake.compact("serving", 0)
    assert taken(asked(serving, ledger)) == {0: (("files:files.serving",), ())}
    lake.labels(3, [f"2-{i}" for i in range(1, ROWS, 2)], at(3, hours=5), name="more")
    found = taken(asked(serving, ledger))
    assert found[2] == (("files:files.actuals",), ("labels",))
    assert {day: what for day, (_, what) in found.items() if day != 2} == dict.fromkeys(
        found.keys() - {2}, ()
    )
    lake.labels(3, [f"0-{i}" for i in range(1, ROWS, 2)], at(3, hours=6), name="very late")
    assert all(not what for _, what in taken(asked(serving, ledger)).values())
    lake.predictions(3, range(ROWS // 2), name="a", shift=0.5)
    assert taken(asked(serving, ledger))[3] == (("files:files.serving",), ("rows",))
    shutil.rmtree(lake.path("serving", 3, "a").parent)
    assert taken(asked(serving, ledger)) == {
        2: (("files:files.serving",), ()),
        3: (("gone", "files:files.serving"), ("rows",)),
    }
    assert asked(serving, ledger)._changes == ()
    lake.predictions(3, range(ROWS), name="again")
    restored = asked(serving, ledger)[-1]
    assert (restored.reasons, restored.generation) == (("files:files.serving",), 4)


def test_the_same_content_keeps_its_key(serving: hw.Connection, lake: Lake) -> None:
    ledger = handed_over(serving)
    before = ledger.keys()
    lake.compact("serving", 0)
    (change,) = asked(serving, ledger)
    unread = change.same
    assert unread is None
    assert change.generation == 2
    assert change.supersedes == before[change.window_key] != change.key
    change.read().to_arrow()
    assert change.same is True
    assert change.restated == ()
    assert change.key == change.done() == before[change.window_key]
    assert ledger.keys() == before
    assert ledger.version == DAYS + 1
    assert len(asked(serving, ledger)) == 0


def test_other_content_has_another_key_that_supersedes_the_old_one(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = handed_over(serving)
    before = ledger.keys()
    lake.predictions(0, range(ROWS // 2), name="a", shift=1.0)
    (change,) = asked(serving, ledger)
    rows = change.read().to_arrow()
    assert rows.sort_by("id").equals(full(serving, change))
    assert change.before is not None
    assert change.after is not None
    assert change.before.rows_digest != change.after.rows_digest
    assert change.before.labels_digest == change.after.labels_digest
    change.done()
    assert change.supersedes == before[change.window_key]
    assert change.key.startswith(f"{change.window_key}/g2-")
    assert ledger.keys()[change.window_key] == change.key


def test_a_crash_before_done_offers_the_window_again_under_the_same_key(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = handed_over(serving)
    lake.predictions(0, range(ROWS // 2), name="a", shift=1.0)
    first, second = (next(iter(asked(serving, ledger))) for _ in range(2))
    first.read().to_arrow()
    assert first.key == second.key
    lake.predictions(0, range(ROWS // 2), name="a", shift=2.0)
    (third,) = asked(serving, ledger)
    assert third.key != second.key
    assert third.generation == second.generation


def test_a_window_that_was_not_read_is_not_done(serving: hw.Connection) -> None:
    ledger = hw.Ledger()
    first = asked(serving, ledger)[0]
    with pytest.raises(LedgerError) as caught:
        first.done()
    assert caught.value.code == "not-read"
    for _ in first.read():
        break
    with pytest.raises(LedgerError, match="not read to its end"):
        first.done()
    assert ledger.keys() == {}


def test_windows_that_are_not_over_are_offered_if_asked_for(serving: hw.Connection) -> None:
    noon = at(3, hours=12)
    assert [c.window.start for c in asked(serving, hw.Ledger(), now=noon)] == [at(0), at(1), at(2)]
    ledger = hw.Ledger()
    found = asked(serving, ledger, now=noon, partial=True)
    assert [c.state for c in found] == ["closed", "ripening", "ripening", "open"]
    taken(found)
    key = found[3].key
    assert len(asked(serving, ledger, now=at(3, hours=13), partial=True)) == 0
    (over,) = asked(serving, ledger, now=at(4), start=at(3))
    assert (over.reasons, over.state) == (("ended",), "ripening")
    over.read().to_arrow()
    assert over.same
    assert over.done() == key
    assert ledger.entries[over.window_key].state == "ripening"
    assert len(asked(serving, ledger, now=at(4), start=at(3))) == 0


def test_windows_whose_rows_may_still_land_are_offered(workspace: hw.Workspace, lake: Lake) -> None:
    serving = connect(workspace, lake, windows={"lateness": "6 hours"})
    states = [c.state for c in asked(serving, hw.Ledger(), now=at(4, hours=5))]
    assert states == ["closed", "closed", "ripening", "landing"]


def test_a_window_without_rows_is_offered_once(serving: hw.Connection) -> None:
    ledger = hw.Ledger()
    before = asked(serving, ledger, start=at(-2), end=at(-1))
    assert [c.reasons for c in before] == [("new",)]
    with pytest.warns(hw.EmptyReadWarning):
        assert before[0].read().to_arrow().num_rows == 0
    before[0].done()
    assert len(asked(serving, ledger, start=at(-2), end=at(-1))) == 0


def test_a_label_that_time_makes_known_is_offered_though_no_file_moved(
    serving: hw.Connection, lake: Lake
) -> None:
    """A producer's clock goes ahead: its label counts from the moment at which it was set."""
    ahead = NOW + timedelta(hours=1)
    lake.labels(4, [f"3-{i}" for i in range(5)], ahead)
    lake.labels(3, [f"2-{i}" for i in range(1, 9, 2)], at(3, hours=2), name="z")
    ledger = hw.Ledger()
    first = asked(serving, ledger)
    taken(first)
    entry = ledger.entries[first[3].window_key]
    later = asked(serving, ledger, now=ahead)
    assert entry.next in (None, ahead)
    found = taken(later)
    assert found[3][1] == ("labels",)
    assert len(asked(serving, ledger, now=ahead + timedelta(hours=1))) == 0


def test_a_label_ahead_of_its_time_in_a_file_that_was_read(
    workspace: hw.Workspace, lake: Lake
) -> None:
    """Labels in the table of the predictions: their file is read today, they count tomorrow."""
    folder = lake.folder / "log"
    rows = pa.table(
        {
            "id": ["a", "b"],
            "at": pa.array([at(0, hours=1), at(0, hours=2)], pa.timestamp("us", "UTC")),
            "will": [True, False],
            "did": [True, True],
            "decided": pa.array([at(1), at(1, hours=6)], pa.timestamp("us", "UTC")),
        }
    )
    lake.write(folder / "l.parquet", rows)
    workspace.create_model("own")
    version = workspace.create_model_version("own", "v1", "binary", predictions={"will": "boolean"})
    serving = version.connect_serving(
        hw.FileDataSource(tables={"log": str(folder)}), "id", "at",
        labels={"will": "did"}, label_timestamp_column="decided",
    )  # fmt: skip
    ledger = hw.Ledger()
    morning = at(1, hours=3)
    (change,) = asked(serving, ledger, end=at(1), now=morning)
    assert change.read().to_arrow()["actual_will"].null_count == 1
    change.done()
    assert ledger.entries[change.window_key].next == at(1, hours=6)
    assert len(asked(serving, ledger, end=at(1), now=at(1, hours=5))) == 0
    (change,) = asked(serving, ledger, end=at(1), now=at(1, hours=6))
    assert change.reasons == ("as_of",)
    assert change.read().to_arrow()["actual_will"].null_count == 0
    assert change.restated == ("labels",)
    assert change.key != change.supersedes
    change.done()
    assert ledger.entries[change.window_key].next is None


def test_another_query_restates_or_holds_from_here_on(workspace: hw.Workspace, lake: Lake) -> None:
    ledger = handed_over(connect(workspace, lake))
    same = connect(workspace, lake, query="SELECT id, at,\n x, will -- comment\nFROM serving")
    assert len(asked(same, ledger)) == 0
    other = connect(workspace, lake, query="SELECT id, at, x + 1 AS x, will FROM serving")
    assert len(asked(other, ledger, definition="forward")) == 0
    lake.predictions(0, range(ROWS // 2), name="a", shift=1.0)
    # What moved is read by today's query, as that of then is not kept: it says so.
    assert [c.reasons for c in asked(other, ledger, definition="forward")] == [
        ("definition", "files:files.serving")
    ]
    restated = asked(other, ledger)
    assert [c.reasons[0] for c in restated] == ["definition"] * DAYS
    assert {what for _, what in taken(restated).values()} == {("rows",)}
    assert len(asked(other, ledger)) == 0
    with pytest.raises(ConfigError, match="forward"):
        asked(other, ledger, definition="both")


@pytest.mark.parametrize("made", ["id", "concat('k', id) AS id"])
def test_a_label_is_of_a_row_that_was_handed_over_and_todays_query_drops(
    workspace: hw.Workspace, lake: Lake, made: str
) -> None:
    """What is kept beside the ledger are the ids of then: made otherwise, they tell nothing."""
    horizon = timedelta(days=9)
    ledger = handed_over(connect(workspace, lake, horizon=horizon))
    query = f"SELECT {made}, at, x, will FROM (SELECT * FROM serving) WHERE id <> '2-1'"
    other = connect(workspace, lake, query=query)
    (version,) = workspace.versions
    version.disconnect("actuals")
    source = hw.FileDataSource(
        tables={"actuals": str(lake.folder / "actuals")},
        query=f"SELECT {made}, decided, did FROM actuals",
        partitions={"actuals": hw.TimePartition("decided", keys={"dt": "yyyy-MM-dd"})},
    )
    version.connect_actuals(source, "id", {"will": "did"}, "decided", horizon=horizon)
    assert len(asked(other, ledger, definition="forward")) == 0
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    changes = asked(other, ledger, definition="forward")
    days = [2] if made == "id" else range(DAYS)
    assert [c.window.start for c in changes] == [at(day) for day in days]


def test_old_windows_keep_a_query_that_used_other_columns(
    workspace: hw.Workspace, lake: Lake
) -> None:
    older = "SELECT id, at, 1.0 AS x, will FROM serving"
    ledger = handed_over(connect(workspace, lake, query=older))
    before = ledger.keys()
    other = connect(workspace, lake)
    assert len(asked(other, ledger, definition="forward")) == 0
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    changes = asked(other, ledger, definition="forward")
    assert len(changes) == 4
    # Of the two that take labels still, ids are known; what their windows were, nothing else tells.
    found = {(c.window.start - BASE).days: c.reasons for c in changes}
    assert found == dict.fromkeys([0, 1, 2], ("definition", "files:files.actuals"))
    assert [w.start for w in changes.untouched] == [at(3)]
    untouched = ledger.entries["m/v1/serving/1d/2026-01-04T00:00Z"]
    assert untouched.key == before[untouched.window_key]
    for change in asked(other, ledger, definition="forward"):
        change.read().to_arrow()
        change.done()
        assert ledger.entries[change.window_key].reasons[0] == "definition"
    assert len(asked(other, ledger, definition="forward")) == 0
    restated = asked(other, ledger)
    assert [(c.window.start, c.reasons) for c in restated] == [(at(3), ("definition",))]
    again = connect(workspace, lake, query=older)
    assert [c.window.start for c in asked(again, ledger)] == [at(0), at(1), at(2)]


def test_a_longer_horizon_is_another_definition(workspace: hw.Workspace, lake: Lake) -> None:
    ledger = handed_over(connect(workspace, lake))
    longer = connect(workspace, lake, horizon=timedelta(days=3))
    assert [c.reasons[0] for c in asked(longer, ledger)] == ["definition"] * DAYS


def test_other_steps_and_zones_are_other_windows(serving: hw.Connection) -> None:
    ledger = handed_over(serving)
    hours = serving.changes(BASE, at(1), every="6 hours", ledger=ledger, now=NOW)
    assert [c.reasons for c in hours] == [("new",)] * 4
    assert hours[1].window_key == "m/v1/serving/6h/2026-01-01T06:00Z"
    berlin = serving.changes(
        "2026-01-02", "2026-01-03", every="1 day", timezone="Europe/Berlin", ledger=ledger, now=NOW
    )
    assert [c.window_key[-17:] for c in berlin] == ["2026-01-01T23:00Z"]


def test_rows_outside_their_rule_are_a_warning_and_no_offer_of_their_window(
    serving: hw.Connection, lake: Lake
) -> None:
    """Rows of day 0 land in the partition of day 2, and may lie in that of day 1 at the latest."""
    ledger = handed_over(serving)
    lake.predictions(0, range(ROWS, ROWS + 20), name="lost", partition=2)
    changes = asked(serving, ledger)
    assert [c.window.start for c in changes] == [at(1), at(2)]
    assert changes.to_dict()["changes"][0]["warnings"] == []
    for change in changes:
        (told,) = change.warnings
        assert told.code == "rule-broken"
        assert "20 rows of 2026-01-01 lie in dt=2026-01-03; lateness is 1 day" in told.message
        assert told.hint is not None
        assert "lateness of 2 days" in told.hint
        data = change.read()
        assert data.to_arrow().num_rows == ROWS
        assert [n.code for n in data.stats.notes] == ["rule-broken"]
        assert change.same
        change.done()
    assert changes.to_dict()["changes"][0]["warnings"][0]["code"] == "rule-broken"
    assert len(asked(serving, ledger)) == 0
    with pytest.raises(ConfigError) as caught:
        serving.read(at(2), at(3)).to_arrow()
    assert caught.value.code == "rule-broken"


def test_rows_partly_outside_their_rule_are_counted(serving: hw.Connection, lake: Lake) -> None:
    ledger = handed_over(serving)
    lake.predictions(0, range(ROWS, ROWS + 3), name="x")
    lake.predictions(2, range(ROWS, ROWS + 5), name="y")
    both = [pq.ParquetFile(lake.path("serving", d, n)).read() for d, n in ((0, "x"), (2, "y"))]
    lake.path("serving", 0, "x").unlink()
    lake.write(lake.path("serving", 2, "y"), pa.concat_tables(both))
    changes = asked(serving, ledger)
    told = [[w.message for w in c.warnings] for c in changes]
    assert all("3 rows of 2026-01-01 lie in dt=2026-01-03" in m for (m,) in told)
    assert [c.read().to_arrow().num_rows for c in changes] == [ROWS, ROWS + 5]


def test_a_rule_that_no_file_speaks_for_is_no_warning(serving: hw.Connection, lake: Lake) -> None:
    ledger = handed_over(serving)
    for name in "ab":
        lake.predictions(1, range(ROWS), name=name, partition=3)
    changes = asked(serving, ledger)
    with pytest.raises(ConfigError) as caught:
        changes[-1].read().to_arrow()
    assert caught.value.code == "rule-broken"


def test_windows_of_several_zones_share_a_ledger(workspace: hw.Workspace, lake: Lake) -> None:
    """On the 29th of March London's clock is set: its day starts with that of UTC, and ends first.

    What a ledger holds of such a window by its start alone goes on under that key.
    """
    serving = connect(workspace, lake)
    spring = datetime(2026, 3, 27, tzinfo=UTC)

    def days(zone: str, ledger: hw.Ledger) -> Changes:
        return serving.changes(
            spring, spring + timedelta(days=4), every="1 day", timezone=zone, ledger=ledger,
            now=spring + timedelta(days=20),
        )  # fmt: skip

    def done(changes: Changes) -> dict[str, hw.Window]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", hw.EmptyReadWarning)
            for change in changes:
                change.read().to_arrow()
                change.done()
        return {c.window_key: c.window for c in changes}

    zones = ("UTC", "Europe/London", "Africa/Lagos", "Europe/Paris")
    for order in (zones, zones[::-1]):
        ledger = hw.Ledger()
        found = [item for zone in order for item in done(days(zone, ledger)).items()]
        assert len(found) == len(dict(found)) == len({w for _, w in found}) == len(ledger.entries)
        assert [len(days(zone, ledger)) for zone in zones] == [0] * len(zones)

    short = days("Europe/London", hw.Ledger())[2]
    assert short.window.duration == timedelta(hours=23)
    assert short.window_key.endswith("/1d/2026-03-29T00:00Z-2026-03-29T23:00Z")
    done(days("Europe/London", ledger := hw.Ledger()))
    written = unchecked(ledger.to_bytes()).replace(b"T00:00Z-2026-03-29T23:00Z/g", b"T00:00Z/g")
    old = hw.Ledger.from_bytes(written)
    assert len(days("Europe/London", old)) == 0
    keys = [c.window_key[-36:] for c in days("UTC", old)]
    assert keys[0].endswith("1d/2026-03-29T00:00Z-2026-03-30T00:00Z"[-36:])


def test_a_span_that_begins_in_the_middle_has_whole_windows(serving: hw.Connection) -> None:
    found = asked(serving, hw.Ledger(), start=at(0, hours=7), end=at(1, hours=1))
    assert [c.window for c in found] == [hw.Window(at(0), at(1)), hw.Window(at(1), at(2))]
    assert found[0].read().to_arrow().num_rows == ROWS


def test_two_runners_end_with_one_ledger(
    serving: hw.Connection, lake: Lake, tmp_path: Path
) -> None:
    place = tmp_path / "state" / "ledger"
    taken(asked(serving, place))
    lake.predictions(0, range(ROWS // 2), name="a", shift=1.0)
    one = next(iter(asked(serving, hw.Ledger.load(place))))
    one.read().to_arrow()
    lake.predictions(0, range(ROWS // 2), name="a", shift=2.0)
    two = next(iter(asked(serving, hw.Ledger.load(place))))
    two.read().to_arrow()
    assert one.generation == two.generation
    assert one.key != two.key
    two.done()
    with pytest.raises(LedgerMovedError) as caught:
        one.done()
    assert caught.value.retryable
    again = hw.Ledger.load(place)
    assert again.keys()[two.window_key] == two.key
    assert len(asked(serving, again)) == 0


def test_a_file_that_is_rewritten_after_the_plan_is_told_and_offered_again(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = hw.Ledger()
    changes = asked(serving, ledger)
    lake.predictions(1, range(ROWS // 2), name="a", shift=3.0)
    for change in changes:
        with suppress(DataChangedError):
            change.read().to_arrow()
            change.done()
    with pytest.raises(DataChangedError) as caught:
        changes[1].read().to_arrow()
    assert caught.value.retryable
    later = asked(serving, ledger)
    assert {c.window.start for c in later} == set(map(at, range(4))) - {
        e.end - timedelta(days=1) for e in ledger.entries.values()
    }
    assert at(1) in {c.window.start for c in later}
    taken(later)
    assert len(asked(serving, ledger)) == 0


def test_a_file_that_lands_after_the_plan_is_found_by_the_next_run(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = hw.Ledger()
    changes = asked(serving, ledger)
    lake.predictions(3, range(ROWS, ROWS + 3), name="later")
    taken(changes)
    assert taken(asked(serving, ledger)) == {
        2: (("files:files.serving",), ()),  # whose rows may land a day late
        3: (("files:files.serving",), ("rows",)),
    }


def test_a_table_whose_history_does_not_count_changes_nothing(
    workspace: hw.Workspace, lake: Lake
) -> None:
    lake.write(lake.folder / "dim" / "d.parquet", pa.table({"k": [0.0, 1.0], "f": [1.0, 2.0]}))

    def joined(windows: dict[str, Any] | None) -> hw.Connection:
        serving = connect(workspace, lake, windows=windows)
        source = serving.source
        assert isinstance(source, hw.FileDataSource)
        version = serving.version
        version.disconnect("serving")
        tables = {**source.tables, "dim": str(lake.folder / "dim")}
        query = "SELECT s.id, s.at, s.x, s.will FROM serving s LEFT JOIN dim d ON s.x = d.k"
        other = source.model_copy(update={"tables": tables, "query": query})
        return version.connect_serving(other, "id", "at", windows=windows)

    serving = joined(None)
    ledger = handed_over(serving)
    dim = pa.table({"k": [0.0, 1.0], "f": [1.0, 3.0]})
    lake.write(lake.folder / "dim" / "d.parquet", dim)
    assert [c.reasons for c in asked(serving, ledger)] == [("files:files.dim",)] * DAYS
    ignoring = joined({"ignore": ["dim"]})
    assert len(asked(ignoring, ledger)) == 0
    with pytest.raises(ConfigError, match="no query reads such a table"):
        asked(joined({"ignore": ["dimm"]}), ledger)
    lake.predictions(0, range(100, 101), name="c")
    before = asked(ignoring, ledger)[0].key
    lake.write(lake.folder / "dim" / "d.parquet", dim.slice(1))
    assert asked(ignoring, ledger)[0].key != before, "other rows after a crash, under one key"


def test_what_the_connection_says_of_its_windows_holds(workspace: hw.Workspace, lake: Lake) -> None:
    berlin = {"every": "2 days", "timezone": "Europe/Berlin"}
    serving = connect(workspace, lake, windows=berlin)
    changes = serving.changes("2026-01-05", "2026-01-09", ledger=hw.Ledger(), now=at(20))
    assert [w.start for w in changes.windows] == [at(3, hours=23), at(5, hours=23)]
    days = serving.changes(
        "2026-01-05", "2026-01-06", every="1 day", timezone="UTC", ledger=hw.Ledger(), now=at(20)
    )
    assert [w.start for w in days.windows] == [at(4)]
    with pytest.raises(ConfigError, match="how long each window is"):
        connect(workspace, lake).changes(BASE, NOW, ledger=hw.Ledger())


def test_moments_are_told_from_the_present_that_is_given(serving: hw.Connection) -> None:
    changes = serving.changes(
        "3 days ago", "today", every="1 day", ledger=hw.Ledger(), now=at(3, hours=7)
    )
    assert [w.start for w in changes.windows] == [at(0), at(1), at(2)]
    yesterday = serving.changes(
        "yesterday", "today", every="1 day", ledger=hw.Ledger(), now="2026-01-04T07:00Z"
    )
    assert [w.start for w in yesterday.windows] == [at(2)]


def test_where_nothing_tells_its_time_every_file_counts_for_every_window(
    workspace: hw.Workspace, lake: Lake
) -> None:
    for file in lake.folder.rglob("*.parquet"):
        pq.write_table(pq.ParquetFile(file).read(), file, write_statistics=False)
    workspace.create_model("plain")
    version = workspace.create_model_version(
        "plain", "v1", "binary", features={"x": "numeric"}, predictions={"will": "boolean"}
    )
    serving = version.connect_serving(
        hw.FileDataSource(tables={"serving": str(lake.folder / "serving")}, query=QUERY), "id", "at"
    )
    ledger = handed_over(serving)
    lake.predictions(1, range(ROWS, ROWS + 5), name="late")
    late = lake.path("serving", 1, "late")
    pq.write_table(pq.ParquetFile(late).read(), late, write_statistics=False)
    found = asked(serving, ledger)
    assert found.blocker is not None
    assert "files.serving" in found.blocker
    assert {day: what for day, (_, what) in taken(found).items()} == {
        0: (), 1: ("rows",), 2: (), 3: (),
    }  # fmt: skip


def test_a_column_at_another_place_of_its_line_is_another(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    place = tmp_path / "lines" / "dt=2026-01-01"
    place.mkdir(parents=True)
    (place / "a.csv").write_text("a,2026-01-01 03:00:00,true,1,2\n")
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"x": "numeric"}, predictions={"will": "boolean"}
    )
    first = {"id": "string", "at": "timestamp", "will": "boolean"}
    ledger = hw.Ledger()

    def values(numbers: dict[str, str]) -> list[list[Any]]:
        for purpose in list(version.connections):
            version.disconnect(purpose)
        source = hw.FileDataSource(
            tables={"lines": str(place.parent)},
            columns={"lines": first | numbers},
            format="csv",
            query="SELECT id, at, x, will FROM lines",
            partitions={"lines": hw.TimePartition("at", keys={"dt": "yyyy-MM-dd"})},
        )
        changes = asked(version.connect_serving(source, "id", "at"), ledger, end=at(1))
        found = [change.read().to_arrow()["x"].to_pylist() for change in changes]
        for change in changes:
            change.done()
        return found

    assert values({"x": "bigint", "z": "bigint"}) == [[1.0]]
    assert values({"x": "bigint", "other": "bigint"}) == []
    assert values({"z": "bigint", "x": "bigint"}) == [[2.0]]
    assert values({"z": "bigint", "x": "decimal(10,2)"}) == [[2.0]]
    assert values({"z": "bigint", "x": "decimal(10,2)"}) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, at, rand() AS x, will FROM serving",
        "SELECT id, at, x, will FROM serving WHERE at < current_timestamp()",
        "SELECT id, at, x, will FROM serving WHERE at < current_date()",
        "SELECT id, at, x, will FROM serving LIMIT 5",
        "SELECT uuid() AS id, at, x, will FROM serving",
    ],
)
def test_a_query_that_answers_otherwise_each_time_is_refused(
    query: str, workspace: hw.Workspace, lake: Lake
) -> None:
    with pytest.raises(PlanError) as caught:
        asked(connect(workspace, lake, query=query), hw.Ledger())
    assert caught.value.code == "non-reproducible"


def test_rows_without_versions_are_refused(workspace: hw.Workspace) -> None:
    workspace.create_model("memory")
    version = workspace.create_model_version(
        "memory", "v1", "binary", predictions={"will": "boolean"}
    )
    rows = pa.table(
        {"id": ["a"], "at": pa.array([at(0)], pa.timestamp("us", "UTC")), "will": [True]}
    )
    serving = version.connect_serving(hw.MemoryDataSource(tables={"t": rows}), "id", "at")
    with pytest.raises(UnsupportedError) as caught:
        asked(serving, hw.Ledger())
    assert caught.value.code == "no-fingerprint"


def test_changes_say_what_they_are(serving: hw.Connection, lake: Lake) -> None:
    ledger = handed_over(serving)
    lake.compact("serving", 0)
    changes = asked(serving, ledger)
    assert str(changes).splitlines()[0].startswith("m/v1/serving: 1 of 4 windows, 6 files")
    assert "2026-01-01T00:00Z  g2  closed    files:files.serving" in str(changes)
    told = changes.to_dict()
    assert (told["windows"], told["oldest"]) == (4, "2026-01-01T00:00Z")
    assert told["changes"][0]["reasons"] == ["files:files.serving"]
    assert repr(changes[0]).startswith("<Change m/v1/serving/1d/2026-01-01T00:00Z/g2-")


def test_changes_keep_the_ledger_of_a_file(serving: hw.Connection, tmp_path: Path) -> None:
    place = tmp_path / "ledger"
    with asked(serving, os.fspath(place)) as changes:
        for change in changes:
            change.read().to_arrow()
            change.done()
    assert len(hw.Ledger.load(place)) == DAYS


def test_windows_that_need_the_same_files_are_read_together(
    serving: hw.Connection, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    read = EmbeddedEngine.read

    def counted(self: EmbeddedEngine, plan: Any, access: Any) -> Any:
        opened.append(plan.plan.files)
        return read(self, plan, access)

    monkeypatch.setattr(EmbeddedEngine, "read", counted)
    ledger = handed_over(serving)
    files = len(list(lake.folder.rglob("*.parquet")))
    # Footers say that no label is dated ahead.
    assert sum(opened) == files
    opened.clear()
    assert len(asked(serving, ledger)) == 0
    assert opened == []


def test_a_label_that_is_dated_ahead_is_found_though_its_partition_is_of_the_past(
    serving: hw.Connection, lake: Lake
) -> None:
    place = lake.path("actuals", 3, "l")
    ahead = pa.table(
        {
            "id": ["3-1"],
            "decided": pa.array([NOW + timedelta(hours=2)], pa.timestamp("us", "UTC")),
            "did": [True],
        }
    )
    lake.write(place, pa.concat_tables([pq.ParquetFile(place).read(), ahead]))
    ledger = handed_over(serving)
    later = asked(serving, ledger, now=NOW + timedelta(hours=3))
    assert {(c.window.start - BASE).days: c.reasons for c in later}[3] == ("as_of",)


def test_a_read_of_several_that_fails_fails_those_alone_whose_files_changed(
    serving: hw.Connection, lake: Lake
) -> None:
    changes = asked(serving, hw.Ledger())
    lake.predictions(3, range(ROWS // 2), name="a", shift=3.0)
    assert [c.read().to_arrow().num_rows for c in list(changes)[:2]] == [ROWS, ROWS]
    with pytest.raises(DataChangedError):
        changes[3].read().to_arrow()


def test_a_change_may_be_read_again_and_out_of_order(serving: hw.Connection) -> None:
    changes = asked(serving, hw.Ledger())
    first = [changes[n].read().to_arrow().sort_by("id") for n in (2, 0, 3, 1)]
    again = [changes[n].read().to_arrow().sort_by("id") for n in (2, 0, 3, 1)]
    assert [t.num_rows for t in first] == [ROWS] * 4
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))


def test_labels_beyond_the_horizon_are_counted_and_offer_nothing(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = handed_over(serving)
    assert asked(serving, ledger).beyond_horizon == 0
    odd = [f"0-{i}" for i in range(1, ROWS, 2)]
    lake.labels(3, odd[:8], at(3), name="just in time")
    lake.labels(3, odd[8:], at(3, hours=6), name="very late")
    lake.labels(3, ["nobodys-1", "2-1"], at(3, hours=7), name="others")
    lake.labels(4, ["0-0"], at(4, hours=1), name="ahead")
    taken(asked(serving, ledger))
    changes = asked(serving, ledger)
    assert len(changes) == 0
    assert changes.beyond_horizon == len(odd) - 8 == 12
    assert asked(serving, ledger, now=at(4, hours=2)).beyond_horizon == 13
    assert asked(serving, ledger, now=at(2, hours=2), end=at(2)).beyond_horizon == 0
    assert asked(serving, ledger, start=at(1)).beyond_horizon == 0


def test_labels_beyond_the_horizon_are_not_looked_for_where_no_file_may_hold_one(
    serving: hw.Connection, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(lake.path("actuals", 3, "l").parent)
    changes = asked(serving, hw.Ledger(), now=at(4, hours=2), end=at(2))
    monkeypatch.setattr(EmbeddedEngine, "read", None)
    assert changes.beyond_horizon == 0


def test_without_a_horizon_nothing_is_beyond_it(workspace: hw.Workspace, lake: Lake) -> None:
    assert asked(connect(workspace, lake, horizon=None), hw.Ledger()).beyond_horizon is None


def test_labels_beyond_the_horizon_in_the_table_of_the_predictions(
    workspace: hw.Workspace, lake: Lake
) -> None:
    """One label lies beside its prediction, another one comes from elsewhere: both count."""
    moments = [at(0, hours=1)] * 4
    decided = [at(1), at(3), at(3, hours=1), at(3, hours=2)]
    lake.write(
        lake.folder / "log" / "l.parquet",
        pa.table(
            {
                "id": ["a", "b", "c", "d"],
                "at": pa.array(moments, pa.timestamp("us", "UTC")),
                "will": [True, False, True, True],
                "may": [True, False, True, True],
                "did": [True, True, True, None],
                "decided": pa.array(decided, pa.timestamp("us", "UTC")),
            }
        ),
    )
    theirs = pa.table(
        {
            "id": ["a", "b", "b"],
            "set": pa.array([at(3, hours=3)] * 3, pa.timestamp("us", "UTC")),
            "could": [True, False, False],
        }
    )
    lake.write(lake.folder / "others" / "l.parquet", theirs)
    workspace.create_model("own")
    version = workspace.create_model_version(
        "own", "v1", "binary", predictions={"will": "boolean", "may": "boolean"}
    )
    serving = version.connect_serving(
        hw.FileDataSource(tables={"log": str(lake.folder / "log")}), "id", "at",
        labels={"will": "did"}, label_timestamp_column="decided",
    )  # fmt: skip
    version.connect_actuals(
        hw.FileDataSource(tables={"others": str(lake.folder / "others")}),
        "id", {"may": "could"}, "set", horizon=HORIZON,
    )  # fmt: skip
    assert asked(serving, hw.Ledger()).beyond_horizon == 1 + 2
    ripening = serving.maturity(at(0), at(1), every="1 day", as_of=NOW, label="may")
    assert ripening.labelled == 2
