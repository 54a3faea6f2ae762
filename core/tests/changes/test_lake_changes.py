"""Changes of lakes: a commit moves the windows whose files it moves, and no others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.types import DoubleType
from tests.iceberg import file_catalog

import headwater as hw
from headwater.auth.credentials import Access
from headwater.interfaces.data_source import DataSource
from headwater.lakes.iceberg import column_id, current_schema
from headwater.planning.lake_files import before_compaction
from headwater.reading.dataset import Dataset
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import Catalog, Partition, Table, TableName
from headwater.types import DOUBLE, STRING, TIMESTAMP
from headwater.workspace import changes as workspace_changes

BASE = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS = 5
NAME = TableName("lake", "t")
COLUMNS = (hw.Column("id", STRING), hw.Column("at", TIMESTAMP), hw.Column("y", DOUBLE))


def day(number, value=0.5, first=0):
    moments = [BASE + number * DAY + n * timedelta(hours=3) for n in range(first, first + 3)]
    return pa.table(
        {
            "id": [f"{number}-{n}" for n in range(first, first + 3)],
            "at": pa.array(moments, pa.timestamp("us", "UTC")),
            "y": [value] * 3,
        }
    )


class LakeSource(DataSource):
    """One table of a lake on this machine, at its newest state."""

    kind: ClassVar[str] = "lake"
    place: str
    snapshot: int | None = None
    ids: tuple[str, ...] = ()
    made: str | None = None

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        return SingleDatabase("lake", {"t": lambda: Table(NAME, COLUMNS)})

    def sql(self) -> str:
        return "SELECT * FROM t"

    @property
    def default_database(self) -> str:
        return "lake"

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        if self.snapshot is not None:
            return IcebergRelation(
                NAME,
                COLUMNS,
                self.place,
                self.snapshot,
                file_count=1,
                column_ids=self.ids,
                table_id=self.made,
            )
        log = DeltaTable(self.place)
        made = str(log.metadata().id)
        return DeltaRelation(NAME, COLUMNS, self.place, log.version(), file_count=1, table_id=made)


class Delta:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, rows: pa.Table) -> None:
        write_deltalake(self.folder, rows, mode="append")

    def delete(self, condition: str) -> None:
        DeltaTable(self.folder).delete(condition)

    def compact(self) -> None:
        DeltaTable(self.folder).optimize.compact()

    def source(self) -> LakeSource:
        return LakeSource(place=str(self.folder))


class Iceberg:
    def __init__(self, folder: Path) -> None:
        self.catalog = file_catalog(folder, f"file://{folder}")
        self.table = self.catalog.create_table("db.t", schema=day(0).schema)

    def append(self, rows: pa.Table) -> None:
        self.table.append(rows)

    def delete(self, condition: str) -> None:
        self.table.delete(condition)

    def compact(self) -> None:
        """Write all rows anew; pyiceberg says `overwrite`, where a compaction says `replace`."""
        before = {s.snapshot_id for s in self.table.snapshots()}
        self.table.overwrite(self.table.scan().to_arrow())
        place = Path(self.table.metadata_location.removeprefix("file://"))
        metadata = json.loads(place.read_text())
        for snapshot in metadata["snapshots"]:
            if snapshot["snapshot-id"] not in before:
                snapshot["summary"]["operation"] = "replace"
        place.write_text(json.dumps(metadata))
        # What follows is written of what this process knows.
        self.table = self.catalog.load_table("db.t")

    def source(self) -> LakeSource:
        snapshot = self.table.current_snapshot()
        assert snapshot is not None
        metadata = json.loads(
            Path(self.table.metadata_location.removeprefix("file://")).read_text()
        )
        ids = {f["name"]: column_id(f) for f in current_schema(metadata)["fields"]}
        return LakeSource(
            place=self.table.metadata_location,
            snapshot=snapshot.snapshot_id,
            ids=tuple(ids[c.name] for c in COLUMNS),
            made=metadata["table-uuid"],
        )


@pytest.fixture(params=[Delta, Iceberg])
def lake(request, tmp_path):
    folder = tmp_path / "t"
    folder.mkdir()
    made = request.param(folder)
    for number in range(DAYS):
        made.append(day(number))
    return made


@pytest.fixture
def ledger():
    return hw.Ledger()


@pytest.fixture
def offered(lake, ledger):
    """Read all windows that are offered, and return them by the day in which they begin."""
    workspace = hw.Workspace(engine="embedded")
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})

    def ask():
        version.disconnect("serving")
        serving = version.connect_serving(lake.source(), "id", "at")
        changes = serving.changes(
            BASE, BASE + DAYS * DAY, every="1 day", ledger=ledger, now=BASE + 9 * DAY
        )
        found = {}
        for change in changes:
            found[change.window.start.day] = change.read().to_arrow().num_rows
            change.done()
        return found

    with workspace:
        yield ask


def test_a_commit_moves_the_windows_whose_files_it_moves(lake, offered):
    assert offered() == dict.fromkeys(range(1, DAYS + 1), 3)
    assert offered() == {}
    lake.append(day(2, first=3))
    assert offered() == {3: 6}
    lake.delete("id = '1-0'")
    assert offered() == {2: 2}
    lake.append(pa.concat_tables([day(0, first=3), day(4, first=3)]))
    # A file that holds rows of the 1st and the 5th may hold some of the days between.
    assert {1: 6, 5: 6}.items() <= offered().items()
    assert offered() == {}


@pytest.mark.parametrize("lake", [Iceberg], indirect=True)
def test_a_column_that_is_dropped_and_added_anew_is_another(lake, offered):
    assert len(offered()) == DAYS
    with lake.table.update_schema() as schema:
        schema.add_column("z", DoubleType())
    assert offered() == {}, "a column that no query names"
    with lake.table.update_schema(allow_incompatible_changes=True) as schema:
        schema.delete_column("y")
    with lake.table.update_schema() as schema:
        schema.add_column("y", DoubleType())
    assert len(offered()) == DAYS, "its values are gone, and no file moved"
    assert offered() == {}


def test_a_compaction_that_the_lake_tells_moves_no_window(lake, offered, ledger, monkeypatch):
    assert len(offered()) == DAYS
    pins = {e.pins["lake.t"] for e in ledger.entries.values()}
    lake.compact()
    moved = []
    monkeypatch.setattr(Dataset, "to_arrow", lambda *_: moved.append("read"))
    assert offered() == {}
    now = {e.pins["lake.t"] for e in ledger.entries.values()}
    assert len(now) == 1
    assert not now & pins, "the ledger has them as compared"
    assert offered() == {}
    monkeypatch.undo()
    lake.append(day(2, first=3))
    assert offered() == {3: 6}


def test_a_lake_is_asked_once_for_compactions_though_its_windows_are_of_many_states(
    lake, offered, ledger, monkeypatch
):
    assert len(offered()) == DAYS
    for number in range(1, DAYS):
        lake.append(day(number, first=3))
        assert offered() == {number + 1: 6}
    assert len({e.pins["lake.t"] for e in ledger.entries.values()}) == DAYS
    asked = []

    def counted(*given):
        asked.append(given)
        return before_compaction(*given)

    monkeypatch.setattr(workspace_changes, "before_compaction", counted)
    lake.compact()
    # Of the last day's state alone nothing but the compaction came since.
    assert offered().keys() == {1, 2, 3, 4}
    assert len(asked) == 1
    assert offered() == {}


def test_a_compaction_among_others_proves_nothing(lake, offered):
    assert len(offered()) == DAYS
    lake.append(day(2, first=3))
    lake.compact()
    assert {3: 6}.items() <= offered().items()
    lake.compact()
    lake.delete("id = '1-0'")
    assert {2: 2}.items() <= offered().items()
    assert offered() == {}


@pytest.mark.parametrize("lake", [Iceberg], indirect=True)
def test_a_compaction_beside_another_column_of_the_name_proves_nothing(lake, offered):
    assert len(offered()) == DAYS
    with lake.table.update_schema(allow_incompatible_changes=True) as schema:
        schema.delete_column("y")
    with lake.table.update_schema() as schema:
        schema.add_column("y", DoubleType())
    lake.compact()
    assert len(offered()) == DAYS


@pytest.mark.parametrize("lake", [Iceberg], indirect=True)
def test_a_compaction_over_snapshots_that_were_expired_proves_nothing(lake, offered):
    assert len(offered()) == DAYS
    lake.compact()
    place = Path(lake.table.metadata_location.removeprefix("file://"))
    metadata = json.loads(place.read_text())
    kept = [s for s in metadata["snapshots"] if s["snapshot-id"] == metadata["current-snapshot-id"]]
    place.write_text(json.dumps(metadata | {"snapshots": kept}))
    assert len(offered()) == DAYS


@pytest.mark.parametrize("lake", [Delta], indirect=True)
def test_a_compaction_over_commits_that_were_cleaned_proves_nothing(lake, offered):
    assert len(offered()) == DAYS
    lake.compact()
    DeltaTable(lake.folder).create_checkpoint()
    for commit in (lake.folder / "_delta_log").glob("*.json"):
        commit.unlink()
    assert len(offered()) == DAYS


@pytest.mark.parametrize("lake", [Delta], indirect=True)
def test_a_table_that_is_made_anew_is_another_under_the_same_version(lake, offered):
    """No statistics tell its files by window, as of a table of dimensions: its version stands."""

    def make(value):
        shutil.rmtree(lake.folder)
        no_statistics = {"delta.dataSkippingNumIndexedCols": "0"}
        rows = pa.concat_tables([day(number, value) for number in range(DAYS)])
        write_deltalake(lake.folder, rows, configuration=no_statistics)

    make(0.5)
    assert len(offered()) == DAYS
    assert offered() == {}
    make(0.75)
    assert len(offered()) == DAYS, "it is at version 0, as it was"
    assert offered() == {}


@pytest.mark.parametrize("junk", [[], [{"add": 1}], [{"remove": None}]])
@pytest.mark.parametrize("lake", [Delta], indirect=True)
def test_commits_that_are_damaged_prove_nothing(lake, offered, junk):
    assert len(offered()) == DAYS
    lake.compact()
    DeltaTable(lake.folder).create_checkpoint()
    newest = max((lake.folder / "_delta_log").glob("*.json"))
    newest.write_text("".join(f"{json.dumps(j)}\n" for j in [junk, *junk]))
    assert len(offered()) == DAYS


@pytest.mark.parametrize("junk", [{}, {"snapshot-id": [1]}, 7])
@pytest.mark.parametrize("lake", [Iceberg], indirect=True)
def test_snapshots_that_are_damaged_prove_nothing(lake, offered, junk):
    assert len(offered()) == DAYS
    lake.compact()
    place = Path(lake.table.metadata_location.removeprefix("file://"))
    metadata = json.loads(place.read_text())
    place.write_text(json.dumps(metadata | {"snapshots": [*metadata["snapshots"], junk]}))
    assert len(offered()) == DAYS
