"""What a read counts on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headwater.diagnostics import Diagnostic, Severity
from headwater.display import html


@dataclass(slots=True)
class ReadStats:
    """What a read counted, in bounded memory. Ids are not counted for duplicates: `check` does.

    Args:
        rows: Rows delivered.
        batches: Record batches delivered.
        null_ids: Rows whose id is NULL.
        actuals: For each actual, how many rows have it (label coverage is this over `rows`): every
            value is known but NULL.
        conflicts: Rows whose actuals of equal time contradict each other.
        early_actuals: Rows with an actual that is dated before their prediction.
        stale_actuals: Those of them whose actual was not taken, as it is by 36 hours or more.
        untimed_actuals: Rows whose actual was not taken, as nothing says when it was set.
        nan_actuals: Actuals that are NaN, each counted as known.
        first: Earliest timestamp delivered.
        last: Latest timestamp delivered.
        started_at: When the read began, in UTC.
        finished: Whether the stream was read to its end.
        rows_digest: Digest of all that was delivered but the actuals, in no order; None where it
            was not asked for, or the rows were not read to their end.
        labels_digest: Likewise, of the ids with their actuals.
        labelled: Rows of which an actual is known, where digests were asked for.
        verdict: Why there are no rows, if there are none.
        notes: Why the rows may not be all, or not what they look like: partitions that are missing,
            columns that files do not have.
    """

    rows: int = 0
    batches: int = 0
    null_ids: int = 0
    actuals: dict[str, int] = field(default_factory=dict)
    conflicts: int = 0
    early_actuals: int = 0
    stale_actuals: int = 0
    untimed_actuals: int = 0
    nan_actuals: int = 0
    first: datetime | None = None
    last: datetime | None = None
    started_at: datetime | None = None
    finished: bool = False
    rows_digest: str | None = None
    labels_digest: str | None = None
    labelled: int = 0
    verdict: Diagnostic | None = None
    notes: tuple[Diagnostic, ...] = ()

    def of_actuals(self) -> tuple[Diagnostic, ...]:
        """Return warnings about the actuals that were read, other than contradictions."""
        diagnostics = []
        if self.early_actuals:
            by_far = ""
            if self.stale_actuals:
                by_far = f", {self.stale_actuals} of them by 36 hours or more: these were not taken"
            diagnostics.append(
                Diagnostic(
                    "early-actuals",
                    f"{self.early_actuals} rows have an actual that is dated before their "
                    f"prediction{by_far}",
                    Severity.WARNING,
                    hint="is one of the two times local, or its clock wrong, or does the id name "
                    "several predictions? Mend it in the query",
                )
            )
        if self.untimed_actuals:
            diagnostics.append(
                Diagnostic(
                    "untimed-actuals",
                    f"{self.untimed_actuals} rows have an actual of which nothing says when it was "
                    "set: it was not taken",
                    Severity.WARNING,
                    hint="give it a time in the query: coalesce(set_at, written_at) AS set_at",
                )
            )
        if self.nan_actuals:
            diagnostics.append(
                Diagnostic(
                    "nan-actuals",
                    f"{self.nan_actuals} actuals are NaN, and count as known",
                    Severity.WARNING,
                    hint="if NaN stands for unknown, say so in the query: "
                    "CASE WHEN NOT isnan(x) THEN x END AS x",
                )
            )
        return tuple(diagnostics)

    def _content(self) -> dict[str, Any]:
        if self.rows_digest is None:
            return {}
        digests = {"rows": self.rows_digest, "labels": self.labels_digest}
        return {"content": digests, "labelled": self.labelled}

    def _repr_html_(self) -> str:
        facts: list[tuple[str, object]] = [
            ("rows", f"{self.rows:,}" + ("" if self.finished else " so far")),
            ("from", self.first and self.first.isoformat()),
            ("to", self.last and self.last.isoformat()),
            *((name, f"known for {count:,}") for name, count in self.actuals.items()),
            ("without an id", self.null_ids or None),
            ("contradicting actuals", self.conflicts or None),
        ]
        remarks = [*self.notes, *self.of_actuals(), *([self.verdict] if self.verdict else [])]
        return html.card(
            "What was read", html.facts(facts), *(html.block(d.render()) for d in remarks)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON-ready dict."""
        return {
            "rows": self.rows,
            "batches": self.batches,
            "null_ids": self.null_ids,
            "actuals": dict(self.actuals),
            "conflicts": self.conflicts,
            "early_actuals": self.early_actuals,
            "stale_actuals": self.stale_actuals,
            "untimed_actuals": self.untimed_actuals,
            "nan_actuals": self.nan_actuals,
            "first": self.first and self.first.isoformat(),
            "last": self.last and self.last.isoformat(),
            "finished": self.finished,
            **self._content(),
            "verdict": self.verdict and self.verdict.to_dict(),
            "notes": [n.to_dict() for n in self.notes],
            "not_counted": ["duplicate ids (see check)"],
        }
