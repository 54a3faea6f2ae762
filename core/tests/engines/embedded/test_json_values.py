"""JSON texts that Jackson reads in its own way: what Spark 4.1.4 made of each stands beside it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import parquet, rows

from headwater.errors import EngineError, QueryError


def asked(folder: Path, query: str, text: str) -> Any:
    table = parquet(folder, pa.table({"s": pa.array([text])}))
    return rows(f"SELECT {query} AS v FROM t", t=table)[0]["v"]


@pytest.mark.parametrize(
    ("number", "expected"),
    [("1.00499999999", "1.00"), ("0.0049999999", "0.00"), ("-1.005", "-1.01"), ("1e3", "1000.00")],
)
def test_a_decimal_is_rounded_once(number: str, expected: str, tmp_path: Path) -> None:
    query = "from_json(s, 'a DECIMAL(10,2)').a"
    assert asked(tmp_path / "t", query, f'{{"a":{number}}}') == Decimal(expected)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"b":' + "[" * 1001 + "]" * 1001 + "}",
        '{"a":1,"b":' + "9" * 1001 + "}",
        '{"a":1,"b":0.' + "9" * 1001 + "}",
        '{"a":1,"' + "k" * 50_001 + '":2}',
    ],
    ids=["deep", "digits", "fraction", "name"],
)
@pytest.mark.parametrize(
    "query",
    ["from_json(s, 'a INT').a", "get_json_object(s, '$.a')", "size(json_object_keys(s))"],
)
def test_what_jackson_does_not_read_for_its_size_ends_the_read(
    query: str, text: str, tmp_path: Path
) -> None:
    """Spark gives NULL."""
    with pytest.raises(EngineError) as caught:
        asked(tmp_path / "t", query, text)
    assert caught.value.code == "not-portable-value"


def test_long_texts_are_read(tmp_path: Path) -> None:
    text = '{"a":1,"b":"' + "x y" * 30_000 + '"}'
    assert asked(tmp_path / "t", "get_json_object(s, '$.a')", text) == "1"
    text = '{"a":1,"b":[' + ",".join(["0.123456789"] * 9000) + "]}"
    assert asked(tmp_path / "u", "get_json_object(s, '$.a')", text) == "1"


def test_the_last_of_two_values_is_not_guessed(tmp_path: Path) -> None:
    """Spark's json_tuple takes the last one, get_json_object the first."""
    text = '{"a":1,"a":2}'
    assert asked(tmp_path / "t", "get_json_object(s, '$.a')", text) == "1"
    with pytest.raises(EngineError) as caught:
        asked(tmp_path / "u", "json_tuple(s, 'a')", text)
    assert caught.value.code == "not-portable-value"


def test_what_was_read_before_a_broken_object_is_not_lost(tmp_path: Path) -> None:
    """Spark gives {a: 1, d: NULL}: the error is the inner object's."""
    query = "from_json(s, 'a INT, d STRUCT<e: INT>')"
    assert asked(tmp_path / "t", query, '{"a":1') == {"a": None, "d": None}
    with pytest.raises(EngineError) as caught:
        asked(tmp_path / "u", query, '{"a":1,"d":{"e" 1')
    assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize("type_", ["CHAR(3)", "ARRAY<VARCHAR(3)>"])
def test_padded_texts_in_a_schema_are_refused_as_by_spark(type_: str, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="CHAR or VARCHAR"):
        asked(tmp_path / "t", f"from_json(s, 'a {type_}')", "{}")
