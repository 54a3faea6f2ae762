"""The stage `rows` of an examination: reads a sample and reports on its ids, times and actuals."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from headwater.diagnostics import Diagnostic, Severity, errors_in
from headwater.engines import nanoseconds
from headwater.interfaces.report import DUPLICATES, CheckStage, Status
from headwater.interfaces.schema import ID, TIMESTAMP, ModelType
from headwater.partitions.rule_evidence import BROKEN
from headwater.reading.dataset import Dataset, EmptyReadWarning

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.read_stats import ReadStats

SAMPLED = 1_000_000
"""Rows that are looked at, at most: their ids are held to find duplicates."""
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=1)


@dataclass(slots=True)
class _Sample:
    """What the sample held, beside what every read counts."""

    whole: bool = True
    types: dict[str, str] = field(default_factory=dict)
    ids: list[pa.Array[Any]] = field(default_factory=list)
    null_timestamps: int = 0

    def take(self, batch: pa.RecordBatch) -> None:
        self.types = {f.name: str(f.type) for f in batch.schema}
        if ID in batch.schema.names:
            self.ids.append(batch.column(ID))
        if TIMESTAMP in batch.schema.names:
            self.null_timestamps += batch.column(TIMESTAMP).null_count


def rows_stage(
    data: Dataset,
    now: datetime,
    model_type: ModelType,
    *,
    max_duplicates: float | None = DUPLICATES,
) -> CheckStage:
    """Examine the first rows of a read.

    Args:
        data: The read; it is opened here, and left after `SAMPLED` rows.
        now: The present, beyond which no row should be.
        model_type: The model's type. The id of a ranking may be that of a query, which has
            several rows.
        max_duplicates: Share of the rows that may repeat an id; None for any.

    Raises:
        HeadwaterError: As the read fails.
    """
    sample = _Sample()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", EmptyReadWarning)
        batches: Iterator[pa.RecordBatch] = iter(data)
        with closing(batches):  # type: ignore[type-var]  # Dataset's is a generator
            for batch in batches:
                sample.take(batch)
                if data.stats.rows >= SAMPLED:
                    sample.whole = False
                    break
    return _stage(data.stats, sample, now, model_type, max_duplicates)


def _stage(
    stats: ReadStats,
    sample: _Sample,
    now: datetime,
    model_type: ModelType,
    max_duplicates: float | None,
) -> CheckStage:
    duplicates = _duplicates(sample.ids)
    coverage = {n: k / stats.rows for n, k in stats.actuals.items()} if stats.rows else {}
    diagnostics = [] if stats.verdict is None else [stats.verdict]
    ranking = model_type is ModelType.RANKING
    diagnostics += [n for n in stats.notes if n.code in (BROKEN, nanoseconds.CODE)]
    diagnostics += _id_findings(stats, duplicates, max_duplicates, ranking=ranking)
    diagnostics += stats.of_actuals()
    diagnostics += _time_findings(stats, sample.null_timestamps, now)
    summary = f"{stats.rows} rows" if sample.whole else f"the first {stats.rows} rows"
    repeated = "rows of an id before" if ranking else "duplicate ids"
    summary += f", {duplicates} {repeated}, {stats.null_ids} NULL ids"
    if stats.first is not None and stats.last is not None:
        summary += f", {stats.first:%Y-%m-%d %H:%M} to {stats.last:%Y-%m-%d %H:%M}"
    if any(d.code == nanoseconds.CODE and d.severity is Severity.INFO for d in diagnostics):
        summary += ", nanoseconds that are whole microseconds"
    if coverage:
        summary += ", " + ", ".join(f"{n} known for {c:.1%}" for n, c in coverage.items())
    status = (
        Status.FAILED
        if errors_in(diagnostics)
        else Status.WARNING
        if any(d.severity is not Severity.INFO for d in diagnostics)
        else Status.OK
    )
    details = {
        **stats.to_dict(),
        "duplicate_ids": duplicates,
        "null_timestamps": sample.null_timestamps,
        "coverage": coverage,
        "types": sample.types,
    }
    details.pop("not_counted")
    return CheckStage("rows", status, summary, tuple(diagnostics), details)


def _id_findings(
    stats: ReadStats, duplicates: int, allowed: float | None, *, ranking: bool
) -> Iterator[Diagnostic]:
    if stats.null_ids:
        yield _warning(
            "null-id",
            f"{stats.null_ids} rows have no id",
            "their actuals can't be joined; filter them: WHERE id IS NOT NULL",
        )
    if duplicates and not ranking:
        many = allowed is not None and duplicates > allowed * stats.rows
        share = f" ({duplicates / stats.rows:.1%} of them)" if stats.rows else ""
        yield Diagnostic(
            "duplicate-id",
            f"{duplicates} rows repeat an id that another row has{share}",
            Severity.ERROR if many else Severity.WARNING,
            hint="keep one of each: row_number() OVER (PARTITION BY id ORDER BY time DESC) = 1"
            + ("; or is it the id of something else, a request or a customer?" if many else ""),
        )
    if stats.conflicts:
        yield _warning(
            "conflicting-actuals",
            f"{stats.conflicts} rows have actuals of equal time that contradict each other",
            "the greatest value was taken; "
            + (
                "if the id is that of a query, join by one for each of its items: "
                "concat(query_id, '/', item_id) AS id, in both queries"
                if ranking
                else "mend the table of actuals"
            ),
        )


def _time_findings(stats: ReadStats, missing: int, now: datetime) -> Iterator[Diagnostic]:
    if missing:
        yield _warning(
            "null-timestamp",
            f"{missing} rows have no timestamp",
            "no window holds them: filter them, or give them a time: coalesce(time, written_at)",
        )
    if stats.last is not None and stats.last > now + _AHEAD:
        yield _warning(
            "timestamp-range",
            f"the last row is of {stats.last:%Y-%m-%d %H:%M}, which is yet to come",
            "most likely first: it counts milliseconds and was read as seconds (divide it by "
            "1000); it is local time and was read as UTC; the data is wrong",
        )
    if stats.first is not None and stats.first < _EARLIEST:
        yield _warning(
            "timestamp-range",
            f"the first row is of {stats.first:%Y-%m-%d %H:%M}, before there were models",
            "most likely first: an unknown time was written as 0 (1970-01-01); it counts seconds "
            "and was read as milliseconds or microseconds; the data is wrong",
        )


def _warning(code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, message, Severity.WARNING, hint=hint)


def _duplicates(ids: list[pa.Array[Any]]) -> int:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not ids:
        return 0
    present = pc.drop_null(pa.chunked_array(ids))
    return len(present) - int(pc.count_distinct(present).as_py())
