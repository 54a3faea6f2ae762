"""The stage `overlap`: rows of one dataset in another, by their features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headwater.checking.version.findings import Datasets, Finding, percent, warning
from headwater.checking.version.sampling import bounds
from headwater.checking.version.tally import Tally

TESTED: Final = 0.01
"""Share of the test set that training holds, beyond chance, that is a finding."""
SERVED: Final = 0.2
"""Share of the predictions whose rows training holds: some customers come back as they were."""
FEW: Final = 20
ALIKE: Final = 0.5
"""Share of rows with a twin beside them, from which on another dataset's twins say nothing."""


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield datasets that share rows.

    Args:
        data: The datasets.
    """
    for one, two, (count, rows, chance) in _pairs(data):
        least = TESTED if one == "testing" else SERVED
        low = bounds(count, rows)[0]
        if count < FEW or low <= least + chance * 1.2 or chance > ALIKE:
            continue
        if one == "testing":
            yield warning(
                "test-in-training",
                f"{percent(count, rows)} of the test set is in training, by all its features",
                "what is measured on it is too good; leave these rows out of one of the two, by "
                "what identifies them, in the query of testing: WHERE id NOT IN (SELECT id ...)",
            )
        else:
            yield warning(
                "training-in-serving",
                f"{percent(count, rows)} of the predictions are of rows that {two} holds, by all "
                "their features",
                f"is {two} read from the log of production? Then drift can't show; leave out of "
                f"one of the two what is the other's: WHERE ts < ..., in the query of {two}",
            )


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    parts = []
    for one, two, (count, rows, chance) in _pairs(data):
        if chance > ALIKE:
            parts.append(f"features do not tell rows of {one} and {two} apart")
        else:
            by_chance = (
                f" ({percent(round(chance * rows), rows)} by chance)" if chance >= 0.01 else ""
            )
            parts.append(f"{percent(count, rows)} of {one} in {two}{by_chance}")
    return ", ".join(parts) or "too few rows or features to tell rows apart"


def _pairs(data: Datasets) -> Iterator[tuple[str, str, tuple[int, int, float]]]:
    """Yield pairs of datasets, with the rows of the first that the second holds."""
    for one, two in (("testing", "training"), ("serving", "training"), ("serving", "testing")):
        here, there = data.tallies.get(one), data.tallies.get(two)
        shared = None if here is None or there is None else _shared(here, there)
        if shared is not None:
            yield one, two, shared


def _shared(here: Tally, there: Tally) -> tuple[int, int, float] | None:
    """Return rows of a dataset that another holds, rows compared, and the share found by chance.

    By chance: as many rows of the other as have a twin in it, so many others would find one. Both
    were looked at by a share of their digests, the same ones.

    Args:
        here: The dataset whose rows are looked for.
        there: Where they are looked for.
    """
    share = min(here.sampled, there.sampled)
    below = f"{min(int(share * 2**32), 2**32 - 1):08x}"
    mine = {d: n for d, n in here.digests.items() if share >= 1 or d[:8] < below}
    theirs = {d: n for d, n in there.digests.items() if share >= 1 or d[:8] < below}
    rows, others = sum(mine.values()), sum(theirs.values())
    if rows < FEW or others < FEW:
        return None
    count = sum(n for d, n in mine.items() if d in theirs)
    twins = sum(n for n in theirs.values() if n > 1)
    twins_here = sum(n for n in mine.values() if n > 1)
    return count, rows, max(twins / others, twins_here / rows)
