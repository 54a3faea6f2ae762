"""What raises in Spark raises here too, wherever DuckDB would like to look at fewer rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import parquet, plan, rows

from headwater.auth.credentials import Access
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import EngineError, QueryError
from headwater.tables.relation import FileRelation

COUNT = 300_000
CASTS = "SELECT k, CAST(s AS INT) AS v FROM t"
RANKED = "SELECT CAST(s AS INT) AS v, row_number() OVER (PARTITION BY z ORDER BY k) AS n FROM t"
SUMS = "SELECT z, k, sum(CAST(s AS INT)) AS v, count(*) AS n FROM t GROUP BY z, k"
GUARDED = "SELECT CASE WHEN k = 5 THEN CAST(s AS INT) END AS v FROM t WHERE k > 299990 OR k = 5"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FileRelation]:
    """A table whose last row has a text that is no number, far from the rows that queries keep."""
    folder: Path = tmp_path_factory.mktemp("tables")
    texts = [str(i) for i in range(COUNT - 1)] + ["x"]
    t = pa.table({"k": range(COUNT), "s": texts, "z": [i % 7 for i in range(COUNT)]})
    return {"t": parquet(folder / "t", t), "y": parquet(folder / "y", pa.table({"k": [5]}))}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CAST(s AS INT) AS v FROM t",
        "SELECT k, CAST(s AS INT) AS v FROM t ORDER BY k LIMIT 5",
        f"SELECT x.k, x.v FROM ({CASTS}) x JOIN y ON x.k = y.k",
        f"SELECT x.k, x.v FROM ({CASTS}) x LEFT SEMI JOIN y ON x.k = y.k",
        f"SELECT x.v FROM ({RANKED}) x WHERE x.n = 1",
        "SELECT x.k FROM (SELECT k FROM t WHERE CAST(s AS INT) >= 0) x WHERE x.k = 5",
        f"SELECT x.v FROM ({SUMS}) x WHERE x.n = 1 AND x.k < 5",
        "SELECT count(*) AS n FROM t WHERE CAST(s AS INT) >= 0 AND k < 5",
    ],
)
def test_a_row_that_spark_evaluates_is_evaluated(sql: str, tables: dict[str, FileRelation]) -> None:
    with pytest.raises(EngineError, match=r"CAST_INVALID_INPUT|Could not convert") as caught:
        rows(sql, **tables)
    assert caught.value.code == "spark-runtime-error"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT CAST(s AS INT) AS v FROM t WHERE k = 5", [{"v": 5}]),
        ("SELECT x.v FROM (SELECT k, CAST(s AS INT) AS v FROM t) x WHERE x.k = 5", [{"v": 5}]),
        ("SELECT x.k FROM (SELECT k, CAST(s AS INT) AS v FROM t) x WHERE x.k = 5", [{"k": 5}]),
        ("SELECT k FROM t WHERE k < 6 AND CAST(s AS INT) = 5", [{"k": 5}]),
        (f"{GUARDED} ORDER BY v DESC LIMIT 1", [{"v": 5}]),
        ("SELECT CAST(t.s AS INT) AS v FROM t JOIN y ON t.k = y.k", [{"v": 5}]),
        (f"SELECT nullif(k, {COUNT - 1}) < s AS v FROM t WHERE k = {COUNT - 1}", [{"v": None}]),
    ],
)  # fmt: skip
def test_a_row_that_spark_filters_first_is_not(
    sql: str, expected: list[dict[str, int]], tables: dict[str, FileRelation]
) -> None:
    assert rows(sql, **tables) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT t.k FROM t JOIN y ON t.k = y.k WHERE CAST(t.s AS INT) > 0",
        "SELECT t.k FROM t JOIN y ON CAST(t.s AS BIGINT) = y.k",
        "SELECT k FROM y WHERE k IN (SELECT CAST(s AS BIGINT) FROM t)",
    ],
)
def test_where_it_can_not_be_told_the_query_is_refused(
    sql: str, tables: dict[str, FileRelation]
) -> None:
    with pytest.raises(QueryError, match="may raise"):
        rows(sql, **tables)


@pytest.mark.parametrize(
    "condition",
    [
        "i + 1 < 5", "5 > i + 1", "i - -1 <> 5", "i * 2 = 4", "1 + i <=> 5",
        "i + 1 BETWEEN 1 AND 5", "b + 1 < 5", "0 - lowest > 5", "i + 1 IS NULL", "i + 1 + 1 < 9",
        "-lowest IS NOT NULL", "nvl2(i + 1, true, false)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("query", ["SELECT i FROM n WHERE {}", "SELECT {} AS v FROM n"])
def test_a_comparison_does_not_hide_that_a_number_overflows(
    query: str, condition: str, tmp_path: Path
) -> None:
    """`i + 1 < 5` is `i < 4` to DuckDB's optimizer, and that overflows nowhere."""
    columns: dict[str, Any] = {
        "i": pa.array([2**31 - 1], pa.int32()),
        "b": [2**63 - 1],
        "lowest": pa.array([-(2**31)], pa.int32()),
    }
    table = parquet(tmp_path / "n", pa.table(columns))
    with pytest.raises(EngineError, match=r"verflow|out of range"):
        rows(query.format(condition), n=table)


@pytest.mark.parametrize("call", ["count(i + 1)", "count(i + 1, i)", "count(DISTINCT i + 1, i)"])
def test_what_is_counted_is_evaluated(call: str, tmp_path: Path) -> None:
    table = parquet(tmp_path / "n", pa.table({"i": pa.array([2**31 - 1], pa.int32())}))
    with pytest.raises(EngineError, match="verflow"):
        rows(f"SELECT {call} AS n FROM n", n=table)


@pytest.mark.parametrize("call", ["regr_sxx(i + 1, d)", "regr_syy(d, i + 1)"])
def test_what_is_paired_is_evaluated(call: str, tmp_path: Path) -> None:
    table = pa.table({"i": pa.array([2**31 - 1, 1], pa.int32()), "d": [1.0, 2.0]})
    paired = plan(f"SELECT {call} AS n FROM n", n=parquet(tmp_path / "n", table))
    engine = EmbeddedEngine(tolerance="1e-6")
    with pytest.raises(EngineError, match="verflow"), engine.read(paired, Access()) as stream:
        list(stream)


@pytest.mark.parametrize(
    "call",
    [
        *("approx_count_distinct(i) = 2", "log10(max(i)) < 0.5", "log1p(max(i)) > 1"),
        *("expm1(max(i)) > 6", "exp(max(i)) > 7", "pow(max(i), 1.3) > 2", "cbrt(max(i)) > 1"),
        *("log(3, max(i)) < 1", "ln(max(i)) < 1", "asinh(max(i)) > 1", "acosh(max(i)) > 1"),
    ],
)
def test_having_takes_what_is_made_of_structs(call: str, tmp_path: Path) -> None:
    # There DuckDB takes p.n, of a lambda's p, for a column.
    table = parquet(tmp_path / "h", pa.table({"i": pa.array([1, 2], pa.int32())}))
    assert rows(f"SELECT count(*) AS n FROM t HAVING {call}", t=table) == [{"n": 2}]
