"""The stage `order`: labels that are dated before their prediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from headwater.checking.version.findings import Datasets, Finding, in_query, percent, warning
from headwater.checking.version.sampling import at_least
from headwater.interfaces.schema import Role
from headwater.sql.rewriting import quoted

QUARTERS: Final = 4
_DAY: Final = 24 * QUARTERS
EARLY: Final = 0.0005
"""Share of early labels that is a finding."""
MANY: Final = 0.01
"""Share of early labels from which on their gaps are looked at: a zone moves many."""
ZONES: Final = 14
"""Hours that a local time is away from UTC, at most."""
_BEHIND: Final = {
    3: "America/Sao_Paulo",
    4: "America/New_York in summer",
    5: "America/New_York in winter",
    6: "America/Chicago in winter",
    7: "America/Denver in winter",
    8: "America/Los_Angeles in winter",
}
"""Zones whose clocks are so many hours behind UTC's."""


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield whether labels are dated before their predictions.

    Args:
        data: The datasets.
    """
    for tally in data.tallies.values():
        rows = sum(tally.gaps.values())
        early: dict[int, int] = {}
        for (gap, dated), n in tally.gaps.items():
            if gap < 0 and (not dated or gap < -_DAY):  # midnight stands for its whole day
                early[gap] = early.get(gap, 0) + n
        count = sum(early.values())
        if count < 3 or not at_least(count, rows, EARLY):
            continue
        owner = "actuals" if tally.has_actuals else tally.purpose
        role = Role.TIMESTAMP if tally.has_actuals else Role.ACTUAL
        column = data.columns[owner, role][0]
        most = -min(early) / QUARTERS
        text = (
            f"{tally.purpose}: {count:,} of {rows:,} labels ({percent(count, rows)}) are dated "
            "before their prediction"
        )
        hours = _zone(early, count) if at_least(count, rows, MANY) else None
        if hours is None:
            made_at = data.columns[tally.purpose, Role.TIMESTAMP][0]
            yield warning(
                "early-actuals",
                f"{text}, by up to {most:g} hours",
                "is one of the two times local, or its clock wrong, or does the id name several "
                f"predictions? {quoted(column)} is when a label was set, {quoted(made_at)} when "
                "its prediction was made: mend the one that is wrong in its query",
            )
            continue
        zone_note = f", as that of {_BEHIND[hours]} is" if hours in _BEHIND else ""
        later = f"{quoted(column)} + INTERVAL {hours} HOURS"
        yield warning(
            "label-time-zone",
            f"{text}, by up to {hours} hours and no more: is {column} of a clock that is {hours} "
            f"hours behind UTC{zone_note}, or the time of the predictions ahead of it?",
            f"{in_query(owner, later, column)}; where clocks are put forward in summer: "
            f"to_utc_timestamp({quoted(column)}, '...') with the zone's name",
            data.mended(owner, column, later),
        )


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    rows = sum(sum(t.gaps.values()) for t in data.tallies.values())
    return f"{rows:,} labels have a time" if rows else "no label has a time"


def _zone(early: Mapping[int, int], count: int) -> int | None:
    """Return by how many whole hours labels are early, if a slow clock explains it.

    A shift has an edge: no label is early by more, and nearly as many by the last hour as by any.
    """
    rows, edge = 0, 0
    for gap in sorted(early):
        rows, edge = rows + early[gap], gap
        if rows > 0.005 * count:
            break
    hours = -(edge // QUARTERS)
    if not 1 <= hours <= ZONES:
        return None
    last = sum(n for gap, n in early.items() if edge <= gap < edge + QUARTERS)
    return hours if last >= 0.5 * count / hours else None
