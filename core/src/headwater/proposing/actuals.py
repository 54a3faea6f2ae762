"""Proposing a table of actuals: which columns hold the actuals of which predictions. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from headwater.proposing import names
from headwater.proposing.columns import Actual, Roles, field_type, matched, select
from headwater.proposing.sample import Sample
from headwater.sql.rewriting import quoted
from headwater.tables.table import Column, Table
from headwater.types import FieldType, datetime_cast, feeds

_FEW: Final = 4
"""Columns beside id, time and actuals that a table of actuals may have."""
_LIKELY: Final = re.compile(
    "label|actual|outcome|truth|target|feedback|result|conversion|decision", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class JoinedTable:
    """A table whose rows hold the actuals of another table's predictions.

    Args:
        table: The table.
        source: What stands under `source`, `type` included; names the table without a query.
        id: Its column that holds the prediction's id.
        timestamp: The column that says when an actual was set, or None.
        actuals: Its actuals, each with its prediction.
        remarks: What a reader should know of it.
    """

    table: Table
    source: Mapping[str, Any]
    id: Column
    timestamp: Column | None
    actuals: tuple[Actual, ...]
    remarks: tuple[str, ...]

    def query(self) -> str | None:
        """Return the query that renames and casts its columns; None if the table itself will do."""
        changed = {a.column.name: a.sql for a in self.actuals if a.sql is not None}
        time = self.timestamp
        if time is not None and feeds(time.type, FieldType.DATETIME) is not None:
            cast = datetime_cast(time.type).partition(" if ")[0]
            changed[time.name] = cast.format(column=quoted(time.name))
        return select(self.table, changed)


def is_of_actuals(roles: Roles) -> bool:
    """Return whether a table seems to hold actuals and no predictions."""
    return not roles.predictions and bool(roles.labels) and len(roles.features) <= _FEW


def likeness(name: str) -> bool:
    """Return whether a table's name is one that tables of actuals usually have."""
    return _LIKELY.search(name) is not None


def joined(
    serving: Roles,
    own: tuple[Table, Sample],
    candidate: Roles,
    theirs: tuple[Table, Sample],
    source: Mapping[str, Any],
    remarks: tuple[str, ...],
    *,
    named: bool,
) -> JoinedTable | None:
    """Return how to join a table's actuals with a serving table; None if it seems to have none.

    Args:
        serving: What the serving table's columns seem to be.
        own: The serving table and a sample of its rows.
        candidate: What the other table's columns seem to be.
        theirs: The other table and a sample of its rows.
        source: Where the other one lies.
        remarks: What a reader should know of it.
        named: Whether somebody said that it belongs to the serving table.
    """
    if candidate.predictions or serving.id is None or not serving.predictions:
        return None
    table, sample = theirs
    id_column = next((c for c in own[0].columns if c.name == serving.id), None)
    column = (
        None if id_column is None else _id(id_column, table, candidate, own[1], sample, named=named)
    )
    if column is None:
        return None
    labels = [a.column for a in candidate.labels]
    actuals = _fitting(labels, serving, sample)
    if not actuals:
        rest = [
            c for c in table.columns if c != column and field_type(c.type) is not FieldType.DATETIME
        ]
        if len(rest) <= _FEW:
            actuals = _fitting(rest, serving, sample, only=not named)
        if not named and column.type.is_integer:
            # Any table counts its rows: that the numbers are the same says little.
            actuals = [a for a in actuals if names.alike(a.column.name, a.prediction or "")]
    if not actuals:
        return None
    times = [*candidate.label_times, *filter(None, [candidate.timestamp]), *candidate.other_times]
    time = next((c for c in times if c not in [a.column for a in actuals]), None)
    return JoinedTable(table, source, column, time, tuple(actuals), remarks)


def _fitting(
    columns: Iterable[Column], serving: Roles, sample: Sample, *, only: bool = False
) -> list[Actual]:
    """Return an actual for each prediction that has one; `only`: if a single column can be it."""
    actuals = [a for a in matched(list(columns), serving.predictions, sample) if a.prediction]
    if only and len(actuals) > 1:
        return []
    chosen: dict[str, Actual] = {}
    for actual in actuals:
        chosen.setdefault(actual.prediction or "", actual)
    return list(chosen.values())


def _id(
    id_column: Column, table: Table, candidate: Roles, own: Sample, sample: Sample, *, named: bool
) -> Column | None:
    """Return the column that holds the predictions' ids."""

    def joins(column: Column) -> bool:
        return (column.type.is_text and id_column.type.is_text) or (
            column.type.is_integer and id_column.type.is_integer
        )

    same = [c for c in table.columns if c.name.casefold() == id_column.name.casefold() and joins(c)]
    listed = [candidate.id, *(c.name for c in candidate.other_ids)]
    others = [c for name in listed for c in table.columns if c.name == name and joins(c)]
    for column in (*same, *others):
        shared = own.shares(id_column.name, sample, column.name)
        unsure = shared is None or (named and column in same)
        if shared or (unsure and (named or column in same)):
            return column
    return None
