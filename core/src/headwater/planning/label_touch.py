"""Labels of some files alone, as SQL: which windows they touch, how late they landed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from headwater.interfaces.mapping import BoundColumn
from headwater.interfaces.schema import Role
from headwater.planning.label_delays import EPOCH, closed_at, micros, number_of, ticks
from headwater.planning.windowed_query import Wrapped, select
from headwater.sql.rewriting import quoted
from headwater.tables.window import Window

_HOUR = 3_600_000_000
"""In microseconds."""


def touched(
    windows: Sequence[Window], horizon: timedelta | None, own: Wrapped, actuals: Wrapped
) -> str:
    """Return the SELECT that gives the numbers of the windows that some labels touch, and NULL.

    A label touches the window of a prediction of its id, if that takes labels of its time. It may
    turn out to change nothing: not the latest one, say, or the same as the one before.

    Args:
        windows: The windows, in order, without a gap between them.
        horizon: How long after its end each takes labels; None for ever.
        own: The connection's query, in the time of the windows.
        actuals: The query of the actuals, over the labels.
    """
    identity, prediction_time = (own.mapping.role(r) for r in (Role.ID, Role.TIMESTAMP))
    assert identity is not None, "actuals are joined by it"
    assert prediction_time is not None, "a window was asked for"
    query = replace(own, mapping=replace(own.mapping, columns=(identity, prediction_time)))
    time = ticks(f"s.{quoted(prediction_time.name)}", prediction_time)
    closes = "CAST(NULL AS BIGINT)" if horizon is None else closed_at(windows, horizon, time)
    predictions = (
        f"SELECT DISTINCT s.{quoted(identity.name)} AS id, {number_of(windows, time)} AS `window`, "
        f"{closes} AS closes FROM (\n{select(query)}\n) AS s"
    )
    labels = first_labels(actuals)
    return (
        "SELECT DISTINCT CASE WHEN p.closes IS NULL OR a.came <= p.closes THEN p.`window` END "
        f"AS `window`\nFROM (\n{predictions}\n) AS p\nJOIN (\n{labels}\n) AS a ON p.id = a.id"
    )


def first_labels(actuals: Wrapped) -> str:
    """Return the SELECT that gives each id that has labels, and when the first of them was set.

    Args:
        actuals: The query of the actuals, over the labels.
    """
    set_when = actuals.mapping.role(Role.TIMESTAMP)
    assert set_when is not None, "labels have a time"
    columns = tuple(c for c in actuals.mapping if c.role in (Role.ID, Role.TIMESTAMP))
    query = replace(actuals, mapping=replace(actuals.mapping, columns=columns))
    return (
        f"SELECT r.`id` AS id, min({ticks('r.`timestamp`', set_when)}) AS came "
        f"FROM (\n{select(query)}\n) AS r\nGROUP BY r.`id`"
    )


def lateness(label: BoundColumn, actuals: Wrapped, after: datetime, since: datetime | None) -> str:
    """Return the SELECT that counts labels by how many hours before a moment they were set.

    Those that were set at it, or later, are counted as -1.

    Args:
        label: What must not be NULL.
        actuals: The query of the actuals, over the labels.
        after: The moment.
        since: Labels that were set before are not counted; None for all of time.
    """
    set_when = actuals.mapping.role(Role.TIMESTAMP)
    assert set_when is not None, "labels have a time"
    query = replace(actuals, mapping=replace(actuals.mapping, columns=(set_when, label)))
    came, moment = ticks("r.`timestamp`", set_when), micros(after - EPOCH)
    hours = f"CASE WHEN {came} < {moment} THEN ({moment} - {came}) DIV {_HOUR} ELSE -1 END"
    valid = f"r.{quoted(label.name)} IS NOT NULL"
    if since is not None:
        valid += f" AND {came} >= {micros(since - EPOCH)}"
    return (
        f"SELECT l.hours AS hours, count(*) AS n FROM (\nSELECT CASE WHEN {valid} THEN {hours} END "
        f"AS hours FROM (\n{select(query)}\n) AS r\n) AS l\nGROUP BY l.hours"
    )
