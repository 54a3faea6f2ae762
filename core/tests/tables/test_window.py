from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from headwater.errors import ConfigError
from headwater.tables.window import Window


@pytest.mark.parametrize(
    "start",
    ["2026-01-01", date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T02:00:00+02:00"],
)
def test_bounds_are_utc_however_they_are_given(start):
    window = Window.of(start, "2026-01-02")
    assert window.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert window.duration == timedelta(days=1)
    assert str(window) == "[2026-01-01, 2026-01-02)"


def test_the_end_is_outside():
    window = Window.of("2026-01-01", "2026-01-02")
    assert datetime(2026, 1, 1, tzinfo=UTC) in window
    assert datetime(2026, 1, 2, tzinfo=UTC) not in window
    assert datetime(2026, 1, 2, 1, tzinfo=timezone(timedelta(hours=2))) in window


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2026-01-02", "2026-01-02", "is empty"),
        ("2026-01-03", "2026-01-02", "is empty"),
        ("yesterday", "2026-01-02", "'yesterday' is not a time"),
    ],
)
def test_a_wrong_window_says_so(start, end, says):
    with pytest.raises(ConfigError, match="hint") as caught:
        Window.of(start, end)
    assert says in str(caught.value)


def test_bounds_are_kept_in_utc():
    zone = timezone(timedelta(hours=2))
    window = Window(datetime(2026, 1, 1, 2, tzinfo=zone), datetime(2026, 1, 3, tzinfo=zone))
    assert (window.start.tzinfo, window.end.tzinfo) == (UTC, UTC)
    assert str(window) == "[2026-01-01, 2026-01-02T22:00:00+00:00)"
