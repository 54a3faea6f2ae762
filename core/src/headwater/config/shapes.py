"""The shape of the file: which keys stand where. Sources and strategies bring their own shapes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ByteSize, ConfigDict, Field, WithJsonSchema

from headwater.types import FieldType

DEFINED_AS = "x-headwater"
"""Marks what `json_schema` defines itself, from the plugins; pydantic knows no such definition."""

_TYPES = {"enum": [str(t) for t in FieldType]}

SourceData = Annotated[dict[str, Any], WithJsonSchema({DEFINED_AS: "Source"})]
"""A source as it is written; its class is known by its `type`."""

AuthData = Annotated[dict[str, Any], WithJsonSchema({DEFINED_AS: "Auth"})]
"""A strategy as it is written; its class is known by its `type`."""

LedgerData = Annotated[dict[str, Any], WithJsonSchema({DEFINED_AS: "Ledger"})]
"""A store of a ledger as it is written; its class is known by its `type`."""

FieldData = Annotated[
    Any,
    WithJsonSchema(
        {
            "anyOf": [
                _TYPES,
                {
                    "type": "object",
                    "properties": {
                        "type": _TYPES,
                        "dimensions": {
                            "type": "array",
                            "items": {"type": "integer", "minimum": 1},
                            "minItems": 1,
                            "description": "shape of a tensor, outermost first",
                        },
                    },
                    "required": ["type"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""A field's declaration; `Schema.define` knows its rules."""

ColumnName = Annotated[str, Field(min_length=1)]
Columns = dict[str, ColumnName]
Bytes = Annotated[
    ByteSize,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*([KMGTP]i?)?[Bb]?\s*$"},
            ]
        }
    ),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ConnectionShape(_Shape):
    source: SourceData
    max_bytes: Bytes | None = Field(
        None, description='bytes that a read may read at most, e.g. 50000000000 or "50 GB"'
    )


class _MappedShape(_ConnectionShape):
    labels: Columns = Field(
        {}, description="prediction: the column of its actual, NULL until known"
    )
    label_timestamp_column: ColumnName | None = Field(
        None, description="column that says when these actuals were set; as_of cuts by it"
    )
    features: Columns = Field({}, description="feature: column, where the names differ")
    predictions: Columns = Field({}, description="prediction: column, where the names differ")
    raw_inputs: Columns = Field({}, description="raw input: column, where the names differ")
    sample: float | None = Field(None, gt=0, le=1, description="share of the ids that reads keep")


class ServingShape(_MappedShape):
    """The log of predictions made in production."""

    id_column: ColumnName = Field(description="column that identifies a prediction")
    timestamp_column: ColumnName = Field(description="column that says when it was made")


class BaselineShape(_MappedShape):
    """A training or testing set."""

    id_column: ColumnName | None = Field(None, description="column that identifies a row")
    timestamp_column: ColumnName | None = Field(None, description="column that says when it was")


class ActualsShape(_ConnectionShape):
    """Delayed actuals in a table of their own."""

    id_column: ColumnName = Field(description="column that holds the prediction's id")
    labels: Columns = Field(min_length=1, description="prediction: the column of its actual")
    timestamp_column: ColumnName | None = Field(
        None, description="column that says when the actual was set; the latest wins"
    )
    horizon: str | float | None = Field(
        None, description="how long after its end a window takes actuals, e.g. 30 days"
    )


class WindowsShape(_Shape):
    """What holds of the windows that a version's data is read in."""

    every: str | None = Field(
        None, min_length=1, description="how long they are: 1 hour, 1 day, 1 week, 1 month"
    )
    timezone: str = Field("UTC", min_length=1, description="whose clock they begin by")
    lateness: str | float = Field(
        0, description="how long after a window's end its rows may land, e.g. 6 hours"
    )
    ignore: list[str] = Field([], description="tables whose changes change no window")
    ripe: float = Field(
        0.95, description="from which part of the labels that ever come on a window is ripe"
    )


class VersionShape(_Shape):
    """One (re)trained version of a model."""

    model_type: Literal["binary", "regression", "multiclass", "multi-label", "ranking"]
    raw_inputs: dict[str, FieldData] = Field({}, description="what the model was given")
    features: dict[str, FieldData] = Field({}, description="what the model saw")
    predictions: dict[str, FieldData] = Field({}, description="what the model answered")
    serving: ServingShape | None = None
    training: BaselineShape | None = None
    testing: BaselineShape | None = None
    actuals: ActualsShape | None = None
    windows: WindowsShape | None = None


class ModelShape(_Shape):
    """A model in production."""

    name: str | None = Field(None, description="what people call it")
    versions: dict[str, VersionShape] = Field(min_length=1)


class EngineShape(BaseModel):
    """Which engine reads; keys beside `type` are that engine's options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str = "auto"


class FileShape(_Shape):
    """The configuration of headwater: models, and the data they are monitored on."""

    version: Literal[1] = Field(description="version of this format")
    schema_: str | None = Field(None, alias="$schema", description="for editors")
    auth: dict[str, AuthData] = Field({}, description="named authentication strategies")
    engine: EngineShape = EngineShape()
    ledger: LedgerData | None = Field(
        None, description="where it is kept what was handed over of each window"
    )
    models: dict[str, ModelShape] = {}
