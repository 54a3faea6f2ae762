"""`Connection.maturity`: what an engine counts of predictions and labels, and what that says."""

import json
import random
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from core.tests.pipeline.conftest import TIME
from core.tests.pipeline.test_label_time import memory, times, version

import headwater as hw
from headwater.errors import ConfigError, PlanError
from headwater.maturity.maturity import Coverage

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MICRO = timedelta(microseconds=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
NOON = FIRST + DAY / 2
END = FIRST + 40 * DAY


@pytest.fixture(scope="module")
def engine():
    with hw.Workspace(engine="embedded") as made:
        yield made


def connect(engine, rows, labels, *, horizon=None, windows=None, kind=TIME, model="binary"):
    """Connect predictions (id, time, value) and their labels (id, when it was set, value)."""
    made = version(engine, model, y="boolean" if model == "binary" else "numeric")
    value = pa.bool_() if model == "binary" else pa.float64()
    made.connect_serving(
        memory(
            id=[r[0] for r in rows],
            at=times(*(r[1] for r in rows)),
            y=pa.array([r[2] for r in rows], value),
        ),
        "id",
        "at",
        windows=windows,
    )
    actuals = memory(
        id=pa.array([x[0] for x in labels], pa.string()),
        set_at=pa.array([x[1] for x in labels], kind),
        t=pa.array([x[2] for x in labels], value),
    )
    made.connect_actuals(actuals, "id", {"y": "t"}, "set_at", horizon=horizon)
    return made.connections["serving"]


def drawn(seed=3, days=40, per_day=100):
    """Return predictions and labels whose delay is a fortnight at most; a tenth has none."""
    draw = random.Random(seed)
    rows, labels = [], []
    for number in range(days * per_day):
        made = FIRST + draw.random() * days * DAY
        said = draw.random() < 0.5
        rows.append((f"p{number}", made, said))
        if draw.random() < 0.9:
            # What was predicted wrongly is found out later.
            right = draw.random() < 0.7
            delay = draw.random() * (7 if right else 14) * DAY
            labels.append((f"p{number}", made + delay, said if right else not said))
    return rows, labels


def delays_of(rows, labels):
    set_at = {i: at for i, at, _ in labels}
    return [set_at[i] - at if i in set_at else None for i, at, _ in rows]


def test_the_share_within_an_age_is_that_of_the_samples_own_delays(engine):
    rows, labels = drawn(per_day=250)
    maturity = connect(engine, rows, labels).maturity(FIRST, END, as_of=END)
    delays = delays_of(rows, labels)
    for days in (1, 2, 3, 5, 7, 10, 14, 20):
        truth = sum(d is not None and d < days * DAY for d in delays) / len(delays)
        assert maturity.expected(days) == pytest.approx(truth, abs=0.01)
        low, high = maturity.band(days)
        assert low <= maturity.expected(days) <= high
    assert maturity.eventual == pytest.approx(0.9, abs=0.01)
    assert (maturity.rows, len(maturity.windows)) == (10_000, 40)
    known = sum(d is not None and at + d <= END for d, (_, at, _) in zip(delays, rows, strict=True))
    assert maturity.labelled == known
    assert not maturity.stopped
    assert not maturity.shifted
    assert not maturity.batches


def test_ages_are_written_in_three_ways_and_ripe_after_gives_one(engine):
    rows, labels = drawn()
    maturity = connect(engine, rows, labels).maturity(FIRST, END, as_of=END)
    assert maturity.expected(7) == maturity.expected("7 d") == maturity.expected(7 * DAY)
    assert maturity.expected(0) == 0.0
    assert maturity.expected(np.int64(7)) == maturity.expected(7)
    assert maturity.expected(41) is None
    half = maturity.ripe_after(0.5)
    assert maturity.expected(half) == pytest.approx(0.5 * maturity.eventual)
    assert maturity.ripe_after() == maturity.ripe_after(0.95) > half
    with pytest.raises(ConfigError, match="no share"):
        maturity.ripe_after(0)
    with pytest.raises(ConfigError, match="no share"):
        maturity.ripe_after("soon")
    for wrong in (float("nan"), True, "soon", None):
        with pytest.raises(ConfigError):
            maturity.expected(wrong)


def test_coverage_is_what_is_known_beside_what_should_be(engine):
    rows, labels = drawn()
    maturity = connect(engine, rows, labels).maturity(FIRST, END, as_of=END)
    delays = delays_of(rows, labels)
    for window in maturity.windows:
        mine = [
            d is not None and at + d <= END
            for d, (_, at, _) in zip(delays, rows, strict=True)
            if at in window
        ]
        covered = maturity.coverage(window)
        assert covered.rows == len(mine)
        assert covered.known == pytest.approx(sum(mine) / len(mine))
        assert 0 <= covered.low <= covered.expected <= covered.high <= 1
    outside = [w for w in maturity.windows if not _within(maturity.coverage(w))]
    assert len(outside) <= 5
    last = maturity.coverage("2026-02-09")
    assert last == maturity.coverage(date(2026, 2, 9)) == maturity.coverage(maturity.windows[-1])
    assert last.expected < maturity.expected(1)
    with pytest.raises(ConfigError, match="none of the 40 windows"):
        maturity.coverage("2026-03-01")
    for wrong in (None, 3):
        with pytest.raises(ConfigError, match="none of the 40 windows"):
            maturity.coverage(wrong)


def _within(covered):
    return covered.low <= covered.known <= covered.high


def test_states_of_windows(engine):
    rows, labels = drawn()
    said = {"lateness": "6 hours"}
    now = END - 10 * DAY + HOUR
    states = connect(engine, rows, labels, windows=said).maturity(FIRST, END, as_of=now).states
    assert [*states.values()][-10:] == ["open"] * 10
    assert [*states.values()][-11] == "landing"
    assert set([*states.values()][:-11]) == {"ripening", "ripe"}
    assert next(iter(states.values())) == "ripe"
    closing = connect(engine, rows, labels, windows=said, horizon="5 days")
    states = [*closing.maturity(FIRST, END, as_of=now).states.values()]
    assert states[:26] == ["closed"] * 25 + ["ripening"]
    patient = connect(engine, rows, labels, windows={"ripe": 0.2})
    eager = [*patient.maturity(FIRST, END, as_of=now).states.values()]
    assert eager.count("ripe") > 25


def test_too_few_labels_say_nothing_of_the_curve(engine):
    rows = [(f"p{n}", NOON + n * HOUR, True) for n in range(300)]
    labels = [(f"p{n}", NOON + n * HOUR + HOUR, True) for n in range(300) if n % 3]
    few = connect(engine, rows, labels[1:]).maturity(FIRST, END, as_of=END)
    assert few.expected(3) is few.eventual is few.ripe_after() is few.band(3) is few.stopped is None
    assert set(few.states.values()) == {"unknown"}
    assert few.coverage(FIRST) == Coverage(7 / 12, None, None, None, 12)
    assert few.coverage(END - HOUR) == Coverage(None, None, None, None, 0)
    assert "too few" in str(few)
    enough = connect(engine, rows, labels).maturity(FIRST, END, as_of=END)
    assert enough.expected(3) == pytest.approx(200 / 300)


def test_a_label_at_the_prediction_itself_counts_and_one_before_it_does_not(engine):
    rows = [("at", NOON, True), ("before", NOON, True), ("both", NOON, True), ("none", NOON, True)]
    labels = [
        ("at", NOON, True),
        ("before", NOON - MICRO, True),
        ("both", NOON - HOUR, True),
        ("both", NOON + HOUR, False),
    ]
    maturity = connect(engine, rows, labels).maturity(FIRST, FIRST + DAY, as_of=END)
    assert maturity.before == 2
    assert maturity.labelled == 2
    assert maturity.coverage(FIRST).known == 0.5
    assert maturity.corrected == 0  # what came before was none of its labels
    assert "2 predictions have a label dated before them" in str(maturity)


def test_a_label_dated_by_its_day_is_of_that_day(engine):
    rows = [("a", NOON, True), ("b", NOON, True)]
    labels = [("a", date(2026, 1, 1), True), ("b", date(2025, 12, 31), True)]
    made = connect(engine, rows, labels, kind=pa.date32())
    maturity = made.maturity(FIRST, FIRST + DAY, as_of=END)
    assert (maturity.labelled, maturity.before) == (1, 1)


def test_ids_of_several_predictions_are_counted_and_all_their_rows(engine):
    rows = [("a", NOON, True), ("a", NOON, True), ("a", NOON + DAY, False), ("b", NOON, True)]
    labels = [("a", NOON + 2 * DAY, True)]
    maturity = connect(engine, rows, labels).maturity(FIRST, FIRST + 3 * DAY, as_of=END)
    assert maturity.duplicates == 1
    assert (maturity.rows, maturity.labelled) == (4, 3)
    assert [maturity.coverage(w).rows for w in maturity.windows] == [3, 1, 0]
    read = connect(engine, rows, labels).read(FIRST, FIRST + 3 * DAY, as_of=END).to_arrow()
    assert read.num_rows == maturity.rows
    assert read.num_rows - read["actual_y"].null_count == maturity.labelled


def test_a_later_label_corrects_if_it_is_another_one(engine):
    rows = [(i, NOON, True) for i in ("other", "same", "once", "back")]
    labels = [
        *[(i, NOON + HOUR, True) for i in ("other", "same", "once", "back")],
        ("other", NOON + DAY, False),
        ("same", NOON + DAY, True),
        ("back", NOON + DAY, False),
        ("back", NOON + 2 * DAY, True),
    ]
    made = connect(engine, rows, labels)
    maturity = made.maturity(FIRST, FIRST + DAY, as_of=END)
    assert (maturity.corrected, maturity.repeated) == (2, 1)
    early = made.maturity(FIRST, FIRST + DAY, as_of=NOON + 2 * HOUR)
    assert (early.corrected, early.repeated, early.labelled) == (0, 0, 4)


def test_as_of_is_a_moment_and_a_day_has_24_hours(engine):
    rows = [(f"p{n}", NOON, True) for n in range(400)]
    labels = [(f"p{n}", NOON + DAY - MICRO, True) for n in range(250)]
    made = connect(engine, rows, labels)
    for as_of, share in ((NOON + DAY, 0.625), (NOON + DAY - MICRO, None)):
        maturity = made.maturity(FIRST, FIRST + DAY, as_of=as_of)
        assert maturity.labelled == 250
        assert maturity.expected(1) == share
    late = [(i, at + MICRO, v) for i, at, v in labels]
    maturity = connect(engine, rows, late).maturity(FIRST, FIRST + DAY, as_of=NOON + 2 * DAY)
    assert (maturity.expected(1), maturity.expected(2)) == (0.0, 0.625)


def test_predictions_made_after_as_of_are_not_there_yet(engine):
    rows = [("a", NOON, True), ("b", NOON + DAY, True)]
    made = connect(engine, rows, [("a", NOON + 3 * DAY, True)])
    maturity = made.maturity(FIRST, FIRST + 2 * DAY, as_of=NOON + HOUR)
    assert (maturity.rows, maturity.labelled) == (1, 0)
    assert [*maturity.states.values()] == ["open", "open"]
    with pytest.raises(ConfigError, match=r"nothing of .* has happened"):
        made.maturity(FIRST, FIRST + DAY, as_of=FIRST - DAY)


def test_a_feed_that_stops_is_told_and_a_healthy_one_is_not(engine):
    rows, labels = drawn(per_day=250)
    stop = END - DAY
    cut = [x for x in labels if x[1] <= stop]
    maturity = connect(engine, rows, cut).maturity(FIRST, END, as_of=END)
    assert maturity.stopped
    assert maturity.stopped.since == max(at for _, at, _ in cut)
    missing = sum(stop < at <= END for _, at, _ in labels)
    assert maturity.stopped.expected == pytest.approx(missing, rel=0.2)
    assert "STOPPED: no label set since 2026-02-08 23:" in str(maturity)
    truth = sum(d is not None and d < 7 * DAY for d in delays_of(rows, labels)) / len(rows)
    assert maturity.expected(7) == pytest.approx(truth, abs=0.02)  # the outage bends no curve
    assert connect(engine, rows, labels).maturity(FIRST, END, as_of=END).stopped is None


def test_what_the_horizon_loses(engine):
    rows = [(f"p{n}", NOON, n % 2 == 0) for n in range(300)]
    labels = [(f"p{n}", NOON + (2 if n < 250 else 9) * DAY, True) for n in range(300)]
    whole = connect(engine, rows, labels).maturity(FIRST, FIRST + DAY, as_of=END)
    assert whole.beyond_horizon is None
    cut = connect(engine, rows, labels, horizon="8 days").maturity(FIRST, FIRST + DAY, as_of=END)
    assert cut.beyond_horizon == pytest.approx(50 / 300)
    assert cut.expected(12) == whole.expected(12) == 1.0
    assert cut.states[cut.windows[0]] == "closed"
    assert sum(r.rows for r in cut.settling) == 250
    at_end = FIRST + 9 * DAY
    edge = connect(engine, rows, [(i, at_end, v) for i, _, v in labels], horizon="8 days")
    assert edge.maturity(FIRST, FIRST + DAY, as_of=END).beyond_horizon == 0


def test_settling_says_how_far_early_labels_lead_astray(engine):
    rows, labels = drawn(per_day=250)
    made = connect(engine, rows, labels, horizon="15 days")
    maturity = made.maturity(FIRST, END, as_of=END)
    said = {i: v for i, _, v in rows}
    made_at = {i: at for i, at, _ in rows}
    closed = [w for w, state in maturity.states.items() if state == "closed"]
    assert len(closed) == 25
    early, final = [], []
    for window in closed:
        mine = [x for x in labels if made_at[x[0]] in window]
        rights = [said[i] == v for i, at, v in mine if at - made_at[i] < 5 * DAY]
        early.append(sum(rights) / len(rights))
        rights = [said[i] == v for i, _, v in mine]
        final.append(sum(rights) / len(rights))
    told = maturity.settled("5 d")
    assert told.windows == 25
    assert told.difference == pytest.approx(sum(map(float.__sub__, early, final)) / 25)
    assert told.difference > 0.05
    assert told.spread > 0
    assert maturity.settled(0) is None
    assert "too high" in str(maturity)
    total = sum(made_at[i] in w for i, *_ in labels for w in closed)
    assert sum(r.rows for r in maturity.settling) == total
    assert {(r.predicted, r.actual) for r in maturity.settling} == {
        (a, b) for a in (True, False) for b in (True, False)
    }


def test_of_numbers_there_is_a_curve_and_no_settling(engine):
    rows = [(f"p{n}", NOON, float(n)) for n in range(300)]
    labels = [(f"p{n}", NOON + 2 * DAY, float(n)) for n in range(300)]
    made = connect(engine, rows, labels, model="regression")
    maturity = made.maturity(FIRST, FIRST + DAY, as_of=END)
    assert maturity.expected(3) == 1.0
    assert maturity.settling == ()
    with pytest.raises(ConfigError, match="can't be told apart"):
        made.maturity(FIRST, FIRST + DAY, as_of=END, by="prediction")


def test_each_predicted_class_alone(engine):
    rows = [(f"p{n}", NOON, n % 2 == 0) for n in range(600)]
    labels = [(f"p{n}", NOON + (5 if n % 2 else 1) * DAY, True) for n in range(600)]
    maturity = connect(engine, rows, labels).maturity(
        FIRST, FIRST + DAY, as_of=END, by="prediction"
    )
    assert maturity.expected(3) == 0.5
    assert (maturity.by[True].expected(3), maturity.by[False].expected(3)) == (1.0, 0.0)


def test_labels_in_the_serving_table(engine):
    rows, labels = drawn()
    by_id = {i: (at, v) for i, at, v in labels}
    made = version(engine, "binary", y="boolean")
    own = made.connect_serving(
        memory(
            id=[r[0] for r in rows],
            at=times(*(r[1] for r in rows)),
            y=[r[2] for r in rows],
            t=pa.array([by_id.get(r[0], (None, None))[1] for r in rows], pa.bool_()),
            set_at=times(*(by_id.get(r[0], (None, None))[0] for r in rows)),
        ),
        "id",
        "at",
        labels={"y": "t"},
        label_timestamp_column="set_at",
    )
    one = own.maturity(FIRST, END, as_of=END).to_dict()
    two = connect(engine, rows, labels).maturity(FIRST, END, as_of=END).to_dict()
    assert one.pop("connection") != two.pop("connection")
    assert one == two


def test_a_label_is_named_where_there_are_several(engine):
    made = version(engine, "regression", a="numeric", b="numeric")
    made.connect_serving(memory(id=["x"], at=times(NOON), a=[1.0], b=[2.0]), "id", "at")
    made.connect_actuals(
        memory(id=["x", "x"], t=times(NOON + DAY, NOON + 3 * DAY), u=[1.0, None], v=[None, 2.0]),
        "id",
        {"a": "u", "b": "v"},
        "t",
    )
    serving = made.connections["serving"]
    with pytest.raises(ConfigError, match="2 labels: a, b"):
        serving.maturity(FIRST, FIRST + DAY, as_of=END)
    with pytest.raises(ConfigError, match="no label 'c'"):
        serving.maturity(FIRST, FIRST + DAY, as_of=END, label="c")
    for label in ("a", "actual_a"):
        maturity = serving.maturity(FIRST, FIRST + DAY, as_of=FIRST + 2 * DAY, label=label)
        assert (maturity.label, maturity.labelled) == ("a", 1)
    later = serving.maturity(FIRST, FIRST + DAY, as_of=FIRST + 2 * DAY, label="b")
    assert later.labelled == 0


def test_labels_without_a_time_have_no_delay(engine):
    made = version(engine)
    made.connect_serving(memory(id=["x"], at=times(NOON), y=[1.0]), "id", "at")
    serving = made.connections["serving"]
    with pytest.raises(ConfigError, match="has no labels"):
        serving.maturity(FIRST, FIRST + DAY)
    made.connect_actuals(memory(id=["x"], v=[2.0]), "id", {"y": "v"})
    with pytest.raises(ConfigError, match="how long they take") as caught:
        serving.maturity(FIRST, FIRST + DAY)
    assert caught.value.code == "as-of-unknown"
    with pytest.raises(ConfigError, match="needs start and end"):
        serving.maturity()


def test_a_label_whose_time_is_unknown_is_counted_apart(engine):
    rows = [("a", NOON, True), ("b", NOON, True)]
    labels = [("a", None, True), ("b", NOON + HOUR, True), ("b", None, False)]
    maturity = connect(engine, rows, labels).maturity(FIRST, FIRST + DAY, as_of=END)
    assert (maturity.untimed, maturity.labelled) == (2, 1)


def test_windows_of_hours_of_a_zone_and_of_months(engine):
    rows, labels = drawn(days=3, per_day=400)
    made = connect(engine, rows, labels)
    hourly = made.maturity(FIRST, FIRST + 3 * DAY, every="1 hour", as_of=END)
    assert (hourly.unit, len(hourly.windows)) == (HOUR, 72)
    daily = made.maturity(FIRST, FIRST + 3 * DAY, as_of=END)
    for days in (1, 3, 7):
        assert hourly.expected(days) == pytest.approx(daily.expected(days), abs=1e-9)
    assert sum(hourly.coverage(w).rows for w in hourly.windows) == 1200
    local = made.maturity(FIRST, FIRST + 2 * DAY, as_of=END, timezone="Asia/Kathmandu")
    inside = [sum(at in w for _, at, _ in rows) for w in local.windows]
    assert [local.coverage(w).rows for w in local.windows] == inside
    spring = datetime(2026, 3, 27, tzinfo=UTC)
    rows = [(f"s{n}", spring + n * HOUR / 2, True) for n in range(24 * 2 * 6)]
    clock = connect(engine, rows, [("s1", END, True)]).maturity(
        spring, spring + 5 * DAY, as_of=spring + 9 * DAY, timezone="Europe/Berlin"
    )
    inside = [sum(at in w for _, at, _ in rows) for w in clock.windows]
    assert [clock.coverage(w).rows for w in clock.windows] == inside
    assert {w.duration for w in clock.windows[1:-1]} == {DAY, 23 * HOUR}


def test_it_is_shown_as_text_in_a_notebook_and_as_json(engine):
    rows, labels = drawn()
    maturity = connect(engine, rows, labels, horizon="15 days").maturity(FIRST, END, as_of=END)
    told = json.loads(json.dumps(maturity.to_dict()))
    assert told["windows"][0]["state"] == "closed"
    assert told["curve"][6]["share"] == maturity.expected(7)
    shown = str(maturity)
    assert shown.startswith(f"labels of {maturity.connection} (y), 4,000 predictions, as of 2026")
    assert "2026-01-01 to 2026-01-25  25 windows closed" in shown
    assert "2026-02-09" in shown
    assert "ripening" in shown
    assert "<table>" in maturity._repr_html_()
    assert "40 windows" in repr(maturity)
    about = maturity.about(maturity.windows[-1])
    assert about["state"] == "ripening"
    assert about["known"] < about["eventual"]


# -- what rides with rows ------------------------------------------------------------------------


def of_table(table):
    return json.loads(table.schema.metadata[b"headwater.maturity"])


def test_rows_say_what_the_calendar_does_of_their_labels_without_counting_any(engine, tmp_path):
    rows, labels = drawn(days=3)
    said = {"lateness": "6 hours"}
    serving = connect(engine, rows, labels, windows=said, horizon="5 days")
    window = FIRST, FIRST + DAY
    for after, state in (
        (-HOUR, "open"),
        (5 * HOUR, "landing"),
        (6 * HOUR, "unknown"),
        (5 * DAY, "closed"),
    ):
        data = serving.read(*window, as_of=FIRST + DAY + after)
        told = {"as_of": (FIRST + DAY + after).isoformat(), "state": state}
        assert data.maturity == told == of_table(data.to_arrow())
    closed = serving.read(*window)
    assert closed.maturity == {"as_of": (FIRST + 6 * DAY).isoformat(), "state": "closed"}
    closed.write_parquet(tmp_path / "day.parquet")
    assert of_table(pq.read_table(tmp_path / "day.parquet")) == closed.maturity
    assert [d.maturity["state"] for d in serving.read(FIRST, FIRST + 3 * DAY, every="1 day")]
    assert serving.read().maturity["state"] == "unknown"
    serving.version.disconnect("actuals")
    assert serving.read(*window).maturity is None
    assert b"headwater.maturity" not in serving.read(*window).to_arrow().schema.metadata


def test_rows_say_how_ripe_they_are_where_it_was_asked_before(engine):
    rows, labels = drawn()
    serving = connect(engine, rows, labels)
    maturity = serving.maturity(FIRST, END, as_of=END)
    day = serving.read(END - 3 * DAY, END - 2 * DAY, as_of=END, maturity=maturity)
    told = of_table(day.to_arrow())
    assert told == maturity.about(maturity.windows[-3])
    assert told["state"] == "ripening"
    known = day.stats.actuals["actual_y"] / day.stats.rows
    assert told["known"] == pytest.approx(known, abs=1e-6)
    assert told["low"] < told["expected"] < told["high"]
    week = serving.read(END - 7 * DAY, END, as_of=END, maturity=maturity)
    covered = maturity.coverage(week.window)
    assert covered.rows == sum(maturity.coverage(w).rows for w in maturity.windows[-7:])
    assert week.maturity["expected"] == pytest.approx(covered.expected, abs=1e-6)
    each = serving.read(END - 2 * DAY, END, every="1 day", as_of=END, maturity=maturity)
    assert [d.maturity["rows"] for d in each] == [
        maturity.coverage(w).rows for w in maturity.windows[-2:]
    ]
    other = serving.read(END - 3 * HOUR, END, as_of=END, maturity=maturity)
    assert "expected" not in other.maturity
    with pytest.raises(ConfigError, match="is read with the maturity of"):
        connect(engine, rows, labels).read(FIRST, END, maturity=maturity)


# -- from files ----------------------------------------------------------------------------------


@pytest.fixture
def lake(engine, tmp_path):
    """Connect ten days of predictions in partitions of days, labelled two days later."""
    keys = {"dt": "yyyy-MM-dd"}
    for day in range(10):
        at = FIRST + day * DAY
        for table, moment, name in (("log", at, "at"), ("labels", at + 2 * DAY, "decided")):
            folder = tmp_path / table / f"dt={moment:%Y-%m-%d}"
            folder.mkdir(parents=True)
            moments = times(*(moment + n * DAY / 40 for n in range(40)))
            ids = [f"{day}-{n}" for n in range(40)]
            content = {"id": ids, name: moments, "y": [n % 2 == 0 for n in range(40)]}
            pq.write_table(pa.table(content), folder / "part-0.parquet")

    def source(table, column):
        rule = {"column": column, "keys": keys}
        return hw.FileDataSource(tables={table: str(tmp_path / table)}, partitions={table: rule})

    def connect_with(**limits):
        made = version(engine, "binary", y="boolean")
        made.connect_serving(source("log", "at"), "id", "at", **limits)
        made.connect_actuals(source("labels", "decided"), "id", {"y": "y"}, "decided")
        return made.connections["serving"]

    return connect_with


def test_only_the_partitions_of_the_time_are_read(lake, tmp_path):
    serving = lake()
    as_of = FIRST + 12 * DAY
    assert serving.maturity(FIRST, FIRST + 10 * DAY, as_of=as_of).expected(3) == 1.0
    for later in ("log/dt=2026-01-10", "labels/dt=2026-01-12"):
        (tmp_path / later / "part-0.parquet").write_bytes(b"no parquet")
    inside = serving.maturity(FIRST, FIRST + 9 * DAY, as_of=FIRST + 10 * DAY)
    assert (inside.rows, inside.labelled) == (360, 321)


def test_limits_and_samples_of_the_connection_hold(lake):
    whole, part = lake(), lake(sample=0.5)
    as_of = FIRST + 12 * DAY
    found = part.maturity(FIRST, FIRST + 10 * DAY, as_of=as_of)
    read = part.read(FIRST, FIRST + 10 * DAY, as_of=as_of).to_arrow()
    assert found.rows == read.num_rows < whole.maturity(FIRST, FIRST + 10 * DAY).rows
    with pytest.raises(PlanError) as caught:
        lake(max_bytes=100).maturity(FIRST, FIRST + 10 * DAY)
    assert caught.value.code == "max-bytes"


def test_counts_that_are_too_many_are_left_out_or_refused(lake, monkeypatch):
    from headwater.workspace import maturity

    asked = FIRST, FIRST + 10 * DAY
    monkeypatch.setattr(maturity, "MOST_CELLS", 25)
    found = lake().maturity(*asked, as_of=FIRST + 12 * DAY)
    assert found.rows == 400
    assert found.settling == ()
    assert "there is no settling" in str(found)
    monkeypatch.setattr(maturity, "MOST_CELLS", 5)
    with pytest.raises(ConfigError, match="gives more than 5 counts"):
        lake().maturity(*asked, as_of=FIRST + 12 * DAY)
