"""Evidently: a dataset, and which of its columns is what.

    from headwater.adapters.evidently import to_evidently
    current = to_evidently(serving.read("2026-01-01", "2026-02-01"), serving.schema)

Source: Evidently 0.7, `evidently.DataDefinition`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from headwater.errors import PluginError, UnsupportedError
from headwater.interfaces.schema import ACTUAL_PREFIX, ID, TIMESTAMP, Field, ModelType, Schema
from headwater.types import FieldType

if TYPE_CHECKING:
    from headwater.reading.dataset import Dataset

_GROUPS: Final = {
    FieldType.NUMERIC: "numerical_columns",
    FieldType.CATEGORICAL: "categorical_columns",
    FieldType.STRING: "categorical_columns",
    FieldType.BOOLEAN: "categorical_columns",
    FieldType.TEXT: "text_columns",
    FieldType.DATETIME: "datetime_columns",
}
"""Where each field type goes. Tensors, vectors, dicts and arrays have no place in a definition."""


def to_evidently(data: Dataset, schema: Schema) -> Any:
    """Return the rows of a dataset as an `evidently.Dataset` that knows every column's role.

    Args:
        data: What headwater reads; it is read whole, into pandas.
        schema: The model's fields: `connection.schema`.

    Raises:
        PluginError: If Evidently is not installed.
        UnsupportedError: For a ranking or multi-label model, which a definition can't describe.
    """
    evidently = _evidently()
    frame = data.to_pandas()
    definition = data_definition(schema, frame.columns)
    described = [c for c in frame.columns if c in _described(definition, schema)]
    return evidently.Dataset.from_pandas(frame[described], data_definition=definition)


def data_definition(schema: Schema, columns: Any) -> Any:
    """Return the `evidently.DataDefinition` of a model's columns.

    Args:
        schema: The model's fields.
        columns: Names of the columns that there are: an actual may be among them or not.

    Raises:
        PluginError: If Evidently is not installed.
        UnsupportedError: For a ranking or multi-label model, which a definition can't describe.
    """
    evidently = _evidently()
    there = set(columns)
    groups: dict[str, list[str]] = {}
    for item in (*schema.raw_inputs, *schema.features):
        group = _GROUPS.get(item.type)
        if group is not None and item.name in there:
            groups.setdefault(group, []).append(item.name)
    return evidently.DataDefinition(
        id_column=ID if ID in there else None,
        timestamp=TIMESTAMP if TIMESTAMP in there else None,
        **groups,
        **_task(evidently, schema, there),
    )


def _task(evidently: Any, schema: Schema, there: set[str]) -> dict[str, Any]:
    tasks: dict[ModelType, Callable[[Any, Schema, set[str]], dict[str, Any]]] = {
        ModelType.BINARY: _binary,
        ModelType.MULTICLASS: _multiclass,
        ModelType.REGRESSION: _regression,
    }
    if schema.model_type not in tasks:
        raise UnsupportedError(
            f"an Evidently data definition can't describe a {schema.model_type} model",
            hint="hand over the rows themselves: data.to_pandas()",
        )
    return tasks[schema.model_type](evidently, schema, there) if schema.predictions else {}


def _binary(evidently: Any, schema: Schema, there: set[str]) -> dict[str, Any]:
    label = _first(schema, FieldType.BOOLEAN)
    score = _first(schema, FieldType.NUMERIC)
    task = evidently.BinaryClassification(
        target=_actual(label or score, there),
        prediction_labels=label and label.name,
        prediction_probas=score and score.name,
        pos_label=True,
    )
    return {"classification": [task]}


def _multiclass(evidently: Any, schema: Schema, there: set[str]) -> dict[str, Any]:
    label = next((p for p in schema.predictions if p.type is not FieldType.DICT), None)
    task = evidently.MulticlassClassification(
        target=_actual(label, there), prediction_labels=label and label.name
    )
    return {"classification": [task]}


def _regression(evidently: Any, schema: Schema, there: set[str]) -> dict[str, Any]:
    answers = [p for p in schema.predictions if _actual(p, there)]
    return {
        "regression": [
            evidently.Regression(name=p.name, target=f"{ACTUAL_PREFIX}{p.name}", prediction=p.name)
            for p in answers
        ]
    }


def _described(definition: Any, schema: Schema) -> set[str]:
    groups = [getattr(definition, name) or [] for name in set(_GROUPS.values())]
    names = {name for group in groups for name in group}
    names |= {ID, TIMESTAMP}
    for item in schema.predictions:
        names |= {item.name, f"{ACTUAL_PREFIX}{item.name}"}
    return names


def _first(schema: Schema, type_: FieldType) -> Field | None:
    return next((p for p in schema.predictions if p.type is type_), None)


def _actual(prediction: Field | None, there: set[str]) -> str | None:
    name = f"{ACTUAL_PREFIX}{prediction.name}" if prediction else ""
    return name if name in there else None


def _evidently() -> Any:
    try:
        import evidently
    except ImportError as error:
        raise PluginError(
            f"Evidently is not here: {error}", hint="pip install 'headwater[evidently]'"
        ) from error
    return evidently
