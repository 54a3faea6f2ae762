"""Proposing a model for a table: which column is what, by its name and type. Pure.

Names are a convention and no proof: what is chosen here is written down to be edited
(`proposing_text`), and how partitions follow from time is checked (`proposing_rule`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from headwater.interfaces.schema import ACTUAL_PREFIX, ID, PREDICTION_TYPES, TIMESTAMP, ModelType
from headwater.tables.table import Column, Table
from headwater.types import DataType, FieldType, datetime_cast, feeds

_IDS: Final = ("prediction_id", "inference_id", "request_id", "event_id", "id", "uuid", "row_id")
_ID: Final = re.compile(r".*_(id|uuid|guid|key)|id|uuid|guid", re.IGNORECASE)
_TIMES: Final = (
    "prediction_timestamp",
    "prediction_time",
    "predicted_at",
    "event_timestamp",
    "event_time",
    "timestamp",
    "ts",
)
_TIME: Final = re.compile(r"ts|at|.*(time|timestamp|date|datetime)|.*_(ts|at)", re.IGNORECASE)
_PREDICTION: Final = re.compile(r"pred.*|y_(hat|pred)|model_(score|output)", re.IGNORECASE)
_SCORE: Final = re.compile(
    r"scores?|prob(a|ability)?|.*_prob(a|ability)?|will_.*|.*_hat", re.IGNORECASE
)
_LABEL: Final = re.compile(
    r"y|y_true|(label|target|actual|truth|ground_truth|outcome)(_.*)?"
    r"|.*_(label|target|actual|truth|outcome)|did_.*",
    re.IGNORECASE,
)
_LABEL_TIME: Final = re.compile(
    r"(label(l?ed)?|target|actual|truth|ground_truth|outcome|decided|decision|resolved|settled"
    r"|confirmed|did)_(.+_)?(at|on|ts|time|timestamp|date|day)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column that is nothing of the model, and why."""

    column: Column
    reason: str


@dataclass(frozen=True, slots=True)
class Roles:
    """What each column of a table seems to be.

    Args:
        model_type: What the model seems to answer.
        id: The column that identifies a row, or None.
        other_ids: Columns that might as well.
        timestamp: The column that says when, or None.
        timestamp_cast: Spark SQL that makes a timestamp of it, if it is none.
        other_times: Columns that might as well.
        features: Features, with their types.
        predictions: Predictions, with types that the model type allows.
        labels: Columns that may hold actuals; they are no features.
        label_times: Columns that may say when these were set; they are no features either.
        left_out: The rest.
    """

    model_type: ModelType
    id: Column | None
    other_ids: tuple[Column, ...]
    timestamp: Column | None
    timestamp_cast: str | None
    other_times: tuple[Column, ...]
    features: tuple[tuple[Column, FieldType], ...]
    predictions: tuple[tuple[Column, FieldType], ...]
    labels: tuple[Column, ...]
    label_times: tuple[Column, ...]
    left_out: tuple[LeftOut, ...]


def roles(table: Table) -> Roles:
    """Return what each column of a table seems to be, by its name and type."""
    keys = {k.casefold() for k in table.partition_keys}
    data = [c for c in table.columns if c.name.casefold() not in keys]
    ids = _ranked((c for c in data if _is_id(c)), _IDS)
    times = _times(data)
    taken = {c.name for c in (*ids[:1], *times[:1])}
    rest = [c for c in data if c.name not in taken]
    prediction_columns = [c for c in rest if _is_prediction(c.name)]
    dated = [c for c in times[1:] if feeds(c.type, FieldType.DATETIME) is None]
    label_times = tuple(c for c in dated if _LABEL_TIME.fullmatch(c.name))
    labels = tuple(
        c
        for c in rest
        if c not in prediction_columns and c not in label_times and _LABEL.fullmatch(c.name)
    )
    if not labels:
        label_times = ()
    model_type = _model_type(prediction_columns, labels)
    predictions: list[tuple[Column, FieldType]] = []
    features: list[tuple[Column, FieldType]] = []
    left_out = [LeftOut(c, "a partition key") for c in table.partition_columns]
    for column in rest:
        field = field_type(column.type)
        if column in labels or column in label_times:
            continue
        if reason := _why_not(column, field, ids):
            left_out.append(LeftOut(column, reason))
        elif column not in prediction_columns and field is not None:
            features.append((column, field))
        elif field in PREDICTION_TYPES[model_type]:
            predictions.append((column, field))
        else:
            left_out.append(
                LeftOut(column, f"{column.type}: not what a {model_type} model answers")
            )
    time = times[0] if times else None
    return Roles(
        model_type,
        ids[0] if ids else None,
        ids[1:],
        time,
        None if time is None else _cast(time.type),
        tuple(c for c in times[1:] if c not in label_times),
        tuple(features),
        tuple(predictions),
        labels,
        label_times,
        tuple(left_out),
    )


def field_type(type_: DataType) -> FieldType | None:
    """Return the field type that a column's values are, or None where a query must say."""
    if not type_.is_known:
        return None
    wanted = (
        FieldType.NUMERIC,
        FieldType.BOOLEAN,
        FieldType.STRING,
        FieldType.DATETIME,
        FieldType.DICT,
    )
    if fitting := next((f for f in wanted if feeds(type_, f) is None), None):
        return fitting
    if type_.name != "array" or type_.element.name == "array":
        return None  # nested arrays are tensors, whose dimensions no catalog knows
    return FieldType.VECTOR if feeds(type_, FieldType.VECTOR) is None else FieldType.ARRAY


def _ranked(columns: Iterable[Column], names: tuple[str, ...]) -> tuple[Column, ...]:
    order = {name: rank for rank, name in enumerate(names)}
    return tuple(sorted(columns, key=lambda c: order.get(c.name.casefold(), len(order))))


def _is_id(column: Column) -> bool:
    fits = column.type.is_text or column.type.is_integer
    return fits and _ID.fullmatch(column.name) is not None


def _times(columns: Iterable[Column]) -> tuple[Column, ...]:
    """Return what may say when a row happened: instants before local times, dates and texts."""
    order = {"timestamp": 0, "timestamp_ntz": 1, "date": 2, "string": 3}
    times = [
        c
        for c in columns
        if c.type.name in order and (not c.type.is_text or _TIME.fullmatch(c.name))
    ]
    times.sort(key=lambda c: (order[c.type.name], _TIME.fullmatch(c.name) is None))
    return _ranked(times, _TIMES)


def _cast(type_: DataType) -> str | None:
    return datetime_cast(type_).partition(" if ")[0] if feeds(type_, FieldType.DATETIME) else None


def _is_prediction(name: str) -> bool:
    return bool(
        _PREDICTION.fullmatch(name) or (_SCORE.fullmatch(name) and not _LABEL.fullmatch(name))
    )


def _model_type(predictions: Iterable[Column], labels: Iterable[Column]) -> ModelType:
    kinds = {field_type(c.type) for c in predictions}
    names = [c.name.casefold() for c in predictions]
    if FieldType.STRING in kinds:
        return ModelType.MULTICLASS
    if FieldType.BOOLEAN in kinds or any(field_type(c.type) is FieldType.BOOLEAN for c in labels):
        return ModelType.BINARY
    if FieldType.NUMERIC in kinds:
        return ModelType.BINARY if any("prob" in n for n in names) else ModelType.REGRESSION
    if FieldType.DICT in kinds:
        return ModelType.MULTI_LABEL
    return ModelType.RANKING if FieldType.ARRAY in kinds else ModelType.REGRESSION


def _why_not(column: Column, field: FieldType | None, ids: tuple[Column, ...]) -> str | None:
    folded = column.name.casefold()
    if folded in (ID, TIMESTAMP) or folded.startswith(ACTUAL_PREFIX):
        return f"{column.type}: the name is that of an output column; map a field of another name"
    if "${" in column.name:
        return f"{column.type}: a field of a file can't have this name; map one of another name"
    if column in ids:
        return f"{column.type}: looks like an identifier"
    if field is None:
        return f"{column.type}: no field holds it as it is; convert it in the query"
    return None
