"""A column means what Spark means by its name, however much of that stands before it.

The plan's SQL calls tables by private names, so `db.t.column` can't stay; nor may it become a name
that another table or a struct has too.
"""

import pyarrow as pa
import pytest

import headwater as hw
from headwater.errors import QueryError

_INNER = pa.struct([("g", pa.int32())])
_OUTER = pa.struct([("f", _INNER), ("i", pa.int32())])
TABLES = {
    "t": pa.table(
        {
            "i": pa.array([7], pa.int32()),
            "t": pa.array([{"f": {"g": 1}, "i": 2}], _OUTER),
            "s": pa.array([{"f": {"g": 3}, "i": 4}], _OUTER),
            "a": pa.array([[{"f": {"g": 5}, "i": 6}]], pa.list_(_OUTER)),
        }
    ),
    "u": pa.table({"i": pa.array([7, 8], pa.int32()), "w": ["x", "y"]}),
}


@pytest.fixture(scope="module")
def read():
    source = hw.MemoryDataSource(tables=TABLES)
    with hw.Workspace(engine="embedded") as workspace:
        yield lambda query: workspace.sql(query, source)


def values(dataset) -> list:
    return sorted(row[0] for row in zip(*dataset.to_arrow().to_pydict().values(), strict=True))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("t.i", 7),
        ("t.t.i", 2),
        ("t.t.f.g", 1),
        ("t.s.f.g", 3),
        ("s.f.g", 3),
        ("memory.t.i", 7),
        ("MEMORY . `T` . i", 7),
        ("memory.t.t.i", 2),
        ("memory.t.t.f.g", 1),
        ("memory.t.s.i", 4),
        ("spark_catalog.memory.t.i", 7),
        ("spark_catalog.memory.t.s.f.g", 3),
        ("transform(memory.t.a, t -> t.f.g)[0]", 5),
    ],
)
@pytest.mark.parametrize("table", ["t", "memory.t"])
def test_a_field_is_a_field_and_a_database_a_database(read, name, value, table):
    assert values(read(f"SELECT {name} AS v FROM {table} WHERE {name} IS NOT NULL")) == [value]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT q.q.g FROM (SELECT s.f AS q, 9 AS g FROM t) q", [3]),
        ("SELECT t.x.i FROM t LATERAL VIEW explode(a) t AS x", [6]),
        ("SELECT x.x.i FROM t LATERAL VIEW explode(a) x AS x", [6]),
        ("SELECT i FROM u WHERE EXISTS (SELECT 1 FROM t AS u WHERE u.i = memory.u.i)", [7]),
        ("SELECT w FROM u WHERE i IN (SELECT i FROM t AS u WHERE memory.u.w = 'x')", ["x"]),
        ("SELECT memory.u.i FROM u CROSS JOIN t AS u WHERE memory.u.w = 'y'", [8]),
        ("SELECT w FROM u WHERE i IN (SELECT memory.u.i FROM (SELECT t AS u FROM t))", ["x", "y"]),
        ("WITH u AS (SELECT memory.u.i FROM memory.u) SELECT u.i FROM u WHERE u.i > 7", [8]),
        ("SELECT memory.u.* EXCEPT (memory.u.i) FROM u", ["x", "y"]),
        ("SELECT * EXCEPT (memory.u.i) FROM u", ["x", "y"]),
        ("SELECT memory.t.s.* EXCEPT (f) FROM t", [4]),
        ("SELECT t.t.* EXCEPT (f) FROM t", [2]),
        ("SELECT i FROM u WHERE memory.u.w = 'y' SORT BY memory.u.w", [8]),
        ("SELECT max(u.w) FROM u GROUP BY memory.u.i HAVING memory.u.i > 7", ["y"]),
        ("SELECT w FROM u ORDER BY memory.u.i LIMIT 1", ["x"]),
        ("SELECT u.w FROM t JOIN u ON memory.t.i = memory.u.i", ["x"]),
        ("FROM memory.u |> WHERE memory.u.i = 8 |> SELECT memory.u.w", ["y"]),
        ("SELECT memory.u.i AS a FROM u UNION ALL SELECT memory.t.i FROM t", [7, 7, 8]),
    ],
)
def test_no_other_table_and_no_struct_takes_a_column_over(read, query, expected):
    assert values(read(query)) == expected


def test_a_name_without_a_database_stays(read):
    plan = read("SELECT t.t.i + 1 FROM t").plan
    assert plan.sql == "SELECT t.t.i + 1 FROM `hw`.`t0` AS `t`"


def test_columns_are_called_as_before(read):
    query = "SELECT memory.u.i + 1, struct(u.w), memory.u.w FROM memory.u"
    plan = read(query).plan
    assert plan.sql == (
        "SELECT `_hw_t0`.i + 1, struct(`_hw_t0`.w), `_hw_t0`.w FROM `hw`.`t0` AS `_hw_t0`"
    )
    assert read(query).to_arrow().column_names == ["(i + 1)", "struct(w)", "w"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("u.x", "'u' has no column 'x'"),
        ("memory.u.x", "'memory.u' has no column 'x'"),
        ("memory.u.x.f", "'memory.u' has no column 'x'"),
        ("other.u.i", "there is no table or column 'other' here"),
    ],
)
def test_what_is_missing_is_said(read, name, says):
    with pytest.raises(QueryError) as caught:
        read(f"SELECT {name} AS v FROM u")
    assert f"error[unknown-column]: {says}\n" in str(caught.value)
