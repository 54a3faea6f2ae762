"""Label delays: the SQL that counts predictions by age and by how long their first label took.

One aggregate, built around the user's text as a read's is (`windowed_query`). All that leaves the
engine are whole numbers, and what was predicted and came true where these are classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from headwater.interfaces.mapping import BoundColumn
from headwater.interfaces.schema import Role
from headwater.planning.windowed_query import (
    Wrapped,
    ahead_by,
    as_instant,
    canonical,
    greatest_value,
    is_early,
    nested_type,
    select,
)
from headwater.sql.rewriting import quoted
from headwater.tables.window import Window
from headwater.types import FieldType

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_SET: Final = "_hw_set"
_NOTHING: Final = "CAST(NULL AS STRING)"
CLASSES: Final = (FieldType.BOOLEAN, FieldType.CATEGORICAL, FieldType.STRING)
"""Types of predictions that are counted by their value."""
COLUMNS: Final = (
    "window",
    "age",
    "delay",
    "lost",
    "stretch",
    "predicted",
    "actual",
    "again",
    "rows",
    "first",
    "last",
    "rest",
    "before",
    "corrected",
    "repeated",
    "untimed",
)
"""What the aggregate gives, in order; `again` is how many rows the id has, if it is several."""


@dataclass(frozen=True, slots=True)
class DelaySettings:
    """Which delays to count.

    Args:
        windows: The windows, in order, without a gap between them.
        as_of: Until when labels are known.
        unit: What ages and delays are counted in.
        stretch: What times of labels are counted in.
        label: Name of the prediction.
        horizon: How long after its end a window takes labels; None for ever.
        classes: Whether to count by what was predicted and came true.
    """

    windows: Sequence[Window]
    as_of: datetime
    unit: timedelta
    stretch: timedelta
    label: str
    horizon: timedelta | None = None
    classes: bool = True


def count_delays(settings: DelaySettings, own: Wrapped, actuals: Wrapped | None) -> str:
    """Return the SELECT that counts, over a connection's query and that of its actuals.

    Args:
        settings: Which delays to count.
        own: The connection's query, in the time of the windows until `as_of`.
        actuals: The query of the actuals, where the label is one of theirs.
    """
    labelled = _joined(settings, own, actuals) if actuals is not None else _alone(settings, own)
    unit, stretch = micros(settings.unit), micros(settings.stretch)
    age = f"({micros(settings.as_of - EPOCH)} - l.made)"
    took = "CASE WHEN l.first < l.made THEN 0 ELSE l.first - l.made END"
    measured = (
        f"SELECT l.*, {age} DIV {unit} AS age, {took} AS took, "
        f"l.first DIV {stretch} AS stretch, l.first > {_closes(settings, 'l.made')} AS lost, "
        f"{_window(settings, 'l.made')} AS `window` FROM (\n{labelled}\n) AS l"
    )
    keys = ["m.window", "m.age", f"m.took DIV {unit}", "m.lost", "m.stretch"]
    keys += ["m.predicted", "m.actual", "m.again"]
    totals = [
        "sum(m.n)",
        "min(m.first)",
        "max(m.first)",
        f"sum(m.n * ((m.took - (m.took DIV {unit}) * {unit}) DIV 1000000))",
        "sum(CASE WHEN m.early > 0 THEN m.n ELSE 0 END)",
        "sum(CASE WHEN m.kinds > 1 THEN m.n ELSE 0 END)",
        "sum(CASE WHEN m.kinds = 1 AND m.labels > 1 THEN m.n ELSE 0 END)",
        "sum(CASE WHEN m.untimed > 0 THEN m.n ELSE 0 END)",
    ]
    values = [*keys, *(f"CAST({total} AS BIGINT)" for total in totals)]
    names = [f"{value} AS {quoted(name)}" for value, name in zip(values, COLUMNS, strict=True)]
    return f"SELECT {', '.join(names)} FROM (\n{measured}\n) AS m\nGROUP BY {', '.join(keys)}"


def count_lost(
    windows: Sequence[Window], horizon: timedelta, own: Wrapped, actuals: Wrapped | None
) -> str:
    """Return the SELECT that counts the labels that were set after their windows had closed.

    One of several rows of an id is beyond the horizon where it is for all of them; several labels
    of an id of one moment are one.

    Args:
        windows: The windows, in order, without a gap between them.
        horizon: How long after its end each takes labels.
        own: The connection's query, in the time of the windows.
        actuals: The query of the actuals, of those that may be beyond; None: the labels are
            columns of `own`.
    """
    identity, prediction_time = (own.mapping.role(r) for r in (Role.ID, Role.TIMESTAMP))
    assert prediction_time is not None, "a window was asked for"
    keys = tuple(c for c in own.mapping if c in (identity, prediction_time))
    time = ticks(f"s.{quoted(prediction_time.name)}", prediction_time)
    closes = closed_at(windows, horizon, time)
    if actuals is None:
        moment = own.mapping.label_timestamp
        assert moment is not None, "the caller looked for it"
        columns = (*keys, *own.mapping.actuals, replace(moment, name=_SET))
        rows = select(replace(own, mapping=replace(own.mapping, columns=columns)))
        has_label = " OR ".join(f"s.{quoted(c.name)} IS NOT NULL" for c in own.mapping.actuals)
        came = ticks(f"s.{quoted(_SET)}", moment)
        return (
            f"SELECT count(CASE WHEN ({has_label}) AND {came} > {closes} THEN 1 END) AS lost "
            f"FROM (\n{rows}\n) AS s"
        )
    assert identity is not None, "actuals are joined by it"
    set_when = actuals.mapping.role(Role.TIMESTAMP)
    assert set_when is not None, "the caller looked for it"
    rows = select(replace(own, mapping=replace(own.mapping, columns=keys)))
    predictions = (
        f"SELECT s.{quoted(identity.name)} AS id, max({closes}) AS closes "
        f"FROM (\n{rows}\n) AS s\nGROUP BY s.{quoted(identity.name)}"
    )
    has_label = " OR ".join(f"r.{quoted(c.name)} IS NOT NULL" for c in actuals.mapping.actuals)
    came = ticks("r.`timestamp`", set_when)
    labels = (
        f"SELECT DISTINCT r.`id` AS id, {came} AS came "
        f"FROM (\n{select(actuals)}\n) AS r\nWHERE {has_label}"
    )
    return (
        "SELECT count(CASE WHEN a.came > p.closes THEN 1 END) AS lost "
        f"FROM (\n{predictions}\n) AS p\n"
        f"JOIN (\n{labels}\n) AS a ON p.id = a.id"
    )


def _predictions(settings: DelaySettings, own: Wrapped, more: Sequence[BoundColumn]) -> Wrapped:
    """Return the query with the columns alone that are needed, of which a read has more."""
    mapping = own.mapping
    columns = [c for c in mapping if c.role in (Role.ID, Role.TIMESTAMP)]
    columns += [c for c in mapping if _predicts(settings, c)]
    return replace(own, mapping=replace(mapping, columns=(*columns, *more)))


def _predicts(settings: DelaySettings, column: BoundColumn) -> bool:
    return (
        settings.classes
        and column.role is Role.PREDICTION
        and column.field is not None
        and column.field.name == settings.label
        and column.field.type in CLASSES
    )


def _rows(
    settings: DelaySettings,
    own: Wrapped,
    more: Sequence[BoundColumn] = (),
    beside: Mapping[str, str] | None = None,
) -> str:
    """Return SQL for predictions: their id, time, window, what was predicted, whether ids repeat.

    Rows that are the same in all of that are one, with how many they are.

    Args:
        settings: Which delays to count.
        own: Their query.
        more: Columns of it that are needed besides.
        beside: What is made of these, by its name.
    """
    query = _predictions(settings, own, more)
    identity, prediction_time = (query.mapping.role(r) for r in (Role.ID, Role.TIMESTAMP))
    assert prediction_time is not None, "a window was asked for"
    predicted = next((c for c in query.mapping if _predicts(settings, c)), None)
    time = ticks(f"s.{quoted(prediction_time.name)}", prediction_time)
    columns = {
        "id": _NOTHING if identity is None else f"s.{quoted(identity.name)}",
        "made": time,
        "predicted": _class(f"s.{quoted(predicted.name)}", predicted) if predicted else _NOTHING,
        **(beside or {}),
    }
    names = ", ".join(f"{value} AS {quoted(name)}" for name, value in columns.items())
    keys = ", ".join(f"r.{quoted(name)}" for name in columns)
    counted = (
        f"SELECT {keys}, count(*) AS n FROM (\nSELECT {names} FROM (\n{select(query)}\n) AS s\n)"
        f" AS r\nGROUP BY {keys}"
    )
    again = "CAST(NULL AS BIGINT)"
    if identity is not None:
        together = "sum(c.n) OVER (PARTITION BY c.id)"
        again = f"CASE WHEN c.id IS NOT NULL AND {together} > 1 THEN {together} END"
    return f"SELECT c.*, {again} AS again FROM (\n{counted}\n) AS c"


def _window(settings: DelaySettings, moment: str) -> str:
    """Return SQL for the number of the window that a prediction was made in."""
    return number_of(settings.windows, moment)


def _closes(settings: DelaySettings, moment: str) -> str:
    """Return SQL for the moment until which a prediction takes labels, in microseconds."""
    if settings.horizon is None:
        return str(micros(settings.as_of - EPOCH))
    return closed_at(settings.windows, settings.horizon, moment)


def number_of(windows: Sequence[Window], at: str) -> str:
    """Return SQL for the number of the window that a moment is of.

    Args:
        windows: The windows, in order, without a gap between them.
        at: SQL of the moment, in microseconds.
    """
    return _by_run(windows, at, "{first} + ({at} - {start}) DIV {length}")


def closed_at(windows: Sequence[Window], horizon: timedelta, moment: str) -> str:
    """Return SQL for the moment until which the window of a moment takes labels, in microseconds.

    Args:
        windows: As for `number_of`.
        horizon: How long after its end each takes labels.
        moment: SQL of the moment, in microseconds.
    """
    end = _by_run(windows, moment, "{start} + (({at} - {start}) DIV {length} + 1) * {length}")
    return f"{end} + {micros(horizon)}"


def _by_run(windows: Sequence[Window], at: str, value: str) -> str:
    """Return SQL for what a moment's window makes of it, where windows of a length are a run.

    Args:
        windows: The windows.
        at: SQL of the moment, in microseconds.
        value: What it is, of `{first}` (number of the run's first window), `{start}`, `{length}`.
    """
    runs: list[tuple[int, int, int, int]] = []
    for number, window in enumerate(windows):
        start, end = micros(window.start - EPOCH), micros(window.end - EPOCH)
        if runs and runs[-1][2] == end - start:
            runs[-1] = (*runs[-1][:3], end)
        else:
            runs.append((number, start, end - start, end))
    values = [
        (end, value.format(first=first, start=start, length=length, at=at))
        for first, start, length, end in runs
    ]
    if len(values) == 1:
        return values[0][1]
    cases = " ".join(f"WHEN {at} < {end} THEN {text}" for end, text in values[:-1])
    return f"CASE {cases} ELSE {values[-1][1]} END"


def _alone(settings: DelaySettings, own: Wrapped) -> str:
    """Return SQL with one row for each prediction, whose label is a column beside it."""
    label, set_at = own.mapping.actual_of(settings.label), own.mapping.label_timestamp
    assert label is not None, "the caller looked for it"
    assert set_at is not None, "the caller looked for it"
    value = f"s.{quoted(label.name)}"
    beside = {
        # A label that was set after `as_of` is NULL already (`select`).
        "known": f"{value} IS NOT NULL",
        "answer": _label_class(settings, value, label),
        "came": as_instant(f"s.{quoted(_SET)}", set_at.source_type),
    }
    rows = _rows(settings, own, [label, replace(set_at, name=_SET)], beside)
    time = "r.came"
    ahead_of = f"coalesce({is_early(ahead_by('timestamp_micros(r.made)', time), time)}, false)"
    valid = f"r.known AND {time} IS NOT NULL AND NOT {ahead_of}"
    first = f"CASE WHEN {valid} THEN unix_micros({time}) END"
    columns = {
        "first": first,
        "actual": f"CASE WHEN {valid} AND unix_micros({time}) <= {_closes(settings, 'r.made')} "
        "THEN r.answer END",
        "kinds": f"CASE WHEN {valid} THEN 1 ELSE 0 END",
        "labels": f"CASE WHEN {valid} THEN 1 ELSE 0 END",
        "early": f"CASE WHEN r.known AND {ahead_of} THEN 1 ELSE 0 END",
        "untimed": f"CASE WHEN r.known AND {time} IS NULL THEN 1 ELSE 0 END",
    }
    names = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    kept_columns = ", ".join(f"r.{name}" for name in _KEPT)
    return f"SELECT {kept_columns}, {names} FROM (\n{rows}\n) AS r"


_KEPT: Final = ("made", "predicted", "n", "again")


def _joined(settings: DelaySettings, own: Wrapped, actuals: Wrapped) -> str:
    """Return SQL with one row for each prediction, with what all of its labels come to."""
    label = actuals.mapping.actual_of(settings.label)
    set_at = actuals.mapping.role(Role.TIMESTAMP)
    assert label is not None, "the caller looked for it"
    assert set_at is not None, "the caller looked for it"
    key_columns = tuple(c for c in actuals.mapping if c.role in (Role.ID, Role.TIMESTAMP))
    query = replace(actuals, mapping=replace(actuals.mapping, columns=(*key_columns, label)))
    labels = (
        f"SELECT r.`id`, r.`timestamp` AS {quoted(_SET)}, {greatest_value(label)} AS value FROM (\n"
        f"{select(query)}\n) AS r\nGROUP BY r.`id`, r.`timestamp`"
    )
    prediction_time = "timestamp_micros(p.made)"
    time = as_instant(f"a.{quoted(_SET)}", set_at.source_type)
    moment = f"unix_micros({time})"
    has_label = "a.value IS NOT NULL"
    ahead_of = f"coalesce({is_early(ahead_by(prediction_time, time), time)}, false)"
    each = (
        f"SELECT p.id, {', '.join(f'p.{name}' for name in _KEPT)}, "
        f"CASE WHEN {has_label} AND NOT {ahead_of} THEN {moment} END AS came, "
        f"CASE WHEN {has_label} AND {ahead_of} THEN 1 ELSE 0 END AS early, "
        f"CASE WHEN {has_label} AND {moment} IS NULL THEN 1 ELSE 0 END AS untimed, "
        f"{_label_class(settings, 'a.value', label)} AS actual, "
        f"{_comparable('a.value', label)} AS kind "
        f"FROM (\n{_rows(settings, own)}\n) AS p\nLEFT JOIN (\n{labels}\n) AS a ON p.id = a.`id`"
    )
    keys = ", ".join(f"e.{name}" for name in ("id", *_KEPT))
    if nested_type(label) is None:
        kind = "CASE WHEN e.came IS NOT NULL THEN e.kind END"
        kinds = f"CASE WHEN min({kind}) <> max({kind}) THEN 2 WHEN count({kind}) > 0 THEN 1 END"
    else:
        kinds = "count(DISTINCT CASE WHEN e.came IS NOT NULL THEN e.kind END)"
    actual = f"max_by(e.actual, CASE WHEN e.came <= {_closes(settings, 'e.made')} THEN e.came END)"
    return (
        f"SELECT {keys}, min(e.came) AS first, {actual} AS actual, {kinds} AS kinds, "
        f"count(e.came) AS labels, max(e.early) AS early, max(e.untimed) AS untimed\n"
        f"FROM (\n{each}\n) AS e\nGROUP BY {keys}"
    )


def _label_class(settings: DelaySettings, value: str, label: BoundColumn) -> str:
    return _class(value, label) if settings.classes and label.field_type in CLASSES else _NOTHING


def _class(value: str, column: BoundColumn) -> str:
    """Return a class as what it is called: a boolean, or a text."""
    if column.field_type is FieldType.BOOLEAN or column.source_type.is_text:
        return value
    return f"CAST({value} AS STRING)"


def _comparable(value: str, label: BoundColumn) -> str:
    """Return a value that is equal where labels are the same."""
    type_ = nested_type(label)
    return value if type_ is None else canonical(value, type_)


def ticks(name: str, column: BoundColumn) -> str:
    """Return SQL for a moment of a column, in microseconds."""
    return f"unix_micros({as_instant(name, column.source_type)})"


def micros(length: timedelta) -> int:
    """Return a length of time in microseconds."""
    return length // _TICK


def until(window: Window, as_of: datetime) -> Window | None:
    """Return the part of a window whose predictions were made by `as_of`; None if none was."""
    return Window(window.start, min(window.end, as_of + _TICK)) if window.start <= as_of else None
