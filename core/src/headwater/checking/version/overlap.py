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
        first_tally, second_tally = data.tallies.get(one), data.tallies.get(two)
        shared = (
            None
            if first_tally is None or second_tally is None
            else _shared_rows(first_tally, second_tally)
        )
        if shared is not None:
            yield one, two, shared


def _shared_rows(tally: Tally, other: Tally) -> tuple[int, int, float] | None:
    """Return rows of a dataset that another holds, rows compared, and the share found by chance.

    By chance: as many rows of the other as have a twin in it, so many others would find one. Both
    were looked at by a share of their digests, the same ones.

    Args:
        tally: The dataset whose rows are looked for.
        other: Where they are looked for.
    """
    share = min(tally.sampled, other.sampled)
    below = f"{min(int(share * 2**32), 2**32 - 1):08x}"
    digests = {d: n for d, n in tally.digests.items() if share >= 1 or d[:8] < below}
    other_digests = {d: n for d, n in other.digests.items() if share >= 1 or d[:8] < below}
    rows, other_rows = sum(digests.values()), sum(other_digests.values())
    if rows < FEW or other_rows < FEW:
        return None
    count = sum(n for d, n in digests.items() if d in other_digests)
    twins = sum(n for n in other_digests.values() if n > 1)
    twins_here = sum(n for n in digests.values() if n > 1)
    return count, rows, max(twins / other_rows, twins_here / rows)
