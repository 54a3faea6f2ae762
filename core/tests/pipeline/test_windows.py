"""Many windows of one plan: each has the rows of a read of it alone, and files are opened once."""

from __future__ import annotations

import sys
import warnings
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.counting import Openings
from core.tests.pipeline.conftest import DAYS, FIRST, TIME, files
from core.tests.pipeline.test_label_time import times, version
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import headwater as hw
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import ConfigError, DataChangedError, PlanError
from headwater.interfaces.plan import Planned
from headwater.reading import datasets

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
BASE = datetime(2026, 3, 27, tzinfo=UTC)
SPAN = (FIRST, FIRST + DAYS * DAY)


@pytest.fixture(scope="module")
def engine():
    with hw.Workspace(engine="embedded") as made:
        yield made


@pytest.fixture(autouse=True)
def _empty_windows_are_told_elsewhere():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hw.EmptyReadWarning)
        yield


@pytest.fixture
def no_verdicts():
    """Ask nobody why a window is empty: that is not what is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hw.Workspace, "_why_empty", lambda *_: None)
        yield


def rows_of(data):
    """Return the rows of a dataset in one order, and what was counted of them."""
    table = data.to_arrow()
    rows = sorted(map(repr, table.to_pylist()))
    stats = data.stats.to_dict()
    # But for untimed ones: a read alone does not see that their ids have older actuals, too.
    counted = "rows conflicts early_actuals stale_actuals actuals first last"
    return rows, {name: stats[name] for name in counted.split()}


# -- each window has the rows of a read of it alone -----------------------------------------------


@st.composite
def histories(draw):
    """Return predictions (id, hour), labels (id, hour set, value), and how they are read."""
    ids = [f"p{n}" for n in range(draw(st.integers(1, 6)))]
    hours = st.integers(0, 24 * 8)
    predictions = draw(st.lists(st.tuples(st.sampled_from(ids), hours), min_size=1, max_size=12))
    set_at = st.one_of(st.none(), st.integers(-72, 24 * 12))
    labels = draw(st.lists(st.tuples(st.sampled_from(ids), set_at, st.integers(0, 2)), max_size=16))
    horizon = draw(st.sampled_from([None, "0 hours", "6 hours", "2 days", "30 days"]))
    every, zone = draw(
        st.sampled_from([("1 day", "UTC"), ("1 day", "Europe/Berlin"), ("2 days", "Asia/Kolkata"),
                         ("1 week", "UTC"), ("12 hours", "Europe/Berlin")])
    )  # fmt: skip
    start = draw(st.integers(0, 60))
    end = start + draw(st.integers(1, 24 * 4))
    as_of = draw(st.one_of(st.none(), st.integers(0, 24 * 14)))
    return predictions, labels, horizon, every, zone, start, end, as_of


@given(history=histories())
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_each_window_has_the_rows_of_a_read_of_it_alone(
    engine, tmp_path_factory, no_verdicts, history
):
    predictions, labels, horizon, every, zone, start, end, as_of = history
    folder = tmp_path_factory.mktemp("history")
    pq.write_table(
        pa.table(
            {
                "id": [i for i, _ in predictions],
                "at": times(*(BASE + hour * HOUR for _, hour in predictions)),
                "y": [float(n) for n in range(len(predictions))],
            }
        ),
        folder / "serving.parquet",
    )
    moments = [None if hour is None else BASE + hour * HOUR for _, hour, _ in labels]
    pq.write_table(
        pa.table(
            {
                "id": pa.array([i for i, _, _ in labels], pa.string()),
                "set_at": pa.array(moments, TIME),
                "t": pa.array([float(v) for _, _, v in labels], pa.float64()),
            }
        ),
        folder / "labels.parquet",
    )
    made = version(engine)
    serving = made.connect_serving(
        hw.FileDataSource(tables={"s": str(folder / "serving.parquet")}), "id", "at"
    )
    made.connect_actuals(
        hw.FileDataSource(tables={"l": str(folder / "labels.parquet")}),
        "id",
        {"y": "t"},
        "set_at",
        horizon=horizon,
    )
    moment = None if as_of is None else BASE + as_of * HOUR
    span = (BASE + start * HOUR, BASE + end * HOUR)
    several = serving.read(*span, every=every, timezone=zone, as_of=moment)
    windows = []
    for data in several:
        window = data.window
        windows.append(window)
        alone = serving.read(window.start, window.end, as_of=moment)
        assert data.plan.as_of == alone.plan.as_of or moment is None
        expected = rows_of(alone)
        assert rows_of(data) == expected, window
    assert rows_of(data) == expected, "read again, anew"
    assert (windows[0].start, windows[-1].end) == span
    assert all(a.end == b.start for a, b in pairwise(windows))


def test_labels_beside_the_predictions_are_cut_for_each_window_too(engine, tmp_path):
    made = version(engine)
    hours = range(0, 96, 3)
    table = pa.table(
        {
            "id": [str(h) for h in hours],
            "at": times(*(BASE + h * HOUR for h in hours)),
            "y": [float(h) for h in hours],
            "t": [1.0] * len(hours),
            "set_at": times(*(BASE + 50 * HOUR + h * HOUR for h in hours)),
        }
    )
    pq.write_table(table, tmp_path / "s.parquet")
    serving = made.connect_serving(
        hw.FileDataSource(tables={"s": str(tmp_path / "s.parquet")}),
        "id",
        "at",
        labels={"y": "t"},
        label_timestamp_column="set_at",
    )
    for as_of in (None, BASE + 60 * HOUR):
        for data in serving.read(BASE, BASE + 4 * DAY, every="1 day", as_of=as_of):
            alone = serving.read(data.window.start, data.window.end, as_of=as_of)
            assert rows_of(data) == rows_of(alone)


# -- what it costs --------------------------------------------------------------------------------


@pytest.fixture
def planned(monkeypatch):
    """The plans that the embedded engine runs."""
    plans = []
    real = EmbeddedEngine.read

    def read(engine, plan, access):
        plans.append(Planned.of(plan).plan)
        return real(engine, plan, access)

    monkeypatch.setattr(EmbeddedEngine, "read", read)
    return plans


SIXTY = 60


@pytest.fixture
def two_months(engine, tmp_path):
    """Sixty days of predictions, their labels over days that follow, both partitioned by day."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(SIXTY):
        at = start + number * DAY
        ids = [f"{number}-{i}" for i in range(50)]
        moments = times(*(at + i * timedelta(minutes=20) for i in range(50)))
        made = pa.table({"id": ids, "at": moments, "y": [float(i) for i in range(50)]})
        known = [f"{d}-{i}" for d in range(max(0, number - 9), number) for i in range(d % 5, 50, 5)]
        when = times(*[at + 3 * HOUR] * len(known))
        labels = pa.table({"id": pa.array(known, pa.string()), "set_at": when,
                           "t": pa.array([1.0] * len(known), pa.float64())})  # fmt: skip
        for name, table in (("serving", made), ("labels", labels)):
            folder = tmp_path / name / f"dt={at:%Y-%m-%d}"
            folder.mkdir(parents=True)
            pq.write_table(table, folder / "part-0.parquet")
    rule = hw.TimePartition(column="at", keys={"dt": "yyyy-MM-dd"}, lateness=DAY)
    label_rule = hw.TimePartition(column="set_at", keys={"dt": "yyyy-MM-dd"})

    def connect(horizon):
        made = version(engine)
        serving = made.connect_serving(
            hw.FileDataSource(tables={"s": str(tmp_path / "serving")}, partitions={"s": rule}),
            "id",
            "at",
        )
        made.connect_actuals(
            hw.FileDataSource(tables={"l": str(tmp_path / "labels")}, partitions={"l": label_rule}),
            "id",
            {"y": "t"},
            "set_at",
            horizon=horizon,
        )
        return serving

    return connect, (start, start + SIXTY * DAY), tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked")
@pytest.mark.parametrize("horizon", [None, "10 days"])
def test_sixty_windows_cost_what_one_plan_of_them_costs(two_months, planned, horizon):
    connect, span, folder = two_months
    serving = connect(horizon)
    once = serving.read(*span)
    openings = Openings(folder)
    rows = once.to_arrow().num_rows
    once_opened, once_bytes = openings.count(), sum(p.bytes for p in planned)
    planned.clear()
    data = serving.read(*span, every="1 day")
    assert len(data) == SIXTY
    planning_opened = openings.count()
    many = [one.to_arrow() for one in data]
    assert sum(t.num_rows for t in many) == rows == SIXTY * 50
    assert openings.count() <= 1.2 * once_opened
    assert planning_opened <= 2  # one file of each table, for its columns
    assert sum(p.bytes for p in planned) <= 1.2 * once_bytes
    assert sum(p.files for p in planned) <= 1.2 * once.plan.files
    # What sixty reads by themselves would cost.
    assert sum(p.bytes for p in data.plan) > 4 * once_bytes


@pytest.mark.parametrize("horizon", [None, "10 days"])
def test_labels_of_many_windows_are_joined_by_their_ids(two_months, horizon, monkeypatch):
    """An OR over both sides has DuckDB compare each row with each label: 60 days take hours."""
    connect, span, _ = two_months
    explained = []
    real = EmbeddedEngine._answer

    def answer(engine, planned, main, sql, *more):
        explained.append(main.connection.execute(f"EXPLAIN {sql}").fetchall()[0][1])
        return real(engine, planned, main, sql, *more)

    monkeypatch.setattr(EmbeddedEngine, "_answer", answer)
    assert sum(one.to_arrow().num_rows for one in connect(horizon).read(*span, every="1 day"))
    assert "HASH_JOIN" in "".join(explained)
    assert "NL_JOIN" not in "".join(explained)


def test_windows_that_share_no_file_are_each_read_when_they_are_wanted(engine, log, planned):
    serving = version(engine, "binary", buy="boolean").connect_serving(files(log), "pid", "ts")
    data = iter(serving.read(*SPAN, every="1 day"))
    assert planned == []
    first = next(data)
    assert first.window == hw.Window(FIRST, FIRST + DAY)
    assert planned == []
    assert first.to_arrow().num_rows == 6
    assert [p.files for p in planned] == [1]
    assert [d.to_arrow().num_rows for d in data] == [6] * (DAYS - 1)
    assert [p.files for p in planned] == [1] * DAYS


def test_rows_that_are_put_aside_go_to_disk_where_they_are_many(two_months, monkeypatch):
    connect, span, _ = two_months
    serving = connect("10 days")
    expected = [rows_of(d) for d in serving.read(*span, every="1 day")]
    monkeypatch.setattr(datasets, "IN_MEMORY", 1)
    assert [rows_of(d) for d in serving.read(*span, every="1 day")] == expected


def test_a_program_may_begin_at_any_window_and_read_the_rest_in_order(two_months, planned):
    connect, span, _ = two_months
    some = [d for d in connect(None).read(*span, every="1 day") if d.window.start.day >= 20]
    planned.clear()
    assert all(d.to_arrow().num_rows == 50 for d in some[:12])
    assert len(planned) == 1
    assert some[3].to_arrow().num_rows == 50  # again: by its own plan
    assert [str(p.window) for p in planned[1:]] == [str(some[3].window)]


def test_a_window_that_is_left_midway_is_read_anew(two_months):
    connect, span, _ = two_months
    first, second, *_ = connect(None).read(*span, every="1 day")
    for _ in first:
        break
    assert second.to_arrow().num_rows == first.to_arrow().num_rows == 50


def test_a_file_that_is_overwritten_between_plan_and_read_is_told(two_months):
    connect, span, folder = two_months
    data = iter(connect(None).read(*span, every="1 day"))
    first = next(data)
    path = folder / "serving" / "dt=2026-01-05" / "part-0.parquet"
    pq.write_table(pq.read_table(path).slice(0, 10), path)
    with pytest.raises(DataChangedError):
        first.to_arrow()
    assert connect(None).read(*span).to_arrow().num_rows == SIXTY * 50 - 40


def test_plans_say_what_each_window_needs(two_months):
    connect, span, _ = two_months
    plans = connect("10 days").plan(*span, every="1 day")
    assert len(plans) == SIXTY
    assert plans[0].files == 2 + 12  # its day and the next; labels of the 1st to the 12th
    assert plans[-1].window.end == span[1]
    assert [p.window for p in plans[2:4]] == list(plans.windows[2:4])
    text = str(plans)
    assert "60 windows of 1 day (UTC)" in text
    assert "[2026-01-01, 2026-01-02)  14 files" in text
    told = plans.to_dict()
    assert told["every"] == "1 day"
    assert told["windows"][0]["files"] == 14
    assert told["windows"][0]["as_of"] == "2026-01-12T00:00:00+00:00"
    assert "60 windows" in plans._repr_html_()


def test_a_limit_holds_for_each_window_and_not_for_all_of_them(two_months):
    connect, (start, _), _ = two_months
    span = (start, start + 20 * DAY)
    serving = connect("10 days")
    largest = max(p.bytes for p in serving.plan(*span, every="1 day"))
    source = serving.source
    made = serving.version
    made.disconnect("serving")
    capped = made.connect_serving(source, "id", "at", max_bytes=largest)
    assert sum(d.to_arrow().num_rows for d in capped.read(*span, every="1 day")) == 20 * 50
    made.disconnect("serving")
    capped = made.connect_serving(source, "id", "at", max_bytes=largest - 1)
    with pytest.raises(PlanError, match="more than max_bytes"):
        capped.read(*span, every="1 day")


# -- what is said of them -------------------------------------------------------------------------


def test_open_and_partial_windows_are_told(serving):
    now = datetime.now(UTC)
    begin = (now - 2 * DAY).replace(hour=3, minute=0, second=0, microsecond=0)
    plans = serving.plan(begin, now + DAY, every="1 day")
    codes = [[w.code for w in p.warnings if w.code.endswith("-window")] for p in plans]
    assert codes[0] == ["partial-window"]
    assert codes[1] == []
    assert codes[2] == ["open-window"]
    last = list(serving.read(begin, now + DAY, every="1 day"))[2]
    last.to_arrow()
    assert "open-window" in {n.code for n in last.stats.notes}


def test_times_without_a_zone_are_of_the_windows_clock(version, log):
    serving = version.connect_serving(files(log), "pid", "ts", windows={"timezone": "Asia/Tokyo"})
    plans = serving.plan("2026-01-02", "2026-01-04", every="1 day")
    tokyo = datetime(2026, 1, 1, 15, tzinfo=UTC)
    assert [w.start for w in plans.windows] == [tokyo, tokyo + DAY]
    assert serving.plan("2026-01-02", "2026-01-04").window.start == tokyo
    other = serving.plan("2026-01-02", "2026-01-04", every="1 day", timezone="UTC")
    assert other.windows[0].start == FIRST + DAY


def test_windows_want_a_stretch_of_time_to_cut(serving):
    with pytest.raises(ConfigError, match="needs start and end"):
        serving.read(every="1 day")
    with pytest.raises(ConfigError, match="is no step of a calendar"):
        serving.plan("2026-01-01", "2026-01-02", every="sometimes")
    with pytest.raises(ConfigError, match="unknown time zone"):
        serving.plan("2026-01-01", "2026-01-02", every="1 day", timezone="Mars/Base")


def test_files_of_other_times_are_not_said_to_be_missing(engine, tmp_path):
    at = pa.array([FIRST, FIRST + HOUR], pa.timestamp("us", "UTC"))
    pq.write_table(
        pa.table({"id": ["a", "b"], "at": at, "p": [True, False]}), tmp_path / "t.parquet"
    )
    engine.create_model("elsewhen")
    made = engine.create_model_version("elsewhen", "v1", "binary", predictions={"p": "boolean"})
    source = hw.FileDataSource(tables={"t": str(tmp_path / "t.parquet")})
    serving = made.connect_serving(source, "id", "at")
    last = [*serving.read(FIRST, FIRST + 3 * DAY, every="1 day")][-1]
    assert len(last.to_arrow()) == 0
    assert last.stats.verdict.code == "window-outside-data"
    told = serving.profile(FIRST, FIRST + 3 * DAY, every="1 day")
    assert {w.code for w in told.warnings} == {"window-outside-data"}


def test_an_empty_window_has_its_own_verdict(engine, tmp_path):
    at = times(FIRST, FIRST + 2 * DAY)
    pq.write_table(pa.table({"id": ["a", "b"], "at": at, "y": [0.0, 1.0]}), tmp_path / "s.parquet")
    source = hw.FileDataSource(tables={"s": str(tmp_path / "s.parquet")})
    serving = version(engine).connect_serving(source, "id", "at")
    found = []
    for data in serving.read(FIRST, FIRST + 3 * DAY, every="1 day"):
        data.to_arrow()
        found.append(data.stats.verdict and data.stats.verdict.code)
    assert found == [None, "window-outside-data", None]


# -- on Spark -------------------------------------------------------------------------------------


@pytest.mark.spark
@pytest.mark.parametrize("horizon", [None, "10 days"])
def test_spark_gives_each_window_the_same_rows(two_months, engine, spark_engine, horizon):
    connect, (start, _), _ = two_months
    engine.use_engine(spark_engine)
    serving = connect(horizon)
    span = (start, start + 9 * DAY)
    asked = {"every": "2 days", "timezone": "Europe/Berlin"}
    on_spark = serving.read(*span, engine="spark", **asked)
    assert on_spark.plan.groups() == [range(5)]
    for data, embedded in zip(on_spark, serving.read(*span, **asked), strict=True):
        assert data.plan.engine == "spark"
        assert rows_of(data) == rows_of(embedded)
    alone = serving.read(data.window.start, data.window.end, engine="spark")
    assert rows_of(alone) == rows_of(data)


@pytest.mark.spark
def test_spark_tells_the_last_label_of_each_window(engine, spark_engine, tmp_path):
    hours = range(0, 72, 2)
    ids = [f"p{h % 10}" for h in hours]
    served = pa.table({"id": ids, "at": times(*(BASE + h * HOUR for h in hours)), "y": [0.0] * 36})
    set_at = [None if n % 7 == 0 else BASE + (n * 13 % 150 - 40) * HOUR for n in range(40)]
    labels = pa.table(
        {
            "id": [f"p{n % 10}" for n in range(40)],
            "set_at": pa.array(set_at, TIME),
            "t": [float(n % 3) for n in range(40)],
        }
    )
    for name, table in (("s", served), ("l", labels)):
        pq.write_table(table, tmp_path / f"{name}.parquet")
    engine.use_engine(spark_engine)
    for horizon in (None, "0 hours", "6 hours", "2 days"):
        made = version(engine)
        serving = made.connect_serving(
            hw.FileDataSource(tables={"s": str(tmp_path / "s.parquet")}), "id", "at"
        )
        source = hw.FileDataSource(tables={"l": str(tmp_path / "l.parquet")})
        made.connect_actuals(source, "id", {"y": "t"}, "set_at", horizon=horizon)
        both = (
            serving.read(BASE, BASE + 3 * DAY, every="12 hours", engine=name)
            for name in ("spark", "embedded")
        )
        for data, embedded in zip(*both, strict=True):
            assert rows_of(data) == rows_of(embedded), (horizon, data.window)
