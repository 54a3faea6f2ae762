"""Feeds that stop, and feeds that only seem to: batches, shifts, and what windows make of them."""

from datetime import timedelta

import pytest
from core.tests.maturity.histories import DAY, FIRST, drawn

from headwater.maturity import feed
from headwater.maturity.counts import Stretch

HEALTHY = ("exponential", "bimodal", "at once", "slow", "shifted", "daily", "weekly 3")
CONTINUOUS = ("exponential", "bimodal", "at once", "slow", "shifted")
HOURS = timedelta(hours=1)


def alarms(kind, runs, back=None, as_of=None):
    """Return how many of the runs of a feed, stopped so many days before its end, raise one."""
    count = 0
    for seed in range(runs):
        history = drawn(kind, seed)
        if back is not None:
            history = history.stopped(history.days - back)
        count += bool(history.maturity(as_of).stopped)
    return count


@pytest.mark.parametrize("kind", HEALTHY)
def test_a_healthy_feed_raises_no_alarm(kind):
    assert alarms(kind, 5) == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*HEALTHY, *(f"weekly {day}" for day in (0, 1, 2, 4, 5, 6))])
def test_none_of_500_healthy_feeds_raises_an_alarm(kind):
    assert alarms(kind, 500) == 0


@pytest.mark.parametrize("kind", CONTINUOUS)
@pytest.mark.parametrize("back", [1, 3, 10])
def test_a_feed_that_stopped_is_found(kind, back):
    assert alarms(kind, 3, back) == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", CONTINUOUS)
def test_each_of_100_stopped_feeds_is_found_within_a_day(kind):
    assert alarms(kind, 100, 1) == 100


def test_a_weekly_feed_is_found_a_day_after_its_batch_was_due():
    # Batches on days 3, 10 ... 52; that of day 59 does not come.
    due = 59.125
    for seed in range(3):
        history = drawn("weekly 3", seed).stopped(58)
        assert history.maturity(due).stopped is None
        assert history.maturity(due + 1).stopped is not None


def test_of_a_stop_it_is_told_since_when_and_what_is_missing():
    whole = drawn("exponential", seed=5)
    maturity = whole.stopped(57).maturity()
    missing = int(((whole.set_at > 57) & (whole.set_at <= 60)).sum())
    assert FIRST + 56.9 * DAY < maturity.stopped.since <= FIRST + 57 * DAY
    assert maturity.stopped.expected == pytest.approx(missing, rel=0.15)
    assert maturity.expected(14) == pytest.approx(whole.share(14), abs=0.015)
    assert len(maturity.below) >= 5
    assert whole.maturity().below == ()


def test_a_feed_that_has_hardly_begun_or_is_not_due_is_not_stopped():
    once = drawn("weekly 3", seed=1, days=10)
    assert once.maturity(9).stopped is None
    over = drawn("exponential", seed=1)
    late = over.maturity(400)  # predictions ended, and so did their labels
    assert late.stopped is None
    assert late.eventual == pytest.approx(over.share(400), abs=0.01)


def test_batches_are_recognised_and_windows_wait_for_them():
    for kind, every in (("daily", 1), ("weekly 3", 7), ("weekly 6", 7)):
        maturity = drawn(kind, seed=2).maturity()
        assert maturity.batches.every == every * DAY
        assert maturity.ripe_after(0.5) % (every * DAY) == timedelta(0)
        covered = [maturity.coverage(w) for w in maturity.windows]
        outside = [c for c in covered if not c.low <= c.known <= c.high]
        assert len(outside) <= 3
        assert maturity.below == ()
        assert "in batches" in str(maturity)
    for kind in CONTINUOUS:
        assert drawn(kind, seed=2).maturity().batches is None


def test_labels_that_come_otherwise_than_before_are_told_and_the_new_curve_holds():
    for seed in range(3):
        maturity = drawn("shifted", seed).maturity()
        assert maturity.shifted.since == FIRST + 30 * DAY
        assert maturity.shifted.errors < -4
        assert maturity.shifted.largest < -0.05
        assert "slower than before" in str(maturity)
        # 5 of the 30 days are of the old kind; what is expected lies near the new one.
        assert maturity.expected(5) < 0.35
        assert maturity.expected(45) is not None
    for kind in HEALTHY:
        if kind != "shifted":
            assert drawn(kind, seed=3).maturity().shifted is None


def test_a_silence_is_measured_against_those_that_ended_in_the_last_30_days():
    def stretches(*days):
        return [Stretch(FIRST + d * DAY, FIRST + d * DAY + HOURS, 9) for d in days]

    early = [*range(10), *range(16, 50)]  # six days of silence, long ago
    assert feed.silent_since(stretches(*early), FIRST + 52 * DAY, 6 * HOURS) is not None
    recent = [*range(30), *range(36, 50)]
    assert feed.silent_since(stretches(*recent), FIRST + 52 * DAY, 6 * HOURS) is None
    assert feed.silent_since(stretches(*recent), FIRST + 57 * DAY, 6 * HOURS) is not None
    assert feed.silent_since([], FIRST, HOURS) is None


def test_labels_dated_by_their_day_are_silent_from_its_end():
    dated = [Stretch(FIRST + d * DAY, FIRST + d * DAY, 40) for d in range(40)]
    last = dated[-1].first
    # In the evening of the next day, whose labels land at night: nothing is missed yet.
    assert feed.silent_since(dated, last + 42 * HOURS, 6 * HOURS) is None
    assert feed.silent_since(dated, last + 52 * HOURS, 6 * HOURS) == (last, DAY)
    nightly = [Stretch(s.first + 3 * HOURS, s.last + 3 * HOURS, 40) for s in dated]
    assert feed.silent_since(nightly, last + (3 + 28) * HOURS, 6 * HOURS) is not None
