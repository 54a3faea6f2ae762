"""What is said of errors of values, and whether its advice works, on the embedded engine."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import EngineError
from headwater.sources.memory import MemoryDataSource

PAIRS = MemoryDataSource(tables={"t": pa.table({"n": [1, 2]})})
UNTIL_200 = (
    "AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 200) SELECT max(n) AS n FROM r"
)


def answer(query: str, source: MemoryDataSource = PAIRS) -> list[object]:
    with hw.Workspace(engine="embedded") as workspace:
        return list(workspace.sql(query, source).to_arrow().column(0).to_pylist())


@pytest.mark.parametrize(
    ("query", "advice", "mended"),
    [
        (
            "SELECT n FROM t WHERE n = (SELECT n FROM t)",
            "an aggregate (max",
            "SELECT n FROM t WHERE n = (SELECT max(n) FROM t)",
        ),
        (
            f"WITH RECURSIVE r {UNTIL_200}",
            "MAX RECURSION LEVEL",
            f"WITH RECURSIVE r MAX RECURSION LEVEL 300 {UNTIL_200}",
        ),
        ("SELECT 1 / (n - 1) AS q FROM t", "nullif", "SELECT 1 / nullif(n - 1, 0) AS q FROM t"),
    ],
)
def test_the_advice_is_of_the_error_and_works(query: str, advice: str, mended: str) -> None:
    with pytest.raises(EngineError) as caught:
        answer(query)
    assert caught.value.code == "spark-runtime-error"
    assert advice in (caught.value.hint or "")
    assert answer(mended)


ENDLESS = "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r)"


@pytest.mark.parametrize(
    "query",
    [
        f"{ENDLESS} SELECT n FROM r LIMIT 3",
        f"{ENDLESS} SELECT 1 AS one WHERE EXISTS (SELECT n FROM r)",
        f"{ENDLESS} SELECT n FROM r WHERE 1 = 0",
        "SELECT CASE WHEN true THEN 1 ELSE (SELECT n FROM t) END AS one",
        "SELECT CASE 1 WHEN 1 THEN 1 ELSE (SELECT n FROM t) END AS one",
        "SELECT coalesce(1, (SELECT n FROM t)) AS one",
        "SELECT if(true, 1, (SELECT n FROM t)) AS one FROM t",
        "SELECT (SELECT n FROM t) AS one FROM t WHERE 1 = 0",
        "SELECT (SELECT n FROM t) AS one FROM t LIMIT 0",
        "SELECT n FROM t WHERE false AND n = (SELECT n FROM t)",
    ],
)
def test_what_spark_may_leave_out_is_no_error_of_sparks(query: str) -> None:
    with pytest.raises(EngineError) as caught:
        answer(query)
    assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize(
    "query",
    [
        f"{ENDLESS} SELECT max(n) AS n FROM r WHERE n > 5",
        "SELECT (SELECT n FROM t) AS one FROM t LIMIT 1",
        "SELECT CASE WHEN n = 1 THEN 1 ELSE (SELECT n FROM t) END AS one FROM t",
        "SELECT CASE n WHEN 1 THEN 1 ELSE (SELECT n FROM t) END AS one FROM t",
        "SELECT coalesce((SELECT n FROM t), 1) AS one",
        "SELECT n FROM t WHERE n > 1 AND n = (SELECT n FROM t)",
    ],
)
def test_what_spark_asks_for_is_its_error(query: str) -> None:
    with pytest.raises(EngineError) as caught:
        answer(query)
    assert caught.value.code == "spark-runtime-error"


TIES = MemoryDataSource(
    tables={
        "t": pa.table(
            {
                "n": pa.array([1, 1, 0, None]),
                "v": pa.array(["x", "y", "z", "z"]),
                "zero": [0.0, -0.0, 1.0, 1.0],
                "wide": pa.array([Decimal(0), Decimal(-1), None, None], pa.decimal128(38, 0)),
                "list": pa.array([[], [None], [1], [1]], pa.list_(pa.int64())),
                "pair": pa.array([[1, 2], [2, 1], [2], [2]], pa.list_(pa.int64())),
                "zeros": pa.array([[0.0], [-0.0], [-1.0], [-1.0]]),
            }
        )
    }
)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT max_by(v, n) AS r FROM t",
        "SELECT min_by(v, -n) AS r FROM t GROUP BY n IS NULL",
        "SELECT max_by(v, struct(n)) AS r FROM t",
        "SELECT max_by(zero, n) AS r FROM t",
        "SELECT max_by(zero, zero) AS r FROM t WHERE n = 1",
        "SELECT max_by(wide, n) AS r FROM t",
        "SELECT max_by(list, n) AS r FROM t",
        "SELECT max_by(pair, size(pair)) AS r FROM t",
        "SELECT max_by(pair, sort_array(pair)) AS r FROM t WHERE n = 1",
        "SELECT max_by(pair, transform(pair, x -> n)) AS r FROM t WHERE n = 1",
        "SELECT max_by(pair, transform(pair, x -> CASE WHEN x > 2 THEN x END)) AS r FROM t",
        "SELECT max_by(zeros, CASE WHEN n > 0 THEN zeros END) AS r FROM t",
        "SELECT max_by(s, named_struct('a', 1)) AS r FROM (SELECT struct(v) AS s FROM t)",
        "SELECT max_by(nullif(v, 'y'), n) AS r FROM t",
        "SELECT max_by(v, n) FILTER (WHERE n < 2) AS r FROM t",
        "SELECT max_by(v, n) OVER (PARTITION BY n IS NULL) AS r FROM t",
    ],
)
def test_of_several_values_that_go_by_the_same_none_is_taken(query: str) -> None:
    with pytest.raises(EngineError) as caught:
        answer(query, TIES)
    assert caught.value.code == "not-portable-value"
    assert "go by the same" in caught.value.message


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("SELECT min_by(v, n) AS r FROM t", ["z"]),
        ("SELECT max_by(v, struct(n, v)) AS r FROM t", ["y"]),
        ("SELECT max_by(v, n) FILTER (WHERE v <> 'x') AS r FROM t", ["y"]),
        ("SELECT max_by(n, n) AS r FROM t", [1]),
        ("SELECT max_by(zero, zero) AS r FROM t", [1.0]),
        ("SELECT max_by(zeros, zeros) AS r FROM t", [[0.0]]),
        ("SELECT max_by(map(1, 2), n) AS r FROM t", [[(1, 2)]]),
        ("SELECT max_by(v, n) AS r FROM t WHERE n IS NULL", [None]),
        ("SELECT min_by(v, n) OVER (PARTITION BY v) AS r FROM t WHERE n < 1", ["z"]),
    ],
)
def test_a_value_that_alone_goes_by_the_most_is_taken(query: str, values: list[object]) -> None:
    assert answer(query, TIES) == values


LISTS = MemoryDataSource(tables={"t": pa.table({"l": [[1, 2], [1, None]], "n": [1, 2]})})


@pytest.mark.parametrize(
    ("start", "step", "value"),
    [
        ("array(0L)", "array_append(x, y)", [0, 1, 2]),
        ("struct(0L AS n, '' AS s)", "struct(x.n + y AS n, x.s AS s)", {"n": 3, "s": ""}),
        ("struct(0L AS n, array(0L) AS a)", "struct(y AS n, array(y) AS a)", {"n": 2, "a": [2]}),
        ("struct(array(0L) AS a)", "struct(CASE WHEN y > 0 THEN array(y) END AS a)", {"a": [2]}),
        ("map('a', 0L)", "map('a', y)", [("a", 2)]),
    ],
)
def test_no_null_is_put_where_spark_has_no_place_for_one(
    start: str, step: str, value: object
) -> None:
    query = f"SELECT aggregate(l, {start}, (x, y) -> {step}) AS r FROM t WHERE n = "
    assert answer(f"{query} 1", LISTS) == [value]
    with pytest.raises(EngineError) as caught:
        answer(f"{query} 2", LISTS)
    assert caught.value.code == "not-portable-value"


def test_a_step_may_give_null_where_the_start_has_a_place_for_one() -> None:
    start = "CAST(array(0L) AS ARRAY<BIGINT>)"
    query = f"SELECT aggregate(l, {start}, (x, y) -> array_append(x, y)) AS r FROM t"
    assert sorted(answer(query, LISTS), key=repr) == [[0, 1, 2], [0, 1, None]]


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ("((1, 2)), ((3, 4))", [(1, 2), (3, 4)]),
        ("(((1, 2))), (struct(3, 4)), (5, 6)", [(1, 2), (3, 4), (5, 6)]),
    ],
)
def test_a_row_of_values_in_more_brackets_is_the_row(rows: str, values: list[object]) -> None:
    with hw.Workspace(engine="embedded") as workspace:
        table = workspace.sql(f"SELECT * FROM VALUES {rows} AS v(a, b)", LISTS).to_arrow()
    assert sorted(tuple(row.values()) for row in table.to_pylist()) == values


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64()])
def test_an_approximate_percentile_of_nan_is_none_of_ours(type_: pa.DataType) -> None:
    """Spark compares parts of a group by `<`: which parts there are decides where NaN stands."""
    values = pa.array([1.0, 2.0, float("nan"), 4.0], type_)
    source = MemoryDataSource(tables={"t": pa.table({"x": values})})
    query = "SELECT percentile_approx(x, 0.75) AS p FROM t"
    assert answer(f"{query} WHERE x < 'NaN'", source) == [4.0]
    with pytest.raises(EngineError, match="approximate percentile of values that are NaN"):
        answer(query, source)
