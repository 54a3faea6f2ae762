"""Schema: the fields of a model. Not the columns of a table; `mapping` joins the two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from headwater.diagnostics import hint_for
from headwater.display import html
from headwater.errors import ConfigError
from headwater.sql.private_names import PRIVATE_PREFIX
from headwater.types import FieldType


class ModelType(StrEnum):
    """What a model answers; decides which predictions make sense."""

    BINARY = "binary"
    REGRESSION = "regression"
    MULTICLASS = "multiclass"
    MULTI_LABEL = "multi-label"
    RANKING = "ranking"


class Role(StrEnum):
    """What an output column is; rides in Arrow field metadata as `headwater.role`."""

    ID = "id"
    TIMESTAMP = "timestamp"
    RAW_INPUT = "raw_input"
    FEATURE = "feature"
    PREDICTION = "prediction"
    ACTUAL = "actual"


PREDICTION_TYPES: Final[Mapping[ModelType, frozenset[FieldType]]] = {
    ModelType.BINARY: frozenset({FieldType.BOOLEAN, FieldType.NUMERIC}),
    ModelType.REGRESSION: frozenset({FieldType.NUMERIC}),
    ModelType.MULTICLASS: frozenset(
        {FieldType.STRING, FieldType.CATEGORICAL, FieldType.NUMERIC, FieldType.DICT}
    ),
    ModelType.MULTI_LABEL: frozenset({FieldType.DICT}),
    ModelType.RANKING: frozenset({FieldType.ARRAY, FieldType.NUMERIC}),
}
"""Field types that a prediction of each model type may have."""

ID: Final = "id"
TIMESTAMP: Final = "timestamp"
ACTUAL_PREFIX: Final = "actual_"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a model.

    Args:
        name: The author's name for it; also the name of the output column.
        type: What it is.
        role: Raw input, feature or prediction.
        dimensions: Shape of a tensor, outermost first; required there, refused elsewhere.
    """

    name: str
    type: FieldType
    role: Role
    dimensions: tuple[int, ...] | None = None

    def to_dict(self) -> str | dict[str, Any]:
        """Return the field as it is written in a definition: `numeric`, or a dict."""
        if self.dimensions is None:
            return str(self.type)
        return {"type": str(self.type), "dimensions": list(self.dimensions)}


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of one model version, in the order in which they were declared.

    Args:
        model_type: What the model answers.
        raw_inputs: What the model was given, before feature engineering.
        features: What the model saw.
        predictions: What the model answered.
    """

    model_type: ModelType
    raw_inputs: tuple[Field, ...] = ()
    features: tuple[Field, ...] = ()
    predictions: tuple[Field, ...] = field(default=())

    @classmethod
    def define(
        cls,
        model_type: str,
        *,
        raw_inputs: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        predictions: Mapping[str, Any] | None = None,
    ) -> Schema:
        """Return the schema that plain dicts declare.

        Args:
            model_type: One of `binary`, `regression`, `multiclass`, `multi-label`, `ranking`.
            raw_inputs: Field name to type: `"text"`, or `{"type": "tensor", "dimensions": [768]}`.
            features: Likewise.
            predictions: Likewise; their types must suit the model type.

        Raises:
            ConfigError: On an unknown type, a name used twice or reserved for an output column,
                a tensor without dimensions, or a prediction that the model type can't have.
        """
        try:
            kind = ModelType(model_type)
        except ValueError:
            raise ConfigError(
                f"unknown model_type {model_type!r}",
                hint=hint_for(model_type, ModelType, what="types"),
            ) from None
        schema = cls(
            kind,
            _fields(raw_inputs, Role.RAW_INPUT),
            _fields(features, Role.FEATURE),
            _fields(predictions, Role.PREDICTION),
        )
        _check_names(schema)
        for prediction in schema.predictions:
            if prediction.type not in PREDICTION_TYPES[kind]:
                allowed = ", ".join(sorted(PREDICTION_TYPES[kind]))
                raise ConfigError(
                    f"prediction {prediction.name!r} is {prediction.type}, which a {kind} model "
                    "does not answer",
                    hint=f"a {kind} model's predictions are: {allowed}",
                )
        return schema

    def __iter__(self) -> Iterator[Field]:
        yield from self.raw_inputs
        yield from self.features
        yield from self.predictions

    def _repr_html_(self) -> str:
        rows = [(f.name, f.role.replace("_", " "), f.type, f.dimensions) for f in self]
        fields = html.table(("field", "role", "type", "dimensions"), rows)
        return html.card(f"{self.model_type} model", fields)

    def prediction(self, name: str) -> Field | None:
        """Return the prediction called `name`, or None."""
        return next((p for p in self.predictions if p.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as it is written in a config file."""
        return {
            "model_type": str(self.model_type),
            "raw_inputs": {f.name: f.to_dict() for f in self.raw_inputs},
            "features": {f.name: f.to_dict() for f in self.features},
            "predictions": {f.name: f.to_dict() for f in self.predictions},
        }


def _fields(declared: Mapping[str, Any] | None, role: Role) -> tuple[Field, ...]:
    return tuple(_field(name, spec, role) for name, spec in (declared or {}).items())


def _field(name: str, spec: Any, role: Role) -> Field:
    where = f"{role.replace('_', ' ')} {name!r}"
    if not name or not isinstance(name, str):
        raise ConfigError(f"a {role} needs a name, got {name!r}")
    if isinstance(spec, str):
        spec = {"type": spec}
    if not isinstance(spec, Mapping) or "type" not in spec:
        raise ConfigError(
            f"{where}: expected a type or a mapping with 'type', got {spec!r}",
            hint='write "numeric", or {"type": "tensor", "dimensions": [768]}',
        )
    if extra := set(spec) - {"type", "dimensions"}:
        raise ConfigError(f"{where}: unknown keys {sorted(extra)}", hint="keys: type, dimensions")
    try:
        type_ = FieldType(spec["type"])
    except ValueError:
        raise ConfigError(
            f"{where}: unknown type {spec['type']!r}",
            hint=hint_for(str(spec["type"]), FieldType, what="types", most=len(FieldType)),
        ) from None
    return Field(name, type_, role, _dimensions(where, type_, spec.get("dimensions")))


def _dimensions(where: str, type_: FieldType, value: Any) -> tuple[int, ...] | None:
    if type_ is not FieldType.TENSOR:
        if value is not None:
            raise ConfigError(f"{where}: only a tensor has dimensions, this is {type_}")
        return None
    sizes = tuple(value) if isinstance(value, list | tuple) else ()
    if not sizes or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise ConfigError(
            f"{where}: a tensor needs dimensions, a list of positive integers, got {value!r}",
            hint='e.g. {"type": "tensor", "dimensions": [768]}',
        )
    return sizes


def _check_names(schema: Schema) -> None:
    """Refuse names that would collide among the output columns of a read."""
    reserved = {ID: "the id column", TIMESTAMP: "the timestamp column"}
    reserved |= {
        f"{ACTUAL_PREFIX}{p.name}": f"the actual of {p.name!r}" for p in schema.predictions
    }
    by_name: dict[str, Field] = {}
    for item in schema:
        folded = item.name.casefold()
        if folded.startswith(PRIVATE_PREFIX):
            raise ConfigError(
                f"{item.role.replace('_', ' ')} {item.name!r}: columns called {PRIVATE_PREFIX}... "
                "are headwater's own",
                hint="name the field differently and map it to its column",
            )
        if folded in (r.casefold() for r in reserved):
            owner = next(o for r, o in reserved.items() if r.casefold() == folded)
            raise ConfigError(
                f"{item.role.replace('_', ' ')} {item.name!r} collides with the output column "
                f"of {owner}",
                hint=f"name the field differently and map it: {{'my_{item.name}': '{item.name}'}}",
            )
        if folded in by_name:
            raise ConfigError(
                f"{item.role.replace('_', ' ')} {item.name!r} and "
                f"{by_name[folded].role.replace('_', ' ')} {by_name[folded].name!r} have "
                "the same name "
                "(case is ignored, as Spark does)",
                hint="rename one and map it to its column",
            )
        by_name[folded] = item
