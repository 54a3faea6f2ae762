"""The stage `time`: when predictions were made, as their column says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from headwater.checking.version.findings import Datasets, Finding, in_query, percent, warning
from headwater.checking.version.tally import Tally
from headwater.checking.version.tally_query import NULL_TIME
from headwater.interfaces.schema import Role
from headwater.sql.rewriting import quoted

ROWS: Final = 300
MOVED: Final = 0.05
"""Share of rows at other hours that must be there to be looked at."""
CHANCE: Final = 60.0
"""Chi square of 23 degrees that chance practically never exceeds."""
DOUBT: Final = 120.0
"""Chi square that must be explained."""
EARLIEST: Final = 20 * 8766
"""Hours from 1970 to 1990, before there were models."""


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield times that can't be when predictions were made.

    Args:
        data: The datasets.
    """
    for tally in data.tallies.values():
        yield from _impossible(data, tally)
    serving = data.serving
    if serving is None or not serving.hours:
        return
    yield from _midnight(data, serving)
    reference = data.reference
    if reference is not None and reference.hours:
        yield from _shifted(data, serving, reference)


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    from datetime import UTC, datetime, timedelta

    parts = []
    for tally in data.tallies.values():
        if tally.hours:
            first, last = (
                (
                    datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=h)
                    for h in (min(h for h, _ in tally.hours), max(h for h, _ in tally.hours))
                    if -8766 * 1900 < h < 8766 * 8000
                )
                if all(-8766 * 1900 < h < 8766 * 8000 for h, _ in tally.hours)
                else (None, None)
            )
            if first is not None and last is not None:
                parts.append(f"{tally.purpose}: {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    return "; ".join(parts) or "no dataset has times"


def _impossible(data: Datasets, tally: Tally) -> Iterator[Finding]:
    timestamp = data.columns.get((tally.purpose, Role.TIMESTAMP))
    if timestamp is None:
        return
    column = quoted(timestamp[0])
    if missing := tally.flagged(NULL_TIME):
        yield warning(
            "null-timestamp",
            f"{tally.purpose}: {missing:,} rows have no timestamp",
            f"no window holds them; leave them out: WHERE {column} IS NOT NULL",
            data.filtered(tally.purpose, f"{column} IS NOT NULL"),
        )
    ahead = sum(n for (hour, _), n in tally.hours.items() if hour > data.now + 24)
    if ahead:
        least = data.now + 24
        yield warning(
            "timestamp-range",
            f"{tally.purpose}: {ahead:,} rows are of a time that is yet to come",
            "do they count milliseconds, and were read as seconds? Is a year wrong? Leave them "
            "out: "
            f"WHERE {column} <= current_timestamp()",
            data.filtered(
                tally.purpose, f"{column} IS NULL OR unix_micros({column}) < {least * 3600 * 10**6}"
            ),
        )
    too_early = sum(n for (hour, _), n in tally.hours.items() if hour < EARLIEST)
    if too_early:
        yield warning(
            "timestamp-range",
            f"{tally.purpose}: {too_early:,} rows are of before 1990, when there were no models",
            "was an unknown time written as 0 (1970-01-01), or are seconds read as milliseconds? "
            f"Leave them out: WHERE {column} >= TIMESTAMP '1990-01-01'",
            data.filtered(
                tally.purpose,
                f"{column} IS NULL OR unix_micros({column}) >= {EARLIEST * 3600 * 10**6}",
            ),
        )


def _midnight(data: Datasets, tally: Tally) -> Iterator[Finding]:
    rows = sum(tally.hours.values())
    days = len({hour // 24 for hour, _ in tally.hours})
    others = [t for p, t in data.tallies.items() if p != tally.purpose and t.hours]
    usual = max((t.midnight / sum(t.hours.values()) for t in others), default=None)
    # Where training's rows have a time of day, half of them without one are as strange as all.
    least = 0.98 if usual is None else max(0.2, 10 * usual)
    if rows < 50 or least > 1 or tally.midnight < least * rows or rows < 5 * days:
        return
    column = data.columns[tally.purpose, Role.TIMESTAMP][0]
    yield warning(
        "midnight-times",
        f"{tally.purpose}: {percent(tally.midnight, rows)} of the rows are of exactly midnight: is "
        f"{column} a day, and no time?",
        "hours can't be told apart, and labels of the same day look early; take a column that has "
        "the time of day for timestamp_column",
    )


def _shifted(data: Datasets, tally: Tally, reference: Tally) -> Iterator[Finding]:
    """Yield a finding if predictions have training's hours, shifted."""
    serving_hours, reference_hours = _hours(tally), _hours(reference)
    rows, before = sum(serving_hours), sum(reference_hours)
    if min(rows, before) < ROWS:
        return
    differences = [
        _profile_difference(serving_hours, reference_hours, shift) for shift in range(24)
    ]
    best = min(range(24), key=lambda s: (differences[s], min(s, 24 - s)))
    # Clocks that are put forward move habits by an hour: in UTC, summer is earlier than winter.
    if (
        min(best, 24 - best) < 2
        or _moved_share(serving_hours, reference_hours) < MOVED
        or differences[0] < DOUBT
    ):
        return
    # The shift explains all, or nearly: what is left is chance, and no other shift does as well.
    rivals = [differences[s] for s in range(24) if min((s - best) % 24, (best - s) % 24) > 1]
    if (
        differences[best] > max(CHANCE, 0.1 * differences[0])
        or min(rivals) < differences[best] + CHANCE / 2
    ):
        return
    hours = best if best <= 12 else best - 24
    column = data.columns[tally.purpose, Role.TIMESTAMP][0]
    sign = "-" if hours > 0 else "+"
    sql = f"{quoted(column)} {sign} INTERVAL {abs(hours)} HOURS"
    way = "later" if hours > 0 else "earlier"
    yield warning(
        "shifted-hours",
        f"{tally.purpose}: by the hours of the day, rows are {abs(hours)} hours {way} than "
        f"{reference.purpose}'s: is one of them local time?",
        f"{in_query(tally.purpose, sql, column)}; where clocks are put forward in summer: "
        f"to_utc_timestamp({quoted(column)}, '...') with the zone's name",
        data.mended(tally.purpose, column, sql),
    )


def _hours(tally: Tally) -> list[int]:
    counts = [0] * 24
    for (hour, _), n in tally.hours.items():
        counts[hour % 24] += n
    return counts


def _moved_share(hours: Sequence[int], reference_hours: Sequence[int]) -> float:
    """Return half the distance of two daily profiles: the share of rows at different hours."""
    rows, before = sum(hours), sum(reference_hours)
    return 0.5 * sum(
        abs(a / rows - b / before) for a, b in zip(hours, reference_hours, strict=True)
    )


def _profile_difference(hours: Sequence[int], reference_hours: Sequence[int], shift: int) -> float:
    """Return how surely two daily profiles differ, with the first one moved back by some hours.

    For equal profiles it is about 24 (chi square with 23 degrees of freedom).
    """
    rows, before = sum(hours), sum(reference_hours)
    total = 0.0
    for hour in range(24):
        count, reference_count = hours[(hour + shift) % 24], reference_hours[hour]
        expected = (count + reference_count) / (rows + before)
        if expected:
            error = expected * (1 / rows + 1 / before)
            total += (count / rows - reference_count / before) ** 2 / error
    return total
