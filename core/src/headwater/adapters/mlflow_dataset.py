"""MLflow's dataset of a frame, of which the rows without a label are not evaluated.

Imported late, as `mlflow_source` is: it stands on MLflow.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mlflow.data.pandas_dataset import PandasDataset

if TYPE_CHECKING:
    from mlflow.data.evaluation_dataset import EvaluationDataset

_LOG = logging.getLogger(__name__)


class HeadwaterDataset(PandasDataset):
    """A frame whose labels may not all be known: logged whole, evaluated where they are."""

    def to_evaluation_dataset(
        self, path: Any = None, feature_names: Any = None
    ) -> EvaluationDataset:
        """Return what `mlflow.models.evaluate` works on: the rows with a label and a prediction."""
        needed = [name for name in (self.targets, self.predictions) if name is not None]
        labelled = self.df.dropna(subset=needed).infer_objects()
        if len(labelled) < len(self.df):
            _LOG.warning(
                "%s: %s are known for %d of %d rows, and MLflow evaluates these; "
                "early labels are no random sample of all",
                self.name,
                " and ".join(needed),
                len(labelled),
                len(self.df),
            )
        return PandasDataset(
            labelled, self.source, self.targets, self.name, self.digest, self.predictions
        ).to_evaluation_dataset(path, feature_names)
