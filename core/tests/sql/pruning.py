"""Running a query on whole tables and on pruned ones, on DuckDB, to compare what comes out.

Both sides run on one engine, so that its dialect does not matter, only whether rows are missed.
"""

from __future__ import annotations

import functools
import random
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import duckdb
from hypothesis import strategies as st

from headwater import types as t
from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.sql.rewriting import Edit, apply
from headwater.tables.table import Column, Table, TableName

Row: TypeAlias = "tuple[str | None, int, str, int]"
Data: TypeAlias = "dict[str, list[Row]]"
Keep: TypeAlias = "Callable[[int, Row], bool]"  # by the row's index, and the row

COLUMNS: Final = (
    Column("t", t.TIMESTAMP),
    Column("id", t.INT),
    Column("k", t.STRING),
    Column("n", t.INT),
)
TABLES: Final = {
    TableName("db", name): Table(TableName("db", name), COLUMNS, ("id", "k", "n"))
    for name in ("logs", "facts")
}
TIMES: Final = (None, *(f"2024-01-0{day}" for day in (1, 2, 2, 3, 3, 4, 5)))


def _rows(chance: random.Random) -> list[Row]:
    return [
        (chance.choice(TIMES), chance.randint(1, 3), chance.choice("ab"), chance.randint(0, 2))
        for _ in range(chance.choice((1, 8, 12, 16)))
    ]


def _data(chance: random.Random) -> Data:
    return {"logs": _rows(chance), "facts": _rows(chance)}


DATA: Final = st.randoms(use_true_random=True).map(_data)
"""Rows by chance: drawn one by one they come out too plain to show what a query mixes up."""


@functools.lru_cache(maxsize=16)
def analysed(sql: str) -> Analysis:
    """Return the analysis of a query that has no errors."""
    analysis = bind(parse(sql, database="db"), TABLES)
    assert analysis.ok, "\n".join(d.render() for d in analysis.diagnostics)
    return analysis


def difference(
    engine: duckdb.DuckDBPyConnection,
    sql: str,
    data: Data,
    keeps: dict[int, Keep],
    where: str = "true",
) -> tuple[Counter[Any], Counter[Any]] | None:
    """Return the rows that pruning loses and those that it adds, or None where it does neither.

    Args:
        engine: DuckDB.
        sql: The query.
        data: The rows of each table.
        keeps: Which rows stay, for each table reference that is pruned.
        where: Which rows of the result count.
    """
    if not keeps:
        return None
    load(engine, data)
    whole, pruned = (rows(engine, sql, data, k, where) for k in ({}, keeps))
    return None if whole == pruned else (whole - pruned, pruned - whole)


def load(engine: duckdb.DuckDBPyConnection, data: Data) -> None:
    """Make the tables that `rows` asks, whole."""
    for name, whole in data.items():
        _load(engine, name, whole)


def rows(
    engine: duckdb.DuckDBPyConnection,
    sql: str,
    data: Data,
    keeps: dict[int, Keep],
    where: str = "true",
) -> Counter[Any]:
    """Return the rows that a query gives where some of its loaded tables hold fewer."""
    references = analysed(sql).parsed.references
    edits = []
    for index, keep in keeps.items():
        kept = [r for i, r in enumerate(data[references[index].name.name]) if keep(i, r)]
        _load(engine, f"pruned{index}", kept)
        edits.append(Edit.replace(references[index].span, f"pruned{index}"))
    text = apply(sql, edits)
    query = f"SELECT * FROM ({text}) AS q WHERE {where}"
    try:
        return Counter(engine.execute(query).fetchall())
    except duckdb.InternalException:
        # One query in many thousands fails an assertion within DuckDB's optimizer, and says so:
        # what pruning loses is asked without it.
        engine.execute("PRAGMA disable_optimizer")
        try:
            return Counter(engine.execute(query).fetchall())
        finally:
            engine.execute("PRAGMA enable_optimizer")


def _load(engine: duckdb.DuckDBPyConnection, name: str, rows: list[Row]) -> None:
    engine.execute(f"CREATE OR REPLACE TEMP TABLE {name} (t TIMESTAMP, id INT, k TEXT, n INT)")
    if rows:
        values = ", ".join(f"({_literal(time)}, {id_}, '{k}', {n})" for time, id_, k, n in rows)
        engine.execute(f"INSERT INTO {name} VALUES {values}")


def _literal(time: str | None) -> str:
    return "NULL" if time is None else f"TIMESTAMP '{time}'"
