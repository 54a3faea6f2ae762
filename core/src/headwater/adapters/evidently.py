"""Evidently: a dataset, and which of its columns is what.

    from headwater.adapters.evidently import to_evidently
    current = to_evidently(serving.read("2026-01-01", "2026-02-01"), serving.schema)

Source: Evidently 0.7, `evidently.DataDefinition`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from headwater.adapters.predictions import asked_for
from headwater.errors import PluginError, UnsupportedError
from headwater.interfaces.schema import ACTUAL_PREFIX, ID, TIMESTAMP, Field, ModelType, Schema
from headwater.maturity.states import KEY
from headwater.types import FieldType

if TYPE_CHECKING:
    from headwater.reading.dataset import Dataset

_LOG = logging.getLogger(__name__)

_GROUPS: Final = {
    FieldType.NUMERIC: "numerical_columns",
    FieldType.CATEGORICAL: "categorical_columns",
    FieldType.STRING: "categorical_columns",
    FieldType.BOOLEAN: "categorical_columns",
    FieldType.TEXT: "text_columns",
    FieldType.DATETIME: "datetime_columns",
}
"""Where each field type goes. Tensors, vectors, dicts and arrays have no place in a definition."""
_TASK: Final = "default"
"""The name by which Evidently's presets look for a task."""
_TRUE: Final = "true"
_FALSE: Final = "false"
_THRESHOLD: Final = 0.5
"""Where Evidently parts scores, unless a metric is told otherwise."""


def to_evidently(data: Dataset, schema: Schema, *, prediction: str | None = None) -> Any:
    """Return the rows of a dataset as an `evidently.Dataset` that knows every column's role.

    Rows without a label yet stay in it: drift is of all rows, quality of those with a label. The
    classes of a classification are texts (`true` and `false` of a boolean), the only labels of
    which Evidently takes some for unknown. While no label at all is known there is no task, and
    predictions are columns like others. What is known of how ripe the labels are is in its
    metadata, under `headwater.maturity`, as JSON: `report.run(..., metadata=current.metadata)`
    keeps it with the report.

    Args:
        data: What headwater reads; it is read whole, into pandas.
        schema: The model's fields: `connection.schema`.
        prediction: The prediction to evaluate, where the model gives several. Of a decision and a
            score Evidently takes the score, and decides by it at 0.5 itself; ask for the decision,
            to have that judged.

    Raises:
        ConfigError: If the model has no such prediction.
        PluginError: If Evidently is not installed.
        UnsupportedError: For a ranking or multi-label model, which a definition can't describe.
    """
    evidently = _evidently()
    frame = data.to_pandas()
    columns = [
        name
        for name in frame.columns
        if not (name.startswith(ACTUAL_PREFIX) and frame[name].isna().all())
    ]
    definition = data_definition(schema, columns, prediction=prediction)
    described = _described(definition)
    frame = frame[[name for name in columns if name in described]].copy()
    for task in definition.classification or ():
        _say_where_decisions_differ(frame, task)
        text = _answer_text if schema.model_type is ModelType.BINARY else _class_text
        for name in (task.target, task.prediction_labels):
            if name is not None:
                frame[name] = frame[name].map(text).astype(object)
        # Evidently 0.7.23 takes the class it meets last for the other one, and unknown for a class.
        frame = frame.iloc[frame[task.target].notna().argsort(kind="stable")]
    metadata = {} if data.maturity is None else {KEY: json.dumps(data.maturity)}
    return evidently.Dataset.from_pandas(frame, data_definition=definition, metadata=metadata)


def data_definition(
    schema: Schema, columns: Collection[str], *, prediction: str | None = None
) -> Any:
    """Return the `evidently.DataDefinition` of a model's columns, as `to_evidently` gives them.

    Args:
        schema: The model's fields.
        columns: Names of the columns that there are: an actual may be among them or not.
        prediction: The prediction to evaluate, where the model gives several.

    Raises:
        ConfigError: If the model has no such prediction.
        PluginError: If Evidently is not installed.
        UnsupportedError: For a ranking or multi-label model, which a definition can't describe.
    """
    evidently = _evidently()
    present = set(columns)
    task = _task(evidently, schema, present, asked_for(schema, prediction))
    judged = {name for tasks in task.values() for one in tasks for name in _columns_of(one)}
    groups: dict[str, list[str]] = {}
    for item in schema:
        group = _GROUPS.get(item.type)
        if group is not None and item.name in present and item.name not in judged:
            groups.setdefault(group, []).append(item.name)
    return evidently.DataDefinition(
        id_column=ID if ID in present else None,
        timestamp=TIMESTAMP if TIMESTAMP in present else None,
        **groups,
        **task,
    )


def _task(
    evidently: Any, schema: Schema, present: set[str], chosen: Field | None
) -> dict[str, list[Any]]:
    tasks: dict[
        ModelType, Callable[[Any, Schema, set[str], Field | None], dict[str, list[Any]]]
    ] = {
        ModelType.BINARY: _binary,
        ModelType.MULTICLASS: _multiclass,
        ModelType.REGRESSION: _regression,
    }
    if schema.model_type not in tasks:
        raise UnsupportedError(
            f"an Evidently data definition can't describe a {schema.model_type} model",
            hint="hand over the rows themselves: data.to_pandas()",
        )
    return tasks[schema.model_type](evidently, schema, present, chosen)


def _binary(
    evidently: Any, schema: Schema, present: set[str], chosen: Field | None
) -> dict[str, list[Any]]:
    answers = [p for p in schema.predictions if p.name in present]
    target = next((a for p in answers if (a := _actual(p, present))), None)
    if chosen is not None:
        target, answers = _actual(chosen, present) or target, [chosen]
    label = next((p.name for p in answers if p.type is FieldType.BOOLEAN), None)
    score = next((p.name for p in answers if p.type is FieldType.NUMERIC), None)
    if target is None or not (label or score):
        return {}
    task = evidently.BinaryClassification(
        name=_TASK,
        target=target,
        prediction_labels=label,
        prediction_probas=score,
        pos_label=_TRUE,
    )
    return {"classification": [task]}


def _multiclass(
    evidently: Any, schema: Schema, present: set[str], chosen: Field | None
) -> dict[str, list[Any]]:
    able = [p for p in schema.predictions if p.type is not FieldType.DICT and p.name in present]
    label = chosen or next((p for p in able if _actual(p, present)), None)
    target = _actual(label, present)
    if label is None or target is None or label.type is FieldType.DICT:
        return {}
    task = evidently.MulticlassClassification(
        name=_TASK, target=target, prediction_labels=label.name
    )
    return {"classification": [task]}


def _regression(
    evidently: Any, schema: Schema, present: set[str], chosen: Field | None
) -> dict[str, list[Any]]:
    answers = [p for p in schema.predictions if _actual(p, present) and p.name in present]
    if chosen is not None:
        answers = [p for p in answers if p is chosen]
    tasks = [
        evidently.Regression(
            name=p.name if number else _TASK, target=_actual(p, present), prediction=p.name
        )
        for number, p in enumerate(answers)
    ]
    return {"regression": tasks} if tasks else {}


def _say_where_decisions_differ(frame: Any, task: Any) -> None:
    """Log in how many rows Evidently's decision, made of the score, is not the model's."""
    label, score = task.prediction_labels, vars(task).get("prediction_probas")
    if label is None or score is None:
        return
    both = frame[[label, score]].dropna()
    differ = int((both[label].astype(bool) != (both[score] >= _THRESHOLD)).sum())
    if differ:
        _LOG.warning(
            "Evidently decides by %s at %s, which is not what %s says in %d of %d rows; "
            "to_evidently(..., prediction=%r) has %s judged",
            score,
            _THRESHOLD,
            label,
            differ,
            len(both),
            label,
            label,
        )


def _answer_text(value: Any) -> str | None:
    """Return yes or no as a text; a label of a score is 0 or 1."""
    return {"1": _TRUE, "0": _FALSE}.get(text := _class_text(value) or "", text) or None


def _class_text(value: Any) -> str | None:
    """Return a class as a text, or None where it is not known: other labels may not be unknown."""
    if value is None or value != value:
        return None
    if isinstance(value, str):
        return value
    if str(value) in {"True", "False"}:
        return _TRUE if value else _FALSE
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def _columns_of(task: Any) -> set[str]:
    names = ("target", "prediction", "prediction_labels", "prediction_probas")
    return {name for key in names if (name := vars(task).get(key))}


def _described(definition: Any) -> set[str]:
    groups = [getattr(definition, name) or [] for name in set(_GROUPS.values())]
    names = {name for group in groups for name in group} | {ID, TIMESTAMP}
    for task in (*(definition.classification or ()), *(definition.regression or ())):
        names |= _columns_of(task)
    return names


def _actual(prediction: Field | None, present: set[str]) -> str | None:
    name = f"{ACTUAL_PREFIX}{prediction.name}" if prediction else ""
    return name if name in present else None


def _evidently() -> Any:
    try:
        import evidently
    except ImportError as error:
        raise PluginError(
            f"Evidently is not here: {error}", hint="pip install 'headwater[evidently]'"
        ) from error
    return evidently
