"""Label touch: windows whose labels did not move are not read, though a file of theirs landed."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.changes.tables import Delta, Iceberg, LakeSource
from core.tests.changes.test_changes import (
    NOW,
    ROWS,
    Lake,
    asked,
    at,
    connect,
    full,
    handed_over,
    lake,
    serving,
    taken,
    workspace,
)

import headwater as hw
from headwater.changes import label_touch
from headwater.changes.changes import Changes
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import LedgerMovedError
from headwater.interfaces.plan import Plan, Planned
from headwater.reading.content_digests import id_words
from headwater.tables import window_ids
from headwater.tables.relation import FileRelation
from headwater.workspace import changes as workspace_changes
from headwater.workspace import late_labels

__all__ = ["lake", "serving", "workspace"]

LAKE_COLUMNS = {
    "log": {"id": "string", "at": "timestamp", "x": "double", "y": "boolean"},
    "actuals": {"id": "string", "decided": "timestamp", "did": "boolean"},
}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """The plans of what the engine is asked of labels that landed."""
    plans: list[Plan] = []
    rows = late_labels.LateLabels._rows

    def watched(late: Any, plan: Plan) -> Any:
        plans.append(plan)
        return rows(late, plan)

    monkeypatch.setattr(late_labels.LateLabels, "_rows", watched)
    return plans


def days(changes: Changes) -> list[int]:
    return [(c.window.start - at(0)).days for c in changes]


def untouched(changes: Changes) -> list[int]:
    return [(w.start - at(0)).days for w in changes.untouched]


def test_a_window_is_read_if_a_label_that_landed_is_of_a_prediction_of_its(
    serving: hw.Connection, lake: Lake, looked: list[Plan]
) -> None:
    ledger = handed_over(serving)
    before = ledger.keys()
    lake.labels(3, [f"2-{i}" for i in range(1, ROWS, 2)], at(3, hours=5), name="more")
    changes = asked(serving, ledger)
    looked.clear()
    assert (len(changes), changes.untouched, looked) == (4, (), []), "to look reads nothing"
    assert "files:files.actuals" in str(changes)
    assert days(changes) == [2]
    assert untouched(changes) == [0, 1, 3]
    assert len(changes) == 1
    assert "3 windows more: new labels, and none is theirs" in str(changes)
    assert len(changes.to_dict()["untouched"]) == 3
    (plan,) = (p for p in looked if "p.closes" in p.sql)
    relation = plan.scans[1].relation
    assert isinstance(relation, FileRelation)
    names = [Path(f.path).name for f in relation.files]
    assert names == ["more.parquet"], "of the labels, only what landed"
    change = next(iter(changes))
    assert change.read().to_arrow().sort_by("id").equals(full(serving, change))
    assert (change.restated, change.same) == (("labels",), False)
    change.done()
    kept = ledger.keys()
    assert {k for k in kept if kept[k] != before[k]} == {change.window_key}
    looked.clear()
    assert asked(serving, ledger)._changes == ()
    assert days(asked(serving, hw.Ledger.from_bytes(ledger.to_bytes()))) == []
    assert looked == []


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The tables of each question that the engine is asked of labels that landed."""
    tables: list[set[str]] = []
    answer = hw.Workspace.answer

    def watched(workspace: Any, connection: Any, plan: Plan, *given: Any, **more: Any) -> Any:
        if "came" in plan.sql:
            tables.append({s.table.name for s in plan.scans})
        return answer(workspace, connection, plan, *given, **more)

    monkeypatch.setattr(hw.Workspace, "answer", watched)
    return tables


@pytest.mark.parametrize("place", [None, "ledger"])
def test_where_ids_are_kept_no_prediction_is_read_to_know_whose_labels_landed(
    workspace: hw.Workspace, lake: Lake, answered: list[set[str]], tmp_path: Path, place: Any
) -> None:
    serving = connect(workspace, lake, horizon=timedelta(days=9))
    ledger: Any = hw.Ledger() if place is None else tmp_path / place
    taken(asked(serving, ledger))
    lake.labels(3, ["2-1", "8-8"], at(3, hours=5), name="new")
    changes = asked(serving, ledger)
    assert (days(changes), untouched(changes)) == ([2], [0, 1, 3])
    assert answered == [{"actuals"}]
    assert [what for _, what in taken(changes).values()] == [("labels",)]
    # What was read has its ids, and what was left out keeps its own.
    lake.labels(3, ["2-3", "0-1"], at(3, hours=5), name="more")
    assert days(asked(serving, ledger)) == [0, 2]
    assert answered == [{"actuals"}] * 2


def test_ids_of_rows_that_are_others_now_are_not_asked(
    workspace: hw.Workspace, lake: Lake, answered: list[set[str]], tmp_path: Path
) -> None:
    """Two runners: what one of them keeps beside the ledger may be of an older state of it."""
    serving = connect(workspace, lake, horizon=timedelta(days=9))
    place, beside = tmp_path / "ledger", tmp_path / "ledger.files"
    taken(asked(serving, place))
    kept = beside.read_bytes()
    lake.predictions(2, range(100, 120), name="late")
    taken(asked(serving, place))
    beside.write_bytes(kept)
    lake.labels(3, ["2-100"], at(3, hours=5), name="new")
    assert days(asked(serving, place)) == [2]
    assert answered == [{"actuals"}, {"serving", "actuals"}]


def test_ids_that_are_filled_up_with_blanks_are_found(workspace: hw.Workspace, lake: Lake) -> None:
    """'1' is '1  ' to CHAR, and not to a hash: both are filled up as they are read."""
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"x": "numeric"}, predictions={"will": "boolean"}
    )
    columns = {
        "serving": {"id": "char(6)", "at": "timestamp", "x": "double", "will": "boolean"},
        "actuals": {"id": "char(6)", "decided": "timestamp", "did": "boolean"},
    }

    def source(table: str, column: str) -> hw.FileDataSource:
        rule = hw.TimePartition(column, keys={"dt": "yyyy-MM-dd"})
        place = {table: str(lake.folder / table)}
        return hw.FileDataSource(tables=place, columns=columns, partitions={table: rule})

    serving = version.connect_serving(source("serving", "at"), "id", "at")
    actuals = source("actuals", "decided")
    version.connect_actuals(actuals, "id", {"will": "did"}, "decided", horizon=timedelta(days=9))
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    assert days(asked(serving, ledger)) == [2]


def test_windows_that_lie_apart_are_read_together_and_nothing_between_them(
    workspace: hw.Workspace, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = connect(workspace, lake, horizon=timedelta(days=9))
    ledger = handed_over(serving)
    lake.labels(3, ["3-1", "1-1"], at(3, hours=5), name="new")
    read: list[Plan] = []
    real = EmbeddedEngine.read

    def watched(engine: Any, plan: Any, access: Any) -> Any:
        read.append(Planned.of(plan).plan)
        return real(engine, plan, access)

    changes = asked(serving, ledger)
    assert days(changes) == [1, 3]
    monkeypatch.setattr(EmbeddedEngine, "read", watched)
    tables = [c.read().to_arrow() for c in changes]
    (plan,) = read
    relation = plan.scans[0].relation
    assert isinstance(relation, FileRelation)
    assert {Path(f.path).parent.name for f in relation.files} == {
        f"dt={at(day):%Y-%m-%d}" for day in (1, 2, 3)
    }, "rows of the 1st may land a day late; the day 0 is nobody's"
    for change, rows in zip(changes, tables, strict=True):
        assert rows.sort_by("id").equals(full(serving, change))


def test_the_first_labels_of_all_are_looked_at_alone(
    workspace: hw.Workspace, lake: Lake, answered: list[set[str]]
) -> None:
    for file in sorted((lake.folder / "actuals").glob("*/*.parquet")):
        file.unlink()
    lake.labels(-9, ["nobody-0"], at(-9), name="long ago")  # no window's
    serving = connect(workspace, lake, horizon=timedelta(days=9))
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    changes = asked(serving, ledger)
    assert (days(changes), untouched(changes)) == ([2], [0, 1, 3])
    assert answered == [{"actuals"}]


def test_labels_of_nobody_are_looked_at_once(
    serving: hw.Connection, lake: Lake, looked: list[Plan], tmp_path: Path
) -> None:
    place = tmp_path / "state" / "ledger"
    taken(asked(serving, place))
    lake.labels(1, ["8-8", "9-9"], at(1, hours=4), name="of nobody")
    looked.clear()
    changes = asked(serving, place)
    assert (len(changes), days(changes), untouched(changes)) == (4, [], [0, 1, 2, 3])
    assert sum("p.closes" in p.sql for p in looked) == 1
    looked.clear()
    again = asked(serving, place)
    assert (len(again), days(again), looked) == (0, [], [])
    assert {e.state for e in hw.Ledger.load(place).entries.values()} == {"closed", "ripening"}


def test_a_label_beyond_the_horizon_touches_nothing(serving: hw.Connection, lake: Lake) -> None:
    ledger = handed_over(serving)
    # The window of day 0 closes as day 3 begins.
    lake.labels(3, ["0-1", "1-1"], at(3, hours=1), name="late")
    changes = asked(serving, ledger)
    assert (days(changes), untouched(changes)) == ([1], [0, 2, 3])


def test_a_label_that_is_dated_ahead_is_not_lost(serving: hw.Connection, lake: Lake) -> None:
    ledger = handed_over(serving)
    lake.labels(4, ["3-1"], NOW + timedelta(hours=2), name="ahead")
    changes = asked(serving, ledger)
    assert (days(changes), untouched(changes)) == ([], [1, 2, 3])
    assert {e.next for e in ledger.entries.values()} == {None, NOW + timedelta(hours=2)}
    later = asked(serving, ledger, now=NOW + timedelta(hours=3))
    assert [(c.window.start, c.reasons) for c in later if c.window.start == at(3)] == [
        (at(3), ("as_of",))
    ]
    found = taken(later)
    assert found[3] == (("as_of",), ("labels",))


@pytest.mark.parametrize("how", ["rewritten", "deleted", "compacted"])
def test_where_more_happened_than_that_files_landed_all_are_read(
    serving: hw.Connection, lake: Lake, how: str
) -> None:
    ledger = handed_over(serving)
    if how == "rewritten":
        lake.labels(2, ["1-0", "1-2"], at(2, hours=3))
    else:
        shutil.rmtree(lake.path("actuals", 2, "l").parent)
    if how == "compacted":
        lake.labels(2, [f"1-{i}" for i in range(0, ROWS, 2)], at(2, hours=3), name="c")
    else:
        lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    changes = asked(serving, ledger)
    assert days(changes) == [0, 1, 2, 3]
    restated = [day for day, (_, what) in taken(changes).items() if what]
    assert restated == {"rewritten": [1, 2], "deleted": [1, 2], "compacted": []}[how]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT id, decided, did FROM actuals",
        "SELECT id, max(decided) AS decided, max(did) AS did FROM actuals GROUP BY id",
        "SELECT id, decided, did FROM actuals WHERE decided > (SELECT min(decided) FROM actuals)",
        "SELECT a.id, a.decided, a.did FROM actuals AS a JOIN actuals AS b ON a.id = b.id",
    ],
)
def test_labels_that_others_decide_are_not_looked_at_alone(
    workspace: hw.Workspace, lake: Lake, query: str
) -> None:
    serving = connect(workspace, lake)
    (version,) = workspace.versions
    version.disconnect("actuals")
    version.connect_actuals(
        hw.FileDataSource(
            tables={"actuals": str(lake.folder / "actuals")},
            query=query,
            partitions={"actuals": hw.TimePartition("decided", keys={"dt": "yyyy-MM-dd"})},
        ),
        "id",
        {"will": "did"},
        "decided",
        horizon=timedelta(days=2),
    )
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    alone = query == "SELECT id, decided, did FROM actuals"
    assert days(asked(serving, ledger)) == ([2] if alone else [0, 1, 2, 3])


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    "query",
    [
        "SELECT a.id, a.decided, a.did FROM actuals AS a JOIN kinds AS k ON a.did = k.kind",
        "SELECT id, decided, did FROM actuals WHERE did IN (SELECT kind FROM kinds)",
    ],
)
def test_labels_that_landed_are_joined_to_all_of_what_their_query_names(
    workspace: hw.Workspace, lake: Lake, monkeypatch: pytest.MonkeyPatch, query: str, known: bool
) -> None:
    """Without the other table's rows there were no new labels, and windows were left out."""
    lake.write(lake.folder / "kinds" / "k.parquet", pa.table({"kind": [False, True]}))
    serving = connect(workspace, lake)
    (version,) = workspace.versions
    version.disconnect("actuals")
    source = hw.FileDataSource(
        tables={n: str(lake.folder / n) for n in ("actuals", "kinds")},
        query=query,
        partitions={"actuals": hw.TimePartition("decided", keys={"dt": "yyyy-MM-dd"})},
    )
    horizon = timedelta(days=9)
    version.connect_actuals(source, "id", {"will": "did"}, "decided", horizon=horizon)
    ledger = handed_over(serving)
    monkeypatch.setattr(label_touch, "ids_compare", lambda _: known)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    assert days(asked(serving, ledger)) == [2]


def test_a_table_that_both_queries_read_is_not_looked_at_alone(
    workspace: hw.Workspace, lake: Lake
) -> None:
    anti = "LEFT ANTI JOIN actuals AS a ON s.id = a.id"
    both = f"SELECT s.id, s.at, s.x, s.will FROM serving AS s {anti}"
    rule = {"dt": "yyyy-MM-dd"}
    source = hw.FileDataSource(
        tables={n: str(lake.folder / n) for n in ("serving", "actuals")},
        query=both,
        partitions={"serving": hw.TimePartition("at", keys=rule, lateness=timedelta(days=1))},
    )
    connect(workspace, lake)
    (version,) = workspace.versions
    version.disconnect("serving")
    serving = version.connect_serving(source, "id", "at")
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    found = taken(asked(serving, ledger))
    assert {day for day, (_, what) in found.items() if "rows" in what} == {2}


def test_without_what_is_known_of_files_all_are_read(serving: hw.Connection, lake: Lake) -> None:
    ledger = hw.Ledger.from_bytes(handed_over(serving).to_bytes())
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    assert days(asked(serving, ledger)) == [0, 1, 2, 3]


def test_where_it_can_not_be_told_all_are_read(
    serving: hw.Connection, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    changes = asked(serving, ledger)
    lake.labels(3, ["2-1", "2-3"], at(3, hours=5), name="new")  # rewritten since it was planned
    assert days(changes) == [0, 1, 2, 3]


def test_a_window_that_somebody_else_handed_over_is_offered(
    serving: hw.Connection, lake: Lake
) -> None:
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    one, twin = asked(serving, ledger), asked(serving, ledger)
    two = asked(serving, ledger, now=NOW + timedelta(seconds=1))
    assert days(one) == [2]
    assert days(twin) == [2]  # what it would say of the others is what the ledger says
    assert days(two) == [0, 1, 2, 3]
    two[0].read().to_arrow()
    with pytest.raises(LedgerMovedError):
        two[0].done()


def test_one_window_alone_is_read(
    serving: hw.Connection, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = handed_over(serving)
    lake.labels(3, ["9-9"], at(3, hours=5), name="new")
    assert days(asked(serving, ledger, start=at(3))) == [3]


def test_what_is_tried_ends(serving: hw.Connection, lake: Lake) -> None:
    """Windows that nobody takes for many runs are compared by their files, and read."""
    ledger = handed_over(serving)
    for number in range(label_touch._TRIES + 1):
        lake.labels(3, ["9-9"], at(3, hours=5), name=f"n{number}")
        changes = asked(serving, ledger)
    assert len(changes) == 4
    assert days(changes) == [0, 1, 2, 3]


@pytest.mark.parametrize(("of", "read"), [([1, 3], [0, 1, 2, 3]), ([1], [1]), ([0, 1], [0, 1])])
def test_where_those_that_are_asked_first_are_touched_all_are_read(
    serving: hw.Connection, lake: Lake, monkeypatch: pytest.MonkeyPatch, of: list[int], read: Any
) -> None:
    monkeypatch.setattr(late_labels, "_PROBED", 2)
    monkeypatch.setattr(late_labels, "_ASKED", 2)
    monkeypatch.setattr(label_touch, "ids_compare", lambda _: False)
    ledger = handed_over(serving)
    lake.labels(3, [f"{day}-1" for day in of], at(3), name="new")
    assert days(asked(serving, ledger)) == read


@pytest.mark.parametrize("day", range(4))
def test_of_few_windows_one_says_nothing_of_the_others(
    serving: hw.Connection, lake: Lake, monkeypatch: pytest.MonkeyPatch, day: int
) -> None:
    monkeypatch.setattr(late_labels, "_PROBED", 4)
    monkeypatch.setattr(label_touch, "ids_compare", lambda _: False)
    ledger = handed_over(serving)
    lake.labels(3, [f"{day}-1"], at(3), name="new")
    assert days(asked(serving, ledger)) == [day]


def test_windows_whose_ids_are_found_by_chance_are_not_read(
    workspace: hw.Workspace, lake: Lake, answered: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many labels find one of a window's hashes now and then: the window's own ids say it."""
    monkeypatch.setattr(window_ids, "_SPARE", 2)
    serving = connect(workspace, lake, horizon=timedelta(days=9))
    ledger = handed_over(serving)
    kept = ledger.facts.ids
    monkeypatch.setattr(window_ids, "_FEW", 6)
    lake.labels(3, ["2-1", *(f"9-{n}" for n in range(12))], at(3, hours=5), name="new")
    words = id_words(pa.array([f"9-{n}" for n in range(12)]))
    changes = asked(serving, ledger)
    assert any(kept.found(changes[n].window_key, words) for n in (0, 1, 3))
    assert (days(changes), untouched(changes)) == ([2], [0, 1, 3])
    assert answered == [{"actuals"}, {"serving", "actuals"}]


def test_labels_without_a_time_are_not_looked_at_alone(workspace: hw.Workspace, lake: Lake) -> None:
    """Those in the log have one, so there is an `as_of`: it is not of the others."""
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", predictions={"will": "boolean", "also": "boolean"}
    )
    own = "SELECT id, at, will, will AS also, x > 2 AS was, at AS known FROM serving"
    rule = {"serving": hw.TimePartition("at", keys={"dt": "yyyy-MM-dd"})}
    tables = {n: str(lake.folder / n) for n in ("serving", "actuals")}
    serving = version.connect_serving(
        hw.FileDataSource(tables={"serving": tables["serving"]}, query=own, partitions=rule),
        "id",
        "at",
        labels={"also": "was"},
        label_timestamp_column="known",
    )
    version.connect_actuals(
        hw.FileDataSource(tables={"actuals": tables["actuals"]}), "id", {"will": "did"}
    )
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    found = taken(asked(serving, ledger))
    assert {day: what for day, (_, what) in found.items()} == {0: (), 1: (), 2: ("labels",), 3: ()}


def test_what_windows_of_the_same_files_were_read_from_is_looked_for_once(
    workspace: hw.Workspace, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no rule or footer parts the labels, each window needs all of their files."""
    for module in (workspace_changes, late_labels):
        monkeypatch.setattr(module, "file_times", lambda *_, **__: {})
    serving = connect(workspace, lake, horizon=None)
    (version,) = workspace.versions
    version.disconnect("actuals")
    labels = hw.FileDataSource(tables={"actuals": str(lake.folder / "actuals")})
    version.connect_actuals(labels, "id", {"will": "did"}, "decided")
    ledger = handed_over(serving)
    lake.labels(3, ["2-1"], at(3, hours=5), name="new")
    looked: list[Any] = []
    of_then = label_touch._of_then

    def watched(*given: Any) -> Any:
        looked.append(given)
        return of_then(*given)

    monkeypatch.setattr(label_touch, "_of_then", watched)
    changes = asked(serving, ledger)
    assert (len(changes), len(looked)) == (4, 1)
    assert days(changes) == [2]


# -- Lakes ----------------------------------------------------------------------------------------


@pytest.fixture(params=[Delta, Iceberg])
def lakes(request: Any, tmp_path: Path) -> dict[str, Any]:
    """Predictions of four days, three a day, and labels of one of each."""
    made = {n: request.param(tmp_path / n, columns) for n, columns in LAKE_COLUMNS.items()}
    for day in range(4):
        rows = [{"id": f"{day}-{i}", "at": at(day, hours=i), "x": 1.0, "y": True} for i in range(3)]
        made["log"].land(rows, at(day))
        known = {"id": f"{day}-0", "decided": at(day, hours=20), "did": True}
        made["actuals"].land([known], at(day))
    return made


def of_lakes(workspace: hw.Workspace, folder: Path) -> hw.Connection:
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"x": "numeric"}, predictions={"y": "boolean"}
    )

    def source(name: str, query: str) -> LakeSource:
        return LakeSource(places={name: str(folder / name)}, columns=LAKE_COLUMNS, query=query)

    serving = version.connect_serving(source("log", "SELECT id, at, x, y FROM log"), "id", "at")
    actuals = source("actuals", "SELECT id, decided, did FROM actuals")
    version.connect_actuals(actuals, "id", {"y": "did"}, "decided", horizon=timedelta(days=9))
    return serving


def labelled(tables: dict[str, Any], *ids: str) -> None:
    rows = [{"id": i, "decided": at(3, hours=22), "did": True} for i in ids]
    tables["actuals"].land(rows, at(3))


@pytest.mark.parametrize("known", [True, False])
def test_labels_that_land_in_a_lake_are_looked_at_alone(
    workspace: hw.Workspace,
    lakes: dict[str, Any],
    tmp_path: Path,
    looked: list[Plan],
    answered: list[set[str]],
    monkeypatch: pytest.MonkeyPatch,
    known: bool,
) -> None:
    serving = of_lakes(workspace, tmp_path)
    place = tmp_path / "ledger"
    assert len(taken(asked(serving, place))) == 4
    monkeypatch.setattr(label_touch, "ids_compare", lambda _: known)
    labelled(lakes, "1-1", "nobody")
    looked.clear()
    changes = asked(serving, place)
    assert (days(changes), untouched(changes)) == ([1], [0, 2, 3])
    assert answered == [{"actuals"} if known else {"log", "actuals"}]
    change = next(iter(changes))
    assert change.read().to_arrow().sort_by("id").equals(full(serving, change))
    assert change.restated == ("labels",)
    change.done()
    labelled(lakes, "nobody")
    assert days(asked(serving, place)) == []
    assert len(asked(serving, place)) == 0


@pytest.mark.parametrize("how", ["rewritten", "deleted", "compacted"])
def test_where_a_lake_of_labels_lost_files_all_are_read(
    workspace: hw.Workspace, lakes: dict[str, Any], tmp_path: Path, how: str
) -> None:
    serving = of_lakes(workspace, tmp_path)
    place = tmp_path / "ledger"
    taken(asked(serving, place))
    labelled(lakes, "1-1")
    if how == "rewritten":
        lakes["actuals"].rewrite(lambda row: row.update(did=not row["did"]), 0)
    elif how == "deleted":
        lakes["actuals"].remove(["2-0"])
    else:
        lakes["actuals"].compact(at(3))
    restated = {day for day, (_, what) in taken(asked(serving, place)).items() if what}
    assert restated == {"rewritten": {0, 1}, "deleted": {1, 2}, "compacted": {1}}[how]
    for change in asked(serving, hw.Ledger()):
        kept = hw.Ledger.load(place).entries[change.window_key]
        change.read().to_arrow()
        assert change.after is not None
        assert (kept.rows, kept.labels) == (change.after.rows_digest, change.after.labels_digest)
