"""The proofs of `commute` and `key_conditions`, tried on data: pruning loses and adds no row."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import hypothesis
import pytest
from core.tests.sql.pruning import DATA, TABLES, Data, Keep, Row, analysed, difference
from core.tests.sql.query_maker import queries
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from headwater.sql.commute import Reaches, reach
from headwater.sql.key_conditions import conditions, matches
from headwater.table import Partition

WINDOW = "t >= TIMESTAMP '2024-01-02' AND t < TIMESTAMP '2024-01-04'"
TRIES = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
THOROUGH = settings(TRIES, max_examples=10_000)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
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


def check_window(engine: duckdb.DuckDBPyConnection, sql: str, data: Data, spared: set[int]) -> None:
    assert difference(engine, sql, data, by_window(sql, spared), WINDOW) is None


def check_keys(engine: duckdb.DuckDBPyConnection, sql: str, data: Data) -> None:
    assert difference(engine, sql, data, by_keys(sql)) is None


@TRIES
@given(sql=queries(), data=DATA, spared=st.sets(st.integers(0, 7)))
def test_the_window_loses_and_adds_no_row(
    engine: duckdb.DuckDBPyConnection, sql: str, data: Data, spared: set[int]
) -> None:
    check_window(engine, sql, data, spared)


@TRIES
@given(sql=queries(), data=DATA)
def test_key_conditions_lose_and_add_no_row(
    engine: duckdb.DuckDBPyConnection, sql: str, data: Data
) -> None:
    check_keys(engine, sql, data)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@THOROUGH
@given(sql=queries(depth=3), data=DATA, spared=st.sets(st.integers(0, 7)))
def test_ten_thousand_queries(
    engine: duckdb.DuckDBPyConnection, sql: str, data: Data, spared: set[int]
) -> None:
    check_window(engine, sql, data, spared)
    check_keys(engine, sql, data)


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
    """Half of the queries must have a scan that is reached, and a third a key condition."""
    reached, keyed, total = [], [], []

    @settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate])
    @given(sql=queries())
    def count(sql: str) -> None:
        total.append(sql)
        if by_window(sql, set()):
            reached.append(sql)
        if by_keys(sql):
            keyed.append(sql)

    count()
    assert len(reached) > len(total) / 2
    assert len(keyed) > len(total) / 3
