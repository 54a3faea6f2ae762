"""Edges: a value with a digest, the same after JSON, refused where it is none."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater.errors import ConfigError, ProfileError
from headwater.interfaces.schema import ModelType, Role
from headwater.profiling.edges import FieldEdges
from headwater.types import FieldType

AGE = FieldEdges(FieldType.NUMERIC, Role.FEATURE, (0.1, 30, 1e300), scale=-2)
EDGES = hw.Edges(
    ModelType.REGRESSION,
    {
        "price": FieldEdges(
            FieldType.NUMERIC, Role.PREDICTION, (1.0,), errors=(-1.0, 0.0), error_scale=4
        ),
        "age": AGE,
        "city": FieldEdges(
            FieldType.CATEGORICAL, Role.FEATURE, vocabulary=("Z\u00fcrich", "Zu\u0308rich")
        ),
        "born": FieldEdges(FieldType.DATETIME, Role.FEATURE, (-5, 2**60 + 1)),
    },
)


def test_edges_are_the_same_after_json_a_file_and_a_process(tmp_path: Path) -> None:
    for again in (
        hw.Edges.from_json(EDGES.to_json()),
        hw.Edges.from_json(EDGES.to_json().encode()),
        hw.Edges.from_dict(json.loads(json.dumps(EDGES.to_dict()))),
        hw.Edges.load(EDGES.save(tmp_path / "edges.json")),
        pickle.loads(pickle.dumps(EDGES)),
        hw.Edges(EDGES.model_type, dict(sorted(EDGES.fields.items()))),
    ):
        assert again == EDGES
        assert hash(again) == hash(EDGES)
        assert again.digest == EDGES.digest
        assert again["age"] == AGE
    assert again["born"].edges == (-5, 2**60 + 1), "no double holds it"


def test_fields_keep_their_order_through_json_and_a_process() -> None:
    for again in (hw.Edges.from_json(EDGES.to_json()), pickle.loads(pickle.dumps(EDGES))):
        assert list(again) == ["price", "age", "city", "born"]


def test_the_digest_tells_every_difference() -> None:
    others = [
        replace(AGE, edges=(0.1, 30.0)),
        replace(AGE, edges=(0.1, 30.000000000000004, 1e300)),
        replace(AGE, scale=-1),
        replace(AGE, role=Role.RAW_INPUT),
        replace(AGE, errors=(1.0,)),
    ]
    changed = [hw.Edges(EDGES.model_type, {**EDGES.fields, "age": age}) for age in others]
    changed.append(hw.Edges(ModelType.BINARY, EDGES.fields))
    changed.append(hw.Edges(EDGES.model_type, {"age": AGE}))
    assert len({e.digest for e in (*changed, EDGES)}) == len(changed) + 1
    same = hw.Edges(
        EDGES.model_type, {**EDGES.fields, "age": replace(AGE, edges=(0.1, 30.0, 1e300))}
    )
    assert same == EDGES


def test_bins_are_found_by_field_and_statistic() -> None:
    assert EDGES.bins("age", "histogram") == (0.1, 30.0, 1e300)
    assert EDGES.bins("actual_price", "histogram") == (1.0,)
    assert EDGES.bins("price", "error") == (-1.0, 0.0)
    assert len(EDGES.bins("price", "score")) == 199
    with pytest.raises(ConfigError, match="aeg"):
        EDGES.bins("aeg", "histogram")
    with pytest.raises(ConfigError):
        EDGES.bins("age", "null")


@pytest.mark.parametrize(
    "wrong",
    [
        {"edges": (2.0, 1.0)},
        {"edges": (1.0, 1.0)},
        {"edges": (0.0, -0.0)},
        {"edges": (float("nan"),)},
        {"edges": (float("inf"),)},
        {"edges": ("1",)},
        {"edges": (True,)},
        {"vocabulary": ("a", "a")},
        {"vocabulary": (1,)},
        {"scale": 1.5},
        {"scale": 10**6},
    ],
)
def test_edges_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        replace(AGE, **wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"headwater": "edges"}',
        '{"headwater": "edges", "format": "1"}',
        '{"headwater": "edges", "format": 1}',
        '{"headwater": "edges", "format": 1, "model_type": "fast", "fields": {}}',
        '{"headwater": "edges", "format": 1, "model_type": "binary", "fields": {"a": 1}}',
        '{"headwater": "edges", "format": 1, "model_type": "binary", "fields": [1]}',
        EDGES.to_json().replace("[0.1,30.0,1e+300]", "[0.1,NaN]"),
        EDGES.to_json().replace("[0.1,30.0,1e+300]", "[0.1,0.1]"),
        EDGES.to_json().replace("[0.1,30.0,1e+300]", '"12"'),
        EDGES.to_json().replace("[0.1,30.0,1e+300]", f"[1{'0' * 400}]"),
        "[" * 5000,
        b"\xff",
    ],
)
def test_a_text_that_is_no_edges_is_refused(text: str | bytes) -> None:
    with pytest.raises(ProfileError) as caught:
        hw.Edges.from_json(text)
    assert caught.value.code == "profile-damaged"


def test_a_newer_format_and_a_missing_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        hw.Edges.from_json(EDGES.to_json().replace('"format":1', '"format":2'))
    assert caught.value.code == "profile-newer"
    with pytest.raises(ConfigError, match=r"no\.json"):
        hw.Edges.load(tmp_path / "no.json")
    with pytest.raises(ConfigError):
        EDGES.save(tmp_path / "none" / "edges.json")
