"""A model over ten months: one of them collapses, the last ones are not ripe."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from plugins.monitor.tests.made_profiles import BOOLEAN, NUMERIC, STRING, edges_of, profile_of
from plugins.monitor.tests.made_profiles import quantiles as quantiles_of

from headwater.interfaces.schema import Role
from headwater.profiling.edges import Edges, FieldEdges
from headwater.profiling.profile import Profile
from headwater.tables.window import Window
from headwater_monitor import Report, report

COLLAPSE = 6
MONTHS = 10
ODD = "<b>owner</b>&$x$"


def month(number: int) -> Window:
    start = datetime(2021, number, 1, tzinfo=UTC)
    return Window(start, datetime(2021, number + 1, 1, tzinfo=UTC))


def rows(seed: int, count: int, shift: float, accuracy: float, known: float) -> tuple[Any, Any]:
    """Columns of so many rows, and their actuals."""
    chance = random.Random(seed)
    proba = [chance.random() for _ in range(count)]
    buy = [p >= 0.5 for p in proba]
    actual = [
        (b if chance.random() < accuracy else not b) if chance.random() < known else None
        for b in buy
    ]
    columns = {
        "income": [chance.gauss(3 + shift, 1) for _ in range(count)],
        "latitude": [chance.gauss(37 + 2 * shift, 2) for _ in range(count)],
        ODD: [chance.choice(["ann", "bob", "</script>"]) for _ in range(count)],
        "buy": buy,
        "proba": proba,
    }
    return columns, {"buy": actual}


def months(**options: Any) -> Report:
    """The report of all months against training."""
    profile, reference = profiles()
    return report(profile, reference, **options)


def profiles() -> tuple[Profile, Profile]:
    """The profile of all months, and of training."""
    columns, actual = rows(0, 4000, 0.0, 0.86, 1.0)
    edges = edges_of(
        "binary",
        {
            "income": columns["income"],
            "latitude": columns["latitude"],
            ODD: FieldEdges(STRING, Role.FEATURE, vocabulary=("ann", "bob", "</script>")),
        },
        {
            "buy": FieldEdges(BOOLEAN, Role.PREDICTION),
            "proba": FieldEdges(NUMERIC, Role.PREDICTION, quantiles_of(columns["proba"])),
        },
    )
    reference = profile_of(edges, columns, actual, connection="housing/v1/training")
    parts = [serving(edges, number) for number in range(1, MONTHS + 1)]
    return sum(parts, start=Profile.empty(edges)), reference


def serving(edges: Edges, number: int, known: float | None = None) -> Profile:
    bad = number == COLLAPSE
    columns, actual = rows(
        number,
        700 if number < MONTHS else 120,
        1.5 if bad else 0.05,
        0.3 if bad else 0.85,
        known if known is not None else (1.0 if number < MONTHS - 1 else 0.38),
    )
    return profile_of(edges, columns, actual, window=month(number), connection="housing/v1/serving")
