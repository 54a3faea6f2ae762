"""What a read counts on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headwater.diagnostics import Diagnostic


@dataclass(slots=True)
class ReadStats:
    """What a read counted, in bounded memory. Ids are not counted for duplicates: `check` does.

    Args:
        rows: Rows delivered.
        batches: Record batches delivered.
        null_ids: Rows whose id is NULL.
        actuals: For each actual, how many rows have it (label coverage is this over `rows`).
        conflicts: Rows whose actuals of equal time contradict each other.
        first: Earliest timestamp delivered.
        last: Latest timestamp delivered.
        started_at: When the read began, in UTC.
        finished: Whether the stream was read to its end.
        verdict: Why there are no rows, if there are none.
        notes: Why the rows may not be all, or not what they look like: partitions that are missing,
            columns that files do not have.
    """

    rows: int = 0
    batches: int = 0
    null_ids: int = 0
    actuals: dict[str, int] = field(default_factory=dict)
    conflicts: int = 0
    first: datetime | None = None
    last: datetime | None = None
    started_at: datetime | None = None
    finished: bool = False
    verdict: Diagnostic | None = None
    notes: tuple[Diagnostic, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON-ready dict."""
        return {
            "rows": self.rows,
            "batches": self.batches,
            "null_ids": self.null_ids,
            "actuals": dict(self.actuals),
            "conflicts": self.conflicts,
            "first": self.first and self.first.isoformat(),
            "last": self.last and self.last.isoformat(),
            "finished": self.finished,
            "verdict": self.verdict and self.verdict.to_dict(),
            "notes": [n.to_dict() for n in self.notes],
            "not_counted": ["duplicate ids (see check)"],
        }
