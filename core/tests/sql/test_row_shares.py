"""Which tables may be read in shares: as verdicts, and tried on data that is cut anyhow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from random import Random

import duckdb
import hypothesis
import pytest
from core.tests.depth import examples
from core.tests.sql.pruning import DATA, Data, analysed, load, rows
from core.tests.sql.query_maker import Maker, queries
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from headwater.sql.pruning.row_shares import divisible

TRIES = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
THOROUGH = settings(TRIES, max_examples=examples(300))
CUTS = st.lists(st.integers(0, 2), min_size=16, max_size=16)
"""For each row the share that it is in."""


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
        yield connection


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("SELECT * FROM logs", ["logs"]),
        ("SELECT n + 1 AS m, upper(k) AS k FROM logs WHERE n > 1 AND k LIKE 'a%'", ["logs"]),
        ("SELECT q.id FROM (SELECT id, t FROM logs ORDER BY t) AS q WHERE q.t IS NULL", ["logs"]),
        ("WITH c AS (SELECT id FROM logs) SELECT id FROM c", ["logs"]),
        ("SELECT l.id, f.n FROM logs l JOIN facts f ON l.id = f.id", ["logs"]),
        ("SELECT l.id, f.n FROM logs l LEFT JOIN facts f USING (id)", ["logs"]),
        ("SELECT l.id FROM logs l SEMI JOIN facts f ON l.id = f.id", ["logs"]),
        ("SELECT l.id FROM logs l ANTI JOIN facts f ON l.id = f.id", ["logs"]),
        ("SELECT l.id FROM logs l, facts f", ["logs"]),
        (
            "SELECT id FROM logs LEFT JOIN (SELECT id, max(n) m FROM facts GROUP BY id) USING (id)",
            ["logs"],
        ),
        ("SELECT id FROM logs WHERE n IN (SELECT n FROM facts)", ["logs"]),
        ("SELECT id FROM logs WHERE t > (SELECT max(t) FROM facts)", ["logs"]),
        ("SELECT id, e FROM logs LATERAL VIEW explode(array(n, id)) v AS e", ["logs"]),
    ],
)
def test_what_is_done_row_by_row_may_be_cut(sql: str, tables: list[str]) -> None:
    assert [r.name.name for r in divisible(analysed(sql))] == tables


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM logs ORDER BY id",
        "(SELECT id FROM logs) ORDER BY id",
        "SELECT id FROM logs ORDER BY id LIMIT 3",
        "SELECT id FROM logs LIMIT 3",
        "(SELECT id FROM logs) LIMIT 3",
        "SELECT id FROM (SELECT id FROM logs ORDER BY id, t, k, n LIMIT 3) AS q",
        "SELECT DISTINCT id FROM logs",
        "SELECT count(*) AS n FROM logs",
        "SELECT id, max(n) AS n FROM logs GROUP BY id",
        "SELECT id FROM logs GROUP BY ALL",
        "SELECT max(n) AS n FROM logs HAVING count(*) > 1",
        "SELECT id, rank() OVER (ORDER BY id) AS n FROM logs",
        "SELECT id FROM logs QUALIFY rank() OVER (ORDER BY id) = 1",
        "SELECT id FROM logs UNION ALL SELECT id FROM facts",
        "SELECT id FROM logs EXCEPT SELECT id FROM facts",
        "SELECT q.id FROM (SELECT DISTINCT id FROM logs) AS q",
        "SELECT l.id FROM logs l RIGHT JOIN facts f ON l.id = f.id",
        "SELECT l.id FROM logs l FULL JOIN facts f ON l.id = f.id",
        "SELECT l.id FROM logs l JOIN facts f ON l.id = f.id RIGHT JOIN facts g ON l.id = g.id",
        "WITH c AS (SELECT id FROM logs) SELECT c.id FROM c JOIN c d ON c.id = d.id",
        "WITH c AS (SELECT id FROM logs) SELECT id FROM c WHERE id IN (SELECT id FROM c)",
        "SELECT id FROM logs TABLESAMPLE (50 PERCENT)",
        "SELECT * FROM (SELECT k, n FROM logs) PIVOT (max(n) FOR k IN ('a'))",
        "SELECT id, rand() AS r FROM logs",
        "SELECT id, uuid() AS r FROM logs",
        "SELECT id, monotonically_increasing_id() AS r FROM logs",
        "SELECT id, current_timestamp() AS r FROM logs",
        "SELECT id, current_date AS r FROM logs",
        "SELECT id, now() AS r FROM logs",
        # What it is joined to may be another at each share.
        "SELECT id FROM logs WHERE n > (SELECT avg(CAST(n AS DOUBLE)) FROM facts)",
        "SELECT l.id FROM logs l JOIN (SELECT id FROM facts LIMIT 1) AS f ON l.id = f.id",
        "SELECT l.id FROM logs l JOIN (SELECT id, first(k) k FROM facts GROUP BY id) f USING (id)",
        "SELECT l.id FROM logs l JOIN facts f ON l.id = f.id AND f.n > rand()",
        "SELECT id FROM (VALUES (1)) AS v(id)",
    ],
)
def test_what_looks_at_several_rows_may_not(sql: str) -> None:
    assert divisible(analysed(sql)) == ()


def shares_differ(
    engine: duckdb.DuckDBPyConnection, sql: str, data: Data, cuts: list[int], place: int
) -> bool:
    """Whether the rows over three shares of a table, put together, are not those over all."""
    load(engine, data)
    together: Counter[object] = Counter()
    for share in range(3):
        together += rows(engine, sql, data, {place: lambda i, _: cuts[i] == share})  # noqa: B023
    return together != rows(engine, sql, data, {})


def check_shares(engine: duckdb.DuckDBPyConnection, depth: int, chosen: st.DataObject) -> None:
    sql = chosen.draw(queries(depth))
    analysis = analysed(sql)
    if not (parted := divisible(analysis)):
        return
    data, cuts = chosen.draw(DATA), chosen.draw(CUTS)
    for reference in parted:
        place = analysis.parsed.references.index(reference)
        assert not shares_differ(engine, sql, data, cuts, place)


@pytest.mark.parametrize("depth", [0, 1, 2])
@TRIES
@given(chosen=st.data())
def test_shares_put_together_are_the_answer(
    engine: duckdb.DuckDBPyConnection, depth: int, chosen: st.DataObject
) -> None:
    check_shares(engine, depth, chosen)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [0, 1, 2])
@THOROUGH
@given(chosen=st.data())
def test_shares_of_hundreds_of_queries(
    engine: duckdb.DuckDBPyConnection, depth: int, chosen: st.DataObject
) -> None:
    check_shares(engine, depth, chosen)


def test_a_careless_cut_would_be_caught(engine: duckdb.DuckDBPyConnection) -> None:
    """The same property where every first table may be cut: it must fail, soon."""
    once = settings(max_examples=400, deadline=None, database=None, phases=[Phase.generate])
    strategy = st.tuples(queries(), DATA, CUTS)
    try:
        hypothesis.find(
            strategy, lambda x: shares_differ(engine, x[0], x[1], x[2], 0), settings=once
        )
    except NoSuchExample:
        pytest.fail("400 queries did not tell a careless cut from a careful one")


def test_the_queries_are_cut_often_enough_to_mean_something() -> None:
    made = [Maker(Random(seed)).query(depth=1) for seed in range(200)]
    assert sum(bool(divisible(analysed(sql))) for sql in made) > len(made) / 12
