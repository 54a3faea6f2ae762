"""What depends on an order that SQL does not promise is told; what does not is not."""

from __future__ import annotations

import pytest

from headwater.sql import Validation, validate

CATALOG = {
    "db": {
        "t": {"k": "int", "v": "double", "n": "decimal(10,2)", "id": "string", "ts": "timestamp"},
        "u": {"k": "int"},
    }
}
DAILY = "(SELECT date(ts) AS day, avg(v) AS v FROM t GROUP BY date(ts))"
WHOLE = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
SORTED = "(SELECT k, v, n, id FROM t ORDER BY id)"

DEPENDS = [
    "SELECT k FROM t LIMIT 2",
    "SELECT k FROM t LIMIT ALL OFFSET 2",
    "SELECT k, v FROM t ORDER BY k LIMIT 2",
    "SELECT k, v FROM t SORT BY k, v LIMIT 2",
    "(SELECT k FROM t) LIMIT 2",
    "SELECT k FROM t UNION SELECT k FROM u LIMIT 2",
    "SELECT k, count(*) AS n FROM t GROUP BY k ORDER BY n DESC LIMIT 3",
    "SELECT v FROM t WHERE k IN (SELECT k FROM u LIMIT 3)",
    "SELECT v FROM t WHERE EXISTS (SELECT k FROM u LIMIT 3 OFFSET 1)",
    "WITH c AS (SELECT k FROM u LIMIT 3) SELECT max(k) AS m FROM c",
    "SELECT (SELECT k FROM u LIMIT 1) AS x FROM t",
    "SELECT first(v) AS f FROM t",
    "SELECT k, last(v) AS f FROM t GROUP BY k",
    "SELECT first_value(v) AS f FROM t",
    "SELECT any_value(v) FILTER (WHERE k > 1) AS f FROM t",
    "SELECT collect_list(k) AS f FROM t",
    "SELECT array_agg(k) AS f FROM t",
    "SELECT collect_set(k) AS f FROM t",
    "SELECT array_sort(collect_list(k), (a, b) -> 0) AS f FROM t",
    "SELECT concat_ws(',', collect_list(id)) AS f FROM t",
    "SELECT listagg(id, ',') AS f FROM t",
    "SELECT listagg(id, ',') WITHIN GROUP (ORDER BY ts) AS f FROM t",
    "SELECT max_by(v, ts) AS f FROM t",
    "SELECT min_by(v, struct(ts, k)) AS f FROM t",
    "SELECT mode(v) AS f FROM t",
    "SELECT first(v) OVER (PARTITION BY k) AS f FROM t",
    "SELECT last_value(v) OVER (PARTITION BY k ORDER BY ts) AS f FROM t",
    "SELECT nth_value(v, 2) OVER w AS f FROM t WINDOW w AS (ORDER BY ts)",
    "SELECT id, v, row_number() OVER (PARTITION BY id ORDER BY ts) AS r FROM t",
    "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY id ORDER BY ts DESC) = 1",
    "SELECT lag(v) OVER (ORDER BY ts) AS p FROM t",
    "SELECT ntile(4) OVER (ORDER BY v) AS q, id FROM t",
    "SELECT sum(v) OVER (ORDER BY ts ROWS 3 PRECEDING) AS s FROM t",
    "SELECT collect_list(k) OVER (PARTITION BY id) AS s FROM t",
    f"SELECT sum(v) AS s FROM {SORTED}",
    f"SELECT k, avg(v) AS s FROM {SORTED} GROUP BY k",
    f"SELECT sum(v) OVER (PARTITION BY k) AS s FROM {SORTED}",
    f"WITH c AS {SORTED} SELECT avg(v) AS s FROM (SELECT v FROM c WHERE k > 1)",
]

DOES_NOT = [
    "SELECT k FROM t",
    "SELECT k FROM t LIMIT 0",
    "SELECT k, v FROM t ORDER BY v DESC, k LIMIT 2",
    "SELECT k, v FROM t ORDER BY 2, 1 LIMIT 2",
    "SELECT k AS x, v AS y FROM t ORDER BY y, k LIMIT 2",
    "SELECT k, 'a' AS a FROM t ORDER BY k LIMIT 2",
    "SELECT * FROM t ORDER BY ALL LIMIT 2",
    "SELECT max(k) AS m FROM t LIMIT 1",
    "SELECT 1 AS one LIMIT 1",
    "(SELECT k FROM t ORDER BY k) LIMIT 2",
    "(SELECT k FROM t) ORDER BY k LIMIT 2",
    "SELECT k FROM t UNION SELECT k FROM u ORDER BY k LIMIT 2",
    "SELECT DISTINCT k, v FROM t ORDER BY k, v LIMIT 2",
    "SELECT k, count(*) AS n FROM t GROUP BY k ORDER BY n DESC, k LIMIT 3",
    "SELECT * FROM (SELECT k, max(v) AS v, min(id) AS i FROM t GROUP BY k) ORDER BY k LIMIT 3",
    "SELECT * FROM (SELECT DISTINCT k, v FROM t) ORDER BY v, k LIMIT 3",
    "SELECT k, first(k) AS f FROM t GROUP BY k",
    "SELECT sort_array(collect_list(k)) AS f, size(collect_set(k)) AS n FROM t",
    "SELECT array_contains(array_agg(k), 1) AS f FROM t",
    "SELECT listagg(id, ',') WITHIN GROUP (ORDER BY id) AS f FROM t",
    "SELECT max_by(v, struct(ts, v)) AS f FROM t",
    "SELECT mode(v, true) AS f FROM t",
    "SELECT id, ts, row_number() OVER (PARTITION BY id ORDER BY ts) AS r FROM t",
    "SELECT rank() OVER (ORDER BY v) AS r, k FROM t",
    "SELECT first_value(ts) OVER (PARTITION BY k ORDER BY ts) AS f, v FROM t",
    "SELECT sum(v) OVER (ORDER BY ts) AS s FROM t",
    f"SELECT sum(v) OVER (ORDER BY ts {WHOLE}) AS s FROM t",
    f"SELECT day, avg(v) OVER (ORDER BY day ROWS 6 PRECEDING) AS m FROM {DAILY}",
    f"SELECT day, lag(v) OVER (ORDER BY day) AS m FROM {DAILY}",
    "SELECT sum(v) AS s FROM t",
    f"SELECT sum(n) AS s, max(v) AS m FROM {SORTED}",
]


def told(sql: str) -> list[str]:
    """Return what is said about the order of rows."""
    found = checked(sql)
    return [d.message for d in found.diagnostics if d.code == "non-reproducible"]


def checked(sql: str) -> Validation:
    found = validate(sql, catalog=CATALOG, database="db")
    assert found.ok, found.render()
    return found


@pytest.mark.parametrize("sql", DEPENDS)
def test_what_depends_on_an_order_is_told(sql: str) -> None:
    assert told(sql)


@pytest.mark.parametrize("sql", DOES_NOT)
def test_what_does_not_is_not(sql: str) -> None:
    assert told(sql) == []


@pytest.mark.parametrize(
    ("sql", "better"),
    [
        ("SELECT k, v FROM t ORDER BY k LIMIT 2", "SELECT k, v FROM t ORDER BY k, v LIMIT 2"),
        ("SELECT collect_list(k) AS f FROM t", "SELECT sort_array(collect_list(k)) AS f FROM t"),
        ("SELECT max_by(v, ts) AS f FROM t", "SELECT max_by(v, struct(ts, v)) AS f FROM t"),
        (
            "SELECT listagg(id) AS f FROM t",
            "SELECT listagg(id) WITHIN GROUP (ORDER BY id) AS f FROM t",
        ),
        ("SELECT first(v) AS f FROM t", "SELECT max_by(v, struct(ts, v)) AS f FROM t"),
        ("SELECT mode(v) AS f FROM t", "SELECT mode(v, true) AS f FROM t"),
    ],
)
def test_what_the_hint_says_helps(sql: str, better: str) -> None:
    assert told(sql)
    assert told(better) == []


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT sum(v) AS s FROM {SORTED}",
        f"SELECT k FROM {SORTED} LIMIT 2",
        f"SELECT k FROM t WHERE k IN (SELECT k FROM {SORTED} LIMIT 2)",
        f"WITH c AS {SORTED} SELECT max_by(v, k) AS m FROM c",
        f"SELECT k, row_number() OVER (PARTITION BY k ORDER BY v) AS r, n FROM {SORTED}",
        f"SELECT first(v) OVER (PARTITION BY k ORDER BY n) AS f FROM {SORTED}",
        "SELECT first(v) OVER (PARTITION BY k) AS f FROM t",
    ],
)
def test_the_embedded_engine_does_not_drop_an_order_that_counts(sql: str) -> None:
    assert not checked(sql).portable


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT avg(v) AS s FROM (SELECT v FROM t ORDER BY ts, v LIMIT 1000)",
        f"SELECT sum(n) AS s, count(*) AS c FROM {SORTED}",
        f"SELECT k FROM {SORTED} WHERE v > 1",
    ],
)
def test_an_order_that_does_not_count_is_no_obstacle(sql: str) -> None:
    assert checked(sql).portable
