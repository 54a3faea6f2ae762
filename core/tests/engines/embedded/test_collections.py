"""Arrays and maps on the embedded engine: names that collide, values at which the engines part."""

from __future__ import annotations

from typing import Any

import pytest

import headwater as hw
from headwater.errors import EngineError

pa = pytest.importorskip("pyarrow")


def answer(expression: str, **columns: Any) -> list[Any]:
    """Return the values of an expression over a table of these columns."""
    source = hw.MemoryDataSource(tables={"t": pa.table(columns or {"i": [1]})})
    workspace = hw.Workspace(engine="embedded")
    found = workspace.sql(f"SELECT {expression} AS v FROM t", source).to_arrow()
    return list(found.column("v").to_pylist())


NAMES = ["s", "x", "p", "v0", "z", "l", "d", "r", "k", "w", "a", "l0", "x0", "m0", "a0", "c0"]
PARTS = ["x", "k", "v", "key", "value", "a", "b", "s"]


CALLS: dict[str, Any] = {
    "sort_array(many)": [{"f": 1}, {"f": 2}],
    "map_from_arrays(array('q'), array(3))": [("q", 3)],
    "transform_values(map('q', 1), (n, m) -> m + 2)": [("q", 3)],
    "map_filter(map('q', 1), (n, m) -> m = 1)": [("q", 1)],
    "sequence(1, 3)": [1, 2, 3],
    "array_union(array(1, 2), array(2, 3))": [1, 2, 3],
    "bround(2.5D)": 2.0,
    "ln(1.0D)": 0.0,
    "aggregate(array(1, 2), 0, (n, m) -> n + m + size(many))": 7,
    "array_sort(array(1, 3, 2), (n, m) -> CASE WHEN n > m THEN -1 ELSE 1 END)": [3, 2, 1],
    "map_zip_with(map('q', 1), map('q', 2), (i, n, m) -> n + m)": [("q", 3)],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_column_is_not_taken_for_a_variable(name: str) -> None:
    """DuckDB takes `s.x` for the field of a column s before it looks for a lambda's variable."""
    fields = pa.array([dict.fromkeys(PARTS, 77)])
    many = pa.array([[{"f": 2}, {"f": 1}]])
    listed = ", ".join(f"{call} AS answer{n}" for n, call in enumerate(CALLS))
    source = hw.MemoryDataSource(tables={"t": pa.table({name: fields, "many": many})})
    found = hw.Workspace(engine="embedded").sql(f"SELECT {listed} FROM t", source).to_arrow()
    assert dict(zip(CALLS, found.to_pylist()[0].values(), strict=True)) == CALLS


def test_a_lambda_takes_its_own_row_for_what_is_around_it() -> None:
    """DuckDB's list_reduce takes another row's once lists differ in length."""
    lists = pa.array([[1], [1, 2, 3], [], None, [5, 5]], pa.list_(pa.int32()))
    own = {"many": lists, "i": pa.array([10, 2, 3, 4, 1], pa.int32())}
    assert answer("aggregate(many, 0, (s, x) -> s + x * i)", **own) == [10, 12, 0, None, 10]
    inner = "aggregate(many, 0, (s, x) -> s + aggregate(many, 0, (a, y) -> a + y * x + i))"
    assert answer(inner, **own) == [11, 54, 0, None, 104]
    texts = "aggregate(many, '', (s, x) -> concat(s, x, '/', i, ' '))"
    assert answer(texts, **own) == ["1/10 ", "1/2 2/2 3/2 ", "", None, "5/1 5/1 "]


@pytest.mark.parametrize(
    "comparison", ["CASE WHEN x < y THEN -1 WHEN x > y THEN 1 ELSE 0 END", "1", "NULLIF(0, 0)"]
)
def test_what_is_no_order_of_the_elements_ends_the_read(comparison: str) -> None:
    """With NULL among them it says that 1 is NULL and NULL is 2."""
    with pytest.raises(EngineError) as caught:
        answer(
            f"array_sort(array(i, NULL, 2), (x, y) -> {comparison})", i=pa.array([1], pa.int32())
        )
    assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("map('a', i, 'a', 2)", "DUPLICATED_MAP_KEY"),
        ("map(CAST(NULL AS STRING), i)", "NULL_MAP_KEY"),
        ("map_from_arrays(array(1, 1), array(i, 2))", "DUPLICATED_MAP_KEY"),
        ("map_concat(map('a', i), map('a', 2))", "DUPLICATED_MAP_KEY"),
        ("transform_keys(map('a', i, 'b', 2), (k, v) -> 1)", "DUPLICATED_MAP_KEY"),
        ("element_at(array(i, 2), 3 * i)", "INVALID_ARRAY_INDEX_IN_ELEMENT_AT"),
        ("element_at(array(i, 2), i - 1)", "INVALID_INDEX_OF_ZERO"),
        ("slice(array(i, 2), i - 1, 1)", "INVALID_PARAMETER_VALUE.START"),
        ("array_insert(array(i, 2), i - 1, 1)", "INVALID_INDEX_OF_ZERO"),
        ("sequence(i, 5, -1)", "ILLEGAL_SEQUENCE"),
        ("pmod(i, i - 1)", "DIVIDE_BY_ZERO"),
        ("bit_get(CAST(i AS TINYINT), 8)", "INVALID_PARAMETER_VALUE"),
        ("getbit(CAST(i AS TINYINT), 8Y)", "INVALID_PARAMETER_VALUE"),
        ("bit_get(CAST(i AS SMALLINT), 16Y)", "INVALID_PARAMETER_VALUE"),
        ("getbit(i, 32S)", "INVALID_PARAMETER_VALUE"),
    ],
)
def test_it_raises_where_spark_raises(expression: str, condition: str) -> None:
    with pytest.raises(EngineError, match=condition.replace(".", r"\.")) as caught:
        answer(expression, i=pa.array([1], pa.int32()))
    assert caught.value.code == "spark-runtime-error"


@pytest.mark.parametrize("expression", ["split('a,b', ',')[i]", "element_at(split('a,b', ','), i)"])
def test_an_index_that_is_null_in_an_array_without_null(expression: str) -> None:
    """Spark 4.1 takes -1 for it: it raises, or answers with the last element."""
    with pytest.raises(EngineError) as caught:
        answer(expression, i=pa.array([None], pa.int32()))
    assert caught.value.code == "not-portable-value"


@pytest.mark.parametrize("expression", ["l[i]", "element_at(l, i)", "get(split('a', ','), i)"])
def test_an_index_that_is_null_in_a_column(expression: str) -> None:
    assert answer(expression, i=pa.array([None], pa.int32()), l=pa.array([[1, 2]])) == [None]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("array_insert(array(1, 2, 3), -5, 0)", [0, None, 1, 2, 3]),
        ("array_insert(array(1, 2, 3), 6, 0)", [1, 2, 3, None, None, 0]),
        ("slice(array(1, 2, 3), -2, 5)", [2, 3]),
        ("slice(array(1, 2, 3), -5, 2)", []),
        ("arrays_zip(array(1, 2), array('a'))", [{"0": 1, "1": "a"}, {"0": 2, "1": None}]),
        ("arrays_overlap(array(1, NULL), array(2))", None),
        ("array_except(array(1, NULL, 1, NULL), array(2))", [1, None]),
        ("zip_with(array(1, 2), array(3), (x, y) -> coalesce(x * y, 0))", [3, 0]),
        ("pmod(-7, 3)", 2),
        ("pmod(-7.5D, 2)", 0.5),
        ("bround(2.5D) + bround(3.5D) + bround(-2.5D)", 4.0),
        ("width_bucket(5.3D, 0.2D, 10.6D, 5)", 3),
        ("try_mod(7, 0)", None),
        ("element_at(map(1, 'a', 2, 'b'), 2)", "b"),
    ],
)
def test_values_are_those_of_spark(expression: str, expected: Any) -> None:
    assert answer(expression) == [expected]


NAN, INFINITY = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("keys", "most", "least"),
    [
        ([[NAN], [INFINITY], [None], [-0.0, 1.0], [0.0]], 0, 2),
        ([[0.0, 1.0], [-0.0, 2.0]], 1, 0),
        ([[-0.0, 2.0], [0.0, 1.0]], 0, 1),
        ([{"x": 1, "y": NAN}, {"x": 1, "y": INFINITY}, {"x": 1, "y": None}], 0, 2),
    ],
)
def test_doubles_within_a_key_are_ordered_as_spark_orders_them(
    keys: list[Any], most: int, least: int
) -> None:
    """As Spark 4.1.4 said of the same rows: NaN is the largest, and -0.0 is 0.0."""
    columns = {"v": list(range(len(keys))), "k": keys}
    assert answer("array(max_by(v, k), min_by(v, k))", **columns) == [[most, least]]
