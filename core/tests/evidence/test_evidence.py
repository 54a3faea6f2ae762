"""Evidence of reads, and what a replay says, over local files, Delta and Iceberg."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.changes.test_changes import NOW, Lake, asked, at, connect
from core.tests.changes.test_lake_changes import DAYS, Delta, Iceberg, day

import headwater as hw
from headwater.errors import ConfigError, EvidenceError, UnsupportedError
from headwater.evidence import evidence as evidence_room
from headwater.evidence.evidence import Evidence
from headwater.interfaces import plan_text


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as made:
        yield made


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def serving(workspace: hw.Workspace, lake: Lake) -> hw.Connection:
    return connect(workspace, lake)


def read(serving: hw.Connection, number: int = 1, **more: Any) -> Evidence:
    data = serving.read(at(number), at(number + 1), as_of=NOW, **more)
    data.to_arrow()
    return data.evidence()


def replayed(workspace: hw.Workspace, evidence: Evidence) -> Any:
    data = workspace.replay(evidence)
    data.to_arrow()
    return data.replay


def test_an_unread_dataset_has_no_evidence(serving: hw.Connection) -> None:
    data = serving.read(at(1), at(2))
    with pytest.raises(EvidenceError) as caught:
        data.evidence()
    assert caught.value.code == "not-read"
    for _ in data:
        break
    with pytest.raises(EvidenceError) as caught:
        data.evidence()
    assert caught.value.code == "not-read"


def test_a_query_by_itself_has_no_evidence(workspace: hw.Workspace, lake: Lake) -> None:
    source = hw.FileDataSource(tables={"serving": str(lake.folder / "serving")})
    data = workspace.sql("SELECT id FROM serving", source)
    data.to_arrow()
    with pytest.raises(UnsupportedError):
        data.evidence()


def test_it_tells_what_was_read(serving: hw.Connection) -> None:
    told = read(serving).to_dict()
    assert told["connection"] == "m/v1/serving"
    assert told["window"] == {"start": at(1).isoformat(), "end": at(2).isoformat()}
    assert told["as_of"] == NOW.isoformat()
    assert (told["counts"]["rows"], told["counts"]["labelled"]) == (40, 20)
    assert told["engine"]["name"] == "embedded"
    assert told["engine"]["version"]
    assert told["versions"]["headwater"] == hw.__version__
    assert told["query"] == "SELECT id, at, x, will FROM serving"
    assert "hw`.`t0" in told["sql"] or "hw.t0" in told["sql"]
    predictions, labels = told["tables"]
    assert [predictions["gives_actuals"], labels["gives_actuals"]] == [False, True]
    assert all(f["etag"] and f["size"] for f in predictions["data_files"])
    assert {c["role"] for c in told["mapping"]} >= {"id", "timestamp", "prediction"}
    assert '"1-3"' not in json.dumps(told)  # an id: no row is in it


def test_digests_on_the_way_and_afterwards_are_the_same(serving: hw.Connection) -> None:
    assert read(serving).document["content"] == read(serving, digests=True).document["content"]


def test_a_change_gives_the_definition_that_the_ledger_keeps(serving: hw.Connection) -> None:
    ledger = hw.Ledger()
    for change in asked(serving, ledger):
        data = change.read()
        data.to_arrow()
        change.done()
        entry = ledger.entries[change.window_key]
        evidence = data.evidence()
        assert evidence.definition == entry.definition
        assert (evidence.rows_digest, evidence.labels_digest) == (entry.rows, entry.labels)


def test_it_is_written_and_read_back(serving: hw.Connection, tmp_path: Path) -> None:
    evidence = read(serving)
    assert Evidence.from_json(evidence.to_json()) == evidence
    assert Evidence.load(evidence.save(tmp_path / "out" / "day.json")) == evidence
    assert json.loads(evidence.to_json())["sha256"] == evidence.sha256
    with pytest.raises(ConfigError):
        Evidence.load(tmp_path / "none.json")


def changed(evidence: Evidence, **more: Any) -> str:
    """Return evidence that somebody changed, with the SHA-256 that it then has."""
    return Evidence({**evidence.document, **more}).to_json()


def test_whoever_changes_it_shows(serving: hw.Connection) -> None:
    evidence = read(serving)
    text = evidence.to_json()
    for tampered in (
        text.replace('"rows": 40', '"rows": 41'),
        text[:-40],
        "[]",
        "{}",
        "\xff\x00",
        "[" * 5000,
        '{"headwater": "evidence"}',
        text.replace('"format": 1', '"format": 1, "format": 1'),
        changed(evidence, window={"start": "x", "end": "y"}),
        changed(evidence, window=[1]),
        changed(evidence, tables={}),
        changed(evidence, tables=[{"slot": 1}]),
        changed(evidence, counts={"rows": -1, "labelled": 0}),
        changed(evidence, content={"form": 1, "rows": "zz", "labels": "0" * 16}),
        changed(evidence, sample="all"),
        changed(evidence, read_at=None),
        changed(evidence, as_of="2026-01-01"),
        changed(evidence, engine="spark"),
    ):
        with pytest.raises(EvidenceError) as caught:
            Evidence.from_json(tampered)
        assert caught.value.code == "evidence-damaged", tampered[:200]
    with pytest.raises(EvidenceError) as caught:
        Evidence.from_json(changed(evidence, format=2))
    assert caught.value.code == "evidence-newer"


def test_files_beyond_a_thousand_are_beside_it(
    serving: hw.Connection,
    workspace: hw.Workspace,
    lake: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert plan_text.FILES == 1_000
    for module in (plan_text, evidence_room):
        monkeypatch.setattr(module, "FILES", 10)
    for number in range(11):
        lake.write(
            lake.path("serving", 1, f"n{number}"),
            pa.table(
                {
                    "id": [f"n{number}"],
                    "at": pa.array([at(1, hours=1)], pa.timestamp("us", "UTC")),
                    "x": [1.0],
                    "will": [True],
                }
            ),
        )
    evidence = read(serving)
    assert evidence.document["tables"][0]["data_files"] is None
    place = evidence.save(tmp_path / "day.json")
    beside = tmp_path / "day.files.parquet"
    assert Evidence.load(place) == evidence
    lake.path("serving", 1, "n7").unlink()
    [change] = replayed(workspace, Evidence.load(place)).changes
    assert (change.kind, change.files[0][0].endswith("n7.parquet")) == ("gone", True)
    beside.write_bytes(b"PAR1")
    with pytest.raises(EvidenceError):
        Evidence.load(place)
    pq.write_table(pa.table({"slot": ["t0"], "path": ["x"], "size": [1], "etag": ["e"]}), beside)
    with pytest.raises(EvidenceError):
        Evidence.load(place)
    long = (
        pa.array(["t0", "t0"]),
        pa.array(["x" * 10_000] * 2),
        pa.array([1, 1]),
        pa.array(["e"] * 2),
    )
    pq.write_table(pa.table(long, names=["slot", "path", "size", "etag"]), beside)
    with pytest.raises(EvidenceError, match="too long"):
        Evidence.load(place)
    beside.unlink()
    done = replayed(workspace, Evidence.load(place))
    assert [c.kind for c in done.changes] == ["other-files"]
    assert done.rows is False


# -- Replay ----------------------------------------------------------------------------------------


def test_the_same_files_give_the_same_digests(
    serving: hw.Connection, workspace: hw.Workspace
) -> None:
    for number in range(4):
        done = replayed(workspace, read(serving, number))
        assert done.exact
        assert done.same
        assert done.outcome.startswith("the same ")
        assert done.outcome.endswith(" files, 40 rows, the same digests")
    whole = serving.read(as_of=NOW)
    whole.to_arrow()
    assert replayed(workspace, whole.evidence()).same
    for one in serving.read(at(0), at(4), every="1 day", as_of=NOW, digests=True):
        one.to_arrow()
        done = replayed(workspace, one.evidence())
        assert (done.same, done.exact, done.changes) == (True, True, ())
    sampled = serving.read(at(0), at(4), as_of=NOW, sample=0.5)
    sampled.to_arrow()
    assert replayed(workspace, sampled.evidence()).same


def test_a_file_that_was_overwritten_is_named(
    serving: hw.Connection, workspace: hw.Workspace, lake: Lake
) -> None:
    evidence = read(serving)
    lake.predictions(1, range(20), name="a", shift=1.0)
    data = workspace.replay(evidence)
    assert any(w.code == "evidence-changed" for w in data.plan.warnings)
    data.to_arrow()
    done = data.replay
    assert done is not None
    assert (done.exact, done.rows, done.labels) == (False, False, True)
    assert "1 of 4 files was overwritten since" in done.outcome
    assert "a.parquet: " in done.outcome
    assert "rows differ, labels do not" in done.outcome
    assert "can't be had again" in done.outcome
    assert [n.code for n in data.stats.notes if n.code == "evidence-changed"]


def test_a_file_that_was_rewritten_alike_differs_in_nothing(
    serving: hw.Connection, workspace: hw.Workspace, lake: Lake
) -> None:
    evidence = read(serving)
    lake.compact("serving", 1)
    done = replayed(workspace, evidence)
    assert {c.kind for c in done.changes} == {"gone", "landed"}
    assert (done.exact, done.same) == (False, True)


def test_labels_that_were_rewritten_differ_alone(
    serving: hw.Connection, workspace: hw.Workspace, lake: Lake
) -> None:
    evidence = read(serving)
    lake.labels(2, [f"1-{i}" for i in range(0, 40, 4)], at(2, hours=3))
    done = replayed(workspace, evidence)
    assert (done.rows, done.labels) == (True, False)
    assert "labels differ, rows do not" in done.outcome


def test_what_landed_since_is_left_out(
    serving: hw.Connection, workspace: hw.Workspace, lake: Lake
) -> None:
    evidence = read(serving)
    lake.predictions(1, range(100, 120), name="late")
    done = replayed(workspace, evidence)
    assert [c.kind for c in done.changes] == ["landed"]
    assert (done.exact, done.same, done.count) == (True, True, 40)


def test_another_query_is_said(workspace: hw.Workspace, lake: Lake, serving: hw.Connection) -> None:
    evidence = read(serving)
    connect(workspace, lake, query="SELECT id, at, x + 1 AS x, will FROM serving")
    done = replayed(workspace, evidence)
    assert done.other_definition
    assert (done.exact, done.rows, done.labels) == (False, False, True)
    assert done.outcome.startswith("query, mapping or rules are others")


def test_evidence_that_is_not_borne_out(serving: hw.Connection, workspace: hw.Workspace) -> None:
    evidence = read(serving)
    content = {**evidence.document["content"], "rows": "0" * 16}
    forged = Evidence.from_json(changed(evidence, content=content))
    data = workspace.replay(forged)
    with pytest.raises(EvidenceError) as caught:
        data.to_arrow()
    assert caught.value.code == "evidence-broken"


def test_a_connection_that_is_not_here(serving: hw.Connection) -> None:
    with hw.Workspace() as other, pytest.raises(ConfigError, match="m/v1/serving"):
        other.replay(read(serving))


def test_an_engine_that_is_not_here_is_not_needed(
    serving: hw.Connection, workspace: hw.Workspace
) -> None:
    evidence = read(serving)
    engine = {**evidence.document["engine"], "name": "os:system"}
    forged = Evidence.from_json(changed(evidence, engine=engine))
    assert replayed(workspace, forged).same


@pytest.mark.filterwarnings("ignore::headwater.EmptyReadWarning")
def test_many_reads_give_the_same_or_the_name_of_what_changed(
    serving: hw.Connection, workspace: hw.Workspace, lake: Lake
) -> None:
    draw = Random(16)
    kept = []
    for _ in range(6):
        start = at(draw.randrange(3), hours=draw.choice((0, 0, 6)))
        end = at(draw.randrange(2, 5), hours=draw.choice((0, 12)))
        if end <= start:
            end = start + timedelta(days=1)
        sample = draw.choice((None, None, 0.5))
        data = serving.read(start, end, as_of=NOW, sample=sample, digests=draw.random() < 0.8)
        data.to_arrow()
        kept.append(Evidence.from_json(data.evidence().to_json()))
    for evidence in kept:
        done = replayed(workspace, evidence)
        assert (done.exact, done.same, done.changes) == (True, True, ())
    lake.predictions(2, range(20), name="a", shift=1.0)
    lake.predictions(0, range(50, 60), name="late")
    touched = str(lake.path("serving", 2, "a"))
    for evidence in kept:
        done = replayed(workspace, evidence)
        named = {path for c in done.changes if c.kind == "overwritten" for path, _, _ in c.files}
        read = {path for path, _, _ in evidence.files_of("t0") or ()}
        assert named == {touched} & read
        if not named:
            assert (done.exact, done.same) == (True, True)
        if done.rows is False:
            assert named


@pytest.fixture(params=[Delta, Iceberg])
def table(request: Any, tmp_path: Path) -> Any:
    folder = tmp_path / "t"
    folder.mkdir()
    made = request.param(folder)
    for number in range(DAYS):
        made.append(day(number))
    return made


def of_lake(workspace: hw.Workspace, table: Any) -> hw.Connection:
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
    version.disconnect("serving")
    return version.connect_serving(table.source(), "id", "at")


def test_a_lake_is_read_as_it_was(workspace: hw.Workspace, table: Any) -> None:
    evidence = {}
    for number in range(DAYS):
        data = of_lake(workspace, table).read(at(number), at(number + 1))
        data.to_arrow()
        evidence[number] = data.evidence()
    table.append(day(1, first=3))
    table.delete("id = '2-0'")
    connection = of_lake(workspace, table)
    for number, one in evidence.items():
        now = connection.read(at(number), at(number + 1)).to_arrow().num_rows
        assert now == {1: 6, 2: 2}.get(number, 3)
        done = replayed(workspace, one)
        assert (done.exact, done.same, done.count) == (True, True, 3)


def test_a_table_that_was_dropped_and_made_anew_is_named(
    workspace: hw.Workspace, table: Any, tmp_path: Path
) -> None:
    """Of the same rows, in as many commits: it is another table, and says so before all else."""
    data = of_lake(workspace, table).read(at(1), at(2))
    data.to_arrow()
    evidence = Evidence.from_json(data.evidence().to_json())
    made = evidence.document["tables"][0]["table_id"]
    shutil.rmtree(tmp_path / "t")
    (tmp_path / "t").mkdir()
    again = type(table)(tmp_path / "t")
    for number in range(DAYS):
        again.append(day(number))
    of_lake(workspace, again)
    done = replayed(workspace, evidence)
    (change,) = done.changes
    assert (change.kind, change.ids[0]) == ("made-anew", made)
    assert change.ids[1] != made
    assert len(change.files) == 2 * DAYS
    assert "dropped and made anew" in done.outcome
    assert "; new: " in done.outcome
    assert made in done.outcome
    assert (done.exact, done.same) == (False, True)
    assert change.to_dict()["ids"] == {"then": change.ids[0], "now": change.ids[1]}


def expired(evidence: Evidence) -> Evidence:
    """Return evidence of a lake at a state of another number, as if its own had been expired."""
    told = dict(evidence.document["tables"][0])
    for name in ("snapshot_id", "version"):
        if name in told:
            told[name] = 77
    return Evidence.from_json(changed(evidence, tables=[told]))


def test_a_state_that_is_not_kept_is_said(workspace: hw.Workspace, table: Any) -> None:
    data = of_lake(workspace, table).read(at(1), at(2))
    data.to_arrow()
    evidence = data.evidence()
    table.append(day(1, first=3))
    of_lake(workspace, table)
    done = replayed(workspace, expired(evidence))
    assert next(c.kind for c in done.changes).endswith("-gone")
    assert (done.exact, done.rows, done.count) == (False, False, 6)
    assert "77" in done.outcome


@pytest.mark.parametrize("most", [1, 1000])
def test_evidence_of_a_lake_names_its_files(
    workspace: hw.Workspace, table: Any, most: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(evidence_room, "FILES", most)
    monkeypatch.setattr(plan_text, "FILES", most)
    connection = of_lake(workspace, table)
    data = connection.read(at(1), at(2))
    data.to_arrow()
    evidence = data.evidence()
    (told,) = evidence.document["tables"]
    on_disk = {str(p) for p in (tmp_path / "t").rglob("*.parquet")}
    marks = evidence.files_of("t0")
    assert marks is not None
    assert {path.removeprefix("file://") for path, _, _ in marks} == on_disk
    assert all(size == Path(path.removeprefix("file://")).stat().st_size for path, size, _ in marks)
    assert (told["data_files"] is None) is (most == 1)
    saved = Evidence.load(evidence.save(tmp_path / "kept" / "day.json"))
    assert saved.files_of("t0") == marks
    assert saved.sha256 == evidence.sha256
    done = replayed(workspace, saved)
    assert (done.exact, done.same, done.changes) == (True, True, ())


def test_a_plan_names_the_files_of_a_lake(workspace: hw.Workspace, table: Any) -> None:
    connection = of_lake(workspace, table)
    (told,) = connection.plan(at(1), at(2)).to_dict()["tables"]
    whole = connection.plan(at(1), at(3), every="1 day").whole.to_dict()["tables"][0]
    (read,) = connection.read(at(1), at(2)).plan.to_dict()["tables"]
    assert told["data_files"] == whole["data_files"]
    assert len(told["data_files"]) == DAYS
    assert "data_files" not in read, "an engine finds them by itself"


def test_a_lake_whose_state_is_gone_names_the_files_that_went_and_came(
    workspace: hw.Workspace, table: Any
) -> None:
    data = of_lake(workspace, table).read(at(1), at(2))
    data.to_arrow()
    evidence = data.evidence()
    table.delete("id = '2-0'")
    of_lake(workspace, table)
    done = replayed(workspace, expired(evidence))
    (change,) = done.changes
    went = [path for path, _, now in change.files if now is None]
    came = [path for path, then, _ in change.files if then is None]
    assert (len(went), len(came)) == (1, 1)
    assert went[0] in done.outcome
    assert came[0] in done.outcome
    assert done.rows is True, "of the day that was read nothing went"


def test_a_lake_that_was_made_anew_is_told_by_its_files(
    workspace: hw.Workspace, tmp_path: Path
) -> None:
    """Its version has the same number, and other files."""
    folder = tmp_path / "anew"
    folder.mkdir()
    delta = Delta(folder)
    for number in range(2):
        delta.append(day(number))
    data = of_lake(workspace, delta).read(at(1), at(2))
    data.to_arrow()
    evidence = data.evidence()
    (told,) = evidence.document["tables"]  # of a source that knows no ids, say
    told = {name: value for name, value in told.items() if name != "table_id"}
    evidence = Evidence.from_json(changed(evidence, tables=[told]))
    shutil.rmtree(folder)
    folder.mkdir()
    for number in range(2):
        delta.append(day(number, value=0.25))
    of_lake(workspace, delta)
    done = replayed(workspace, evidence)
    assert (done.exact, done.rows) == (False, False)
    (change,) = done.changes
    assert (change.kind, change.then, change.now) == ("version-gone", 1, 1)
    assert len(change.files) == 4
    assert "version 1 is of other files now" in done.outcome
    delta.append(day(3))
    of_lake(workspace, delta)
    later = replayed(workspace, evidence)
    assert later.exact is False
    assert "version 1 is not kept any more; 2 is read" in later.outcome
