"""What each window needs of a plan's files: never less than a plan of it alone would read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.pipeline.conftest import DAYS, FIRST, RULE, TIME, day, files

import headwater as hw
from headwater.partitions.missing_partitions import warnings
from headwater.planning.shares import NO_STATISTICS, Divided, shares
from headwater.tables.relation import DataFile, FileTimes, IcebergRelation
from headwater.tables.window import Window
from headwater.windows.calendar import Calendar

DAY = timedelta(days=1)
Times = dict[tuple[str, str | None], FileTimes]
LATER = datetime(2027, 1, 1, tzinfo=UTC)
SPAN = (FIRST, FIRST + DAYS * DAY)


def daily(span=SPAN):
    return Calendar.of("1 day").cut(Window.of(*span))


def names(some):
    return sorted(f.path.rpartition("predictions/")[2] for f in some)


def alone(connection, window, **more):
    return connection.plan(window.start, window.end, **more)


@pytest.fixture
def labelled(version, log, tmp_path):
    """The log with delayed actuals in a table of their own, partitioned by day."""
    for number in range(DAYS):
        folder = tmp_path / "actuals" / f"dt={FIRST + (number + 1) * DAY:%Y-%m-%d}"
        folder.mkdir(parents=True)
        rows = day(number).select(["pid", "bought"])
        when = [FIRST + (number + 1) * DAY + timedelta(hours=3)] * rows.num_rows
        table = rows.append_column("set_at", pa.array(when, TIME))
        pq.write_table(table, folder / "part-0.parquet")
    rule = {"column": "set_at", "keys": {"dt": "yyyy-MM-dd"}}
    source = hw.FileDataSource(
        tables={"actuals": str(tmp_path / "actuals")}, partitions={"actuals": rule}
    )
    serving = version.connect_serving(files(log), "pid", "ts")
    version.connect_actuals(source, "pid", {"buy": "bought"}, "set_at")
    return serving


def test_by_the_rule_a_window_has_the_files_of_its_partitions(serving):
    plan = serving.plan(*SPAN)
    for number, window in enumerate(daily()):
        (one,) = shares(plan, window)
        assert names(one.files) == [f"dt={FIRST + number * DAY:%Y-%m-%d}/part-0.parquet"]
        assert (one.chosen_by, one.reason) == ("partitions", None)
        assert one.scan.estimate.files == 1
        assert one.scan.estimate.partitions_kept == 1
        assert one.bytes == one.scan.estimate.bytes
        assert one.bytes > 0


def test_a_share_is_what_a_plan_of_the_window_alone_would_read(labelled):
    as_of = FIRST + 7 * DAY
    plan = labelled.plan(*SPAN, as_of=as_of)
    for window in daily():
        parts = shares(plan, window)
        for one, scan in zip(parts, alone(labelled, window, as_of=as_of).scans, strict=True):
            assert one.scan.relation == scan.relation
            assert one.scan.estimate.files == scan.estimate.files
            assert one.scan.gaps == scan.gaps


def test_lateness_shares_files_among_neighbours(version, log):
    rule = {**RULE, "lateness": "1 day"}
    serving = version.connect_serving(files(log, partitions={"predictions": rule}), "pid", "ts")
    plan = serving.plan(*SPAN)
    assert [len(shares(plan, w)[0].files) for w in daily()] == [2] * (DAYS - 1) + [1]


def test_a_window_says_what_it_lacks_and_not_what_its_neighbours_do(serving, log):
    lost = log / "dt=2026-01-04"
    (lost / "part-0.parquet").unlink()
    lost.rmdir()
    plan = serving.plan(*SPAN)
    lacking = {
        window.start.day: [d.code for d in warnings("t", one.scan.gaps)]
        for window in daily()
        for one in shares(plan, window)
    }
    # Nothing at all was found of the fourth: its verdict says so.
    assert lacking == {number: [] for number in range(1, DAYS + 1)}
    (two,) = shares(plan, Window.of("2026-01-04", "2026-01-06"))
    assert [d.code for d in warnings("t", two.scan.gaps)] == ["partitions-missing"]


def test_without_a_rule_all_files_are_every_windows_and_why_is_said(version, log):
    serving = version.connect_serving(files(log, partitions={}), "pid", "ts")
    plan = serving.plan(*SPAN)
    (one,) = shares(plan, daily()[3])
    assert len(one.files) == DAYS
    assert one.chosen_by is None
    assert "no rule says how the partitions" in str(one.reason)


def known(relation, mark=lambda file: file.etag) -> Times:
    """Return the times of the log's files, as footers tell them."""
    found: Times = {}
    for file in relation.files:
        times: list[Any] = pq.read_table(file.path, columns=["ts"])["ts"].to_pylist()
        found[file.path, mark(file)] = (min(times), max(times))
    return found


def test_without_a_rule_footers_choose(version, log):
    serving = version.connect_serving(files(log, partitions={}), "pid", "ts")
    plan = serving.plan(*SPAN)
    times = known(plan.scans[0].relation)
    for number, window in enumerate(daily()):
        (one,) = shares(plan, window, times)
        assert names(one.files) == [f"dt={FIRST + number * DAY:%Y-%m-%d}/part-0.parquet"]
        assert (one.chosen_by, one.reason) == ("statistics", None)
    # A file of which nothing is known is every window's; one of another mark is another file.
    first = plan.scans[0].relation.files[0]
    (one,) = shares(plan, daily()[5], {**times, (first.path, first.etag): None})
    assert len(one.files) == 2
    stale: dict[tuple[str, str | None], FileTimes] = {
        (path, "another"): value for (path, _), value in times.items()
    }
    assert len(shares(plan, daily()[5], stale)[0].files) == DAYS


def test_both_ends_of_a_files_times_are_in_it(serving):
    plan = serving.plan(*SPAN)
    scan = plan.scans[0]
    file = scan.relation.files[3]
    at = datetime(2026, 1, 4, 12, tzinfo=UTC)
    for start, end, held in ((at, at + DAY, True), (at - DAY, at, False)):
        stretch = Window(start, end)
        one = Divided(scan, {(file.path, file.etag): (at, at)}, None, LATER).share(stretch)
        assert (file.path in {f.path for f in one.files}) is held


def test_a_query_that_no_window_commutes_with_shares_nothing(version, log):
    query = "SELECT * FROM predictions ORDER BY ts LIMIT 30"
    serving = version.connect_serving(files(log, query), "pid", "ts")
    plan = serving.plan(*SPAN)
    (one,) = shares(plan, daily()[2], known(plan.scans[0].relation))
    assert len(one.files) == DAYS
    assert "LIMIT" in str(one.reason)


def test_rows_in_memory_have_no_files(version):
    source = hw.MemoryDataSource(tables={"rows": day(0)})
    serving = version.connect_serving(source, "pid", "ts")
    (one,) = shares(serving.plan(*SPAN), daily()[0])
    assert one.files == ()
    assert not one.has_files
    assert one.reason == NO_STATISTICS


def test_files_of_a_lake_are_chosen_by_what_its_metadata_says(serving):
    scan = serving.plan(*SPAN).scans[0]
    relation = IcebergRelation(scan.table, scan.relation.columns, "/t/metadata.json", 7, None, 2)
    lake = replace(scan, relation=relation)
    listed = (DataFile("/t/a", 10), DataFile("/t/b", 20))
    times: dict[tuple[str, str | None], FileTimes] = {
        ("/t/a", None): (FIRST, FIRST + DAY),
        ("/t/b", None): (FIRST + 2 * DAY,) * 2,
    }
    one = Divided(lake, times, listed, LATER).share(daily()[2])
    assert [f.path for f in one.files] == ["/t/b"]
    assert (one.has_files, one.bytes, one.scan.estimate.bytes) == (True, 20, 20)
    unlisted = Divided(lake, times, None, LATER).share(daily()[2])
    assert not unlisted.has_files
    assert unlisted.reason == NO_STATISTICS
