"""The proof of `commute`, tried on data: pruned and unpruned reads give the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb
import hypothesis
import pytest
from core.tests.sql.query_maker import queries
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from headwater import types as t
from headwater.sql.analysis import Analysis
from headwater.sql.commute import Reach, Reaches, reach
from headwater.sql.parse import parse
from headwater.sql.resolve import resolve
from headwater.sql.rewriting import Edit, apply
from headwater.table import Column, Table, TableName

COLUMNS = (
    Column("t", t.TIMESTAMP),
    Column("id", t.INT),
    Column("k", t.STRING),
    Column("n", t.INT),
)
TABLES = {
    TableName("db", name): Table(TableName("db", name), COLUMNS) for name in ("logs", "facts")
}
WINDOW = "t >= TIMESTAMP '2024-01-02' AND t < TIMESTAMP '2024-01-04'"
TIMES = (None, *(f"2024-01-0{day}" for day in range(1, 6)))

Row = tuple[Any, ...]
Verdicts = Callable[[Analysis], Mapping[int, Reach]]


def _rows() -> st.SearchStrategy[list[Row]]:
    row = st.tuples(
        st.sampled_from(TIMES), st.integers(1, 3), st.sampled_from("ab"), st.integers(0, 2)
    )
    return st.lists(row, min_size=2, max_size=8)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        yield connection


def _analysed(sql: str) -> Analysis:
    analysis = resolve(parse(sql, database="db"), TABLES)
    assert analysis.ok, [d.render() for d in analysis.diagnostics]
    return analysis


def _literal(time: str | None) -> str:
    return "NULL" if time is None else f"TIMESTAMP '{time}'"


def _load(engine: duckdb.DuckDBPyConnection, name: str, rows: list[Row]) -> None:
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} (t TIMESTAMP, id INT, k TEXT, n INT)")
    if rows:
        values = ", ".join(f"({_literal(time)}, {id_}, '{k}', {n})" for time, id_, k, n in rows)
        engine.execute(f"INSERT INTO {name} VALUES {values}")


def _inside(engine: duckdb.DuckDBPyConnection, sql: str) -> Counter[Row]:
    return Counter(engine.execute(f"SELECT * FROM ({sql}) AS q WHERE {WINDOW}").fetchall())


def _wanted(row: Row) -> bool:
    return row[0] is not None and "2024-01-02" <= row[0] < "2024-01-04"


def _difference(
    engine: duckdb.DuckDBPyConnection,
    sql: str,
    data: dict[str, list[Row]],
    spared: set[int],
    verdicts: Verdicts,
) -> tuple[Counter[Row], Counter[Row]] | None:
    """Return the rows that pruning loses and adds, or None where it does neither.

    Args:
        sql: The query.
        data: The rows of each table.
        spared: Rows outside the window that stay all the same, by index: partitions are coarse.
        verdicts: What may be pruned.
    """
    analysis = _analysed(sql)
    found = verdicts(analysis)
    edits = []
    for name, rows in data.items():
        _load(engine, name, rows)
    for index, reference in enumerate(analysis.parsed.references):
        if isinstance(found[index], Reaches):
            rows = data[reference.name.name]
            kept = [r for i, r in enumerate(rows) if _wanted(r) or i in spared]
            _load(engine, f"pruned{index}", kept)
            edits.append(Edit.replace(reference.span, f"pruned{index}"))
    if not edits:
        return None
    whole, pruned = _inside(engine, sql), _inside(engine, apply(sql, edits))
    return None if whole == pruned else (whole - pruned, pruned - whole)


DATA = st.fixed_dictionaries({"logs": _rows(), "facts": _rows()})


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sql=queries(), data=DATA, spared=st.sets(st.integers(0, 7)))
def test_pruning_neither_loses_nor_adds_a_row(
    engine: duckdb.DuckDBPyConnection, sql: str, data: dict[str, list[Row]], spared: set[int]
) -> None:
    assert _difference(engine, sql, data, spared, lambda a: reach(a, "t")) is None


def test_an_unsound_pruner_would_be_caught(engine: duckdb.DuckDBPyConnection) -> None:
    """The same property with a pruner that says yes to everything: it must fail, soon."""

    def careless(analysis: Analysis) -> Mapping[int, Reach]:
        return {i: Reaches("t") for i in range(len(analysis.parsed.references))}

    case = st.tuples(queries(), DATA)
    try:
        sql, data = hypothesis.find(
            case,
            lambda c: _difference(engine, c[0], c[1], set(), careless) is not None,
            settings=settings(
                max_examples=400, deadline=None, database=None, phases=[Phase.generate]
            ),
        )
    except NoSuchExample:
        pytest.fail("400 queries did not tell a careless pruner from a careful one")
    assert _difference(engine, sql, data, set(), lambda a: reach(a, "t")) is None
