import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.pipeline.conftest import files

import headwater as hw
from headwater.checking import rows as checking_rows
from headwater.interfaces.report import Status
from headwater.reading.dataset import EmptyReadWarning

WINDOW = ("2026-01-03", "2026-01-05")
AT = datetime(2026, 1, 3, tzinfo=UTC)


def statuses(report):
    return {s.name: str(s.status) for s in report.stages}


def test_a_connection_that_works_says_so_stage_by_stage(serving):
    report = serving.check(*WINDOW)
    assert report.ok
    assert list(statuses(report)) == [
        "identity",
        "tables",
        "query",
        "mapping",
        "time-partition",
        "plan",
        "rows",
    ]
    rows = report.stage("rows")
    assert rows.details["coverage"] == {"actual_buy": pytest.approx(10 / 12)}
    assert "it works" in report.render()


def test_a_failed_stage_skips_what_needs_it_and_nothing_is_raised(version, log):
    serving = version.connect_serving(files(log, "SELECT nope FROM predictions"), "pid", "ts")
    report = serving.check()
    assert not report.ok
    assert statuses(report) == {
        "identity": "ok",
        "tables": "ok",
        "query": "failed",
        "mapping": "skipped",
        "plan": "skipped",
        "rows": "skipped",
    }
    assert report.to_dict()["stages"][2]["diagnostics"][0]["code"] == "unknown-column"


def test_a_mapping_that_does_not_fit_is_told_whole(version, log):
    report = version.connect_serving(files(log), "id", "tz").check()
    assert len(report.stage("mapping").diagnostics) == 2


def test_duplicate_and_null_ids_are_counted_exactly(version):
    table = pa.table(
        {
            "pid": ["a", "a", "b", None, "a"],
            "ts": pa.array([AT] * 5, pa.timestamp("us", tz="UTC")),
            "amount": [1.0] * 5,
            "owner": ["x"] * 5,
            "buy": [True] * 5,
        }
    )
    serving = version.connect_serving(hw.MemoryDataSource(tables={"t": table}), "pid", "ts")
    assert serving.check().stage("rows").status is Status.FAILED, "these are two in five"
    rows = serving.check(max_duplicates=0.4).stage("rows")
    assert rows.status is Status.WARNING
    assert rows.details["duplicate_ids"] == 2
    assert rows.details["null_ids"] == 1
    assert {d.code for d in rows.diagnostics} == {"duplicate-id", "null-id"}


@pytest.mark.parametrize(
    ("window", "query", "code", "says"),
    [
        (
            ("2026-03-01", "2026-03-02"),
            None,
            "partition-missing",
            "they run from dt=2026-01-01 to dt=2026-01-10",
        ),
        (
            ("2026-01-03", "2026-01-04"),
            "SELECT * FROM predictions WHERE amount < -1",
            "filtered-out",
            "WHERE and JOIN",
        ),
        (
            ("2026-01-03T01:00", "2026-01-03T02:00"),
            None,
            "window-outside-data",
            "the data runs from 2026-01-01T00:00:00+00:00 to 2026-01-10T20:00:00+00:00",
        ),
    ],
)
def test_a_read_without_rows_ends_in_a_verdict(version, log, window, query, code, says):
    data = version.connect_serving(files(log, query), "pid", "ts").read(*window)
    with pytest.warns(EmptyReadWarning, match=code):
        assert data.to_arrow().num_rows == 0
    assert data.stats.verdict.code == code
    assert says in data.stats.verdict.render()


def test_a_window_beyond_the_data_names_the_nearest_that_has_some(version, log):
    source = files(log, partitions={})
    data = version.connect_serving(source, "pid", "ts").read("2026-02-01", "2026-02-02")
    with pytest.warns(EmptyReadWarning, match="nearest window with data"):
        data.to_arrow()


def test_a_file_that_is_gone_between_plan_and_read_is_an_error_not_fewer_rows(serving, log):
    data = serving.read(*WINDOW)
    shutil.rmtree(log / "dt=2026-01-04")
    with pytest.raises(hw.HeadwaterError) as caught:
        data.to_arrow()
    assert caught.value.code == "data-changed"


@pytest.mark.parametrize(
    ("times", "code", "says"),
    [
        ([None, 1767225600], "null-timestamp", "1 rows have no timestamp"),
        ([0, 1767225600], "timestamp-range", "1970-01-01"),
        ([1767225600, 1767225600 * 1000], "timestamp-range", "yet to come"),
    ],
)
def test_times_that_can_not_be_are_told(version, times, code, says):
    table = pa.table(
        {
            "pid": ["a", "b"],
            "ts": pa.array(times, pa.timestamp("s", tz="UTC")),
            "amount": [1.0, 2.0],
            "owner": ["x", "y"],
            "buy": [True, False],
        }
    )
    serving = version.connect_serving(hw.MemoryDataSource(tables={"t": table}), "pid", "ts")
    rows = serving.check().stage("rows")
    assert rows.status is Status.WARNING
    assert [d.code for d in rows.diagnostics] == [code]
    assert says in rows.diagnostics[0].message


def test_no_more_than_a_sample_is_read(version, monkeypatch):
    count = 200_000
    table = pa.table(
        {
            "pid": [str(n) for n in range(count)],
            "ts": pa.array([AT] * count, pa.timestamp("us", tz="UTC")),
            "amount": [1.0] * count,
            "owner": ["x"] * count,
            "buy": [True] * count,
        }
    )
    monkeypatch.setattr(checking_rows, "SAMPLED", 1000)
    serving = version.connect_serving(hw.MemoryDataSource(tables={"t": table}), "pid", "ts")
    rows = serving.check().stage("rows")
    assert rows.status is Status.OK
    assert 1000 <= rows.details["rows"] < count
    assert rows.summary.startswith("the first ")


def test_tables_are_looked_up_each_for_itself(version, log):
    source = files(log, "SELECT * FROM predictions JOIN nowhere USING (pid) JOIN gone USING (pid)")
    report = version.connect_serving(source, "pid", "ts").check()
    tables = report.stage("tables")
    assert tables.status is Status.FAILED
    assert len(tables.diagnostics) == 2
    assert "1 of 3 found" in tables.summary
    assert tables.details["tables"]["files.predictions"]["partition_keys"] == ["dt"]
    assert "mend tables first" in report.verdict


def test_a_query_is_read_even_where_nothing_can_be_asked(version, log):
    source = files(log.parent / "nowhere", "SELECT FROM WHERE")
    report = version.connect_serving(source, "pid", "ts").check()
    assert report.stage("query").status is Status.FAILED
    assert report.stage("query").diagnostics[0].code == "syntax"


def test_the_actuals_are_examined_by_themselves(version, log):
    actuals = pa.table({"pid": ["d0-0"], "at": pa.array([AT], pa.timestamp("us", tz="UTC"))})
    version.connect_actuals(
        hw.MemoryDataSource(tables={"a": actuals}), "pid", labels={"buy": "bought"}
    )
    report = version.connect_serving(files(log), "pid", "ts").check(*WINDOW)
    assert report.stage("mapping").status is Status.OK
    assert report.stage("actuals: query").status is Status.OK
    assert report.stage("actuals: mapping").status is Status.FAILED
    assert report.stage("plan").summary == "not examined: actuals: mapping failed"
    assert "mend actuals: mapping first" in report.render()


@pytest.mark.parametrize(("option", "status"), [("exact", "ok"), ("truncate", "warning")])
def test_times_in_nanoseconds_are_told(version, tmp_path, option, status):
    """Also beside a column that the query gives out and nobody maps, whatever it holds."""
    first = int(AT.timestamp()) * 10**9
    times = pa.array([first, first + 1000], pa.timestamp("ns", "UTC"))
    odd = pa.array([1, 2], pa.timestamp("ns", "UTC"))
    table = pa.table({"pid": ["a", "b"], "ts": times, "timestamp": odd, "amount": [1.0, 2.0],
                      "owner": ["x", "y"], "buy": [True, False]})  # fmt: skip
    pq.write_table(table, tmp_path / "log.parquet")
    source = hw.FileDataSource(tables={"log": str(tmp_path / "log.parquet")}, nanoseconds=option)
    serving = version.connect_serving(source, "pid", "ts")
    report = serving.check()
    assert statuses(report)["rows"] == status, report
    assert "'ts' holds timestamps in nanoseconds" in report.stage("rows").diagnostics[0].message
    assert "nanoseconds" in report.render()
    told = "nanoseconds are cut to microseconds" in serving.plan().explain()
    assert told is (option == "truncate")
