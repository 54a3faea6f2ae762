"""A column that a query does not use is not asked for, whatever else is called as it is."""

from __future__ import annotations

import pytest

from headwater.engines.used_columns import Used, given_out, used_columns
from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

T, U = TableName("db", "t"), TableName("db", "u")
TYPES = {"id": "bigint", "at": "timestamp", "timestamp": "timestamp", "s": "struct<at:int>",
         "xs": "array<int>"}  # fmt: skip


def analysed(query: str) -> Analysis:
    columns = tuple(Column(n, parse_type(t)) for n, t in TYPES.items())
    analysis = bind(parse(query, database="db"), {n: Table(n, columns) for n in (T, U)})
    assert analysis.ok, analysis.diagnostics
    return analysis


def used(query: str) -> Used:
    return used_columns(analysed(query), T)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT id, at AS timestamp FROM t", {"id", "at"}),
        ("SELECT timestamp FROM (SELECT at AS timestamp FROM t)", {"at"}),
        ("SELECT id, at AS timestamp FROM (SELECT * FROM t) WHERE at > '2026-01-01'", {"id", "at"}),
        ("WITH timestamp AS (SELECT * FROM t) SELECT id FROM timestamp", {"id"}),
        ("SELECT timestamp.id FROM t AS timestamp", {"id"}),
        ("SELECT s.at FROM t", {"s"}),
        ("SELECT transform(xs, at -> at + 1) AS y FROM t", {"xs", "at"}),
        ("SELECT a.id FROM t AS a JOIN u AS b USING (at)", {"id", "at"}),
        ("SELECT x.id FROM (SELECT * FROM t) AS x JOIN u AS b USING (at)", {"id", "at"}),
        ("SELECT x.k FROM (SELECT * FROM t) AS x(k, a, b, c, d) JOIN u ON u.id = x.k", set(TYPES)),
        ("SELECT id FROM (SELECT DISTINCT * FROM t)", set(TYPES)),
        ("SELECT id FROM (SELECT * FROM t UNION SELECT * FROM t)", set(TYPES)),
        ("SELECT id FROM (SELECT * FROM t ORDER BY at LIMIT 1)", set(TYPES)),
        ("SELECT id AS k FROM t ORDER BY k, at", {"id", "at"}),
        ("SELECT * FROM t", set(TYPES)),
        ("SELECT count(*) AS n FROM t", set()),
        ("SELECT 1 AS n FROM u WHERE EXISTS (SELECT * FROM t WHERE t.id = u.id)", set(TYPES)),
        ("SELECT t.id FROM t NATURAL JOIN u", set(TYPES)),
        ("SELECT e FROM t LATERAL VIEW explode(xs) v AS e", {"xs"}),
        ("SELECT * EXCEPT (timestamp) FROM t", set(TYPES) - {"timestamp"}),
        ("SELECT id FROM t WHERE at IN (SELECT timestamp FROM u)", {"id", "at"}),
    ],
)  # fmt: skip
def test_what_a_query_uses(query: str, names: set[str]) -> None:
    found = used(query)
    assert found.needed & set(TYPES) == names
    assert found.needed <= found.named


def test_what_a_star_gives_out_is_known_also_where_nobody_takes_it() -> None:
    assert used("SELECT id FROM (SELECT * FROM t)").named >= set(TYPES)
    assert used("SELECT id, at AS timestamp FROM t").named & set(TYPES) == {"id", "at"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT * FROM t", set()),
        ("SELECT id, at AS k FROM t", set()),
        ("SELECT q.id AS k FROM (SELECT * FROM t) AS q WHERE q.at > '2026-01-01'", {"at"}),
        ("SELECT AT FROM t WHERE At > '2026-01-01'", {"at"}),
        ("SELECT k FROM (SELECT id AS k FROM t) WHERE k > 1", {"id"}),
        ("SELECT m FROM (SELECT k AS m FROM (SELECT id AS k FROM t)) WHERE m > 1", {"id"}),
        ("SELECT y FROM (SELECT s.at AS y FROM t) WHERE y > 1", {"s", "at"}),
        ("SELECT y FROM (SELECT id + 1 AS y FROM t) WHERE y > 1", {"id"}),
        ("SELECT t.id, u.at FROM t JOIN u ON t.id = u.id", {"id"}),
        ("SELECT a.at FROM t AS a JOIN u AS b USING (id)", {"id"}),
        ("WITH c AS (SELECT id, at FROM t) SELECT * FROM c WHERE at IS NULL", {"at"}),
        ("SELECT x FROM (SELECT id AS x, at FROM t) CROSS JOIN (SELECT s FROM u)", set()),
        # What follows looks at columns that it does not name.
        ("SELECT id FROM t ORDER BY 1 LIMIT 3", set(TYPES)),
        ("SELECT DISTINCT id FROM t", set(TYPES)),
        ("SELECT id FROM t GROUP BY ALL", set(TYPES)),
        ("SELECT id FROM t UNION ALL SELECT id FROM u", set(TYPES)),
        ("SELECT x.k FROM (SELECT * FROM t) AS x(k, a, b, c, d) WHERE x.k > 1", set(TYPES)),
        ("SELECT id FROM u WHERE id IN (SELECT id FROM t)", set(TYPES)),
        ("SELECT id FROM u WHERE id IN (SELECT * FROM (SELECT id FROM t))", set(TYPES)),
        ("SELECT id FROM u WHERE id > (SELECT max(id) FROM t)", set(TYPES)),
        ("SELECT u.id FROM u LEFT JOIN t ON EXISTS (SELECT id FROM t)", set(TYPES)),
        ("SELECT id FROM t NATURAL JOIN u", set(TYPES)),
    ],
)  # fmt: skip
def test_what_may_decide_which_rows_there_are(query: str, names: set[str]) -> None:
    found = used(query)
    assert found.tested & set(TYPES) == names & found.named
    assert found.tested <= found.named


@pytest.mark.parametrize(
    ("query", "columns", "tested"),
    [
        ("SELECT id, at AS b, s.at + 1 AS e FROM t WHERE id > 0", {0: "id", 1: "at"}, {0, 1}),
        ("SELECT id, xs AS b, timestamp FROM t WHERE id > 0",
            {0: "id", 1: "xs", 2: "timestamp"},
            {0}),
        ("SELECT xs, XS AS y FROM t", {0: "xs", 1: "xs"}, set()),
        ("SELECT id, s.at AS b, s FROM t", {0: "id", 2: "s"}, set()),
        ("SELECT c.at AS b FROM (SELECT s AS c FROM t)", {}, set()),
        ("SELECT b FROM (SELECT s.at AS b, id FROM t)", {}, set()),
        ("SELECT b FROM (SELECT xs AS b, id AS c FROM t) WHERE c = 1", {0: "xs"}, set()),
        ("SELECT b FROM (SELECT xs AS b, id AS c FROM t) WHERE size(b) = 1", {0: "xs"}, {0}),
        ("WITH q AS (SELECT * FROM t) SELECT id, xs FROM q WHERE at IS NULL",
            {0: "id", 1: "xs"}, set()),
        ("SELECT (id) AS a, CAST(xs AS ARRAY<INT>) AS b FROM t", {0: "id"}, {0}),
        ("SELECT id, xs FROM t ORDER BY id", {0: "id", 1: "xs"}, {0, 1}),
        ("SELECT DISTINCT id FROM t", {0: "id"}, {0}),
        ("SELECT id FROM t UNION ALL SELECT id FROM t", {}, set()),
        ("SELECT max(id) AS m FROM t", {}, set()),
        ("SELECT t.id, t.xs FROM t JOIN u ON t.at = u.at", {}, set()),
        ("SELECT id, e FROM t LATERAL VIEW explode(xs) v AS e", {}, set()),
        ("SELECT id, explode(xs) AS e FROM t", {}, set()),
        ("SELECT id AS a, a + 1 AS b, xs FROM t", {0: "id", 2: "xs"}, {0}),
        ("SELECT id, (SELECT max(id) FROM u) AS m FROM t", {0: "id"}, {0}),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id)", {0: "id"}, {0}),
    ],
)  # fmt: skip
def test_which_outputs_are_columns_and_which_of_them_are_looked_at(
    query: str, columns: dict[int, str], tested: set[int]
) -> None:
    found, uses = given_out(analysed(query), T), used(query)
    assert found == columns
    assert {place for place, column in found.items() if column in uses.tested} == tested
