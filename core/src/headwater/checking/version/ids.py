"""The stage `ids`: NULLs, and ids that several rows have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headwater.checking.version.findings import (
    Datasets,
    Finding,
    Mend,
    failure,
    is_ranking,
    warning,
)
from headwater.checking.version.tally import Tally
from headwater.checking.version.tally_query import CONFLICTS, NULL_ID
from headwater.interfaces.schema import Role
from headwater.sql.rewriting import quoted

MULTIPLIED = 0.001
"""Share of labelled rows from which on repeated ids are a failure: they weigh in every number."""
_JOINED = re.compile(r"\bjoin\s+([\w.`]+)", re.IGNORECASE)


def examine(data: Datasets) -> Iterator[Finding]:
    """Yield what is wrong with ids, and datasets that have none.

    Args:
        data: The datasets.
    """
    for tally in data.tallies.values():
        yield from _findings_of(data, tally)


def summary(data: Datasets) -> str:
    """Return the figures in a line."""
    parts = [
        f"{t.purpose}: {t.ids.ids:,} ids of {t.rows:,} rows"
        for t in data.tallies.values()
        if t.ids is not None
    ]
    return "; ".join(parts) or "no dataset has ids"


def _findings_of(data: Datasets, tally: Tally) -> Iterator[Finding]:
    purpose = tally.purpose
    if not tally.rows:
        yield warning(
            "no-rows",
            f"{purpose}: there are no rows{' in this window' if tally.windowed else ''}",
            "nothing can be said of it; check the connection alone, which says why",
        )
    column = data.columns.get((purpose, Role.ID), ("id", None))[0]
    if nulls := tally.flagged(NULL_ID):
        yield warning(
            "null-id",
            f"{purpose}: {nulls:,} rows have no id",
            f"their actuals can't be joined; leave them out: WHERE {quoted(column)} IS NOT NULL",
            data.filtered(purpose, f"{quoted(column)} IS NOT NULL"),
        )
    if conflicts := tally.flagged(CONFLICTS):
        yield _conflicting(data, conflicts)
    ids = tally.ids
    if ids is None or not ids.repeated or is_ranking(tally):
        return
    extra = ids.rows - ids.repeated
    moment = data.columns.get((purpose, Role.TIMESTAMP), (column, None))[0]
    mend = _first_row_of_each(
        data, purpose, column, f"{quoted(moment)} DESC", f" OR {quoted(column)} IS NULL"
    )
    hint = f"keep one of each: row_number() OVER (PARTITION BY {quoted(column)} ...) = 1"
    if tables := _JOINED.findall(data.queries.get(purpose, "")):
        hint = (
            f"does your JOIN with {' or '.join(dict.fromkeys(tables))} have several rows for one? "
            f"Join one of each; or {hint}"
        )
    multiplied = ids.labelled_rows - ids.labelled
    text = f"{purpose}: {ids.repeated:,} of {ids.ids:,} ids repeat, in {extra:,} rows more"
    if purpose == "serving" and multiplied >= max(1, MULTIPLIED * tally.labelled):
        yield failure(
            "multiplied-labels",
            f"{text}: {multiplied:,} labels count more than once",
            hint,
            mend,
        )
    elif purpose == "serving" or extra >= 0.01 * tally.rows:
        yield warning("duplicate-id", text, hint, mend)


def _conflicting(data: Datasets, conflicts: int) -> Finding:
    """Report actuals that contradict each other; reads take the greatest."""
    column = data.columns.get(("actuals", Role.ID), ("id", None))[0]
    labels = ", ".join(quoted(c) for _, c, _ in data.label_columns.values())
    return warning(
        "conflicting-actuals",
        f"serving: {conflicts:,} rows have actuals of equal time that contradict each other",
        "the greatest value is taken; keep the right one in the actuals' query, by whatever tells "
        f"it: row_number() OVER (PARTITION BY {quoted(column)} ORDER BY ...) = 1",
        _first_row_of_each(data, "actuals", column, labels),
    )


def _first_row_of_each(
    data: Datasets, purpose: str, column: str, order: str, others: str = ""
) -> Mend | None:
    """Return a connection's query with the first row of each id, and `others`."""
    return data.rewritten(
        purpose,
        "SELECT * EXCEPT (rank_of_id) FROM (SELECT q.*, row_number() OVER (PARTITION BY "
        f"{quoted(column)} ORDER BY {order}) AS rank_of_id",
        f") AS r WHERE r.rank_of_id = 1{others}",
    )
