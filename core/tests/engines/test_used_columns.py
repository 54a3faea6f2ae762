"""A column that a query does not use is not asked for, whatever else is called as it is."""

from __future__ import annotations

import pytest

from headwater.engines.used_columns import Used, used_columns
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

T, U = TableName("db", "t"), TableName("db", "u")
TYPES = {"id": "bigint", "at": "timestamp", "timestamp": "timestamp", "s": "struct<at:int>",
         "xs": "array<int>"}  # fmt: skip


def used(query: str) -> Used:
    columns = tuple(Column(n, parse_type(t)) for n, t in TYPES.items())
    analysis = bind(parse(query, database="db"), {n: Table(n, columns) for n in (T, U)})
    assert analysis.ok, analysis.diagnostics
    return used_columns(analysis, T)


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
