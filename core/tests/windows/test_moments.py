"""Moments as people say them, on the clock of a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from headwater.errors import ConfigError
from headwater.tables.window import Window
from headwater.windows.moments import asked_for, day, from_then, instant, until_now

# The clock goes back in Berlin at 01:00 on 2026-10-25.
NOW = datetime(2026, 10, 26, 9, 30, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("now", "UTC", "2026-10-26T09:30"),
        ("today", "UTC", "2026-10-26"),
        ("Yesterday", "UTC", "2026-10-25"),
        ("tomorrow", "UTC", "2026-10-27"),
        ("today", BERLIN, "2026-10-25T23:00"),
        ("yesterday", BERLIN, "2026-10-24T22:00"),
        ("yesterday", "Pacific/Kiritimati", "2026-10-24T10:00"),
        ("6 hours ago", BERLIN, "2026-10-26T03:30"),
        ("36h ago", BERLIN, "2026-10-24T21:30"),
        ("2 days ago", BERLIN, "2026-10-24T08:30"),  # 49 hours: its clock shows 10:30
        ("1 week ago", "UTC", "2026-10-19T09:30"),
        ("1 month ago", "UTC", "2026-09-26T09:30"),
        ("8 months ago", "UTC", "2026-02-26T09:30"),
        ("2026-10-01", "UTC", "2026-10-01"),
        ("2026-10-01", BERLIN, "2026-09-30T22:00"),
        ("2026-10-25T02:30", BERLIN, "2026-10-25T00:30"),  # the first of two
        ("2026-03-29T02:30", BERLIN, "2026-03-29T01:00"),  # never shown: what follows
        ("2026-10-01T12:00Z", BERLIN, "2026-10-01T12:00"),
        ("2026-10-01T12:00-05:00", BERLIN, "2026-10-01T17:00"),
        (date(2026, 10, 1), BERLIN, "2026-09-30T22:00"),
        (datetime(2026, 10, 1, 12), BERLIN, "2026-10-01T10:00"),  # noqa: DTZ001
        (datetime(2026, 10, 1, 12, tzinfo=UTC), BERLIN, "2026-10-01T12:00"),
    ],
)
def test_a_moment_is_read_on_the_clock_of_a_zone(text, zone, expected):
    assert instant(text, zone, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_the_last_of_a_longer_month_is_the_last_of_a_shorter_one():
    march = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert instant("1 month ago", "UTC", march) == datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert instant("13mo ago", "UTC", march) == datetime(2025, 2, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "soon", "7d", "ago", "x days ago", "-1 day ago", "99999 months ago", "2026-13-01"]
)
def test_what_is_no_moment_is_refused_with_what_is(text):
    with pytest.raises(ConfigError) as caught:
        instant(text, "UTC", NOW)
    assert caught.value.hint


def test_a_word_for_a_day_is_the_whole_day():
    berlin = Window.of("2026-10-24T22:00", "2026-10-25T23:00")
    assert day("yesterday", BERLIN, NOW) == berlin
    assert berlin.duration == timedelta(hours=25)
    assert day("now", BERLIN, NOW) is None


def test_the_last_days_are_counted_on_the_clock_and_hours_are_hours():
    assert until_now("2d", BERLIN, NOW).duration == timedelta(hours=49)
    assert until_now("48h", BERLIN, NOW).duration == timedelta(hours=48)
    assert until_now("2 days", "UTC", NOW).duration == timedelta(hours=48)
    assert until_now("1mo", "UTC", NOW).start == datetime(2026, 9, 26, 9, 30, tzinfo=UTC)
    assert until_now(timedelta(hours=1), "UTC", NOW).end == NOW


@pytest.mark.parametrize("text", ["0d", "0 hours", "soon", "", "7", "99999d x"])
def test_what_is_no_length_of_time_is_refused(text):
    with pytest.raises(ConfigError):
        until_now(text, "UTC", NOW)


def test_since_takes_a_moment_or_how_long_ago_it_was():
    assert from_then("yesterday", BERLIN, NOW).start == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert from_then("2d", BERLIN, NOW) == until_now("2d", BERLIN, NOW)
    assert from_then("2026-10-01", "UTC", NOW).end == NOW
    with pytest.raises(ConfigError, match="is empty"):
        from_then("tomorrow", "UTC", NOW)


def test_a_window_is_asked_for_in_one_way():
    assert asked_for(None, None) is None
    window = asked_for("yesterday", "today", BERLIN)
    assert window == asked_for("yesterday", None, BERLIN)
    asked: tuple[tuple[str | None, str | None, dict[str, Any]], ...] = (
        ("2026-01-01", None, {}),
        (None, "2026-01-01", {}),
        ("now", None, {}),
        ("2026-01-01", "2026-01-02", {"last": "7d"}),
        (None, None, {"last": "7d", "since": "yesterday"}),
        ("2026-01-01", None, {"since": "yesterday"}),
    )
    for start, end, more in asked:
        with pytest.raises(ConfigError):
            asked_for(start, end, **more)
