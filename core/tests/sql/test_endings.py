"""ORDER BY, LIMIT, WINDOW and * EXCEPT: what Spark's analyser admits of them, and what it refuses.

Every verdict here is one of Spark 4.1.4.
"""

from __future__ import annotations

import pytest

from headwater.sql import Validation, validate

CATALOG = {
    "db": {
        "t": {"a": "int", "b": "int", "s": "string", "st": "struct<x:int,y:int>"},
        "u": {"a": "int", "c": "int"},
    }
}
MORE = "HAVING max(b) > 5"


def checked(sql: str) -> Validation:
    return validate(sql, catalog=CATALOG, database="db")


def codes(sql: str) -> list[str]:
    return [d.code for d in checked(sql).diagnostics if d.severity.value == "error"]


def names(sql: str) -> list[str]:
    found = checked(sql)
    assert found.ok, found.render()
    return [c.name for c in found.columns]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT count(*) AS c FROM t GROUP BY a + 1 {MORE} ORDER BY a + 1",
        "SELECT count(*) AS c FROM t GROUP BY a + 1 HAVING 1 + a > 5 ORDER BY 1 + a",
        f"SELECT a + 1 AS d FROM t GROUP BY a + 1 {MORE} ORDER BY a + 1",
        f"SELECT a + 1 AS d FROM t GROUP BY d {MORE} ORDER BY a + 1",
        f"SELECT a + 1 AS d FROM t GROUP BY 1 {MORE} ORDER BY a + 1",
        f"SELECT a + 1 AS d, count(*) AS c FROM t GROUP BY ALL {MORE} ORDER BY a + 1",
        f"SELECT count(*) AS c FROM t GROUP BY a, b + 1 {MORE} ORDER BY a, b + 1",
        f"SELECT count(*) AS c FROM t GROUP BY upper(s) {MORE} ORDER BY upper(s)",
        f"SELECT st.x, count(*) AS c FROM t GROUP BY st.x {MORE} ORDER BY st.x",
        f"SELECT count(*) AS c FROM t GROUP BY a + 1 {MORE} ORDER BY c, a + 1",
        "SELECT a + 1 AS d, sum(count(*)) OVER () AS w FROM t GROUP BY a + 1 ORDER BY a + 1",
        f"SELECT DISTINCT a + 1 AS d FROM t GROUP BY a + 1 {MORE} ORDER BY a + 1",
        f"SELECT sum(b) AS s FROM t GROUP BY a {MORE} ORDER BY (SELECT c FROM u WHERE u.a = t.a)",
        "SELECT count(*) AS c FROM t GROUP BY ROLLUP(a) ORDER BY a",
        "SELECT a AS d, count(*) AS c FROM t GROUP BY ROLLUP(a) ORDER BY a",
        "SELECT a + 1 AS d, count(*) AS c FROM t GROUP BY ROLLUP(a + 1) ORDER BY a + 1",
        "SELECT a, count(*) AS c FROM t GROUP BY CUBE(a, b) HAVING count(*) > 5 ORDER BY a, b",
        "SELECT a, count(*) AS c FROM t GROUP BY GROUPING SETS ((a), (b)) ORDER BY b",
    ],
)
def test_an_order_by_what_spark_reaches_no_more_is_refused(sql: str) -> None:
    assert codes(sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT count(*) AS c FROM t GROUP BY a {MORE} ORDER BY a",
        f"SELECT count(*) AS c FROM t GROUP BY a {MORE} ORDER BY a + 1",
        f"SELECT count(*) AS c FROM t GROUP BY a, b {MORE} ORDER BY a + b",
        f"SELECT count(*) AS c FROM t GROUP BY a, a + 1 {MORE} ORDER BY a + 1",
        f"SELECT count(*) AS c FROM t GROUP BY a {MORE} ORDER BY c + a",
        f"SELECT a AS d, count(*) AS c FROM t GROUP BY d {MORE} ORDER BY t.a",
        f"SELECT a + 1 AS d, count(*) AS c FROM t GROUP BY a + 1 {MORE} ORDER BY d + 1",
        f"SELECT a AS d, count(*) AS c FROM t GROUP BY ALL {MORE} ORDER BY a",
        "SELECT count(*) AS c FROM t GROUP BY a + 1 HAVING c > 5 ORDER BY a + 1",
        "SELECT a + 1 AS d FROM t GROUP BY a + 1 HAVING a + 1 > 5 ORDER BY a + 1",
        "SELECT max(b) AS m FROM t GROUP BY a + 1 HAVING max(b) > 5 ORDER BY a + 1",
        f"SELECT count(*) AS c FROM t GROUP BY st {MORE} ORDER BY st.x",
        "SELECT sum(count(*)) OVER () AS w FROM t GROUP BY a ORDER BY a + 1",
        "SELECT a, b, count(*) AS c FROM t GROUP BY CUBE(a, b) HAVING count(*) > 5 ORDER BY a, b",
        "SELECT t.a, max(b) AS m FROM t GROUP BY ROLLUP(t.a) ORDER BY t.a, m",
        "SELECT a, max(b) AS m FROM t GROUP BY ROLLUP(a) ORDER BY a + 1, sum(b)",
        "SELECT a AS d FROM t GROUP BY ROLLUP(a) HAVING d IS NOT NULL ORDER BY -d",
    ],
)
def test_an_order_by_what_spark_reaches_is_taken(sql: str) -> None:
    assert codes(sql) == []


def test_what_the_hint_of_such_an_order_says_helps() -> None:
    (problem,) = checked(
        f"SELECT count(*) AS c FROM t GROUP BY a + 1 {MORE} ORDER BY a + 1"
    ).diagnostics
    assert problem.hint == "select it under a name, and order by that name"
    assert names(f"SELECT a + 1 AS d, count(*) AS c FROM t GROUP BY a + 1 {MORE} ORDER BY d")


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("SELECT * EXCEPT (a, st) FROM t", ["b", "s"]),
        ("SELECT * EXCEPT (a, A, `st`) FROM t", ["b", "s"]),
        ("SELECT t.* EXCEPT (a, st) FROM t", ["b", "s"]),
        ("SELECT st.* EXCEPT (x) FROM t", ["y"]),
        ("SELECT * EXCEPT (u.a) FROM t JOIN u ON t.a = u.a", ["a", "b", "s", "st", "c"]),
        ("SELECT * EXCEPT (t.a, db.t.b) FROM t JOIN u ON t.a = u.a", ["s", "st", "a", "c"]),
        ("SELECT t.* EXCEPT (a) FROM t JOIN u ON t.a = u.a", ["b", "s", "st"]),
        ("SELECT * EXCEPT (a) FROM t JOIN u USING (a)", ["b", "s", "st", "c"]),
        ("SELECT u.* EXCEPT (a) FROM t JOIN u USING (a)", ["c"]),
        ("SELECT * EXCEPT (a) FROM (SELECT a, a, b FROM t)", ["b"]),
        ("SELECT * FROM u EXCEPT SELECT a, b FROM t", ["a", "c"]),
        ("SELECT * FROM u EXCEPT (SELECT a, b FROM t)", ["a", "c"]),
    ],
)
def test_what_a_star_leaves(sql: str, left: list[str]) -> None:
    assert names(sql) == left


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * EXCEPT a FROM t", "syntax"),
        ("SELECT b, * EXCEPT a FROM t", "syntax"),
        ("SELECT t.* EXCEPT a FROM t", "syntax"),
        ("SELECT count(* EXCEPT a) AS n FROM t", "syntax"),
        ("SELECT * EXCEPT () FROM t", "syntax"),
        ("SELECT * EXCLUDE (a) FROM t", "syntax"),
        ("SELECT * EXCLUDE a FROM t", "syntax"),
        ("SELECT * EXCEPT (a + 1) FROM t", "syntax"),
        ("SELECT * EXCEPT (upper(a)) FROM t", "syntax"),
        ("SELECT * EXCEPT ('a') FROM t", "syntax"),
        ("SELECT * EXCEPT (a AS b) FROM t", "syntax"),
        ("SELECT * EXCEPT (a) AS x FROM t", "syntax"),
        ("SELECT * EXCEPT (a, a) FROM t", "syntax"),
        ("SELECT * EXCEPT (a, t.a) FROM t", "syntax"),
        ("SELECT st.* EXCEPT (x, x) FROM t", "syntax"),
        ("SELECT * EXCEPT (a, zz) FROM t", "unknown-column"),
        ("SELECT * EXCEPT (v.a) FROM t", "unknown-column"),
        ("SELECT t.* EXCEPT (c) FROM t JOIN u ON t.a = u.a", "unknown-column"),
        ("SELECT st.* EXCEPT (q) FROM t", "unknown-column"),
        ("SELECT struct(* EXCEPT (zz)) AS x FROM t", "unknown-column"),
        ("SELECT * EXCEPT (a) FROM t JOIN u ON t.a = u.a", "ambiguous-column"),
        ("SELECT * EXCEPT (a) FROM (SELECT a, b AS a FROM t)", "ambiguous-column"),
        ("SELECT * EXCEPT (st.zz) FROM t", "unknown-field"),
        ("SELECT * EXCEPT (a.x) FROM t", "unknown-field"),
        ("SELECT * EXCEPT (st.x) FROM t", "unsupported-syntax"),
    ],
)
def test_what_a_star_can_not_leave_out(sql: str, code: str) -> None:
    assert codes(sql) == [code]


def test_what_the_hint_about_a_field_says_helps() -> None:
    (problem,) = checked("SELECT * EXCEPT (st.x) FROM t").diagnostics
    assert problem.hint is not None
    assert "* EXCEPT (st), named_struct('field', st.field) AS st" in problem.hint
    better = "SELECT * EXCEPT (st), named_struct('y', st.y) AS st FROM t"
    assert names(better) == ["a", "b", "s", "st"]


def test_a_count_of_what_a_star_leaves_is_no_count_of_rows() -> None:
    assert checked("SELECT count(*) AS n FROM t").portable
    found = checked("SELECT count(* EXCEPT (a)) AS n FROM t")
    assert found.ok
    assert not found.portable


@pytest.mark.parametrize(
    "windows",
    [
        "w AS (ORDER BY a)",
        "`w` AS (ORDER BY a)",
        "w AS (ORDER BY a), W AS (ORDER BY b)",
        "v AS (ORDER BY a), w AS v",
        "w AS (v), v AS (ORDER BY a)",
    ],
)
def test_windows_that_are_defined(windows: str) -> None:
    found = checked(f"SELECT sum(a) OVER w AS s FROM t WINDOW {windows}")
    assert found.ok, found.render()
    assert found.portable


@pytest.mark.parametrize(
    ("windows", "code"),
    [
        ("w AS (ORDER BY a), w AS (ORDER BY b)", "syntax"),
        ("w AS (ORDER BY a), w AS (ORDER BY a)", "syntax"),
        ("w AS (ORDER BY a), `w` AS (ORDER BY a)", "syntax"),
        ("W AS (ORDER BY a)", "unknown-window"),
        ("v AS (ORDER BY a)", "unknown-window"),
        ("w AS v", "unknown-window"),
        ("v AS (ORDER BY a), w AS V", "unknown-window"),
        ("w AS w", "unknown-window"),
        ("w AS (w)", "unknown-window"),
        ("w AS v, v AS w", "unknown-window"),
        ("v AS (ORDER BY a), x AS v, w AS x", "unknown-window"),
    ],
)
def test_windows_that_are_not(windows: str, code: str) -> None:
    assert set(codes(f"SELECT sum(a) OVER w AS s FROM t WINDOW {windows}")) == {code}


@pytest.mark.parametrize("tail", ["w AS (ORDER BY a), w AS (ORDER BY b)", "w AS v", "w AS w"])
def test_a_window_that_nothing_names_is_checked(tail: str) -> None:
    assert codes(f"SELECT a FROM t WINDOW {tail}")


@pytest.mark.parametrize(
    "tail",
    [
        "LIMIT +1", "LIMIT + 1", "LIMIT ++1", "LIMIT +1 OFFSET +2", "LIMIT ALL OFFSET +1",
        "OFFSET +1", "LIMIT ALL", "LIMIT all OFFSET 2", "LIMIT 2147483647",
        "LIMIT 2147483646 OFFSET 1",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "head",
    [
        "SELECT a FROM t ORDER BY a",
        "SELECT a FROM t ORDER BY a DESC NULLS LAST",
        "SELECT a FROM t ORDER BY ALL",
        "(SELECT a FROM t) ORDER BY a",
        "SELECT a FROM t UNION SELECT a FROM u ORDER BY a",
    ],
)
def test_limits_that_are_taken(head: str, tail: str) -> None:
    found = checked(f"{head} {tail}")
    assert found.ok, found.render()
    assert found.portable or head.endswith("ALL")  # ORDER BY ALL runs on Spark


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT a FROM t WHERE a IN (SELECT a FROM u LIMIT ALL)",
        "WITH c AS (SELECT a FROM u LIMIT ALL) SELECT * FROM c",
        "FROM t |> SELECT a |> LIMIT ALL",
        "SELECT a FROM t LIMIT ALL",
    ],
)
def test_limit_all_leaves_out_nothing(sql: str) -> None:
    assert checked(sql).ok
    assert checked(sql).diagnostics == ()


@pytest.mark.parametrize(
    "tail",
    [
        "LIMIT 1L", "LIMIT 1S", "LIMIT 1.5", "LIMIT 1e0", "LIMIT 3000000000", "OFFSET 1L",
        "LIMIT 2147483647 OFFSET 1", "LIMIT -1", "LIMIT NULL", "LIMIT '1'", "LIMIT a", "LIMIT (1)",
        "LIMIT +a", "LIMIT +1 + 1", "LIMIT 1 + 1", "OFFSET 1 LIMIT 1", "LIMIT ALL LIMIT 1",
        "LIMIT CAST(1 AS INT)",
    ],
)  # fmt: skip
def test_limits_that_are_none(tail: str) -> None:
    assert codes(f"SELECT a FROM t ORDER BY a {tail}") == ["limit"]


@pytest.mark.parametrize(
    "tail",
    [
        "LIMIT 1 ORDER BY a", "LIMIT ALL ORDER BY a", "ORDER BY a WHERE a > 1",
        "GROUP BY a WHERE a > 1", "HAVING a > 1 GROUP BY a", "ORDER BY a GROUP BY a",
        "ORDER BY a LIMIT 1 WHERE a > 1", "OFFSET 1 ORDER BY a", "SORT BY a HAVING a > 1",
    ],
)  # fmt: skip
def test_clauses_in_another_order(tail: str) -> None:
    assert "syntax" in codes(f"SELECT a FROM t {tail}")
    assert "syntax" in codes(f"SELECT * FROM (SELECT a FROM t {tail})")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT sum(a) FILTER (WHERE a > 1) AS s FROM t WHERE b > 1 ORDER BY s LIMIT 1 OFFSET 1",
        "SELECT rank() OVER (ORDER BY a) AS r FROM t WHERE a > (SELECT max(a) FROM u LIMIT 1)",
        "SELECT a FROM t WHERE a > 1 UNION SELECT a FROM u WHERE a > 1 ORDER BY a",
        "FROM t |> LIMIT 5 |> WHERE a > 1 |> ORDER BY a |> AGGREGATE sum(a) AS s GROUP BY b",
        "(SELECT a FROM t ORDER BY a LIMIT 5) ORDER BY a LIMIT 2",
    ],
)
def test_clauses_in_their_order(sql: str) -> None:
    assert codes(sql) == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT offset + 1 AS x FROM (SELECT a AS offset FROM t)",
        "SELECT v.offset + 1 AS x FROM (SELECT a AS offset FROM t) AS v WHERE offset + 1 > 2",
        "SELECT a AS limit FROM t",
    ],
)
def test_columns_that_are_called_like_a_limit(sql: str) -> None:
    assert codes(sql) == []


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("(WITH c AS (SELECT 1 AS x) SELECT max(x) FROM c)", "scalarsubquery()"),
        ("(SELECT max(a) FROM u)", "scalarsubquery()"),
        ("((SELECT max(a) AS m FROM u)) + 1", "(scalarsubquery() + 1)"),
        ("EXISTS (SELECT 1 FROM u)", "exists()"),
        ("a IN (SELECT a FROM u)", "(a IN (listquery()))"),
    ],
)
def test_a_subquery_as_a_column_has_the_name_that_spark_gives_it(query: str, name: str) -> None:
    found = checked(f"SELECT a, {query} FROM t")
    assert found.ok
    assert [d.code for d in found.diagnostics] == []
    assert found.columns[1].name == name


@pytest.mark.parametrize(
    "query",
    ["(SELECT max(u.a) FROM u WHERE u.a = t.a)", "EXISTS (SELECT 1 FROM u WHERE u.a = t.a)"],
)
def test_a_subquery_that_looks_around_as_a_column_without_a_name_is_told(query: str) -> None:
    found = checked(f"SELECT a, {query} FROM t")
    assert found.ok
    assert "unnamed-column" in [d.code for d in found.diagnostics]
