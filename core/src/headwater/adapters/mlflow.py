"""MLflow: a dataset whose prediction and target columns are named, and whose source is this read.

    from headwater.adapters.mlflow import to_mlflow
    mlflow.log_input(to_mlflow(training.read(), training.schema), context="training")

Source: MLflow 3, `mlflow.data.from_pandas` and "Dataset Tracking".
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from headwater.adapters.predictions import asked_for
from headwater.errors import PluginError
from headwater.interfaces.schema import ACTUAL_PREFIX, Field, Schema
from headwater.types import FieldType

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlflow.data.pandas_dataset import PandasDataset

    from headwater.reading.dataset import Dataset

__all__ = ["evaluated", "to_mlflow"]


def to_mlflow(
    data: Dataset, schema: Schema, *, prediction: str | None = None, name: str | None = None
) -> PandasDataset:
    """Return the rows of a dataset as an MLflow dataset that knows prediction and target.

    Its source says which connection, window, tables and query the rows come from, and the role of
    each column. MLflow keeps that with the run; `mlflow.data.get_source` gives it back. Rows
    without a label yet are in it; `mlflow.models.evaluate` is handed those that have one, and the
    log says how many.

    Args:
        data: What headwater reads; it is read whole, into pandas.
        schema: The model's fields: `connection.schema`.
        prediction: The prediction to evaluate, where the model gives several: MLflow takes one.
            Left out, it is the one with an actual, and of these a label before a score.
        name: Its name in MLflow; default: the connection's.

    Raises:
        ConfigError: If the model has no such prediction.
        PluginError: If MLflow is not installed.
    """
    try:
        import mlflow.data.pandas_dataset  # noqa: F401
    except ImportError as error:
        raise PluginError(
            f"MLflow is not here: {error}", hint="pip install 'headwater[mlflow]'"
        ) from error
    from headwater.adapters.mlflow_dataset import HeadwaterDataset
    from headwater.adapters.mlflow_source import HeadwaterDatasetSource

    frame = data.to_pandas()
    answer = evaluated(schema, frame.columns, prediction)
    target = f"{ACTUAL_PREFIX}{answer.name}" if answer else ""
    dataset = HeadwaterDataset(
        frame,
        source=HeadwaterDatasetSource.of(data.plan, data.stats, data.maturity),
        targets=target if target in frame.columns else None,
        predictions=answer.name if answer and answer.name in frame.columns else None,
        name=name or data.plan.connection,
    )
    with warnings.catch_warnings():
        # Advice about a model's inputs; where warnings are errors, it costs MLflow the schema.
        warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer", UserWarning)
        dataset.schema  # noqa: B018 -- MLflow infers it once, when it is first asked for
    return dataset


def evaluated(
    schema: Schema, columns: Collection[str], prediction: str | None = None
) -> Field | None:
    """Return the prediction that is evaluated: the one asked for, or the one with an actual.

    Args:
        schema: The model's fields.
        columns: Names of the columns that there are.
        prediction: Name of the prediction that is asked for, if any.

    Raises:
        ConfigError: If the model has no such prediction.
    """
    if (chosen := asked_for(schema, prediction)) is not None:
        return chosen

    def rank(item: Field) -> tuple[bool, bool]:
        # Per-class scores fit no column of MLflow's; a label is compared, a score is ranked.
        return f"{ACTUAL_PREFIX}{item.name}" not in columns, item.type is FieldType.NUMERIC

    able = [item for item in schema.predictions if item.type is not FieldType.DICT]
    return min(able, key=rank, default=None)


def __getattr__(name: str) -> object:
    if name != "HeadwaterDatasetSource":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # MLflow asks for the class (by its entry point) while it is imported itself: it comes first.
    import mlflow.data  # noqa: F401

    from headwater.adapters.mlflow_source import HeadwaterDatasetSource

    return HeadwaterDatasetSource
