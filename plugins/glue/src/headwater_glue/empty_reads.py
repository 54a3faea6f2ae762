"""Why did a table give no files? A verdict from facts. Pure: `evidence` gathers the facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headwater.diagnostics import Diagnostic, Severity
from headwater.tables.table import TableName
from headwater.tables.window import Window

Values = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Landed:
    """Files that lie where a partition would, and are not registered as one."""

    values: Values
    location: str
    files: int


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about a table that gave no files.

    Args:
        table: The table.
        keys: Its partition keys; empty for an unpartitioned table.
        window: The rows that were wanted; None for all.
        location: Where its files lie.
        projected: For a table whose partitions are computed, the first and last value of each key
            that has bounds.
        chosen: Locations of the partitions that were to be read.
        partitions: How many there are; None where it was not asked.
        expected: Key values of the partitions in which the window's rows would lie; empty where
            no rule tells.
        landed: Files that lie where such a partition would.
        first: Beginning of the oldest partition, by the rule.
        last: Beginning of the newest, by the rule.
        newest: Key values of the newest.
        filtered_by: How partitions were chosen, for a person.
        lake_formation: Whether Lake Formation governs the table.
        files_under_location: Whether any file lies under the table's location at all.
    """

    table: TableName
    keys: tuple[str, ...] = ()
    window: Window | None = None
    location: str = ""
    projected: Mapping[str, tuple[str, str]] | None = None
    chosen: Sequence[str] = ()
    partitions: int | None = None
    expected: Sequence[Values] = ()
    landed: Sequence[Landed] = field(default_factory=tuple)
    first: datetime | None = None
    last: datetime | None = None
    newest: Values | None = None
    filtered_by: str | None = None
    lake_formation: bool = False
    files_under_location: bool | None = None


def verdict(facts: Facts) -> Diagnostic:
    """Return why a table gave no files, and what to do about it."""
    if not facts.keys:
        return _nothing_there(facts)
    if facts.chosen:
        return _files_gone(facts)
    if facts.projected is not None:
        return _off_range(facts)
    if facts.landed:
        return _unregistered(facts)
    if facts.partitions == 0:
        return _no_partitions(facts)
    if facts.window is None or not facts.expected:
        return _filtered(facts)
    return _window_outside_partitions(facts)


def _nothing_there(facts: Facts) -> Diagnostic:
    return _warning(
        "not-landed",
        f"{facts.table}: no file lies at {facts.location}",
        "did the data land elsewhere, or was it deleted? hidden and empty files do not count",
    )


def _files_gone(facts: Facts) -> Diagnostic:
    if facts.projected is not None:
        return _warning(
            "not-landed",
            f"{facts.table}: no file lies where its projection puts {_window(facts)}, "
            f"e.g. {facts.chosen[0]}",
            "either the data has not landed, or the projection's location or format is not that "
            "of the files",
        )
    return _warning(
        "files-gone",
        f"{facts.table}: the partitions of {_window(facts)} are registered, and no file lies in "
        f"them, e.g. {facts.chosen[0]}",
        "were they registered before the data landed, or was the data deleted or moved?",
    )


def _off_range(facts: Facts) -> Diagnostic:
    bounds = ", ".join(f"{k} from {a} to {b}" for k, (a, b) in (facts.projected or {}).items())
    period = (
        f"; {_window(facts)} needs {_partition_text(facts, facts.expected[0])}"
        if facts.expected
        else ""
    )
    return _warning(
        "projection-off-range",
        f"{facts.table}: its partition projection has no partition for {_window(facts)}: it "
        f"projects {bounds or 'other values'}{period}",
        "widen projection.<key>.range (or .values) in the table's properties, or choose another "
        "window",
    )


def _unregistered(facts: Facts) -> Diagnostic:
    one = facts.landed[0]
    spec = ", ".join(f"{k}='{v}'" for k, v in zip(facts.keys, one.values, strict=True))
    others = f", and {len(facts.landed) - 1} more like it" if len(facts.landed) > 1 else ""
    return _warning(
        "partition-unregistered",
        f"{facts.table}: the data of {_window(facts)} has landed and is not registered: "
        f"{one.files} files lie at {one.location}{others}",
        f"ALTER TABLE {facts.table} ADD PARTITION ({spec}) LOCATION '{one.location}', run MSCK "
        "REPAIR TABLE or the crawler, or have the writing job do it",
    )


def _no_partitions(facts: Facts) -> Diagnostic:
    if facts.lake_formation:
        return _warning(
            "lake-formation-filtered",
            f"{facts.table}: Glue shows none of its partitions to this identity, and Lake "
            "Formation governs the table",
            "Lake Formation hides what it does not grant, without an error: grant SELECT on the "
            "table to this identity there",
        )
    if facts.files_under_location:
        return _warning(
            "partition-unregistered",
            f"{facts.table}: files lie under {facts.location}, and no partition is registered",
            "run MSCK REPAIR TABLE or the crawler; or declare partition projection",
        )
    return _warning(
        "not-landed",
        f"{facts.table}: it has no partition, and no file lies under {facts.location}",
        "no data has landed yet; or the catalog is not the one that the writing job uses",
    )


def _filtered(facts: Facts) -> Diagnostic:
    chosen = f" ({facts.filtered_by})" if facts.filtered_by else ""
    hint = "look at the query's own WHERE: it keeps none"
    if "(in the query)" not in (facts.filtered_by or ""):
        hint = "is the declared time partition right? `headwater check` compares it with the files"
    return _warning(
        "partitions-filtered",
        f"{facts.table}: none of its {facts.partitions} partitions meets the conditions{chosen}; "
        f"the newest is {_partition_text(facts, facts.newest or ())}",
        hint,
    )


def _window_outside_partitions(facts: Facts) -> Diagnostic:
    window, first, last = facts.window, facts.first, facts.last
    if window is None or first is None or last is None:
        return _filtered(facts)
    newest = _partition_text(facts, facts.newest or ())
    if window.start > last:
        return _warning(
            "not-landed",
            f"{facts.table}: the data of {_window(facts)} has not landed: the newest of its "
            f"{facts.partitions} partitions is {newest}",
            f"wait for it, or read the newest window: {_nearest(last, window)}",
        )
    if window.end <= first:
        return _warning(
            "window-outside-data",
            f"{facts.table}: {_window(facts)} is before its oldest partition, which begins "
            f"{first:%Y-%m-%d %H:%M}",
            f"the nearest window that has data: {_nearest(first, window)}",
        )
    return _warning(
        "not-landed",
        f"{facts.table}: {_partition_text(facts, facts.expected[0])} is not registered and no "
        f"file lies where it should; there are partitions before and after {_window(facts)}",
        "a gap: did a day's job fail? or do the files lie under another path?",
    )


def _nearest(moment: datetime, window: Window) -> str:
    begin = Window(moment, moment + window.duration)
    return str(begin)


def _window(facts: Facts) -> str:
    return f"the window {facts.window}" if facts.window else "the query"


def _partition_text(facts: Facts, values: Values) -> str:
    pairs = zip(facts.keys, values, strict=False)
    return "/".join(f"{k}={'NULL' if v is None else v}" for k, v in pairs) or "unknown"


def _warning(code: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic(code, message, Severity.WARNING, hint=hint)
