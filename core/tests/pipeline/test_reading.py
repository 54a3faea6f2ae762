import pickle
import re
import sys

import pyarrow as pa
import pytest
from core.tests.pipeline.conftest import RULE, files

import headwater as hw
from headwater.errors import (
    ConfigError,
    MappingError,
    PlanError,
    QueryError,
    UnsupportedError,
)
from headwater.interfaces.plan_text import bytes_text
from headwater.reading.conversion import role_of

WINDOW = ("2026-01-03", "2026-01-05")


def test_a_window_gives_its_rows_typed_and_named_by_field(serving):
    rows = serving.read(*WINDOW).to_arrow()
    assert [(f.name, str(role_of(f))) for f in rows.schema] == [
        ("id", "id"),
        ("timestamp", "timestamp"),
        ("amount", "feature"),
        ("owner", "feature"),
        ("buy", "prediction"),
        ("actual_buy", "actual"),
    ]
    assert sorted(rows["id"].to_pylist()) == [f"d{d}-{i}" for d in (2, 3) for i in range(6)]


def test_only_the_windows_partitions_are_read(serving):
    (scan,) = serving.plan(*WINDOW).scans
    assert (scan.estimate.partitions_kept, scan.estimate.partitions_total) == (2, 10)
    assert scan.pruned_by == "dt from ts (window)"


def test_bounds_inside_a_day_are_exact(serving):
    rows = serving.read("2026-01-03T04:00", "2026-01-03T12:00").to_arrow()
    assert sorted(rows["id"].to_pylist()) == ["d2-1", "d2-2"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        (
            (
                "SELECT * FROM predictions QUALIFY "
                "row_number() OVER (PARTITION BY owner ORDER BY amount DESC) <= 20"
            ),
            "QUALIFY",
        ),
        ("SELECT * FROM predictions ORDER BY amount LIMIT 20", "LIMIT"),
    ],
)
def test_what_the_window_does_not_commute_with_is_read_whole_and_named(version, log, query, says):
    serving = version.connect_serving(files(log, query), "pid", "ts")
    plan = serving.plan(*WINDOW)
    assert plan.scans[0].estimate.partitions_kept == 10
    assert says in plan.scans[0].blocker
    assert any(w.code == "unpruned-scan" for w in plan.warnings)
    whole = version.connect_testing(files(log, query, partitions={}), "pid", "ts")
    (ids, others) = (c.read(*WINDOW).to_arrow()["id"].to_pylist() for c in (serving, whole))
    assert sorted(ids) == sorted(others)


def test_a_declared_rule_that_does_not_fit_the_table_is_refused(version, log):
    rule = {**RULE, "column": "tss"}
    serving = version.connect_serving(files(log, partitions={"predictions": rule}), "pid", "ts")
    with pytest.raises(ConfigError, match="did you mean 'ts'"):
        serving.plan(*WINDOW)


def test_a_misspelled_column_is_shown_where_it_stands(version, log):
    query = "SELECT pid, ts, amout AS amount, owner, buy FROM predictions"
    serving = version.connect_serving(files(log, query), "pid", "ts")
    with pytest.raises(QueryError) as caught:
        serving.plan(*WINDOW)
    (found,) = caught.value.diagnostics
    assert found.code == "unknown-column"
    assert (found.line, found.column) == (1, query.index("amout") + 1)
    assert "did you mean 'amount'?" in str(caught.value)


def test_a_missing_table_is_shown_where_it_stands(version, log):
    serving = version.connect_serving(files(log, "SELECT * FROM prediction"), "pid", "ts")
    with pytest.raises(QueryError) as caught:
        serving.plan(*WINDOW)
    (found,) = caught.value.diagnostics
    assert (found.code, found.column) == ("unknown-table", 15)
    assert found.hint == "did you mean 'predictions'?"


def test_a_column_that_can_not_hold_its_field_is_refused_before_anything_runs(version, log):
    query = "SELECT pid, ts, CAST(amount AS STRING) AS amount, owner, buy FROM predictions"
    serving = version.connect_serving(files(log, query), "pid", "ts")
    with pytest.raises(MappingError, match=r"CAST\(amount AS DOUBLE\)"):
        serving.plan(*WINDOW)


def test_a_plan_over_its_budget_is_refused_with_the_reason(version, log):
    serving = version.connect_serving(files(log, partitions={}), "pid", "ts", max_bytes=1000)
    with pytest.raises(PlanError, match=r"max_bytes=1\.0 kB") as caught:
        serving.plan(*WINDOW)
    assert "declare partitions" in str(caught.value.hint)
    assert "no rule says how the partitions of files.predictions (dt)" in str(caught.value.hint)


def test_the_same_ids_are_sampled_in_every_window(serving):
    one = set(serving.read("2026-01-01", "2026-01-06", sample=0.5).to_arrow()["id"].to_pylist())
    two = set(serving.read("2026-01-04", "2026-01-11", sample=0.5).to_arrow()["id"].to_pylist())
    both = {f"d{d}-{i}" for d in (3, 4) for i in range(6)}
    assert one & both == two & both
    assert 0 < len(one | two) < 60
    data = serving.read(*WINDOW, sample=0.5)
    assert data.plan.sample == 0.5
    assert data.reader().schema.metadata[b"headwater.sample"] == b"0.5"


def test_batches_come_lazily_and_count_as_they_come(serving):
    data = serving.read(*WINDOW)
    assert data.stats.rows == 0
    assert sum(batch.num_rows for batch in data) == 12
    assert data.stats.finished
    assert data.stats.actuals == {"actual_buy": 10}
    assert (data.stats.first.hour, data.stats.last.hour) == (0, 20)


def test_a_dataset_is_taken_by_whatever_takes_arrow(serving):
    data = serving.read(*WINDOW)
    assert pa.table(data).num_rows == 12
    assert len(data.to_pandas()) == 12
    assert data.to_polars().height == 12


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_a_frame_whose_package_is_missing_names_it_and_reads_nothing(serving, monkeypatch, package):
    data = serving.read(*WINDOW)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnsupportedError, match=f"{package} is not installed") as caught:
        getattr(data, f"to_{package}")()
    assert caught.value.hint == f"pip install {package}"
    assert not data.stats.finished


def test_parquet_comes_back_as_it_went(serving, tmp_path):
    import pyarrow.parquet as pq

    data = serving.read(*WINDOW)
    path = data.write_parquet(tmp_path / "out")
    assert pq.read_table(path).schema.equals(data.to_arrow().schema, check_metadata=True)
    with pytest.raises(ConfigError, match="exists"):
        data.write_parquet(tmp_path / "out")
    data.write(tmp_path / "rows.csv", format="csv")
    assert (tmp_path / "rows.csv").read_text().count("\n") == 13


def test_a_plan_pickles_and_explains_itself(serving):
    plan = serving.plan(*WINDOW)
    assert pickle.loads(pickle.dumps(plan)).to_dict() == plan.to_dict()
    told = plan.explain()
    for part in ("2 of 10", "embedded", "hw.t0", "pruned by dt from ts (window)"):
        assert part in told


def test_a_plan_says_what_memory_its_read_may_hold(serving):
    plan = serving.plan(*WINDOW)
    (told,) = re.findall(
        r"^  memory    (.*), then it spills to disk$", plan.explain(), re.MULTILINE
    )
    assert plan.memory is not None
    assert told == bytes_text(plan.memory)
    assert plan.to_dict()["memory"] == plan.memory > 10**8
    (first, _) = serving.plan(*WINDOW, every="1 day")
    assert first.memory == plan.memory


def test_a_bare_query_needs_no_model(workspace, log):
    data = workspace.sql("SELECT owner, count(*) AS n FROM predictions GROUP BY owner", files(log))
    assert sorted(data.to_arrow().to_pylist(), key=lambda r: r["owner"]) == [
        {"owner": "ann", "n": 30},
        {"owner": "bob", "n": 30},
    ]


def test_a_window_needs_both_ends(serving):
    with pytest.raises(ConfigError, match="both start and end"):
        serving.read("2026-01-01")


def test_memory_is_a_source_too(version, workspace):
    from core.tests.pipeline.conftest import day

    source = hw.MemoryDataSource(tables={"predictions": day(0)})
    rows = version.connect_serving(source, "pid", "ts").read("2026-01-01", "2026-01-02").to_arrow()
    assert rows.num_rows == 6


def test_the_schema_is_told_without_reading(serving, log):
    data = serving.read(*WINDOW)
    for folder in log.iterdir():  # there is nothing that could be read
        folder.rename(folder.with_suffix(".away"))
    told = data.schema
    for folder in log.iterdir():
        folder.rename(folder.with_suffix(""))
    assert told.equals(data.to_arrow().schema, check_metadata=True)
    assert told.equals(data.reader().schema, check_metadata=True)


def test_each_window_tells_its_schema(serving):
    for data in serving.read(*WINDOW, every="1 day"):
        assert data.schema.equals(data.to_arrow().schema, check_metadata=True)


def test_the_schema_of_a_query_is_that_of_its_rows(workspace):
    maps = pa.array([[("k", 1.5)]], pa.map_(pa.string(), pa.float64()))
    rows = pa.table({"id": [1], "t": ["a"], "m": maps})
    source = hw.MemoryDataSource(tables={"t": rows})
    query = "SELECT id + 1 AS n, struct(id, t) AS s, m, array(t) AS l, 1.5BD AS d FROM t"
    data = workspace.sql(query, source)
    assert data.schema.equals(data.to_arrow().schema, check_metadata=True)
