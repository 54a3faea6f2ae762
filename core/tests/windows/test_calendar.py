"""Steps of a calendar: where a zone's clock begins them, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from core.tests.partitions.test_time_partitions import TURNS
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.errors import ConfigError
from headwater.tables.window import Window
from headwater.windows.calendar import MOST, Calendar, Step, Unit

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def hours(every, zone, start, end):
    """Return how long the windows are, in hours."""
    return [w.duration / HOUR for w in Calendar.of(every, zone).cut(Window.of(start, end))]


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("1 day", Step(1, Unit.DAY)),
        ("day", Step(1, Unit.DAY)),
        (" 2 Days ", Step(2, Unit.DAY)),
        ("1d", Step(1, Unit.DAY)),
        ("6 hours", Step(6, Unit.HOUR)),
        ("6h", Step(6, Unit.HOUR)),
        ("1 week", Step(1, Unit.WEEK)),
        ("2w", Step(2, Unit.WEEK)),
        ("3 months", Step(3, Unit.MONTH)),
        ("1mo", Step(1, Unit.MONTH)),
    ],
)
def test_a_step_is_read_as_people_write_it(text, step):
    assert Step.of(text) == Step.of(step) == step
    assert Step.of(str(step)) == Step.of(step.short) == step


@pytest.mark.parametrize(
    "text", ["", "1m", "5 hours", "24 hours", "0 days", "5 months", "-1 day", "1 day 2", "1.5 days",
             "fortnight", "53 weeks", "99999 days", None, 1, timedelta(days=1)],
)  # fmt: skip
def test_what_is_no_step_is_refused_with_what_is(text):
    with pytest.raises(ConfigError) as caught:
        Step.of(text)
    assert caught.value.hint


def test_steps_that_a_day_can_be_cut_into_are_named():
    with pytest.raises(ConfigError) as caught:
        Step.of("7 hours")
    assert "1, 2, 3, 4, 6, 8, 12 hours make up a day evenly" in str(caught.value.hint)


@pytest.mark.parametrize("zone", ["Nowhere/Town", "", 7])
def test_a_zone_that_there_is_not_is_refused(zone):
    with pytest.raises(ConfigError, match="zone"):
        Calendar.of("1 day", zone)


def test_days_are_as_long_as_the_clock_makes_them():
    assert hours("1 day", "Europe/Berlin", "2026-03-27T23:00", "2026-03-30T22:00") == [24, 23, 24]
    assert hours("1 day", "Europe/Berlin", "2026-10-23T22:00", "2026-10-26T23:00") == [24, 25, 24]
    assert hours("6 hours", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00") == [7, 6, 6, 6]
    assert hours("1 day", "Pacific/Apia", "2011-12-28T10:00", "2012-01-01T10:00") == [
        24,
        24,
        24,
        24,
    ]


def test_an_hour_that_happens_twice_is_two_windows_and_one_that_never_does_is_none():
    autumn = Calendar.of("1 hour", "Europe/Berlin").cut(
        Window.of("2026-10-25T00:00+02:00", "2026-10-25T04:00+01:00")
    )
    shown = [f"{w.start.astimezone(ZoneInfo('Europe/Berlin')):%H:%M}" for w in autumn]
    assert shown == ["00:00", "01:00", "02:00", "02:00", "03:00"]
    assert {w.duration for w in autumn} == {HOUR}
    assert hours("1 hour", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T04:00") == [1] * 5
    # Steps of several hours begin but once.
    assert hours("2 hours", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T03:00") == [2, 3]


def test_weeks_begin_on_monday_and_months_on_the_first():
    weeks = Calendar.of("1 week").cut(Window.of("2026-01-01", "2026-01-15"))
    assert [str(w) for w in weeks] == [
        "[2026-01-01, 2026-01-05)",
        "[2026-01-05, 2026-01-12)",
        "[2026-01-12, 2026-01-15)",
    ]
    months = Calendar.of("1 month").cut(Window.of("2026-01-31", "2026-04-01"))
    assert [w.start.day for w in months] == [31, 1, 1]
    quarters = Calendar.of("3 months").steps(Window.of("2026-02-01", "2026-02-02"))
    assert [str(w) for w in quarters] == ["[2026-01-01, 2026-04-01)"]


def test_where_a_step_of_several_days_begins_does_not_depend_on_what_is_asked_for():
    calendar = Calendar.of("10 days")
    early, late = Window.of("2026-01-01", "2026-03-01"), Window.of("2026-01-07", "2026-03-05")
    starts = {w.start for w in calendar.steps(early)} & {w.start for w in calendar.steps(late)}
    assert len(starts) >= 5
    assert Calendar.of("7 days").steps(early) == Calendar.of("1 week").steps(early)


def test_a_cut_step_is_known_from_a_whole_one():
    calendar, week = Calendar.of("1 week"), Window.of("2026-01-05", "2026-01-12")
    assert calendar.whole(week)
    assert calendar.steps(week) == calendar.cut(week) == (week,)
    part = Window.of("2026-01-06", "2026-01-09")
    assert calendar.cut(part) == (part,)
    assert not calendar.whole(part)
    assert calendar.widened(part) == week
    assert not calendar.whole(Window.of("2026-01-05", "2026-01-19"))


def test_too_many_windows_and_the_ends_of_the_calendar_are_refused():
    with pytest.raises(ConfigError, match="175,320 windows"):
        Calendar.of("1 hour").cut(Window.of("2000-01-01", "2020-01-01"))
    assert MOST == 100_000
    for start, end in (("0001-01-01", "0001-01-02"), ("9999-12-30", "9999-12-31")):
        with pytest.raises(ConfigError, match="the calendar ends there"):
            Calendar.of("1 month").cut(Window.of(start, end))


def begins(step, shown):
    """Return the beginning of the step that a clock's time lies in, told in another way."""
    if step.unit is Unit.HOUR:
        return shown.replace(hour=shown.hour - shown.hour % step.count, minute=0)
    day = shown.replace(hour=0, minute=0)
    if step.unit is Unit.MONTH:
        return day.replace(day=1, month=day.month - (day.month - 1) % step.count)
    days = step.count * (7 if step.unit is Unit.WEEK else 1)
    monday = datetime(1970, 1, 5)  # noqa: DTZ001
    behind = (day - monday).days + ((monday.toordinal() - 1) % days)
    return day - timedelta(days=behind % days)


def edges_by_walking(step, zone, window):
    """Return where steps begin, minute for minute, by looking at the clock."""
    found, latest, before = [], None, None
    moment = window.start - timedelta(days=2)
    while moment < window.end:
        shown = moment.astimezone(zone).replace(tzinfo=None)
        begin = begins(step, shown)
        if step == Step(1, Unit.HOUR):
            # An hour into which the clock is set back has begun before.
            new = shown.minute == 0 or (before is not None and begin > before)
        else:
            new = latest is None or begin > latest
        if new and before is not None:
            found.append(moment)
        latest = begin if latest is None else max(latest, begin)
        before = begin
        moment += MINUTE
    return [m for m in found if window.start < m]


STEPS = [
    Step.of(t) for t in ("1 hour", "2 hours", "6 hours", "1 day", "2 days", "1 week", "1 month")
]


@given(
    st.sampled_from(sorted(TURNS)),
    st.sampled_from(STEPS),
    st.integers(-60, 60),
    st.integers(1, 60),
)
@settings(max_examples=40, deadline=None)
def test_windows_are_cut_where_the_clock_begins_a_step(name, step, before, long):
    turn = datetime.fromisoformat(TURNS[name]).replace(tzinfo=UTC)
    window = Window(turn + before * HOUR, turn + (before + long) * HOUR)
    cut = Calendar(step, name).cut(window)
    assert cut[0].start == window.start
    assert cut[-1].end == window.end
    assert all(a.end == b.start for a, b in pairwise(cut))
    expected = edges_by_walking(step, ZoneInfo(name), window)
    assert [w.start for w in cut[1:]] == expected
    assert [s.start for s in Calendar(step, name).steps(window)][1:] == expected


@given(st.sampled_from(sorted(TURNS)), st.sampled_from(STEPS), st.integers(-60, 60))
@settings(max_examples=30, deadline=None)
def test_a_step_is_the_same_from_wherever_it_is_looked_at(name, step, hour):
    turn = datetime.fromisoformat(TURNS[name]).replace(tzinfo=UTC) + hour * HOUR
    calendar = Calendar(step, name)
    wide = calendar.steps(Window(turn - timedelta(days=40), turn + timedelta(days=40)))
    (one,) = calendar.steps(Window(turn, turn + timedelta(microseconds=1)))
    assert one in wide
    assert calendar.steps(one) == (one,)
