"""Which prediction of a model a tool is asked to evaluate."""

from __future__ import annotations

from headwater.diagnostics import hint_for
from headwater.errors import ConfigError
from headwater.interfaces.schema import Field, Schema


def asked_for(schema: Schema, prediction: str | None) -> Field | None:
    """Return the prediction of a name; None where none is asked for.

    Raises:
        ConfigError: If the model has no such prediction.
    """
    if prediction is None:
        return None
    field = schema.prediction(prediction)
    if field is None:
        names = [item.name for item in schema.predictions]
        raise ConfigError(
            f"the model has no prediction {prediction!r}",
            hint=hint_for(prediction, names, what="predictions"),
        )
    return field
