"""Horizon: how long after its end a window takes actuals. Windows close, whatever lands later."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from core.tests.pipeline.conftest import TIME
from core.tests.pipeline.test_label_time import memory, times, version

import headwater as hw
from headwater.errors import ConfigError

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


@pytest.fixture(scope="module")
def engine():
    with hw.Workspace(engine="embedded") as made:
        yield made


def connect(engine, labels, horizon, rows=(("a", FIRST + DAY / 2),)):
    """Connect rows of (id, time) with actuals of (id, when it was set, value)."""
    made = version(engine)
    made.connect_serving(
        memory(id=[i for i, _ in rows], at=times(*(t for _, t in rows)), y=[0.0] * len(rows)),
        "id",
        "at",
    )
    actuals = memory(
        id=[i for i, _, _ in labels],
        t=[v for _, _, v in labels],
        set_at=pa.array([s for _, s, _ in labels], TIME),
    )
    made.connect_actuals(actuals, "id", {"y": "t"}, "set_at", horizon=horizon)
    return made.connections["serving"]


def known(connection, start=FIRST, end=FIRST + DAY, **more):
    table = connection.read(start, end, **more).to_arrow()
    return dict(zip(*(table[c].to_pylist() for c in ("id", "actual_y")), strict=True))


@pytest.mark.parametrize(("late", "taken"), [(timedelta(0), True), (MICRO, False), (-MICRO, True)])
def test_a_label_at_the_horizon_itself_is_taken_and_none_after(engine, late, taken):
    set_at = FIRST + DAY + 3 * DAY + late
    serving = connect(engine, [("a", set_at, 1.0)], "3 days")
    assert known(serving) == {"a": 1.0 if taken else None}


def test_what_is_corrected_beyond_the_horizon_does_not_change_a_closed_window(engine):
    labels = [("a", FIRST + DAY, 1.0), ("a", FIRST + 9 * DAY, 2.0)]
    assert known(connect(engine, labels, timedelta(days=3))) == {"a": 1.0}
    assert known(connect(engine, labels, None)) == {"a": 2.0}
    assert known(connect(engine, labels, "8 days")) == {"a": 2.0}


def test_it_counts_from_the_end_of_the_window_that_is_asked_for(engine):
    serving = connect(engine, [("a", FIRST + 10 * DAY, 1.0)], "3 days")
    assert known(serving) == {"a": None}
    assert known(serving, FIRST, FIRST + 8 * DAY) == {"a": 1.0}


def test_the_plan_says_until_when_actuals_are_taken(engine):
    serving = connect(engine, [("a", FIRST + DAY, 1.0)], "3 days")
    plan = serving.plan(FIRST, FIRST + DAY)
    assert plan.as_of == FIRST + 4 * DAY
    assert plan.horizon == 3 * DAY
    assert "until 3 days, 0:00:00 after the window's end" in plan.explain()
    # A window whose horizon is still to come takes what is known now.
    soon = datetime.now(UTC)
    assert serving.plan(soon - DAY, soon).as_of < soon + DAY


def test_a_moment_that_is_asked_for_goes_before_the_horizon_and_the_plan_says_so(engine):
    serving = connect(engine, [("a", FIRST + 9 * DAY, 1.0)], "3 days")
    assert known(serving, as_of=FIRST + 30 * DAY) == {"a": 1.0}
    plan = serving.plan(FIRST, FIRST + DAY, as_of=FIRST + 30 * DAY)
    (told,) = plan.warnings
    assert told.code == "beyond-horizon"
    assert "its horizon ended at 2026-01-05T00:00:00+00:00" in told.message
    assert plan.horizon is None
    assert serving.plan(FIRST, FIRST + DAY, as_of=FIRST + 2 * DAY).warnings == ()


def test_all_rows_have_no_window_that_could_close(engine):
    serving = connect(engine, [("a", FIRST + 99 * DAY, 1.0)], "3 days")
    assert serving.read().to_arrow()["actual_y"].to_pylist() == [1.0]


def test_partitions_of_actuals_beyond_the_horizon_are_not_read(engine, tmp_path):
    import pyarrow.parquet as pq

    for number in range(30):
        folder = tmp_path / f"dt={FIRST + number * DAY:%Y-%m-%d}"
        folder.mkdir()
        at = times(FIRST + number * DAY)
        pq.write_table(pa.table({"id": ["a"], "t": [1.0], "set_at": at}), folder / "a.parquet")
    made = version(engine)
    serving = made.connect_serving(memory(id=["a"], at=times(FIRST), y=[0.0]), "id", "at")
    rule = {"column": "set_at", "keys": {"dt": "yyyy-MM-dd"}}
    actuals = hw.FileDataSource(tables={"t": str(tmp_path)}, partitions={"t": rule})
    made.connect_actuals(actuals, "id", {"y": "t"}, "set_at", horizon="3 days")
    assert serving.plan(FIRST, FIRST + DAY).scans[1].estimate.files == 5  # the 1st to the 5th


@pytest.mark.parametrize("horizon", ["soon", "-1 day", -1, "1 month", timedelta(days=-1), True])
def test_what_is_no_horizon_is_refused(engine, horizon):
    with pytest.raises(ConfigError, match="horizon"):
        connect(engine, [("a", FIRST, 1.0)], horizon)


def test_a_horizon_needs_the_time_of_the_actuals(engine):
    made = version(engine)
    with pytest.raises(ConfigError, match="need timestamp_column") as caught:
        made.connect_actuals(memory(id=["a"], t=[1.0]), "id", {"y": "t"}, horizon="3 days")
    assert "leave out horizon" in str(caught.value.hint)


def test_another_horizon_is_another_definition(engine):
    made = version(engine)
    source = memory(id=["a"], t=[1.0], set_at=times(FIRST))
    first = made.connect_actuals(source, "id", {"y": "t"}, "set_at", horizon="3 days")
    assert made.connect_actuals(source, "id", {"y": "t"}, "set_at", horizon=3 * DAY) is first
    with pytest.raises(ConfigError, match="defined already, differently"):
        made.connect_actuals(source, "id", {"y": "t"}, "set_at")
