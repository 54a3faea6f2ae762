"""When a label was set: `as_of`, labels dated by their day, or before their prediction."""

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.pipeline.conftest import TIME
from hypothesis import given, settings
from hypothesis import strategies as st

import headwater as hw
from headwater.errors import ConfigError, MappingError

DAY = timedelta(days=1)
AT = datetime(2026, 1, 10, 10, 5, tzinfo=UTC)
SET = datetime(2026, 1, 20, 8, 0, tzinfo=UTC)
HOUR = ("2026-01-10T10:00Z", "2026-01-10T11:00Z")
WHOLE_DAY = ("2026-01-10", "2026-01-11")
LATER = "2026-03-01"


@pytest.fixture(scope="module")
def engine():
    """One workspace whose engine is shared: each test describes its own model in it."""
    with hw.Workspace(engine="embedded") as made:
        yield made


_names = iter(range(10**9))


def version(engine, model_type="regression", **predictions):
    name = f"m{next(_names)}"
    engine.create_model(name)
    predictions = predictions or {"y": "numeric"}
    return engine.create_model_version(name, "v1", model_type, predictions=predictions)


def memory(**columns):
    return hw.MemoryDataSource(tables={"rows": pa.table(columns)})


def times(*moments):
    return pa.array(moments, TIME)


# -- labels in the serving table -----------------------------------------------------------------


@pytest.fixture
def labelled(engine):
    """Connect a serving table of one row whose label was set at `set_at`."""

    def connect(label=7.0, set_at=SET, *, kind=TIME, column="set_at"):
        table = memory(
            id=["a"],
            at=times(AT),
            y=[1.0],
            t=pa.array([label], pa.float64()),
            set_at=pa.array([set_at], kind),
        )
        made = version(engine)
        return made.connect_serving(
            table, "id", "at", labels={"y": "t"}, label_timestamp_column=column
        )

    return connect


def read_one(connection, *window, **options):
    data = connection.read(*window, **options)
    (found,) = data.to_arrow()["actual_y"].to_pylist()
    return found, data.stats


@pytest.mark.parametrize(
    ("as_of", "known"),
    [
        ("2026-01-20T07:59:59.999999Z", None),
        ("2026-01-20T08:00:00Z", 7.0),
        ("2026-01-20T08:00:00.000001Z", 7.0),
        ("2026-01-20T09:00:00+01:00", 7.0),
        ("2026-01-20T08:59:59+01:00", None),
        ("2026-01-05", None),
        (LATER, 7.0),
    ],
)
def test_a_label_is_unknown_until_it_was_set(labelled, as_of, known):
    connection = labelled()
    assert read_one(connection, *WHOLE_DAY, as_of=as_of)[0] == known
    plan = connection.plan(*WHOLE_DAY, as_of=as_of)
    assert plan.as_of == datetime.fromisoformat(as_of).astimezone(UTC) or "T" not in as_of
    assert f"actuals   as of {plan.as_of.isoformat()}" in plan.explain()


def test_without_as_of_a_label_of_the_future_is_not_known_yet(labelled):
    soon = datetime.now(UTC) + timedelta(hours=1)
    found, _ = read_one(labelled(set_at=soon))
    assert found is None
    assert labelled(set_at=soon).plan().as_of is not None


def test_a_label_dated_by_its_day_counts_from_midnight_in_utc(labelled):
    connection = labelled(set_at=date(2026, 1, 20), kind=pa.date32())
    assert read_one(connection, as_of="2026-01-19T23:59:59Z")[0] is None
    assert read_one(connection, as_of="2026-01-20")[0] == 7.0


def test_a_label_without_its_time_is_not_taken_and_that_is_told(labelled):
    found, stats = read_one(labelled(set_at=None), as_of=LATER)
    assert found is None
    assert stats.untimed_actuals == 1
    assert [n.code for n in stats.notes] == ["untimed-actuals"]


def test_an_unknown_label_needs_no_time(labelled):
    found, stats = read_one(labelled(label=None, set_at=None), as_of=LATER)
    assert found is None
    assert (stats.untimed_actuals, stats.notes) == (0, ())


def test_a_label_that_was_set_before_its_prediction_is_taken_and_counted(labelled):
    found, stats = read_one(labelled(set_at=AT - timedelta(days=40)), as_of=LATER)
    assert found == 7.0  # it stands in the prediction's own row
    assert (stats.early_actuals, stats.stale_actuals) == (1, 0)
    assert [n.code for n in stats.notes] == ["early-actuals"]


def test_a_label_that_is_hidden_is_not_counted_as_early(labelled):
    at = AT - timedelta(hours=1)
    _, stats = read_one(labelled(set_at=at), as_of=at - timedelta(hours=1))
    assert stats.early_actuals == 0


@pytest.mark.parametrize("purpose", ["training", "testing"])
@pytest.mark.parametrize("timed", [True, False])
def test_training_and_testing_sets_alike(engine, purpose, timed):
    made = version(engine)
    table = memory(
        id=["a", "b"],
        at=times(AT, AT),
        y=[1.0, 2.0],
        t=[7.0, 8.0],
        set_at=times(SET, SET + DAY),
    )
    connection = getattr(made, f"connect_{purpose}")(
        table,
        timestamp_column="at" if timed else None,
        labels={"y": "t"},
        label_timestamp_column="SET_AT",
    )
    data = connection.read(as_of=SET)
    assert data.to_arrow()["actual_y"].to_pylist() == [7.0, None]
    assert data.plan.as_of == SET


def test_as_of_needs_a_time_of_the_labels(labelled):
    connection = labelled(column=None)
    with pytest.raises(ConfigError, match=r"when its labels \(t\) were set") as raised:
        connection.read(*WHOLE_DAY, as_of=LATER)
    assert raised.value.code == "as-of-unknown"
    assert "label_timestamp_column" in str(raised.value.hint)
    assert read_one(connection)[0] == 7.0
    assert connection.plan().as_of is None


def test_as_of_of_a_connection_without_labels_is_refused(engine):
    connection = version(engine).connect_training(memory(y=[1.0]))
    with pytest.raises(ConfigError, match="it has no labels") as raised:
        connection.plan(as_of=LATER)
    assert raised.value.code == "as-of-unknown"


def test_as_of_needs_a_time_of_the_actuals(engine):
    made = version(engine)
    serving = made.connect_serving(memory(id=["a"], at=times(AT), y=[1.0]), "id", "at")
    made.connect_actuals(memory(id=["a"], t=[7.0]), "id", {"y": "t"})
    with pytest.raises(ConfigError, match="connect_actuals") as raised:
        serving.plan(as_of=LATER)
    assert raised.value.code == "as-of-unknown"
    assert serving.plan().as_of is None


def test_as_of_needs_a_time_of_all_labels(engine):
    made = version(engine, y="numeric", z="numeric")
    log = memory(id=["a"], at=times(AT), y=[1.0], z=[2.0], t=[7.0])
    serving = made.connect_serving(log, "id", "at", labels={"y": "t"})
    made.connect_actuals(memory(id=["a"], set=times(SET), u=[8.0]), "id", {"z": "u"}, "set")
    with pytest.raises(ConfigError, match=r"its labels \(t\)"):
        serving.plan(as_of=LATER)
    assert serving.read().to_arrow().select(["actual_y", "actual_z"]).to_pylist() == [
        {"actual_y": 7.0, "actual_z": 8.0}
    ]


def test_labels_in_both_places_are_cut_each_by_its_own_time(engine):
    made = version(engine, y="numeric", z="numeric")
    log = memory(
        id=["a", "b"],
        at=times(AT, AT),
        y=[1.0, 1.0],
        z=[2.0, 2.0],
        t=[7.0, 7.0],
        t_at=times(SET, SET - 20 * DAY),
    )
    made.connect_actuals(
        memory(id=["a", "b"], set=times(SET - DAY, SET), u=[8.0, 8.0]), "id", {"z": "u"}, "set"
    )
    serving = made.connect_serving(
        log, "id", "at", labels={"y": "t"}, label_timestamp_column="t_at"
    )
    data = serving.read(as_of=SET - DAY)
    rows = data.to_arrow()
    assert rows["actual_y"].to_pylist() == [None, 7.0]
    assert rows["actual_z"].to_pylist() == [8.0, None]
    assert data.stats.early_actuals == 1


def test_the_label_timestamp_must_be_a_time_of_the_query(labelled):
    with pytest.raises(MappingError, match="label timestamp needs a column 'set_it'"):
        labelled(column="set_it").plan()
    with pytest.raises(MappingError, match="label timestamp: column 't': double"):
        labelled(column="t").plan()


def test_a_time_of_labels_without_labels_is_refused(engine):
    with pytest.raises(ConfigError, match="there are no labels"):
        version(engine).connect_serving(
            memory(id=["a"], at=times(AT), y=[1.0]), "id", "at", label_timestamp_column="at"
        )


def test_the_time_of_labels_is_part_of_a_connections_definition(engine):
    made = version(engine)
    log = memory(id=["a"], at=times(AT), y=[1.0], t=[2.0])
    made.connect_serving(log, "id", "at", labels={"y": "t"})
    with pytest.raises(ConfigError, match="defined already, differently"):
        made.connect_serving(log, "id", "at", labels={"y": "t"}, label_timestamp_column="at")


# -- labels in a table of their own, dated by the day --------------------------------------------


def joined(engine, made_at, set_at, *, kind=TIME, y=7.0):
    """Connect one prediction and one actual in a table of its own."""
    made = version(engine)
    serving = made.connect_serving(memory(id=["a"], at=times(made_at), y=[1.0]), "id", "at")
    outcomes = memory(id=["a"], t=pa.array([y], pa.float64()), day=pa.array([set_at], kind))
    made.connect_actuals(outcomes, "id", {"y": "t"}, "day")
    return serving


@pytest.mark.parametrize("window", [HOUR, WHOLE_DAY, (), ("2026-01-10T10:05Z", "2026-02-01")])
@pytest.mark.parametrize("kind", [pa.date32(), TIME])
def test_an_actual_dated_by_the_predictions_day_belongs_to_it(engine, window, kind):
    day = date(2026, 1, 10) if kind == pa.date32() else datetime(2026, 1, 10, tzinfo=UTC)
    found, stats = read_one(joined(engine, AT, day, kind=kind), *window, as_of=LATER)
    assert found == 7.0
    assert (stats.early_actuals, stats.notes) == (0, ())


@pytest.mark.parametrize(
    ("made_at", "local_day"),
    [
        ("2026-01-11T02:00Z", date(2026, 1, 10)),  # New York, 21:00 of the day before
        ("2026-01-11T11:59Z", date(2026, 1, 10)),  # Baker Island, 23:59 of the day before
        ("2026-01-10T10:00Z", date(2026, 1, 11)),  # Kiritimati, the next day begins
        ("2026-01-10T23:30Z", date(2026, 1, 11)),  # Tokyo
    ],
)
def test_the_day_may_be_of_any_zone(engine, made_at, local_day):
    at = datetime.fromisoformat(made_at)
    serving = joined(engine, at, local_day, kind=pa.date32())
    found, stats = read_one(serving, at, at + timedelta(minutes=1), as_of=LATER)
    assert found == 7.0
    assert stats.stale_actuals == 0
    # In UTC the day was over: that is told, as it may as well be a mistake.
    assert stats.early_actuals == int(local_day < at.date())


def test_an_actual_of_days_before_its_prediction_is_not_taken_and_told(engine):
    serving = joined(engine, AT, date(2026, 1, 7), kind=pa.date32())
    data = serving.read("2026-01-01", "2026-02-01", as_of=LATER)
    assert data.to_arrow()["actual_y"].to_pylist() == [None]
    assert data.stats.actuals == {"actual_y": 0}
    assert (data.stats.early_actuals, data.stats.stale_actuals) == (1, 1)
    (note,) = data.stats.notes
    assert note.code == "early-actuals"
    assert "these were not taken" in note.message
    (told,) = serving.check("2026-01-01", "2026-02-01").stage("rows").diagnostics
    assert told == note


@pytest.mark.parametrize(
    ("ahead", "taken", "early"),
    [
        (timedelta(0), True, False),
        (timedelta(microseconds=1), True, True),
        (timedelta(minutes=5), True, True),
        (timedelta(hours=36) - timedelta(microseconds=1), True, True),
        (timedelta(hours=36), False, True),
        (-timedelta(microseconds=1), True, False),
    ],
)
def test_how_far_an_actual_may_be_dated_before_its_prediction(engine, ahead, taken, early):
    for window in (HOUR, WHOLE_DAY, ("2025-12-01", "2026-02-01"), ()):
        found, stats = read_one(joined(engine, AT, AT - ahead), *window, as_of=LATER)
        assert (found is not None, bool(stats.early_actuals)) == (taken, early)


def test_an_actual_that_is_unknown_is_not_early(engine):
    serving = joined(engine, AT, AT - DAY, y=None)
    _, stats = read_one(serving, as_of=LATER)
    assert (stats.early_actuals, stats.notes) == (0, ())


def test_an_actual_without_its_time_is_not_taken_and_told(engine):
    found, stats = read_one(joined(engine, AT, None), *HOUR, as_of=LATER)
    assert found is None
    assert stats.untimed_actuals == 1
    assert [n.code for n in stats.notes] == ["untimed-actuals"]


def test_an_actual_with_its_time_goes_before_one_without(engine):
    made = version(engine)
    serving = made.connect_serving(memory(id=["a"], at=times(AT), y=[1.0]), "id", "at")
    outcomes = memory(id=["a", "a"], t=[7.0, 8.0], set=times(SET, None))
    made.connect_actuals(outcomes, "id", {"y": "t"}, "set")
    found, stats = read_one(serving, *HOUR, as_of=LATER)
    assert (found, stats.untimed_actuals) == (7.0, 0)


@pytest.mark.parametrize("as_of", ["2025-01-01", "2026-01-08T22:00Z", "2026-01-09", HOUR[0]])
def test_as_of_before_the_window_knows_nothing_later(engine, as_of):
    for set_at in (AT, AT - timedelta(hours=3), datetime(2026, 1, 8, 22, 5, tzinfo=UTC)):
        found, _ = read_one(joined(engine, AT, set_at), *HOUR, as_of=as_of)
        known = set_at <= hw.Window.of(as_of, "2027-01-01").start
        stale = AT - set_at >= timedelta(hours=36)
        assert found == (7.0 if known and not stale else None)


@given(
    made_at=st.integers(0, 4 * 24 * 60),
    set_at=st.one_of(
        st.integers(-4 * 24 * 60, 9 * 24 * 60), st.integers(-4, 9).map(lambda d: d * 24 * 60)
    ),
    as_of=st.integers(-2 * 24 * 60, 10 * 24 * 60),
    before=st.integers(0, 3000),
    after=st.integers(1, 3000),
)
@settings(max_examples=10, deadline=None)
def test_what_is_known_of_a_prediction_does_not_depend_on_the_window(
    engine, made_at, set_at, as_of, before, after
):
    first = datetime(2026, 1, 10, tzinfo=UTC)
    at, label, moment = (first + timedelta(minutes=m) for m in (made_at, set_at, as_of))
    serving = joined(engine, at, label)
    window = at - timedelta(minutes=before), at + timedelta(minutes=after)
    expected = 7.0 if label <= moment and at - label < timedelta(hours=36) else None
    assert read_one(serving, *window, as_of=moment)[0] == expected
    assert read_one(serving, as_of=moment)[0] == expected


def test_a_sample_takes_the_same_actuals(engine):
    made = version(engine)
    ids = [f"p{i}" for i in range(200)]
    log = memory(id=ids, at=times(*[AT] * 200), y=[float(i) for i in range(200)])
    serving = made.connect_serving(log, "id", "at")
    outcomes = memory(id=ids, t=[float(i) for i in range(200)], day=[date(2026, 1, 10)] * 200)
    made.connect_actuals(outcomes, "id", {"y": "t"}, "day")
    rows = serving.read(*HOUR, as_of=LATER, sample=0.3).to_arrow()
    assert 20 < rows.num_rows < 100
    assert rows["actual_y"].to_pylist() == rows["y"].to_pylist()


# -- actuals partitioned by time -----------------------------------------------------------------


def partitioned(root, days, rule):
    for day in days:
        folder = root / f"dt={day}"
        folder.mkdir(parents=True)
        moment = datetime.combine(day, datetime.min.time(), UTC)
        rows = pa.table({"id": [f"a-{day}"], "t": [7.0], "day": pa.array([moment], TIME)})
        pq.write_table(rows, folder / "part-0.parquet")
    return hw.FileDataSource(tables={"outcomes": str(root)}, partitions={"outcomes": rule})


RULE = {"column": "day", "keys": {"dt": "yyyy-MM-dd"}}


@pytest.fixture
def daily(engine, tmp_path):
    """Predictions of ten days, and the actuals of these days in partitions of their own."""
    days = [date(2026, 1, 10) + timedelta(days=i) for i in range(10)]
    made = version(engine)
    moments = [datetime.combine(d, datetime.min.time(), UTC) + timedelta(hours=10) for d in days]
    log = memory(id=[f"a-{d}" for d in days], at=times(*moments), y=[1.0] * 10)
    serving = made.connect_serving(log, "id", "at")
    made.connect_actuals(partitioned(tmp_path, days, RULE), "id", {"y": "t"}, "day")
    return serving


@pytest.mark.parametrize(
    "as_of", ["2026-01-20", "2026-01-20T00:00:00Z", "2026-01-15", "2026-01-10"]
)
def test_as_of_at_midnight_misses_no_partition_of_the_day_that_begins(daily, as_of):
    plan = daily.plan("2026-01-10", "2026-01-12", as_of=as_of)
    assert plan.warnings == ()


def test_a_partition_that_is_missing_before_as_of_is_told(daily):
    plan = daily.plan("2026-01-10", "2026-01-12", as_of="2026-01-20T00:00:01Z")
    (told,) = plan.warnings
    assert told.code == "partitions-missing"
    assert "dt=2026-01-20" in told.message


def test_no_partition_is_missed_before_the_predictions(daily):
    # Actuals are looked for from January 8 at noon; there need be none.
    plan = daily.plan("2026-01-10", "2026-01-11", as_of="2026-01-12")
    assert plan.warnings == ()
    assert plan.scans[1].estimate.partitions_kept == 3


def test_the_partition_of_the_predictions_day_is_read(daily):
    data = daily.read("2026-01-12T10:00Z", "2026-01-12T11:00Z", as_of="2026-01-19")
    assert data.to_arrow()["actual_y"].to_pylist() == [7.0]
    kept = [p.location[-10:] for p in data.plan.scans[1].relation.partitions]
    assert kept[0] == "2026-01-10"  # 36 hours before, and not all
    assert kept[-1] == "2026-01-19"


def test_a_read_without_predictions_does_not_blame_the_actuals(engine, tmp_path):
    made = version(engine)
    serving = made.connect_serving(memory(id=["a"], at=times(AT), y=[1.0]), "id", "at")
    source = partitioned(tmp_path, [date(2020, 1, 1)], RULE)
    made.connect_actuals(source, "id", {"y": "t"}, "day")
    data = serving.read("2026-05-01", "2026-05-02", as_of="2026-06-01")
    with pytest.warns(hw.EmptyReadWarning, match="window-outside-data"):
        assert data.to_arrow().num_rows == 0


@pytest.mark.parametrize(
    ("rule", "as_of", "missing"),
    [
        # Midnight in Berlin: the partition of January 19 has ended there.
        ({"timezone": "Europe/Berlin"}, "2026-01-18T23:00Z", None),
        ({"timezone": "Europe/Berlin"}, "2026-01-19T23:00Z", None),
        ({"timezone": "Europe/Berlin"}, "2026-01-19T23:00:01Z", "dt=2026-01-20"),
        ({"timezone": "America/New_York"}, "2026-01-20T05:00Z", None),
        ({"timezone": "America/New_York"}, "2026-01-20T06:00Z", "dt=2026-01-20"),
    ],
)
def test_as_of_at_midnight_of_a_rules_own_zone(engine, tmp_path, rule, as_of, missing):
    days = [date(2026, 1, 9) + timedelta(days=i) for i in range(11)]
    made = version(engine)
    serving = made.connect_serving(memory(id=["a"], at=times(AT), y=[1.0]), "id", "at")
    source = partitioned(tmp_path, days, {**RULE, **rule})
    made.connect_actuals(source, "id", {"y": "t"}, "day")
    told = serving.plan(*HOUR, as_of=as_of).warnings
    assert [d.code for d in told] == (["partitions-missing"] if missing else [])
    assert all(str(missing) in d.message for d in told)
