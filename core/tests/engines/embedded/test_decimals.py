"""Decimals of many digits become the doubles and whole numbers that Spark makes of them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import parquet, rows

from headwater.errors import EngineError, QueryError
from headwater.tables.relation import FileRelation


def table(folder: Path, precision: int, scale: int, *values: str) -> FileRelation:
    exact = [Decimal(x) for x in values]
    return parquet(folder, pa.table({"n": pa.array(exact, pa.decimal128(precision, scale))}))


@pytest.mark.parametrize(
    ("precision", "scale", "value"),
    [
        (38, 38, "0.00000000000000000000000000000000000282"),
        (38, 10, "1234567890123456789012345678.0123456789"),
        (38, 10, "-0.3333333333"),
        (38, 0, "9007199254740993"),
        (38, 0, "99999999999999999999999999999999999999"),
        (18, 4, "99999999999999.9999"),
        (18, 17, "0.30000000000000004"),
        (10, 2, "-99999999.99"),
    ],
)
@pytest.mark.parametrize("query", ["CAST(n AS DOUBLE)", "n + 0.0D", "coalesce(n, 0.0D)"])
def test_the_nearest_double_is_taken(
    query: str, precision: int, scale: int, value: str, tmp_path: Path
) -> None:
    got = rows(f"SELECT {query} AS v FROM t", t=table(tmp_path / "t", precision, scale, value))
    assert got == [{"v": float(value)}]


@pytest.mark.parametrize("type_", ["INT", "SMALLINT", "TINYINT"])
@pytest.mark.parametrize("cast", ["CAST", "TRY_CAST"])
def test_what_spark_may_round_up_ends_the_read(cast: str, type_: str, tmp_path: Path) -> None:
    """Spark 4.1 makes 2 of 1.99999999999999999, by way of a double."""
    near = table(tmp_path / "t", 38, 20, "1.99999999999999999999")
    with pytest.raises(EngineError) as caught:
        rows(f"SELECT {cast}(n AS {type_}) AS v FROM t", t=near)
    assert caught.value.code == "not-portable-value"


def test_other_decimals_lose_what_is_behind_the_point(tmp_path: Path) -> None:
    values: dict[str, Any] = {"1.9999": 1, "-1.5": -1, "-0.00000000000000000001": 0, "7": 7}
    t = table(tmp_path / "t", 38, 20, *values)
    assert rows("SELECT CAST(n AS INT) AS v FROM t", t=t) == [{"v": v} for v in values.values()]
    t = table(tmp_path / "u", 38, 20, "1.99999999999999999999")
    assert rows("SELECT CAST(n AS BIGINT) AS v FROM t", t=t) == [{"v": 1}]


def test_nullifzero_of_a_decimal_is_refused(tmp_path: Path) -> None:
    """Spark compares with 0 as a decimal(38,37): 1E-38 is NULL to it."""
    with pytest.raises(QueryError, match="nullifzero"):
        rows("SELECT nullifzero(n) AS v FROM t", t=table(tmp_path / "t", 38, 38, "1E-38"))
