"""A number too large for the type that it is cast to is seen also where it is only compared.

DuckDB would compare what is cast: `CAST(b AS INTEGER) > 5` as `b > 5`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import parquet, rows

from headwater.errors import EngineError
from headwater.tables.relation import FileRelation


@pytest.fixture
def table(tmp_path: Path) -> FileRelation:
    data: dict[str, Any] = {
        "b": pa.array([2**62]),
        "n": pa.array([Decimal("99999999.99")], pa.decimal128(10, 2)),
        "w": pa.array([Decimal(9999999999)], pa.decimal128(10, 0)),
    }
    return parquet(tmp_path / "t", pa.table(data))


NARROWED = [
    *("CAST(b AS INT)", "CAST(b AS TINYINT)", "CAST(CAST(b AS INT) AS BIGINT)"),
    *("CAST(b AS DECIMAL(5,0))", "CAST(n AS DECIMAL(5,2))", "CAST(w AS INT)", "CAST(n AS TINYINT)"),
]
COMPARED = ["{} > 5", "{} = 5", "5 < {}", "{} IN (5, 6)", "{} BETWEEN 5 AND 6", "{} <=> 5"]


@pytest.mark.parametrize("compared", COMPARED)
@pytest.mark.parametrize("cast", NARROWED)
def test_what_has_no_place_raises_as_in_spark(
    cast: str, compared: str, table: FileRelation
) -> None:
    for query in (f"SELECT {compared} AS v FROM t", f"SELECT b FROM t WHERE {compared}"):
        with pytest.raises(EngineError) as caught:
            rows(query.format(cast), t=table)
        assert caught.value.code == "spark-runtime-error"


@pytest.mark.parametrize(
    "cast", ["TRY_CAST(b AS INT)", "TRY_CAST(b AS DECIMAL(5,0))", "TRY_CAST(n AS DECIMAL(5,2))"]
)
def test_or_is_null_where_it_is_tried(cast: str, table: FileRelation) -> None:
    assert rows(f"SELECT {cast} > 5 AS v FROM t", t=table) == [{"v": None}]
    assert rows(f"SELECT b FROM t WHERE {cast} > 5", t=table) == []


@pytest.mark.parametrize(
    "span",
    [
        *("INTERVAL 1 DAY * b", "make_dt_interval(CAST(b % 2147483648 AS INT) + 2147483647)"),
        "make_ym_interval(CAST(b % 2147483648 AS INT) + 2147483647)",
    ],
)
def test_an_interval_out_of_range_raises(span: str, table: FileRelation) -> None:
    other = "INTERVAL 1 YEAR" if "_ym_" in span else "INTERVAL 1 DAY"
    with pytest.raises(EngineError) as caught:
        rows(f"SELECT {span} > {other} AS v FROM t", t=table)
    assert caught.value.code == "spark-runtime-error"


@pytest.mark.parametrize("operator", ["add", "subtract", "multiply"])
@pytest.mark.parametrize(
    "operand",
    ["TRY_CAST(s AS INT)", "TRY_CAST(s AS BIGINT)", "(SELECT max(i) FROM t)", "sum(i) OVER ()"],
)
def test_what_is_tried_may_be_made_of_anything(operator: str, operand: str, tmp_path: Path) -> None:
    # DuckDB's TRY takes no subquery, no window and nothing that holds an error() of ours.
    content = pa.table({"s": ["7", "x", None], "i": pa.array([7, None, None], pa.int32())})
    table = parquet(tmp_path / "s", content)
    found = rows(f"SELECT s, try_{operator}({operand}, 2) AS v FROM t WHERE i = 7", t=table)
    assert found == [{"s": "7", "v": {"add": 9, "subtract": 5, "multiply": 14}[operator]}]


@pytest.mark.parametrize(
    "call",
    [
        *("try_add(i, 1)", "try_multiply(i, 2)", "try_subtract(-2, i)", "try_add(b, b)"),
        *("try_multiply(b, b)", "try_subtract(-2, b)", "try_add(b, i)", "try_multiply(i, b)"),
    ],
)
def test_a_sum_that_is_tried_is_null_where_it_has_no_place(call: str, tmp_path: Path) -> None:
    content = pa.table({"i": pa.array([2**31 - 1], pa.int32()), "b": [2**63 - 1]})
    table = parquet(tmp_path / "s", content)
    assert rows(f"SELECT {call} AS v, {call} > -9 AS w FROM t", t=table) == [{"v": None, "w": None}]
    assert rows(f"SELECT b FROM t WHERE {call} <> 5", t=table) == []
