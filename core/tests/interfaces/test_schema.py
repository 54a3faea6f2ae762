import pytest

from headwater.errors import ConfigError
from headwater.interfaces.schema import Role, Schema
from headwater.types import FieldType


def test_the_seeds_fields():
    schema = Schema.define(
        "binary",
        raw_inputs={"raw_text": "text"},
        features={
            "amount": "numeric",
            "embeddings": {"type": "tensor", "dimensions": [768]},
        },
        predictions={"will_buy_insurance": "boolean", "proba": "numeric"},
    )
    assert [(f.name, f.role) for f in schema] == [
        ("raw_text", Role.RAW_INPUT),
        ("amount", Role.FEATURE),
        ("embeddings", Role.FEATURE),
        ("will_buy_insurance", Role.PREDICTION),
        ("proba", Role.PREDICTION),
    ]
    assert schema.features[1].dimensions == (768,)
    assert Schema.define(**schema.to_dict()) == schema


@pytest.mark.parametrize(
    ("model_type", "predictions"),
    [
        ("binary", {"d": "boolean", "p": "numeric"}),
        ("regression", {"y": "numeric"}),
        ("multiclass", {"c": "string", "probas": "dict"}),
        ("multi-label", {"scores": "dict"}),
        ("ranking", {"scores": "array"}),
    ],
)
def test_every_model_type_has_its_predictions(model_type, predictions):
    assert len(Schema.define(model_type, predictions=predictions).predictions) == len(predictions)


def test_every_field_type_can_be_declared():
    declared = {
        str(k): {"type": str(k), "dimensions": [2, 3]} if k is FieldType.TENSOR else str(k)
        for k in FieldType
    }
    assert {f.type for f in Schema.define("binary", features=declared)} == set(FieldType)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"model_type": "binery"}, "did you mean 'binary'?"),
        ({"features": {"a": "numerc"}}, "did you mean 'numeric'?"),
        ({"features": {"a": {"typ": "numeric"}}}, "feature 'a'"),
        ({"features": {"a": {"type": "tensor"}}}, "needs dimensions"),
        ({"features": {"a": {"type": "tensor", "dimensions": [0]}}}, "positive integers"),
        ({"features": {"a": {"type": "vector", "dimensions": [3]}}}, "only a tensor"),
        ({"features": {"id": "string"}}, "collides with the output column of the id column"),
        ({"features": {"Timestamp": "datetime"}}, "collides"),
        (
            {"features": {"actual_p": "numeric"}, "predictions": {"p": "boolean"}},
            "the actual of 'p'",
        ),
        ({"features": {"a": "numeric", "A": "numeric"}}, "have the same name"),
        ({"predictions": {"p": "tensor"}}, "needs dimensions"),
        ({"predictions": {"p": "text"}}, "which a binary model does not answer"),
    ],
)
def test_a_wrong_definition_says_what_and_what_to_do(arguments, says):
    with pytest.raises(ConfigError) as caught:
        Schema.define(**{"model_type": "binary", **arguments})
    assert says in str(caught.value)
    assert caught.value.hint or "tensor has" in caught.value.message
