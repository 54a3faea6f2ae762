"""The proofs of `commute` and `key_conditions`, tried on data: pruning loses and adds no row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import duckdb
import hypothesis
import pytest
from core.tests.depth import examples
from core.tests.sql.pruning import DATA, TABLES, Data, Keep, Row, analysed, difference
from core.tests.sql.query_maker import Maker, queries
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from headwater.sql.pruning.key_conditions import conditions, matches
from headwater.sql.pruning.scan_requests import request
from headwater.sql.pruning.windows import Reaches, reach
from headwater.tables.scan_request import Condition
from headwater.tables.table import Partition

WINDOW = "t >= TIMESTAMP '2024-01-02' AND t < TIMESTAMP '2024-01-04'"
TRIES = settings(
    max_examples=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
THOROUGH = settings(TRIES, max_examples=examples(400))


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        # As the embedded engine does for a LIMIT: DuckDB 1.5 filters rows before it takes them.
        connection.execute("SET disabled_optimizers = 'join_filter_pushdown'")
        yield connection


def wanted(row: Row) -> bool:
    return row[0] is not None and "2024-01-02" <= row[0] < "2024-01-04"


def by_window(sql: str, spared: set[int]) -> dict[int, Keep]:
    """Prune as `reach` says; rows of the indices `spared` stay, for partitions are coarse."""
    return {
        index: lambda i, row: wanted(row) or i in spared
        for index, verdict in reach(analysed(sql), "t").items()
        if isinstance(verdict, Reaches)
    }


def by_keys(sql: str) -> dict[int, Keep]:
    """Prune as `conditions` say; here every row is a partition of its own."""
    analysis = analysed(sql)
    keeps: dict[int, Keep] = {}
    for index, reference in enumerate(analysis.parsed.references):
        table, found = TABLES[reference.name], conditions(analysis, reference)

        def keep(_: int, row: Row, table=table, found=found) -> bool:  # type: ignore[no-untyped-def]
            partition = Partition((str(row[1]), row[2], str(row[3])), "")
            return all(matches(c, table, partition) for c in found)

        if found:
            keeps[index] = keep
    return keeps


def by_requests(sql: str) -> dict[int, Keep]:
    """Leave out what a source may leave out that is asked for the rows of a table."""
    analysis = analysed(sql)
    keeps: dict[int, Keep] = {}
    for index, reference in enumerate(analysis.parsed.references):
        asked = request(analysis, reference, ("t", "id", "k", "n"))

        def keep(_: int, row: Row, conditions=asked.conditions) -> bool:  # type: ignore[no-untyped-def]
            time = None if row[0] is None else datetime.fromisoformat(row[0]).replace(tzinfo=UTC)
            values = {"t": time, "id": row[1], "k": row[2], "n": row[3]}
            return all(meets(values[c.column], c) for c in conditions)

        if asked.conditions:
            keeps[index] = keep
    return keeps


def meets(value: Any, condition: Condition) -> bool:
    """Return whether a value meets a condition, as a source would decide it."""
    _, null, operator = condition.operator.rpartition("null or ")
    if value is None:
        return bool(null)
    if operator == "in":
        return value in condition.values
    met: bool = value >= condition.value
    return met if operator == ">=" else not met


IN_WINDOW = WINDOW.replace("t ", "q.t ")
AROUND = st.sampled_from(["", IN_WINDOW, f"(q.t IS NULL OR ({IN_WINDOW}))"])
"""What a plan puts around a query: nothing, a window, or one that takes labels without a time."""


def check_requests(engine: duckdb.DuckDBPyConnection, sql: str, data: Data, around: str) -> None:
    """Ask for the rows of a query, as it is or within a window around it."""
    read = f"SELECT * FROM (\n{sql}\n) AS q WHERE {around}" if around else sql
    assert difference(engine, read, data, by_requests(read)) is None


def check_window(engine: duckdb.DuckDBPyConnection, sql: str, data: Data, spared: set[int]) -> None:
    assert difference(engine, sql, data, by_window(sql, spared), WINDOW) is None


def check_keys(engine: duckdb.DuckDBPyConnection, sql: str, data: Data) -> None:
    assert difference(engine, sql, data, by_keys(sql)) is None


@pytest.mark.parametrize("depth", [0, 1, 2])
@TRIES
@given(chosen=st.data())
def test_the_window_loses_and_adds_no_row(
    engine: duckdb.DuckDBPyConnection, depth: int, chosen: st.DataObject
) -> None:
    sql, data = chosen.draw(queries(depth)), chosen.draw(DATA)
    check_window(engine, sql, data, chosen.draw(st.sets(st.integers(0, 15))))


@pytest.mark.parametrize("depth", [0, 1, 2])
@TRIES
@given(chosen=st.data())
def test_key_conditions_lose_and_add_no_row(
    engine: duckdb.DuckDBPyConnection, depth: int, chosen: st.DataObject
) -> None:
    check_keys(engine, chosen.draw(queries(depth)), chosen.draw(DATA))


@settings(TRIES)
@given(chosen=st.data())
def test_what_a_source_may_leave_out_loses_and_adds_no_row(
    engine: duckdb.DuckDBPyConnection, chosen: st.DataObject
) -> None:
    sql, data = chosen.draw(queries(1)), chosen.draw(DATA)
    check_requests(engine, sql, data, chosen.draw(AROUND))


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@THOROUGH
@given(chosen=st.data())
def test_hundreds_of_queries(
    engine: duckdb.DuckDBPyConnection, depth: int, chosen: st.DataObject
) -> None:
    sql, data = chosen.draw(queries(depth)), chosen.draw(DATA)
    check_window(engine, sql, data, chosen.draw(st.sets(st.integers(0, 15))))
    check_keys(engine, sql, data)
    check_requests(engine, sql, data, chosen.draw(AROUND))


def test_an_unsound_pruner_would_be_caught(engine: duckdb.DuckDBPyConnection) -> None:
    """The same property with a pruner that says yes to everything: it must fail, soon."""

    def careless(case: tuple[str, Data]) -> bool:
        sql, data = case
        everywhere: dict[int, Keep] = {
            i: lambda _, row: wanted(row) for i in range(len(analysed(sql).parsed.references))
        }
        return difference(engine, sql, data, everywhere, WINDOW) is not None

    once = settings(max_examples=400, deadline=None, database=None, phases=[Phase.generate])
    try:
        sql, data = hypothesis.find(st.tuples(queries(), DATA), careless, settings=once)
    except NoSuchExample:
        pytest.fail("400 queries did not tell a careless pruner from a careful one")
    check_window(engine, sql, data, set())


def test_the_queries_prune_often_enough_to_mean_something() -> None:
    tries = 150
    reached = keyed = asked = 0
    for seed in range(tries):
        sql = Maker(Random(seed)).query(depth=1)
        reached += bool(by_window(sql, set()))
        keyed += bool(by_keys(sql))
        asked += bool(by_requests(sql))
    assert reached > tries / 3
    assert keyed > tries / 4
    assert asked > tries / 4
