"""The tables of the fixtures, and a query resolved against them."""

from __future__ import annotations

import json
from functools import cache
from typing import Final

from core.tests.sql.cases import FIXTURES

from headwater.sql.analysis import Analysis
from headwater.sql.binding.binder import bind
from headwater.sql.parser import parse
from headwater.tables.table import Column, Table, TableName
from headwater.types.text import parse_type

DATABASE: Final = "lake"


@cache
def catalog() -> dict[str, dict[str, dict[str, str]]]:
    """Return tables.json: database, table, column, type."""
    return json.loads((FIXTURES / "tables.json").read_text(encoding="utf-8"))


@cache
def tables() -> dict[TableName, Table]:
    """Return the same as a resolver needs it."""
    found = {}
    for name, columns in catalog()[DATABASE].items():
        table = TableName(DATABASE, name)
        found[table] = Table(table, tuple(Column(c, parse_type(t)) for c, t in columns.items()))
    return found


def analysed(sql: str) -> Analysis:
    """Return a query, resolved against all tables of the fixtures."""
    return bind(parse(sql, database=DATABASE), tables())
