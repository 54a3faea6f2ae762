"""What an ML engineer wants to see every month: rows, label coverage, accuracy, drift."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headwater.interfaces.schema import Role
from headwater.reading.conversion import role_of

if TYPE_CHECKING:
    import pyarrow as pa

BINS = 10


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a model in production.

    Args:
        start: First moment of the month.
        rows: Predictions made in it.
        coverage: Share of them whose actual is known.
        accuracy: Share of those that were right; None where no actual is known.
        drift: Feature to how far its distribution moved from training (population stability
            index: under 0.1 is calm, over 0.25 has moved).
    """

    start: datetime
    rows: int
    coverage: float
    accuracy: float | None
    drift: dict[str, float]


def months(first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the months from `first` up to `last`, as half-open windows."""
    start = first
    while start < last:
        year, month = divmod(start.year * 12 + start.month, 12)
        end = datetime(year, month + 1, 1, tzinfo=UTC)
        yield start, end
        start = end


def summary(start: datetime, rows: pa.Table, training: pa.Table, prediction: str) -> Month:
    """Return the figures of one month.

    Args:
        start: First moment of the month.
        rows: Its predictions, as headwater reads them: features, predictions, actuals.
        training: The training set, as headwater reads it.
        prediction: Name of the prediction whose actual is known.
    """
    import pyarrow.compute as pc

    features = [f.name for f in rows.schema if role_of(f) is Role.FEATURE]
    actual = rows[f"actual_{prediction}"]
    labelled = rows.num_rows - actual.null_count
    right = pc.equal(rows[prediction], actual).to_pylist().count(True)
    return Month(
        start,
        rows.num_rows,
        labelled / rows.num_rows if rows.num_rows else 0.0,
        right / labelled if labelled else None,
        {name: stability(training[name], rows[name]) for name in features},
    )


def stability(expected: Any, current: Any) -> float:
    """Return the population stability index of two samples, over the deciles of the first."""
    import pyarrow.compute as pc

    shares: Any = [i / BINS for i in range(1, BINS)]
    edges = pc.quantile(expected, shares).to_pylist()
    before, after = _shares(expected.to_pylist(), edges), _shares(current.to_pylist(), edges)
    return sum((a - b) * math.log(a / b) for a, b in zip(after, before, strict=True))


def _shares(values: Sequence[float | None], edges: Sequence[Any]) -> list[float]:
    counts = [0] * BINS
    present = [v for v in values if v is not None]
    for value in present:
        counts[bisect.bisect_right(edges, value)] += 1
    # An empty bin counts as half a row: the index is not defined for none.
    return [max(c, 0.5) / max(len(present), 1) for c in counts]
