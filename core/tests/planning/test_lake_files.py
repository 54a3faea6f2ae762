"""Files of lakes, and which time each holds: told by their metadata, no data file is opened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from tests.iceberg import file_catalog

from headwater.auth.credentials import Access
from headwater.engines.embedded.lake_formats import iceberg as lake_format
from headwater.interfaces.plan import Scan, ScanEstimate
from headwater.planning.lake_files import lake_files
from headwater.planning.shares import Divided
from headwater.tables.relation import DeltaRelation, IcebergRelation
from headwater.tables.table import Column, TableName
from headwater.tables.window import Window
from headwater.types import STRING, TIMESTAMP

NAME = TableName("db", "t")
DAY = timedelta(days=1)
BASE = datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
COLUMNS = (Column("id", STRING), Column("at", TIMESTAMP))
LATER = datetime(2027, 1, 1, tzinfo=UTC)


def day(number, ids=("a", "b")):
    moments = [BASE + number * DAY + n * timedelta(hours=2) for n in range(len(ids))]
    return pa.table({"id": list(ids), "At": pa.array(moments, pa.timestamp("us", "UTC"))})


def scan(relation, column="at"):
    estimate = ScanEstimate(1, None, 3, 3)
    return Scan("t0", NAME, relation, estimate, time_column=column)


def shared(relation, access=None):
    """Return which files each of four days needs, by their place among all."""
    one = scan(relation)
    listed, times = lake_files([one], access or Access())
    divided = Divided(one, times.get("t0"), listed.get("t0"), LATER)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    days = (Window(start + n * DAY, start + (n + 1) * DAY) for n in range(4))
    shares = [divided.share(window) for window in days]
    paths = [f.path for f in listed.get("t0", ())]
    return shares, [sorted(paths.index(f.path) for f in share.files) for share in shares]


@pytest.fixture
def iceberg(tmp_path: Path):
    catalog = file_catalog(tmp_path, f"file://{tmp_path}")
    table = catalog.create_table("db.t", schema=day(0).schema)
    for number in range(3):
        table.append(day(number))

    def relation():
        snapshot = table.current_snapshot()
        return IcebergRelation(
            NAME,
            COLUMNS,
            table.metadata_location,
            None if snapshot is None else snapshot.snapshot_id,
            None,
            3,
            9,
        )

    return table, relation


def test_a_snapshots_files_are_parted_by_their_bounds(iceberg):
    _, relation = iceberg
    shares, numbers = shared(relation())
    assert sorted(n for some in numbers for n in some) == [0, 1, 2]
    assert [len(some) for some in numbers] == [1, 1, 1, 0]
    assert {share.chosen_by for share in shares} == {"statistics"}
    assert shares[0].bytes == shares[0].scan.estimate.bytes > 0


def test_what_is_deleted_of_a_file_moves_its_window_and_no_other(iceberg):
    table, relation = iceberg
    before, _ = shared(relation())
    table.delete("id = 'a' AND At < '2026-01-02T00:00:00+00:00'")
    after, _ = shared(relation())
    moved = [b.files != a.files for b, a in zip(before, after, strict=True)]
    assert moved == [True, False, False, False]


@pytest.mark.parametrize("bound", [b"", b"\0", b"\0" * 9])
def test_a_bound_of_another_length_bounds_nothing(iceberg, monkeypatch, bound):
    """A manifest is others' words: its bounds may be of any length."""
    _, relation = iceberg
    tasks = lake_format._tasks

    def damaged(*given):
        found = tasks(*given)
        for task in found:
            for key in task.file.lower_bounds:
                task.file.lower_bounds[key] = bound
        return found

    monkeypatch.setattr(lake_format, "_tasks", damaged)
    shares, _ = shared(relation())
    assert [len(share.files) for share in shares] == [3] * 4


def test_a_table_without_a_snapshot_has_no_files(tmp_path):
    table = file_catalog(tmp_path, f"file://{tmp_path}").create_table("db.t", day(0).schema)
    relation = IcebergRelation(NAME, COLUMNS, table.metadata_location, None)
    listed, _ = lake_files([scan(relation)], Access())
    assert listed == {"t0": ()}


def test_a_versions_files_are_parted_by_its_logs_statistics(tmp_path):
    from deltalake import write_deltalake

    for number in range(3):
        write_deltalake(tmp_path, day(number), mode="append")
    shares, numbers = shared(DeltaRelation(NAME, COLUMNS, str(tmp_path), 2, None, 3, 9))
    assert [len(some) for some in numbers] == [1, 1, 1, 0]
    assert sorted(n for some in numbers for n in some) == [0, 1, 2]
    older, _ = shared(DeltaRelation(NAME, COLUMNS, str(tmp_path), 1, None, 2, 6))
    assert [len(share.files) for share in older] == [1, 1, 0, 0]
    assert older[0].files == shares[0].files


def test_a_log_that_cuts_times_to_milliseconds_loses_no_row(tmp_path):
    from deltalake import write_deltalake

    write_deltalake(tmp_path, day(0, ids=("a",)))
    one = scan(DeltaRelation(NAME, COLUMNS, str(tmp_path), 0, None, 1, 1))
    listed, times = lake_files([one], Access())
    divided = Divided(one, times["t0"], listed["t0"], LATER)
    moment = timedelta(microseconds=1)
    assert len(divided.share(Window(BASE, BASE + moment)).files) == 1
    assert len(divided.share(Window(BASE + DAY, BASE + 2 * DAY)).files) == 0


def test_where_metadata_can_not_be_read_all_of_it_is_every_windows(tmp_path):
    relation = IcebergRelation(NAME, COLUMNS, f"file://{tmp_path}/gone.json", 7, None, 3, 9)
    assert lake_files([scan(relation)], Access()) == ({}, {})
    shares, _ = shared(relation)
    assert all(share.reason and not share.has_files for share in shares)


def test_a_lake_that_no_window_reaches_is_not_asked(iceberg):
    _, relation = iceberg
    assert lake_files([scan(relation(), column=None)], Access()) == ({}, {})
